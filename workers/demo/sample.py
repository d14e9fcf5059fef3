"""The sample orders: what outside systems would publish to `orders.submitted` on one day, good and bad, well mixed.

The same day gives the same orders. Cases that could hinder each other, such as two orders for one credit limit, have
customers and products of their own, so that what becomes of the 400 does not depend on who works faster.
`deploy/sample_company/README.md` says what is expected.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

from workers.demo import malformed
from workers.demo.company import Company, Document, Item, company, dated, document, goods, total

SAMPLE_SIZE = 400
"""How many orders the mix is laid out for, and what the table of expected outcomes is about."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One order to be written: the `serial` of all, the `nth` of its kind, after `earlier` everyday orders."""

    company: Company
    today: date
    serial: int
    nth: int
    earlier: Sequence[Document]
    random: Random


Writer = Callable[[Slot], Document | bytes]


@dataclass(frozen=True, slots=True)
class Kind:
    """So many orders of 400 that are alike in what becomes of them."""

    name: str
    count: int
    write: Writer


def sample_orders(today: date, count: int = SAMPLE_SIZE, definition: str | None = None) -> list[bytes]:
    """So many submissions, in the order in which they are published. Requested dates count from `today` on.

    More than 400 repeat the mix, fewer are its beginning; 100 are enough to meet every kind but one. `definition` is
    the process that they ask for by name; None leaves it to their sale types.
    """
    mix = _mix()
    submissions: list[bytes] = []
    earlier: list[Document] = []
    for place in range(count):
        cycle, slot = divmod(place, len(mix))
        kind, nth = mix[slot]
        written = kind.write(
            Slot(company(today), today, place + 1, cycle * kind.count + nth, earlier, Random(f"order {place}"))
        )
        if isinstance(written, bytes):
            submissions.append(written)
            continue
        if definition is not None:
            written = dated(written | {"definition": definition})
        if kind.name == "everyday":
            earlier.append(written)
        submissions.append(_published(written))
    return submissions


def _mix() -> list[tuple[Kind, int]]:
    """Every kind spread evenly over the whole, each beginning at another place, so that any stretch is mixed."""
    places = []
    for index, kind in enumerate(KINDS):
        begin = 0.05 + 0.5 * (index * 0.618 % 1)
        places += [((nth + begin) / kind.count, index, nth) for nth in range(kind.count)]
    return [(KINDS[index], nth) for _, index, nth in sorted(places)]


def _published(order: Document) -> bytes:
    return json.dumps(order, ensure_ascii=False, separators=(",", ":")).encode()


# -- well-formed orders ------------------------------------------------------------------------------------------------

SOON, LATER = (12, 31), (45, 74)
"""Requested in how many days: enough for every carrier at home; enough for every carrier abroad."""


@dataclass(frozen=True, slots=True)
class Case:
    """A writer of orders: customers in turn (of those at home any), everyday goods for an amount between two in whole
    units of the currency, and what is special.
    """

    customers: Sequence[str]
    worth: tuple[int, int] = (400, 42_000)
    days: tuple[int, int] = SOON
    special: Callable[[Slot], Sequence[Item]] | None = None
    terms: str = "net_30"
    method: str = "wire"
    currency: str = "CNY"
    fields: dict[str, Any] = field(default_factory=dict)

    def __call__(self, slot: Slot) -> Document:
        worth = slot.random.randint(*self.worth)
        items = [*(self.special(slot) if self.special else ()), *goods(slot.company, self.currency, worth, slot.random)]
        return document(
            slot.company,
            slot.today,
            slot.serial,
            slot.random.choice(HOME) if self.customers is HOME else self.customers[slot.nth % len(self.customers)],
            items,
            slot.random.randint(*self.days),
            payment={"method": self.method, "terms": self.terms},
            currency=self.currency,
            **self.fields,
        )


def _everyday(slot: Slot) -> Document:
    """Home customers on credit, within everything."""
    methods = ("wire", "online", "acceptance", "wire", "cash")
    return Case(HOME, method=methods[slot.serial % 5], terms=("net_30", "net_60")[slot.serial % 2])(slot)


def _abroad(slot: Slot) -> Document:
    """Foreign customers in their currencies; one of them owes in another than it orders in."""
    customer, currency = ABROAD[slot.nth % len(ABROAD)]
    return Case((customer,), (300, 9_000), LATER, currency=currency, method="online")(slot)


