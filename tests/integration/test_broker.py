"""The queues between departments on a real Valkey: delivery, stopping, looking. Faults: test_broker_faults."""

import signal
import statistics
import threading
import time

import dramatiq
import pytest
import redis
from dramatiq.brokers.redis import RedisBroker

from messages.batch import Batch, Department
from shared.broker import Broker, QueueDepth, connect, depth, message_ids, publish, run_worker, stranded
from shared.queues import BELLS, HEARTBEATS, Keys
from tests.support.serving import QUEUE, Gate, batch, batches, empty, ids, send, serving
from tests.support.victim import RELEASE, heard, victim
from tests.support.waiting import until

KEYS = Keys(QUEUE)


@pytest.fixture
def broker(broker_url: str) -> Broker:
    return connect(broker_url)


@pytest.mark.requirement("PLT-01")
def test_a_batch_reaches_its_department_and_is_acknowledged_after_the_work(broker: Broker, broker_url: str) -> None:
    sent, gate = batch(), Gate()
    with serving(broker_url, gate) as desk:
        send(broker, sent)
        gate.reached()
        assert depth(broker, [QUEUE])[QUEUE].held == 1
        assert message_ids(broker, QUEUE) == ids(sent)
        gate.open()
        until(lambda: empty(broker), what="the acknowledgement")
        assert desk.batches == [sent]


@pytest.mark.requirement("PLT-01")
def test_a_department_hears_only_its_own_queue(broker: Broker, broker_url: str) -> None:
    mine, theirs = batch(), batch(Department.WAREHOUSE)
    with serving(broker_url) as desk:
        publish(broker, [(theirs.department, theirs), (mine.department, mine)])
        until(lambda: desk.batches and empty(broker))
    assert desk.batches == [mine]
    assert message_ids(broker, "warehouse") == ids(theirs)


def test_an_ordinary_dramatiq_consumer_understands_our_messages(broker: Broker, broker_url: str) -> None:
    sent = batch()
    send(broker, sent)
    ordinary = RedisBroker(url=broker_url, namespace="orderflow", middleware=[])  # type: ignore[no-untyped-call]
    consumer = ordinary.consume(QUEUE, prefetch=1, timeout=100)
    message = next(consumer)
    assert message is not None
    assert message.actor_name == "finance.work"
    assert message.kwargs == {"batch": sent.model_dump(mode="json")}
    consumer.ack(message)
    assert empty(broker)


def test_an_ordinary_dramatiq_sender_is_understood(broker_url: str) -> None:
    sent = batch()
    ordinary = RedisBroker(url=broker_url, namespace="orderflow", middleware=[])  # type: ignore[no-untyped-call]
    kwargs = {"batch": sent.model_dump(mode="json")}
    with serving(broker_url) as desk:
        ordinary.enqueue(dramatiq.Message(QUEUE, "finance.work", (), kwargs, {}))
        until(lambda: desk.batches)
    assert desk.batches == [sent]


def test_a_thousand_messages_go_out_at_once_and_each_arrives_once(broker: Broker, broker_url: str) -> None:
    sent = batches(1000)
    executed = _commands(broker, "exec")
    send(broker, *sent)
    assert _commands(broker, "exec") == executed + 1
    with serving(broker_url, threads=4) as desk:
        until(lambda: empty(broker), seconds=30)
    assert sorted(desk.ids) == sorted(ids(*sent))


def test_threads_work_side_by_side(broker: Broker, broker_url: str) -> None:
    together = threading.Barrier(3)
    with serving(broker_url, lambda _: together.wait(10), threads=3) as desk:
        send(broker, *batches(3))
        until(lambda: len(desk.batches) == 3)


def test_idle_workers_are_all_woken_and_none_takes_what_another_could_do(broker: Broker, broker_url: str) -> None:
    together = threading.Barrier(3)

    def work(_: Batch) -> None:
        together.wait(10)

    with (
        serving(broker_url, work, threads=1) as one,
        serving(broker_url, work, threads=1) as two,
        serving(broker_url, work, threads=1) as three,
    ):
        until(lambda: depth(broker, [QUEUE])[QUEUE].consumers == 3)
        send(broker, *batches(3))
        until(lambda: all(desk.batches for desk in (one, two, three)))


def test_an_idle_worker_wakes_up_at_once(broker: Broker, broker_url: str) -> None:
    seconds: list[float] = []
    with serving(broker_url) as desk:
        for count in range(1, 31):
            start = time.perf_counter()
            send(broker, batch())
            while len(desk.batches) < count:
                assert time.perf_counter() < start + 10
            seconds.append(time.perf_counter() - start)
            until(lambda: empty(broker))
    assert statistics.median(seconds) < 0.1  # usually two milliseconds; polling would take hundreds


