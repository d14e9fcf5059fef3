"""Facts that finance 财务 books."""

from typing import Literal

from messages.contract import Code
from messages.facts.fact import BaseFact
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


FinanceFact = PaymentReceived | PaymentNotice
