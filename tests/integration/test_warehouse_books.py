"""The warehouse against a real PostgreSQL: nothing is sold twice, all is accounted for, whoever waits is woken."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from messages.batch import Batch, BatchKind
from messages.batch import Department as Name
from messages.facts.warehouse import GoodsReceived
from messages.orders import Order
from shared import policy
from shared.audit import audit
from shared.batches import Ref, write_batches
from shared.catalogue import gather
from shared.database import Database, Row, columns
from shared.definitions import parse
from shared.department import Activity, Booked, Outcome, Passed, Referred, ReportedFact, Visit, Waiting
from shared.ids import new_id
from shared.journal import Journal
from shared.migrations import differences
from shared.processes import Definition
from shared.runtime import Runtime
from shared.standings import lock_standings
from shared.tasks import Wish, decide
from tests.support.database import AS_OWNER
from tests.support.definitions import definition_text, step
from tests.support.fulfilment import breaches_after
from tests.support.orders import NOW, open_orders
from tests.support.waiting import until
from tests.support.warehouse import ordered
from workers.sales_review.books import ProductRow, save_products
from workers.warehouse import shortage_invariants
from workers.warehouse.activities import book_arrivals, warehouse
from workers.warehouse.arrivals import StockRefused, StockRow, save_stock
from workers.warehouse.books import INVARIANTS
from workers.warehouse.rules import LOOK_AGAIN_AFTER

POLICIES = policy.load()
POLICY = POLICIES.get("standard@1")
ROLES = ["warehouse_keeper"]
DEFINITION = parse(
    definition_text(
        step("reserve", activity="warehouse.reserve", roles=ROLES, reaches="reserved"),
        step("prepare", activity="warehouse.prepare", roles=ROLES, reaches="prepared"),
        step("hand_over", activity="warehouse.confirm", mode="manual", roles=ROLES),
    ),
    "sample.toml",
)
WAITING = """
select 1 from pg_locks where not granted and pid in (
    select l.pid from pg_locks l join pg_database d on d.oid = l.database where d.datname = current_database()
)
"""
STOCK = "select product, location, on_hand, reserved, blocked from warehouse.stock order by 1, 2"


@dataclass
class Warehouse:
    """The department over a database, and the messages that nobody has handled yet."""

    database: Database
    definition: Definition = DEFINITION
    queue: list[Batch] = field(default_factory=list)

    @property
    def runtime(self) -> Runtime:
        catalogue = gather([self.definition])
        return Runtime(warehouse, self.database, catalogue, POLICIES, self.queue.extend, attempts=3, now=lambda: NOW)

    def products(self, *names: str, weight_grams: int = 100) -> None:
        rows = [ProductRow(code=name, name_en=name, weight_grams=weight_grams) for name in names]
        with self.database.transaction() as session:
            save_products(session, rows)

    def count(self, *rows: tuple[str, str, int]) -> None:
        """Load a stock file of (product, location, on hand)."""
        self.load([StockRow(product=product, location=place, on_hand=pieces) for product, place, pieces in rows])

    def load(self, rows: Sequence[StockRow]) -> None:
        with self.database.transaction() as session:
            save_stock(session, rows)

    def submit(self, *orders: Order) -> None:
        self.queue += open_orders(self.database, self.definition, POLICY, orders)

    def arrive(self, product: str, quantity: int, location: str = "MAIN") -> str:
        fact = an_arrival(product, quantity, location)
        with self.database.transaction() as session:
            session.write(
                "insert into core.facts (id, source, fact_id, kind, content_hash, body, received_at)"
                " values (%s, 'dock', %s, 'goods_received', '-', %s, %s)",
                fact.id,
                fact.id,
                fact.body.model_dump_json(),
                NOW,
            )
            refs = {(Name.WAREHOUSE, BatchKind.FACTS): [Ref(fact.id, 0, "")]}
            self.queue += write_batches(session, refs, NOW)
        return fact.id

    def run(self) -> None:
        while self.queue:
            self.runtime.handle(self.queue.pop(0))

    def cancel(self, order: Order) -> None:
        journal = Journal(NOW)
        with self.database.transaction() as session:
            standings = lock_standings(session, [order.id], gather([self.definition]), POLICIES)
            assert journal.cancel(standings[order.id], "shop", {"reason": "changed their mind"})
            batches = journal.write(session)
        self.queue += batches
        self.run()

    def decide(self, choice: str, **more: Any) -> None:
        with self.database.transaction() as session:
            tasks = [row[0] for row in session.rows("select id from core.user_tasks where status = 'open'")]
            answers, batches = decide(session, [Wish(task, "wei", choice, **more) for task in tasks], NOW)
        assert not any(answers)
        self.queue += batches
        self.run()

    def rows(self, sql: str, *params: object) -> list[Row]:
        with self.database.transaction() as session:
            return session.rows(sql, *params)

    def stock(self) -> list[Row]:
        return self.rows(STOCK)

    def findings(self) -> list[str]:
        """The codes of what people are asked."""
        sql = "select f->>'code' from core.user_tasks, json_array_elements(findings) f where status = 'open' order by 1"
        return [row[0] for row in self.rows(sql)]

    def states(self) -> dict[str, str]:
        return dict(self.rows("select id, state from core.orders"))

    def waits(self) -> list[str]:
        return [row[0] for row in self.rows("select key from core.waits order by 1")]

    def assert_clean(self) -> None:
        assert audit(self.database, INVARIANTS).breaches == ()
        assert self.rows("select reason, detail from core.dead_letters") == []


@pytest.fixture
def house(database: Database) -> Warehouse:
    with database.transaction() as session:
        session.write("insert into core.staff (id, name, roles) values ('wei', '伟', '{warehouse_keeper}')")
    return Warehouse(database)


def an_arrival(product: str, quantity: int, location: str = "MAIN") -> ReportedFact:
    fact_id = new_id()
    body = GoodsReceived(
        source="dock", fact_id=fact_id, occurred_at=NOW, product=product, quantity=quantity, location=location
    )
    return ReportedFact(fact_id, None, body, NOW)


def a_visit(order: Order, agreed: bool = False, activities: Sequence[str] = ("warehouse.reserve",)) -> Visit:
    return Visit(order, 1, "step", {}, POLICY, NOW, frozenset(activities), agreed=agreed)


def act(database: Database, name: str, visits: Sequence[Visit]) -> list[Outcome]:
    """One batch of an activity, as the runtime does it, but without a second try."""
    activity: Activity[Any] = warehouse.activities[f"warehouse.{name}"]
    outcomes, effects = [], []
    with database.transaction() as session:
        facts = activity.load(session, visits)
        for visit in sorted(visits, key=lambda visit: visit.order.id):
            outcome = activity.decide(visit, facts)
            outcomes.append(outcome)
            if isinstance(outcome, Passed | Waiting) or (isinstance(outcome, Referred) and visit.agreed):
                for effect in outcome.effects:
                    facts.absorb(effect)
                    effects.append(effect)
        activity.save(session, effects)
    return outcomes


def undo(database: Database, name: str, *orders: Order, activities: Sequence[str] = ("warehouse.reserve",)) -> None:
    with database.transaction() as session:
        visits = [a_visit(order, activities=activities) for order in orders]
        warehouse.activities[f"warehouse.{name}"].undo(session, visits)


def book(database: Database, *facts: ReportedFact) -> Booked:
    with database.transaction() as session:
        return book_arrivals(session, facts)


def together(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `work(0)` … `work(count - 1)` at the same moment; raises what any of them raises."""
    barrier = threading.Barrier(count)

    def started(number: int) -> Any:
        barrier.wait(timeout=30)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(started, range(count)))


