"""The first check of an order (初审), pure: the order against the customer record, the price list and the policy.

Every failed rule is listed, not only the first (SAL-01); a rule about lines names the product and the line numbers.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from messages.orders import Line, Order, SaleType
from shared.department import Finding, Outcome, Passed, Referred, Unworkable, Visit, finding
from shared.money import MoneyError, convert
from workers.sales_review.strategy_rules import Good, Restriction, restricted

REFER, NOTE = "refer", "note"
"""What a shortage does (step option `shortage`): it goes to a person, or it is only noted in the basis."""


@dataclass(frozen=True, slots=True)
class Credit:
    """The customer's account as finance shows it, amounts in the account's `currency`: finance itself decides."""

    currency: str
    limit_minor: int
    exposure_minor: int
    on_hold_reason: str | None


@dataclass(frozen=True, slots=True)
class Customer:
    """The customer record (客户档案). `credit` is None where finance keeps no account."""

    sale_type: str
    country: str
    credit: Credit | None


@dataclass(frozen=True, slots=True)
class Product:
    """A product on one day in one currency. `countries` None: goes everywhere; `price_minor` None: not on the list."""

    active: bool
    countries: Collection[str] | None
    price_minor: int | None
    available: int


def check(
    visit: Visit,
    day: date,
    customer: Customer | None,
    products: Mapping[str, Product],
    *,
    shortage: str | None = None,
    restrictions: Sequence[Restriction] = (),
    goods: Mapping[str, Good] | None = None,
    agreed: Mapping[str, int] | None = None,
) -> Outcome:
    """First check (初审, SAL-01, 03–06) with the records and the price list of `day`, the business day of the visit.

    That the document is complete in itself (订单完整性) was seen to at entry; here it must fit the records of today.
    `restrictions` of compliance and `goods`: for a preliminary look. `agreed`: prices of the accepted quotation.

    Agreeing means to let the order go on as it is: a record that is missing is then made before the goods leave.
    Raises `Unworkable` where the step's options make no sense.
    """
    order, agreed = visit.order, agreed or {}
    lines = _by_product(order.lines)
    short = _shortages(lines, products)
    findings = [*_policy(visit, customer), *_credit(visit, customer)]
    if customer is None:
        findings.append(finding("customer.unknown", order.customer.code))
    for code, of_product in lines.items():
        findings += _product(order, day, code, of_product, products.get(code), agreed.get(code))
    findings += restricted(order, restrictions, goods or {})
    basis: dict[str, Any] = {
        "price_list": day.isoformat(),
        "available": {code: products[code].available for code in lines if code in products},
    }
    if agreed:
        basis["quotation"] = str(order.quotation)
    if restrictions:
        basis["restrictions_checked"] = len(restrictions)
    if short and (shortage or on_shortage(visit)) == REFER:
        findings += [finding("availability.short", code, **short[code]) for code in short]
    elif short:
        basis["short"] = short
    return Referred(tuple(findings), basis=basis) if findings else Passed(basis=basis)


def second_check(
    visit: Visit, day: date, customer: Customer | None, products: Mapping[str, Product], agreed: Mapping[str, int]
) -> Outcome:
    """Second review (复审, SAL-02): the same rules before another person, a shortage always by its name."""
    return check(visit, day, customer, products, shortage=REFER, agreed=agreed)


def on_shortage(visit: Visit) -> str:
    """Whether a shortage goes to a person (SAL-05): the step's option `shortage`, `refer` or `note`.

    Without the option it is only noted where the definition reserves stock later on its own (`standard`, `express`):
    such an order waits there until goods arrive, so nobody need decide. It is referred where the stock is confirmed by
    a person (D2, D11) or not looked at again.
    """
    option = visit.options.get("shortage")
    if option is None:
        waits_alone = "warehouse.reserve" in visit.activities and "warehouse.confirm" not in visit.activities
        return NOTE if waits_alone else REFER
    if option not in (REFER, NOTE):
        raise Unworkable(f"step {visit.step}: option shortage is {option!r}, not '{REFER}' or '{NOTE}'")
    return str(option)


def _policy(visit: Visit, customer: Customer | None) -> Iterator[Finding]:
    """销售政策 (SAL-03): sale type (PRC-05), delivery place, smallest order, and payment where finance has no say."""
    order = visit.order
    if customer is not None:
        if order.sale_type != customer.sale_type:
            yield finding("sale_type.differs", sale_type=str(order.sale_type), expected=customer.sale_type)
        if order.sale_type == SaleType.DOMESTIC and order.delivery.country != customer.country:
            yield finding("policy.delivered_abroad", country=order.delivery.country, expected=customer.country)
    minimum = visit.options.get("minimum_total_minor")
    if minimum is not None:
        yield from _smallest_order(visit, minimum)
    if "finance.review" not in visit.activities:
        yield from _payment(visit)


def _smallest_order(visit: Visit, minimum: object) -> Iterator[Finding]:
    """The step's option `minimum_total_minor`: the smallest total, in minor units of the policy's base currency."""
    if type(minimum) is not int:
        raise Unworkable(f"step {visit.step}: option minimum_total_minor is {minimum!r}, not a whole number")
    total = visit.order.total_base_minor
    if total < minimum:
        yield finding(
            "policy.below_minimum", total_minor=total, minimum_minor=minimum, currency=visit.policy.base_currency
        )


def _payment(visit: Visit) -> Iterator[Finding]:
    """What the policy allows for the sale type. Asked only in definitions without a finance review (FIN-02)."""
    order, policy = visit.order, visit.policy
    methods = policy.payment_methods[order.sale_type]
    if order.payment.method not in methods:
        yield finding("policy.payment_method", method=str(order.payment.method), allowed=", ".join(methods))
    longest = policy.longest_credit_days[order.sale_type]
    if order.payment.terms != "prepaid":
        days = int(order.payment.terms.removeprefix("net_"))
        if days > longest:
            yield finding("policy.credit_days", days=days, longest=longest)


def _credit(visit: Visit, customer: Customer | None) -> Iterator[Finding]:
    """客户信用状况 (SAL-04): a hold, and a limit that is exceeded. An order paid in advance uses no credit.

    Whether this order still fits the limit is for finance, where the definition asks finance; else it is seen to here,
    by the same rule: exposure with this order stays within the limit, equality included (FIN-04).
    """
    order = visit.order
    if customer is None:
        return
    if customer.credit and customer.credit.on_hold_reason:
        yield finding("customer.on_hold", order.customer.code, reason=customer.credit.on_hold_reason)
    if order.payment.terms == "prepaid":
        return
    finance_decides = not visit.activities.isdisjoint(("finance.review", "finance.credit"))
    if finance_decides and customer.credit is None:
        return
    credit = customer.credit or Credit(order.currency, 0, 0, None)
    exposure = credit.exposure_minor
    if not finance_decides:
        try:
            exposure += convert(order.total_minor, order.currency, credit.currency, visit.policy.rates)
        except MoneyError:
            yield finding("customer.no_rate", order.customer.code, currency=order.currency, account=credit.currency)
            return
    if exposure > credit.limit_minor:
        yield finding(
            "customer.over_limit",
            order.customer.code,
            exposure_minor=exposure,
            limit_minor=credit.limit_minor,
            currency=credit.currency,
        )


def _product(
    order: Order, day: date, code: str, lines: Sequence[Line], product: Product | None, agreed: int | None
) -> Iterator[Finding]:
    """One product of the order: sellable, serviceable (可服务性, SAL-06), and at the price of the list or of the
    accepted quotation (SAL-01).
    """
    if product is None:
        yield finding("product.unknown", code, lines=_numbers(lines))
        return
    if not product.active:
        yield finding("product.inactive", code, lines=_numbers(lines))
    country = order.delivery.country
    if product.countries is not None and country not in product.countries:
        countries = ", ".join(product.countries)
        yield finding("product.not_deliverable", code, lines=_numbers(lines), country=country, countries=countries)
    listed = product.price_minor if agreed is None else agreed
    if listed is None:
        yield finding("price.not_listed", code, lines=_numbers(lines), currency=order.currency, day=day.isoformat())
        return
    for line in lines:
        price = line.unit_price_minor
        if price != listed:
            yield finding(
                "price.not_as_listed" if agreed is None else "price.not_as_quoted",
                code,
                lines=str(line.number),
                price_minor=price,
                listed_minor=listed,
                currency=order.currency,
            )


def _shortages(lines: Mapping[str, Sequence[Line]], products: Mapping[str, Product]) -> dict[str, dict[str, int]]:
    """Products of which less is available than all lines together ask for. Nothing is reserved by asking (SAL-05)."""
    short = {}
    for code, of_product in lines.items():
        product = products.get(code)
        if product is not None:
            quantity = sum([line.quantity for line in of_product])
            if quantity > product.available:
                short[code] = {"quantity": quantity, "available": product.available}
    return short


def available_by_line(wanted: Sequence[tuple[str, int]], available: Mapping[str, int]) -> list[dict[str, Any]]:
    """What could be promised of each line (product, quantity), as if those before it had been served; `short` by how
    much. A product that is not known has neither.
    """
    left = dict(available)
    told: list[dict[str, Any]] = []
    for number, (product, quantity) in enumerate(wanted, 1):
        known = left.get(product)
        short = None if known is None else max(quantity - max(known, 0), 0)
        told.append({"line": number, "product": product, "quantity": quantity, "available": known, "short": short})
        if known is not None:
            left[product] = known - quantity
    return told


def _by_product(lines: Iterable[Line]) -> dict[str, list[Line]]:
    grouped: dict[str, list[Line]] = {}
    for line in lines:
        grouped.setdefault(line.product, []).append(line)
    return grouped


def _numbers(lines: Iterable[Line]) -> str:
    return ", ".join(str(line.number) for line in lines)