def _products(codes: Callable[[Company], Sequence[str]], quantity: int = 2) -> Callable[[Slot], Sequence[Item]]:
    """One line of one of these products, in turn."""

    def special(slot: Slot) -> Sequence[Item]:
        products = codes(slot.company)
        return (Item(products[slot.nth % len(products)], quantity),)

    return special


def _short(first: int, count: int) -> Callable[[Slot], Sequence[Item]]:
    """Products that are not in stock, each for one order of the 400 only."""
    return _products(lambda company: company.short[first : first + count], quantity=3)


def _priced(factor: str, discount_percent: str = "0") -> Callable[[Slot], Sequence[Item]]:
    """An everyday product at another price than the list's, or with a discount."""

    def special(slot: Slot) -> Sequence[Item]:
        listed = slot.company.prices["CNY"]
        dear = [code for code in slot.company.everyday if listed[code] > 100]
        product = dear[slot.serial % len(dear)]
        price = (listed[product] * Decimal(factor)).quantize(Decimal("0.01"))
        return (Item(product, 4, price, Decimal(discount_percent)),)

    return special


def _not_listed(slot: Slot) -> Sequence[Item]:
    """A product that has no price in dollars, at a price of the salesperson's own."""
    missing = [code for code in slot.company.everyday if code not in slot.company.prices["USD"]]
    return (Item(missing[slot.nth % len(missing)], 5, Decimal("12.50")),)


HOME = tuple(f"C{number:03}" for number in range(1, 19))
BRANCHES = ("C019", "C020")
ABROAD = (("C021", "USD"), ("C022", "EUR"), ("C023", "USD"), ("C024", "USD"), ("C025", "USD"), ("C026", "USD"))
ON_HOLD = ("C039", "C040")
SLIGHTLY_OVER = ("C042", "C043", "C044")
OVERDUE = ("C046", "C047")
LARGE = ("C050", "C051", "C052", "C053")
HUGE = ("C054", "C055", "C056")
BLACKLISTED = ("C058", "C059")
NO_INVOICE_DATA = ("C064", "C065")

# -- copies and faults -------------------------------------------------------------------------------------------------


def _repeated(slot: Slot) -> bytes:
    """An order sent again: the same content, written in another way."""
    return json.dumps(dict(reversed(slot.earlier[-1].items())), ensure_ascii=True, indent=1).encode()


def _conflicting(slot: Slot) -> Document:
    """Another order under the name of an earlier one."""
    lines = [{**line, "quantity": line["quantity"] + 1} for line in slot.earlier[-1]["lines"]]
    return slot.earlier[-1] | {"lines": lines, "total": total(lines, slot.earlier[-1]["currency"])}


def _number_taken(slot: Slot) -> Document:
    """A new order under a number that its customer has given to an earlier one."""
    first = slot.earlier[-1]
    number = first["customer_order_number"]
    return Case((first["customer"]["code"],), fields={"customer_order_number": number})(slot)


def _faulty(break_it: malformed.Breaker, slot: Slot) -> bytes:
    return break_it(_everyday(slot), slot.today)


# -- the mix -----------------------------------------------------------------------------------------------------------

