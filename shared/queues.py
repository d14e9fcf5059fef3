"""What lies in the broker between departments: the wire form of a batch message, its keys, and looking at the queues.

The keys and bodies are dramatiq's own, under `orderflow:` — `<queue>` ids that are ready, `<queue>.msgs` bodies by id,
`__acks__.<worker>.<queue>` ids that a worker holds, `__heartbeats__` — and one more, `bell:<queue>`, a short list on
which idle workers block instead of polling. A message id is `<batch id>.<time of publishing in ms>`, which tells what
is in a queue, and since when, without reading bodies.
"""

import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, cast

import redis
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from redis.backoff import NoBackoff
from redis.retry import Retry

from messages.batch import Batch

NAMESPACE = "orderflow"
HEARTBEATS = f"{NAMESPACE}:__heartbeats__"
BELLS = 64  # enough to wake every idle worker of a department; more would only wake them for nothing
MAX_BODY_BYTES = 16_384
SILENT_SECONDS = 5.0

# Only a worker that holds nothing may be forgotten, or what it holds could never be found again.
LEAVE = "if redis.call('SCARD', KEYS[1]) == 0 then redis.call('ZREM', KEYS[2], ARGV[1]) end"

_PUBLISHED_AT = re.compile(rb".*\.(\d{13})")


class BrokerUnavailable(Exception):
    """The broker did not answer or refused. What became of the command is unknown, and nothing depends on it."""


class NotABatch(ValueError):
    """A body that is no batch message for the queue it was in; says why: `too_large`, `misrouted`, `malformed:…`."""


@dataclass(frozen=True, slots=True)
class Broker:
    """A connected Redis or Valkey. Safe to share between threads, not across a fork."""

    client: redis.Redis


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Messages nobody has taken, messages held by workers (live or dead), since when the first in line waits, and how
    many worker processes are alive (PLT-06)."""

    ready: int
    held: int
    oldest_at: datetime | None
    consumers: int


class Keys:
    """The names of one queue's keys, and of what `worker` holds of it."""

    def __init__(self, queue: str, worker: str = "") -> None:
        self.ready = f"{NAMESPACE}:{queue}"
        self.bodies = f"{NAMESPACE}:{queue}.msgs"
        self.bell = f"{NAMESPACE}:bell:{queue}"
        self.held = f"{NAMESPACE}:__acks__.{worker}.{queue}"


def connect(url: str) -> Broker:
    """A broker for publishing, serving and looking; connects when first used."""
    pool = redis.ConnectionPool.from_url(
        url,
        socket_timeout=5,
        socket_connect_timeout=5,
        # A silent repeat of a fetch whose reply was lost would strand what the first one took.
        retry=Retry(NoBackoff(), 0),
    )
    return Broker(redis.Redis(connection_pool=pool))


@contextmanager
def broker_errors() -> Iterator[None]:
    """Turn whatever the client raises into `BrokerUnavailable`."""
    try:
        yield
    except redis.RedisError as error:
        raise BrokerUnavailable(str(error)) from error


def publish(broker: Broker, messages: Iterable[tuple[str, Batch]]) -> None:
    """Put (queue, batch) messages on their queues and ring the doorbells: one round trip, all or nothing.

    Raises `BrokerUnavailable`; the rows are there, so the scheduler publishes again.
    """
    now_ms = time.time_ns() // 1_000_000
    bodies: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
    for queue, batch in messages:
        message_id = f"{batch.id}.{now_ms}"
        bodies[queue][message_id] = encode(queue, batch, message_id, now_ms)
    with broker_errors(), broker.client.pipeline(transaction=True) as pipe:
        for queue, by_id in bodies.items():
            keys = Keys(queue)
            pipe.hset(keys.bodies, items=[part for item in by_id.items() for part in item])
            pipe.rpush(keys.ready, *by_id)
            ring(pipe, keys, len(by_id))
        pipe.execute()


def ring(pipe: "redis.client.Pipeline", keys: Keys, times: int) -> None:
    """Wake so many idle workers."""
    pipe.rpush(keys.bell, *[b"1"] * min(times, BELLS))
    pipe.ltrim(keys.bell, -BELLS, -1)


# --- looking ----------------------------------------------------------------------------------------------------------


def depth(broker: Broker, queues: Sequence[str]) -> dict[str, QueueDepth]:
    """How much is in each queue, in one round trip. Raises `BrokerUnavailable`."""
    with broker_errors(), broker.client.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.zrange(HEARTBEATS, 0, -1, withscores=True)
        for queue in queues:
            keys = Keys(queue)
            pipe.llen(keys.ready)
            pipe.hlen(keys.bodies)
            pipe.lindex(keys.ready, 0)
        now, beats, *figures = pipe.execute()
    silent = _silent(now, beats, SILENT_SECONDS)
    alive = [worker for worker, _ in beats if worker not in silent]
    depths = {}
    for queue, ready, bodies, first in zip(queues, figures[::3], figures[1::3], figures[2::3], strict=True):
        consumers = sum(_serves(worker, queue) for worker in alive)
        depths[queue] = QueueDepth(ready, max(0, bodies - ready), _published_at(first), consumers)
    return depths


def message_ids(broker: Broker, queue: str, limit: int = 10_000) -> frozenset[str] | None:
    """The ids of the batches that have a message in this queue, ready or held; None where there are more than `limit`.

    Read the rows first and this afterwards: a row that still stands without a message then has lost it.
    Raises `BrokerUnavailable`.
    """
    key = Keys(queue).bodies
    with broker_errors():
        if broker.client.hlen(key) > limit:
            return None
        ids = cast(list[bytes], broker.client.hkeys(key))
    return frozenset(message_id.decode(errors="replace").partition(".")[0] for message_id in ids)


