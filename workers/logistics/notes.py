"""What logistics reads and keeps of delivery notes that have an approval of their own (LOG-03)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from messages.delivery_notes import DeliveryNote
from messages.orders import Order
from shared.database import Session, array, columns
from shared.department import Visit, effects_of
from shared.ids import new_id
from shared.numbering import take
from workers.logistics.change_rules import Change
from workers.logistics.note_changes import read_pending
from workers.logistics.note_rules import ACTIVITY, Approved, Blank, Issued, Note
from workers.logistics.part_rules import Parts
from workers.logistics.parts import read_parts

PREPARES = "warehouse.prepare"
"""The activity of a process whose warehouse prepares what leaves."""


@dataclass(frozen=True, slots=True)
class Notes:
    """The notes of a batch's orders by order, and blanks for those who have none at work."""

    present: Mapping[str, Note]
    blanks: Mapping[str, Blank]

    def absorb(self, effect: object) -> None:
        """Each order has its own note."""


@dataclass(frozen=True, slots=True)
class Departures:
    """Tracking numbers of the notes whose goods have left, and the changes asked for, by note."""

    shipped: Mapping[str, str]
    changes: Mapping[str, Change]

    def absorb(self, effect: object) -> None:
        """One note's goods tell nothing of another's."""


def of_orders(session: Session, visits: Sequence[Visit]) -> dict[str, Note]:
    """The notes of those orders whose process has notes approved, locked: none begins to wait for its goods to leave
    meanwhile. No round trip where none has.
    """
    ids = [visit.document.id for visit in visits if ACTIVITY in visit.activities]
    return {row[0]: Note(*row[1:]) for row in session.rows(_NOTES, array(ids))} if ids else {}


def ended(session: Session, visits: Sequence[Visit]) -> dict[str, Note]:
    """The notes of those orders whose end was agreed to and that have none at work. No round trip where none has."""
    ids = [visit.document.id for visit in visits if ACTIVITY in visit.activities]
    return {row[0]: Note(*row[1:]) for row in session.rows(_ENDED, array(ids))} if ids else {}


def read_notes(session: Session, visits: Sequence[Visit]) -> Notes:
    """The orders' notes, with the carriers planned and new numbers for as many as may be made."""
    present = of_orders(session, visits)
    present = {**ended(session, [visit for visit in visits if visit.order.id not in present]), **present}
    wanted = [visit for visit in visits if not (note := present.get(visit.order.id)) or not note.approved]
    prepared = {visit.order.id for visit in wanted if PREPARES in visit.activities}
    parts = read_parts(session, prepared, {visit.order.id for visit in wanted} - prepared) if wanted else {}
    return Notes(present, make_blanks(session, wanted, parts))


def make_blanks(session: Session, visits: Sequence[Visit], parts: Mapping[str, Parts]) -> dict[str, Blank]:
    """A blank for each order, to note whatever may leave of it now. Where nothing is prepared yet, all of it: a person
    vouches for it where the goods leave. Two round trips.
    """
    if not visits:
        return {}
    planned: dict[str, str] = dict(session.rows(_CARRIERS, array([visit.order.id for visit in visits])))
    numbers = take(session, "DN", visits[0].now, len(visits))
    blanks = {}
    for visit, number in zip(visits, numbers, strict=True):
        mine = replace(parts[visit.order.id], noted=None)  # a note that went out of work is no measure
        going = mine.going(visit.order)
        quantities = going if going or mine.left else None
        blanks[visit.order.id] = Blank(new_id(), number, planned.get(visit.order.id), quantities, mine.count + 1)
    return blanks


def save_issued(session: Session, effects: Sequence[object]) -> None:
    """Keep the notes that were made: never more than was ordered (LOG-02). A former one that went out of work goes."""
    issued = effects_of(Issued, effects)
    if not issued:
        return
    session.write(_RECALL, *columns([(each.note.order_id, each.note.created_at) for each in issued], 2))
    lines = [
        (each.note.number, each.order.id, line.number, line.quantity, line.product)
        for each in issued
        for line in each.note.lines
    ]
    session.write(_SAVE, *columns([_row(each.note, each.part) for each in issued], 11))
    count(session, [(each.order, {line.number: line.quantity for line in each.note.lines}) for each in issued])
    session.write(_SAVE_LINES, *columns(lines, 5))


def count(session: Session, noted: Sequence[tuple[Order, Mapping[int, int]]]) -> None:
    """Count what new notes name, units by line, before their lines: more than was ordered fails here (LOG-02)."""
    rows = [
        (order.id, line.number, line.quantity, quantities.get(line.number, 0))
        for order, quantities in noted
        for line in order.lines
    ]
    session.write(_COUNT, *columns(rows, 4))


