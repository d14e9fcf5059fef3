"""Bytes from outside into contracts, or the complete list of what is wrong with them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from messages.commands import FACT, Fact
from messages.events import FieldError
from messages.orders import OrderSubmitted


@dataclass(frozen=True, slots=True)
class Submission:
    """One submitted order or fact as it came; `origin` says from where (stream, file and line)."""

    raw: bytes
    origin: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused before it is parsed."""

    max_bytes: int
    max_depth: int


class Refused(Exception):
    """Every bad field, with what the sender called the message where that could be read."""

    def __init__(self, errors: Sequence[FieldError], source: str | None = None, external_id: str | None = None) -> None:
        super().__init__("; ".join(f"{error.field}: {error.reason}" for error in errors))
        self.errors = tuple(errors)
        self.source = source
        self.external_id = external_id


def refuse(field: str, code: str, reason: str) -> Refused:
    """A refusal for one reason."""
    return Refused([FieldError(field=field, code=code, reason=reason)])


def parse_order(raw: bytes, limits: Limits) -> OrderSubmitted:
    """Raises `Refused` with every field that is missing, unknown, or of the wrong type or form (ENT-01)."""
    check_size(raw, limits)
    try:
        return OrderSubmitted.model_validate_json(raw)
    except ValidationError as invalid:
        raise _refused(raw, invalid, "external_id") from invalid


def parse_fact(raw: bytes, limits: Limits) -> Fact:
    """Raises `Refused` likewise."""
    check_size(raw, limits)
    try:
        return FACT.validate_json(raw)
    except ValidationError as invalid:
        raise _refused(raw, invalid, "fact_id") from invalid


def check_size(raw: bytes, limits: Limits) -> None:
    """Raises `Refused` for what is too large, nested too deeply, or could not be stored: before it is parsed."""
    if len(raw) > limits.max_bytes:
        raise refuse("", "too_large", f"{len(raw)} bytes; at most {limits.max_bytes} are taken")
    if raw.count(b"[") + raw.count(b"{") > limits.max_depth and _depth(raw) > limits.max_depth:
        raise refuse("", "too_deep", f"nested more than {limits.max_depth} deep")
    if b"\\u0000" in raw:
        raise refuse("", "nul", "the character NUL (\\u0000) is not taken, because no text field can hold it")


def _depth(raw: bytes) -> int:
    """The deepest nesting of brackets outside strings."""
    deepest = depth = 0
    in_text = escaped = False
    for byte in raw:
        if in_text:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_text = False
        elif byte == 0x22:
            in_text = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _refused(raw: bytes, invalid: ValidationError, id_field: str) -> Refused:
    errors = [
        FieldError(field=".".join(map(str, error["loc"])), code=error["type"], reason=error["msg"])
        for error in invalid.errors(include_url=False, include_input=False, include_context=False)
    ]
    named = _names(raw)
    return Refused(errors, _text(named.get("source")), _text(named.get(id_field)))


def _names(raw: bytes) -> dict[str, Any]:
    """What the sender called itself and the message, as far as that can be read from something malformed."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    # A lone surrogate is legal in what Python reads as JSON and in nothing that it could be written to.
    return value[:200].encode(errors="replace").decode() if isinstance(value, str) else None
