"""Delivery notes as documents of their own (发货单审批, LOG-03), pure: when one is made, when goods may leave on it."""

from collections.abc import Mapping
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

ENDED = "ended"
"""How a note stands whose end supervisor or finance agreed to (LOG-05)."""
_GONE = ("cancelled", "purged", "replaced", ENDED)
_APPROVED = ("approved", "archived")


@dataclass(frozen=True, slots=True)
class Note:
    """The note of an order that is at work: not recalled, its goods still here. `id` is its folder's, `state` how its
    own approval stands, `carrier` None where the transport is arranged by hand.
    """

    id: str
    number: str
    state: str
    carrier: str | None = None

    @property
    def approved(self) -> bool:
        """Whether goods may leave on it."""
        return self.state in _APPROVED

    @property
    def gone(self) -> bool:
        """Whether it is out of work."""
        return self.state in _GONE


@dataclass(frozen=True, slots=True)
class Blank:
    """Number and id for a note to be made, the carrier that was planned, and what it is to deliver in units by line;
    None: all that was ordered. `part`: 1 for its order's first note.
    """

    id: str
    number: str
    carrier: str | None
    quantities: Mapping[int, int] | None = None
    part: int = 1


@dataclass(frozen=True, slots=True)
class Issued:
    """Effect: a note was made. It takes the place of the order's former one, if that went out of work."""

    note: DeliveryNote
    order: Order
    part: int


@dataclass(frozen=True, slots=True)
class Approved:
    """Effect: a note passed its approval; the order that waits for it goes on."""

    note: DeliveryNote


def note(visit: Visit, present: Note | None, blank: Blank | None) -> Outcome:
    """填写发货单: made from the order at once and sent through its own approval, for which the order waits.

    A note that was purged or cancelled is made again only once a person wants it. Where all that is prepared has left
    already, there is nothing to note.
    """
    if present is not None and present.approved:
        return Passed(basis={"delivery_note": present.number})
    key, again = f"note:{visit.order.id}", visit.now + LOOKED_AT_EVERY
    if present is not None and present.state not in _GONE:
        return Waiting((key,), again, basis={"delivery_note": present.number})
    if present is not None and not visit.agreed:
        return Referred((finding("ship.note_gone", present.number, state=present.state),))
    assert blank is not None, "only an approved note needs none"
    if blank.quantities is not None and not blank.quantities:
        return Passed()
    document = _document(visit, visit.order, blank)
    links = ((NOTE_OF, visit.order.id),)
    opened = NewFolder(document, _definition(visit), visit.policy, document.creator, links)
    issued = Issued(document, visit.order, blank.part)
    return Waiting((key,), again, effects=(opened, issued), basis={"delivery_note": blank.number})


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
        lines=_lines(order, blank.quantities),
    )


def _lines(order: Order, quantities: Mapping[int, int] | None) -> tuple[NoteLine, ...]:
    sent = {line.number: line.quantity for line in order.lines} if quantities is None else quantities
    return tuple(
        [
            NoteLine(number=line.number, product=line.product, quantity=sent[line.number])
            for line in order.lines
            if line.number in sent
        ]
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
