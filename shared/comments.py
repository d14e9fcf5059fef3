"""Handling comments (处理意见, APR-16, LOG-04): what is unfinished long after its date must be explained by somebody.

Until it is, changing its date, cancelling or closing it is refused; normal fulfilment goes on.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time

from messages.delivery_notes import DeliveryNote
from messages.folders import Document, DocumentKind
from messages.orders import Order
from shared.attempts import note_refused
from shared.calendar import BUSINESS_ZONE as ZONE
from shared.calendar import NO_OVERRIDES, Deadline, Overrides, begun_before, deadline
from shared.catalogue import Catalogue
from shared.database import Session, array, columns
from shared.department import finding
from shared.history import SYSTEM, Kind
from shared.ids import new_id
from shared.journal import Journal, as_data
from shared.policy import Policy
from shared.processes import Definition
from shared.roles import SALES
from shared.standings import Standing, lock_standings, read_standings
from shared.states import FINAL
from shared.tasks import Refusal

ROLES = SALES
"""Who may comment, beside the document's creator."""


def late_for(document: Document) -> date:
    """The day from which lateness counts: an order's delivery date (APR-16), a delivery note's own (LOG-04)."""
    return document.expected_date if isinstance(document, Order) else document.created_at.astimezone(ZONE).date()


def due_at(document: Document, policy: Policy, overrides: Overrides = NO_OVERRIDES) -> datetime | None:
    """Until when it may be unfinished without a comment; None: for ever."""
    allowed = _allowed(policy).get(_KINDS.get(type(document), ""))
    noon = datetime.combine(late_for(document), time(12), ZONE)
    return None if allowed is None else deadline(noon, allowed, overrides)


def is_overdue(folder: Standing, now: datetime, overrides: Overrides = NO_OVERRIDES) -> bool:
    """Whether it is unfinished past that time."""
    until = due_at(folder.document, folder.policy, overrides)
    return folder.state not in FINAL and until is not None and now > until


_KINDS: Mapping[type, str] = {Order: DocumentKind.ORDER, DeliveryNote: DocumentKind.DELIVERY_NOTE}


def _allowed(policy: Policy) -> dict[str, Deadline]:
    return {
        DocumentKind.ORDER: policy.order_comment_after,
        DocumentKind.DELIVERY_NOTE: policy.delivery_note_comment_after,
    }


def uncommented(
    session: Session, folders: Iterable[Standing], now: datetime, overrides: Overrides = NO_OVERRIDES
) -> set[str]:
    """The ids of the orders that need a comment and have none for their present date."""
    late = [folder for folder in folders if is_overdue(folder, now, overrides)]
    if not late:
        return set()
    dates = [(folder.id, late_for(folder.document)) for folder in late]
    given = {row[0] for row in session.rows(_GIVEN, *columns(dates, 2))}
    return {folder.id for folder in late} - given


def ask(
    session: Session,
    definitions: Catalogue[Definition],
    policies: Catalogue[Policy],
    now: datetime,
    after: str,
    limit: int,
    *,
    returned: bool = False,
    overrides: Overrides = NO_OVERRIDES,
) -> tuple[str | None, int]:
    """Put the question into the inbox for the next `limit` orders, once for each order and date; returns where to go on
    (None: that was all), and how many that were.

    Orders at work are found where they stand: with people, waiting, or set aside. Those `returned` to their creators
    stand nowhere else and are looked for among all orders: for a slow round.
    """
    begun = [
        (policy.key, kind, begun_before(now, allowed, overrides).astimezone(ZONE).date())
        for policy in policies.entries.values()
        for kind, allowed in _allowed(policy).items()
    ]
    unfinished = _RETURNED if returned else _AT_WORK
    found = session.rows(_LATE.format(unfinished=unfinished), *columns(begun, 3), after, limit)
    journal = Journal(now)
    rows = []
    for folder in read_standings(session, [row[0] for row in found], definitions, policies).values():
        rows.append((new_id(), folder.id, late_for(folder.document)))
        told = finding("document.overdue", date=late_for(folder.document).isoformat())
        journal.note(folder, Kind.COMMENT_ASKED, None, SYSTEM, {"findings": as_data([told])})
    if rows:
        session.write(_ASK, now, " ".join(ROLES), *columns(rows, 3))
    journal.write(session)
    return (found[-1][0] if len(found) == limit else None), len(rows)