def invariants_hold(database: Database) -> None:
    with database.transaction() as session:
        breaches = [(each.code, row) for each in INVARIANTS for row in session.rows(each.sql)]
    assert breaches == []


def test_models_and_migrations_agree(database: Database) -> None:
    differences(database)


# -- reserving ---------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("WHS-02")
def test_reserving_takes_from_what_is_available_and_undo_gives_it_back(house: Warehouse) -> None:
    house.products("A", "B")
    house.count(("A", "N", 4), ("A", "S", 6), ("B", "N", 3))
    order = ordered(("A", 7), ("B", 3))
    assert isinstance(act(house.database, "reserve", [a_visit(order)])[0], Passed)
    assert house.stock() == [("A", "N", 4, 1, 0), ("A", "S", 6, 6, 0), ("B", "N", 3, 3, 0)]
    assert house.rows("select * from warehouse.availability order by 1") == [("A", 3), ("B", 0)]
    invariants_hold(house.database)
    for _ in range(2):
        undo(house.database, "reserve", order)
        assert house.stock() == [("A", "N", 4, 0, 0), ("A", "S", 6, 0, 0), ("B", "N", 3, 0, 0)]
        assert house.rows("select * from warehouse.reservations") == []
    invariants_hold(house.database)


@pytest.mark.requirement("WHS-02")
def test_within_a_batch_the_earlier_order_goes_first(house: Warehouse) -> None:
    house.products("A")
    house.count(("A", "N", 5))
    orders = sorted((ordered(("A", 3)) for _ in range(3)), key=lambda order: order.id)
    outcomes = act(house.database, "reserve", [a_visit(order) for order in reversed(orders)])
    assert [type(each) for each in outcomes] == [Passed, Waiting, Waiting]
    assert [row[0] for row in house.rows("select order_id from warehouse.reservations")] == [orders[0].id]


