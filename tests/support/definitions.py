"""Writes process definitions as TOML, so that tests state only what they are about."""

import json
from collections.abc import Mapping
from typing import Any

HEAD: Mapping[str, Any] = {
    "name": "sample",
    "version": 1,
    "title": {"zh": "样例", "en": "Sample"},
    "sale_types": [],
    "effective_from": "2020-01-01",
    "ends_in": "archived",
}
STEP: Mapping[str, Any] = {
    "activity": "finance.review",
    "mode": "auto",
    "roles": ["finance_clerk"],
    "deadline": "1 working day",
    "on_disagree": "return",
}
_DATES = ("effective_from", "legacy_until")


def step(id: str, **changes: Any) -> dict[str, Any]:  # noqa: A002 — the field's own name
    """A step's fields; None leaves one out."""
    return {"id": id, **STEP, **changes}


def definition_text(*steps: Mapping[str, Any], **changes: Any) -> str:
    """A definition with these steps; None leaves a field of its head out."""
    head = {**HEAD, **changes}
    lines = [f"{key} = {_value(key, value)}" for key, value in head.items() if value is not None]
    for one in steps:
        lines += ["[[step]]", *(f"{key} = {_value(key, value)}" for key, value in one.items() if value is not None)]
    return "\n".join(lines)


def _value(key: str, value: Any) -> str:
    if key in _DATES and isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{inner} = {_value(inner, one)}" for inner, one in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)  # numbers, texts, truths and lists are the same in TOML
