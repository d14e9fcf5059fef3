"""What the scheduler and the relay are for: messages lost, workers dead, time gone by, events on their way out."""

import json
import threading
import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import psycopg
import pytest
import redis

from messages.batch import Batch, Department
from messages.events import CloudEvent, data_of
from shared import policy
from shared.catalogue import gather
from shared.database import CommitUnknown, Database, array, columns
from shared.definitions import parse
from shared.journal import Journal
from shared.outbox import Announcement, announce
from shared.queues import BrokerUnavailable, Keys, depth, message_ids, publish
from shared.standings import lock_standings
from shared.transport import connect as connect_stream
from shared.transport import publish as publish_events
from tests.support.company import raw
from tests.support.database import execute
from tests.support.definitions import definition_text, step
from tests.support.office import Office
from tests.support.orders import an_order, open_orders
from tests.support.running import as_process, started
from tests.support.valkey import OwnValkey
from tests.support.victim import DEADLY, heard, victim
from tests.support.waiting import at_once, until
from workers.process import Process, every
from workers.relay import main as relay
from workers.scheduler.main import DUTIES
from workers.scheduler.rescue import publish_due, rescue_held_by_the_dead, rescue_lost
from workers.scheduler.timers import mark_overdue, wake_due

FINANCE = Department.FINANCE
POLICY = policy.load().get("standard@1")
ONE_STEP = parse(definition_text(step("review")), "one.toml")
LATER = timedelta(hours=1)


@pytest.fixture
def process(database: Database, broker_url: str) -> Process:
    return as_process(database, broker_url, consumer_dead_seconds=0.3, attempts=3)


def now() -> datetime:
    return datetime.now(UTC)


def orders(process: Process, count: int, *, each: bool = False) -> list[Batch]:
    """So many orders at finance's desk, in one batch or each in its own; their messages are not published."""
    given = [an_order() for _ in range(count)]
    if each:
        return [batch for one in given for batch in open_orders(process.database, ONE_STEP, POLICY, [one], now())]
    return open_orders(process.database, ONE_STEP, POLICY, given, now())


def rows(process: Process, sql: str, *params: object) -> list[Any]:
    with process.database.transaction() as session:
        return session.rows(sql, *params)


def queued(process: Process) -> frozenset[str]:
    found = message_ids(process.broker, FINANCE)
    assert found is not None
    return found


def forget(valkey: redis.Redis, batches: Iterable[Batch]) -> None:
    """The broker loses the messages of these."""
    keys, lost = Keys(FINANCE), {batch.id for batch in batches}
    ids = [each for each in messages(valkey) if each.partition(".")[0] in lost]
    valkey.hdel(keys.bodies, *ids)
    for each in ids:
        valkey.lrem(keys.ready, 0, each)


def messages(valkey: redis.Redis) -> list[str]:
    """The ids of what is ready, the first in line first."""
    ids = cast(list[bytes], valkey.lrange(Keys(FINANCE).ready, 0, -1))
    return [each.decode() for each in ids]


# -- lost messages -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PLT-02")
def test_a_lost_message_is_published_again_once(process: Process, valkey: redis.Redis) -> None:
    batches = orders(process, 5, each=True)
    process.publish(batches)
    assert rescue_lost(process, now() + LATER) == 0
    forget(valkey, batches[1:3])
    assert rescue_lost(process, now() + LATER) == 2
    assert queued(process) == {batch.id for batch in batches}
    assert rescue_lost(process, now() + LATER) == 0
    assert depth(process.broker, [FINANCE])[FINANCE].ready == 5


def test_what_was_never_published_is_published(process: Process) -> None:
    (batch,) = orders(process, 3)
    assert rescue_lost(process, now()) == 0, "too young: its sender may be about to publish it"
    assert rescue_lost(process, now() + LATER) == 1
    assert queued(process) == {batch.id}


def test_what_is_published_again_is_young_again(process: Process, valkey: redis.Redis) -> None:
    orders(process, 1)
    assert rescue_lost(process, now() + LATER) == 1
    valkey.flushdb()
    grace = timedelta(seconds=process.settings.rescue_grace_seconds)
    assert rescue_lost(process, now()) == 0
    assert rescue_lost(process, now() + 2 * grace) == 1


def test_a_batch_that_waits_for_its_next_try_is_not_lost(process: Process) -> None:
    orders(process, 1)
    rows(process, "update core.batches set due_at = %s returning 1", now() + 2 * LATER)
    assert rescue_lost(process, now() + LATER) == 0


