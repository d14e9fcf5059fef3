"""Bytes from outside into contracts, or the complete list of what is wrong with them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Protocol, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from messages.commands import FACT, Fact
from messages.events import FieldError
from messages.orders import MAX_LINES, Contact, OrderSubmitted, Party, SaleType, SubmittedLine
from shared.authority import Refusal
from shared.words import answer


class Paper(Protocol):
    """What a submission was put together from, where it did not come as one message: lines of a file."""

    @property
    def faults(self) -> Sequence[FieldError]:
        """What was wrong before there was a message: it is refused with these, and with whatever else is."""
        ...

    def place(self, field: str) -> str:
        """Where a field stands there."""
        ...

    def copy(self) -> bytes:
        """What is kept of it if it is refused."""
        ...


@dataclass(frozen=True, slots=True)
class Submission:
    """One submitted order or fact as it came; `origin` says from where (stream, file and line)."""

    raw: bytes
    origin: str
    lines: int = 1
    """How many lines of a file it takes."""
    paper: Paper | None = None
    number: str | None = None
    """The order number that it was given before, as a draft."""

    @property
    def kept(self) -> bytes:
        """What is stored of it if it is refused."""
        return self.paper.copy() if self.paper else self.raw

    def placed(self, errors: Sequence[FieldError]) -> tuple[FieldError, ...]:
        """The errors, their reasons with the place in the file."""
        if self.paper is None:
            return tuple(errors)
        return tuple(
            FieldError(field=each.field, code=each.code, reason=f"{self.paper.place(each.field)}: {each.reason}")
            for each in errors
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused before it is parsed."""

    max_bytes: int
    max_depth: int


@dataclass(frozen=True, slots=True)
class Partial:
    """The good fields of a malformed order; the bad and the missing ones are None. So what is wrong with the good ones
    is told together with the rest (ENT-02).
    """

    customer: Party | None = None
    contact: Contact | None = None
    sale_type: SaleType | None = None
    currency: str | None = None
    lines: tuple[SubmittedLine | None, ...] = ()
    total: Decimal | None = None
    requested_date: date | None = None
    customer_order_number: str | None = None
    definition: str | None = None
    reply_date: date | None = None
    planned_ship_date: date | None = None
    quotation: str | None = None


class Refused(Exception):
    """Every bad field, with what the sender called the message, and the good fields, where those could be read."""

    def __init__(
        self,
        errors: Sequence[FieldError],
        source: str | None = None,
        external_id: str | None = None,
        partial: Partial | None = None,
    ) -> None:
        super().__init__("; ".join(f"{error.field}: {error.reason}" for error in errors))
        self.errors = tuple(errors)
        self.source = source
        self.external_id = external_id
        self.partial = partial


def field_error(field: str, code: str, reason: str) -> FieldError:
    """What is wrong with one field."""
    return FieldError(field=field, code=code, reason=reason)


def explained(field: str, refusal: Refusal) -> FieldError:
    """The same, where people are answered in both languages: other systems get the English sentence."""
    return field_error(field, refusal.code, answer(refusal.code, refusal.values, "en"))


def refuse(field: str, code: str, reason: str) -> Refused:
    """A refusal for one reason."""
    return Refused([field_error(field, code, reason)])


def parse_order(raw: bytes, limits: Limits) -> OrderSubmitted:
    """Raises `Refused` with every field that is missing, unknown, or of the wrong type or form (ENT-01)."""
    check_size(raw, limits)
    try:
        return OrderSubmitted.model_validate_json(raw)
    except ValidationError as invalid:
        refused = _refused(raw, invalid, "external_id", OrderSubmitted)
        refused.partial = _partial(raw)
        raise refused from invalid


def parse_submission(submission: Submission, limits: Limits) -> OrderSubmitted:
    """The same of an order that may have been put together from lines of a file, whose own faults come first."""
    faults = submission.paper.faults if submission.paper else ()
    try:
        submitted = parse_order(submission.raw, limits)
    except Refused as refused:
        told = {fault.field for fault in faults}
        errors = [*faults, *(error for error in refused.errors if error.field not in told)]
        raise Refused(_innermost(errors), refused.source, refused.external_id, refused.partial) from refused
    if faults:
        raise Refused(faults, submitted.source, submitted.external_id, _partial(submission.raw))
    return submitted


