"""Facts that logistics 物流 books."""

from typing import Literal

from messages.contract import Code, Text
from messages.facts.fact import BaseFact
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


LogisticsFact = Delivered | DeliveryNoteResubmitted
