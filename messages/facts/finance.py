"""Facts that finance 财务 books."""

from typing import Literal

from messages.contract import Code
from messages.facts.fact import BaseFact, Words
from messages.orders import Currency, Money, PaymentMethod


class PaymentReceived(BaseFact):
    """Money came in (收款, SET-01). `reference` names the payment for ever (SET-02); `order` is our order number."""

    kind: Literal["payment_received"] = "payment_received"
    reference: Code
    order: Code
    amount: Money
    currency: Currency
    method: PaymentMethod


class PaymentNotice(BaseFact):
    """The customer says that they have paid (付款通知, INT-06). It is recorded and counts as no payment."""

    kind: Literal["payment_notice"] = "payment_notice"
    order: Code
    amount: Money
    currency: Currency
    method: PaymentMethod
    reference: Code | None = None


class PaymentAssigned(BaseFact):
    """Finance says to which order an unmatched payment belongs (SET-02); `payment` is its reference."""

    kind: Literal["payment_assigned"] = "payment_assigned"
    payment: Code
    order: Code
    by: Code
    reason: Words


class PaymentReturned(BaseFact):
    """An unmatched payment went back to whoever sent it (SET-02)."""

    kind: Literal["payment_returned"] = "payment_returned"
    payment: Code
    by: Code
    reason: Words


class CreditApplied(BaseFact):
    """Customer credit pays for another order (SET-02): so much of what was paid too much for `from_order`."""

    kind: Literal["credit_applied"] = "credit_applied"
    order: Code
    from_order: Code
    amount: Money
    by: Code


class CreditPaidBack(BaseFact):
    """Customer credit was paid back (SET-02); `reference` names the payment for ever."""

    kind: Literal["credit_paid_back"] = "credit_paid_back"
    order: Code
    amount: Money
    method: PaymentMethod
    reference: Code
    by: Code


FinanceFact = PaymentReceived | PaymentNotice | PaymentAssigned | PaymentReturned | CreditApplied | CreditPaidBack
