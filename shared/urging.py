"""催办: the creator, or an operator, asks those who are to decide an open task to do so; not again before a while."""

from datetime import datetime, timedelta

from shared import authority
from shared.attempts import note_refused
from shared.authority import Refusal
from shared.catalogue import Catalogue
from shared.database import Session
from shared.history import Kind
from shared.journal import Journal
from shared.policy import Policy
from shared.processes import Definition
from shared.tasks import lock_orders_and_tasks

OPERATOR = "operator"
"""Holders of this role may urge the tasks of everybody's orders."""


def urge(
    session: Session,
    task_id: str,
    person: str,
    definitions: Catalogue[Definition],
    policies: Catalogue[Policy],
    now: datetime,
    pause: timedelta,
) -> Refusal | None:
    """Send its approvers a notice and note it in the order's history, or say why not."""
    folders, tasks = lock_orders_and_tasks(session, {task_id}, definitions, policies)
    task = tasks.get(task_id)
    refusal = _refusal(session, task, task_id, person, now, pause)
    if refusal or task is None:
        assert refusal is not None, "an unknown task is refused"
        note_refused(session, now, person, "task.urge", task_id, refusal)
        return refusal
    session.write("update core.user_tasks set urged_at = %s where id = %s", now, task.id)
    approvers = [task.assignee] if task.assignee else [f"role:{role}" for role in task.roles]
    journal = Journal(now)
    journal.note(folders[task.order_id], Kind.URGED, task.step, person, {"task": task.id, "to": approvers})
    journal.write(session)
    return None


def _refusal(
    session: Session, task: authority.Task | None, task_id: str, person: str, now: datetime, pause: timedelta
) -> Refusal | None:
    if task is None:
        return Refusal("task.unknown", {"task": task_id})
    gone = authority.gone(task)
    if gone:
        return gone
    if person != task.creator and not session.row(_MAY, person, OPERATOR):
        return Refusal("urging.not_yours", {"person": person, "creator": task.creator})
    if task.urged_at and now < task.urged_at + pause:
        return Refusal("urging.too_soon", {"at": task.urged_at, "again_at": task.urged_at + pause})
    return None


_MAY = "select 1 from core.staff where id = %s and active and %s = any(roles)"
