"""Orders in the middle of the flow while workers are killed, the broker is wiped, or everything is stopped and started:
nothing is lost and nothing happens twice.
"""

import json
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from messages.batch import Department
from shared.audit import audit
from shared.database import Database
from tests.support.company import load_company
from tests.support.orders import submitted
from tests.support.running import system_in
from tests.support.waiting import until
from workers.demo.subscriber import publish_orders
from workers.departments import invariants

ORDERS = 1_500
EFFECTS = {
    "finance.credit_holds": ORDERS,
    "warehouse.reservations": 2 * ORDERS,  # two lines each
    "logistics.plans": ORDERS,
    "after_sales.archive": ORDERS,
    "core.events": 7 * ORDERS,  # received, and passed by six departments
}
"""What a run without faults leaves behind, in rows."""

pytestmark = [pytest.mark.timeout(240), pytest.mark.requirement("PLT-01", "PLT-02", "PLT-03")]


def submissions() -> list[bytes]:
    soon = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    return [
        json.dumps(submitted(f"R-{number}", requested_date=soon, definition="express")).encode()
        for number in range(ORDERS)
    ]


def count(database: Database, table: str, where: str = "true") -> int:
    with database.transaction() as session:
        row = session.row(f"select count(*) from {table} where {where}")
    assert row
    return int(row[0])


def archived(database: Database) -> int:
    return count(database, "core.orders", "state = 'archived'")


def all_archived(database: Database) -> Callable[[], bool]:
    return lambda: archived(database) == ORDERS


def assert_exactly_once(database: Database) -> None:
    assert {table: count(database, table) for table in EFFECTS} == EFFECTS
    assert count(database, "core.batches") == count(database, "core.dead_letters") == 0
    assert audit(database, invariants()).breaches == ()


def flowing(database: Database) -> Callable[[], bool]:
    """Some orders have come all the way, and most have not."""
    return lambda: 0 < archived(database) < ORDERS


def test_workers_killed_in_the_middle_of_the_flow(tmp_path: Path) -> None:
    with system_in(tmp_path / "home") as (system, database):
        (tmp_path / "company").mkdir()
        load_company(database, tmp_path / "company")
        publish_orders(system.broker_url, submissions())
        until(flowing(database), seconds=60, what="orders to flow")
        for name in Department:
            pid = next(state.pid for state in system.supervisor.states() if state.name == name)
            if pid:
                os.kill(pid, signal.SIGKILL)
        until(all_archived(database), seconds=120, what="every order to be archived")
        assert sum(state.restarts for state in system.supervisor.states()) >= len(Department)
        assert_exactly_once(database)


@pytest.mark.requirement("PLT-02")
def test_the_broker_wiped_in_the_middle_of_the_flow(tmp_path: Path) -> None:
    with system_in(tmp_path / "home") as (system, database):
        (tmp_path / "company").mkdir()
        load_company(database, tmp_path / "company")
        publish_orders(system.broker_url, submissions())
        until(flowing(database), seconds=60, what="orders to flow")
        redis.Redis.from_url(system.broker_url).flushall()
        # What intake had not taken yet was lost with the stream: its sender has no receipt, and sends everything again.
        publish_orders(system.broker_url, submissions())
        until(all_archived(database), seconds=120, what="every order to be archived")
        assert_exactly_once(database)


@pytest.mark.requirement("PLT-02")
def test_everything_stopped_and_started_in_the_middle_of_the_flow(tmp_path: Path) -> None:
    (tmp_path / "company").mkdir()
    with system_in(tmp_path / "home") as (system, database):
        load_company(database, tmp_path / "company")
        publish_orders(system.broker_url, submissions())
        until(flowing(database), seconds=60, what="orders to flow")
    with system_in(tmp_path / "home") as (system, database):
        until(all_archived(database), seconds=120, what="every order to be archived")
        assert_exactly_once(database)
