"""Logistics and after-sales in the runtime: from the plan to the archive, and back out of it by a cancellation."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from messages.batch import Batch, BatchKind
from messages.batch import Department as Name
from messages.orders import Order
from shared import policy
from shared.audit import audit
from shared.batches import Ref, write_batches
from shared.catalogue import gather
from shared.database import Database
from shared.definitions import parse
from shared.ids import new_id
from shared.journal import Journal
from shared.processes import Definition
from shared.runtime import Runtime, release
from shared.standings import lock_standings
from tests.support.definitions import definition_text, step
from tests.support.fulfilment import rows
from tests.support.orders import NOW, an_order, open_orders
from workers.after_sales.activities import after_sales
from workers.after_sales.books import INVARIANTS as AFTER_SALES_HOLDS
from workers.logistics.activities import logistics
from workers.logistics.books import INVARIANTS as LOGISTICS_HOLDS

POLICIES = policy.load()
DAY = timedelta(days=1)


def process(reached_by_planning: str | None) -> Definition:
    clerks = {"roles": ["logistics_clerk"], "on_disagree": "repeat"}
    text = definition_text(
        step("plan", activity="logistics.plan", reaches=reached_by_planning),
        step("ship", activity="logistics.ship", reaches="shipped", **clerks),
        step("receipt", activity="after_sales.receipt", reaches="received", **clerks),
        step("archive", activity="after_sales.archive", **clerks),
        name="sample",
    )
    return parse(text, "sample")


@dataclass
class World:
    """The two departments over one database, the time there, and the messages that nobody has handled yet."""

    database: Database
    definition: Definition
    now: datetime = NOW
    queue: list[Batch] = field(default_factory=list)

    def submit(self, count: int = 1) -> list[Order]:
        orders = [an_order() for _ in range(count)]
        self.queue += open_orders(self.database, self.definition, POLICIES.get("standard@1"), orders, self.now)
        return orders

    def run(self) -> None:
        runtimes = {
            Name(department.name): Runtime(
                department=department,
                database=self.database,
                definitions=gather([self.definition]),
                policies=POLICIES,
                publish=self.queue.extend,
                attempts=1,
                now=lambda: self.now,
            )
            for department in (logistics, after_sales)
        }
        while self.queue:
            batch = self.queue.pop(0)
            runtimes[batch.department].handle(batch)

    def report(self, department: Name, kind: str, order: Order, **more: Any) -> None:
        fact = {"kind": kind, "source": "world", "fact_id": new_id(), "order": order.number, **more}
        body = json.dumps({**fact, "occurred_at": self.now.isoformat()})
        with self.database.transaction() as session:
            session.write(
                "insert into core.facts (id, source, fact_id, kind, content_hash, order_id, body, received_at)"
                " values (%s, 'world', %s, %s, '', %s, %s, %s)",
                fact["fact_id"],
                fact["fact_id"],
                kind,
                order.id,
                body,
                self.now,
            )
            refs = {(department, BatchKind.FACTS): [Ref(fact["fact_id"], 0, kind)]}
            self.queue += write_batches(session, refs, self.now)
        self.run()

    def wake_by_time(self) -> None:
        with self.database.transaction() as session:
            due = session.rows(
                "delete from core.waits where due_at <= %s returning order_id, round, step, department, task_id",
                self.now,
            )
            self.queue += release(session, due, self.now)
        self.run()

    def cancel(self, order: Order) -> None:
        journal = Journal(self.now)
        with self.database.transaction() as session:
            folders = lock_standings(session, [order.id], gather([self.definition]), POLICIES)
            assert journal.cancel(folders[order.id], "shop", {"reason": "changed their mind"})
            self.queue += journal.write(session)
        self.run()

    def state(self, order: Order) -> str:
        return str(rows(self.database, "select state from core.orders where id = %s", order.id)[0][0])

    def tracking_number(self, order: Order) -> str:
        sql = "select tracking_number from logistics.shipment_status where order_id = %s"
        return str(rows(self.database, sql, order.id)[0][0])

    def assert_clean(self) -> None:
        assert audit(self.database, [*LOGISTICS_HOLDS, *AFTER_SALES_HOLDS]).breaches == ()


@pytest.fixture
def company(database: Database) -> Database:
    with database.transaction() as session:
        session.write(
            "insert into sales_review.products (code, name_zh, name_en, category, active, weight_grams)"
            " values ('P001', '甲', 'A', 'x', true, 300), ('P002', '乙', 'B', 'x', true, 50)"
        )
        session.write("insert into logistics.carriers values ('SF', '顺丰', 'SF', true)")
        session.write("insert into logistics.carrier_rates values ('CN', '', 'SF', 1200, 200, 'CNY', 2)")
    return database


@pytest.mark.requirement("LOG-01", "LOG-06", "AFT-01", "AFT-08", "AFT-09")
def test_orders_travel_from_the_plan_to_the_archive(company: Database) -> None:
    world = World(company, process("approved"))
    orders = world.submit(3)
    world.run()
    assert [world.state(order) for order in orders] == ["shipped"] * 3
    for order in orders:
        world.now += DAY
        world.report(Name.LOGISTICS, "delivered", order, tracking_number=world.tracking_number(order))
        world.report(Name.AFTER_SALES, "receipt_confirmed", order, remarks="齐全")
        assert world.state(order) == "archived"
        world.report(Name.AFTER_SALES, "survey_answered", order, score=5)
    assert rows(company, "select count(*) from core.waits") == [(0,)]
    assert rows(company, "select count(*) from core.facts where handled_at is null or refused is not null") == [(0,)]
    assert rows(company, "select archived_orders, surveys_answered, score_total from after_sales.profiles") == [
        (3, 3, 15)
    ]
    world.assert_clean()


@pytest.mark.requirement("AFT-02")
def test_a_silent_customer_is_asked_by_a_clerk_a_week_after_delivery(company: Database) -> None:
    world = World(company, process("approved"))
    (order,) = world.submit()
    world.run()
    world.report(Name.LOGISTICS, "delivered", order, tracking_number=world.tracking_number(order))
    world.now = NOW + 7 * DAY - timedelta(seconds=1)
    world.wake_by_time()
    tasks = "select findings->0->>'code' from core.user_tasks where order_id = %s"
    assert rows(company, tasks, order.id) == []
    world.now = NOW + 7 * DAY
    world.wake_by_time()
    assert rows(company, tasks, order.id) == [("receipt.unconfirmed",)]
    assert world.state(order) == "shipped"
    world.assert_clean()


@pytest.mark.requirement("LOG-07")
def test_an_unapproved_order_does_not_ship_and_can_be_cancelled(company: Database) -> None:
    world = World(company, process(None))
    (order,) = world.submit()
    world.run()
    assert rows(company, "select step, key from core.waits") == [("ship", "time")]
    assert rows(company, "select carrier from logistics.shipment_status") == [("SF",)]
    world.cancel(order)
    assert world.state(order) == "cancelled"
    assert rows(company, "select carrier from logistics.shipment_status") == []
    world.assert_clean()
