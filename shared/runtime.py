"""The life of one batch: claim, lock, load, decide, save, advance, commit; only then publish, only then acknowledge.

Two guards make a repeated, late or reordered message harmless: the batch's row can be claimed once, and an order is
worked on only while it stands at the round and step that the batch names. Nothing here knows a department or a broker.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
import structlog

from messages.batch import Batch, BatchKind
from messages.commands import FACT
from messages.folders import kind_of
from shared import carried
from shared.batches import Ref, write_batches
from shared.calendar import BUSINESS_ZONE, NO_OVERRIDES, Overrides
from shared.catalogue import Catalogue
from shared.database import CommitUnknown, Database, Row, Session, array, columns, database_is_away
from shared.department import (
    Booked,
    Department,
    FactHandler,
    Finding,
    NewFolder,
    ReportedFact,
    Unworkable,
    Visit,
    effects_of,
)
from shared.failures import record_failure
from shared.folders import Opening, open_folders
from shared.history import SYSTEM, Kind
from shared.journal import UNDO, Journal, as_data
from shared.outbox import to_json
from shared.policy import Policy
from shared.processes import Definition, Step, select
from shared.settling import Decision, decisions, settle
from shared.standings import COLUMNS, Standing, lock_standings, standing
from shared.states import State, may_end

log = structlog.get_logger()

_CONFLICTS = 10
"""How often a transaction that lost to a concurrent one (deadlock, serialisation) is run again at once."""


@dataclass(slots=True)
class Counters:
    """What a worker has done since it started, for its heartbeat."""

    handled: int = 0
    duplicates: int = 0
    stale: int = 0


@dataclass(frozen=True, slots=True)
class Runtime:
    """Everything one department's worker needs. `publish` sends messages to the broker and never raises: what it could
    not send stands in PostgreSQL, and rescue sends it.
    """

    department: Department
    database: Database
    definitions: Catalogue[Definition]
    policies: Catalogue[Policy]
    publish: Callable[[Sequence[Batch]], None]
    attempts: int
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    overrides: Callable[[], Overrides] = lambda: NO_OVERRIDES
    counters: Counters = field(default_factory=Counters)

    def handle(self, batch: Batch) -> None:
        """Work on one message. On return it may be acknowledged: it is done, or PostgreSQL knows what is to be done."""
        error: Exception | None = None
        for _ in range(_CONFLICTS):
            try:
                self.publish(self._work(batch))
                return
            except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure) as conflict:
                error = conflict
            except Exception as failure:
                if database_is_away(failure):
                    raise  # the row stays, and rescue brings it back
                error = failure
                break
        assert error is not None, "the loop ends by returning, or with an error"
        log.warning("batch.failed", batch=batch.id, department=self.department.name, error=repr(error))
        self.publish(record_failure(self.database, batch, error, self.attempts, self.now()))

    def _work(self, batch: Batch) -> list[Batch]:
        work = self._steps if batch.kind is BatchKind.STEPS else self._facts
        messages: list[Batch] = []
        handled = 0
        try:
            with self.database.transaction() as session:
                messages, handled = work(session, batch)
        except CommitUnknown:  # the row was claimed in the same transaction: if it is gone, that was committed
            if self._still_there(batch):
                raise
        self.counters.handled += handled
        return messages

    def _still_there(self, batch: Batch) -> bool:
        with self.database.transaction() as session:
            return session.row("select 1 from core.batches where id = %s", batch.id) is not None

    # -- orders at a step ------------------------------------------------------------------------------------------

    def _steps(self, session: Session, batch: Batch) -> tuple[list[Batch], int]:
        rows = session.rows(_CLAIM_STEPS, batch.id)
        if not rows:
            self.counters.duplicates += 1
            return [], 0
        journal = Journal(self.now(), self.overrides())
        rows_by_order = {row[0]: row for row in rows}
        folders = {
            order_id: standing(row[0:1] + row[4:], self.definitions, self.policies)
            for order_id, row in rows_by_order.items()
        }
        valid = [
            Ref(row[0], row[1], row[2], row[3])
            for row in rows
            if folders[row[0]].round == row[1] and row[2] in folders[row[0]].open
        ]
        self.counters.stale += len(rows) - len(valid)
        valid, later = _one_step_each(valid)
        for ref in later:
            journal.send(self.department.name, ref)
        valid = _not_held(journal, valid, folders)
        decided = decisions(session, valid)
        agreements = carried.read(session, folders.values())
        wake: set[str] = set()
        for activity, refs in _by_activity(valid, folders):
            wake.update(self._visit(session, journal, activity, refs, folders, decided, agreements))
        return [*journal.write(session), *wake_orders(session, wake, journal.now)], len(valid)

    def _visit(
        self,
        session: Session,
        journal: Journal,
        activity_name: str,
        refs: Sequence[Ref],
        folders: Mapping[str, Standing],
        decided: Mapping[str, Decision],
        agreements: carried.Agreements,
    ) -> Collection[str]:
        undoing = activity_name.startswith(UNDO)
        activity = self.department.activities.get(activity_name.removeprefix(UNDO))
        if activity is None:
            raise Unworkable(f"{self.department.name} has no activity {activity_name}")
        visits = [_as_visit(ref, folders[ref.id], journal.now, decided) for ref in refs]
        if undoing:
            wake = activity.undo(session, visits)
            for ref in refs:
                journal.undone(folders[ref.id], ref.step)
            self._end_opened(session, journal, activity_name, refs)
            return wake or ()
        asked = []
        for ref, visit in zip(refs, visits, strict=True):
            decision = decided.get(ref.task) if ref.task else None
            if decision and decision.choice == "disagree":
                folder = folders[ref.id]
                journal.disagree(
                    folder, folder.definition.step(ref.step), Kind.DISAGREED, decision.by, decision.as_data()
                )
            else:
                asked.append((visit, folders[ref.id], decision))
        if not asked:
            return ()
        facts = activity.load(session, [visit for visit, _, _ in asked])
        effects: list[Any] = []
        inputs = self.department.inputs.get(activity_name)
        for visit, folder, decision in asked:
            outcome = activity.decide(visit, facts)
            kept = carried.at(folder, visit.step, inputs, agreements)
            for effect in settle(journal, folder, visit.step, outcome, decision, kept):
                facts.absorb(effect)
                effects.append(effect)
        if not effects:
            return ()
        self._open(session, journal, effects_of(NewFolder, effects))
        return activity.save(session, effects) or ()

    def _open(self, session: Session, journal: Journal, new: Sequence[NewFolder]) -> None:
        today = journal.now.astimezone(BUSINESS_ZONE).date()
        opening = []
        for one in new:
            kind = kind_of(one.document)
            definition = select(self.definitions, one.document.sale_type, today, one.definition, kind)
            opening.append(Opening(one.document, definition, one.policy, one.actor, {}, one.links))
        open_folders(session, journal, opening)

    def _end_opened(self, session: Session, journal: Journal, activity_name: str, refs: Sequence[Ref]) -> None:
        """The folders that an undone step had opened end with it, as far as they are still at work."""
        link = self.department.opens.get(activity_name.removeprefix(UNDO))
        if link is None:
            return
        found: dict[str, str] = dict(session.rows(_OPENED, link, array([ref.id for ref in refs])))
        for folder in lock_standings(session, found, self.definitions, self.policies).values():
            if may_end(folder.state):
                data = {"reason": f"{found[folder.id]} was taken back"}
                journal.end(folder, Kind.CANCELLATION_REQUESTED, SYSTEM, State.CANCELLED, data)

    # -- reported facts --------------------------------------------------------------------------------------------

    def _facts(self, session: Session, batch: Batch) -> tuple[list[Batch], int]:
        rows = session.rows(_CLAIM_FACTS, batch.id)
        if not rows:
            self.counters.duplicates += 1
            return [], 0
        now = self.now()
        session.write(_LOCK_ORDERS, array(sorted({row[1] for row in rows if row[1]})))
        facts = [ReportedFact(row[0], row[1], FACT.validate_json(row[2]), now) for row in rows if row[0]]
        wake: set[str] = set()
        refused: dict[str, list[Finding]] = {}
        for handler, reported in self._by_handler(facts):
            booked: Booked = handler(session, reported)
            wake.update(booked.wake)
            for fact_id, reason in booked.refused.items():
                refused[fact_id] = [reason, *booked.also.get(fact_id, ())]
        outcomes = [(fact.id, to_json(as_data(refused[fact.id])) if fact.id in refused else None) for fact in facts]
        session.write(_HANDLED, now, *columns(outcomes, 2))
        return wake_orders(session, wake, now), len(facts)

    def _by_handler(self, facts: Sequence[ReportedFact]) -> list[tuple[FactHandler, list[ReportedFact]]]:
        """What each handler books, as it came in, whatever its kinds; handlers always in the same order, so that two
        batches lock alike.
        """
        handlers = self.department.fact_handlers
        unknown = {fact.body.kind for fact in facts} - handlers.keys()
        if unknown:
            raise Unworkable(f"{self.department.name} books no facts of kind {', '.join(sorted(unknown))}")
        groups: dict[FactHandler, list[ReportedFact]] = {}
        for fact in sorted(facts, key=lambda fact: fact.id):
            groups.setdefault(handlers[fact.body.kind], []).append(fact)
        return [(each, groups[each]) for each in dict.fromkeys(handlers.values()) if each in groups]


def wake_orders(session: Session, keys: Iterable[str], now: datetime) -> list[Batch]:
    """Put every order that waits for one of the keys into batches for its department."""
    wanted = sorted(set(keys))
    if not wanted:
        return []
    return release(session, session.rows(_WAKE, array(wanted)), now)


def release(session: Session, waits: Sequence[Row], now: datetime) -> list[Batch]:
    """Batches for deleted waits, given as (order, round, step, department, decided task)."""
    journal = Journal(now)
    for order_id, round_, step, department, task in sorted(set(waits)):
        journal.send(department, Ref(order_id, round_, step, task, lines=_WOKEN_LINES))
    return write_batches(session, journal.refs, now)


_WOKEN_LINES = 8
"""What a woken order counts for in a batch, as its lines are not read for that."""


def _one_step_each(refs: Sequence[Ref]) -> tuple[list[Ref], list[Ref]]:
    """Each order at one of its steps, and the rest for batches of their own: what one step of a parallel group does to
    the order (return it, say) must be known before another one is decided.
    """
    first: dict[str, Ref] = {}
    later = [ref for ref in refs if first.setdefault(ref.id, ref) is not ref]
    return list(first.values()), later


def _not_held(journal: Journal, refs: Sequence[Ref], folders: Mapping[str, Standing]) -> list[Ref]:
    """Those that may move; what is on hold waits. What is being undone goes on."""
    moving = []
    for ref in refs:
        folder = folders[ref.id]
        if folder.held_by is None or ref.step.startswith(UNDO):
            moving.append(ref)
        else:
            journal.hold(folder, folder.definition.step(ref.step), ref.task)
    return moving


def _by_activity(refs: Sequence[Ref], folders: Mapping[str, Standing]) -> Iterator[tuple[str, list[Ref]]]:
    groups: dict[str, list[Ref]] = {}
    for ref in refs:
        prefix = UNDO if ref.step.startswith(UNDO) else ""
        step: Step = folders[ref.id].definition.step(ref.step.removeprefix(UNDO))
        groups.setdefault(prefix + step.activity, []).append(ref)
    yield from groups.items()


def _as_visit(ref: Ref, folder: Standing, now: datetime, decided: Mapping[str, Decision]) -> Visit:
    step = folder.definition.step(ref.step.removeprefix(UNDO))
    decision = decided.get(ref.task) if ref.task else None
    return Visit(
        document=folder.document,
        round=folder.round,
        step=step.id,
        options=step.options,
        policy=folder.policy,
        now=now,
        activities=folder.definition.activities,
        done=tuple(folder.done),
        agreed=decision is not None and decision.choice == "agree",
        reason=(decision.reason if decision else None) or "",
    )


_CLAIM_STEPS = f"""
with claimed as (delete from core.batches where id = %s returning ids, rounds, steps, tasks)
select o.id, r.round, r.step, r.task, {COLUMNS}
from claimed c
cross join lateral unnest(c.ids, c.rounds, c.steps, c.tasks) as r(id, round, step, task)
join core.orders o on o.id = r.id
join core.order_documents d on d.order_id = o.id and d.revision = o.revision
order by o.id for update of o
"""  # noqa: S608 - a constant
_CLAIM_FACTS = """
with claimed as (delete from core.batches where id = %s returning ids)
select f.id, f.order_id, f.body
from claimed c cross join lateral unnest(c.ids) as r(id) left join core.facts f on f.id = r.id and f.handled_at is null
order by f.id
"""
_OPENED = """
select l.order_id, h.number from core.links l join core.order_headers h on h.order_id = l.other_id
where l.kind = %s and l.other_id = any(%s::uuid[])
"""
_LOCK_ORDERS = "select 1 from core.orders where id = any(%s::uuid[]) order by id for update"
_HANDLED = """
update core.facts f set handled_at = %s, refused = v.refused
from unnest(%s::uuid[], %s::json[]) as v(id, refused) where f.id = v.id
"""
# Both sides delete waits in key order: a department that closes an order, and facts that wake it.
_WAKE = """
with woken as (
    select w.order_id, w.step, w.key from core.waits w
    where (w.order_id, w.step) in (select k.order_id, k.step from core.waits k where k.key = any(%s::text[]))
    order by w.order_id, w.step, w.key for update
)
delete from core.waits w using woken
where w.order_id = woken.order_id and w.step = woken.step and w.key = woken.key
returning w.order_id, w.round, w.step, w.department, w.task_id
"""