@pytest.mark.requirement("PLT-02")
def test_a_batch_that_is_being_worked_on_is_passed_by(process: Process) -> None:
    claimed, lost = orders(process, 1) + orders(process, 1)
    with process.database.transaction() as session:
        session.rows("delete from core.batches where id = %s returning 1", claimed.id)
        assert rescue_lost(process, now() + LATER) == 1
        assert queued(process) == {lost.id}
    assert rescue_lost(process, now() + LATER) == 0, "and now it is done"


def many_rows(process: Process, count: int) -> list[Batch]:
    """Batches without orders behind them: enough to fill a queue, and no department works on them here."""
    ids = [str(uuid.UUID(int=number + 1)) for number in range(count)]
    with process.database.transaction() as session:
        session.write(
            "insert into core.batches (created_at, department, kind, id, ids, rounds, steps)"
            " select now() - interval '1 minute', 'finance', 'steps', v.id, array[v.id], array[1], array['review']"
            " from unnest(%s::uuid[]) as v(id)",
            *columns([(each,) for each in ids], 1),
        )
    return [Batch(id=each, department=FINANCE, size=1) for each in ids]


@pytest.mark.requirement("PLT-03")
@pytest.mark.parametrize("count", [10_000, 10_500])
def test_a_backlog_however_old_is_left_alone(process: Process, valkey: redis.Redis, count: int) -> None:
    batches = many_rows(process, count)
    publish(process.broker, [(FINANCE, batch) for batch in batches])
    for later in (timedelta(0), LATER, 24 * LATER):
        assert rescue_lost(process, now() + later) == 0
    assert depth(process.broker, [FINANCE])[FINANCE].ready == count
    # What is lost in the midst of it is found as soon as they can be told apart.
    forget(valkey, batches[-2:])
    done = messages(valkey)[:600]
    valkey.hdel(Keys(FINANCE).bodies, *done)
    valkey.ltrim(Keys(FINANCE).ready, 600, -1)
    ids = array([each.partition(".")[0] for each in done])
    rows(process, "delete from core.batches where id = any(%s::uuid[]) returning 1", ids)
    assert rescue_lost(process, now() + LATER) == 2
    assert queued(process) == {batch.id for batch in batches[600:]}


@pytest.mark.requirement("PLT-02")
def test_after_the_broker_was_wiped_everything_comes_back(process: Process, valkey: redis.Redis) -> None:
    batches = many_rows(process, 2_500)
    publish(process.broker, [(FINANCE, batch) for batch in batches])
    valkey.flushall()
    rounds = 0
    while rescue_lost(process, now() + LATER):
        rounds += 1
    assert rounds == 3, "a thousand at a time"
    assert depth(process.broker, [FINANCE])[FINANCE].ready == 2_500
    assert queued(process) == {batch.id for batch in batches}


def test_while_the_broker_is_away_nothing_is_forgotten(database: Database, own_valkey: OwnValkey) -> None:
    process = as_process(database, own_valkey.url)
    (batch,) = orders(process, 2)
    own_valkey.stop()
    process.publish([batch])  # is logged, not raised
    own_valkey.start()
    assert rescue_lost(process, now() + LATER) == 1
    assert queued(process) == {batch.id}


# -- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PLT-04")
def test_a_try_that_is_due_is_published_once(process: Process) -> None:
    due, later = orders(process, 1) + orders(process, 1)
    moment = now()
    rows(process, "update core.batches set due_at = %s, attempts = 1 where id = %s returning 1", moment, due.id)
    rows(process, "update core.batches set due_at = %s where id = %s returning 1", moment + LATER, later.id)
    assert publish_due(process, moment) == 1
    assert queued(process) == {due.id}
    assert publish_due(process, moment) == 0
    assert rows(process, "select attempts from core.batches where id = %s", due.id) == [(1,)], "the count stays"
    assert publish_due(process, moment + LATER) == 1


def wait(process: Process, batch: Batch, keys: list[str], until: datetime | None) -> None:
    """The batch's orders wait, as their department would have them wait."""
    journal = Journal(now())
    with process.database.transaction() as session:
        ids = session.rows("delete from core.batches where id = %s returning ids", batch.id)[0][0]
        folders = lock_standings(session, ids, gather([ONE_STEP]), policy.load())
        for folder in folders.values():
            journal.wait(folder, ONE_STEP.step("review"), keys, until, {})
        journal.write(session)


