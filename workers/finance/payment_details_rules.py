"""Telling the customer how to pay (INT-06), pure: the accounts that fit an order, and what a notice must be."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from messages.facts.finance import PaymentNotice
from messages.orders import Order
from shared.department import Finding, Outcome, Passed, Referred, Visit, finding
from shared.money import MoneyError, to_minor


@dataclass(frozen=True, slots=True)
class PaymentAccount:
    """Where the company can be paid: by which method, in which currency, and what the payer needs to know."""

    method: str
    currency: str
    details_zh: str
    details_en: str


@dataclass(frozen=True, slots=True)
class Details:
    """The accounts to be sent to the customer of an order."""

    order: Order
    round: int
    at: datetime
    accounts: tuple[PaymentAccount, ...]


def send_details(visit: Visit, accounts: Sequence[PaymentAccount]) -> Outcome:
    """Every account in the order's currency by a method that its sale type may use. None: a person sees to it."""
    order = visit.order
    allowed = visit.policy.payment_methods[order.sale_type]
    fitting = tuple(each for each in accounts if each.currency == order.currency and each.method in allowed)
    if not fitting:
        return Referred((finding("payment_details.none", currency=order.currency, methods=", ".join(allowed)),))
    return Passed((Details(order, visit.round, visit.now, fitting),), {"methods": [each.method for each in fitting]})


def notice_fault(notice: PaymentNotice, currency: str) -> Finding | None:
    """A notice names an amount that can be, in the currency of its order (`currency`)."""
    if notice.currency != currency:
        return finding("payment_notice.currency", notice.order, currency=notice.currency, expected=currency)
    try:
        to_minor(notice.amount, notice.currency)
    except MoneyError:
        return finding("payment_notice.amount", notice.order, amount=str(notice.amount), currency=notice.currency)
    return None
