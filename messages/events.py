"""What subscribers are told: CloudEvents 1.0 in structured JSON, on the stream `orderflow.events`."""

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Field

from messages.contract import Contract
from messages.folders import DocumentKind

CONTENT_TYPE = "application/cloudevents+json"
EVENT_SOURCE = "/orderflow"


class FieldError(Contract):
    """One bad field: where it stands (`lines.0.quantity`), a code for programs, and the reason in words."""

    field: str
    code: str
    reason: str


class CloudEvent(Contract):
    """The envelope. `id` is unique per event and stays the same when an event is sent again.

    `sequence` counts the events of one order, so that a subscriber can tell repeats and gaps; it is absent on events
    that are no line of an order's history. `subject` is the order's number, absent where there is none (a refused
    submission). Absent fields are left out.
    """

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str = EVENT_SOURCE
    type: str
    subject: str | None = None
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    sequence: int | None = None
    data: dict[str, Any]


class OrderStateChanged(Contract):
    """`orderflow.order.<state>`, and likewise of a `contract` or a `delivery_note`: it entered the state.

    `order` is its number, whatever it is. Amount in minor units of `currency`.
    """

    schema_version: Literal[1] = 1
    order: str
    source: str
    external_id: str
    state: str
    round: int
    reason: dict[str, Any] | None = None


class SubmissionRepeated(Contract):
    """`orderflow.submission.repeated`: this was received before, with the same content; here is its order's number.

    A new order has no event of its own for the receipt: its first state, `orderflow.order.in_review`, is the receipt.
    """

    schema_version: Literal[1] = 1
    source: str
    external_id: str
    order: str


class SubmissionRefused(Contract):
    """`orderflow.submission.refused`, `orderflow.fact.refused`: it was not accepted; every bad field with its reason.

    `external_id` is the sender's id of the order or fact, as far as it could be read. `refusal` names the kept bytes.
    """

    schema_version: Literal[1] = 1
    source: str | None
    external_id: str | None
    refusal: str
    errors: Annotated[tuple[FieldError, ...], Field(min_length=1)]


class ContractRegistered(Contract):
    """`orderflow.contract_registered`: a contract came in (CMP-02); `departments` are those that will review it.
    `amount` in `currency`; `order` is the number of the order that it is for.
    """

    schema_version: Literal[1] = 1
    contract: str
    dated: date
    seller: str
    buyer: str
    amount: str
    currency: str
    order: str | None
    departments: tuple[str, ...]


class TaskOverdue(Contract):
    """`orderflow.task.overdue`: nobody has decided a user task by `due`; any holder of `roles` still may (APR-12)."""

    schema_version: Literal[1] = 1
    task: str
    order: str
    step: str
    roles: tuple[str, ...]
    due: datetime


class InformationRequested(Contract):
    """`orderflow.information.requested`: a reviewer asks the customer; the fact `information_given` answers it
    (INT-08).
    """

    schema_version: Literal[1] = 1
    question: str
    order: str
    customer: str
    step: str
    round: int
    text: str


class HoldChanged(Contract):
    """`orderflow.order_held`, `orderflow.order_resumed`: the order makes no move until it is resumed; it goes on."""

    schema_version: Literal[1] = 1
    order: str
    by: str
    reason: str | None


class ShipmentLate(Contract):
    """`orderflow.shipment.late`: the order has not left altogether by the day that was promised (LOG-11)."""

    schema_version: Literal[1] = 1
    order: str
    promised_on: date


class DeliveryDateProposed(Contract):
    """`orderflow.delivery_date.proposed`: the how manieth day is proposed, by whom (null: it was reckoned), and who is
    to confirm it (LOG-08).
    """

    schema_version: Literal[1] = 1
    order: str
    promised_on: date
    number: int
    confirmed_by: list[str]
    by: str | None = None
    reason: str = ""


class DeliveryDateAnswered(Contract):
    """`orderflow.delivery_date.answered`: sales or the customer confirmed or refused it (LOG-08)."""

    schema_version: Literal[1] = 1
    order: str
    promised_on: date
    number: int
    party: str
    answer: str
    wanted: date | None = None


class ShipmentDispatched(Contract):
    """`orderflow.shipment.dispatched`: the goods left (LOG-06). No carrier: arranged by hand. No packages: not packed
    by the warehouse.
    """

    schema_version: Literal[1] = 1
    order: str
    delivery_note: str
    tracking_number: str
    carrier: str | None
    packages: int | None


class SurveyRequested(Contract):
    """`orderflow.survey.requested`: the questionnaire for the customer, with the ends of its scale (AFT-08)."""

    schema_version: Literal[1] = 1
    order: str
    customer: str
    lowest: int
    highest: int


class InvoiceIssued(Contract):
    """`orderflow.invoice.issued` (SET-04). Amounts in minor units of `currency`, tax included in `amount_minor`."""

    schema_version: Literal[1] = 1
    invoice: str
    order: str
    customer: str
    title: str
    tax_number: str | None
    address: str
    amount_minor: int
    tax_minor: int
    currency: str
    due_date: date


class InvoiceCorrected(Contract):
    """`orderflow.invoice.corrected`: the red-letter invoice (红字发票) `invoice` takes `corrects` back (SET-05)."""

    schema_version: Literal[1] = 1
    invoice: str
    corrects: str
    order: str


