"""Money that comes in, over a real PostgreSQL: matched, short, too much, repeated, misnamed, at any time."""

import threading
from collections.abc import Iterator

import pytest

from shared.database import Database
from shared.definitions import parse
from tests.support.definitions import definition_text, step
from tests.support.finance import PREPAID, FinanceWorld, a_definition, a_payment
from tests.support.orders import NOW, an_order


@pytest.fixture
def world(database: Database) -> Iterator[FinanceWorld]:
    world = FinanceWorld(database, a_definition(invoice="after_payment"))
    yield world
    assert world.breaches() == []


@pytest.mark.requirement("FIN-05", "SET-02")
def test_prepaid_order_waits_for_the_whole_amount(world: FinanceWorld) -> None:
    world.account()
    order = an_order(payment=PREPAID)
    world.go(order)
    assert world.state(order) == "in_review"
    assert world.one("select key from core.waits") == (f"payment:{order.id}",)
    world.pay((order, "R-1", "399.99"))
    assert world.state(order) == "in_review"
    assert world.one("select paid_minor from finance.payment_status") == (39_999,)
    world.pay((order, "R-2", "0.01"))
    assert world.state(order) == "archived"
    assert world.one("select paid_minor, settled_at from finance.payment_status") == (40_000, NOW)


@pytest.mark.requirement("SET-02")
def test_one_reference_counts_once(world: FinanceWorld) -> None:
    world.account()
    order = an_order()
    world.go(order)
    world.pay((order, "R-1", "100.00"), (order, "R-1", "100.00"))
    world.pay((order, "R-1", "100.00"), (order, "R-2", "50.00"))
    assert world.one("select paid_minor from finance.payment_status") == (15_000,)
    assert world.exposure() == 25_000
    assert world.refusals() == []
    world.pay((order, "R-1", "300.00"))
    assert world.refusals() == ["payment.reference_used"]
    assert world.exposure() == 25_000


@pytest.mark.requirement("SET-02")
def test_the_same_payment_reported_by_two_at_once_counts_once(world: FinanceWorld) -> None:
    world.account()
    orders = [an_order() for _ in range(8)]
    world.go(*orders)
    batches = []
    for reverse in (False, True):
        world.report(*[(order, f"R-{order.number}", "10.00") for order in sorted(orders, key=str, reverse=reverse)])
        batches += world.queue
        world.queue = []
    threads = [threading.Thread(target=world.runtime().handle, args=(batch,)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert world.exposure() == 8 * 39_000
    assert world.one("select count(*) from finance.payments") == (8,)


@pytest.mark.requirement("SET-02")
def test_excess_is_kept_as_customer_credit(world: FinanceWorld) -> None:
    world.account()
    order = an_order()
    world.go(order)
    world.pay((order, "R-1", "300.00"), (order, "R-2", "150.00"))
    assert world.state(order) == "archived"
    assert world.one("select due_minor, paid_minor from finance.payment_status") == (40_000, 40_000)
    credit = "select customer, order_id, currency, amount_minor from finance.customer_credits"
    assert world.one(credit) == ("C001", order.id, "CNY", 5_000)
    world.pay((order, "R-3", "1.00"))
    assert world.one(credit) == ("C001", order.id, "CNY", 5_100)


@pytest.mark.requirement("SET-02")
def test_payment_that_names_no_order_is_kept_as_unmatched(world: FinanceWorld) -> None:
    world.pay(("SO-404", "R-1", "12.00"), ("SO-404", "R-1", "12.00"))
    row = world.one("select reference, order_number, amount_minor, currency, method from finance.unmatched_payments")
    assert row == ("R-1", "SO-404", 1_200, "CNY", "wire")
    assert world.refusals() == []
    assert world.rows("select * from finance.customer_credits") == []


@pytest.mark.requirement("SET-02")
def test_wrong_currency_and_improper_amounts_are_refused_without_harm_to_the_others(world: FinanceWorld) -> None:
    world.account()
    order = an_order()
    world.go(order)
    world.pay(
        a_payment(order, "R-1", "400.00", currency="USD"),
        a_payment(order, "R-2", "0"),
        a_payment(order, "R-3", "0.001"),
        a_payment(order, "R-4", "400.00"),
    )
    assert sorted(world.refusals()) == ["payment.bad_amount", "payment.bad_amount", "payment.wrong_currency"]
    assert world.rows("select reference from finance.payments") == [("R-4",)]
    assert world.state(order) == "archived"


@pytest.mark.requirement("FIN-04", "SET-02")
def test_payment_before_the_review_counts_for_it(world: FinanceWorld) -> None:
    world.account(limit="100")
    order = an_order()
    world.submit(order)
    waiting, world.queue = world.queue, []
    world.pay((order, "R-1", "310.00"))
    assert world.one("select amount_minor from finance.customer_credits") == (31_000,)
    world.queue = waiting
    world.run()
    assert world.state(order) == "approved"
    assert world.exposure() == 9_000
    assert world.rows("select * from finance.customer_credits") == []


@pytest.mark.requirement("SET-02")
def test_money_for_a_cancelled_order_becomes_customer_credit(world: FinanceWorld) -> None:
    world.account()
    world.definition = a_definition()
    order = an_order()
    world.go(order)
    world.pay((order, "R-1", "100.00"))
    world.cancel(order)
    assert world.one("select amount_minor from finance.customer_credits") == (10_000,)
    world.pay((order, "R-2", "50.00"))
    assert world.one("select amount_minor from finance.customer_credits") == (15_000,)
    assert world.exposure() == 0


@pytest.mark.requirement("FIN-05")
def test_payment_and_release_at_the_same_time_never_miss_each_other(world: FinanceWorld) -> None:
    world.account()
    orders = [an_order(payment=PREPAID) for _ in range(10)]
    for order in orders:
        world.submit(order)
    runtime = world.runtime()
    for _ in orders:
        runtime.handle(world.queue.pop(0))  # each is now on its way to its release
    releases, world.queue = world.queue, []
    world.report(*[(order, f"R-{order.number}", "400.00") for order in orders])
    payments, world.queue = world.queue, []
    threads = [threading.Thread(target=world.runtime().handle, args=(batch,)) for batch in (*releases, *payments)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    world.run()
    assert {world.state(order) for order in orders} == {"archived"}
    assert world.rows("select * from core.waits") == []


@pytest.mark.requirement("FIN-05", "SET-01")
def test_payment_may_be_asked_for_before_review_and_is_owed_until_it_is_there(world: FinanceWorld) -> None:
    world.account()
    world.definition = parse(
        definition_text(
            step("pay", activity="finance.release"), step("review", activity="finance.review", reaches="approved")
        ),
        "paid first",
    )
    order, other, on_credit = an_order(payment=PREPAID), an_order(payment=PREPAID), an_order()
    world.go(order, other, on_credit)
    assert [world.state(one) for one in (order, other, on_credit)] == ["in_review", "in_review", "archived"]
    owed = "select due_minor, paid_minor from finance.payment_status where order_id = %s"
    assert world.one(owed, order.id) == (40_000, 0)
    world.pay((order, "R-1", "399.99"))
    assert (world.state(order), world.one(owed, order.id)) == ("in_review", (40_000, 39_999))
    world.pay((order, "R-2", "0.01"), (other, "R-3", "100.00"))
    assert [world.state(one) for one in (order, other)] == ["archived", "in_review"]
    world.cancel(other)  # what it paid is the customer's
    assert world.rows(owed, other.id) == []
    assert world.one("select amount_minor from finance.customer_credits") == (10_000,)
