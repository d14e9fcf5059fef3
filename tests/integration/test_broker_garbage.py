"""Whatever anybody puts into a department's queue: it is set aside whole, and its neighbours go on."""

import json
from typing import Any

import pytest
import redis

from shared.broker import Broker, connect
from shared.queues import MAX_BODY_BYTES, Keys, encode
from tests.support.serving import QUEUE, batch, batches, empty, ids, send, serving
from tests.support.waiting import until

KEYS = Keys(QUEUE)
PROPER = encode(QUEUE, batch(), "x", 1)


def altered(**changes: Any) -> bytes:
    """A proper message, with these fields otherwise."""
    return json.dumps(json.loads(PROPER) | changes).encode()


def with_option(**options: Any) -> bytes:
    return altered(options={"redis_message_id": "x", **options})


def with_batch(**changes: Any) -> bytes:
    return altered(kwargs={"batch": batch().model_dump(mode="json") | changes})


GARBAGE = {
    "binary": (b"\xff\x00 not json", "malformed::json_invalid"),
    "empty": (b"", "malformed::json_invalid"),
    "null": (b"null", "malformed::model_type"),
    "list": (b"[]", "malformed::model_type"),
    "chinese": ("订单".encode(), "malformed::json_invalid"),
    "cut_off": (PROPER[:-1], "malformed::json_invalid"),
    "another_object": (b'{"a":1}', "malformed:"),
    "nested": (b'{"kwargs":' + b"[" * 8_000, "malformed::json_invalid"),
    "nested_and_closed": (altered(options=json.loads("[" * 900 + "]" * 900)), "malformed::json_invalid"),
    "huge": (b'"' + b"x" * 5_000_000 + b'"', "too_large"),
    "too_large_by_its_id": (altered(message_id="x" * MAX_BODY_BYTES), "too_large"),
    "options_null": (altered(options=None), "malformed:options:model_type"),
    "throws": (with_option(throws="ValueError"), "malformed:options.throws:extra_forbidden"),
    "delayed": (with_option(eta=1), "malformed:options.eta:extra_forbidden"),
    "positional": (altered(args=["x"]), "malformed:args:too_long"),
    "args_null": (altered(args=None), "malformed:args:list_type"),
    "no_batch": (altered(kwargs={}), "malformed:kwargs.batch:missing"),
    "unknown_queue": (altered(queue_name="nowhere"), "misrouted"),
    "unknown_actor": (altered(actor_name="finance.play"), "misrouted"),
    "number_for_a_name": (altered(queue_name=7), "malformed:queue_name:string_type"),
    "another_department": (with_batch(department="warehouse"), "misrouted"),
    "unknown_department": (with_batch(department="kitchen"), "malformed:kwargs.batch.department:enum"),
    "version_of_tomorrow": (with_batch(schema_version=2), "malformed:kwargs.batch.schema_version:literal_error"),
    "nothing_in_it": (with_batch(size=0), "malformed:kwargs.batch.size:greater_than_equal"),
    "text_for_a_number": (with_batch(size="3"), "malformed:kwargs.batch.size:int_type"),
    "no_uuid": (with_batch(id="'; drop table orders"), "malformed:kwargs.batch.id:string_pattern_mismatch"),
    "more_than_known": (with_batch(note="x"), "malformed:kwargs.batch.note:extra_forbidden"),
}


@pytest.fixture
def broker(broker_url: str) -> Broker:
    return connect(broker_url)


def push(valkey: redis.Redis, body: bytes, message_id: bytes = b"somebody's") -> None:
    """Put a message into the queue as anybody can, without us."""
    valkey.hset(KEYS.bodies, items=[message_id, body])
    valkey.rpush(KEYS.ready, message_id)


@pytest.mark.requirement("PLT-04")
@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_set_aside_whole_and_its_neighbours_go_on(
    broker: Broker, broker_url: str, valkey: redis.Redis, name: str
) -> None:
    body, reason = GARBAGE[name]
    before, after = batch(), batch()
    send(broker, before)
    push(valkey, body)
    send(broker, after)
    with serving(broker_url, threads=3) as desk:
        until(lambda: empty(broker) and not valkey.keys("orderflow:__acks__*"))
    assert ids(*desk.batches) == ids(before, after)
    [(queue, kept, why)] = desk.garbage
    assert (queue, kept) == (QUEUE, body)
    assert why.startswith(reason)


@pytest.mark.requirement("PLT-04")
def test_all_kinds_of_garbage_at_once_leave_the_worker_whole(
    broker: Broker, broker_url: str, valkey: redis.Redis
) -> None:
    sent, late = batches(len(GARBAGE)), batches(4)
    for number, (each, (body, _)) in enumerate(zip(sent, GARBAGE.values(), strict=True)):
        push(valkey, body, b"\xff%d" % number)
        send(broker, each)
    with serving(broker_url) as desk:
        until(lambda: empty(broker), seconds=20)
        send(broker, *late)
        until(lambda: empty(broker))
    assert sorted(desk.ids) == sorted(ids(*sent, *late))
    assert sorted(kept for _, kept, _ in desk.garbage) == sorted(body for body, _ in GARBAGE.values())


@pytest.mark.requirement("PLT-04")
def test_garbage_stays_until_it_is_stored_and_holds_nobody_up(
    broker: Broker, broker_url: str, valkey: redis.Redis
) -> None:
    stored: list[bytes] = []
    tries: list[int] = []

    def store(_: str, body: bytes, __: str) -> None:
        tries.append(len(desk.batches))
        if len(tries) < 3:
            raise OSError("the database is away")
        stored.append(body)

    push(valkey, b"garbage")
    send(broker, *batches(10))
    with serving(broker_url, threads=1, on_garbage=store) as desk:
        until(lambda: empty(broker))
    assert stored == [b"garbage"]
    assert tries == [0, 10, 10]


def test_garbage_that_cannot_be_stored_survives_a_stop(broker: Broker, broker_url: str, valkey: redis.Redis) -> None:
    tried: list[bytes] = []

    def store(_: str, body: bytes, __: str) -> None:
        tried.append(body)
        raise OSError("the database is away")

    push(valkey, b"garbage")
    with serving(broker_url, on_garbage=store):
        until(lambda: tried)
    assert valkey.lrange(KEYS.ready, 0, -1) == [b"somebody's"]
    assert valkey.hget(KEYS.bodies, "somebody's") == b"garbage"


def test_an_id_whose_body_is_gone_is_forgotten(broker: Broker, broker_url: str, valkey: redis.Redis) -> None:
    valkey.rpush(KEYS.ready, b"nothing behind it")
    sent = batch()
    send(broker, sent)
    with serving(broker_url) as desk:
        until(lambda: desk.batches == [sent])
        until(lambda: empty(broker) and not valkey.keys("orderflow:__acks__*"))
    assert desk.garbage == []
