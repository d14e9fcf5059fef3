"""Workers that are killed or paused, and brokers that forget, vanish or refuse: no batch is stranded or doubled."""

import os
import signal
from collections.abc import Callable

import pytest
import redis

from shared.broker import (
    Broker,
    BrokerUnavailable,
    connect,
    depth,
    drop_stranded,
    message_ids,
    silent_queues,
    stranded,
)
from shared.queues import HEARTBEATS, Keys, encode
from tests.support.serving import QUEUE, Gate, batch, batches, empty, ids, send, serving
from tests.support.valkey import OwnValkey
from tests.support.victim import RELEASE, heard, victim
from tests.support.waiting import until

KEYS = Keys(QUEUE)


@pytest.fixture
def broker(broker_url: str) -> Broker:
    return connect(broker_url)


@pytest.mark.requirement("PLT-02")
def test_what_a_killed_worker_held_is_found_dropped_and_published_again(
    broker: Broker, broker_url: str, valkey: redis.Redis
) -> None:
    sent = batches(2)
    with victim("worker", broker_url, QUEUE) as process:
        send(broker, *sent)
        assert {heard(process, "HOLDING"), heard(process, "HOLDING")} == ids(*sent)
        assert stranded(broker, QUEUE) == []
        assert silent_queues(broker) == frozenset()
        process.send_signal(signal.SIGKILL)
    until(lambda: len(stranded(broker, QUEUE, silent_seconds=1.5)) == 2)
    assert silent_queues(broker, silent_seconds=1.5) == {QUEUE}
    assert depth(broker, [QUEUE])[QUEUE].held == 2
    assert stranded(broker, "warehouse", silent_seconds=0) == []

    dropped = drop_stranded(broker, QUEUE, silent_seconds=1.5)

    assert ids(*dropped) == ids(*sent)
    assert empty(broker)
    assert valkey.zcard(HEARTBEATS) == 0
    assert drop_stranded(broker, QUEUE, silent_seconds=1.5) == []
    with serving(broker_url) as desk:
        send(broker, *dropped)
        until(lambda: ids(*desk.batches) == ids(*sent))


def test_garbage_that_died_with_its_worker_comes_back_to_be_set_aside(
    broker: Broker, broker_url: str, valkey: redis.Redis
) -> None:
    dead = "finance@gone:1:0"
    valkey.hset(KEYS.bodies, "junk", b"junk")
    valkey.sadd(Keys(QUEUE, dead).held, "junk")
    valkey.zadd(HEARTBEATS, {dead: 1})
    assert stranded(broker, QUEUE) == []
    assert drop_stranded(broker, QUEUE) == []
    with serving(broker_url) as desk:
        until(lambda: desk.garbage and empty(broker))
    assert desk.garbage[0][:2] == (QUEUE, b"junk")


@pytest.mark.requirement("PLT-03")
def test_a_paused_worker_that_comes_back_does_no_harm(broker: Broker, broker_url: str, valkey: redis.Redis) -> None:
    sent, gate = batch(), Gate()
    with victim("worker", broker_url, QUEUE) as process:
        send(broker, sent)
        heard(process, "HOLDING")
        process.send_signal(signal.SIGSTOP)
        until(lambda: drop_stranded(broker, QUEUE, silent_seconds=1.5) == [sent])
        send(broker, sent)
        with serving(broker_url, gate) as desk:
            gate.reached()
            process.send_signal(signal.SIGCONT)
            valkey.rpush(RELEASE, b"1")
            assert heard(process, "DONE") == sent.id
            until(lambda: depth(broker, [QUEUE])[QUEUE].consumers == 2, what="its heartbeat")
            assert message_ids(broker, QUEUE) == ids(sent), "its late acknowledgement took the other one's message"
            gate.open()
            until(lambda: empty(broker))
    assert desk.batches == [sent]


@pytest.mark.requirement("PLT-03")
def test_a_worker_that_works_for_long_is_not_taken_for_dead(
    broker: Broker, broker_url: str, valkey: redis.Redis
) -> None:
    gate = Gate()
    beats: set[object] = set()

    def beaten(times: int) -> bool:
        beats.update(pair[1] for pair in valkey.zrange(HEARTBEATS, 0, -1, withscores=True))
        return len(beats) >= times

    with serving(broker_url, gate, threads=1):
        send(broker, batch())
        gate.reached()
        until(lambda: beaten(4))
        assert stranded(broker, QUEUE, silent_seconds=2) == []
        gate.open()


