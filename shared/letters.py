"""Letters to customers: written word for word in the transaction that causes them, once each; the relay sends them.

A definition names the letters that its orders cause by themselves; steps and decisions cause others.
"""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from messages.orders import Order
from shared.database import Row, Session, array, columns
from shared.ids import new_id
from shared.money import format_amount
from shared.outbox import Announcement, announce
from shared.states import State
from shared.words import FOLDER, LANGUAGES, Language, word

ACKNOWLEDGEMENT, REQUEST_TO_CONFIRM, PAYMENT_DETAILS = "acknowledgement", "request_to_confirm", "payment_details"
CHANGES_NEEDED, CONFIRMATION, SHIPPING_NOTICE = "changes_needed", "confirmation", "shipping_notice"
CHANGE_NOTICE, CANCELLATION, INFORMATION_REQUEST = "change_notice", "cancellation", "information_request"
PAYMENT_REMINDER, RECEIPT_REMINDER = "payment_reminder", "receipt_reminder"
DATE_PROPOSAL, READY_NOTICE, LATE_NOTICE = "date_proposal", "ready_notice", "late_notice"

ON_STATE: Mapping[State, str] = MappingProxyType(
    {
        State.IN_REVIEW: ACKNOWLEDGEMENT,
        State.APPROVED: CONFIRMATION,
        State.PREPARED: READY_NOTICE,
        State.SHIPPED: SHIPPING_NOTICE,
        State.CANCELLED: CANCELLATION,
    }
)
"""The letters that states cause."""

ON_REQUEST = (*ON_STATE.values(), CHANGE_NOTICE, PAYMENT_REMINDER, RECEIPT_REMINDER)
"""The letters that a definition may name in `letters`: those of states, of changes to approved orders, and of what is
awaited from the customer (TRK-03).
"""

ONCE = frozenset({ACKNOWLEDGEMENT})
"""One per order (INT-04); of the others one for each round."""

NO_ADDRESS = "no_address"
_CHINESE = frozenset({"CN", "HK", "MO", "TW"})
_LOCALE: Mapping[Language, str] = MappingProxyType({"zh": "zh_CN", "en": "en"})


Names = Mapping[str, Mapping[Language, str]]
_NO_NAMES: Names = MappingProxyType({})


class Letter(Struct, frozen=True):
    """A letter to be written about an order in a round. `values` are added to those of the order; one that differs by
    language is a mapping. There is one letter of each `kind` and `key`: without a key, one for each round.
    """

    kind: str
    order: Order
    round: int
    at: datetime
    values: Mapping[str, str | Mapping[Language, str]] = {}
    key: str | None = None


def language_of(order: Order, recorded: str | None = None) -> Language:
    """In which language the customer is written to: the one on their record, else by where the goods go."""
    if recorded in LANGUAGES:
        return recorded
    return "zh" if order.delivery.country in _CHINESE else "en"


def write_letters(session: Session, letters: Sequence[Letter]) -> None:
    """Write those that have not been written before, and tell subscribers of them. Two round trips."""
    if not letters:
        return
    names, languages = _known(session, letters)
    rows = [_row(each, names, language_of(each.order, languages.get(each.order.customer.code))) for each in letters]
    new = {row[0] for row in session.rows(_INSERT, *columns(rows, 13))}
    told = zip(letters, rows, strict=True)
    announce(session, [_announcement(letter, row) for letter, row in told if row[0] in new])


def render(letter: Letter, language: Language, names: Names = _NO_NAMES) -> tuple[str, str]:
    """Subject and body; `names` of products, by code and language."""
    template = _template(letter.kind)[language]
    values = _values(letter.order, language, names) | _in(language, letter.values)
    subject = " ".join(template["subject"].format_map(values).split())
    return subject, template["body"].format_map(values).lstrip("\n")


def known_letters() -> frozenset[str]:
    """Every kind that has words."""
    return frozenset(path.stem for path in (FOLDER / "letters").glob("*.toml"))


@cache
def _template(kind: str) -> dict[str, dict[str, str]]:
    return tomllib.loads((FOLDER / "letters" / f"{kind}.toml").read_text(encoding="utf-8"))