def _partial(raw: bytes) -> Partial | None:
    """Field by field, lines one by one; None for what is no order at all."""
    named = _names(raw)
    good: dict[str, Any] = {name: _good(_FIELDS[name], named[name]) for name in _FIELDS if name in named}
    lines = named.get("lines")
    if isinstance(lines, list):
        good["lines"] = tuple([_good(_LINE, line) for line in lines[:MAX_LINES]])
    return Partial(**good) if good else None


def _good(adapter: TypeAdapter[Any], value: object) -> Any:
    try:
        return adapter.validate_json(json.dumps(value))
    except ValidationError:
        return None


_FIELDS: dict[str, TypeAdapter[Any]] = {
    field.name: TypeAdapter(OrderSubmitted.__annotations__[field.name], config=None)
    for field in fields(Partial)
    if field.name != "lines"
}
_LINE: TypeAdapter[Any] = TypeAdapter(SubmittedLine)


def parse_fact(raw: bytes, limits: Limits) -> Fact:
    """Raises `Refused` likewise."""
    check_size(raw, limits)
    try:
        return FACT.validate_json(raw)
    except ValidationError as invalid:
        raise _refused(raw, invalid, "fact_id", Fact) from invalid


def check_size(raw: bytes, limits: Limits) -> None:
    """Raises `Refused` for what is too large, nested too deeply, or could not be stored: before it is parsed."""
    if not raw:
        raise refuse("body", "missing", "it is empty; an entry of the stream has the message in its field `body`")
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


def _refused(raw: bytes, invalid: ValidationError, id_field: str, form: object) -> Refused:
    named = _names(raw)
    return Refused(form_errors(invalid, form), _text(named.get("source")), _text(named.get(id_field)))


def form_errors(invalid: ValidationError, form: object) -> list[FieldError]:
    """What is wrong with the form of a message, field by field; `form` is the contract, or several (a union)."""
    found = invalid.errors(include_url=False, include_input=False, include_context=False)
    # Of a list only the good items are counted: with a bad one in it, that it is too short may be untrue.
    with_bad_items = {error["loc"][:-2] for error in found} | {error["loc"][:-1] for error in found}
    errors = [
        FieldError(
            field=".".join(map(str, error["loc"])), code=error["type"], reason=error["msg"] + _meant(error, form)
        )
        for error in found
        if error["type"] != "too_short" or error["loc"] not in with_bad_items
    ]
    return _innermost(errors)


def _meant(error: Mapping[str, Any], form: object) -> str:
    """For a field that there is not: the one that has nearly the same name."""
    if error["type"] != "extra_forbidden":
        return ""
    contracts = list(_contracts(form))
    for part in error["loc"][:-1]:
        if isinstance(part, str):
            inner = [each.model_fields[part].annotation for each in contracts if part in each.model_fields]
            tagged = [
                each for each in contracts if "kind" in each.model_fields and each.model_fields["kind"].default == part
            ]
            contracts = tagged or [each for annotation in inner for each in _contracts(annotation)]
    known = {name for each in contracts for name in each.model_fields}
    near = get_close_matches(str(error["loc"][-1]), sorted(known), 1)
    return f"; is '{near[0]}' meant?" if near else ""


def _contracts(form: object) -> Iterator[type[BaseModel]]:
    """The contracts that a type is put together from."""
    if isinstance(form, type) and issubclass(form, BaseModel):
        yield form
    else:
        for part in get_args(form):
            yield from _contracts(part)


def _innermost(errors: Sequence[FieldError]) -> list[FieldError]:
    """Without those that only follow from others: a whole that is missing, or too short, for lack of good parts."""
    wholes = {error.field[:at] for error in errors for at, sign in enumerate(error.field) if sign == "."}
    return [error for error in errors if error.field not in wholes or error.code not in _FOLLOWING]


_FOLLOWING = ("missing", "too_short")


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
