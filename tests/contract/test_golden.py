"""Every message as it went over the wire when its version was made: read and written identically ever since.

A file that has been published is never changed. What changes a message gets a new version and a new file.
"""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from messages.batch import Batch
from messages.commands import FACT, FACT_OWNERS
from messages.contract import Contract
from messages.events import DATA, LETTERS, STATES, CloudEvent, data_of
from messages.folders import DocumentKind, read_document, write_document
from messages.orders import OrderSubmitted, read_order, write_order
from shared.queues import NotABatch, decode, encode

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(path.stem for path in GOLDEN.glob("*.json"))
Json = Any
UNREADABLE = (ValidationError, NotABatch, msgspec.ValidationError)
Path_ = tuple[str | int, ...]


def golden(name: str) -> Json:
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def again(name: str, raw: bytes) -> bytes:
    """Read a message as its receiver does, and write it as its sender does. Raises ValidationError or NotABatch."""
    kind = name.partition(".")[0]
    return AGAIN[kind](raw)


def _model(model: type[Contract]) -> Callable[[bytes], bytes]:
    return lambda raw: model.model_validate_json(raw).model_dump_json().encode()


def _fact(raw: bytes) -> bytes:
    return FACT.dump_json(FACT.validate_json(raw))


def _event(raw: bytes) -> bytes:
    envelope = CloudEvent.model_validate_json(raw)
    data = data_of(envelope.type).model_validate_json(json.dumps(envelope.data))
    told = data.model_dump(mode="json", exclude_unset=True)
    return (
        CloudEvent.model_validate_json(json.dumps(envelope.model_dump(mode="json", exclude_none=True) | {"data": told}))
        .model_dump_json(exclude_unset=True)
        .encode()
    )


def _queued(raw: bytes) -> bytes:
    sent = json.loads(raw)
    return encode("finance", decode("finance", raw), sent["message_id"], sent["message_timestamp"])


AGAIN: dict[str, Callable[[bytes], bytes]] = {
    "order_submitted": _model(OrderSubmitted),
    "order": lambda raw: write_order(read_order(raw)).encode(),
    "delivery_note": lambda raw: write_document(read_document(DocumentKind.DELIVERY_NOTE, raw)).encode(),
    "contract": lambda raw: write_document(read_document(DocumentKind.CONTRACT, raw)).encode(),
    "batch": _model(Batch),
    "fact": _fact,
    "event": _event,
    "queue_message": _queued,
}
VERSIONED = [name for name in FILES if not name.endswith(".least")]


def wire(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


# -- reading and writing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VERSIONED)
def test_a_message_is_written_as_it_was_read_to_the_letter(name: str) -> None:
    text = (GOLDEN / f"{name}.json").read_text(encoding="utf-8")
    written = json.loads(again(name, text.encode()))
    assert json.dumps(written, ensure_ascii=False, indent=2) + "\n" == text


def test_what_may_be_left_out_has_its_default() -> None:
    least = golden("order_submitted.v1.least")
    full = json.loads(again("order_submitted", wire(least)))
    defaults = {
        "schema_version": 1,
        "special_requirements": "",
        "customer_order_number": None,
        "creator": None,
        "definition": None,
    }
    assert {key: full[key] for key in full if key not in least} == defaults
    assert full["contact"] == {"name": "王芳", "phone": None, "email": None}
    assert full["delivery"] == {"address": "上海市浦东新区世纪大道1号", "country": "CN", "region": ""}
    assert full["lines"] == [{"product": "P002", "quantity": 1, "unit_price": "50", "discount_percent": "0"}]


@pytest.mark.requirement("ENT-01")
def test_everything_else_of_an_order_must_be_there() -> None:
    least = golden("order_submitted.v1.least")
    for where in _containers(least):
        for key in _at(least, where) if isinstance(_at(least, where), dict) else ():
            broken = copy.deepcopy(least)
            del _at(broken, where)[key]
            with pytest.raises(ValidationError) as refused:
                again("order_submitted", wire(broken))
            assert ("missing", (*where, key)) in {(error["type"], error["loc"]) for error in refused.value.errors()}


def test_there_is_a_file_for_every_message() -> None:
    assert {name.split(".")[1] for name in FILES if name.startswith("fact.")} == {*FACT_OWNERS}
    events = {golden(name)["type"] for name in FILES if name.startswith("event.")}
    assert {each for each in events if not each.startswith((*STATES, LETTERS))} == {*DATA}
    assert any(each.startswith(STATES) for each in events)
    assert any(each.startswith(LETTERS) for each in events)
    assert {name.partition(".")[0] for name in FILES} == {*AGAIN}


def test_numbers_may_be_written_as_numbers_where_they_are_money() -> None:
    changed = golden("order_submitted.v1")
    changed["total"] = 15000292.5
    assert json.loads(again("order_submitted", wire(changed)))["total"] == "15000292.5"


# -- text --------------------------------------------------------------------------------------------------------------

TEXTS = {
    "chinese": "龘靐齉 𠮷野家",
    "emoji": "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 🏳\ufe0f\u200d🌈 🙏🏽",
    "right to left": "\u200fمرحبا، \u200eSO-1 \u202eשלום\u202c",
    "two ways to write é": "é ≠ e\u0301",
    "blanks": "  a\tb\u3000c\u2028d\u00a0 ",
    "quotes": "\"'`\\ \\n \\u0041 {}[]%s $1 <b>&amp;",
    "controls": "\x01\x1b[31m\x7f\ufeff\ufffe",
    "far planes": "\U0001f9ff\U000e0041\U0010ffff",
}


@pytest.mark.parametrize("kind", TEXTS)
def test_free_text_is_kept_as_it_came(kind: str) -> None:
    text = TEXTS[kind]
    changed = golden("fact.order_resubmitted.v1")
    document = changed["document"]
    document["special_requirements"] = document["customer"]["name"] = document["delivery"]["address"] = text
    changed["document"]["delivery"]["region"] = document["contact"]["name"] = text
    assert json.loads(again("fact", wire(changed))) == changed
    assert json.loads(again("order_submitted", wire(document))) == document
    assert again("order_submitted", wire(document)) == again("order_submitted", json.dumps(document).encode())


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VERSIONED)
def test_an_unknown_field_is_refused_wherever_it_stands(name: str) -> None:
    value = golden(name)
    for where in _containers(value):
        if isinstance(_at(value, where), dict) and not _is_open(name, where):
            broken = copy.deepcopy(value)
            _at(broken, where)["unheard_of"] = 1
            with pytest.raises(UNREADABLE):
                again(name, wire(broken))


