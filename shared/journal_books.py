"""The statements that a journal is written with: each takes what many orders did, and none of them waits."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from shared.anchors import COMMIT
from shared.database import Session, array, columns, json_list
from shared.standings import Standing

Rows = Sequence[tuple[Any, ...]]


def create(session: Session, new: Sequence[Standing], now: datetime) -> None:
    """Orders that were not there before."""
    if new:
        rows = [(*_row(one), one.definition.key, one.policy.key) for one in new]
        session.write(_CREATE, *columns(rows, 11), now, now, now)


def move(session: Session, moved: Sequence[Standing], now: datetime) -> None:
    """Where orders stand now."""
    if moved:
        session.write(_MOVE, *columns([_row(one) for one in moved], 9), now, now)


def date_rounds(session: Session, ids: Collection[str], now: datetime) -> None:
    """The rounds of these orders count from now."""
    if ids:
        session.write(_BEGUN, now, array(sorted(ids)))


def add_events(session: Session, events: Rows, now: datetime) -> None:
    """Lines of histories, given with their data as JSON text last."""
    if events:
        *lines, texts = zip(*events, strict=True)
        session.write(_EVENTS, now, *map(array, lines), json_list(texts))


def close(session: Session, ids: Collection[str], left: Collection[str], now: datetime) -> None:
    """Nothing is waited for and nobody is asked about these any more; those that `left` are not on hold either."""
    if ids:
        closed = array(sorted(ids))
        for statement in _CLOSE:
            session.write(statement, closed)
        session.write(_SUPERSEDE, now, closed)
    if left:
        session.write(_NOT_HELD, array(sorted(left)))


def open_tasks(session: Session, tasks: Rows) -> None:
    """Questions to people."""
    if tasks:
        session.write(_TASKS, *columns(tasks, 13))


def open_waits(session: Session, waits: Rows) -> None:
    """What is waited for."""
    if waits:
        session.write(_WAITS, *columns(waits, 8))


def _row(standing: Standing) -> tuple[object, ...]:
    return (
        standing.id,
        standing.version,
        standing.state,
        standing.round,
        " ".join(standing.open),
        " ".join(standing.done),
        standing.closing,
        standing.head,
        standing.revision,
    )


# Orders are never moved without a commit: one statement does both, and what the commit says is sent and read once.
_CREATE = f"""
with v as materialized (
    select * from unnest(%s::uuid[], %s::int[], %s::text[], %s::smallint[], %s::text[], %s::text[], %s::text[],
        %s::bytea[], %s::smallint[], %s::text[], %s::text[])
        as v(id, version, state, round, open, done, closing, head, revision, definition, policy)
), created as (
    insert into core.orders
        (updated_at, submitted_at, id, version, state, round, open, done, closing, head, revision, definition, policy)
    select %s, %s, v.id, v.version, v.state, v.round, string_to_array(v.open, ' '), string_to_array(v.done, ' '),
        v.closing, v.head, v.revision, v.definition, v.policy
    from v
)
{COMMIT}
"""  # noqa: S608 - a constant
_BEGUN = "update core.orders set submitted_at = %s where id = any(%s::uuid[])"
_MOVE = f"""
with v as materialized (
    select * from unnest(%s::uuid[], %s::int[], %s::text[], %s::smallint[], %s::text[], %s::text[], %s::text[],
        %s::bytea[], %s::smallint[]) as v(id, version, state, round, open, done, closing, head, revision)
), moved as (
    update core.orders o set updated_at = %s, version = v.version, state = v.state, round = v.round,
        closing = v.closing, open = string_to_array(v.open, ' '), done = string_to_array(v.done, ' '), head = v.head,
        revision = v.revision
    from v where o.id = v.id
)
{COMMIT}
"""  # noqa: S608 - a constant
# The primary key (order, seq) is the compare-and-set: a second writer of the same version fails here.
_EVENTS = """
insert into core.events (order_id, seq, at, kind, round, step, actor, state, data, hash)
select v.order_id, v.seq, %s, v.kind, v.round, v.step, v.actor, v.state, v.data, v.hash
from rows from (
    unnest(%s::uuid[], %s::int[], %s::text[], %s::smallint[], %s::text[], %s::text[], %s::text[], %s::bytea[]),
    json_array_elements(%s::json)
) as v(order_id, seq, kind, round, step, actor, state, hash, data)
"""
_TASKS = """
insert into core.user_tasks
    (id, order_id, round, step, department, roles, creator, order_version, findings, opened_at, due_at, opinion,
    submitted_at, excluded)
select v.id, v.order_id, v.round, v.step, v.department, string_to_array(v.roles, ' '), v.creator, v.version,
    v.findings, v.opened_at, v.due_at, v.opinion, o.submitted_at,
    case when v.not_by is not null then array(
        select p.person from (
            select e.actor, e.data ->> 'on_behalf_of' as absent from core.events e
            where e.order_id = v.order_id and e.step = v.not_by and e.kind in ('agreed', 'passed')
            order by e.seq desc limit 1
        ) f cross join lateral (values (f.actor), (f.absent)) as p(person) where p.person is not null
    ) end
from unnest(%s::uuid[], %s::uuid[], %s::smallint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[],
    %s::json[], %s::timestamptz[], %s::timestamptz[], %s::boolean[], %s::text[])
    as v(id, order_id, round, step, department, roles, creator, version, findings, opened_at, due_at, opinion, not_by)
join core.orders o on o.id = v.order_id
"""
_WAITS = """
insert into core.waits (order_id, step, key, round, department, since, due_at, task_id)
select * from unnest(%s::uuid[], %s::text[], %s::text[], %s::smallint[], %s::text[], %s::timestamptz[],
    %s::timestamptz[], %s::uuid[])
"""
_CLOSE = (
    "delete from core.waits where order_id = any(%s::uuid[])",
    "update core.user_tasks set status = 'closed' where order_id = any(%s::uuid[]) and status = 'open'",
)
_NOT_HELD = "update core.orders set held_by = null where id = any(%s::uuid[]) and held_by is not null"
_SUPERSEDE = """
update core.dead_letters set resolution = 'superseded', resolved_at = %s, resolved_by = 'system'
where subject_id = any(%s::uuid[]) and resolution is null
"""
