"""What logistics reads and keeps of changes of approved delivery notes (LOG-05)."""

from collections.abc import Collection, Sequence

from messages.facts.logistics import NoteChangeRequested
from shared.database import Session, array, columns
from shared.department import Booked, Finding, ReportedFact, Visit, effects_of, finding
from shared.roles import SALES
from workers.logistics.change_rules import END, Change, Changed, change_key
from workers.logistics.people import not_allowed, read_roles

REQUESTERS = ("logistics_clerk", *SALES)
"""Who may ask for a change."""


def read_pending(session: Session, folders: Collection[str]) -> dict[str, Change]:
    """The unanswered requests, by the notes' folders. One round trip."""
    return {row[0]: Change(*row[1:]) for row in session.rows(_PENDING, array(sorted({*folders})))}


def book_requests(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Keep requests and let supervisor or finance decide. Refused: what is no approved note at work, a carrier that we
    do not have, a second request while one is open.
    """
    reports = [(fact, fact.body) for fact in facts if isinstance(fact.body, NoteChangeRequested)]
    roles = read_roles(session, {body.by for _, body in reports})
    folders = array(sorted({fact.order_id for fact, _ in reports if fact.order_id}))
    carriers = array(sorted({body.carrier for _, body in reports if body.carrier}))
    found, known = session.together((_NOTES, (folders,)), (_CARRIERS, (carriers,)))
    notes = {row[0]: row[1:] for row in found}
    active = {row[0] for row in known}
    refused: dict[str, Finding] = {}
    rows: dict[str, tuple[object, ...]] = {}
    for fact, body in reports:
        note, at_work, pending, count = notes.get(fact.order_id or "", (None, False, False, 0))
        reason = not_allowed(body.by, roles, REQUESTERS)
        if note is None or fact.order_id is None:
            reason = finding("note.unknown", body.order)
        elif not at_work:
            reason = reason or finding("note.not_at_work", body.order)
        elif pending or fact.order_id in rows:
            reason = reason or finding("note.change_open", body.order)
        elif body.carrier and body.carrier not in active:
            reason = reason or finding("note.unknown_carrier", body.order, carrier=body.carrier)
        if reason or fact.order_id is None:
            refused[fact.id] = reason or finding("note.unknown", body.order)
            continue
        wanted = (body.change, body.ships_on, body.carrier, body.reason, body.by, fact.now)
        rows[fact.order_id] = (note, count + 1, *wanted)
    if rows:
        session.write(_REQUEST, *columns(list(rows.values()), 8))
    return Booked([change_key(folder) for folder in rows], refused)


def save_changes(session: Session, effects: Sequence[object]) -> Collection[str]:
    """What was agreed to; wakes the orders whose note ended."""
    changed = effects_of(Changed, effects)
    if not changed:
        return ()
    rows = [(each.note.number, each.change.number, each.at) for each in changed]
    session.write(_AGREE, *columns(rows, 3))
    ended = [(each.note.number, each.at) for each in changed if each.change.change == END]
    if ended:
        session.write(_END, *columns(ended, 2))
    return [f"note:{each.note.order_id}" for each in changed if each.change.change == END]


def refuse(session: Session, visits: Sequence[Visit]) -> None:
    """Somebody disagreed, or the note goes with its order: what was asked for is refused."""
    session.write(_REFUSE, *columns([(visit.document.id, visit.now) for visit in visits], 2))


_PENDING = """
select n.folder_id, c.number, c.change, c.by, c.reason, c.ships_on, c.carrier
from unnest(%s::uuid[]) as w(id) join logistics.delivery_notes n on n.folder_id = w.id
join logistics.note_changes c on c.note = n.number and c.answer is null
"""
_NOTES = """
select n.folder_id, n.number, o.state = 'approved' and n.recalled_at is null and not exists (
        select from logistics.shipments s where s.note = n.number
    ),
    exists (select from logistics.note_changes c where c.note = n.number and c.answer is null),
    (select count(*) from logistics.note_changes c where c.note = n.number)
from unnest(%s::uuid[]) as w(id) join logistics.delivery_notes n on n.folder_id = w.id
join core.orders o on o.id = n.folder_id
"""
_CARRIERS = "select code from logistics.carriers where code = any(%s::text[]) and active"
_REQUEST = """
insert into logistics.note_changes (note, number, change, ships_on, carrier, reason, by, requested_at)
select * from unnest(%s::text[], %s::smallint[], %s::text[], %s::date[], %s::text[], %s::text[], %s::text[],
    %s::timestamptz[])
"""
_AGREE = """
with agreed as (
    update logistics.note_changes c set answer = 'agreed', answered_at = w.at
    from unnest(%s::text[], %s::smallint[], %s::timestamptz[]) as w(note, number, at)
    where c.note = w.note and c.number = w.number and c.answer is null
    returning c.note, c.ships_on, c.carrier
)
update logistics.delivery_notes n
set ships_on = coalesce(a.ships_on, n.ships_on), carrier = coalesce(a.carrier, n.carrier)
from agreed a where n.number = a.note
"""
_END = """
with ended as (
    update logistics.delivery_notes n set recalled_at = w.at
    from unnest(%s::text[], %s::timestamptz[]) as w(number, at)
    where n.number = w.number and n.recalled_at is null
    returning n.number
)
update logistics.ordered_lines o set noted = o.noted - l.quantity
from ended e join logistics.delivery_note_lines l on l.note = e.number
where o.order_id = l.order_id and o.line = l.line
"""
_REFUSE = """
update logistics.note_changes c set answer = 'refused', answered_at = w.at
from unnest(%s::uuid[], %s::timestamptz[]) as w(id, at) join logistics.delivery_notes n on n.folder_id = w.id
where c.note = n.number and c.answer is null
"""