@pytest.mark.requirement("PLT-02")
@pytest.mark.parametrize("which", ["WorkerThread", "ConsumerThread"])
def test_a_dead_thread_ends_the_process(broker_url: str, which: str) -> None:
    with victim("thread", broker_url, QUEUE, which) as process:
        output, _ = process.communicate(timeout=20)
    assert process.returncode == os.EX_SOFTWARE
    assert "worker.thread_died" in output


@pytest.mark.requirement("PLT-02")
def test_a_wiped_broker_does_not_disturb_a_worker(broker: Broker, broker_url: str, valkey: redis.Redis) -> None:
    first, second, third = batches(3)
    gate = Gate()
    with serving(broker_url, gate) as desk:
        send(broker, first)
        gate.reached()
        valkey.flushall()
        gate.open()
        until(lambda: desk.batches == [first])
        send(broker, second)
        until(lambda: desk.batches == [first, second] and empty(broker))
        valkey.flushall()
        send(broker, third)
        until(lambda: desk.batches == [first, second, third])


@pytest.mark.requirement("PLT-02")
def test_what_was_fetched_but_never_received_is_given_back(
    broker: Broker, broker_url: str, valkey: redis.Redis
) -> None:
    sent = batch()
    with serving(broker_url) as desk:
        until(lambda: depth(broker, [QUEUE])[QUEUE].consumers == 1)
        [worker] = [str(name, "utf-8") for name in valkey.zrange(HEARTBEATS, 0, -1) if isinstance(name, bytes)]
        with valkey.pipeline() as pipe:  # what a fetch leaves behind whose reply gets lost
            pipe.hset(KEYS.bodies, "lost", encode(QUEUE, sent, "lost", 1))
            pipe.sadd(Keys(QUEUE, worker).held, "lost")
            pipe.client_kill_filter(_type="normal", skipme=True)
            pipe.execute()
        until(lambda: desk.batches == [sent])
        until(lambda: empty(broker))


@pytest.mark.requirement("PLT-02")
def test_a_worker_outlives_a_restart_of_the_broker_and_acknowledges_afterwards(own_valkey: OwnValkey) -> None:
    first, second = batches(2)
    gate, broker = Gate(), connect(own_valkey.url)
    with serving(own_valkey.url, gate) as desk:
        send(broker, first)
        gate.reached()
        own_valkey.stop()
        with pytest.raises(BrokerUnavailable):
            send(broker, second)
        gate.open()
        until(lambda: desk.batches == [first])
        own_valkey.start()
        assert message_ids(broker, QUEUE) == ids(first)
        until(lambda: empty(broker), what="the late acknowledgement")
        send(broker, second)
        until(lambda: desk.batches == [first, second])


@pytest.mark.requirement("PLT-02")
def test_a_broker_without_memory_refuses_to_publish_but_takes_acknowledgements(own_valkey: OwnValkey) -> None:
    first, second = batches(2)
    gate, broker = Gate(), connect(own_valkey.url)
    with serving(own_valkey.url, gate) as desk, own_valkey.client() as client:
        send(broker, first)
        gate.reached()
        client.config_set("maxmemory", 1)
        with pytest.raises(BrokerUnavailable):
            send(broker, second)
        gate.open()
        until(lambda: empty(broker))
        client.config_set("maxmemory", 0)
        send(broker, second)
        until(lambda: desk.batches == [first, second])


LOOKS: list[Callable[[Broker], object]] = [
    lambda away: send(away, batch()),
    lambda away: depth(away, [QUEUE]),
    lambda away: message_ids(away, QUEUE),
    silent_queues,
    lambda away: stranded(away, QUEUE),
    lambda away: drop_stranded(away, QUEUE),
]


@pytest.mark.parametrize("look", LOOKS)
def test_a_broker_that_is_away_is_reported_as_such(look: Callable[[Broker], object]) -> None:
    with pytest.raises(BrokerUnavailable):
        look(connect("redis://127.0.0.1:1/0"))
