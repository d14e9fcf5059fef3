"""Facts: what the outside world reports about orders and goods after they were submitted."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from messages.contract import Code, Contract, Text
from messages.orders import Currency, Money, OrderSubmitted, Quantity


class _Fact(Contract):
    """Every fact: who reports it under which id (repeats of the pair count once), and when it happened (UTC)."""

    schema_version: Literal[1] = 1
    source: Code
    fact_id: Code
    occurred_at: datetime


class PaymentReceived(_Fact):
    """Money came in (收款, SET-01). `reference` names the payment for ever (SET-02); `order` is our order number."""

    kind: Literal["payment_received"] = "payment_received"
    reference: Code
    order: Code
    amount: Money
    currency: Currency
    method: Code


class GoodsReceived(_Fact):
    """Stock arrived at a location (到货, WHS-04)."""

    kind: Literal["goods_received"] = "goods_received"
    product: Code
    quantity: Quantity
    location: Code = "MAIN"


class Delivered(_Fact):
    """The carrier delivered a shipment (送达)."""

    kind: Literal["delivered"] = "delivered"
    order: Code
    tracking_number: Code


class ReceiptConfirmed(_Fact):
    """The customer inspected the goods and confirmed receipt (确认收货, AFT-01)."""

    kind: Literal["receipt_confirmed"] = "receipt_confirmed"
    order: Code
    remarks: Text = ""


class SurveyAnswered(_Fact):
    """The customer answered the satisfaction questionnaire (满意度问卷, AFT-08). The scale is the policy's."""

    kind: Literal["survey_answered"] = "survey_answered"
    order: Code
    score: int
    comment: Text = ""


class CancellationRequested(_Fact):
    """The customer or the creator asks to cancel an order (取消订单)."""

    kind: Literal["cancellation_requested"] = "cancellation_requested"
    order: Code
    reason: Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"\S")]


class OrderResubmitted(_Fact):
    """The creator hands a returned order in again (重新提交, APR-09). `document` replaces what was returned;
    its `source` and `external_id` must be those of the order. `by` is the person or system that resubmits.
    """

    kind: Literal["order_resubmitted"] = "order_resubmitted"
    order: Code
    by: Code
    document: OrderSubmitted


class WithdrawalRequested(_Fact):
    """The creator takes back what they handed in, before anybody has decided about it (撤回). `by` is the creator."""

    kind: Literal["withdrawal_requested"] = "withdrawal_requested"
    order: Code
    by: Code
    reason: Text = ""


class OrderAmended(_Fact):
    """The creator changes an approved order (变更, ENT-09). `document` replaces the order; its `source` and
    `external_id` must be those of the order. `by` is the creator.
    """

    kind: Literal["order_amended"] = "order_amended"
    order: Code
    by: Code
    document: OrderSubmitted


Fact = Annotated[
    PaymentReceived
    | GoodsReceived
    | Delivered
    | ReceiptConfirmed
    | SurveyAnswered
    | CancellationRequested
    | OrderResubmitted
    | WithdrawalRequested
    | OrderAmended,
    Field(discriminator="kind"),
]
FACT: TypeAdapter[Fact] = TypeAdapter(Fact)

FACT_OWNERS: dict[str, str] = {
    "payment_received": "finance",
    "goods_received": "warehouse",
    "delivered": "logistics",
    "receipt_confirmed": "after_sales",
    "survey_answered": "after_sales",
    "cancellation_requested": "sales_review",
    "order_resubmitted": "sales_review",
    "withdrawal_requested": "sales_review",
    "order_amended": "sales_review",
}
"""Which department books which kind of fact."""
