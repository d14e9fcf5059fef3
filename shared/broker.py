"""The queues between departments: the only module that knows dramatiq.

A message is a wake-up call that names a batch row, so losing, repeating or delaying one harms nothing: the row decides.
The keys are dramatiq's own, under `orderflow:` — `<queue>` ids that are ready, `<queue>.msgs` bodies by id,
`__acks__.<worker>.<queue>` ids that a worker holds, `__heartbeats__` — and one more, `bell:<queue>`, a short list on
which idle workers block instead of polling. A message id is `<batch id>.<time of publishing in ms>`, which tells what
is in a queue, and since when, without reading bodies.
"""

import logging
import os
import socket
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, cast
from uuid import uuid4

import dramatiq
import redis
import structlog
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import ConnectionClosed
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from redis.backoff import NoBackoff
from redis.retry import Retry
from typing_extensions import override

from messages.batch import Batch

OnGarbage = Callable[[str, bytes, str], None]
"""Called with (queue, raw body, reason); must have stored the body durably when it returns, else raise."""

NAMESPACE = "orderflow"
MAX_BODY_BYTES = 16_384
SILENT_SECONDS = 5.0
_HEARTBEATS = f"{NAMESPACE}:__heartbeats__"
_BELLS = 64  # enough to wake every idle worker of a department; more would only wake them for nothing
_BEAT_SECONDS = 1.0  # longest silence of a live worker, and longest block on the doorbell
_RECONNECT_SECONDS = 1.0
_THREAD_WAKE_MS = 200  # how soon an idle worker thread notices that it should stop
_WATCH_SECONDS = 0.25
_STOPPING_POLL_SECONDS = 0.05

log = structlog.get_logger(__name__)

# dramatiq's own fetch tells bodies but not ids, beats with the worker's clock, and keeps ids whose body is gone.
# A queue that is empty needs no bell: dropping what is left of it spares the next idle worker idle wake-ups.
_FETCH = """
local now = redis.call('TIME')
redis.call('ZADD', KEYS[4], now[1] * 1000 + math.floor(now[2] / 1000), ARGV[1])
if ARGV[2] == '0' then return {} end
local ids = redis.call('LPOP', KEYS[1], ARGV[2])
if not ids then redis.call('DEL', KEYS[5]) return {} end
redis.call('SADD', KEYS[3], unpack(ids))
return {ids, redis.call('HMGET', KEYS[2], unpack(ids))}
"""

# Only a worker that holds nothing may be forgotten, or what it holds could never be found again.
_LEAVE = "if redis.call('SCARD', KEYS[1]) == 0 then redis.call('ZREM', KEYS[2], ARGV[1]) end"