@pytest.mark.requirement("WHS-04")
def test_a_wait_that_is_over_by_time_wakes_its_orders_once(process: Process) -> None:
    soon, late, endless = (orders(process, 3)[0] for _ in range(3))
    moment = now()
    wait(process, soon, ["stock:P001", "stock:P002"], moment)
    wait(process, late, ["stock:P001"], moment + LATER)
    wait(process, endless, ["payment"], None)
    wake_due(process, moment)
    assert rows(process, "select cardinality(ids), department from core.batches") == [(3, "finance")]
    assert len(queued(process)) == 1
    assert wake_due(process, moment) == 0
    assert rows(process, "select count(*) from core.waits") == [(6,)]
    wake_due(process, moment + LATER)
    assert rows(process, "select count(*), sum(cardinality(ids)) from core.batches") == [(2, 6)]


@pytest.mark.requirement("APR-12")
def test_a_task_past_its_deadline_is_marked_and_told_of_once_and_can_still_be_decided(
    office: Office, broker_url: str
) -> None:
    process = as_process(office.database, broker_url)
    office.take(
        raw("A", customer={"code": "C002", "name": "广州南海"}), raw("B", customer={"code": "C002", "name": "x"})
    )
    office.work()
    ((due,),) = office.rows("select distinct due_at from core.user_tasks")
    assert mark_overdue(process, due) == 0, "at the deadline itself it is in time"
    at_once(*[lambda: mark_overdue(process, due + timedelta(microseconds=1))] * 3)
    assert office.count("core.user_tasks", "overdue_at is not null") == 2
    assert mark_overdue(process, due + LATER) == 0
    assert office.told()["orderflow.task.overdue"] == 2
    reminded = office.rows("select recipient, count(*) from core.notices where kind = 'overdue' group by 1 order by 1")
    assert reminded == [("role:finance_clerk", 2), ("role:finance_manager", 2)]
    office.decide("agree")
    office.work()
    office.assert_clean()


# -- dead workers ------------------------------------------------------------------------------------------------------


def dies_with(process: Process, broker_url: str, count: int) -> None:
    """A worker takes so many messages and is killed; then the scheduler notices."""
    with victim("worker", broker_url, FINANCE) as worker:
        for _ in range(count):
            heard(worker, "HOLDING")
        worker.kill()
        worker.wait()
    until(lambda: rescue_held_by_the_dead(process, now()) == count, what="the silence to be noticed")


@pytest.mark.requirement("PLT-02", "PLT-04")
def test_what_a_dead_worker_held_is_split_until_the_culprit_is_a_dead_letter(process: Process, broker_url: str) -> None:
    process.publish(orders(process, 2))
    dies_with(process, broker_url, 1)
    for attempt in range(process.settings.attempts):
        assert rows(process, "select cardinality(ids), attempts from core.batches") == [(1, attempt)] * 2
        assert len(queued(process)) == 2
        dies_with(process, broker_url, 2)
    assert rows(process, "select count(*) from core.batches") == [(0,)]
    assert rows(process, "select reason, attempts, step from core.dead_letters") == [("worker_died", 3, "review")] * 2
    assert rows(process, "select count(*) from core.events where kind = 'dead_lettered'") == [(2,)]
    assert queued(process) == frozenset()
    assert rescue_lost(process, now() + LATER) == 0


@pytest.mark.requirement("PLT-02", "PLT-04")
def test_an_order_that_kills_its_process_never_takes_a_neighbour_with_it(
    process: Process, database_url: str, broker_url: str
) -> None:
    """A real department, killed by its own work, and started again, until what does it is set aside."""
    culprit = an_order(external_id=DEADLY)
    given = [an_order() for _ in range(20)]
    given.insert(13, culprit)
    process.publish(open_orders(process.database, ONE_STEP, POLICY, given, now()))
    deaths = 0
    while rows(process, "select 1 from core.batches"):
        with victim("department", broker_url, database_url) as department:
            until(lambda: department.poll() is not None or not rows(process, "select 1 from core.batches"))
            if department.poll() is None:
                break
        deaths += 1
        until(lambda: rescue_held_by_the_dead(process, now()) == 1, what="the silence to be noticed")
    assert deaths == 2 + process.settings.attempts, "in the batch of all, in a part of it, then alone"
    assert rows(process, "select subject_id, reason, attempts from core.dead_letters") == [
        (culprit.id, "worker_died", process.settings.attempts)
    ]
    assert rows(process, "select state, count(*) from core.orders group by 1 order by 1") == [
        ("archived", 20),
        ("in_review", 1),
    ]


def test_what_a_live_worker_holds_is_left_alone(process: Process, broker_url: str) -> None:
    process = as_process(process.database, broker_url)  # with the silence of real use
    batches = orders(process, 1) + orders(process, 1)
    process.publish(batches)
    with victim("worker", broker_url, FINANCE) as worker:
        heard(worker, "HOLDING")
        heard(worker, "HOLDING")
        assert rescue_held_by_the_dead(process, now()) == 0
        assert rescue_lost(process, now() + LATER) == 0


