"""Orders that leave in parts: a note, a shipment and a tracking slip each, and never more than was ordered."""

from datetime import timedelta

import psycopg
import pytest

from messages.batch import Department as Name
from messages.orders import Order
from shared.database import Database
from shared.definitions import parse
from shared.department import Passed, Waiting
from shared.runtime import wake_orders
from tests.integration.test_fulfilment import World, company  # noqa: F401 - the fixture
from tests.support.definitions import definition_text, step
from tests.support.fulfilment import breaches, rows, stored, visit, work
from tests.support.orders import NOW, an_order
from tests.support.parts import pack, warehouse_says
from workers.logistics.activities import logistics
from workers.logistics.books import INVARIANTS

SHIP = logistics.activities["logistics.ship"]
ACTIVITIES = ("warehouse.prepare", "logistics.plan", "logistics.ship")
CLERK = {"roles": ["logistics_clerk"], "on_disagree": "repeat"}
NOTES = """
select n.part, string_agg(l.line || '×' || l.quantity, ' ' order by l.line), s.quantity, s.rest
from logistics.delivery_notes n join logistics.delivery_note_lines l on l.note = n.number
join logistics.shipments s on s.note = n.number
where n.order_id = %s and n.recalled_at is null group by n.part, s.quantity, s.rest order by n.part
"""


@pytest.fixture
def world(company: Database) -> World:  # noqa: F811
    warehouse_says(company)
    text = definition_text(
        step("plan", activity="logistics.plan", reaches="approved"),
        step("ship", activity="logistics.ship", reaches="shipped", **CLERK),
        step("receipt", activity="after_sales.receipt", reaches="received", **CLERK),
        step("prepare", activity="warehouse.prepare", **CLERK),
        name="sample",
    )
    return World(company, parse(text, "sample"))


def ready(world: World, order: Order, number: str, quantities: dict[int, int]) -> None:
    """The warehouse has packed more of it, and says so."""
    pack(world.database, order, number, quantities)
    with world.database.transaction() as session:
        world.queue += wake_orders(session, [f"prepared:{order.id}"], world.now)
    world.run()


@pytest.mark.requirement("LOG-02", "LOG-06")
def test_each_part_leaves_by_itself_and_the_order_is_shipped_with_the_last(world: World) -> None:
    (order,) = world.submit()
    pack(world.database, order, "WH-1", {1: 2})
    world.run()
    status = (
        "select shipped_at is not null, delivered_at is not null from logistics.shipment_status where order_id = %s"
    )
    assert world.state(order) == "approved"
    assert rows(world.database, NOTES, order.id) == [(1, "1×2", 2, 3)]
    assert rows(world.database, "select key from core.waits") == [(f"prepared:{order.id}",)]
    assert rows(world.database, status, order.id) == [(False, False)], "not while a part of it is here"
    first = world.tracking_number(order)
    world.report(Name.LOGISTICS, "delivered", order, tracking_number=first)
    world.report(Name.AFTER_SALES, "receipt_confirmed", order)
    assert rows(world.database, "select refused->0->>'code' from core.facts where refused is not null") == [
        ("receipt.before_shipment",)
    ]

    world.now += timedelta(days=1)
    ready(world, order, "WH-2", {1: 1})
    assert (world.state(order), rows(world.database, NOTES, order.id)) == (
        "approved",
        [(1, "1×2", 2, 3), (2, "1×1", 1, 2)],
    )
    ready(world, order, "WH-3", {2: 2})
    assert world.state(order) == "shipped"
    assert rows(world.database, NOTES, order.id)[2] == (3, "2×2", 2, 0)
    assert rows(world.database, status, order.id) == [(True, False)]
    for (number,) in rows(world.database, "select tracking_number from logistics.shipments order by 1"):
        world.report(Name.LOGISTICS, "delivered", order, tracking_number=number)
    assert rows(world.database, status, order.id) == [(True, True)]
    assert rows(world.database, "select packages, weight_grams from logistics.shipments") == [(1, 1000)] * 3
    delivered = (
        "select line, quantity, recalled, delivered_at is not null from logistics.deliveries order by note, line"
    )
    assert rows(world.database, delivered) == [(1, 2, False, True), (1, 1, False, True), (2, 2, False, True)]
    world.assert_clean()


@pytest.mark.requirement("LOG-02")
def test_what_is_ready_again_is_not_shipped_twice(world: World) -> None:
    (order,) = world.submit()
    pack(world.database, order, "WH-1", {1: 3})
    world.run()
    for _ in range(2):
        ready(world, order, f"WH-{_}", {})
    assert rows(world.database, NOTES, order.id) == [(1, "1×3", 3, 2)]
    world.assert_clean()


@pytest.mark.requirement("LOG-02")
def test_more_than_was_ordered_never_leaves(world: World) -> None:
    (order,) = world.submit()
    pack(world.database, order, "WH-1", {1: 2})
    world.run()
    ready(world, order, "WH-2", {1: 5, 2: 9})
    assert rows(world.database, NOTES, order.id) == [(1, "1×2", 2, 3), (2, "1×1 2×2", 3, 0)]
    with pytest.raises(psycopg.errors.CheckViolation), world.database.transaction() as session:
        session.write("update logistics.ordered_lines set noted = noted + 1 where order_id = %s", order.id)
    world.assert_clean()


@pytest.mark.requirement("LOG-06")
def test_a_cancelled_order_calls_back_every_part_that_is_on_its_way(world: World) -> None:
    (order,) = world.submit()
    pack(world.database, order, "WH-1", {1: 1})
    world.run()
    ready(world, order, "WH-2", {1: 1})
    world.cancel(order)
    assert world.state(order) == "cancelled"
    assert rows(world.database, "select count(*) from logistics.shipments where recalled_at is null") == [(0,)]
    assert rows(world.database, "select noted from logistics.ordered_lines order by line") == [(0,), (0,)]
    assert breaches(world.database, INVARIANTS) == []


@pytest.mark.requirement("LOG-02")
def test_a_batch_may_hold_orders_in_parts_and_whole_ones(world: World) -> None:
    orders = [an_order() for _ in range(20)]
    for place, order in enumerate(orders):
        pack(world.database, order, f"WH-{place}", {1: 1} if place % 2 else {1: 3, 2: 2})
    stored(world.database, *orders)
    work(world.database, logistics.activities["logistics.plan"], [visit(each, ACTIVITIES) for each in orders])
    outcomes = work(world.database, SHIP, [visit(each, ACTIVITIES, NOW) for each in orders])
    for place, order in enumerate(orders):
        outcome = outcomes[order.id]
        assert isinstance(outcome, Waiting if place % 2 else Passed)
        assert outcome.basis.get("rest") == (4 if place % 2 else None)