@pytest.mark.requirement("WHS-02")
def test_blocked_and_failed_goods_are_not_given_away(house: Warehouse) -> None:
    house.products("A")
    house.load(
        [
            StockRow(product="A", location="N", on_hand=5, blocked=2),
            StockRow(product="A", location="BAD", on_hand=9, inspection="failed"),
        ]
    )
    assert house.rows("select * from warehouse.availability") == [("A", 3)]
    assert isinstance(act(house.database, "reserve", [a_visit(ordered(("A", 4)))])[0], Waiting)
    assert isinstance(act(house.database, "reserve", [a_visit(ordered(("A", 3)))])[0], Passed)
    invariants_hold(house.database)


@pytest.mark.requirement("WHS-01", "WHS-03")
def test_confirming_reserves_nothing_and_locks_nothing(house: Warehouse) -> None:
    house.products("A", "B")
    house.count(("A", "N", 5))
    visits = [a_visit(ordered(("A", 5), ("B", 1), ("X", 1)))]
    with house.database.transaction() as session:
        session.rows("select 1 from warehouse.stock for update")
        (outcome,) = act(house.database, "confirm", visits)
    assert isinstance(outcome, Referred)
    assert [(each.code, each.subject) for each in outcome.findings] == [
        ("stock.unknown_product", "X"),
        ("stock.short", "B"),
    ]
    assert house.stock() == [("A", "N", 5, 0, 0)]


@pytest.mark.requirement("WHS-02")
@pytest.mark.parametrize(
    "statement",
    [
        "update warehouse.stock set reserved = 6",
        "update warehouse.stock set reserved = -1",
        "update warehouse.stock set reserved = 3, blocked = 3",
        "update warehouse.stock set on_hand = -1",
        "insert into warehouse.reservations (order_id, line, product, location, quantity)"
        " select order_id, line, product, location, quantity from warehouse.reservations",
    ],
)
def test_the_database_itself_refuses_to_sell_more_than_there_is(house: Warehouse, statement: str) -> None:
    house.products("A")
    house.count(("A", "N", 5))
    act(house.database, "reserve", [a_visit(ordered(("A", 1)))])
    with pytest.raises(psycopg.errors.IntegrityError):
        house.rows(statement + " returning 1")


@pytest.mark.requirement("WHS-02")
def test_the_last_pieces_go_to_exactly_as_many_orders_as_they_suffice_for(house: Warehouse) -> None:
    house.products("A", "B", "C")
    house.count(("A", "N", 20), ("A", "S", 25), ("B", "N", 1_000), ("C", "N", 1_000))
    shapes = [[("A", 2), ("B", 1), ("C", 1)], [("C", 1), ("B", 1), ("A", 2)], [("B", 1), ("A", 1), ("C", 1), ("A", 1)]]
    orders = [[ordered(*shapes[(n + m) % 3]) for m in range(8)] for n in range(8)]
    outcomes = together(8, lambda n: [act(house.database, "reserve", [a_visit(order)])[0] for order in orders[n]])
    passed = [each for some in outcomes for each in some if isinstance(each, Passed)]
    assert len(passed) == 45 // 2
    assert house.rows("select product, sum(reserved)::int from warehouse.stock group by 1 order by 1") == [
        ("A", 44),
        ("B", 22),
        ("C", 22),
    ]
    invariants_hold(house.database)


@pytest.mark.requirement("WHS-02", "WHS-04")
def test_reserving_preparing_undoing_and_arriving_at_once_keeps_the_books(house: Warehouse) -> None:
    names = ["A", "B", "C", "D"]
    house.products(*names)
    house.count(*((name, place, 30) for name in names for place in ("N", "S")))

    def keep_busy(number: int) -> None:
        turn = names[number % 4 :] + names[: number % 4]
        for round_ in range(6):
            orders = [ordered((turn[0], 3), (turn[2], 2)), ordered((turn[3], 1), (turn[1], 4))]
            visits = [a_visit(order) for order in orders]
            outcomes = act(house.database, "reserve", visits)
            served = [
                order
                for order, outcome in zip(sorted(orders, key=lambda one: one.id), outcomes, strict=True)
                if isinstance(outcome, Passed)
            ]
            if served:
                act(house.database, "prepare", [a_visit(order) for order in served])
            if number % 2 and served:
                undo(house.database, "prepare", *served)
                undo(house.database, "reserve", *served)
            book(house.database, an_arrival(turn[1], 2), an_arrival(turn[3], 1, f"NEW{round_}"))

    together(6, keep_busy)
    invariants_hold(house.database)
    assert house.rows(
        "select count(*)::int, sum(quantity)::int from warehouse.stock_movements where fact_id is not null"
    )[0] == (72, 108)


