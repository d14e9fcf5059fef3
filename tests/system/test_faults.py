"""One system under one fault after another, with orders of every fate: each ends as it would have ended without them.

The first round of orders passes without a fault. What it leaves behind for an order of each fate (its history, its
holds, reservations, plans, tasks, waits) is what every order of every later round must leave behind, neither more nor
less. Each round is handed in half before its fault and half while it lasts.
"""

import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from messages.batch import Department
from messages.events import CloudEvent, data_of
from shared.audit import audit
from shared.database import Database, Row
from shared.embedded import postgres, valkey
from shared.queues import Broker
from shared.queues import connect as connect_broker
from shared.queues import depth as queue_depth
from shared.transport import connect as connect_stream
from shared.transport import depth as stream_depth
from tests.support.company import load_company
from tests.support.orders import submitted
from tests.support.running import system_in
from tests.support.waiting import until
from workers.demo.subscriber import EVENTS, ORDERS, publish_orders
from workers.departments import invariants
from workers.system import COMMANDS, System

pytestmark = [pytest.mark.timeout(180), pytest.mark.requirement("PLT-01", "PLT-02", "PLT-03")]

ROUND = 600
FATES: Sequence[tuple[str, dict[str, Any]]] = (
    ("archived", {"definition": "express"}),
    ("archived", {"definition": "express"}),
    ("archived", {"definition": "express"}),
    ("referred", {"definition": "express", "customer": {"code": "C002", "name": "广州南海电器有限公司"}}),
    ("short", {"definition": "express", "lines": [{"product": "P003", "quantity": 40, "unit_price": "10.00"}]}),
    ("shipped", {"definition": "standard"}),
    ("refused", {"definition": "express", "total": "399.99"}),
)
"""What becomes of an order, and what about it makes it so: in turns."""

Signature = tuple[object, ...]


def fate(number: int) -> str:
    return FATES[number % len(FATES)][0]


@dataclass
class Town:
    """The system in its folder, whose orders' names begin with the name of their round."""

    home: Path
    system: System
    database: Database
    usual: dict[str, Signature] = field(default_factory=dict)
    usually_told: Counter[str] = field(default_factory=Counter)

    # -- what happens ---------------------------------------------------------------------------------------------

    def hand_in(self, round_: str, part: slice = slice(None)) -> None:
        soon = (datetime.now(UTC).date() + timedelta(days=60)).isoformat()
        bodies = [
            json.dumps(submitted(f"{round_}/{number}", requested_date=soon, **FATES[number % len(FATES)][1])).encode()
            for number in range(ROUND)[part]
        ]
        publish_orders(self.system.broker_url, bodies)

    def flowing(self, round_: str) -> bool:
        """Whether the first order of the round has come all the way."""
        sql = (
            "select from core.order_headers join after_sales.archive using (order_id) where external_id like %s limit 1"
        )
        return bool(self.rows(sql, f"{round_}/%"))

    def pid(self, name: str) -> int:
        pid = next(state.pid for state in self.system.supervisor.states() if state.name == name)
        assert pid, f"{name} runs"
        return pid

    def calm(self) -> None:
        """A round without a fault, by which the others are measured."""
        self.hand_in("calm")
        until(lambda: self.settled("calm"), seconds=60, what="the calm round to settle")
        for one, left in self.signatures("calm").items():
            if one != "refused":
                ((self.usual[one], count),) = left.items()
                assert count == sum(fate(number) == one for number in range(ROUND))
        self.usually_told = self.told("calm")

    # -- what is there --------------------------------------------------------------------------------------------

    def rows(self, sql: str, *params: object) -> list[Row]:
        with self.database.transaction() as session:
            return session.rows(sql, *params)

    def settled(self, round_: str) -> bool:
        """Everything that was handed in has its receipt, and no department, intake or relay has anything to do."""
        try:
            with connect_stream(self.system.broker_url) as connection:
                waiting = stream_depth(connection, ORDERS).waiting
            ((received, refused, batches, outbox),) = self.rows(
                "select (select count(*) from core.order_headers where external_id like %s),"
                " (select count(distinct external_id) from core.refusals where external_id like %s),"
                " (select count(*) from core.batches), (select count(*) from core.outbox)",
                f"{round_}/%",
                f"{round_}/%",
            )
        except (psycopg.OperationalError, redis.RedisError):
            return False  # it is the fault's turn
        return (waiting, received + refused, batches, outbox) == (0, ROUND, 0, 0)

    def signatures(self, round_: str) -> dict[str, Counter[Signature]]:
        """What is left behind, by fate: how many orders left what."""
        found: dict[str, Counter[Signature]] = {each: Counter() for each, _ in FATES}
        for external_id, *left in self.rows(_LEFT, f"{round_}/%"):
            found[fate(int(external_id.partition("/")[2]))][tuple(map(str, left))] += 1
        return found

    def assert_nothing_lost_and_nothing_twice(self, round_: str) -> None:
        until(lambda: self.settled(round_), seconds=90, what=f"the round '{round_}' to settle")
        for one, left in self.signatures(round_).items():
            wanted = sum(fate(number) == one for number in range(ROUND))
            expected = {} if one == "refused" else {self.usual[one]: wanted}
            assert left == expected, one
        assert self.rows("select reason, detail from core.dead_letters") == []
        verdict = audit(self.database, invariants())
        assert verdict.breaches == ()
        assert verdict.orders > 0

    def told(self, round_: str) -> Counter[str]:
        """How many events of each type subscribers have had about the round's orders; repeats count once."""
        numbers = {
            row[0]
            for row in self.rows("select number from core.order_headers where external_id like %s", f"{round_}/%")
        }
        types: dict[str, str] = {}
        with redis.Redis.from_url(self.system.broker_url) as client:
            for _, fields in client.xrange(EVENTS):
                event = CloudEvent.model_validate_json(fields[b"body"])
                data_of(event.type).model_validate_json(json.dumps(event.data))
                if event.subject in numbers:
                    assert types.setdefault(event.id, event.type) == event.type
        return Counter(types.values())


