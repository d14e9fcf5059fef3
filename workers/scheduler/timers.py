"""Time: orders that waited until now, and tasks that nobody has decided in time."""

from datetime import datetime

from shared import notices
from shared.database import Row
from shared.outbox import Announcement, announce
from shared.runtime import release
from workers.process import Process

_AT_ONCE = 1_000
"""In one transaction, so that nobody waits for long for what it locks."""


def wake_due(process: Process, now: datetime) -> int:
    """Orders whose wait is over by time go back to their department. Returns how many waits that were."""
    woken, more = 0, True
    while more:
        with process.database.transaction() as session:
            waits = session.rows(_WAKE_DUE, now, _AT_ONCE)
            batches = release(session, waits, now)
        process.publish(batches)
        woken += len(waits)
        more = len(waits) >= _AT_ONCE
    return woken


def mark_overdue(process: Process, now: datetime) -> int:
    """Tasks past their deadline are marked once and announced, and those who are to decide them reminded; they can
    still be decided (APR-12). Returns how many.
    """
    marked, more = 0, True
    while more:
        with process.database.transaction() as session:
            overdue = session.rows(_OVERDUE, now, now, _AT_ONCE)
            notices.write(session, [each for row in overdue for each in _reminders(*row)], now)
            announce(session, [_told(row, now) for row in overdue])
        marked += len(overdue)
        more = len(overdue) == _AT_ONCE
    return marked


def _told(row: Row, now: datetime) -> Announcement:
    task, _, number, step, roles, _, due = row
    data = {"schema_version": 1, "task": task, "order": number, "step": step, "roles": roles, "due": due}
    return Announcement(f"{task}/overdue", "orderflow.task.overdue", number, now, data)


def _reminders(
    task: str, order_id: str, number: str, step: str, roles: list[str], assignee: str | None, due: datetime
) -> list[notices.Notice]:
    approvers = [assignee] if assignee else [f"role:{role}" for role in roles]
    return notices.about_overdue(task, order_id, approvers, {"order": number, "step": step, "due": due})


_WAKE_DUE = """
with woken as (
    select w.order_id, w.step, w.key from core.waits w
    where (w.order_id, w.step) in (
        select d.order_id, d.step from core.waits d where d.due_at <= %s order by d.due_at limit %s
    )
    order by w.order_id, w.step, w.key for update
)
delete from core.waits w using woken
where w.order_id = woken.order_id and w.step = woken.step and w.key = woken.key
returning w.order_id, w.round, w.step, w.department, w.task_id
"""
_OVERDUE = """
update core.user_tasks t set overdue_at = %s from core.order_headers h
where h.order_id = t.order_id and t.id in (
    select id from core.user_tasks where status = 'open' and due_at < %s and overdue_at is null
    order by due_at limit %s for update skip locked
)
returning t.id, t.order_id, h.number, t.step, t.roles, t.assignee, t.due_at
"""