@pytest.mark.requirement("WHS-02", "WHS-04")
def test_arrivals_at_new_places_and_orders_for_them_never_wait_for_each_other_in_a_circle(house: Warehouse) -> None:
    """PostgreSQL would end a circle by failing one of them: here nobody tries again."""
    names = [f"P{number:02}" for number in range(24)]
    house.products("A", "Z", *names)
    house.count(("A", "N", 1_000), ("Z", "N", 1_000))

    def keep_busy(number: int) -> None:
        for place, new in enumerate(names):
            if number % 2:
                book(house.database, an_arrival("A", 1, f"B{place}"), an_arrival(new, 3), an_arrival("Z", 1))
            else:
                act(house.database, "reserve", [a_visit(ordered(("Z", 1), (new, 1), ("A", 1)))])

    together(6, keep_busy)
    invariants_hold(house.database)


@pytest.mark.requirement("WHS-02")
def test_undoing_locks_all_places_of_the_orders_in_one_order(house: Warehouse) -> None:
    house.products("A", "B")
    house.count(("A", "N", 5), ("B", "N", 5))
    reserved, prepared = ordered(("A", 1)), ordered(("B", 1))
    act(house.database, "reserve", [a_visit(reserved), a_visit(prepared)])
    act(house.database, "prepare", [a_visit(prepared)])
    with ThreadPoolExecutor(1) as pool:
        with house.database.transaction() as session:
            session.rows("select from warehouse.stock where product = 'A' for update")
            undoing = pool.submit(undo, house.database, "reserve", reserved, prepared)
            until(lambda: house.rows(WAITING), what="its wait")
            free = house.rows("select product from warehouse.stock where product = 'B' for update skip locked")
        undoing.result(timeout=30)
    assert free == [("B",)], "B is locked before A"
    assert house.stock() == [("A", "N", 5, 0, 0), ("B", "N", 5, 0, 0)]


# -- waiting and arrivals ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("WHS-04")
def test_a_short_order_waits_visibly_and_goes_on_when_the_goods_arrive(house: Warehouse) -> None:
    house.products("A", "B")
    house.count(("A", "N", 2), ("B", "N", 0))
    order = ordered(("A", 3), ("B", 1))
    house.submit(order)
    house.run()
    assert house.waits() == ["stock:A", "stock:B"]
    assert house.rows("select distinct due_at from core.waits") == [(NOW + LOOK_AGAIN_AFTER,)]
    ((found,),) = house.rows("select data->'findings'->0->'values' from core.events where kind = 'waiting'")
    assert '"short_by":1' in found
    house.arrive("A", 1, "S")
    house.run()
    assert house.waits() == ["stock:B"]
    assert house.stock() == [("A", "N", 2, 0, 0), ("A", "S", 1, 0, 0), ("B", "N", 0, 0, 0)]
    house.arrive("B", 5)
    house.run()
    assert house.waits() == []
    assert house.states() == {order.id: "prepared"}
    house.assert_clean()


@pytest.mark.requirement("WHS-04")
def test_goods_that_arrive_go_to_the_earliest_date_whatever_order_the_workers_come_in(house: Warehouse) -> None:
    house.products("A", "B")
    late = [ordered(("A", 2), requested=date(2026, 8, 1)) for _ in range(2)]
    big = ordered(("A", 1), ("B", 1), requested=date(2026, 7, 1))  # the first, but its B is not there
    early = ordered(("A", 2), requested=date(2026, 7, 15))
    for order in (*late, big, early):  # a batch each: what workers take first is not what is served first
        house.submit(order)
    house.run()
    assert house.rows("select count(distinct order_id) from warehouse.shortages") == [(4,)]
    house.arrive("A", 4)
    house.runtime.handle(house.queue.pop(0))
    first = min(late, key=lambda order: order.number)
    held = "select order_id, quantity from warehouse.reservations order by quantity, order_id"
    assert {*house.rows(held)} == {(early.id, 2), (first.id, 2)}, "given out before anybody is woken"
    house.submit(ordered(("A", 1)))  # comes later, and before those who were woken
    house.queue = house.queue[::-1]
    house.run()
    states = house.states()
    assert [states[each.id] for each in (early, first, big)] == ["prepared", "prepared", "in_review"]
    house.arrive("B", 1)
    house.arrive("A", 1)
    house.run()
    assert house.states()[big.id] == "prepared"
    house.assert_clean()


@pytest.mark.requirement("WHS-04")
def test_an_order_that_waits_for_nothing_is_found(house: Warehouse) -> None:
    house.products("A")
    house.submit(ordered(("A", 2)))
    house.run()
    ended = "update core.orders set state = 'cancelled'"
    assert breaches_after(house.database, ended, shortage_invariants.ALL) == ["warehouse.waits_for_nothing"]
    too_many = (
        "insert into warehouse.reservations (order_id, line, location, product, quantity)"
        " select order_id, line, 'MAIN', product, 3 from warehouse.shortages"
    )
    assert breaches_after(house.database, too_many, shortage_invariants.ALL) == ["warehouse.served"]


