"""Serving a department's queue: the only module that knows dramatiq.

A message is a wake-up call that names a batch row, so losing, repeating or delaying one harms nothing: the row decides.
What lies in the broker, and how to publish and look at it, is in shared/queues.py and offered here as well.
"""

import logging
import os
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import cast
from uuid import uuid4

import dramatiq
import redis
import structlog
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import ConnectionClosed
from typing_extensions import override

from messages.batch import Batch
from shared.outage import Outage
from shared.queues import (
    HEARTBEATS,
    LEAVE,
    NAMESPACE,
    Broker,
    BrokerUnavailable,
    Keys,
    NotABatch,
    QueueDepth,
    actor_name,
    connect,
    decode,
    depth,
    drop_stranded,
    message_ids,
    publish,
    ring,
    silent_queues,
    stranded,
)

__all__ = [
    "Broker",
    "BrokerUnavailable",
    "OnGarbage",
    "QueueDepth",
    "connect",
    "depth",
    "drop_stranded",
    "message_ids",
    "publish",
    "run_worker",
    "silent_queues",
    "stranded",
]

OnGarbage = Callable[[str, bytes, str], None]
"""Called with (queue, raw body, reason); must have stored the body durably when it returns, else raise."""

_BEAT_SECONDS = 1.0  # longest silence of a live worker, and longest block on the doorbell
_RECONNECT_SECONDS = 1.0
_THREAD_WAKE_MS = 500  # how soon an idle thread notices that it should stop
_WATCH_SECONDS = 1.0
_STOPPING_POLL_SECONDS = 0.05

# dramatiq's own fetch returns bodies without ids, beats with the worker's clock, and keeps ids whose body is gone.
# An empty queue needs no bell: dropping what is left of it spares the next idle worker some idle rounds.
_FETCH = """
local now = redis.call('TIME')
redis.call('ZADD', KEYS[4], now[1] * 1000 + math.floor(now[2] / 1000), ARGV[1])
if ARGV[2] == '0' then return {} end
local ids = redis.call('LPOP', KEYS[1], ARGV[2])
if not ids then redis.call('DEL', KEYS[5]) return {} end
redis.call('SADD', KEYS[3], unpack(ids))
return {ids, redis.call('HMGET', KEYS[2], unpack(ids))}
"""

log = structlog.get_logger(__name__)


def run_worker(
    broker: Broker,
    queue: str,
    handler: Callable[[Batch], None],
    threads: int,
    on_garbage: OnGarbage,
    stop: threading.Event,
    drain_seconds: float = 20.0,
) -> None:
    """Serve one queue with so many threads until `stop`; then what is in work is finished, within `drain_seconds`,
    and what was fetched ahead goes back.

    Ends the whole process when one of its threads dies; whatever supervises it starts it again.
    """
    failing = Outage({"queue": queue, "duty": "handle"})

    def work(batch: Batch) -> None:
        try:
            handler(batch)
        except Exception as error:  # noqa: BLE001 - told, with all of it
            # Acknowledged all the same: the batch's row is still there, and the scheduler decides when to try again.
            failing.noticed(error, batch=batch.id, exc_info=True)
        else:
            failing.over()

    serving = _ServingBroker(broker.client, queue, on_garbage, stop)
    dramatiq.Actor(
        work, broker=serving, actor_name=actor_name(queue), queue_name=queue, priority=0, options={"max_retries": 0}
    )
    worker = dramatiq.Worker(serving, queues={queue}, worker_threads=threads, worker_timeout=_THREAD_WAKE_MS)
    # No reserve: it would be kept from idle processes, and die with this one though nobody had begun it.
    worker.queue_prefetch = threads
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
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(os.EX_SOFTWARE)


class _ServingBroker(RedisBroker):
    """dramatiq's broker for one worker process, under a name that tells its queue.

    No middleware: a retry, a time limit or a delay of dramatiq's would be a second opinion beside the row's. No
    maintenance: what a dead worker held is rescued from PostgreSQL, which counts the attempt.
    """

    def __init__(self, client: redis.Redis, queue: str, on_garbage: OnGarbage, stop: threading.Event) -> None:
        super().__init__(client=client, middleware=[], namespace=NAMESPACE, maintenance_chance=0)  # type: ignore[no-untyped-call]
        self.broker_id = f"{queue}@{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self.keys = Keys(queue, self.broker_id)
        self.own_bell = f"{NAMESPACE}:bell:{self.broker_id}"
        self.on_garbage = on_garbage
        self.stopping = stop
        self.outage = Outage({"queue": queue, "duty": "fetch"})
        self.fetch = client.register_script(_FETCH)
        self.leave = client.register_script(LEAVE)

    @override
    def declare_queue(self, queue_name: str) -> None:
        # Without the delay queue that dramatiq would declare beside it, and the thread that polls it.
        if queue_name not in self.queues:
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    @override
    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> "_Consumer":
        return _Consumer(self, queue_name, prefetch)

    def wake(self) -> None:
        """End the block on the doorbell now, rather than within `_BEAT_SECONDS`."""
        try:
            with self.client.pipeline(transaction=True) as pipe:
                pipe.rpush(self.own_bell, b"1")
                pipe.expire(self.own_bell, 5)
                pipe.execute()
        except redis.RedisError as error:
            self.outage.noticed(error)