def silent_queues(broker: Broker, silent_seconds: float = SILENT_SECONDS) -> frozenset[str]:
    """The queues of workers that gave no sign of life for so long, in one round trip: where to look for `stranded`.

    Raises `BrokerUnavailable`.
    """
    with broker_errors():
        silent = _silent(*_heartbeats(broker), silent_seconds)
    return frozenset(worker.decode(errors="replace").partition("@")[0] for worker in silent)


def stranded(broker: Broker, queue: str, silent_seconds: float = SILENT_SECONDS) -> list[Batch]:
    """The batches whose messages are held by workers that gave no sign of life for so long: killed, cut off or paused.

    Raises `BrokerUnavailable`.
    """
    with broker_errors():
        return _batches(_stranded(broker, queue, silent_seconds))


def drop_stranded(broker: Broker, queue: str, silent_seconds: float = SILENT_SECONDS) -> list[Batch]:
    """Remove the messages that `stranded` finds and forget those workers; returns the batches, whose rows now stand
    without a message, to be published again. A paused worker that comes back finds its rows claimed.

    What does not read as a batch is put back, so that a live worker sets it aside. Raises `BrokerUnavailable`.
    """
    with broker_errors():
        found = _stranded(broker, queue, silent_seconds)
        if not found:
            return []
        leave = broker.client.register_script(LEAVE)
        with broker.client.pipeline(transaction=True) as pipe:
            for worker, held in found.items():
                keys = Keys(queue, worker)
                good = [message_id for message_id, batch in held.items() if batch]
                bad = [message_id for message_id, batch in held.items() if not batch]
                if held:
                    pipe.srem(keys.held, *held)
                if good:
                    pipe.hdel(keys.bodies, *good)
                if bad:
                    pipe.rpush(keys.ready, *bad)
                    ring(pipe, keys, len(bad))
                leave(keys=[keys.held, HEARTBEATS], args=[worker], client=pipe)
            pipe.execute()
    return _batches(found)


_Held = dict[str, dict[bytes, Batch | None]]  # per silent worker what it holds; None: not readable as a batch


def _stranded(broker: Broker, queue: str, seconds: float) -> _Held:
    found: _Held = {}
    silent = _silent(*_heartbeats(broker), seconds)
    for worker in sorted(worker for worker in silent if _serves(worker, queue)):
        keys = Keys(queue, worker.decode())
        ids = list(cast(set[bytes], broker.client.smembers(keys.held)))
        bodies = cast(list[bytes | None], broker.client.hmget(keys.bodies, ids)) if ids else []
        found[worker.decode()] = {
            message_id: _readable(queue, body or b"") for message_id, body in zip(ids, bodies, strict=True)
        }
    return found


def _batches(found: _Held) -> list[Batch]:
    return [batch for held in found.values() for batch in held.values() if batch]


def _heartbeats(broker: Broker) -> tuple[tuple[int, int], list[tuple[bytes, float]]]:
    with broker.client.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.zrange(HEARTBEATS, 0, -1, withscores=True)
        now, beats = pipe.execute()
    return now, beats


def _silent(now: tuple[int, int], beats: Iterable[tuple[bytes, float]], seconds: float) -> set[bytes]:
    # Both times are the broker's own, so that no clock of another machine can make a worker look dead.
    return {worker for worker, beat_ms in beats if now[0] + now[1] / 1e6 - beat_ms / 1e3 > seconds}


def _serves(worker: bytes, queue: str) -> bool:
    return worker.startswith(f"{queue}@".encode())


def _published_at(message_id: bytes | None) -> datetime | None:
    found = _PUBLISHED_AT.fullmatch(message_id or b"")
    return datetime.fromtimestamp(int(found[1]) / 1000, UTC) if found else None


# --- the wire ---------------------------------------------------------------------------------------------------------


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class _Options(_Strict):
    redis_message_id: str


class _Work(_Strict):
    batch: Batch


class _Message(_Strict):
    """dramatiq's message as we send it. Options that would steer dramatiq (`eta`, `throws`, …) are refused."""

    queue_name: str
    actor_name: str
    args: Annotated[list[Any], Field(max_length=0)]
    kwargs: _Work
    options: _Options
    message_id: str
    message_timestamp: int


def encode(queue: str, batch: Batch, message_id: str, now_ms: int) -> bytes:
    """The body of a message: JSON as dramatiq writes it."""
    return (
        _Message(
            queue_name=queue,
            actor_name=actor_name(queue),
            args=[],
            kwargs=_Work(batch=batch),
            options=_Options(redis_message_id=message_id),
            message_id=message_id,
            message_timestamp=now_ms,
        )
        .model_dump_json()
        .encode()
    )


def decode(queue: str, body: bytes) -> Batch:
    """The batch of a message found in `queue`. Raises `NotABatch` and nothing else, whatever the bytes."""
    if len(body) > MAX_BODY_BYTES:
        raise NotABatch("too_large")
    try:
        message = _Message.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise NotABatch(":".join(["malformed", ".".join(map(str, first["loc"])), first["type"]])) from None
    batch = message.kwargs.batch
    if (message.queue_name, message.actor_name, batch.department) != (queue, actor_name(queue), queue):
        raise NotABatch("misrouted")
    return batch


def actor_name(queue: str) -> str:
    """The one actor of a department."""
    return f"{queue}.work"


def _readable(queue: str, body: bytes) -> Batch | None:
    try:
        return decode(queue, body)
    except NotABatch:
        return None