@pytest.mark.requirement("WHS-02", "WHS-04")
def test_what_comes_back_is_given_to_who_waits_by_priority(house: Warehouse) -> None:
    house.products("A")
    house.count(("A", "N", 2))
    holder = ordered(("A", 2))
    house.definition = parse(
        definition_text(
            step("reserve", activity="warehouse.reserve", roles=ROLES, reaches="reserved"),
            step("hand_over", activity="warehouse.confirm", mode="manual", roles=ROLES),
        ),
        "sample.toml",
    )
    late, early = ordered(("A", 2), requested=date(2026, 8, 1)), ordered(("A", 2), requested=date(2026, 7, 1))
    for order in (holder, late, early):
        house.submit(order)
    house.run()
    house.cancel(holder)
    states = house.states()
    assert (states[early.id], states[late.id]) == ("reserved", "in_review")
    house.assert_clean()


@pytest.mark.requirement("WHS-02", "WHS-04")
def test_many_workers_serve_by_priority_and_nobody_twice(house: Warehouse) -> None:
    """Goods arrive piece by piece, orders come and are cancelled, all at once: those with the earliest dates that were
    waiting when all began have their goods before any of the others.
    """
    house.products("A")
    orders = [ordered(("A", 1), requested=date(2026, 7, 1) + timedelta(days=n)) for n in range(24)]
    for order in orders[::-1]:
        house.submit(order)
    house.run()
    for _ in range(12):
        house.arrive("A", 1)
    messages, house.queue = house.queue, []

    def work(number: int) -> None:
        one = Warehouse(house.database, house.definition, messages[number::6])
        one.run()

    together(6, work)
    states = house.states()
    assert {states[order.id] for order in orders[:12]} == {"prepared"}
    assert {states[order.id] for order in orders[12:]} == {"in_review"}
    house.assert_clean()


@pytest.mark.requirement("WHS-04")
def test_arrivals_raise_stock_once_at_new_places_too_and_unknown_products_are_refused(house: Warehouse) -> None:
    house.products("A")
    facts = [an_arrival("A", 3), an_arrival("A", 4), an_arrival("A", 2, "EAST"), an_arrival("X", 1)]
    booked = book(house.database, *facts)
    assert set(booked.wake) == {"stock:A"}
    assert {key: (each.code, each.subject) for key, each in booked.refused.items()} == {
        facts[3].id: ("stock.unknown_product", "X")
    }
    assert house.stock() == [("A", "EAST", 2, 0, 0), ("A", "MAIN", 7, 0, 0)]
    with pytest.raises(psycopg.errors.UniqueViolation):
        book(house.database, facts[0])
    assert house.stock() == [("A", "EAST", 2, 0, 0), ("A", "MAIN", 7, 0, 0)]
    invariants_hold(house.database)


@pytest.mark.requirement("WHS-04")
def test_a_refused_arrival_keeps_its_reason(house: Warehouse) -> None:
    fact = house.arrive("X", 1)
    house.run()
    ((handled, refused),) = house.rows("select handled_at is not null, refused from core.facts where id = %s", fact)
    assert handled
    assert "stock.unknown_product" in refused
    house.assert_clean()


@pytest.mark.requirement("WHS-04")
def test_no_arrival_is_missed_by_an_order_that_begins_to_wait_at_that_moment(house: Warehouse) -> None:
    names = [f"P{number}" for number in range(12)]
    house.products(*names)
    orders = [ordered((name, 1)) for name in names]
    for order, name in zip(orders, names, strict=True):
        house.submit(order)
        house.arrive(name, 1, "NEW")
        pair, house.queue = house.queue, []
        together(2, lambda n, pair=pair: house.runtime.handle(pair[n]))  # type: ignore[misc]
        house.run()
    assert set(house.states().values()) == {"prepared"}
    assert house.waits() == []
    house.assert_clean()


@pytest.mark.requirement("WHS-04")
def test_a_person_may_have_an_unknown_product_taken_into_stock(house: Warehouse) -> None:
    order = ordered(("X", 1))
    house.submit(order)
    house.run()
    assert house.findings() == ["stock.unknown_product"]
    house.decide("agree")
    assert house.waits() == ["stock:X"]
    house.arrive("X", 1)
    house.run()
    assert house.states() == {order.id: "prepared"}
    house.assert_clean()