class BrokerUnavailable(Exception):
    """The broker did not answer or refused; nothing is known of the outcome, and nothing depends on it."""


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Messages nobody has taken, messages held by workers (live or dead), since when the first in line waits, and how
    many worker processes are alive (PLT-06)."""

    ready: int
    held: int
    oldest_at: datetime | None
    consumers: int


class Broker(RedisBroker):
    """dramatiq's Redis broker without its maintenance: what a dead worker held is rescued from PostgreSQL instead,
    which counts the attempt."""

    def __init__(self, client: redis.Redis) -> None:
        # No middleware: a retry, a time limit or a delay of dramatiq's would be a second opinion beside the row's.
        super().__init__(client=client, middleware=[], namespace=NAMESPACE, maintenance_chance=0)  # type: ignore[no-untyped-call]

    @override
    def declare_queue(self, queue_name: str) -> None:
        # Without the delay queue that dramatiq would declare beside it, and its polling thread.
        if queue_name not in self.queues:
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)


def connect(url: str) -> Broker:
    """A broker for publishing, serving and looking; connects when first used. Safe to share between threads."""
    pool = redis.ConnectionPool.from_url(
        url,
        socket_timeout=5,
        socket_connect_timeout=5,
        # A silent repeat of a fetch whose reply was lost would strand what the first one took.
        retry=Retry(NoBackoff(), 0),
    )
    return Broker(redis.Redis(connection_pool=pool))


def publish(broker: Broker, messages: Iterable[tuple[str, Batch]]) -> None:
    """Put (queue, batch) messages on their queues and ring the doorbells: one round trip, all or nothing.

    Raises `BrokerUnavailable`; the rows are there, so whoever rescues publishes again.
    """
    now = time.time_ns() // 1_000_000
    bodies: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
    for queue, batch in messages:
        message_id = f"{batch.id}.{now}"
        bodies[queue][message_id] = _encode(queue, batch, message_id, now)
    with _broker_errors(), broker.client.pipeline(transaction=True) as pipe:
        for queue, by_id in bodies.items():
            keys = _Keys(queue)
            pipe.hset(keys.bodies, mapping=cast(Mapping[str | bytes, bytes], by_id))
            pipe.rpush(keys.ready, *by_id)
            pipe.rpush(keys.bell, *[b"1"] * min(len(by_id), _BELLS))
            pipe.ltrim(keys.bell, -_BELLS, -1)
        pipe.execute()


def depth(broker: Broker, queues: Sequence[str]) -> dict[str, QueueDepth]:
    """How much is in each queue, in one round trip. Raises `BrokerUnavailable`."""
    with _broker_errors(), broker.client.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.zrange(_HEARTBEATS, 0, -1, withscores=True)
        for queue in queues:
            keys = _Keys(queue)
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

    Read the rows first and this afterwards: a row that stands without a message then has lost it.
    Raises `BrokerUnavailable`.
    """
    key = _Keys(queue).bodies
    with _broker_errors():
        if broker.client.hlen(key) > limit:
            return None
        return frozenset(str(_batch_id(message_id)) for message_id in broker.client.hkeys(key))


def stranded(broker: Broker, queue: str, silent_seconds: float = SILENT_SECONDS) -> list[Batch]:
    """The batches whose messages are held by workers that gave no sign of life for so long: killed, cut off or paused.

    Raises `BrokerUnavailable`.
    """
    with _broker_errors():
        return [batch for held in _stranded(broker, queue, silent_seconds).values() for batch in held.values() if batch]


def drop_stranded(broker: Broker, queue: str, silent_seconds: float = SILENT_SECONDS) -> list[Batch]:
    """Remove the messages that `stranded` finds and forget those workers; returns the batches, whose rows now stand
    without a message, to be published again. A paused worker that comes back finds its rows claimed.

    What does not read as a batch is put back, so that a live worker sets it aside. Raises `BrokerUnavailable`.
    """
    with _broker_errors():
        found = _stranded(broker, queue, silent_seconds)
        if not found:
            return []
        leave = broker.client.register_script(_LEAVE)
        with broker.client.pipeline(transaction=True) as pipe:
            for worker, held in found.items():
                keys = _Keys(queue, worker)
                good = [message_id for message_id, batch in held.items() if batch]
                bad = [message_id for message_id, batch in held.items() if not batch]
                if held:
                    pipe.srem(keys.held, *held)
                if good:
                    pipe.hdel(keys.bodies, *good)
                if bad:
                    pipe.rpush(keys.ready, *bad)
                    pipe.rpush(keys.bell, b"1")
                leave(keys=[keys.held, _HEARTBEATS], args=[worker], client=pipe)
            pipe.execute()
    return [batch for held in found.values() for batch in held.values() if batch]


