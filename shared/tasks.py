"""User tasks: who may decide, and the decision itself. A decision is a row; the department then moves the order.

Agree (同意), disagree (不同意), transfer (转签). Any holder of a role may decide (或签), except the order's creator;
the first decision wins and later ones are told who decided.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from messages.batch import Batch
from shared.catalogue import Catalogue
from shared.database import Row, Session, array, columns
from shared.history import Kind
from shared.journal import Journal, Ref, write_batches
from shared.outbox import to_json
from shared.policy import Policy
from shared.processes import Definition
from shared.standings import lock_standings

AGREE, DISAGREE, TRANSFER = "agree", "disagree", "transfer"
CHOICES = (AGREE, DISAGREE, TRANSFER)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants to do with a task. `seen_version`: the order's version on their screen, if they say.
    `clause`: the one of a contract that the opinion is about.
    """

    task: str
    person: str
    choice: str
    reason: str = ""
    requested_change: str = ""
    to: str = ""
    seen_version: int | None = None
    clause: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a wish was not followed: a code of the catalogue `tasks`, and its values."""

    code: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Task:
    id: str
    order_id: str
    round: int
    step: str
    department: str
    roles: tuple[str, ...]
    assignee: str | None
    creator: str
    order_version: int
    status: str
    decision: str | None
    decided_by: str | None
    opinion: bool
    excluded: tuple[str, ...]


def decide(session: Session, wishes: Sequence[Wish], now: datetime) -> tuple[list[Refusal | None], list[Batch]]:
    """Follow agreements and disagreements, each on its own; None in the answer: it is decided (APR-02…04, APR-17).

    Refused attempts are recorded too (AUD-01). The batches are to be published after the commit.
    """
    tasks = {row[0]: _task(row) for row in session.rows(_LOCK, array(sorted({wish.task for wish in wishes})))}
    roles = _roles(session, {wish.person for wish in wishes})
    answers: list[Refusal | None] = []
    decided: dict[str, Wish] = {}
    for wish in wishes:
        answer = _refusal(wish, tasks.get(wish.task), roles, decided)
        answers.append(answer)
        if answer is None:
            decided[wish.task] = wish
    rows = [
        (wish.task, wish.choice, wish.person, wish.reason, wish.requested_change, wish.clause)
        for wish in decided.values()
    ]
    if rows:
        session.write(_DECIDE, now, *columns(rows, 6))
    _record_refusals(session, wishes, answers, now)
    journal = Journal(now)
    for task_id in decided:
        task = tasks[task_id]
        journal.send(task.department, Ref(task.order_id, task.round, task.step, task_id))
    return answers, write_batches(session, journal.refs, now)


def transfer(
    session: Session,
    wish: Wish,
    definitions: Catalogue[Definition],
    policies: Catalogue[Policy],
    now: datetime,
) -> Refusal | None:
    """Hand a task to another holder of its role, who alone may decide it from then on (转签, APR-05)."""
    named = session.row("select order_id from core.user_tasks where id = %s", wish.task)
    folders = lock_standings(session, {named[0]} if named else set(), definitions, policies)
    tasks = {row[0]: _task(row) for row in session.rows(_LOCK, array([wish.task]))}
    task = tasks.get(wish.task)
    roles = _roles(session, {wish.person, wish.to})
    answer = _refusal(wish, task, roles, {}) or _transfer_refusal(wish, task, roles)
    if answer or task is None:
        _record_refusals(session, [wish], [answer], now)
        return answer
    session.write("update core.user_tasks set assignee = %s where id = %s", wish.to, task.id)
    journal = Journal(now)
    data = {"task": task.id, "to": wish.to, "reason": wish.reason}
    journal.note(folders[task.order_id], Kind.TRANSFERRED, task.step, wish.person, data)
    journal.write(session)
    return None


def _refusal(
    wish: Wish, task: _Task | None, roles: Mapping[str, frozenset[str]], decided: Mapping[str, Wish]
) -> Refusal | None:
    if task is None:
        return Refusal("task.unknown", {"task": wish.task})
    if wish.choice not in CHOICES:
        return Refusal("task.choice", {"choice": wish.choice})
    if task.status == "decided" or task.id in decided:
        by = decided[task.id].person if task.id in decided else task.decided_by
        choice = decided[task.id].choice if task.id in decided else task.decision
        return Refusal("task.decided", {"by": by, "decision": choice})
    if task.status == "closed":
        return Refusal("task.closed", {})
    barred = _barred(task, wish.person)
    if barred:
        return barred
    if not roles.get(wish.person, frozenset()) & set(task.roles):
        return Refusal("task.role", {"person": wish.person, "roles": " ".join(task.roles)})
    if task.assignee and wish.person != task.assignee:
        return Refusal("task.assigned", {"assignee": task.assignee})
    if wish.seen_version is not None and wish.seen_version != task.order_version:
        return Refusal("task.stale", {"seen": wish.seen_version, "version": task.order_version})
    return _words_refusal(wish, task)


def _words_refusal(wish: Wish, task: _Task) -> Refusal | None:
    """Who disagrees says why and what is to change; an opinion (CMP-05) is never empty, and one that is against the
    text names the clause.
    """
    if not task.opinion:
        said = wish.choice != DISAGREE or (wish.reason.strip() and wish.requested_change.strip())
        return None if said else Refusal("task.says_why", {})
    needed = {AGREE: ("reason",), DISAGREE: ("reason", "clause", "requested_change")}.get(wish.choice, ())
    missing = [name for name in needed if not getattr(wish, name).strip()]
    return Refusal("task.opinion", {"missing": " ".join(missing)}) if missing else None


def _barred(task: _Task, person: str) -> Refusal | None:
    """Who made the order (APR-17), or decided the check that this one looks at again (SAL-02), decides nothing here."""
    if person == task.creator:
        return Refusal("task.creator", {"person": person})
    return Refusal("task.excluded", {"person": person}) if person in task.excluded else None


def _transfer_refusal(wish: Wish, task: _Task | None, roles: Mapping[str, frozenset[str]]) -> Refusal | None:
    if task is None:
        return Refusal("task.unknown", {"task": wish.task})
    if wish.to == wish.person:
        return Refusal("task.transfer_to_self", {})
    barred = _barred(task, wish.to)
    if barred:
        return barred
    if not roles.get(wish.to, frozenset()) & set(task.roles):
        return Refusal("task.role", {"person": wish.to, "roles": " ".join(task.roles)})
    return None


def _record_refusals(
    session: Session, wishes: Sequence[Wish], answers: Sequence[Refusal | None], now: datetime
) -> None:
    rows = [
        (wish.person, f"task.{wish.choice}", wish.task, to_json({"refused": answer.code, **answer.values}))
        for wish, answer in zip(wishes, answers, strict=True)
        if answer
    ]
    if rows:
        session.write(_AUDIT, now, *columns(rows, 4))


def _roles(session: Session, people: set[str]) -> dict[str, frozenset[str]]:
    rows = session.rows(_STAFF, array(sorted(people)))
    return {person: frozenset(roles) for person, roles in rows}


def _task(row: Row) -> _Task:
    values = list(row)
    values[5] = tuple(values[5])
    values[-1] = tuple(values[-1] or ())
    return _Task(*values)


_LOCK = """
select id, order_id, round, step, department, roles, assignee, creator, order_version, status, decision, decided_by,
    opinion, excluded
from core.user_tasks where id = any(%s::uuid[]) order by id for update
"""
_STAFF = "select id, roles from core.staff where id = any(%s::text[]) and active"
_DECIDE = """
update core.user_tasks t set status = 'decided', decided_at = %s, decision = v.decision, decided_by = v.person,
    reason = v.reason, requested_change = v.change, clause = v.clause
from unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
    as v(id, decision, person, reason, change, clause)
where t.id = v.id and t.status = 'open'
"""
_AUDIT = """
insert into core.audit_log (at, actor, action, subject, data)
select %s, v.* from unnest(%s::text[], %s::text[], %s::text[], %s::json[]) as v
"""
