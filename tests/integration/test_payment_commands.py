"""`payments`, `receivables` as people use them, in both languages."""

from datetime import date

import pytest

from messages.batch import Batch, BatchKind, Department
from messages.orders import SaleType
from shared.database import Database
from tests.support.finance import PREPAID, FinanceWorld
from tests.support.orders import an_order
from tests.support.terminal import Run, answered, run, said
from workers.sales_review.books import CustomerRow, save_customers

__all__ = ["run"]
FIONA = ("--as", "fiona")


@pytest.fixture
def world(database: Database) -> FinanceWorld:
    world = FinanceWorld(database)
    world.account()
    with database.transaction() as session:
        save_customers(session, [a_customer("C001"), a_customer("C002")])
    return world


def a_customer(code: str) -> CustomerRow:
    return CustomerRow(code=code, name_en=code, country="CN", sale_type=SaleType.DOMESTIC)


def booked(world: FinanceWorld) -> None:
    """What finance does with the batches that the commands left."""
    rows = world.rows("select id, department, kind, cardinality(ids) from core.batches order by created_at")
    world.queue = [
        Batch(id=row[0], department=Department(row[1]), kind=BatchKind(row[2]), size=row[3])
        for row in rows
        if row[1] == "finance"
    ]
    world.run()


@pytest.mark.requirement("SET-01", "SET-02")
def test_payments_are_listed_and_those_nobody_knows_assigned_or_returned(run: Run, world: FinanceWorld) -> None:
    order = an_order(payment=PREPAID)
    world.go(order)
    world.pay(("SO-404", "R-1", "400.00"), ("SO-405", "R-2", "7.00"))
    waiting = answered(run("payments", "list", "--status", "unmatched", "--json"))
    assert {(each["payment"], each["order"], each["order_given"], each["amount_minor"]) for each in waiting} == {
        ("R-1", None, "SO-404", 40_000),
        ("R-2", None, "SO-405", 700),
    }
    assert run("payments", "assign", "R-1", order.number, *FIONA, "--reason", "附言写了旧编号").exit_code == 0
    assert run("payments", "return", "R-2", *FIONA, "--reason", "不是付给我们的").exit_code == 0
    booked(world)
    assert world.refusals() == []
    assert answered(run("payments", "list", "--status", "unmatched", "--json")) == []
    (returned,) = answered(run("payments", "list", "--status", "returned", "--json"))
    assert (returned["payment"], returned["decided_by"]) == ("R-2", "fiona")
    for language, words in {"zh": ("已付清", "已匹配", "电汇"), "en": ("paid", "matched", "wire transfer")}.items():
        told = said(run("payments", "list", "--order", order.number, "--lang", language))
        assert [each for each in (*words, "R-1", "400.00") if each not in told] == []
        shown = said(run("payments", "show", "R-1", "--lang", language))
        assert [each for each in (*words[1:], "fiona", "附言写了旧编号") if each not in shown] == []
    assert run("payments", "list", "--status", "bogus").exit_code == 2
    assert run("payments", "list", "--order", "SO-404").exit_code == 1
    assert run("payments", "show", "R-404").exit_code == 2


@pytest.mark.requirement("SET-02")
def test_customer_credit_is_applied_and_paid_back(run: Run, world: FinanceWorld) -> None:
    first, second = an_order(), an_order(payment=PREPAID)
    world.go(first, second)
    world.pay((first, "R-1", "900.00"))
    assert run("payments", "apply", first.number, second.number, "--amount", "400.00", *FIONA).exit_code == 0
    booked(world)
    assert run("payments", "pay-back", first.number, "--amount", "100.00", "--reference", "O-1", *FIONA).exit_code == 0
    booked(world)
    assert world.refusals() == []
    assert world.rows("select * from finance.customer_credits") == []
    told = said(run("payments", "list", "--order", first.number, "--lang", "zh"))
    assert [kind for kind in ("收款", "余额抵付", "余额退还") if kind not in told] == []
    assert run("payments", "apply", first.number, second.number, "--amount", "a lot", *FIONA).exit_code == 1


@pytest.mark.requirement("SET-07")
def test_receivables_are_listed_until_they_are_paid(run: Run, world: FinanceWorld) -> None:
    order, paid = an_order(), an_order()
    world.account("C002")
    world.open_item("12.00", date(2020, 1, 31), "C002")
    world.go(order, paid)
    world.pay((order, "R-1", "150.00"), (paid, "R-2", "400.00"))
    found = {each["order"]: each for each in answered(run("receivables", "--json"))}
    assert set(found) == {order.number, "OLD-1"}
    assert (found[order.number]["status"], found[order.number]["open_minor"]) == ("part_paid", 25_000)
    (overdue,) = answered(run("receivables", "--overdue", "--customer", "C002", "--json"))
    assert (overdue["order"], overdue["due_date"]) == ("OLD-1", "2020-01-31")
    assert overdue["days_overdue"] > 365
    assert "部分付款" in said(run("receivables", "--customer", "C001", "--lang", "zh"))
    assert "part paid" in said(run("receivables", "--customer", "C001", "--lang", "en"))
    assert run("receivables", "--customer", "C404").exit_code == 1