def close_finished(session: Session, now: datetime) -> int:
    """What was finished meanwhile needs no comment any more; returns how many that are."""
    return len(session.rows(_CLOSE, now, array(sorted(FINAL))))


def comment(
    session: Session,
    number: str,
    person: str,
    text: str,
    definitions: Catalogue[Definition],
    policies: Catalogue[Policy],
    now: datetime,
    overrides: Overrides = NO_OVERRIDES,
) -> Refusal | None:
    """Record somebody's comment, or why not (AUD-01). It may be given before it was asked for."""
    found = session.row("select order_id from core.order_headers where number = %s", number)
    folders = lock_standings(session, {found[0]} if found else set(), definitions, policies)
    if not folders:
        return Refusal("order.unknown", {"order": number})
    folder = next(iter(folders.values()))
    refusal = _refused(session, folder, person, text, now, overrides)
    if refusal:
        note_refused(session, now, person, "order.comment", number, refusal)
        return refusal
    late = late_for(folder.document)
    session.write(_GIVE, new_id(), folder.id, late, now, list(ROLES), text.strip(), person, now)
    journal = Journal(now)
    journal.note(folder, Kind.COMMENTED, None, person, {"comment": text.strip(), "date": late})
    journal.write(session)
    return None


def _refused(
    session: Session, folder: Standing, person: str, text: str, now: datetime, overrides: Overrides
) -> Refusal | None:
    number = folder.document.number
    if not text.strip():
        return Refusal("comment.empty", {"order": number})
    if person != folder.document.creator and not session.row(_MAY, person, list(ROLES)):
        return Refusal("comment.role", {"person": person, "roles": " ".join(ROLES)})
    if not is_overdue(folder, now, overrides):
        return Refusal("comment.not_needed", {"order": number, "state": folder.state})
    return None


_LATE = """
select o.id from core.orders o join core.order_headers h on h.order_id = o.id
join unnest(%s::text[], %s::text[], %s::date[]) as p(key, kind, begun) on p.key = o.policy and p.kind = h.document_kind
cross join lateral (
    select coalesce(h.delivery_date, h.requested_date, (h.created_at at time zone 'Asia/Shanghai')::date) as day
) as late
where {unfinished} and late.day < p.begun and o.id > %s::uuid and not exists (
    select from core.handling_comments c where c.order_id = o.id and c.requested_date = late.day
)
order by o.id limit %s for update of o skip locked
"""
_AT_WORK = """o.id in (
    select order_id from core.waits union select order_id from core.user_tasks where status = 'open'
    union select subject_id from core.dead_letters where kind = 'steps' and resolution is null
)"""
_RETURNED = "o.state = 'returned'"
_CLOSE = """
update core.handling_comments c set closed_at = %s from core.orders o
where c.closed_at is null and o.id = c.order_id and o.state = any(%s::text[])
returning c.id
"""
_GIVEN = """
select c.order_id from unnest(%s::uuid[], %s::date[]) as k(order_id, day)
join core.handling_comments c on c.order_id = k.order_id and c.requested_date = k.day and c.comment is not null
"""
_ASK = """
insert into core.handling_comments (asked_at, roles, id, order_id, requested_date)
select %s, string_to_array(%s, ' '), v.* from unnest(%s::uuid[], %s::uuid[], %s::date[]) as v on conflict do nothing
"""
_GIVE = """
insert into core.handling_comments (id, order_id, requested_date, asked_at, roles, comment, given_by, given_at)
values (%s, %s, %s, %s, %s, %s, %s, %s)
on conflict (order_id, requested_date) do update
set comment = excluded.comment, given_by = excluded.given_by, given_at = excluded.given_at
"""
_MAY = "select 1 from core.staff where id = %s and active and roles && %s::text[]"