def test_what_a_dead_worker_had_finished_is_only_forgotten(process: Process, broker_url: str) -> None:
    batches = orders(process, 1)
    process.publish(batches)
    with victim("worker", broker_url, FINANCE) as worker:
        heard(worker, "HOLDING")
        rows(process, "delete from core.batches returning 1")  # committed, and then killed before it could say so
        worker.kill()
        worker.wait()
    until(lambda: rescue_held_by_the_dead(process, now()) == 1, what="the silence to be noticed")
    assert queued(process) == frozenset()
    assert rows(process, "select count(*) from core.dead_letters") == [(0,)]


# -- schedulers --------------------------------------------------------------------------------------------------------


def test_every_duty_may_be_done_by_several_at_once(process: Process) -> None:
    batches = orders(process, 20, each=True)
    moment = now()
    for batch in batches[1:5]:
        wait(process, batch, ["stock:P001"], moment)
    rows(process, "update core.batches set created_at = %s returning 1", moment - LATER)
    rows(process, "update core.batches set due_at = %s where id = %s returning 1", moment, batches[0].id)
    done: list[tuple[str, int]] = []
    at_once(*[lambda: done.extend((duty.__name__, duty(process, moment)) for duty in DUTIES)] * 3)
    counts: Counter[str] = Counter()
    for duty, count in done:
        counts[duty] += count
    assert (counts["publish_due"], counts["wake_due"], counts["rescue_lost"]) == (1, 4, 15)
    assert len(queued(process)) == rows(process, "select count(*) from core.batches")[0][0]
    assert depth(process.broker, [FINANCE])[FINANCE].ready == len(queued(process)), "each once"


@pytest.mark.requirement("PLT-02")
def test_of_two_schedulers_one_leads_and_the_other_takes_over_when_it_dies(
    process: Process, database_url: str, broker_url: str, valkey: redis.Redis
) -> None:
    batches = orders(process, 40, each=True)
    quick = {"scheduler_tick_seconds": "0.1", "rescue_grace_seconds": "0.5"}
    urls = {"database_url": database_url, "broker_url": broker_url}
    with started("workers.scheduler.main", **urls, **quick) as leader:
        until(lambda: len(queued(process)) == 40, what="the first scheduler to publish")
        with started("workers.scheduler.main", **urls, **quick) as other:
            until(lambda: rows(process, "select count(distinct pid) from core.workers") == [(2,)])
            valkey.flushdb()
            until(lambda: len(queued(process)) == 40, what="the messages to come back")
            assert depth(process.broker, [FINANCE])[FINANCE].ready == 40, "each once"
            leader.kill()
            leader.wait()
            valkey.flushdb()
            until(lambda: len(queued(process)) == 40, what="the other one to take over")
            assert depth(process.broker, [FINANCE])[FINANCE].ready == 40
            assert other.poll() is None
    assert {batch.id for batch in batches} == queued(process)


@pytest.mark.parametrize("fault", [CommitUnknown, psycopg.OperationalError, BrokerUnavailable])
def test_a_duty_goes_on_after_a_fault_that_passes(fault: type[Exception]) -> None:
    stop, tries = threading.Event(), 0

    def work() -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise fault
        stop.set()

    every(0.01, stop, "test", work)
    assert tries == 3


# -- garbage -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PLT-04", "PLT-06")
def test_garbage_in_a_departments_queue_is_a_dead_letter_with_its_bytes(
    office: Office, database_url: str, broker_url: str, valkey: redis.Redis
) -> None:
    bodies = [b"\xff\x00 garbage", "订单".encode(), b"{}", b""]
    for place, body in enumerate(bodies):
        valkey.hset(Keys("sales_review").bodies, items=[f"garbage {place}", body])
        valkey.rpush(Keys("sales_review").ready, f"garbage {place}")
    office.take(raw("A"))
    as_process(office.database, broker_url).publish(office.queue)
    with started("workers.department", "sales_review", database_url=database_url, broker_url=broker_url):
        until(lambda: office.count("core.dead_letters") == len(bodies), what="the garbage to be set aside")
        until(lambda: "passed" in office.history("SO-20260615-000001"), what="its neighbour to go on")
    letters = office.rows("select department, kind, reason, detail, raw, subject_id from core.dead_letters")
    assert {bytes(letter[4]) for letter in letters} == {*bodies}
    assert {letter[:3] for letter in letters} == {("sales_review", "message", "unreadable")}
    assert all(letter[3].startswith("malformed") and letter[5] is None for letter in letters)
    office.assert_clean()