@pytest.mark.requirement("PLT-03")
def test_a_message_listed_twice_is_dropped_once_it_was_acknowledged(
    broker: Broker, broker_url: str, valkey: redis.Redis
) -> None:
    sent = batch()
    send(broker, sent)
    valkey.rpush(KEYS.ready, valkey.lindex(KEYS.ready, 0) or b"")
    with serving(broker_url, threads=1) as desk:
        until(lambda: empty(broker) and not valkey.keys("orderflow:__acks__*"))
    assert desk.batches == [sent]
    assert desk.garbage == []


@pytest.mark.requirement("PLT-04")
@pytest.mark.parametrize("error", [ValueError("a bug"), SystemExit(1), MemoryError()])
def test_a_failing_batch_is_acknowledged_for_its_row_decides_when_to_try_again(
    broker: Broker, broker_url: str, error: BaseException
) -> None:
    bad, good = batch(), batch()

    def work(each: Batch) -> None:
        if each == bad:
            raise error

    with serving(broker_url, work, threads=1) as desk:
        send(broker, bad, good)
        until(lambda: empty(broker))
    assert desk.batches == [good]


# --- stopping ---------------------------------------------------------------------------------------------------------


def test_a_stop_of_an_idle_worker_is_prompt_and_leaves_no_trace(
    broker: Broker, broker_url: str, valkey: redis.Redis
) -> None:
    with serving(broker_url) as desk:
        until(lambda: depth(broker, [QUEUE])[QUEUE].consumers == 1)
        start = time.monotonic()
        desk.stop.set()
        desk.thread.join(10)
        assert time.monotonic() - start < 1.0
    assert valkey.zcard(HEARTBEATS) == 0


@pytest.mark.requirement("PLT-02")
def test_a_stop_finishes_what_is_in_work_and_takes_nothing_more(broker: Broker, broker_url: str) -> None:
    sent, gate = batches(6), Gate()
    with serving(broker_url, gate) as desk:
        send(broker, *sent)
        gate.reached(2)
        desk.stop.set()
        assert desk.batches == []
        gate.open()
        desk.thread.join(10)
    assert ids(*desk.batches) == ids(*sent[:2])
    assert message_ids(broker, QUEUE) == ids(*sent[2:])
    now = depth(broker, [QUEUE])[QUEUE]
    assert (now.ready, now.held, now.consumers) == (4, 0, 0)


def test_a_stop_does_not_wait_for_ever_for_work_that_hangs(broker: Broker) -> None:
    sent, gate, stop = batch(), Gate(), threading.Event()
    thread = threading.Thread(target=run_worker, args=(broker, QUEUE, gate, 1, print, stop, 0.3))
    thread.start()
    send(broker, sent)
    gate.reached()
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    until(lambda: stranded(broker, QUEUE, silent_seconds=0.5) == [sent], what="it to be found as stranded")
    gate.open()
    until(lambda: empty(broker))


def test_sigterm_lets_a_worker_process_finish(broker: Broker, broker_url: str, valkey: redis.Redis) -> None:
    sent = batch()
    with victim("worker", broker_url, QUEUE) as process:
        send(broker, sent)
        heard(process, "HOLDING")
        process.send_signal(signal.SIGTERM)
        valkey.rpush(RELEASE, b"1")
        assert heard(process, "DONE") == sent.id
        heard(process, "STOPPED")
        assert process.wait(timeout=10) == 0
    assert empty(broker)


# --- looking ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PLT-06")
def test_depth_tells_what_waits_and_since_when(broker: Broker, valkey: redis.Redis) -> None:
    nothing = QueueDepth(0, 0, None, 0)
    assert depth(broker, [QUEUE, "warehouse"]) == {QUEUE: nothing, "warehouse": nothing}
    before = time.time()
    send(broker, *batches(2))
    now = depth(broker, [QUEUE])[QUEUE]
    assert (now.ready, now.held, now.consumers) == (2, 0, 0)
    assert now.oldest_at
    assert before - 0.01 <= now.oldest_at.timestamp() <= time.time()
    valkey.lpush(KEYS.ready, b"x.99999999999999999999")
    assert depth(broker, [QUEUE])[QUEUE].oldest_at is None


def test_message_ids_are_those_of_the_batches_or_none_where_there_are_too_many(broker: Broker) -> None:
    sent = batches(5)
    send(broker, *sent)
    assert message_ids(broker, QUEUE) == ids(*sent)
    assert message_ids(broker, QUEUE, limit=4) is None
    assert message_ids(broker, "warehouse") == frozenset()


def test_publishing_nothing_is_nothing(broker: Broker, valkey: redis.Redis) -> None:
    publish(broker, [])
    assert valkey.dbsize() == 0


def test_the_doorbell_never_grows(broker: Broker, valkey: redis.Redis) -> None:
    for _ in range(5):
        send(broker, *batches(50))
    assert valkey.llen(KEYS.bell) == BELLS


def _commands(broker: Broker, name: str) -> int:
    statistics_ = broker.client.info("commandstats")
    return int(statistics_.get(f"cmdstat_{name}", {}).get("calls", 0))
