"""Steps that wait for what people report of an order, pure: formal entry (录入), paper handed over (手工提交), and the
customer's word before review.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from messages.facts.sales_review import OrderEntered
from messages.orders import Order
from shared.department import Finding, Outcome, Passed, Returned, Visit, Waiting, finding
from shared.money import MoneyError, to_minor

ENTERED, HANDED_OVER, CONFIRMED, CHANGE_WANTED = "entered", "handed_over", "confirmed", "change_wanted"


@dataclass(frozen=True, slots=True)
class Report:
    """What was reported of one order in one round."""

    at: datetime
    by: str
    to: str | None
    remarks: str


@dataclass(frozen=True, slots=True)
class Request:
    """The customer is asked to confirm an order in a round: by a letter, once."""

    order: Order
    round: int
    at: datetime


Reports = Mapping[str, Report]
"""Of one order in one round, by kind."""


def key(kind: str, order_id: str) -> str:
    """What an order waits for at such a step. Both answers of a customer come by one key."""
    return f"{'answer' if kind in (CONFIRMED, CHANGE_WANTED) else kind}:{order_id}"


def enter(visit: Visit, reports: Reports) -> Outcome:
    """录入 (ENT-07): once what was entered equals what was reviewed, the order goes on."""
    return _reported(visit, reports, ENTERED)


def hand_over(visit: Visit, reports: Reports) -> Outcome:
    """手工提交 (ENT-08): once somebody has taken the printed order, the order goes on."""
    return _reported(visit, reports, HANDED_OVER)


def _reported(visit: Visit, reports: Reports, kind: str) -> Outcome:
    report = reports.get(kind)
    if report is None:
        return Waiting((key(kind, visit.document.id),))
    basis = {"at": report.at.isoformat(), "by": report.by}
    return Passed(basis=basis | {"to": report.to} if report.to else basis)


def differences(order: Order, entered: OrderEntered) -> Finding | None:
    """What of the entered order differs from the reviewed one in customer, product, quantity or price (ENT-07)."""
    fields = []
    document = entered.document
    if document.customer != order.customer.code:
        fields.append("customer")
    if document.currency != order.currency:
        fields.append("currency")
    if len(document.lines) != len(order.lines):
        fields.append("lines")
    for place, (mine, reviewed) in enumerate(zip(document.lines, order.lines, strict=False)):
        if mine.product != reviewed.product:
            fields.append(f"lines.{place}.product")
        if mine.quantity != reviewed.quantity:
            fields.append(f"lines.{place}.quantity")
        try:
            price: int | None = to_minor(mine.unit_price, order.currency)
        except MoneyError:
            price = None
        if price != reviewed.unit_price_minor:
            fields.append(f"lines.{place}.unit_price")
        if mine.discount_percent * 100 != reviewed.discount_basis_points:
            fields.append(f"lines.{place}.discount_percent")
    return finding("entry.differs", order.number, fields=", ".join(fields)) if fields else None


def customer_word(visit: Visit, reports: Reports) -> Outcome:
    """Confirmed moves on, a wish for change returns the order to its creator, silence waits (INT-05)."""
    if CHANGE_WANTED in reports:
        report = reports[CHANGE_WANTED]
        return Returned((finding("customer.wants_change", visit.order.customer.code, remarks=report.remarks),))
    if CONFIRMED in reports:
        return _reported(visit, reports, CONFIRMED)
    return Waiting((key(CONFIRMED, visit.order.id),), effects=(Request(visit.order, visit.round, visit.now),))


def not_asked(kind: str, number: str) -> Finding:
    """A report that nobody waits for: too early, a second time, or of another definition."""
    return finding("report.not_waited_for", number, kind=kind)