def run_worker(
    broker: Broker,
    queue: str,
    handler: Callable[[Batch], None],
    threads: int,
    on_garbage: OnGarbage,
    stop: threading.Event,
    drain_seconds: float = 20.0,
) -> None:
    """Serve one queue with so many threads until `stop`: then what is in work is finished, within `drain_seconds`, and
    what was fetched ahead goes back. Ends the whole process when one of its threads dies; what supervises it restarts it.
    """

    def work(batch: Batch) -> None:
        try:
            handler(batch)
        except Exception:
            # Acknowledged all the same: the batch's row is still there, and the scheduler decides when to try again.
            log.exception("batch.failed", queue=queue, batch=batch.id)

    serving = _ServingBroker(broker.client, queue, on_garbage, stop)
    dramatiq.Actor(
        work, broker=serving, actor_name=_actor(queue), queue_name=queue, priority=0, options={"max_retries": 0}
    )
    worker = dramatiq.Worker(serving, queues={queue}, worker_threads=threads, worker_timeout=_THREAD_WAKE_MS)
    worker.queue_prefetch = threads + 1  # one in reserve hides the fetch; more would be kept from idle processes
    worker.start()
    while not stop.wait(_WATCH_SECONDS):
        _end_if_a_thread_died(worker, queue)
    serving.wake()
    worker.stop(timeout=int(drain_seconds * 1000))
    if any(thread.is_alive() for thread in worker.workers):
        log.error("worker.unfinished", queue=queue, drain_seconds=drain_seconds)


def _end_if_a_thread_died(worker: dramatiq.Worker, queue: str) -> None:
    # dramatiq would go on with the threads that are left, or fetch on with none.
    if not all(thread.is_alive() for thread in (*worker.workers, *worker.consumers.values())):
        log.critical("worker.thread_died", queue=queue)
        logging.shutdown()
        os._exit(70)


class _ServingBroker(Broker):
    """The broker of one worker process: it has a name of its own, under which it holds messages and beats."""

    def __init__(self, client: redis.Redis, queue: str, on_garbage: OnGarbage, stop: threading.Event) -> None:
        super().__init__(client)
        self.broker_id = f"{queue}@{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self.keys = _Keys(queue, self.broker_id.encode())
        self.own_bell = f"{NAMESPACE}:bell:{self.broker_id}"
        self.on_garbage = on_garbage
        self.stopping = stop
        self.fetch = client.register_script(_FETCH)
        self.leave = client.register_script(_LEAVE)

    @override
    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> "_Consumer":
        return _Consumer(self, queue_name, prefetch)

    def wake(self) -> None:
        """End the block on the doorbell now, rather than within `_BEAT_SECONDS`."""
        try:
            with self.client.pipeline(transaction=True) as pipe:
                pipe.rpush(self.own_bell, b"1").expire(self.own_bell, 5)
                pipe.execute()
        except redis.RedisError as error:
            log.warning("broker.unreachable", error=str(error))


