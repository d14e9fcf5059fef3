"""Delivery notes as documents of their own (发货单审批, LOG-03), pure: when one is made, when goods may leave on it."""

from dataclasses import dataclass
from datetime import timedelta

from messages.delivery_notes import DeliveryNote, NoteLine
from messages.orders import Order
from shared.department import NewFolder, Outcome, Passed, Referred, Visit, Waiting, finding

ACTIVITY = "logistics.note"
NOTE_OF = "note_of"
"""How a note is linked to its order."""
LOOKED_AT_EVERY = timedelta(hours=1)
"""How often an order looks whether its note is still under way: nothing tells it that a note was purged."""

_GONE = ("cancelled", "purged", "replaced")
_APPROVED = ("approved", "archived")


@dataclass(frozen=True, slots=True)
class Note:
    """The note of an order that is not recalled, and how its own approval stands. `id` is its folder's."""

    id: str
    number: str
    state: str

    @property
    def approved(self) -> bool:
        """Whether goods may leave on it."""
        return self.state in _APPROVED


@dataclass(frozen=True, slots=True)
class Blank:
    """Number and id for a note to be made, and the carrier that was planned."""

    id: str
    number: str
    carrier: str | None


@dataclass(frozen=True, slots=True)
class Issued:
    """Effect: a note was made. It takes the place of the order's former one, if that went out of work."""

    note: DeliveryNote


@dataclass(frozen=True, slots=True)
class Approved:
    """Effect: a note passed its approval; the order that waits for it goes on."""

    note: DeliveryNote


def note(visit: Visit, present: Note | None, blank: Blank | None) -> Outcome:
    """填写发货单: made from the order at once and sent through its own approval, for which the order waits.

    A note that was purged or cancelled is made again only once a person wants it.
    """
    if present is not None and present.approved:
        return Passed(basis={"delivery_note": present.number})
    key, again = f"note:{visit.order.id}", visit.now + LOOKED_AT_EVERY
    if present is not None and present.state not in _GONE:
        return Waiting((key,), again, basis={"delivery_note": present.number})
    if present is not None and not visit.agreed:
        return Referred((finding("ship.note_gone", present.number, state=present.state),))
    assert blank is not None, "only an approved note needs none"
    document = _document(visit, visit.order, blank)
    links = ((NOTE_OF, visit.order.id),)
    opened = NewFolder(document, _definition(visit), visit.policy, document.creator, links)
    return Waiting((key,), again, effects=(opened, Issued(document)), basis={"delivery_note": blank.number})


def _definition(visit: Visit) -> str | None:
    """The process of the note: the step's option `definition`, else the default for its sale type."""
    name = visit.options.get("definition")
    return name if isinstance(name, str) else None


def _document(visit: Visit, order: Order, blank: Blank) -> DeliveryNote:
    return DeliveryNote(
        id=blank.id,
        number=blank.number,
        source=order.source,
        external_id=blank.number,
        creator=order.creator,
        created_at=visit.now,
        order=order.number,
        order_id=order.id,
        customer=order.customer,
        delivery=order.delivery,
        carrier=blank.carrier,
        sale_type=order.sale_type,
        currency=order.currency,
        total_minor=order.total_minor,
        total_base_minor=order.total_base_minor,
        lines=tuple(
            [NoteLine(number=line.number, product=line.product, quantity=line.quantity) for line in order.lines]
        ),
    )


def note_of(visit: Visit) -> DeliveryNote:
    """The note that the visit is about. Raises TypeError for an order."""
    if isinstance(visit.document, DeliveryNote):
        return visit.document
    raise TypeError(f"{visit.document.number} is no delivery note")


def leave(document: DeliveryNote, shipped: str | None) -> Outcome:
    """The note is approved, and stays at work until its goods have left with this tracking number (LOG-04)."""
    if shipped is not None:
        return Passed(basis={"tracking_number": shipped})
    return Waiting((f"shipped:{document.id}",), effects=(Approved(document),))
