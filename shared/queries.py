"""What people look up: orders, histories, dead letters, and the state of the departments. Read only."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from messages.batch import Department
from shared.database import Session, array
from shared.histories import attempts, explained
from shared.money import format_amount, from_minor

_LOCALE = "en"


def whole_order(session: Session, number: str) -> dict[str, Any] | None:
    """One order, contract or delivery note with its document, its history, and what was tried with it and refused; None
    where there is none of that number.
    """
    found = session.row(_WHOLE, number)
    if found is None:
        return None
    order_id, state, round_, opened, done, definition, policy, version, held, document = found
    order = json.loads(document)
    currency = order["currency"]
    events = explained(session, order_id, definition, policy)
    return {
        "id": order_id,
        "number": number,
        "state": state,
        "held_by": held,
        "round": round_,
        "open": opened,
        "done": done,
        "definition": definition,
        "policy": policy,
        "version": version,
        "total": format_amount(order["total_minor"], currency, _LOCALE),
        "lines": [_priced(line, currency) for line in order.get("lines", ())],
        "document": order,
        "events": events,
        "attempts": attempts(session, order_id, number, events),
    }


def _priced(line: dict[str, Any], currency: str) -> dict[str, Any]:
    """A line with its amounts as people write them, where it has any: those of a delivery note have none."""
    amounts = {name: line.get(f"{name}_minor") for name in ("unit_price", "amount")}
    return line | {name: str(from_minor(minor, currency)) for name, minor in amounts.items() if minor is not None}


def dead_letters(session: Session, *, resolved: bool, limit: int) -> list[dict[str, Any]]:
    """Dead letters, the oldest first; those of facts and unreadable messages name no order."""
    names = ("id", "at", "department", "kind", "order", "round", "step", "reason", "detail", "attempts", "resolution")
    return [dict(zip(names, row, strict=True)) for row in session.rows(_DEAD, resolved, limit)]


def dead_letter(session: Session, letter: str) -> dict[str, Any] | None:
    """One dead letter, with the bytes of an unreadable message as text."""
    row = session.row(_DEAD_ONE, letter)
    if row is None:
        return None
    names = (
        "id", "at", "department", "kind", "subject_id", "order", "round", "step", "reason", "detail", "attempts",
        "resolution", "resolved_by", "raw",
    )  # fmt: skip
    found = dict(zip(names, row, strict=True))
    found["raw"] = bytes(found["raw"]).decode(errors="backslashreplace") if found["raw"] is not None else None
    return found


def refusals(session: Session, *, kind: str | None, limit: int) -> list[dict[str, Any]]:
    """What was not taken, the newest first: refused at intake, with `errors`; or facts that were taken and that their
    department could not book, with `findings`. Reads all facts: there is no index of the refused ones.
    """
    names = ("id", "at", "kind", "origin", "source", "external_id", "errors", "findings")
    found = [dict(zip(names, row, strict=True)) for row in session.rows(_REFUSALS, kind, kind, kind, kind, limit)]
    for each in found:
        each |= {"errors": json.loads(each["errors"]), "findings": json.loads(each["findings"])}
    return found


def refusal(session: Session, refusal_id: str) -> dict[str, Any] | None:
    """One refusal of intake whole, with the bytes that were kept of it as text."""
    row = session.row(_REFUSAL, refusal_id)
    if row is None:
        return None
    names = ("id", "at", "kind", "origin", "source", "external_id", "errors", "raw")
    found = dict(zip(names, row, strict=True))
    return found | {
        "errors": json.loads(found["errors"]),
        "raw": bytes(found["raw"]).decode(errors="backslashreplace"),
    }


def first_unknown(session: Session, what: str, named: Sequence[str]) -> str | None:
    """The first of what was named (`order`, `customer`, `person` or dead `letter`) that is not there."""
    known = {row[0] for row in session.rows(_KNOWN[what], array(named))}
    return next((each for each in named if each not in known), None)


def definitions_of(session: Session, numbers: Sequence[str]) -> dict[str, str]:
    """The definition that each of these documents is pinned to, by its number."""
    return dict(session.rows(_DEFINITIONS_OF, array(numbers)))


def departments_now(session: Session, now: datetime) -> dict[str, dict[str, Any]]:
    """Per department: orders waiting in batches, since when the oldest; with people; waiting for the world; dead;
    living worker processes, and how much they have handled since they started.
    """
    board: dict[str, dict[str, Any]] = {
        name.value: {"waiting": 0, "oldest_at": None, "people": 0, "world": 0, "dead": 0, "workers": 0, "handled": 0}
        for name in Department
    }
    batches, tasks, waits, dead, workers = session.together(
        (_BATCHES_NOW, ()), (_TASKS_NOW, ()), (_WAITS_NOW, ()), (_DEAD_NOW, ()), (_WORKERS_NOW, (now - ALIVE,))
    )
    for name, waiting, oldest in batches:
        board[name] |= {"waiting": waiting, "oldest_at": oldest}
    for column, rows in (("people", tasks), ("world", waits), ("dead", dead)):
        for name, count in rows:
            board[name][column] = count
    for name, count, handled in workers:
        if name in board:
            board[name] |= {"workers": count, "handled": handled}
    return board


def orders_by_state(session: Session) -> dict[str, int]:
    """How many orders there are in each state. Reads all of them: for reports, not for a board."""
    return dict(session.rows(_BY_STATE))


ALIVE = timedelta(seconds=15)
"""A worker that has not beaten for so long is not counted."""

_BY_STATE = """
select o.state, count(*) from core.orders o join core.order_headers h on h.order_id = o.id
where h.document_kind = 'order' group by o.state
"""
_WHOLE = """
select o.id, o.state, o.round, o.open, o.done, o.definition, o.policy, o.version, o.held_by, d.document
from core.order_headers h join core.orders o on o.id = h.order_id
join core.order_documents d on d.order_id = o.id and d.revision = o.revision where h.number = %s
"""
_DEAD = """
select d.id, d.at, d.department, d.kind, h.number, d.round, d.step, d.reason, d.detail, d.attempts, d.resolution
from core.dead_letters d left join core.order_headers h on h.order_id = d.subject_id
where %s or d.resolution is null order by d.at limit %s
"""
_DEAD_ONE = """
select d.id, d.at, d.department, d.kind, d.subject_id, h.number, d.round, d.step, d.reason, d.detail, d.attempts,
    d.resolution, d.resolved_by, d.raw
