"""User tasks: the decision itself. A decision is a row; the department then moves the order.

Agree (同意), disagree (不同意), transfer (转签). `authority` says who may; the first decision wins and later ones are
told who decided. Refused attempts are recorded too (AUD-01).
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from messages.batch import Batch
from shared import authority
from shared.attempts import as_refused, note_all
from shared.authority import AGREE, CHOICES, DISAGREE, TRANSFER, Delegation, People, Refusal, Task, Wish
from shared.batches import Ref, write_batches
from shared.catalogue import Catalogue
from shared.database import Row, Session, array, columns
from shared.history import Kind
from shared.journal import Journal
from shared.policy import Policy
from shared.processes import Definition
from shared.standings import Standing, lock_standings

__all__ = ["AGREE", "CHOICES", "DISAGREE", "TRANSFER", "Refusal", "Transferred", "Wish", "decide", "transfer"]


@dataclass(frozen=True, slots=True)
class Transferred:
    """`needless`: the other could have decided anyway, because any holder of the role may (或签, CF-13)."""

    needless: bool


def decide(session: Session, wishes: Sequence[Wish], now: datetime) -> tuple[list[Refusal | None], list[Batch]]:
    """Follow agreements and disagreements, each on its own; None in the answer: it is decided (APR-02…04, APR-17).

    The batches are to be published after the commit. Takes as many round trips for ten thousand wishes as for one.
    """
    tasks = lock_tasks(session, {wish.task for wish in wishes})
    people = read_people(session, {wish.person for wish in wishes})
    answers: list[Refusal | None] = []
    decided: dict[str, Wish] = {}
    for wish in wishes:
        before = decided.get(wish.task)
        if before:
            answers.append(authority.decided(before.person, before.on_behalf_of, before.choice))
            continue
        answer = judge(wish, tasks.get(wish.task), people, now)
        if isinstance(answer, Wish):
            decided[wish.task] = answer
        answers.append(answer if isinstance(answer, Refusal) else None)
    if decided:
        session.write(_DECIDE, now, *columns([_decision(wish) for wish in decided.values()], 8))
    record_refusals(session, zip(wishes, answers, strict=True), now)
    journal = Journal(now)
    for task_id in decided:
        task = tasks[task_id]
        journal.send(task.department, Ref(task.order_id, task.round, task.step, task_id))
    return answers, write_batches(session, journal.refs, now)


def transfer(
    session: Session,
    wishes: Sequence[Wish],
    definitions: Catalogue[Definition],
    policies: Catalogue[Policy],
    now: datetime,
) -> list[Transferred | Refusal]:
    """Hand tasks to other holders of their roles, who alone may decide them from then on (转签, APR-05)."""
    folders, tasks = lock_orders_and_tasks(session, {wish.task for wish in wishes}, definitions, policies)
    people = read_people(session, {name for wish in wishes for name in (wish.person, wish.to)})
    journal = Journal(now)
    answers: list[Transferred | Refusal] = []
    handed: dict[str, str] = {}
    for wish in wishes:
        answer = judge(wish, tasks.get(wish.task), people, now)
        if isinstance(answer, Wish):
            answer = authority.cannot_take(answer, tasks[wish.task], people) or answer
        if isinstance(answer, Refusal):
            answers.append(answer)
            continue
        task = tasks[wish.task]
        answers.append(Transferred(needless=task.assignee is None))
        tasks[wish.task] = replace(task, assignee=wish.to)
        handed[wish.task] = wish.to
        journal.note(folders[task.order_id], Kind.TRANSFERRED, task.step, wish.person, _transfer_data(answer))
    if handed:
        session.write(_ASSIGN, *columns(list(handed.items()), 2))
    refused = [each if isinstance(each, Refusal) else None for each in answers]
    record_refusals(session, zip(wishes, refused, strict=True), now)
    journal.write(session)
    return answers


def judge(wish: Wish, task: Task | None, people: People, now: datetime) -> Wish | Refusal:
    """The wish with the name that it is followed in, or why it is not."""
    if task is None:
        return Refusal("task.unknown", {"task": wish.task})
    gone = authority.gone(task)
    if gone:
        return gone
    if wish.choice not in CHOICES:
        return Refusal("task.choice", {"choice": wish.choice})
    name = authority.acting_for(wish, task, people, now)
    if isinstance(name, Refusal):
        return name
    if wish.seen_version is not None and wish.seen_version != task.order_version:
        return Refusal("task.stale", {"seen": wish.seen_version, "version": task.order_version})
    return authority.words_missing(wish, task) or replace(wish, on_behalf_of=name)


def _decision(wish: Wish) -> tuple[object, ...]:
    return (
        wish.task,
        wish.choice,
        wish.person,
        wish.on_behalf_of,
        wish.reason,
        wish.requested_change,
        wish.clause,
        wish.customer_must_change and wish.choice == DISAGREE,
    )


def _transfer_data(wish: Wish) -> dict[str, str]:
    data = {"task": wish.task, "to": wish.to, "reason": wish.reason, "on_behalf_of": wish.on_behalf_of}
    return {name: text for name, text in data.items() if text}


def lock_tasks(session: Session, ids: Collection[str]) -> dict[str, Task]:
    """Lock these tasks in key order and read them. What is no id, or no task's, is absent from the result."""
    wanted = array(sorted(filter(is_id, ids)))
    # Two statements: one that waited for a lock sees the changed task, but not its order as it became meanwhile.
    locked = session.rows(_LOCK, wanted)
    orders = {row[0]: row[1:] for row in session.rows(_ORDERS, array(sorted({row[1] for row in locked})))}
    closed = [row[0] for row in locked if row[9] == "closed"]
    asked = {row[0]: row[1:] for row in session.rows(_ASKED, array(closed))} if closed else {}
    return {row[0]: _task(row, (*orders[row[1]], *asked.get(row[0], ()))) for row in locked}