def _row(note: DeliveryNote, part: int) -> tuple[object, ...]:
    place = (note.delivery.address, note.delivery.country, note.delivery.region)
    customer = (note.customer.code, note.customer.name)
    return (note.number, note.order_id, *customer, *place, note.carrier, note.created_at, note.id, part)


def recall(session: Session, visits: Sequence[Visit]) -> None:
    """The orders were returned or cancelled: their notes no longer hold, unless goods have left on them."""
    session.write(_RECALL, *columns([(visit.document.id, visit.now) for visit in visits], 2))


def read_departures(session: Session, visits: Sequence[Visit]) -> Departures:
    """Which of these notes' goods have left, and which changes are asked for. Two round trips."""
    folders = [visit.document.id for visit in visits]
    return Departures(dict(session.rows(_DEPARTED, array(folders))), read_pending(session, folders))


def save_approved(session: Session, effects: Sequence[object]) -> Collection[str]:
    """Notes as they were approved, address and carrier included; wakes the orders that wait for them."""
    notes = [effect.note for effect in effects_of(Approved, effects)]
    rows = [
        (note.number, note.delivery.address, note.delivery.country, note.delivery.region, note.carrier)
        for note in notes
    ]
    session.write(_APPROVE, *columns(rows, 5))
    return [f"note:{note.order_id}" for note in notes]


_NOTES = """
select w.id, n.folder_id, n.number, o.state, n.carrier from unnest(%s::uuid[]) as w(id)
cross join lateral (
    select n.folder_id, n.number, n.carrier from logistics.delivery_notes n
    where n.order_id = w.id and n.recalled_at is null and n.folder_id is not null
        and not exists (select from logistics.shipments s where s.note = n.number)
    limit 1
) n
join core.orders o on o.id = n.folder_id order by o.id for update of o
"""
# Only the last one counts: after it another may have been made, and have left.
_ENDED = """
select w.id, n.folder_id, n.number, 'ended', n.carrier from unnest(%s::uuid[]) as w(id)
cross join lateral (
    select n.folder_id, n.number, n.carrier from logistics.delivery_notes n where n.order_id = w.id
    order by n.issued_at desc, n.number desc limit 1
) n
where exists (select from logistics.note_changes c where c.note = n.number and c.change = 'end' and c.answer = 'agreed')
"""
_CARRIERS = """
select p.order_id, p.carrier from unnest(%s::uuid[]) as w(id)
join logistics.plans p on p.order_id = w.id where p.withdrawn_at is null and p.carrier is not null
"""
_SAVE = """
insert into logistics.delivery_notes
    (number, order_id, customer, customer_name, address, country, region, carrier, issued_at, folder_id, part)
select * from unnest(%s::text[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::timestamptz[], %s::uuid[], %s::smallint[])
"""
_COUNT = """
insert into logistics.ordered_lines as o (order_id, line, ordered, noted)
select * from unnest(%s::uuid[], %s::int[], %s::bigint[], %s::bigint[])
on conflict (order_id, line) do update set ordered = excluded.ordered, noted = o.noted + excluded.noted
"""
_SAVE_LINES = """
insert into logistics.delivery_note_lines (note, order_id, line, quantity, product)
select * from unnest(%s::text[], %s::uuid[], %s::int[], %s::bigint[], %s::text[])
"""
_RECALL = """
with recalled as (
    update logistics.delivery_notes n set recalled_at = w.at
    from unnest(%s::uuid[], %s::timestamptz[]) as w(order_id, at)
    where n.order_id = w.order_id and n.recalled_at is null and n.folder_id is not null
        and not exists (select from logistics.shipments s where s.note = n.number)
    returning n.number
)
update logistics.ordered_lines o set noted = o.noted - l.quantity
from recalled r join logistics.delivery_note_lines l on l.note = r.number
where o.order_id = l.order_id and o.line = l.line
"""
_DEPARTED = """
select n.folder_id, s.tracking_number from unnest(%s::uuid[]) as w(id)
join logistics.delivery_notes n on n.folder_id = w.id
join logistics.shipments s on s.note = n.number where s.recalled_at is null
"""
_APPROVE = """
update logistics.delivery_notes n set address = w.address, country = w.country, region = w.region,
    carrier = coalesce((
        select c.carrier from logistics.note_changes c
        where c.note = n.number and c.change = 'carrier' and c.answer = 'agreed' order by c.number desc limit 1
    ), w.carrier)
from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[]) as w(number, address, country, region, carrier)
where n.number = w.number
"""
