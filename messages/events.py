"""What subscribers are told: CloudEvents 1.0 in structured JSON, on the stream `orderflow.events`."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from messages.contract import Contract

CONTENT_TYPE = "application/cloudevents+json"
EVENT_SOURCE = "/orderflow"


class FieldError(Contract):
    """One bad field: where it stands (`lines.0.quantity`), a code for programs, and the reason in words."""

    field: str
    code: str
    reason: str


class CloudEvent(Contract):
    """The envelope. `id` is unique per event and stays the same when an event is sent again.

    `sequence` counts the events of one order, so that a subscriber can tell repeats and gaps;
    it is absent on events that belong to no order (a refused submission).
    """

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str = EVENT_SOURCE
    type: str
    subject: str
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    sequence: int | None = None
    data: dict[str, Any]


class OrderStateChanged(Contract):
    """`orderflow.order.<state>`: the order entered a state. Amount in minor units of `currency`."""

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
    """`orderflow.submission.refused`: nothing was stored as an order; every bad field with its reason."""

    schema_version: Literal[1] = 1
    source: str | None
    external_id: str | None
    refusal: str
    errors: Annotated[tuple[FieldError, ...], Field(min_length=1)]
