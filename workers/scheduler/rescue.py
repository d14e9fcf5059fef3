"""Rescue: republish a batch whose message is gone, and only then. A backlog, however old, is left alone.

A row of `core.batches` stands for one message. A message that a dead worker held may have killed it: that splits the
batch until the culprit stands alone, then counts as an attempt, until it becomes a dead letter.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from messages.batch import Batch, BatchKind, Department
from shared.batches import Ref
from shared.broker import depth, drop_stranded, message_ids, silent_queues, stranded
from shared.database import Row, array
from shared.failures import bury, split
from workers.process import Process

log = structlog.get_logger()

_AT_ONCE = 1_000
"""Batches republished in one round of one department."""
_PARTS = 16
"""A death costs seconds of silence and a new process, so the culprit among 256 is found in two."""


def publish_due(process: Process, now: datetime) -> int:
    """Retries whose delay is over."""
    with process.database.transaction() as session:
        due = [_message(row) for row in session.rows(_DUE, now, now)]
    process.publish(due)
    return len(due)


def rescue_held_by_the_dead(process: Process, now: datetime) -> int:
    """Take over what silent workers hold. Returns how many batches that were."""
    silence = process.settings.consumer_dead_seconds
    rescued: set[str] = set()
    for department in silent_queues(process.broker, silence) & {*Department}:
        # Dropping looks again, and may find what a worker held that fell silent in between.
        for find in (stranded, drop_stranded):
            for batch in find(process.broker, department, silence):
                if batch.id not in rescued:
                    rescued.add(batch.id)
                    process.publish(_take_over(process, batch, now))
    if rescued:
        log.warning("rescue.dead_workers", batches=len(rescued))
    return len(rescued)


def rescue_lost(process: Process, now: datetime) -> int:
    """Republish the rows whose message the broker does not have. Returns how many."""
    before = now - timedelta(seconds=process.settings.rescue_grace_seconds)
    with process.database.transaction() as session:
        waiting = {row[0]: row[1] for row in session.rows(_WAITING, before)}
    if not waiting:
        return 0
    depths = depth(process.broker, [*waiting])
    lost: list[Batch] = []
    for department, rows in waiting.items():
        queue = depths[department]
        queued = message_ids(process.broker, department)
        if queued is not None:
            lost += _missing(process, department, before, sorted(queued))
        elif rows > queue.ready + queue.held and queue.oldest_at is not None:
            # Too many to compare one by one: older than the oldest message, it cannot be among them.
            lost += _missing(process, department, min(before, queue.oldest_at), [])
    process.publish(lost)
    if lost:
        log.warning("rescue.lost_messages", batches=len(lost))
    return len(lost)


def _missing(process: Process, department: str, before: datetime, queued: Sequence[str]) -> list[Batch]:
    # A batch that is being worked on is locked by its claim: skipped. Touching created_at keeps the next round away
    # from what this one publishes.
    with process.database.transaction() as session:
        return [_message(row) for row in session.rows(_LOST, department, before, array(queued), _AT_ONCE)]


def _take_over(process: Process, batch: Batch, now: datetime) -> list[Batch]:
    with process.database.transaction() as session:
        row = session.row(_HELD, batch.id)
        if row is None:
            return []  # done, or another worker has it
        ids, rounds, steps, tasks, attempts = row
        refs = [Ref(*each) for each in zip(ids, rounds, steps, tasks or [None] * len(ids), strict=True)]
        if len(refs) > 1:
            return split(session, batch, refs, now, _PARTS)
        attempts += 1
        if attempts >= process.settings.attempts:
            bury(session, batch, refs[0], attempts, "worker_died", "its worker died with it, each time", now)
            return []
        session.write("update core.batches set attempts = %s, created_at = %s where id = %s", attempts, now, batch.id)
        return [batch]


def _message(row: Row) -> Batch:
    return Batch(id=row[0], department=Department(row[1]), kind=BatchKind(row[2]), size=row[3])


_DUE = """
update core.batches b set due_at = null, created_at = %s
where b.due_at <= %s returning b.id, b.department, b.kind, cardinality(b.ids)
"""
_WAITING = "select department, count(*) from core.batches where due_at is null and created_at < %s group by department"
_LOST = """
update core.batches set created_at = now() where id in (
    select id from core.batches
    where department = %s and due_at is null and created_at < %s and id <> all(%s::uuid[])
    order by id limit %s for update skip locked
)
returning id, department, kind, cardinality(ids)
"""
_HELD = "select ids, rounds, steps, tasks, attempts from core.batches where id = %s for update skip locked"