class _Consumer(dramatiq.Consumer):
    """Takes messages for the worker threads; blocks on the doorbell while there are none.

    It knows the id of everything it holds, so that an unreadable message disturbs no other, and after a lost reply it
    can compare with the broker what it holds.
    """

    def __init__(self, broker: _ServingBroker, queue: str, prefetch: int) -> None:
        self._broker = broker
        self._client = broker.client
        self._keys = broker.keys
        self._queue = queue
        self._prefetch = prefetch
        self._ahead: deque[tuple[bytes, Batch]] = deque()  # fetched, not yet given to a thread
        self._held: set[bytes] = set()  # fetched, not yet acknowledged
        self._done: set[bytes] = set()  # handled, but the broker could not be told
        self._in_doubt = False
        self._freed = threading.Event()

    @override
    def __next__(self) -> dramatiq.MessageProxy | None:
        """The next message, or None after at most a second: dramatiq then asks again, unless it is to stop."""
        if not self._ahead:
            try:
                self._fill()
            except redis.RedisError as error:
                if not self._in_doubt:
                    log.warning("broker.unreachable", queue=self._queue, error=str(error))
                self._in_doubt = True
                self._rest(_RECONNECT_SECONDS)
        if not self._ahead:
            return None
        message_id, batch = self._ahead.popleft()
        return dramatiq.MessageProxy(_message(self._queue, batch, message_id))

    @override
    def ack(self, message: dramatiq.MessageProxy) -> None:
        """Called by worker threads. Never raises: dramatiq would hold the thread for 5 s and try again, and again."""
        message_id = message.options["redis_message_id"]
        try:
            self._remove([message_id])
        except redis.RedisError:
            self._done.add(message_id)
            self._in_doubt = True
        self._held.discard(message_id)
        self._freed.set()

    nack = ack  # dramatiq's dead letters vanish after a week; ours are rows

    @override
    def requeue(self, messages: Iterable[dramatiq.MessageProxy]) -> None:
        """At a stop: what no thread has begun goes back to the head of the queue."""
        try:
            self._give_back([message.options["redis_message_id"] for message in messages])
        except redis.RedisError as error:
            raise ConnectionClosed(error) from None

    @override
    def close(self) -> None:
        try:
            self._settle()
            self._give_back([message_id for message_id, _ in self._ahead])
            self._broker.leave(keys=[self._keys.held, _HEARTBEATS], args=[self._broker.broker_id])
        except redis.RedisError as error:
            raise ConnectionClosed(error) from None
        finally:
            self._ahead.clear()

    def _fill(self) -> None:
        if self._in_doubt:
            self._settle()
        stopping = self._broker.stopping.is_set()
        room = 0 if stopping else self._prefetch - len(self._held)
        if room > 0:
            if not self._fetch(room):
                self._client.blpop([self._keys.bell, self._broker.own_bell], timeout=_BEAT_SECONDS)
            return
        if not self._freed.wait(_STOPPING_POLL_SECONDS if stopping else _BEAT_SECONDS):
            self._fetch(0)  # only a sign of life: the threads are busy, not dead
        self._freed.clear()

    def _fetch(self, room: int) -> bool:
        """Take up to `room` messages; False where there was none."""
        keys = self._keys
        reply = self._broker.fetch(
            keys=[keys.ready, keys.bodies, keys.held, _HEARTBEATS, keys.bell], args=[self._broker.broker_id, room]
        )
        if not reply:
            return False
        refused = False
        for message_id, body in zip(*cast(tuple[list[bytes], list[bytes | None]], reply), strict=True):
            if body is None:  # a repetition of a message that was acknowledged meanwhile
                self._remove([message_id])
                continue
            batch, reason = _decode(self._queue, body)
            if batch:
                self._held.add(message_id)
                self._ahead.append((message_id, batch))
            else:
                refused |= not self._set_aside(message_id, body, reason)
        if refused and not self._ahead:
            self._rest(_RECONNECT_SECONDS)
        return True

    def _set_aside(self, message_id: bytes, body: bytes, reason: str) -> bool:
        try:
            self._broker.on_garbage(self._queue, body, reason)
        except Exception:
            log.exception("garbage.not_stored", queue=self._queue, reason=reason, size_bytes=len(body))
            self._give_back([message_id], behind=True)  # behind the others, which must not wait for it
            return False
        self._remove([message_id])
        return True

    def _settle(self) -> None:
        """After a lost reply: acknowledge again what is done, and give back what we hold without having received it."""
        done = self._done.copy()
        self._remove(list(done))
        self._done -= done
        self._give_back(list(self._client.smembers(self._keys.held) - self._held))
        if self._in_doubt:
            log.info("broker.reached", queue=self._queue)
        self._in_doubt = False

    def _remove(self, ids: Sequence[bytes]) -> None:
        # Plain commands: unlike a script that writes they work even when the broker's memory is full.
        if ids:
            with self._client.pipeline(transaction=True) as pipe:
                pipe.srem(self._keys.held, *ids).hdel(self._keys.bodies, *ids)
                pipe.execute()

    def _give_back(self, ids: Sequence[bytes], *, behind: bool = False) -> None:
        if ids:
            with self._client.pipeline(transaction=True) as pipe:
                pipe.srem(self._keys.held, *ids)
                push = pipe.rpush if behind else pipe.lpush
                push(self._keys.ready, *(ids if behind else reversed(ids)))
                if not behind:
                    pipe.rpush(self._keys.bell, *[b"1"] * len(ids)).ltrim(self._keys.bell, -_BELLS, -1)
                pipe.execute()
            self._held.difference_update(ids)

    def _rest(self, seconds: float) -> None:
        if self._broker.stopping.wait(seconds):
            time.sleep(_STOPPING_POLL_SECONDS)