@pytest.mark.parametrize("name", VERSIONED)
def test_a_wrong_type_is_refused_and_never_guessed_at(name: str) -> None:
    value = golden(name)
    tried = 0
    for where, given in _leaves(value):
        if _is_open(name, where[:-1]):
            continue
        for wrong in _wrong(given, where[-1]):
            broken = copy.deepcopy(value)
            _at(broken, where[:-1])[where[-1]] = wrong
            with pytest.raises(UNREADABLE):
                again(name, wire(broken))
            tried += 1
    assert tried > 5


def _wrong(given: Json, field: str | int) -> list[Json]:
    if isinstance(given, bool):
        return [1, "true", []]
    if isinstance(given, int):  # to a literal 1, true is 1: as a version it means no other
        return [str(given), given + 0.5, {}, *([] if field == "schema_version" else [True])]
    if isinstance(given, str):
        return [{"no": "such"}, [given], True]
    return [{"no": "such"}]


@pytest.mark.parametrize("name", VERSIONED)
@pytest.mark.parametrize("version", [0, 2, "1", 1.5, None])
def test_another_version_is_refused(name: str, version: Json) -> None:
    value = golden(name)
    for where in [*_containers(value)]:
        if isinstance(_at(value, where), dict) and "schema_version" in _at(value, where):
            broken = copy.deepcopy(value)
            _at(broken, where)["schema_version"] = version
            with pytest.raises(UNREADABLE) as refused:
                again(name, wire(broken))
            assert "schema_version" in str(refused.value)


@pytest.mark.parametrize("type_", ["orderflow.unheard.of", "", "order.in_review"])
def test_an_event_of_a_type_that_we_do_not_publish_has_no_contract(type_: str) -> None:
    with pytest.raises(KeyError):
        data_of(type_)


@pytest.mark.parametrize("kind", ["", "payment", "PAYMENT_RECEIVED", None, 1])
def test_an_unknown_kind_of_fact_is_refused(kind: Json) -> None:
    with pytest.raises(ValidationError):
        again("fact", wire(golden("fact.payment_received.v1") | {"kind": kind}))


def test_a_message_once_read_cannot_be_changed() -> None:
    order = OrderSubmitted.model_validate_json(wire(golden("order_submitted.v1")))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(order, "total", order.lines[0].unit_price)  # noqa: B010 - the type checker knows it, too
    with pytest.raises(ValidationError, match="frozen"):
        setattr(order.lines[0], "quantity", 1)  # noqa: B010


# -- walking through JSON ----------------------------------------------------------------------------------------------


def _is_open(name: str, where: Path_) -> bool:
    """What a sender may fill as it likes: the reason of a state change."""
    return name.startswith("event.") and where[:2] == ("data", "reason")


def _containers(value: Json, where: Path_ = ()) -> Iterator[Path_]:
    if isinstance(value, dict | list):
        yield where
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _containers(inner, (*where, key))


def _leaves(value: Json) -> Iterator[tuple[Path_, Json]]:
    for where in _containers(value):
        inside = _at(value, where)
        for key, inner in inside.items() if isinstance(inside, dict) else enumerate(inside):
            if not isinstance(inner, dict | list):
                yield (*where, key), inner


def _at(value: Json, where: Path_) -> Json:
    for key in where:
        value = value[key]
    return value
