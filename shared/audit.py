"""The audit: what must hold in the books at any time, proven from the database alone. It reads one snapshot."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from shared.anchors import Anchor
from shared.database import Database
from shared.evidence import INVARIANTS, Breach, Seen, examine, kept


@dataclass(frozen=True, slots=True)
class Invariant:
    """`sql` returns a row (subject, detail) for every breach, and none while all is well."""

    code: str
    sql: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was looked at, and everything that was found."""

    orders: int
    events: int
    commits: int
    unanchored: int
    anchors: int
    invariants: int
    breaches: tuple[Breach, ...]
    kept: Anchor | None = None
    """The anchor whose root somebody had kept."""

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.breaches


def audit(
    database: Database,
    department_invariants: Sequence[Invariant],
    kept_root: bytes | None = None,
    told: Callable[[int, int], None] = lambda _done, _total: None,
) -> Verdict:
    """Check every invariant, every order's history, and what is anchored. Takes a minute or two for a million events.

    `kept_root`: a root that somebody outside kept; it must be in the chain. `told` hears how many events of how many
    are done.
    """
    invariants = (*CORE, *department_invariants)
    seen = Seen()
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
        breaches += examine(session, seen, told)
        anchor = kept(session, kept_root) if kept_root else None
    if kept_root and not anchor:
        detail = "no anchor has this root: what was recorded until then has been replaced"
        breaches.append(Breach("anchor.is_kept", kept_root.hex(), detail))
    return Verdict(**asdict(seen), invariants=len(invariants) + len(INVARIANTS), breaches=tuple(breaches), kept=anchor)


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
        "task.decided_for_whom_it_may_be",
        """
        select t.id, t.decided_by || ' for ' || t.decided_for from core.user_tasks t
        where t.decided_for is not null and not exists (
            select from core.delegations d where d.delegator = t.decided_for and d.delegate = t.decided_by
                and d.starts_at <= t.decided_at and t.decided_at < d.ends_at
                and (d.revoked_at is null or t.decided_at <= d.revoked_at)
        )
        """,
    ),
    Invariant(
        "question.is_waited_for",
        """
        select h.number, coalesce(q.question, 'waits for no question')
        from (
            select q.order_id, q.question from core.questions q join core.orders o on o.id = q.order_id
            where q.status = 'open' and q.round = o.round and q.step = any(o.open) and o.closing is null
        ) q
        full join (select order_id from core.waits where key = 'information:' || order_id) w on w.order_id = q.order_id
        join core.order_headers h on h.order_id = coalesce(q.order_id, w.order_id)
        where q.order_id is null or w.order_id is null
        """,
    ),
    Invariant(
        "order.on_hold_as_told",
        """
        select h.number, coalesce(o.held_by, 'nobody') || ', told ' || coalesce(e.kind || ' by ' || e.actor, 'nothing')
        from core.orders o join core.order_headers h on h.order_id = o.id
        left join lateral (
            select e.kind, e.actor from core.events e where e.order_id = o.id and e.kind in ('held', 'resumed')
            order by e.seq desc limit 1
        ) e on true
        where (o.held_by is not null and (e.kind, e.actor) is distinct from ('held', o.held_by))
            or (o.held_by is null and exists (
                select from core.waits w where w.order_id = o.id and w.key = 'hold:' || o.id
            ))
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
            select from core.waits w where w.task_id = t.id
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
        "letter.confirmation_is_kept",
        """
        select l.number, 'the confirmation was sent, and what was sent is not there' from core.letters l
        where l.kind = 'confirmation' and l.status = 'sent' and l.revision is not null
            and not exists (select from core.letter_papers p where p.letter_id = l.id)
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
