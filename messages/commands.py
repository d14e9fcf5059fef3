"""Facts: what the outside world reports about orders and goods after they were submitted."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from messages.contract import Code, Contract, Name, Text
from messages.contracts import ContractSubmitted, SubmittedAttachment
from messages.orders import MAX_LINES, Currency, Delivery, Money, OrderSubmitted, PaymentMethod, Quantity, SubmittedLine

Words = Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"\S")]
"""Text that must not be blank."""


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
    reason: Words


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


class EnteredOrder(Contract):
    """What was entered into the sales system of an order that had passed review (录入)."""

    customer: Code
    currency: Currency
    lines: Annotated[tuple[SubmittedLine, ...], Field(min_length=1, max_length=MAX_LINES)]


class OrderEntered(_Fact):
    """An order was formally entered (正式录入, ENT-07). It is compared with what was reviewed. `by`: who entered it."""

    kind: Literal["order_entered"] = "order_entered"
    order: Code
    by: Code
    document: EnteredOrder


class PaperHandedOver(_Fact):
    """The printed order was handed over (手工提交, ENT-08). `by` and `to`: who gave it, and who took it."""

    kind: Literal["paper_handed_over"] = "paper_handed_over"
    order: Code
    by: Code
    to: Code
    remarks: Text = ""


class CustomerAnswered(_Fact):
    """The customer answered the request to confirm an order (INT-05). `by`: who of them. A change says which."""

    kind: Literal["customer_answered"] = "customer_answered"
    order: Code
    answer: Literal["confirmed", "change"]
    by: Name
    remarks: Text = ""

    @model_validator(mode="after")
    def _says_what_to_change(self) -> Self:
        if self.answer == "change" and not self.remarks.strip():
            raise ValueError("a change needs remarks that say what the customer wants")
        return self


class DeliveryNoteResubmitted(_Fact):
    """The creator hands a returned delivery note in again (LOG-03), changed: where the goods go, by which carrier, what
    is to be remarked. What it delivers is the order's.
    """

    kind: Literal["delivery_note_resubmitted"] = "delivery_note_resubmitted"
    order: Code
    by: Code
    delivery: Delivery
    carrier: Code | None = None
    remarks: Text = ""


class ContractReceived(_Fact):
    """A contract came in (合同收文, CMP-02). `by` registers it. `source` and `fact_id` name the contract for ever."""

    kind: Literal["contract_received"] = "contract_received"
    by: Code
    document: ContractSubmitted


class ContractRevised(_Fact):
    """A new version of a contract's text (CMP-07), from who registered it: opinions on the older no longer count."""

    kind: Literal["contract_revised"] = "contract_revised"
    contract: Code
    by: Code
    document: ContractSubmitted


class CounterpartyChecked(_Fact):
    """The other side's reputation and strength (信誉、实力) were looked into, with the results in words (CMP-08)."""

    kind: Literal["counterparty_checked"] = "counterparty_checked"
    contract: Code
    by: Code
    reputation: Words
    strength: Words


class ContractSigned(_Fact):
    """Both sides signed and sealed (签字盖章, CMP-08): who signed for us as head, with which seal, on which day."""

    kind: Literal["contract_signed"] = "contract_signed"
    contract: Code
    by: Code
    signing_head: Name
    seal: Name
    signed_on: date
    our_signature: Name
    their_signature: Name
    attachments: Annotated[tuple[SubmittedAttachment, ...], Field(max_length=100)] = ()


class ObligationMet(_Fact):
    """One of a signed contract's obligations was met (CMP-11); `obligation` is its number in the contract."""

    kind: Literal["obligation_met"] = "obligation_met"
    contract: Code
    by: Code
    obligation: Annotated[int, Field(ge=1)]
    met_on: date
    remarks: Text = ""


class PaymentNotice(_Fact):
    """The customer says that they have paid (付款通知, INT-06). It is recorded and counts as no payment."""

    kind: Literal["payment_notice"] = "payment_notice"
    order: Code
    amount: Money
    currency: Currency
    method: PaymentMethod
    reference: Code | None = None


class InformationGiven(_Fact):
    """The customer answers what a reviewer asked about the order (INT-08); the step that asked goes on."""

    kind: Literal["information_given"] = "information_given"
    order: Code
    answer: Annotated[str, Field(min_length=1, max_length=4_000, pattern=r"\S")]


Fact = Annotated[
    PaymentReceived
    | GoodsReceived
    | Delivered
    | ReceiptConfirmed
    | SurveyAnswered
    | CancellationRequested
    | OrderResubmitted
    | WithdrawalRequested
    | OrderAmended
    | OrderEntered
    | PaperHandedOver
    | CustomerAnswered
    | DeliveryNoteResubmitted
    | ContractReceived
    | ContractRevised
    | CounterpartyChecked
    | ContractSigned
    | ObligationMet
    | PaymentNotice
    | InformationGiven,
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
    "order_entered": "sales_review",
    "paper_handed_over": "sales_review",
    "customer_answered": "sales_review",
    "delivery_note_resubmitted": "logistics",
    "contract_received": "compliance",
    "contract_revised": "compliance",
    "counterparty_checked": "compliance",
    "contract_signed": "compliance",
    "obligation_met": "compliance",
    "payment_notice": "finance",
    "information_given": "sales_review",
}
"""Which department books which kind of fact."""