def lock_orders_and_tasks(
    session: Session, ids: Collection[str], definitions: Catalogue[Definition], policies: Catalogue[Policy]
) -> tuple[dict[str, Standing], dict[str, Task]]:
    """The same, and their orders before them, as everything does that moves orders."""
    orders = {row[0] for row in session.rows(_OF_TASKS, array(sorted(filter(is_id, ids))))}
    return lock_standings(session, orders, definitions, policies), lock_tasks(session, ids)


def read_people(session: Session, people: Collection[str]) -> People:
    """What these people may do, in their own name and for others; a delegation is not revoked meanwhile."""
    names = array(sorted(people))
    staff, delegations = session.together((_STAFF, (names, names)), (_DELEGATIONS, (names,)))
    given: dict[str, tuple[Delegation, ...]] = {}
    for row in delegations:
        delegator, delegate, starts_at, ends_at, roles, cap, currency = row
        only = None if roles is None else tuple(roles)
        each = Delegation(delegator, delegate, starts_at, ends_at, only, cap, currency)
        given[delegate] = (*given.get(delegate, ()), each)
    return People({person: frozenset(roles) for person, roles in staff}, given)


def record_refusals(session: Session, answers: Iterable[tuple[Wish, Refusal | None]], now: datetime) -> None:
    """Who tried what, and why it was refused (AUD-01)."""
    lines = [(wish.person, f"task.{wish.choice}", wish.task, as_refused(answer)) for wish, answer in answers if answer]
    note_all(session, now, lines)


def is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _task(row: Row, order: Sequence[object]) -> Task:
    values: list[object] = list(row)
    values[5], values[-1] = tuple(row[5]), tuple(row[-1] or ())
    return Task(*values, *order)  # type: ignore[arg-type]


_LOCK = """
select id, order_id, round, step, department, roles, assignee, creator, order_version, status, decision, decided_by,
    decided_for, opinion, findings::jsonb @> '[{"code": "confirmation.by_phone"}]', urged_at, excluded
from core.user_tasks where id = any(%s::uuid[]) order by id for update
"""
_ORDERS = """
select o.id, h.number, o.state, h.total_base_minor, o.held_by
from core.orders o join core.order_headers h on h.order_id = o.id where o.id = any(%s::uuid[])
"""
_ASKED = "select task_id, asked_by, question from core.questions where task_id = any(%s::uuid[])"
_OF_TASKS = "select order_id from core.user_tasks where id = any(%s::uuid[])"
_STAFF = """
select id, roles from core.staff where active and (id = any(%s::text[]) or id in (
    select delegator from core.delegations where delegate = any(%s::text[]) and revoked_at is null
))
"""
_DELEGATIONS = """
select delegator, delegate, starts_at, ends_at, roles, cap_minor, currency from core.delegations
where delegate = any(%s::text[]) and revoked_at is null order by id for share
"""
_DECIDE = """
update core.user_tasks t set status = 'decided', decided_at = %s, decision = v.decision, decided_by = v.person,
    decided_for = nullif(v.on_behalf_of, ''), reason = v.reason, requested_change = v.change, clause = v.clause,
    customer_must_change = v.must
from unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::boolean[])
    as v(id, decision, person, on_behalf_of, reason, change, clause, must)
where t.id = v.id and t.status = 'open'
"""
_ASSIGN = """
update core.user_tasks t set assignee = v.assignee from unnest(%s::uuid[], %s::text[]) as v(id, assignee)
where t.id = v.id
"""
