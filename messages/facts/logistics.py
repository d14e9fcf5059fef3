"""Facts that logistics 物流 books."""

from datetime import date
from typing import Literal

from messages.contract import Code, Text
from messages.facts.fact import BaseFact, Words
from messages.orders import Delivery


class Delivered(BaseFact):
    """The carrier delivered a shipment (送达)."""

    kind: Literal["delivered"] = "delivered"
    order: Code
    tracking_number: Code


class DeliveryNoteResubmitted(BaseFact):
    """The creator hands a returned delivery note in again (LOG-03), changed: where the goods go, by which carrier, what
    is to be remarked. What it delivers is the order's.
    """

    kind: Literal["delivery_note_resubmitted"] = "delivery_note_resubmitted"
    order: Code
    by: Code
    delivery: Delivery
    carrier: Code | None = None
    remarks: Text = ""


class DateProposed(BaseFact):
    """Somebody proposes the day on which an order is delivered (交货日期, LOG-08), in the place of the one before."""

    kind: Literal["date_proposed"] = "date_proposed"
    order: Code
    by: Code
    promised_on: date
    reason: Words


class DateAnswered(BaseFact):
    """Sales, or the customer through `by`, answer the proposed day (LOG-08). Who refuses may say which they want."""

    kind: Literal["date_answered"] = "date_answered"
    order: Code
    by: Code
    party: Literal["sales", "customer"]
    answer: Literal["confirmed", "refused"]
    promised_on: date
    wanted: date | None = None
    remarks: Text = ""


LogisticsFact = Delivered | DeliveryNoteResubmitted | DateProposed | DateAnswered
