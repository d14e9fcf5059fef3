"""What people in finance may do with money that is there, pure. Amounts are minor units."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from shared.department import Finding, finding
from shared.money import MoneyError, to_minor

PEOPLE = ("finance_clerk", "finance_manager")
"""Who may say what becomes of money (财务人员)."""


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A payment that came in: its amount, and what was decided about it. `matched`: it belongs to an order."""

    amount_minor: int
    currency: str
    matched: bool
    decision: str | None


@dataclass(frozen=True, slots=True)
class Credit:
    """What a customer has with us from one order."""

    customer: str
    currency: str
    amount_minor: int


def not_allowed(by: str, roles: Collection[str]) -> Finding | None:
    """Why this person may not: they hold no role of finance."""
    return None if {*roles} & {*PEOPLE} else finding("payment.not_allowed", by, roles=", ".join(PEOPLE))


def task_fault(payment: Unmatched | None, reference: str, currency: str | None = None) -> Finding | None:
    """Why an unmatched payment can be neither assigned nor returned. `currency`: of the order that it is to pay."""
    if payment is None:
        return finding("payment.unknown", reference)
    if payment.matched or payment.decision:
        return finding("payment.decided", reference)
    if currency is not None and payment.currency != currency:
        return finding("payment.other_currency", reference, currency=payment.currency, expected=currency)
    return None


def credit_fault(
    credit: Credit | None, order: str, amount: Decimal, customer: str | None, currency: str | None
) -> Finding | None:
    """Why credit from an order cannot be used for so much. `customer` and `currency`: of the order that it is to pay;
    None: it is paid back.
    """
    if credit is None:
        return finding("credit.none", order)
    if customer is not None and (customer, currency) != (credit.customer, credit.currency):
        return finding("credit.of_another", order)
    minor = amount_minor(amount, credit.currency)
    if minor is None:
        return finding("credit.bad_amount", order, amount=str(amount), currency=credit.currency)
    if minor > credit.amount_minor:
        return finding("credit.too_little", order, credit_minor=credit.amount_minor, currency=credit.currency)
    return None


def amount_minor(amount: Decimal, currency: str) -> int | None:
    """In minor units; None for what is no amount above zero in this currency."""
    try:
        minor = to_minor(amount, currency)
    except MoneyError:
        return None
    return minor if minor > 0 else None