# --- the wire ---------------------------------------------------------------------------------------------------------


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class _Options(_Strict):
    redis_message_id: str


class _Work(_Strict):
    batch: Batch


class _Wire(_Strict):
    """dramatiq's message as we send it. Options that would steer dramatiq (`eta`, `throws`, …) are refused."""

    queue_name: str
    actor_name: str
    args: Annotated[list[Any], Field(max_length=0)]
    kwargs: _Work
    options: _Options
    message_id: str
    message_timestamp: int


def _encode(queue: str, batch: Batch, message_id: str, now_ms: int) -> bytes:
    return dramatiq.Message[None](
        queue_name=queue,
        actor_name=_actor(queue),
        args=(),
        kwargs={"batch": batch.model_dump(mode="json")},
        options={"redis_message_id": message_id},
        message_id=message_id,
        message_timestamp=now_ms,
    ).encode()


def _decode(queue: str, body: bytes) -> tuple[Batch | None, str]:
    """The batch, or None and why it is none; never raises, whatever the bytes."""
    if len(body) > MAX_BODY_BYTES:
        return None, "too_large"
    try:
        wire = _Wire.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return None, ":".join(["malformed", ".".join(map(str, first["loc"])), first["type"]])
    if (wire.queue_name, wire.actor_name, wire.kwargs.batch.department) != (queue, _actor(queue), queue):
        return None, "misrouted"
    return wire.kwargs.batch, ""


def _message(queue: str, batch: Batch, message_id: bytes) -> dramatiq.Message[None]:
    return dramatiq.Message(
        queue_name=queue,
        actor_name=_actor(queue),
        args=(),
        kwargs={"batch": batch},
        options={"redis_message_id": message_id},
        message_id=message_id.decode(errors="replace"),
    )


def _actor(queue: str) -> str:
    return f"{queue}.work"


# --- keys, ids and signs of life --------------------------------------------------------------------------------------


class _Keys:
    """Names of one queue's keys, as dramatiq has them."""

    def __init__(self, queue: str, worker: bytes = b"") -> None:
        self.ready = f"{NAMESPACE}:{queue}"
        self.bodies = f"{NAMESPACE}:{queue}.msgs"
        self.bell = f"{NAMESPACE}:bell:{queue}"
        self.held = f"{NAMESPACE}:__acks__.{worker.decode()}.{queue}"


def _batch_id(message_id: bytes) -> str:
    return message_id.decode(errors="replace").partition(".")[0]


def _published_at(message_id: bytes | None) -> datetime | None:
    milliseconds = (message_id or b"").rpartition(b".")[2]
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if milliseconds.isdigit() else None


def _serves(worker: bytes, queue: str) -> bool:
    return worker.startswith(f"{queue}@".encode())


def _silent(now: tuple[int, int], beats: Sequence[tuple[bytes, float]], seconds: float) -> set[bytes]:
    return {worker for worker, beat in beats if now[0] + now[1] / 1e6 - beat / 1000 > seconds}


def _stranded(broker: Broker, queue: str, seconds: float) -> dict[bytes, dict[bytes, Batch | None]]:
    """Per silent worker of the queue the messages it holds; None for those that do not read as a batch."""
    with broker.client.pipeline(transaction=False) as pipe:
        pipe.time().zrange(_HEARTBEATS, 0, -1, withscores=True)
        silent = [worker for worker in _silent(*pipe.execute(), seconds) if _serves(worker, queue)]
    found: dict[bytes, dict[bytes, Batch | None]] = {}
    for worker in silent:
        keys = _Keys(queue, worker)
        ids = list(broker.client.smembers(keys.held))
        bodies = broker.client.hmget(keys.bodies, ids) if ids else []
        found[worker] = {
            message_id: _decode(queue, body)[0] for message_id, body in zip(ids, bodies, strict=True) if body
        }
    return found


@contextmanager
def _broker_errors() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        raise BrokerUnavailable(str(error)) from error