def _in(language: Language, values: Mapping[str, str | Mapping[Language, str]]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else value[language] for name, value in values.items()}


def _known(session: Session, letters: Sequence[Letter]) -> tuple[Names, dict[str, str]]:
    """Names of the products, and languages of those customers whose records have one. One round trip."""
    codes = array(sorted({line.product for letter in letters for line in letter.order.lines}))
    customers = array(sorted({letter.order.customer.code for letter in letters}))
    products, languages = session.together((_PRODUCTS, (codes,)), (_LANGUAGES, (customers,)))
    return {code: {"zh": zh, "en": en} for code, zh, en in products}, dict(languages)


def _values(order: Order, language: Language, names: Names) -> dict[str, str]:
    def amount(minor: int) -> str:
        return format_amount(minor, order.currency, _LOCALE[language])

    theirs = order.customer_order_number
    method, terms = word("payment_methods", order.payment.method, language), order.payment.terms
    days = word("payment_terms", "prepaid" if terms == "prepaid" else "net", language)
    return {
        "number": order.number,
        "customer": order.customer.name,
        "contact": order.contact.name,
        "their_number_zh": f"(贵方编号 {theirs})" if theirs else "",
        "their_number_en": f" (your number {theirs})" if theirs else "",
        "lines": "\n".join(
            f"{line.number}. {_named(line.product, language, names)}  {line.quantity} × {amount(line.unit_price_minor)}"
            + (f" − {line.discount_basis_points / 100:g} %" if line.discount_basis_points else "")
            + f" = {amount(line.amount_minor)}"
            for line in order.lines
        ),
        "total": amount(order.total_minor),
        "address": f"{order.delivery.address} ({order.delivery.country})",
        "requested_date": order.requested_date.isoformat(),
        "delivery_date": (order.delivery_date or order.requested_date).isoformat(),
        "payment": f"{method}, {days.format(days=terms.removeprefix('net_'))}",
        "special_requirements": order.special_requirements.strip() or "–",
    }


def _named(code: str, language: Language, names: Names) -> str:
    known = names.get(code)
    return f"{known[language]} ({code})" if known else code


def _row(letter: Letter, names: Names, language: Language) -> tuple[Any, ...]:
    order = letter.order
    recipient = order.contact.email or ""
    subject, body = render(letter, language, names)
    return (
        new_id(),
        order.id,
        letter.kind,
        _key(letter),
        language,
        recipient,
        subject,
        body,
        letter.at,
        "pending" if recipient else "failed",
        letter.at if recipient else None,
        None if recipient else NO_ADDRESS,
        order.number,
    )


def _key(letter: Letter) -> str:
    if letter.key is not None:
        return letter.key
    return "" if letter.kind in ONCE else str(letter.round)


def _announcement(letter: Letter, row: Row) -> Announcement:
    letter_id, _, kind, _, language, recipient, subject, body, at, *_, number = row
    data = {
        "schema_version": 1,
        "letter": letter_id,
        "order": number,
        "customer": letter.order.customer.code,
        "language": language,
        "recipient": recipient or None,
        "subject": subject,
        "body": body,
    }
    return Announcement(f"letter/{letter_id}", f"orderflow.letter.{kind}", number, at, data)


_PRODUCTS = """
select p.product, p.name_zh, p.name_en
from unnest(%s::text[]) as w(product) join sales_review.product_list p on p.product = w.product
"""
_LANGUAGES = """
select l.customer, l.language
from unnest(%s::text[]) as w(customer) join sales_review.customer_languages l on l.customer = w.customer
"""
_INSERT = """
insert into core.letters
    (id, order_id, kind, key, language, recipient, subject, body, created_at, status, due_at, error, number, revision)
select v.*, (select o.revision from core.orders o where o.id = v.order_id)
from unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::timestamptz[], %s::text[], %s::timestamptz[], %s::text[], %s::text[])
    as v(id, order_id, kind, key, language, recipient, subject, body, at, status, due_at, error, number)
on conflict (order_id, kind, key) do nothing returning id
"""
