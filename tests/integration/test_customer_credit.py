"""Money that nobody knew what to do with, over a real PostgreSQL: assigned, returned, used for another order."""

import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest

from messages.commands import FACT
from messages.orders import PaymentMethod
from shared.database import Database
from shared.ids import new_id
from tests.support.finance import PREPAID, FinanceWorld
from tests.support.orders import NOW, an_order

CREDIT = "select order_id, amount_minor from finance.customer_credits order by amount_minor"
STATUS = "select status, due_minor, paid_minor, paid_at, method from finance.payment_status where order_id = %s"


@pytest.fixture
def world(database: Database) -> Iterator[FinanceWorld]:
    world = FinanceWorld(database)
    world.account()
    yield world
    assert world.breaches() == []


def stray(world: FinanceWorld) -> None:
    world.pay(("SO-404", "R-1", "400.00"))


@pytest.mark.requirement("SET-02")
def test_an_unmatched_payment_is_a_task_that_somebody_in_finance_solves(world: FinanceWorld) -> None:
    order = an_order(payment=PREPAID)
    world.go(order)
    stray(world)
    assert world.one("select payment, opened_at, decision from finance.payment_tasks") == ("R-1", NOW, None)
    told = "select event_id from core.outbox_events where type = 'orderflow.payment.unmatched'"
    assert world.rows(told) == [("payment/R-1",)]
    assigning = {"payment": "R-1", "order": order.number, "reason": "附言写了旧编号"}
    assert world.say("payment_assigned", by="sue", **assigning) == ["payment.not_allowed"]
    assert world.say("payment_assigned", **assigning) == []
    assert world.state(order) == "archived"
    assert world.rows("select * from finance.unmatched_payments") == []
    decided = world.one("select decision, decided_by, decided_at, reason from finance.payment_tasks")
    assert decided == ("assign", "fiona", NOW, "附言写了旧编号")
    assert world.one(STATUS, order.id) == ("paid", 40_000, 40_000, NOW, "wire")
    assert world.say("payment_assigned", **assigning) == ["payment.decided"]


@pytest.mark.requirement("SET-02")
def test_what_cannot_be_assigned_is_refused_with_its_reason(world: FinanceWorld) -> None:
    order, dollars = an_order(), an_order(currency="USD")
    world.go(order)
    world.submit(dollars)
    world.queue.clear()
    stray(world)
    world.pay((order, "R-2", "1.00"))
    why = {"reason": "?"}
    assert world.say("payment_assigned", payment="R-404", order=order.number, **why) == ["payment.unknown"]
    assert world.say("payment_assigned", payment="R-2", order=order.number, **why) == ["payment.decided"]
    assert world.say("payment_assigned", payment="R-1", order=dollars.number, **why) == ["payment.other_currency"]
    assert world.rows("select reference from finance.unmatched_payments") == [("R-1",)]


@pytest.mark.requirement("SET-02")
def test_an_unmatched_payment_may_go_back_once(world: FinanceWorld) -> None:
    stray(world)
    assert world.say("payment_returned", payment="R-1", reason="不是付给我们的") == []
    assert world.rows("select * from finance.unmatched_payments") == []
    assert world.say("payment_returned", payment="R-1", reason="again") == ["payment.decided"]


@pytest.mark.requirement("SET-02")
def test_of_two_who_assign_one_payment_at_once_one_wins(world: FinanceWorld) -> None:
    orders = [an_order(), an_order()]
    world.go(*orders)
    stray(world)
    batches = []
    for order in orders:
        said = {"payment": "R-1", "order": order.number, "by": "fiona", "reason": "mine"}
        fact = {"kind": "payment_assigned", "source": "erp", "fact_id": new_id(), "occurred_at": NOW}
        world.tell(FACT.validate_python(fact | said))
        batches += world.queue
        world.queue = []
    threads = [threading.Thread(target=world.runtime().handle, args=(batch,)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    world.run()
    assert world.refusals() == ["payment.decided"]
    paid = world.rows("select paid_minor from finance.payment_status order by paid_minor")
    assert paid == [(0,), (40_000,)]


@pytest.mark.requirement("SET-02")
def test_customer_credit_pays_for_another_order_or_is_paid_back(world: FinanceWorld) -> None:
    first, second = an_order(), an_order(payment=PREPAID)
    world.go(first, second)
    world.pay((first, "R-1", "900.00"))
    assert world.rows(CREDIT) == [(first.id, 50_000)]
    applying = {"order": second.number, "from_order": first.number}
    assert world.say("credit_applied", **applying, amount=Decimal("500.01")) == ["credit.too_little"]
    assert world.say("credit_applied", **applying, amount=Decimal("400.00"), by="sue") == ["payment.not_allowed"]
    assert world.say("credit_applied", **applying, amount=Decimal("400.00")) == []
    assert world.state(second) == "archived"
    assert world.rows(CREDIT) == [(first.id, 10_000)]
    back = {"order": first.number, "method": PaymentMethod.WIRE}
    assert world.say("credit_paid_back", **back, amount=Decimal("100.01"), reference="O-1") == ["credit.too_little"]
    assert world.say("credit_paid_back", **back, amount=Decimal("60.00"), reference="O-1") == []
    assert world.say("credit_paid_back", **back, amount=Decimal("1.00"), reference="O-1") == ["payment.reference_used"]
    assert world.say("credit_paid_back", **back, amount=Decimal("40.00"), reference="O-2") == []
    assert world.rows(CREDIT) == []
    assert world.say("credit_paid_back", **back, amount=Decimal("1.00"), reference="O-3") == ["credit.none"]
    assert world.one("select sum(amount_minor)::bigint from finance.payments") == (80_000,)


@pytest.mark.requirement("SET-02")
def test_credit_pays_for_orders_of_the_same_customer_only(world: FinanceWorld) -> None:
    world.account("C002")
    mine, theirs = an_order(), an_order(customer={"code": "C002", "name": "北京"})
    world.go(mine, theirs)
    world.pay((mine, "R-1", "500.00"))
    said = world.say("credit_applied", order=theirs.number, from_order=mine.number, amount=Decimal(1))
    assert said == ["credit.of_another"]


@pytest.mark.requirement("SET-01")
def test_what_was_paid_when_and_how_stands_in_a_view(world: FinanceWorld) -> None:
    order = an_order()
    world.go(order)
    assert world.one(STATUS, order.id) == ("unpaid", 40_000, 0, None, None)
    world.pay((order, "R-1", "399.99"))
    assert world.one(STATUS, order.id) == ("part_paid", 40_000, 39_999, NOW, "wire")
