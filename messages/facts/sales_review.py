"""Facts that sales review 销售审核 books."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from messages.contract import Code, Contract, Name, Text
from messages.facts.fact import BaseFact, Words
from messages.orders import MAX_LINES, Currency, OrderSubmitted, SubmittedLine


class CancellationRequested(BaseFact):
    """The customer or the creator asks to cancel an order (取消订单)."""

    kind: Literal["cancellation_requested"] = "cancellation_requested"
    order: Code
    reason: Words


class OrderResubmitted(BaseFact):
    """The creator hands a returned order in again (重新提交, APR-09). `document` replaces what was returned;
    its `source` and `external_id` must be those of the order. `by` is the person or system that resubmits.
    """

    kind: Literal["order_resubmitted"] = "order_resubmitted"
    order: Code
    by: Code
    document: OrderSubmitted


class WithdrawalRequested(BaseFact):
    """The creator takes back what they handed in, before anybody has decided about it (撤回). `by` is the creator."""

    kind: Literal["withdrawal_requested"] = "withdrawal_requested"
    order: Code
    by: Code
    reason: Text = ""


class OrderAmended(BaseFact):
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


class OrderEntered(BaseFact):
    """An order was formally entered (正式录入, ENT-07). It is compared with what was reviewed. `by`: who entered it."""

    kind: Literal["order_entered"] = "order_entered"
    order: Code
    by: Code
    document: EnteredOrder


class PaperHandedOver(BaseFact):
    """The printed order was handed over (手工提交, ENT-08). `by` and `to`: who gave it, and who took it."""

    kind: Literal["paper_handed_over"] = "paper_handed_over"
    order: Code
    by: Code
    to: Code
    remarks: Text = ""


class CustomerAnswered(BaseFact):
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


class InformationGiven(BaseFact):
    """The customer answers what a reviewer asked about the order (INT-08); the step that asked goes on."""

    kind: Literal["information_given"] = "information_given"
    order: Code
    answer: Annotated[str, Field(min_length=1, max_length=4_000, pattern=r"\S")]


SalesReviewFact = (
    CancellationRequested
    | OrderResubmitted
    | WithdrawalRequested
    | OrderAmended
    | OrderEntered
    | PaperHandedOver
    | CustomerAnswered
    | InformationGiven
)
