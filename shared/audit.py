"""The audit: what must hold in the books at any time, proven from the database alone. It reads one snapshot."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from shared.database import Database, Row, Session
from shared.history import Broken, Event, Kind, fold


@dataclass(frozen=True, slots=True)
class Invariant:
    """`sql` returns a row (subject, detail) for every breach, and none while all is well."""

    code: str
    sql: str


@dataclass(frozen=True, slots=True)
class Breach:
    """One thing that does not hold: which invariant, of which order or document, and how."""

    invariant: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was looked at, and everything that was found."""

    orders: int
    events: int
    invariants: int
    breaches: tuple[Breach, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.breaches


def audit(database: Database, department_invariants: Sequence[Invariant]) -> Verdict:
    """Check every invariant and every order's history. Takes a while: about a second per 50,000 events."""
    invariants = (*CORE, *department_invariants)
    with database.transaction() as session:
        session.write("set transaction isolation level repeatable read, read only")
        # The hot path's plans suit a few hundred rows; here whole tables are read.
        session.write("set local enable_seqscan = on")
        session.write("set local enable_hashjoin = on")
        session.write("set local enable_mergejoin = on")
        session.write("set local statement_timeout = 0")
        breaches = [
            Breach(each.code, str(subject), str(detail))
            for each in invariants
            for subject, detail in session.rows(each.sql)
        ]
        orders = events = 0
        standings = _standings(session)
        for order_id, history in groupby(_events(session), key=lambda event: event.order_id):
            lines = list(history)
            orders += 1
            events += len(lines)
            breaches += _compare(order_id, lines, next(standings, None))
        breaches += [Breach("history.is_there", row[0], "an order without events") for row in standings]
    return Verdict(orders, events, len(invariants) + 2, tuple(breaches))


def _events(session: Session) -> Iterator[Event]:
    last = ("00000000-0000-0000-0000-000000000000", 0)
    while rows := session.rows(_EVENTS, *last, _PAGE):
        for row in rows:
            order_id, seq, at, kind, round_, step, actor, state, text, hash_ = row
            yield Event(order_id, seq, at, Kind(kind), round_, step, actor, state, text, json.loads(text), hash_)
        last = (rows[-1][0], rows[-1][1])


def _standings(session: Session) -> Iterator[Row]:
    last = "00000000-0000-0000-0000-000000000000"
    while rows := session.rows(_ORDERS, last, _PAGE):
        yield from rows
        last = rows[-1][0]


def _compare(order_id: str, events: Iterable[Event], row: Row | None) -> Iterator[Breach]:
    try:
        folded = fold(events)
    except (Broken, ValueError) as broken:
        yield Breach("history.verifies", order_id, str(broken))
        return
    if row is None or row[0] != order_id:
        yield Breach("history.has_order", order_id, "orders and histories do not go together from here on")
        return
    expected = (folded.version, folded.state, folded.round, sorted(folded.open), sorted(folded.done), folded.head)
    found = (*row[1:4], sorted(row[4]), sorted(row[5]), row[6])
    if found != expected:
        yield Breach("history.folds", order_id, f"stands at {found[:5]}, its events say {expected[:5]}")


_PAGE = 20_000
_EVENTS = """
select order_id, seq, at, kind, round, step, actor, state, data, hash from core.events
where (order_id, seq) > (%s::uuid, %s) order by order_id, seq limit %s
"""
_ORDERS = """
select id, version, state, round, open, done, head from core.orders where id > %s::uuid order by id limit %s
"""

_OWNED = """
with opened as (
    select o.id, o.round, s.step from core.orders o cross join lateral unnest(o.open) as s(step)
), owners as (
    select r.id, r.round, r.step from core.batches b cross join lateral unnest(b.ids, b.rounds, b.steps)
        as r(id, round, step) where b.kind = 'steps'
    union all select order_id, round, step from core.user_tasks where status = 'open'
    union all select distinct order_id, round, step from core.waits
    union all select subject_id, round, step from core.dead_letters where kind = 'steps' and resolution is null
)
select h.number, opened.step || ': ' || count(w.id) || ' owners' from opened
join core.order_headers h on h.order_id = opened.id
left join owners w on w.id = opened.id and w.round = opened.round and w.step = opened.step
group by h.number, opened.id, opened.round, opened.step having count(w.id) <> 1
"""

CORE = (
    Invariant("order.open_step_has_one_owner", _OWNED),
    Invariant(
        "order.is_complete",
        """
        select coalesce(h.number, o.id::text), 'header, document and row do not go together'
        from core.orders o full join core.order_headers h on h.order_id = o.id
        left join core.order_documents d on d.order_id = o.id and d.revision = o.revision
        where o.id is null or h.order_id is null or d.order_id is null
        """,
    ),
    Invariant(
        "order.finished_or_open",
        """
        select h.number, o.state from core.orders o join core.order_headers h on h.order_id = o.id
        where (cardinality(o.open) = 0) <> (o.state in (
            'draft', 'returned', 'archived', 'ended', 'cancelled', 'purged', 'replaced'
        ))
        """,
    ),
    Invariant(
        "order.step_finished_once_per_round",
        """
        select e.order_id, e.step || ' in round ' || e.round from core.events e
        where e.kind in ('passed', 'agreed', 'carried') group by e.order_id, e.round, e.step having count(*) > 1
        """,
    ),
    Invariant(
        "task.decided_by_another",
        """
        select t.id, t.decided_by from core.user_tasks t join core.order_headers h on h.order_id = t.order_id
        where t.decided_by = h.creator
        """,
    ),
    Invariant(
        "task.decision_has_effect",
        """
        select t.id, t.decision from core.user_tasks t
        where t.status = 'decided' and not exists (
            select from core.events e where e.order_id = t.order_id and e.data::jsonb ->> 'task' = t.id::text
                and e.kind in ('agreed', 'disagreed', 'opinion')
        ) and not exists (
            select from core.events e where e.order_id = t.order_id
                and e.data::jsonb -> 'agreed_before' ->> 'task' = t.id::text
        ) and not exists (
            select from core.batches b where t.id = any(b.tasks)
        ) and not exists (
            select from core.dead_letters d where d.task_id = t.id and d.resolution is null
        ) and not exists (
            select from core.orders o where o.id = t.order_id
                and (o.round <> t.round or o.closing is not null
                    or o.state in ('returned', 'cancelled', 'purged', 'replaced'))
        )
        """,
    ),
    Invariant(
        "fact.is_booked",
        """
        select f.id, f.kind from core.facts f where f.handled_at is null
            and not exists (select from core.batches b where b.kind = 'facts' and f.id = any(b.ids))
            and not exists (select from core.dead_letters d where d.subject_id = f.id)
        """,
    ),
)
"""What must hold of orders whatever the departments do."""