# -- preparing ---------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("WHS-07", "WHS-08", "WHS-09", "WHS-10", "LOG-06")
def test_preparing_issues_the_goods_once_with_every_document(house: Warehouse) -> None:
    house.products("A", weight_grams=6_000)
    house.products("B", weight_grams=100)
    house.count(("A", "N", 4), ("A", "S", 6), ("B", "N", 9))
    order = ordered(("A", 7), ("B", 2))
    house.submit(order)
    house.run()
    assert house.states() == {order.id: "prepared"}
    assert house.stock() == [("A", "N", 3, 0, 0), ("A", "S", 0, 0, 0), ("B", "N", 7, 0, 0)]
    assert house.rows(
        "select line, product, location, quantity, picked from warehouse.preparation_lines order by 1, 3"
    ) == [
        (1, "A", "N", 1, 1),
        (1, "A", "S", 6, 6),
        (2, "B", "N", 2, 2),
    ]
    assert house.rows("select first, last, material, weight_grams from warehouse.packages order by 1") == [
        (1, 1, "carton", 18_000),
        (2, 2, "carton", 18_000),
        (3, 3, "carton", 6_200),
    ]
    assert house.rows("select first, line, product, quantity from warehouse.package_contents order by 1, 2") == [
        (1, 1, "A", 3),
        (2, 1, "A", 3),
        (3, 1, "A", 1),
        (3, 2, "B", 2),
    ]
    ((number, packages, weight),) = house.rows("select number, packages, weight_grams from warehouse.preparations")
    assert (number, packages, weight) == ("WH-20260615-000001", 3, 42_200)
    assert house.rows("select number, passed, inspector from warehouse.inspection_reports") == [
        (number, True, "routine")
    ]
    assert house.rows("select * from warehouse.readiness") == [(order.id, True, NOW, NOW, NOW, True, 3, 42_200)]
    movements = (
        "select kind, product, location, quantity from warehouse.stock_movements where document = %s order by 2, 3"
    )
    assert house.rows(movements, number) == [
        ("issued", "A", "N", -1),
        ("issued", "A", "S", -6),
        ("issued", "B", "N", -2),
    ]
    house.assert_clean()


@pytest.mark.requirement("WHS-07")
def test_readiness_says_what_is_reserved_and_nothing_of_other_orders(house: Warehouse) -> None:
    house.products("A")
    house.count(("A", "N", 4))
    reserved, waiting = ordered(("A", 4)), ordered(("A", 1))
    open_orders(house.database, house.definition, POLICY, [reserved, waiting])
    act(house.database, "reserve", [a_visit(reserved)])
    assert house.rows("select * from warehouse.readiness") == [(reserved.id, True, None, None, None, False, None, None)]


@pytest.mark.requirement("WHS-02", "LOG-06")
def test_a_cancelled_order_gives_everything_back(house: Warehouse) -> None:
    house.products("A", "B")
    house.count(("A", "N", 5), ("B", "N", 2))
    order = ordered(("A", 3), ("B", 2))
    house.submit(order)
    house.run()
    assert house.stock() == [("A", "N", 2, 0, 0), ("B", "N", 0, 0, 0)]
    house.cancel(order)
    assert house.states() == {order.id: "cancelled"}
    assert house.stock() == [("A", "N", 5, 0, 0), ("B", "N", 2, 0, 0)]
    assert house.rows("select cancelled_at from warehouse.preparations") == [(NOW,)]
    assert house.rows("select * from warehouse.readiness") == []
    house.assert_clean()


@pytest.mark.requirement("WHS-02")
def test_undoing_in_any_order_and_again_leaves_the_same_books(house: Warehouse) -> None:
    house.products("A")
    house.count(("A", "N", 5))
    order = ordered(("A", 3))
    act(house.database, "reserve", [a_visit(order)])
    act(house.database, "prepare", [a_visit(order)])
    undo(house.database, "prepare", order)
    assert house.stock() == [("A", "N", 5, 3, 0)]
    invariants_hold(house.database)
    # Prepared again: a second preparation order beside the cancelled one.
    act(house.database, "prepare", [a_visit(order)])
    for name in ("reserve", "prepare", "reserve"):
        undo(house.database, name, order)
        assert house.stock() == [("A", "N", 5, 0, 0)]
        invariants_hold(house.database)
    numbers = house.rows("select number from warehouse.preparations where cancelled_at is not null order by 1")
    assert numbers == [("WH-20260615-000001",), ("WH-20260615-000002",)]


@pytest.mark.requirement("WHS-07")
def test_what_preparing_reserved_by_itself_it_also_releases(house: Warehouse) -> None:
    house.products("A")
    house.count(("A", "N", 5))
    order = ordered(("A", 3))
    (outcome,) = act(house.database, "prepare", [a_visit(order, activities=["warehouse.prepare"])])
    assert isinstance(outcome, Passed)
    assert house.stock() == [("A", "N", 2, 0, 0)]
    invariants_hold(house.database)
    undo(house.database, "prepare", order, activities=["warehouse.prepare"])
    assert house.stock() == [("A", "N", 5, 0, 0)]
    invariants_hold(house.database)