KINDS: tuple[Kind, ...] = (
    Kind("everyday", 173, _everyday),
    Kind("abroad", 24, _abroad),
    Kind("internal", 8, Case(BRANCHES, terms="net_120")),
    # the first check
    Kind("on_hold", 3, Case(ON_HOLD)),
    Kind("on_hold_prepaid", 3, Case(ON_HOLD, terms="prepaid")),
    Kind("exposed", 3, Case(("C041",))),
    Kind("wrong_sale_type", 3, Case(HOME, fields={"sale_type": "internal"})),
    Kind(
        "delivered_abroad",
        3,
        Case(HOME, fields={"delivery": {"address": "香港九龙弥敦道500号", "country": "HK", "region": ""}}),
    ),
    Kind("inactive", 3, Case(HOME, special=_products(lambda company: company.inactive))),
    Kind("not_deliverable", 3, Case(("C022",), (300, 3_000), LATER, _products(lambda _: ("P113",)), currency="USD")),
    Kind("not_listed", 3, Case(("C021", "C025"), (300, 4_000), LATER, _not_listed, currency="USD")),
    Kind("priced_below", 3, Case(HOME, special=_priced("0.90"))),
    Kind("priced_above", 3, Case(HOME, special=_priced("1.08"))),
    # finance
    Kind("small_discount", 4, Case(HOME, special=_priced("1", "5"))),
    Kind("large_discount", 3, Case(HOME, special=_priced("1", "12"))),
    Kind("wrong_method", 3, Case(BRANCHES, terms="net_120", method="cash")),
    Kind("wrong_terms", 3, Case(("C001", "C002", "C004"), terms="net_90")),
    Kind("slightly_over", 3, Case(SLIGHTLY_OVER, (22_000, 23_500))),
    Kind("far_over", 3, Case(("C045",), (9_000, 30_000))),
    Kind("overdue", 3, Case(OVERDUE, (4_000, 30_000))),
    Kind("overdue_small", 3, Case(OVERDUE, (400, 1_900))),
    Kind("no_rate", 3, Case(("C048",), (300, 4_000), LATER, currency="USD", method="online")),
    Kind("near_limit", 3, Case(("C049",), (500, 15_000))),
    Kind("large_new", 4, Case(LARGE, (105_000, 450_000))),
    Kind("huge", 3, Case(HUGE, (520_000, 900_000), terms="net_60")),
    Kind("too_huge", 1, Case(("C057",), (2_000_000, 2_200_000), terms="net_60")),
    Kind("special", 3, Case(HOME, fields={"special_requirements": "包装箱加贴客户标签，随货附中英文合格证"})),
    Kind("exclusive", 3, Case(HOME, fields={"special_requirements": "要求华东地区独家供货 exclusive supply"})),
    # compliance
    Kind("restricted_product", 3, Case(HOME, special=_products(lambda company: company.restricted["product"], 1))),
    Kind("restricted_category", 3, Case(HOME, special=_products(lambda company: company.restricted["category"]))),
    Kind("restricted_country", 3, Case(("C060",), (300, 4_000), LATER, terms="prepaid", currency="USD")),
    Kind("restricted_region", 3, Case(("C061",))),
    Kind("restricted_party", 4, Case(BLACKLISTED, (300, 4_000), LATER, currency="USD")),
    # warehouse
    Kind("short", 6, Case(HOME, special=_short(0, 6))),
    Kind("short_cancelled", 3, Case(("C038",), special=_short(6, 3))),
    Kind("inspected", 4, Case(HOME, special=_products(lambda company: company.inspected, 6))),
    # logistics
    Kind("a_little_late", 3, Case(("C063",), days=(10, 12))),
    Kind("far_too_late", 3, Case(("C063",), days=(4, 5))),
    Kind("not_served", 3, Case(("C062",), (300, 4_000), LATER, currency="USD")),
    # money and delivery
    Kind("prepaid", 9, Case(HOME, terms="prepaid", method="online")),
    Kind("prepaid_cancelled", 3, Case(("C037",), terms="prepaid", method="online")),
    Kind("no_invoice_data", 3, Case(NO_INVOICE_DATA)),
    Kind("no_account", 3, Case(("C066",), (400, 6_000), terms="prepaid", method="cash")),
    Kind("pays_in_parts", 3, Case(("C027",))),
    Kind("paid_twice_over", 3, Case(("C028",))),
    Kind("pays_wrong_currency", 3, Case(("C029",))),
    Kind("pays_wrong_number", 3, Case(("C030",))),
    Kind("pays_nothing_first", 3, Case(("C031",))),
    Kind("reference_again", 3, Case(("C032",), terms="prepaid")),
    Kind("off_the_scale", 3, Case(("C033",))),
    Kind("answers_twice", 3, Case(("C034",))),
    Kind("wrong_tracking", 3, Case(("C035",))),
    Kind("cancelled_too_late", 3, Case(("C036",))),
    # what is not taken
    Kind("repeated", 4, _repeated),
    Kind("conflicting", 3, _conflicting),
    Kind("number_taken", 3, _number_taken),
    *(Kind(name, 3, partial(_faulty, break_it)) for name, break_it in malformed.BREAKERS.items()),
)
"""The mix; the counts come to 400."""