_LEFT = """
select h.external_id, o.state, o.open, o.done, o.round,
    (select array_agg(e.kind || ' ' || coalesce(e.step, '') || ' ' || e.state order by e.seq) from core.events e
        where e.order_id = o.id),
    (select array_agg(t.step || ' ' || t.status) from core.user_tasks t where t.order_id = o.id),
    (select array_agg(w.step || ' ' || split_part(w.key, ':', 1) order by w.key) from core.waits w
        where w.order_id = o.id),
    (select array_agg(c.amount_minor || ' ' || c.open_minor) from finance.credit_holds c where c.order_id = o.id),
    (select array_agg(r.line || ' ' || r.quantity order by r.line) from warehouse.reservations r
        where r.order_id = o.id),
    (select count(*) from warehouse.preparations p where p.order_id = o.id),
    (select count(*) from logistics.plans p where p.order_id = o.id),
    (select count(*) from logistics.delivery_notes d where d.order_id = o.id),
    (select count(*) from logistics.shipments s where s.order_id = o.id),
    (select count(*) from after_sales.archive a where a.order_id = o.id)
from core.order_headers h join core.orders o on o.id = h.order_id
where h.external_id like %s
"""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A running system with the tiny company, through which one round of orders has passed without a fault."""
    home, folder = tmp_path_factory.mktemp("town"), tmp_path_factory.mktemp("company")
    with system_in(home / "home") as (system, database):
        load_company(database, folder)
        town = Town(home / "home", system, database)
        town.calm()
        yield town


def test_without_a_fault_every_fate_is_met(town: Town) -> None:
    states = {one: signature[0] for one, signature in town.usual.items()}
    assert states == {"archived": "archived", "referred": "in_review", "short": "approved", "shipped": "shipped"}
    town.assert_nothing_lost_and_nothing_twice("calm")
    assert town.usually_told["orderflow.order.archived"] == sum(fate(number) == "archived" for number in range(ROUND))


def through(town: Town, round_: str, fault: Callable[[], object]) -> None:
    """A round of orders that the fault meets in the middle of the flow."""
    town.hand_in(round_, slice(0, None, 2))
    until(lambda: town.flowing(round_), seconds=60, what="orders to flow")
    fault()
    town.hand_in(round_, slice(1, None, 2))


def same_told(town: Town, round_: str) -> None:
    """Subscribers have had the same events as of the round without a fault."""
    assert town.told(round_) == town.usually_told


@pytest.mark.parametrize("name", ["intake", "finance", "warehouse", "relay", "scheduler", "nursery"])
def test_a_process_is_killed(town: Town, name: str) -> None:
    through(town, f"{name} killed", lambda: os.kill(town.pid(name), signal.SIGKILL))
    town.assert_nothing_lost_and_nothing_twice(f"{name} killed")
    same_told(town, f"{name} killed")


def test_every_process_is_killed_at_once(town: Town) -> None:
    def kill() -> None:
        for name in COMMANDS:
            os.kill(town.pid(name), signal.SIGKILL)

    until(lambda: everything_runs(town), seconds=60, what="all that was killed before to run again")
    through(town, "all killed", kill)
    town.assert_nothing_lost_and_nothing_twice("all killed")
    same_told(town, "all killed")


def everything_runs(town: Town) -> bool:
    return all(state.pid and state.ready for state in town.system.supervisor.states() if state.name != "migrations")


def test_postgresql_is_killed(town: Town) -> None:
    def kill() -> None:
        os.kill(int(postgres.pid_file(town.home / "postgres").read_text().split()[0]), signal.SIGKILL)

    through(town, "postgres killed", kill)
    town.assert_nothing_lost_and_nothing_twice("postgres killed")
    same_told(town, "postgres killed")


def test_the_broker_is_killed(town: Town) -> None:
    def kill() -> None:
        os.kill(int(valkey.pid_file(town.home / "valkey").read_text()), signal.SIGKILL)
        until(lambda: answers(town), seconds=30, what="the broker to be back")

    through(town, "valkey killed", kill)
    town.hand_in("valkey killed")  # what was not acknowledged is sent again
    town.assert_nothing_lost_and_nothing_twice("valkey killed")


def answers(town: Town) -> bool:
    try:
        with redis.Redis.from_url(town.system.broker_url) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def test_the_broker_is_wiped(town: Town) -> None:
    def wipe() -> None:
        with redis.Redis.from_url(town.system.broker_url) as client:
            client.flushall()

    through(town, "wiped", wipe)
    town.hand_in("wiped")  # of what was lost with the stream nobody has had a receipt
    town.assert_nothing_lost_and_nothing_twice("wiped")


def test_a_department_stands_still_and_then_goes_on(town: Town) -> None:
    """Paused for longer than a worker may be silent: others would take its messages over, and it has no late effect."""
    finance = town.pid("finance")
    town.hand_in("paused")
    until(lambda: holds_anything(town, "finance"), what="finance to be at work")
    os.kill(finance, signal.SIGSTOP)
    try:
        until(lambda: not holds_anything(town, "finance"), seconds=30, what="its messages to be taken away")
    finally:
        os.kill(finance, signal.SIGCONT)
    town.assert_nothing_lost_and_nothing_twice("paused")
    same_told(town, "paused")


def holds_anything(town: Town, queue: str) -> bool:
    with redis.Redis.from_url(town.system.broker_url) as client:
        return bool(client.keys(f"orderflow:__acks__.{queue}@*"))


def test_without_the_rescuer_the_same_fault_strands_orders(town: Town) -> None:
    """The control: what makes the rounds above end well is the rescue, not luck."""
    broker, scheduler, finance = connect_broker(town.system.broker_url), town.pid("scheduler"), town.pid("finance")
    stranded = "select count(*) from core.batches where department = 'finance'"
    os.kill(scheduler, signal.SIGSTOP)
    try:
        os.kill(finance, signal.SIGSTOP)
        town.hand_in("stranded")
        until(lambda: town.rows(stranded) >= [(3,)], seconds=30, what="work for finance")
        broker.client.flushall()
        os.kill(finance, signal.SIGCONT)
        town.hand_in("stranded")
        until(lambda: idle(town, broker), seconds=60, what="every message to be worked off")
        left = town.rows(stranded)
        assert left > [(0,)], "rows whose messages are gone"
        assert not town.settled("stranded")
    finally:
        os.kill(finance, signal.SIGCONT)
        os.kill(scheduler, signal.SIGCONT)
    town.assert_nothing_lost_and_nothing_twice("stranded")


def idle(town: Town, broker: Broker) -> bool:
    """All that was handed in has been received, and no department has a message."""
    with connect_stream(town.system.broker_url) as connection:
        waiting = stream_depth(connection, ORDERS).waiting
    messages = queue_depth(broker, [*Department]).values()
    return waiting == 0 and not any(each.ready + each.held for each in messages)


def test_everything_is_stopped_and_started_again(tmp_path: Path) -> None:
    """In a folder of its own, because every other round needs the system to run."""
    (tmp_path / "company").mkdir()
    with system_in(tmp_path / "home") as (system, database):
        load_company(database, tmp_path / "company")
        before = Town(tmp_path / "home", system, database)
        before.calm()
        through(before, "stopped", lambda: None)
    with system_in(tmp_path / "home") as (system, database):
        after = Town(tmp_path / "home", system, database, before.usual, before.usually_told)
        after.assert_nothing_lost_and_nothing_twice("stopped")
        same_told(after, "stopped")
