"""An order's history in words: every event and every refused attempt, in the order of time."""

import json
from collections.abc import Iterator, Mapping
from heapq import merge
from typing import Any

from shared.history import SYSTEM
from shared.reasons import reason
from shared.words import answer, explain, grounds, money, remedy, word
from workers.commands.steps import Named
from workers.commands.terminal import clock, joined, language, table, told

_SAID = ("reason", "requested_change", "clause", "question", "answer", "comment", "replaced_by")


def show_history(found: Mapping[str, Any], named: Named) -> None:
    """A row for each thing that happened or was tried; `named` has the words for its steps."""
    currency = found["document"]["currency"]
    entries = merge(found["events"], found["attempts"], key=lambda entry: entry["at"])
    table(
        ("", "time", "event", "round", "step", "who", "state", "why"),
        [
            _event(entry, currency, named(found["number"], entry["step"])) if "seq" in entry else _attempt(entry)
            for entry in entries
        ],
    )


def _event(event: Mapping[str, Any], currency: str, step: str) -> tuple[object, ...]:
    return (
        event["seq"],
        _at(event),
        word("events", event["kind"], language()),
        event["round"],
        step,
        _who(event),
        word("states", event["state"], language()),
        joined(why(event, currency)),
    )


def _attempt(attempt: Mapping[str, Any]) -> tuple[object, ...]:
    action = attempt["action"]
    kind, _, name = action.partition(".")
    tried = word("facts", name, language()) if kind == "fact" else word("attempts", action, language())
    return ("", _at(attempt), told("attempt", what=tried), "", "", _who(attempt), "", joined(_refused(attempt)))


def _at(entry: Mapping[str, Any]) -> str:
    return str(clock(entry["at"], "%m-%d %H:%M:%S.%f")[:-3])


def _who(entry: Mapping[str, Any]) -> str:
    """The system by its word and department, people by id and name, and whom they decided for."""
    who = word("actors", entry["actor"], language())
    if entry["actor"] == SYSTEM and entry["department"]:
        who = f"{who} {word('departments', entry['department'], language())}"
    if entry["name"]:
        who = f"{who} {entry['name']}"
    return told("decided_for", person=who, other=entry["on_behalf_of"]) if entry.get("on_behalf_of") else who


def why(event: Mapping[str, Any], currency: str) -> Iterator[str]:
    """The grounds of an event: what it followed, findings with what would help, what was said, what is waited for, what
    it rested on, what the person saw, and what changed.
    """
    data = event["data"]
    if "definition" in data:
        yield told("follows", definition=data["definition"], policy=data["policy"])
    yield from map(_finding, data.get("findings", ()))
    yield from (str(data[name]) for name in _SAID if data.get(name))
    for key in data.get("for", ()):
        kind, _, what = key.partition(":")
        yield f"{word('waits', kind, language())} {what if kind == 'stock' else ''}".strip()
    if carried := data.get("carried"):
        yield told("carried", by=carried["by"], round=carried["round"])
    if event["kind"] == "transferred":
        yield told("transferred_to", person=data["to"])
    yield from grounds(data.get("basis", {}), language())
    if event["saw"]:
        yield _seen(event["saw"], data.get("findings", []))
    for change in event["changes"]:
        old, new = (_value(change["field"], change[side], currency) for side in ("old", "new"))
        yield told("fault", field=change["field"], reason=f"{old} → {new}")


def _seen(saw: Mapping[str, Any], told_already: list[Any]) -> str:
    if saw["findings"] and saw["findings"] == told_already:
        return told("saw_these", version=saw["version"])
    findings = [explain(finding, language()) for finding in saw["findings"]] or [told("saw_nothing")]
    return told("saw", version=saw["version"], findings=joined(findings))


def _finding(finding: Mapping[str, Any]) -> str:
    help_ = remedy(finding, language())
    return f"{explain(finding, language())} → {help_}" if help_ else explain(finding, language())


def _refused(attempt: Mapping[str, Any]) -> Iterator[str]:
    data = attempt["data"]
    yield from map(_finding, data.get("findings", ()))
    for error in data.get("errors", ()):
        yield told("fault", field=error["field"], reason=reason(error["code"], error["reason"], language()))
    refused = data.get("refused")
    if isinstance(refused, str):
        yield answer(refused, data, language())
    elif refused and "errors" not in data:
        yield from (told("fault", field=field, reason=code) for field, code in refused.items())


def _value(field: str, value: Any, currency: str) -> str:
    if value is None:
        return "–"
    if field.endswith("_minor") and isinstance(value, int):
        return money(value, currency, language())
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