@pytest.mark.requirement("WHS-10")
def test_a_person_inspects_what_needs_it(house: Warehouse) -> None:
    house.products("A")
    house.load([StockRow(product="A", location="N", on_hand=5, inspection="person")])
    order = ordered(("A", 3))
    house.submit(order)
    house.run()
    assert house.findings() == ["inspection.required"]
    assert house.rows("select * from warehouse.preparations") == []
    house.decide("agree")
    assert house.rows("select passed, inspector from warehouse.inspection_reports") == [(True, "person")]
    assert house.states() == {order.id: "prepared"}
    house.assert_clean()


@pytest.mark.requirement("WHS-10")
def test_failed_goods_are_blocked_and_the_order_waits_for_others(house: Warehouse) -> None:
    house.products("A", "B")
    house.count(("A", "N", 3), ("B", "N", 1))
    order = ordered(("A", 3), ("B", 1))
    house.submit(order)
    reserving, preparing = house.queue.pop(), house.queue
    house.runtime.handle(reserving)
    house.load([StockRow(product="A", location="N", on_hand=3, inspection="failed")])
    assert len(preparing) == 1
    house.run()
    assert house.findings() == ["inspection.failed"]
    house.decide("agree")
    assert house.waits() == ["stock:A"]
    assert house.stock() == [("A", "N", 3, 0, 3), ("B", "N", 1, 1, 0)]
    assert house.rows("select passed, inspector from warehouse.inspection_reports") == [(False, "person")]
    house.assert_clean()
    house.arrive("A", 3, "S")
    house.run()
    assert house.states() == {order.id: "prepared"}
    assert house.stock() == [("A", "N", 3, 0, 3), ("A", "S", 0, 0, 0), ("B", "N", 0, 0, 0)]
    house.assert_clean()


@pytest.mark.requirement("WHS-10")
def test_failed_goods_are_replaced_from_another_place(house: Warehouse) -> None:
    house.products("A")
    house.count(("A", "N", 4), ("A", "S", 3))
    order, other = ordered(("A", 5)), ordered(("A", 1))
    act(house.database, "reserve", [a_visit(order)])
    assert house.stock() == [("A", "N", 4, 4, 0), ("A", "S", 3, 1, 0)]
    house.count(("A", "S", 6))
    house.load([StockRow(product="A", location="N", on_hand=4, inspection="failed")])
    # Two orders of one batch, the second of which reserves only now.
    visits = [a_visit(order, agreed=True), a_visit(other)]
    assert [type(each) for each in act(house.database, "prepare", visits)] == [Referred, Passed]
    assert house.stock() == [("A", "N", 4, 0, 4), ("A", "S", 0, 0, 0)]
    lines = "select order_id, line, location, picked from warehouse.preparation_lines join warehouse.preparations"
    assert house.rows(lines + " using (number) order by 1") == [(order.id, 1, "S", 5), (other.id, 1, "S", 1)]
    reports = "select order_id, passed, inspector from warehouse.inspection_reports order by 1, 2"
    assert house.rows(reports) == [
        (order.id, False, "person"),
        (order.id, True, "person"),
        (other.id, True, "routine"),
    ]
    invariants_hold(house.database)


@pytest.mark.requirement("WHS-08")
def test_a_pick_beyond_the_instruction_is_refused_by_the_database(house: Warehouse) -> None:
    house.products("A")
    house.count(("A", "N", 5))
    act(house.database, "prepare", [a_visit(ordered(("A", 3)))])
    with pytest.raises(psycopg.errors.CheckViolation):
        house.rows("update warehouse.preparation_lines set picked = 4 returning 1")


# -- the stock file ----------------------------------------------------------------------------------------------------


def test_loading_the_stock_file_again_moves_only_the_difference_and_keeps_reservations(house: Warehouse) -> None:
    house.products("A", "B")
    house.count(("A", "N", 10), ("B", "N", 4))
    act(house.database, "reserve", [a_visit(ordered(("A", 6)))])
    house.load(
        [
            StockRow(product="A", location="N", on_hand=8, blocked=2),
            StockRow(product="B", location="N", on_hand=4),
            StockRow(product="B", location="S", on_hand=1),
        ]
    )
    assert house.stock() == [("A", "N", 8, 6, 2), ("B", "N", 4, 0, 0), ("B", "S", 1, 0, 0)]
    movements = "select kind, product, location, quantity, blocked from warehouse.stock_movements order by id"
    assert house.rows(movements) == [
        ("opening", "A", "N", 10, 0),
        ("opening", "B", "N", 4, 0),
        ("counted", "A", "N", -2, 2),
        ("opening", "B", "S", 1, 0),
    ]
    invariants_hold(house.database)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([StockRow(product="A", location="N", on_hand=5)], "A at N: 5 on hand and not blocked, but 6 are reserved"),
        ([StockRow(product="A", location="N", on_hand=9, blocked=4)], "A at N: 5 on hand"),
        ([StockRow(product="B", on_hand=5), StockRow(product="B", on_hand=6)], "B at MAIN: named 2 times"),
    ],
)
def test_a_stock_file_that_cannot_be_is_refused_whole(house: Warehouse, rows: list[StockRow], words: str) -> None:
    house.products("A", "B")
    house.count(("A", "N", 10))
    act(house.database, "reserve", [a_visit(ordered(("A", 6)))])
    with pytest.raises(StockRefused, match=words):
        house.load([*rows, StockRow(product="C", on_hand=1)])
    assert house.stock() == [("A", "N", 10, 6, 0)]


