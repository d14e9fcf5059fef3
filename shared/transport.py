"""The edges' messaging: the only module that knows kombu. Here is its transport over Redis Streams, which any language
can fill: `XADD orders.submitted * body '<json>'`; further fields are headers.

Messages are raw bytes: nothing here parses them. They are delivered at least once, in batches, each acknowledged as a
whole after the caller has committed; an acknowledged entry is deleted, so the length of a stream is its backlog.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Empty
from typing import Any, TypeAlias

import kombu
import redis
import structlog
from kombu.message import Message
from kombu.transport import virtual
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.outage import Outage
from shared.queues import BrokerUnavailable

Connection: TypeAlias = kombu.Connection

BODY = b"body"
CONTENT_TYPE = "application/json"
CLAIM_IDLE_SECONDS = 10.0
_BLOCK_SECONDS = 0.5  # longest block on an empty stream, and so the longest that a stop waits for one
_STALE_CONSUMER_SECONDS = 60.0
_RECONNECT_SECONDS = 1.0
_BACK_OFF_SECONDS = (0.5, 1.0, 2.0, 5.0)

# Deleting a consumer deletes what is pending with it, so it must hold nothing at that very moment.
_PRUNE = """
for _, row in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    local consumer = {}
    for i = 1, #row, 2 do consumer[row[i]] = row[i + 1] end
    if consumer.pending == 0 and consumer.idle > tonumber(ARGV[3]) and consumer.name ~= ARGV[2] then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
    end
end
"""

_DEPTH = """
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
return {redis.call('XLEN', KEYS[1]), first and first[1] or ''}
"""

# One command for many entries: a client packs and reads it in a fraction of the time, and it is all or nothing.
_APPEND = """
local fields = {}
for i = 1, ARGV[2] do fields[i] = ARGV[2 + i] end
for i = 3 + ARGV[2], #ARGV do redis.call('XADD', KEYS[1], '*', 'body', ARGV[i], unpack(fields)) end
if ARGV[1] ~= '' then redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[1]) end
"""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message as it came. An entry without a body has an empty one. `id` is the entry's, `<ms>-<n>`."""

    body: bytes
    headers: dict[str, str]
    id: str


@dataclass(frozen=True, slots=True)
class StreamDepth:
    """Messages in a stream, taken or not, that nobody has acknowledged yet, and since when the oldest waits."""

    waiting: int
    oldest_at: datetime | None


def consume(
    url: str,
    stream: str,
    group: str,
    consumer_name: str,
    prefetch: int,
    on_batch: Callable[[list[Incoming]], None],
    stop: threading.Event,
    *,
    claim_idle_seconds: float = CLAIM_IDLE_SECONDS,
) -> None:
    """Hand over whatever waits in the stream, up to `prefetch` at a time, until `stop`; blocks while it is empty.

    When `on_batch` returns the batch is acknowledged; when it raises, the same messages come again after a back-off.
    What a killed consumer held comes to another one after `claim_idle_seconds`, which must be longer than the longest
    transaction. Outlives restarts of the broker and the loss of everything in it. `consumer_name` is this process's.
    """
    options = {"group": group, "consumer_name": consumer_name, "claim_idle_seconds": claim_idle_seconds}
    outage = Outage({"stream": stream, "duty": "receive"})
    while not stop.is_set():
        try:
            with connect(url, **options) as connection:
                _consume(connection, stream, prefetch, on_batch, stop, outage)
        except _Transport.connection_errors as error:  # also when the group is gone: connecting makes it again
            outage.noticed(error)
            stop.wait(_RECONNECT_SECONDS)


def connect(url: str, **options: object) -> Connection:
    """A connection for `publish` and `depth`, made when first used; for one thread. Close it: it is a context."""
    return Connection(url, transport=_Transport, transport_options=options)


