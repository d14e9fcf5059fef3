"""Facts that logistics 物流 books."""

from datetime import date
from typing import Literal, Self

from pydantic import model_validator

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


class NoteChangeRequested(BaseFact):
    """Somebody asks for another day, another carrier or the end of an approved delivery note (申请变更, LOG-05).
    Supervisor or finance decide. `order` is the note's number.
    """

    kind: Literal["note_change_requested"] = "note_change_requested"
    order: Code
    by: Code
    change: Literal["date", "carrier", "end"]
    ships_on: date | None = None
    carrier: Code | None = None
    reason: Words

    @model_validator(mode="after")
    def _says_what_to_change(self) -> Self:
        if (self.change == "date") != (self.ships_on is not None):
            raise ValueError("ships_on is given for a change of the date, and for no other")
        if (self.change == "carrier") != (self.carrier is not None):
            raise ValueError("carrier is given for a change of the carrier, and for no other")
        return self


class CarrierReported(BaseFact):
    """What a carrier reports of a shipment on its way (LOG-06): where it is, that it could not be delivered, or was."""

    kind: Literal["carrier_reported"] = "carrier_reported"
    order: Code
    tracking_number: Code
    event: Literal["in_transit", "failed_delivery", "delivered"]
    place: Text = ""
    remarks: Text = ""


LogisticsFact = (
    CarrierReported | Delivered | DeliveryNoteResubmitted | DateProposed | DateAnswered | NoteChangeRequested
)