# -- the invariants find what is wrong ---------------------------------------------------------------------------------


@pytest.fixture
def prepared(house: Warehouse) -> Warehouse:
    """One order prepared, one reserved."""
    house.products("A")
    house.count(("A", "N", 10))
    house.submit(ordered(("A", 3)))
    house.run()
    act(house.database, "reserve", [a_visit(ordered(("A", 2)))])
    invariants_hold(house.database)
    return house


DAMAGE = {
    "update warehouse.stock set reserved = 3": {"warehouse.reserved"},
    "delete from warehouse.reservations": {"warehouse.reserved"},
    "delete from warehouse.stock": {"warehouse.reserved", "warehouse.on_hand"},
    "update warehouse.stock set on_hand = 9": {"warehouse.on_hand"},
    "update warehouse.stock set blocked = 1": {"warehouse.on_hand"},
    "delete from warehouse.stock_movements where kind = 'issued'": {"warehouse.on_hand", "warehouse.issued"},
    "insert into warehouse.stock_movements (at, kind, product, location, quantity, blocked, document)"
    " select at, kind, product, location, quantity, blocked, document from warehouse.stock_movements"
    " where kind = 'issued'": {"warehouse.on_hand", "warehouse.issued"},
    "update warehouse.preparations set cancelled_at = now()": {"warehouse.issued"},
    "update warehouse.package_contents set quantity = 2": {"warehouse.packed"},
    "delete from warehouse.packages": {"warehouse.packed"},
    "update warehouse.preparation_lines set picked = 2": {"warehouse.packed"},
    "delete from warehouse.inspection_reports": {"warehouse.inspected"},
    "update warehouse.inspection_reports set passed = false": {"warehouse.inspected"},
    "update warehouse.preparation_lines set line = 2": {"warehouse.packed", "warehouse.as_ordered"},
    "update core.orders set state = 'cancelled'": {"warehouse.released"},
    "delete from warehouse.preparations": {"warehouse.packed"},
}


class Undone(Exception):
    """Takes a damage back."""


@pytest.mark.requirement("WHS-02", "WHS-09", "WHS-10", "LOG-06")
def test_every_damage_is_found_and_named(prepared: Warehouse) -> None:
    found: dict[str, set[str]] = {}
    for damage in DAMAGE:
        with suppress(Undone), prepared.database.transaction() as session:
            assert session.rows(damage + " returning 1")
            found[damage] = {each.code for each in INVARIANTS if session.rows(each.sql)}
            raise Undone
    assert found == DAMAGE
    invariants_hold(prepared.database)


@pytest.mark.requirement("WHS-02")
def test_overselling_would_be_found_even_without_the_constraint(prepared: Warehouse) -> None:
    with prepared.database.transaction() as session:
        session.write(AS_OWNER)
        session.write("alter table warehouse.stock drop constraint ck_stock_never_oversold")
        session.write("update warehouse.stock set reserved = on_hand + 1")
        assert "warehouse.oversold" in {each.code for each in INVARIANTS if session.rows(each.sql)}


@pytest.mark.requirement("LOG-06")
def test_a_shipment_of_goods_that_were_never_issued_is_found(prepared: Warehouse) -> None:
    ((order_id,),) = prepared.rows("select order_id from warehouse.preparations")
    with prepared.database.transaction() as session:
        session.write(
            "insert into logistics.delivery_notes"
            " (number, part, order_id, customer, customer_name, address, country, region, issued_at)"
            " select 'DN-1', 1, * from unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],"
            " %s::timestamptz[])",
            *columns([(order_id, "C001", "明珠", "上海", "CN", "", NOW)], 7),
        )
        session.write(
            "insert into logistics.shipments (tracking_number, note, order_id, quantity, rest, shipped_at)"
            " values ('T1', 'DN-1', %s, 3, 0, %s)",
            order_id,
            NOW,
        )
    invariants_hold(prepared.database)
    undo_one = [
        row[0] for row in prepared.rows("update warehouse.preparations set cancelled_at = now() returning number")
    ]
    assert len(undo_one) == 1
    with prepared.database.transaction() as session:
        assert "warehouse.shipped" in {each.code for each in INVARIANTS if session.rows(each.sql)}