class PaymentUnmatched(Contract):
    """`orderflow.payment.unmatched`: money for an order that we do not know; finance is to find out (SET-02)."""

    schema_version: Literal[1] = 1
    payment: str
    order: str
    amount_minor: int
    currency: str
    method: str


class AnchorSet(Contract):
    """`orderflow.anchor.set`: a root over everything recorded so far (AUD-02). Keep it: `orderflow audit --anchor ROOT`
    tells later whether what it was set over is unchanged. Roots as hexadecimal digits; `commits`: how many it adds.
    """

    schema_version: Literal[1] = 1
    anchor: int
    root: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    previous: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    commits: Annotated[int, Field(gt=0)]


class PurchasePlaced(Contract):
    """`orderflow.purchase.placed`: a supplier was selected and is bought from (SUP-01); the price is of a piece."""

    schema_version: Literal[1] = 1
    purchase: str
    order: str
    supplier: str
    product: str
    quantity: int
    unit_price_minor: int
    currency: str
    needed_by: date
    expected_on: date


class PurchaseCancelled(Contract):
    """`orderflow.purchase.cancelled`: the order is gone, and so many pieces are not wanted any more."""

    schema_version: Literal[1] = 1
    purchase: str
    supplier: str
    product: str
    quantity: int


class ShortageDecided(Contract):
    """`orderflow.shortage.decided`: nothing covers these products in time, and a person chose (WHS-05): another date,
    partial delivery (the order is handed in again with what there is), or to cancel.
    """

    schema_version: Literal[1] = 1
    order: str
    remedy: Literal["date", "partial", "cancel"]
    new_date: date | None
    products: list[str]


class ProductionAssigned(Contract):
    """`orderflow.production.assigned`: a production unit makes it (PRD-01)."""

    schema_version: Literal[1] = 1
    plan: str
    order: str
    unit: str
    product: str
    quantity: int
    starts_on: date
    finishes_on: date
    needed_by: date


class ProductionCancelled(Contract):
    """`orderflow.production.cancelled`: the order is gone, and the plan with it."""

    schema_version: Literal[1] = 1
    plan: str


class ProductionDelayed(Contract):
    """`orderflow.production.delayed`: a plan is now finished after the day on which it is needed (PRD-03)."""

    schema_version: Literal[1] = 1
    plan: str
    order: str
    product: str
    needed_by: date
    finishes_on: date
    reason: str


class CaseOpened(Contract):
    """`orderflow.case.opened` (AFT-03…07). `source` and `fact_id`: of the report that opened it."""

    schema_version: Literal[1] = 1
    case: str
    order: str
    customer: str
    kind: str
    source: str
    fact_id: str


class CaseClosed(Contract):
    """`orderflow.case.closed`: with its result, as the customer is told it."""

    schema_version: Literal[1] = 1
    case: str
    order: str
    customer: str
    kind: str
    outcome: str
    result: str


class LetterWritten(Contract):
    """`orderflow.letter.<kind>`: the customer is written, word for word as here. We send it where a mail server is set.
    `recipient` null: the order has no e-mail address.
    """

    schema_version: Literal[1] = 1
    letter: str
    order: str
    customer: str
    language: Literal["zh", "en"]
    recipient: str | None
    subject: str
    body: str


LETTERS = "orderflow.letter."
"""What the types of letters begin with; the kind of letter follows."""

STATES = tuple(f"orderflow.{kind}." for kind in DocumentKind)
"""What the types of state changes begin with; the state follows."""

DATA: Mapping[str, type[Contract]] = MappingProxyType(
    {
        "orderflow.submission.repeated": SubmissionRepeated,
        "orderflow.submission.refused": SubmissionRefused,
        "orderflow.fact.refused": SubmissionRefused,
        "orderflow.contract_registered": ContractRegistered,
        "orderflow.task.overdue": TaskOverdue,
        "orderflow.information.requested": InformationRequested,
        "orderflow.order_held": HoldChanged,
        "orderflow.order_resumed": HoldChanged,
        "orderflow.shipment.dispatched": ShipmentDispatched,
        "orderflow.shipment.late": ShipmentLate,
        "orderflow.delivery_date.proposed": DeliveryDateProposed,
        "orderflow.delivery_date.answered": DeliveryDateAnswered,
        "orderflow.survey.requested": SurveyRequested,
        "orderflow.invoice.issued": InvoiceIssued,
        "orderflow.invoice.corrected": InvoiceCorrected,
        "orderflow.payment.unmatched": PaymentUnmatched,
        "orderflow.anchor.set": AnchorSet,
        "orderflow.purchase.placed": PurchasePlaced,
        "orderflow.purchase.cancelled": PurchaseCancelled,
        "orderflow.shortage.decided": ShortageDecided,
        "orderflow.production.assigned": ProductionAssigned,
        "orderflow.production.cancelled": ProductionCancelled,
        "orderflow.production.delayed": ProductionDelayed,
        "orderflow.case.opened": CaseOpened,
        "orderflow.case.closed": CaseClosed,
    }
)
"""The `data` of every type of event; of those that begin with one of STATES it is OrderStateChanged, of letters
LetterWritten."""


def data_of(type_: str) -> type[Contract]:
    """The contract of an event's data. Raises KeyError for a type that we do not publish."""
    if type_.startswith(LETTERS):
        return LetterWritten
    return OrderStateChanged if type_.startswith(STATES) else DATA[type_]