class _Consumer(dramatiq.Consumer):
    """Takes messages for the worker threads; blocks on the doorbell while there are none.

    It knows the id of everything it holds, so that an unreadable message disturbs no other, and after a lost reply it
    can compare with the broker what it holds.
    """

    def __init__(self, broker: _ServingBroker, queue: str, prefetch: int) -> None:
        self._broker = broker
        self._client: redis.Redis = broker.client
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
        """The next message, or None after about a second: dramatiq then asks again, unless it is to stop."""
        if not self._ahead:
            try:
                self._fill()
            except redis.RedisError as error:
                self._broker.outage.noticed(error)
                self._in_doubt = True
                self._rest(_RECONNECT_SECONDS)
        if not self._ahead:
            return None
        message_id, batch = self._ahead.popleft()
        return dramatiq.MessageProxy(_message(self._queue, batch, message_id))

    @override
    def ack(self, message: dramatiq.MessageProxy) -> None:
        """Called by the worker threads. Never raises: dramatiq would block the thread for 5 s, again and again."""
        message_id = _id(message)
        try:
            self._remove([message_id])
        except redis.RedisError:
            self._done.add(message_id)
            self._in_doubt = True
        self._held.discard(message_id)
        self._freed.set()

    @override
    def nack(self, message: dramatiq.MessageProxy) -> None:
        """The same: dramatiq's dead letters vanish after a week, ours are rows."""
        self.ack(message)

    @override
    def requeue(self, messages: Iterable[dramatiq.MessageProxy]) -> None:
        """At a stop: what no thread has begun goes back to the head of the queue."""
        try:
            self._give_back([_id(message) for message in messages])
        except redis.RedisError as error:
            raise ConnectionClosed(error) from None  # type: ignore[no-untyped-call]

    @override
    def close(self) -> None:
        try:
            self._settle()
            self._give_back([message_id for message_id, _ in self._ahead])
            self._ahead.clear()
            self._broker.leave(keys=[self._keys.held, HEARTBEATS], args=[self._broker.broker_id])
        except redis.RedisError as error:
            raise ConnectionClosed(error) from None  # type: ignore[no-untyped-call]

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
            keys=[keys.ready, keys.bodies, keys.held, HEARTBEATS, keys.bell], args=[self._broker.broker_id, room]
        )
        self._broker.outage.over()
        if not reply:
            return False
        refused = False
        for message_id, body in zip(*cast(tuple[list[bytes], list[bytes | None]], reply), strict=True):
            if body is None:  # a repetition of a message that was acknowledged meanwhile
                self._remove([message_id])
                continue
            try:
                batch = decode(self._queue, body)
            except NotABatch as error:
                refused |= not self._set_aside(message_id, body, str(error))
            else:
                self._held.add(message_id)
                self._ahead.append((message_id, batch))
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
        self._in_doubt = False
        done = self._done.copy()
        self._remove(list(done))
        self._done -= done
        held = cast(set[bytes], self._client.smembers(self._keys.held))
        self._give_back(list(held - self._held))

    def _remove(self, ids: Sequence[bytes]) -> None:
        # Plain commands: a script that writes would be refused when the broker's memory is full.
        if ids:
            with self._client.pipeline(transaction=True) as pipe:
                pipe.srem(self._keys.held, *ids)
                pipe.hdel(self._keys.bodies, *ids)
                pipe.execute()

    def _give_back(self, ids: Sequence[bytes], *, behind: bool = False) -> None:
        if not ids:
            return
        with self._client.pipeline(transaction=True) as pipe:
            pipe.srem(self._keys.held, *ids)
            if behind:
                pipe.rpush(self._keys.ready, *ids)
            else:
                pipe.lpush(self._keys.ready, *reversed(ids))
                ring(pipe, self._keys, len(ids))
            pipe.execute()
        self._held.difference_update(ids)

    def _rest(self, seconds: float) -> None:
        if self._broker.stopping.wait(seconds):
            time.sleep(_STOPPING_POLL_SECONDS)


def _message(queue: str, batch: Batch, message_id: bytes) -> dramatiq.Message[None]:
    return dramatiq.Message(
        queue_name=queue,
        actor_name=actor_name(queue),
        args=(),
        kwargs={"batch": batch},
        options={"redis_message_id": message_id},
        message_id=message_id.decode(errors="replace"),
    )


def _id(message: dramatiq.MessageProxy) -> bytes:
    return cast(bytes, message.options["redis_message_id"])