# -- relay -------------------------------------------------------------------------------------------------------------


def events(url: str) -> list[dict[str, Any]]:
    """Everything on the outgoing stream; each keeps its contract."""
    with redis.Redis.from_url(url) as client:
        bodies = [fields[b"body"] for _, fields in client.xrange(relay.STREAM)]
    for body in bodies:
        event = CloudEvent.model_validate_json(body)
        data_of(event.type).model_validate_json(json.dumps(event.data))
    return [json.loads(body) for body in bodies]


@pytest.mark.requirement("TRK-01", "TRK-03")
def test_events_leave_in_the_order_of_each_orders_history(office: Office, broker_url: str) -> None:
    process = as_process(office.database, broker_url)
    office.take(*[raw(f"A{place}", definition="express") for place in range(30)], b"garbage")
    office.work()
    with connect_stream(broker_url) as connection:
        while relay.relay_once(process, connection):
            pass
    told = events(broker_url)
    assert office.count("core.outbox") == 0
    by_order: dict[str, list[Any]] = {}
    for event in told:
        if event["type"].startswith("orderflow.order."):
            by_order.setdefault(event["subject"], []).append((event["sequence"], event["data"]["state"]))
    assert len(by_order) == 30
    for moves in by_order.values():
        assert [state for _, state in moves] == ["in_review", "approved", "reserved", "archived"]
        assert moves == sorted(moves)
    assert len({event["id"] for event in told}) == len(told)
    assert [event["type"] for event in told if "subject" not in event] == ["orderflow.submission.refused"]


def announced(database: Database, count: int) -> None:
    """By transactions of a hundred."""
    ids = [f"id-{place}" for place in range(count)]
    for begin in range(0, count, 100):
        with database.transaction() as session:
            announce(
                session,
                [
                    Announcement(event_id, "orderflow.submission.repeated", "SO-1", now(), TOLD)
                    for event_id in ids[begin : begin + 100]
                ],
            )


TOLD = {"schema_version": 1, "source": "shop", "external_id": "订单 📦", "order": "SO-1"}


@pytest.mark.requirement("TRK-07")
def test_while_the_broker_is_away_events_wait(database: Database, own_valkey: OwnValkey) -> None:
    process = as_process(database, own_valkey.url)
    announced(database, 700)
    own_valkey.stop()
    with connect_stream(own_valkey.url) as connection, pytest.raises(BrokerUnavailable):
        relay.relay_once(process, connection)
    assert rows(process, "select sum(count) from core.outbox") == [(700,)]
    own_valkey.start()
    with connect_stream(own_valkey.url) as connection:
        assert [relay.relay_once(process, connection) for _ in range(3)] == [400, 300, 0]
    assert [event["id"] for event in events(own_valkey.url)] == [f"id-{place}" for place in range(700)]
    assert events(own_valkey.url)[0]["data"] == TOLD


@pytest.mark.requirement("TRK-07")
def test_an_event_sent_twice_keeps_its_id(
    database: Database, database_url: str, broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay's session is cut between sending and COMMIT: the events are out, and still in the outbox."""
    process = as_process(database, broker_url)
    announced(database, 3)

    def send_and_be_cut_off(*arguments: Any, **more: Any) -> None:
        publish_events(*arguments, **more)
        cut = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
        execute(database_url, f"{cut} and pid <> pg_backend_pid()")

    with connect_stream(broker_url) as connection:
        monkeypatch.setattr(relay, "publish", send_and_be_cut_off)
        with pytest.raises((CommitUnknown, psycopg.OperationalError)):
            relay.relay_once(process, connection)
        monkeypatch.undo()
        assert relay.relay_once(process, connection) == 3
    told = events(broker_url)
    assert [event["id"] for event in told] == ["id-0", "id-1", "id-2"] * 2
    assert told[:3] == told[3:]
    assert rows(process, "select count(*) from core.outbox") == [(0,)]


def test_two_relays_send_each_event_once(database: Database, database_url: str, broker_url: str) -> None:
    announced(database, 1_000)
    urls = {"database_url": database_url, "broker_url": broker_url}
    with started("workers.relay.main", **urls), started("workers.relay.main", **urls):
        until(lambda: len(events(broker_url)) == 1_000, what="all events to be sent")
        announced(database, 1)
        until(lambda: len(events(broker_url)) == 1_001, what="one more")
    assert len(events(broker_url)) == 1_001
