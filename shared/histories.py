"""A history explained: who decided what, on which facts, by which rules and versions, and what they had before them.

Everything is in the events and in the documents; read only.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from shared.catalogue import Catalogue, DefinitionError
from shared.database import Session, array
from shared.differences import differences
from shared.journal import UNDO
from shared.processes import Definition, pinned
from shared.rulebook import read


def explained(session: Session, order_id: str, definition: str, policy: str) -> list[dict[str, Any]]:
    """The events of one order, in order. Beside what is stored, each has

    `name` of the person and `on_behalf_of` whom they decided; the `department` that the step is with; the `definition`
    and `policy` that it followed; what the person `saw`: the order's version, and the findings of the task; and the
    `changes` from one revision to the next.
    """
    events = [_event(row) for row in session.rows(_EVENTS, order_id)]
    revisions = {row[0]: json.loads(row[1]) for row in session.rows(_REVISIONS, order_id)}
    definitions = read(session).definitions
    asked = {event["data"]["task"]: event["data"] for event in events if event["kind"] == "referred"}
    for event in events:
        data = event["data"]
        definition, policy = data.get("definition", definition), data.get("policy", policy)
        event |= {
            "on_behalf_of": data.get("on_behalf_of"),
            "department": _department(_process(definitions, definition), event["step"]),
            "definition": definition,
            "policy": policy,
            "saw": _saw(data.get("agreed_before", data), asked),
            "changes": _changes(data.get("revision"), revisions),
        }
    return events


def attempts(session: Session, order_id: str, number: str, events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What was tried with it and refused, in order (AUD-01): by people, by facts, by submitting it anew."""
    tasks = [event["data"]["task"] for event in events if "task" in event["data"]]
    subjects = array([number, order_id, *tasks])
    rows = session.rows(_ATTEMPTS, subjects, order_id, order_id)
    return [dict(zip(_ATTEMPT, (*row[:-1], json.loads(row[-1])), strict=True)) for row in rows]


def _event(row: Sequence[Any]) -> dict[str, Any]:
    names = ("seq", "at", "kind", "round", "step", "actor", "name", "state", "data")
    return dict(zip(names, (*row[:-1], json.loads(row[-1])), strict=True))


def _process(definitions: Catalogue[Definition], key: str) -> Definition | None:
    try:
        return pinned(definitions, key)
    except DefinitionError:  # it left the rulebook; the history is read all the same
        return None


def _saw(decision: Mapping[str, Any], asked: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    if "saw_version" not in decision:
        return None
    task = asked.get(decision.get("task", ""), {})
    return {"version": decision["saw_version"], "findings": task.get("findings", [])}


def _department(definition: Definition | None, step: str | None) -> str | None:
    name = (step or "").removeprefix(UNDO)
    return next((each.department for each in definition.steps if each.id == name), None) if definition else None


def _changes(revision: int | None, revisions: Mapping[int, Any]) -> list[dict[str, Any]]:
    if revision is None or not {revision, revision - 1} <= revisions.keys():
        return []
    return [asdict(each) for each in differences(revisions[revision - 1], revisions[revision])]


_ATTEMPT = ("at", "actor", "name", "action", "data")
_EVENTS = """
select e.seq, e.at, e.kind, e.round, e.step, e.actor, s.name, e.state, e.data
from core.events e left join core.staff s on s.id = e.actor where e.order_id = %s order by e.seq
"""
_REVISIONS = "select revision, document from core.order_documents where order_id = %s"
_ATTEMPTS = """
select a.at, a.actor, s.name, a.action, a.data from (
    select at, actor, action, data from core.audit_log where subject = any(%s::text[])
    union all
    select received_at, source, 'fact.' || kind, json_build_object('findings', refused)
    from core.facts where order_id = %s and refused is not null
    union all
    select r.at, r.source, 'submission.' || r.kind, json_build_object('errors', r.errors)
    from core.order_headers h join core.refusals r on r.source = h.source and r.external_id = h.external_id
    where h.order_id = %s
) a left join core.staff s on s.id = a.actor order by a.at
"""