from core.dead_letters d left join core.order_headers h on h.order_id = d.subject_id where d.id::text = %s
"""
_REFUSALS = """
select * from (
    select id, at, kind, origin, source, external_id, errors, '[]'::json from core.refusals
    where %s::text is null or kind = %s
    union all
    select id, received_at, 'fact', kind, source, fact_id, '[]'::json, refused from core.facts
    where refused is not null and (%s::text is null or %s = 'fact')
) as r order by at desc, id limit %s
"""
_REFUSAL = """
select id, at, kind, origin, source, external_id, errors, raw from core.refusals where id::text = %s
"""
_DEFINITIONS_OF = """
select h.number, o.definition from core.order_headers h join core.orders o on o.id = h.order_id
where h.number = any(%s::text[])
"""
_KNOWN = {
    "order": "select number from core.order_headers where number = any(%s::text[])",
    "customer": "select customer from sales_review.customer_list where customer = any(%s::text[])",
    "person": "select id from core.staff where active and id = any(%s::text[])",
    "letter": "select id::text from core.dead_letters where id = any(%s::uuid[])",
}
_BATCHES_NOW = "select department, sum(cardinality(ids)), min(created_at) from core.batches group by department"
_TASKS_NOW = "select department, count(*) from core.user_tasks where status = 'open' group by department"
_WAITS_NOW = "select department, count(distinct (order_id, step)) from core.waits group by department"
_DEAD_NOW = "select department, count(*) from core.dead_letters where resolution is null group by department"
_WORKERS_NOW = "select name, count(*), sum(handled) from core.workers where beat_at > %s group by name"
