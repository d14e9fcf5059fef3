"""The edges' streams against a real Valkey: raw bytes in batches, acknowledged after the caller has committed."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import pytest
import redis

from shared import transport
from shared.broker import BrokerUnavailable
from shared.transport import Incoming, StreamDepth, connect, consume, depth, publish
from tests.support.valkey import OwnValkey
from tests.support.victim import heard, victim
from tests.support.waiting import until

STREAM = "orders.submitted"
GROUP = "intake"


class Desk:
    """What a consumer under test has been given, batch by batch."""

    def __init__(self) -> None:
        self.batches: list[list[Incoming]] = []
        self.stop = threading.Event()
        self.thread = threading.Thread()

    @property
    def bodies(self) -> list[bytes]:
        return [message.body for batch in self.batches for message in batch]


@contextmanager
def consuming(
    url: str,
    work: Callable[[list[Incoming]], object] = lambda _: None,
    *,
    name: str = "one",
    prefetch: int = 256,
    claim_idle_seconds: float = 10.0,
) -> Iterator[Desk]:
    """Consume STREAM until the block ends; what `work` has returned from stands on the desk."""
    desk = Desk()

    def take(batch: list[Incoming]) -> None:
        work(batch)
        desk.batches.append(batch)

    desk.thread = threading.Thread(
        target=consume,
        args=(url, STREAM, GROUP, name, prefetch, take, desk.stop),
        kwargs={"claim_idle_seconds": claim_idle_seconds},
        daemon=True,
    )
    desk.thread.start()
    try:
        yield desk
    finally:
        desk.stop.set()
        desk.thread.join(timeout=30)
        assert not desk.thread.is_alive()


def submit(valkey: redis.Redis, *bodies: bytes) -> None:
    """As any upstream system does it."""
    for body in bodies:
        valkey.xadd(STREAM, {"body": body})


def settled(valkey: redis.Redis) -> bool:
    """Nothing in the stream, nothing pending."""
    return valkey.xlen(STREAM) == 0 and valkey.xpending(STREAM, GROUP)["pending"] == 0


def attached(valkey: redis.Redis, consumers: int = 1) -> bool:
    """Whether so many consumers have begun to read."""
    try:
        return len(valkey.xinfo_consumers(STREAM, GROUP)) == consumers
    except redis.ResponseError:
        return False


BODIES = [
    '{"客户":"上海贸易有限公司","备注":"加急🚚"}'.encode(),
    bytes(range(256)),
    b"\xff\xfe not text at all",
    b'{"__type__": "uuid", "__value__": {"hex": "00"}}',
    b"x" * 300_000,
    b" ",
]


# --- receiving --------------------------------------------------------------------------------------------------------


def test_bodies_arrive_as_they_were_sent(broker_url: str, valkey: redis.Redis) -> None:
    submit(valkey, *BODIES)
    with consuming(broker_url) as desk:
        until(lambda: len(desk.bodies) == len(BODIES))
        until(lambda: settled(valkey))
    assert desk.bodies == BODIES


def test_fields_beside_the_body_are_headers(broker_url: str, valkey: redis.Redis) -> None:
    entry_id = valkey.xadd(
        STREAM, {"body": b"{}", "content_type": "application/json", "来源": "商城", "signature": b"\xff"}
    )
    with consuming(broker_url) as desk:
        until(lambda: desk.batches)
    headers = {"content_type": "application/json", "来源": "商城", "signature": "\\xff"}
    assert desk.batches == [[Incoming(b"{}", headers, str(entry_id, "utf-8"))]]  # type: ignore[arg-type]


@pytest.mark.requirement("PLT-04")
def test_entries_that_are_no_messages_are_delivered_too(broker_url: str, valkey: redis.Redis) -> None:
    submit(valkey, b"before")
    valkey.xadd(STREAM, {"order": "{}"})
    valkey.xadd(STREAM, {"": ""})
    valkey.xadd(STREAM, {"body": b"not zipped", "compression": "zlib", "content_encoding": "gzip", "headers": "{"})
    submit(valkey, b"after")
    with consuming(broker_url) as desk:
        until(lambda: len(desk.bodies) == 5)
        until(lambda: settled(valkey))
    assert desk.bodies == [b"before", b"", b"", b"not zipped", b"after"]


def test_five_hundred_messages_are_one_batch_and_one_acknowledgement(broker_url: str, valkey: redis.Redis) -> None:
    submit(valkey, *(b"%d" % number for number in range(500)))
    before = _calls(valkey, "xack"), _calls(valkey, "xdel")
    with consuming(broker_url, prefetch=500) as desk:
        until(lambda: settled(valkey) and desk.batches)
    assert [len(batch) for batch in desk.batches] == [500]
    assert desk.bodies == [b"%d" % number for number in range(500)]
    assert (_calls(valkey, "xack"), _calls(valkey, "xdel")) == (before[0] + 1, before[1] + 1)


def test_a_batch_is_never_larger_than_asked_for(broker_url: str, valkey: redis.Redis) -> None:
    submit(valkey, *(b"%d" % number for number in range(25)))
    with consuming(broker_url, prefetch=10) as desk:
        until(lambda: settled(valkey))
    assert [len(batch) for batch in desk.batches] == [10, 10, 5]


def test_what_arrives_during_the_work_is_the_next_batch(broker_url: str, valkey: redis.Redis) -> None:
    begun, release = threading.Event(), threading.Event()

    def work(_: list[Incoming]) -> None:
        begun.set()
        assert release.wait(10)

    with consuming(broker_url, work) as desk:
        submit(valkey, b"first")
        assert begun.wait(10)
        submit(valkey, b"second", b"third")
        assert valkey.xlen(STREAM) == 3, "acknowledged before the work was done"
        release.set()
        until(lambda: settled(valkey))
    assert [len(batch) for batch in desk.batches] == [1, 2]


def test_an_idle_consumer_wakes_up_at_once(broker_url: str, valkey: redis.Redis) -> None:
    with consuming(broker_url) as desk:
        until(lambda: attached(valkey))
        start = time.perf_counter()
        for count in range(1, 11):
            submit(valkey, b"x")
            until(lambda count=count: len(desk.bodies) == count)  # type: ignore[misc]
        assert time.perf_counter() - start < 5


def test_two_consumers_share_the_work(broker_url: str, valkey: redis.Redis) -> None:
    together = threading.Barrier(2)

    def work(_: list[Incoming]) -> None:
        together.wait(10)

    with (
        consuming(broker_url, work, name="one", prefetch=1) as one,
        consuming(broker_url, work, name="two", prefetch=1) as two,
    ):
        submit(valkey, b"a", b"b", b"c", b"d")
        until(lambda: settled(valkey))
    assert len(one.bodies) == len(two.bodies) == 2
    assert sorted(one.bodies + two.bodies) == [b"a", b"b", b"c", b"d"]


def test_a_stop_is_prompt(broker_url: str, valkey: redis.Redis) -> None:
    with consuming(broker_url) as desk:
        until(lambda: attached(valkey))
        start = time.monotonic()
        desk.stop.set()
        desk.thread.join(10)
        assert time.monotonic() - start < 1.0


# --- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PLT-02")
def test_a_failed_batch_is_not_acknowledged_and_comes_again(broker_url: str, valkey: redis.Redis) -> None:
    tries: list[list[bytes]] = []

    def work(batch: list[Incoming]) -> None:
        tries.append([message.body for message in batch])
        assert valkey.xlen(STREAM) == 3
        if len(tries) < 3:
            raise OSError("the database is away")

    submit(valkey, b"a", b"b", b"c")
    with consuming(broker_url, work) as desk:
        until(lambda: settled(valkey))
    assert tries == [[b"a", b"b", b"c"]] * 3
    assert desk.bodies == [b"a", b"b", b"c"]


def test_a_failed_batch_comes_again_before_what_is_new(broker_url: str, valkey: redis.Redis) -> None:
    tries: list[list[bytes]] = []

    def work(batch: list[Incoming]) -> None:
        tries.append([message.body for message in batch])
        if len(tries) == 1:
            submit(valkey, b"c", b"d")
            raise OSError("the database is away")

    submit(valkey, b"a", b"b")
    with consuming(broker_url, work, prefetch=3):
        until(lambda: settled(valkey))
    assert tries == [[b"a", b"b"], [b"a", b"b", b"c"], [b"d"]]


def test_what_was_deleted_while_it_was_pending_does_not_come_again(broker_url: str, valkey: redis.Redis) -> None:
    def work(batch: list[Incoming]) -> None:
        if len(batch) == 2:
            valkey.xdel(STREAM, batch[0].id)
            raise OSError("the database is away")

    submit(valkey, b"deleted", b"kept")
    with consuming(broker_url, work, claim_idle_seconds=1.0) as desk:
        until(lambda: settled(valkey))
    assert desk.bodies == [b"kept"]


@pytest.mark.requirement("PLT-02")
def test_what_a_killed_consumer_held_comes_to_another(
    broker_url: str, valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_STALE_CONSUMER_SECONDS", 0.1)
    bodies = [b"%d" % number for number in range(200)]
    submit(valkey, *bodies)
    with victim("consumer", broker_url, STREAM) as process:
        assert heard(process, "HOLDING") == "200"
        process.send_signal(signal.SIGKILL)
    with consuming(broker_url, claim_idle_seconds=0.5, prefetch=64) as desk:
        submit(valkey, b"new")
        until(lambda: settled(valkey))
        until(lambda: attached(valkey, consumers=1), what="the dead consumer's removal")
    assert sorted(desk.bodies) == sorted([*bodies, b"new"])


def test_what_a_live_consumer_works_on_is_left_with_it(broker_url: str, valkey: redis.Redis) -> None:
    begun, release = threading.Event(), threading.Event()

    def work(_: list[Incoming]) -> None:
        begun.set()
        assert release.wait(10)

    with consuming(broker_url, work, name="one") as one, consuming(broker_url, name="two") as two:
        until(lambda: attached(valkey, consumers=2))
        two.stop.set()
        two.thread.join(10)
        submit(valkey, b"mine")
        assert begun.wait(10)
        with consuming(broker_url, name="three") as three:
            submit(valkey, b"other")
            until(lambda: three.bodies == [b"other"])
        release.set()
        until(lambda: settled(valkey))
    assert one.bodies == [b"mine"]


@pytest.mark.requirement("PLT-02")
def test_a_wiped_broker_does_not_disturb_a_consumer(broker_url: str, valkey: redis.Redis) -> None:
    with consuming(broker_url) as desk:
        submit(valkey, b"before")
        until(lambda: desk.bodies == [b"before"])
        valkey.flushall()
        submit(valkey, b"after")
        until(lambda: desk.bodies == [b"before", b"after"] and settled(valkey))
        valkey.xgroup_destroy(STREAM, GROUP)
        submit(valkey, b"without a group")
        until(lambda: len(desk.bodies) == 3 and settled(valkey))


@pytest.mark.requirement("PLT-02")
def test_a_batch_whose_acknowledgement_fails_is_wiped_with_the_rest(broker_url: str, valkey: redis.Redis) -> None:
    def work(batch: list[Incoming]) -> None:
        if batch[0].body == b"first":
            valkey.flushall()

    with consuming(broker_url, work) as desk:
        submit(valkey, b"first")
        until(lambda: desk.bodies == [b"first"])
        submit(valkey, b"second")
        until(lambda: desk.bodies == [b"first", b"second"] and settled(valkey))


@pytest.mark.requirement("PLT-02")
def test_a_consumer_outlives_a_restart_of_the_broker(own_valkey: OwnValkey) -> None:
    begun, release = threading.Event(), threading.Event()

    def work(_: list[Incoming]) -> None:
        begun.set()
        assert release.wait(10)

    with consuming(own_valkey.url, work) as desk, own_valkey.client() as client:
        submit(client, b"first")
        assert begun.wait(10)
        own_valkey.stop()
        release.set()
        until(lambda: desk.bodies == [b"first"])
        own_valkey.start()
        submit(client, b"second")
        until(lambda: settled(client))
    # The acknowledgement of the first was lost, so it came once more: at least once.
    assert sorted(set(desk.bodies)) == [b"first", b"second"]


# --- publishing and looking -------------------------------------------------------------------------------------------


def test_published_bodies_are_entries_in_order_by_one_command(broker_url: str, valkey: redis.Redis) -> None:
    with connect(broker_url) as connection:
        publish(connection, "other", BODIES[:1])  # from now on the broker knows the script
        before = _calls(valkey, "evalsha")
        publish(connection, "orderflow.events", BODIES, headers={"content_type": "application/cloudevents+json"})
        assert _calls(valkey, "evalsha") == before + 1
        publish(connection, "orderflow.events", [])
    entries = _entries(valkey, "orderflow.events")
    assert [fields[b"body"] for fields in entries] == BODIES
    assert {fields[b"content_type"] for fields in entries} == {b"application/cloudevents+json"}


def test_a_bounded_stream_forgets_its_oldest_entries(broker_url: str, valkey: redis.Redis) -> None:
    with connect(broker_url) as connection:
        for start in range(0, 3000, 500):
            publish(connection, "orderflow.events", [b"%d" % n for n in range(start, start + 500)], maxlen=1000)
    assert 1000 <= valkey.xlen("orderflow.events") <= 1200
    assert _entries(valkey, "orderflow.events")[-1][b"body"] == b"2999"


def test_what_is_published_is_consumed(broker_url: str, valkey: redis.Redis) -> None:
    with connect(broker_url) as connection, consuming(broker_url) as desk:
        publish(connection, STREAM, BODIES, headers={"source": "商城"})
        until(lambda: len(desk.bodies) == len(BODIES))
    assert desk.bodies == BODIES
    assert desk.batches[0][0].headers == {"content_type": "application/json", "source": "商城"}


@pytest.mark.requirement("PLT-06")
def test_depth_of_a_stream(broker_url: str) -> None:
    with connect(broker_url) as connection:
        assert depth(connection, STREAM) == StreamDepth(0, None)
        before = time.time()
        publish(connection, STREAM, [b"a", b"b"])
        now = depth(connection, STREAM)
        assert now.waiting == 2
        assert now.oldest_at
        assert before - 0.01 <= now.oldest_at.timestamp() <= time.time() + 0.01


def test_a_connection_is_good_again_after_a_restart_of_the_broker(own_valkey: OwnValkey) -> None:
    with connect(own_valkey.url) as connection:
        publish(connection, STREAM, [b"a"])
        own_valkey.stop()
        with pytest.raises(BrokerUnavailable):
            publish(connection, STREAM, [b"b"])
        with pytest.raises(BrokerUnavailable):
            depth(connection, STREAM)
        own_valkey.start()
        publish(connection, STREAM, [b"b"])
        assert depth(connection, STREAM).waiting == 2


def _entries(valkey: redis.Redis, stream: str) -> list[dict[bytes, bytes]]:
    entries = cast(list[tuple[bytes, dict[bytes, bytes]]], valkey.xrange(stream))
    return [fields for _, fields in entries]


def _calls(valkey: redis.Redis, command: str) -> int:
    return int(valkey.info("commandstats").get(f"cmdstat_{command}", {}).get("calls", 0))