def publish(
    connection: Connection,
    stream: str,
    bodies: Sequence[bytes],
    *,
    maxlen: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Append to a stream, all or nothing, in one round trip. About the last `maxlen` entries are kept.

    Raises `BrokerUnavailable`: they may or may not be there.
    """
    if not bodies:
        return
    try:
        # Past kombu's producer, which wraps every message in a dict of thirty entries.
        connection.default_channel.append(stream, bodies, {"content_type": CONTENT_TYPE, **(headers or {})}, maxlen)
    except _Transport.connection_errors as error:
        raise BrokerUnavailable(str(error)) from error


def depth(connection: Connection, stream: str) -> StreamDepth:
    """How much waits in a stream. Raises `BrokerUnavailable`."""
    try:
        waiting, first = connection.default_channel.look(stream)
    except _Transport.connection_errors as error:
        raise BrokerUnavailable(str(error)) from error
    return StreamDepth(waiting, datetime.fromtimestamp(int(first.partition(b"-")[0]) / 1000, UTC) if first else None)


def _consume(
    connection: Connection,
    stream: str,
    prefetch: int,
    on_batch: Callable[[list[Incoming]], None],
    stop: threading.Event,
    outage: Outage,
) -> None:
    received: list[Message] = []
    failing, failures = Outage({"stream": stream, "duty": "handle"}), 0
    with kombu.Consumer(
        connection.default_channel, kombu.Queue(stream), on_message=received.append, prefetch_count=prefetch
    ):
        while not stop.is_set():
            _receive(connection, received, prefetch)
            outage.over()
            if not received:
                continue
            try:
                on_batch([Incoming(m.body, m.headers, m.properties["message_id"]) for m in received])
            except Exception as error:  # noqa: BLE001 - told, with all of it
                failing.noticed(error, messages=len(received), exc_info=True)
                for message in received:
                    message.requeue()
                stop.wait(_BACK_OFF_SECONDS[min(failures, len(_BACK_OFF_SECONDS) - 1)])
                failures += 1
            else:
                received[-1].ack(multiple=True)
                failing.over()
                failures = 0
            received.clear()


def _receive(connection: Connection, received: list[Message], prefetch: int) -> None:
    """Wait a little for a first message, then take what else is there."""
    try:
        connection.drain_events(timeout=_BLOCK_SECONDS)
        while len(received) < prefetch:
            connection.drain_events(timeout=0)
    except TimeoutError:
        pass


# --- kombu's view of a stream -----------------------------------------------------------------------------------------


_Entries: TypeAlias = list[tuple[bytes, dict[bytes, bytes]]]


class _Entry(Message):  # type: ignore[misc]
    """A stream's entry. Its headers are set past kombu, which would unpack the body if one is called `compression`."""

    def __init__(self, payload: Any, channel: "_Channel") -> None:
        stream, entry_id, fields = payload
        super().__init__(
            body=fields.pop(BODY, b""),
            channel=channel,
            delivery_tag=(stream, entry_id),
            properties={"message_id": entry_id.decode()},
        )
        self.headers = {_text(name): _text(value) for name, value in fields.items()}


class _Channel(virtual.Channel):  # type: ignore[misc]
    """A queue is a stream; unacknowledged is pending in the consumer group; requeueing leaves it pending with us."""

    Message = _Entry
    do_restore = False
    body_encoding = None
    group = "orderflow"
    consumer_name = "orderflow"
    claim_idle_seconds = CLAIM_IDLE_SECONDS
    from_transport_options = ("group", "consumer_name", "claim_idle_seconds")

    def __init__(self, connection: Any, **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        self._client = redis.Redis.from_url(
            connection.client.hostname,
            protocol=2,
            socket_timeout=5,
            socket_connect_timeout=5,
            retry=Retry(NoBackoff(), 0),
        )
        self._look = self._client.register_script(_DEPTH)
        self._prune = self._client.register_script(_PRUNE)
        self._append = self._client.register_script(_APPEND)
        # From "0" on a consumer reads again what is pending with it, then ">": what is new to the group.
        self._position: dict[str, bytes] = {}
        self._claim_from: dict[str, bytes] = {}
        self._next_claim: dict[str, float] = {}

    def close(self) -> None:
        super().close()
        self._client.close()

    def look(self, stream: str) -> Any:
        return self._look(keys=[stream])

    # Declaring and counting

    def _new_queue(self, stream: str, **_: Any) -> None:
        try:
            self._client.xgroup_create(stream, self.group, id="0", mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
        self._position[stream] = b"0"

    def _size(self, stream: str) -> int:
        return int(self._client.xlen(stream))

    def _purge(self, stream: str) -> int:
        return int(self._client.xtrim(stream, maxlen=0, approximate=False))

    # Receiving

    def _get_many(self, streams: Sequence[str], timeout: float | None = None) -> None:
        """Deliver what there is. kombu calls this as long as there is room; raises Empty where there was nothing."""
        delivered = 0
        for stream in streams:
            room = self.qos.can_consume_max_estimate() or 1
            entries = self._claim(stream, room) or self._read(stream, room, timeout)
            for entry_id, fields in entries:
                self.connection._deliver((stream, entry_id, fields), stream)
            delivered += len(entries)
        if not delivered:
            raise Empty

    def _read(self, stream: str, room: int, timeout: float | None) -> _Entries:
        again = self._position[stream] != b">"
        # A millisecond more, or kombu would find its time not over and block once again.
        block = None if timeout == 0 else int((timeout or _BLOCK_SECONDS) * 1000) + 1
        reply: Any = self._client.xreadgroup(
            self.group, self.consumer_name, {stream: self._position[stream]}, count=room, block=block
        )
        entries: _Entries = reply[0][1] if reply else []
        if not again:
            return entries
        if not entries:
            self._position[stream] = b">"
            return self._read(stream, room, timeout)
        self._position[stream] = entries[-1][0]
        return self._not_yet_delivered(stream, entries)

    def _claim(self, stream: str, room: int) -> _Entries:
        """Take over what others, or we before a reconnection, have held for too long without acknowledging."""
        now = time.monotonic()
        if now < self._next_claim.get(stream, 0.0):
            return []
        idle_ms = int(self.claim_idle_seconds * 1000)
        start = self._claim_from.get(stream, b"0-0")
        reply: Any = self._client.xautoclaim(stream, self.group, self.consumer_name, idle_ms, start, count=room)
        self._claim_from[stream] = reply[0]
        entries = self._not_yet_delivered(stream, reply[1])
        if reply[0] == b"0-0" and not entries:
            self._next_claim[stream] = now + self.claim_idle_seconds / 2
            self._prune(keys=[stream], args=[self.group, self.consumer_name, int(_STALE_CONSUMER_SECONDS * 1000)])
        return entries

    def _not_yet_delivered(self, stream: str, entries: _Entries) -> _Entries:
        # An entry that was deleted while it was pending has no fields; the next claim takes it off the list.
        self.qos._flush()
        return [(i, fields) for i, fields in entries if fields and (stream, i) not in self.qos._delivered]

    # Acknowledging

    def basic_ack(self, delivery_tag: tuple[str, bytes], multiple: bool = False) -> None:
        tags = self._delivered_up_to(delivery_tag) if multiple else [delivery_tag]
        by_stream: dict[str, list[bytes]] = {}
        for stream, entry_id in tags:
            by_stream.setdefault(stream, []).append(entry_id)
        with self._client.pipeline(transaction=True) as pipe:
            for stream, ids in by_stream.items():
                pipe.xack(stream, self.group, *ids)
                pipe.xdel(stream, *ids)
            pipe.execute()
        for tag in tags:
            self.qos.ack(tag)

    def basic_reject(self, delivery_tag: tuple[str, bytes], requeue: bool = False) -> None:
        if not requeue:
            return self.basic_ack(delivery_tag)
        self.qos.ack(delivery_tag)
        self._position[delivery_tag[0]] = b"0"
        return None

    def _delivered_up_to(self, delivery_tag: tuple[str, bytes]) -> list[tuple[str, bytes]]:
        self.qos._flush()
        tags = list(self.qos._delivered)
        return tags[: tags.index(delivery_tag) + 1]

    # Publishing

    def _put(self, stream: str, message: dict[str, Any], **_: Any) -> None:
        self.append(stream, [message["body"]], {"content_type": message["content-type"], **message["headers"]}, None)

    def append(self, stream: str, bodies: Sequence[bytes], fields: Mapping[str, str], maxlen: int | None) -> None:
        words = [word for field in fields.items() for word in field]
        self._append(keys=[stream], args=["" if maxlen is None else maxlen, len(words), *words, *bodies])


class _Transport(virtual.Transport):  # type: ignore[misc]
    Channel = _Channel
    can_parse_url = True  # the URL goes to the Redis client as it is
    polling_interval = None
    driver_type = "redis"
    driver_name = "redis-streams"
    connection_errors = (*virtual.Transport.connection_errors, redis.RedisError, OSError)

    def driver_version(self) -> str:
        return redis.__version__


def _text(value: bytes) -> str:
    return value.decode(errors="backslashreplace")
