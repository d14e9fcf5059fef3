"""Vouchers, invoices and settlement over a real PostgreSQL, and their reversal."""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from shared.database import Database
from shared.definitions import parse
from tests.support.database import AS_OWNER
from tests.support.definitions import definition_text, step
from tests.support.finance import PREPAID, FinanceWorld, a_definition, visits_of
from tests.support.orders import NOW, an_order
from workers.finance.activities import finance
from workers.finance.settlement import read_deals

VOUCHERS = """
select number, receivable_minor, revenue_minor, output_tax_minor, reverses from finance.vouchers order by number
"""
INVOICES = """
select number, voucher, title, tax_number, address, amount_minor, tax_minor, due_date, corrects
from finance.invoices order by number
"""


@pytest.fixture
def world(database: Database) -> Iterator[FinanceWorld]:
    world = FinanceWorld(database)
    yield world
    assert world.breaches() == []


@pytest.mark.requirement("SET-01", "SET-03", "SET-04", "SET-08")
def test_order_on_credit_is_billed_then_paid_then_settled(world: FinanceWorld) -> None:
    world.account()
    order = an_order()
    world.go(order)
    assert world.state(order) == "approved"
    assert world.rows(VOUCHERS) == [("SV-20260615-000001", 40_000, 35_398, 4_602, None)]
    due = date(2026, 7, 15)
    invoice = ("INV-20260615-000001", "SV-20260615-000001", "上海明珠", "91310000MA1K00001X", "上海市1号")
    assert world.rows(INVOICES) == [(*invoice, 40_000, 4_602, due, None)]
    assert world.exposure() == 40_000  # billed is owed no less than shipped
    world.pay((order, "R-1", "150.00"))
    assert (world.state(order), world.exposure()) == ("approved", 25_000)
    world.pay((order, "R-2", "250.00"))
    assert (world.state(order), world.exposure()) == ("archived", 0)
    assert world.one("select settled_at from finance.payment_status") == (NOW,)
    assert len(world.rows(INVOICES)) == 1


@pytest.mark.requirement("SET-01")
def test_history_says_what_was_paid_when_and_how(world: FinanceWorld) -> None:
    world.account()
    order = an_order()
    world.go(order)
    world.pay((order, "R-1", "150.00"))
    world.pay((order, "R-2", "250.00"))
    told = [
        json.loads(row[0])["basis"]
        for row in world.rows("select data from core.events where step = 'settle' order by seq")
    ]
    assert [(one["payment"], one["received_minor"]) for one in told] == [
        ("unpaid", 0),
        ("part_paid", 15_000),
        ("paid", 40_000),
    ]
    assert told[-1]["method"] == "wire"
    assert datetime.fromisoformat(told[-1]["paid_at"]) == NOW


@pytest.mark.requirement("SET-04")
def test_invoice_is_announced_once_for_mailing(world: FinanceWorld) -> None:
    world.account()
    order = an_order()
    world.go(order)
    world.pay((order, "R-1", "150.00"))
    (row,) = world.rows(
        "select event_id, subject, data from core.outbox_events where type = 'orderflow.invoice.issued'"
    )
    assert row[:2] == (f"{order.id}/INV-20260615-000001", order.number)
    told = json.loads(row[2])
    assert (told["invoice"], told["amount_minor"], told["currency"]) == ("INV-20260615-000001", 40_000, "CNY")
    assert told["address"] == "上海市1号"


@pytest.mark.requirement("SET-03", "SET-04")
def test_a_whole_batch_is_billed_with_numbers_of_its_own(world: FinanceWorld) -> None:
    world.account()
    world.definition = a_definition(invoice="after_payment")
    orders = [an_order() for _ in range(20)]
    world.go(*orders)
    assert world.rows(INVOICES) == []
    world.pay(*[(order, f"R-{order.number}", "400.00") for order in orders])
    assert {world.state(order) for order in orders} == {"archived"}
    assert [row[0] for row in world.rows(INVOICES)] == [f"INV-20260615-{number:06}" for number in range(1, 21)]
    assert len({row[1] for row in world.rows(INVOICES)}) == 20


@pytest.mark.requirement("SET-04")
def test_missing_invoice_data_wait_for_a_person(world: FinanceWorld) -> None:
    world.account(tax_number=None, invoice_address=None)
    agreed, completed = an_order(), an_order(customer={"code": "C002", "name": "北京"})
    world.account("C002", invoice_title=None)
    world.go(agreed, completed)
    assert world.open_findings() == ["invoice.no_address", "invoice.no_tax_number", "invoice.no_title"]
    assert world.rows(VOUCHERS) == []
    world.account("C002", invoice_title="北京公司")
    world.decide("agree")
    titles = {row[2]: (row[3], row[4]) for row in world.rows(INVOICES)}
    assert titles == {"上海明珠": (None, agreed.delivery.address), "北京公司": ("91310000MA1K00001X", "上海市1号")}
    world.pay((agreed, "R-1", "400.00"), (completed, "R-2", "400.00"))
    assert {world.state(agreed), world.state(completed)} == {"archived"}


@pytest.mark.requirement("SET-03")
def test_cancelling_takes_documents_back_by_reversal(world: FinanceWorld) -> None:
    world.account()
    order = an_order()
    world.go(order)
    world.pay((order, "R-1", "100.00"))
    world.cancel(order)
    assert world.state(order) == "cancelled"
    assert world.rows(VOUCHERS) == [
        ("SV-20260615-000001", 40_000, 35_398, 4_602, None),
        ("SV-20260615-000002", -40_000, -35_398, -4_602, "SV-20260615-000001"),
    ]
    assert [(row[0], row[1], row[5], row[6], row[8]) for row in world.rows(INVOICES)] == [
        ("INV-20260615-000001", "SV-20260615-000001", 40_000, 4_602, None),
        ("INV-20260615-000002", "SV-20260615-000002", -40_000, -4_602, "INV-20260615-000001"),
    ]
    assert world.exposure() == 0
    assert world.one("select amount_minor from finance.customer_credits") == (10_000,)
    settle = finance.activities["finance.settle"]
    with world.database.transaction() as session:
        settle.undo(session, visits_of([order]))
    assert len(world.rows(VOUCHERS)) == 2


@pytest.mark.requirement("SET-03")
def test_order_that_comes_back_is_billed_anew(world: FinanceWorld) -> None:
    world.account()
    order = an_order()
    world.go(order)
    settle = finance.activities["finance.settle"]
    with world.database.transaction() as session:
        settle.undo(session, visits_of([order]))
    with world.database.transaction() as session:
        (visit,) = visits_of([order])
        outcome = settle.decide(visit, settle.load(session, [visit]))
        settle.save(session, outcome.effects)
    in_force = "select number from finance.vouchers where reverses is null and reversed_at is null"
    assert world.rows(in_force) == [("SV-20260615-000003",)]


@pytest.mark.requirement("SET-08")
def test_settlement_works_without_review_and_without_shipment(world: FinanceWorld) -> None:
    world.account()
    order = an_order(payment=PREPAID)
    settle = finance.activities["finance.settle"]
    world.submit(order)
    world.queue.clear()
    world.pay((order, "R-1", "400.00"))
    with world.database.transaction() as session:
        (visit,) = visits_of([order], "finance.settle")
        outcome = settle.decide(visit, settle.load(session, [visit]))
        settle.save(session, outcome.effects)
    status = "select terms, due_minor, paid_minor, settled_at from finance.payment_status"
    assert world.one(status) == ("prepaid", 40_000, 40_000, NOW)
    assert world.rows("select * from finance.customer_credits") == []


@pytest.mark.requirement("SET-08")
def test_shipment_and_delivery_are_read_from_logistics(world: FinanceWorld) -> None:
    shipped, delivered, neither = (an_order() for _ in range(3))
    with world.database.transaction() as session:
        for number, order in enumerate((shipped, delivered)):
            session.write(_NOTE, f"DN-{number}", order.id, NOW)
            at = NOW - timedelta(days=5)
            session.write(_SHIPMENT, f"T-{number}", f"DN-{number}", order.id, at, at if order is delivered else None)
    with world.database.transaction() as session:
        deals = read_deals(session, visits_of([shipped, delivered, neither])).deals
    told: list[Any] = [
        (deals[order.id].shipped, deals[order.id].delivered_on) for order in (shipped, delivered, neither)
    ]
    assert told == [(True, None), (True, date(2026, 6, 10)), (False, None)]


@pytest.mark.requirement("SET-03", "SET-04")
def test_the_database_refuses_a_second_document_and_one_that_does_not_balance(world: FinanceWorld) -> None:
    world.account()
    world.go(an_order())
    for statement in (
        "insert into finance.vouchers (number, order_id, customer, currency, receivable_minor, revenue_minor,"
        " output_tax_minor, tax_basis_points, booked_at) select 'SV-2', order_id, customer, currency, receivable_minor,"
        " revenue_minor, output_tax_minor, tax_basis_points, booked_at from finance.vouchers",
        "update finance.vouchers set revenue_minor = revenue_minor + 1",
        "update finance.invoices set address = ''",
        "insert into finance.invoices select 'INV-2', i.* from (select order_id, voucher, customer, title, tax_number,"
        " address, currency, amount_minor, tax_minor, issued_at, due_date from finance.invoices) i",
    ):
        with pytest.raises(psycopg.errors.IntegrityError), world.database.transaction() as session:
            session.write(statement)


@pytest.mark.requirement("SET-03", "SET-04")
@pytest.mark.parametrize(
    ("tampering", "found"),
    [
        ("update finance.invoices set amount_minor = amount_minor - 1", "finance.invoice_differs"),
        ("TWICE", "finance.billed_twice"),
        (
            "alter table finance.vouchers drop constraint ck_vouchers_balanced;"
            " update finance.vouchers set revenue_minor = revenue_minor - 1",
            "finance.voucher_unbalanced",
        ),
        ("update finance.invoices set corrected_at = issued_at", "finance.settled_open"),
        ("update finance.receivables set invoiced_minor = invoiced_minor - 1", "finance.invoiced_differs"),
    ],
)
def test_the_audit_finds_documents_that_were_tampered_with(database: Database, tampering: str, found: str) -> None:
    world = FinanceWorld(database)
    world.account()
    order = an_order()
    world.go(order)
    world.pay((order, "R-1", "400.00"))
    assert world.breaches() == []
    for statement in tampering.replace("TWICE", _SECOND_INVOICE).split(";"):
        with database.transaction() as session:
            session.write(AS_OWNER)
            session.write(statement)
    assert found in world.breaches()


@pytest.mark.requirement("SET-08")
def test_the_audit_finds_more_invoiced_than_a_delivery_is_worth(database: Database) -> None:
    world = FinanceWorld(database)
    world.account()
    order = an_order()
    with database.transaction() as session:
        session.write(_NOTE, "DN-1", order.id, NOW)
        session.write(_SHIPMENT, "T-1", "DN-1", order.id, NOW, NOW)
        for line in order.lines:
            session.write(_ORDERED, order.id, line.number, line.quantity, line.quantity)
            session.write(_NOTE_LINE, "DN-1", order.id, line.number, line.quantity)
    world.go(order)
    assert world.rows("select note, value_minor from finance.deliveries") == [("DN-1", 40_000)]
    assert world.rows("select delivery_note, receivable_minor from finance.vouchers") == [("DN-1", 40_000)]
    assert world.breaches() == []
    with database.transaction() as session:
        session.write(AS_OWNER)
        session.write("delete from logistics.delivery_note_lines where line > 1")
    assert world.breaches() == ["finance.invoiced_beyond_delivery"]


_ORDERED = """
insert into logistics.ordered_lines (order_id, line, ordered, noted) values (%s, %s, %s, %s)
"""
_NOTE_LINE = """
insert into logistics.delivery_note_lines (note, order_id, line, product, quantity) values (%s, %s, %s, 'P', %s)
"""
_NOTE = """
insert into logistics.delivery_notes (number, order_id, customer, customer_name, address, country, region,
    issued_at, part)
values (%s, %s, 'C001', 'C', 'A', 'CN', '', %s, 1)
"""
_SHIPMENT = """
insert into logistics.shipments (tracking_number, note, order_id, quantity, shipped_at, delivered_at, rest)
values (%s, %s, %s, 1, %s, %s, 0)
"""
_SECOND_INVOICE = """
alter table finance.invoices drop constraint uq_invoices_voucher;
insert into finance.invoices select 'INV-2', i.* from (select order_id, voucher, customer, title, tax_number,
    address, currency, amount_minor, tax_minor, issued_at, due_date from finance.invoices) i
"""


@pytest.mark.requirement("SET-04")
def test_an_invoice_may_go_with_the_goods_and_comes_back_with_them(world: FinanceWorld) -> None:
    world.account()
    steps = (step("invoice", activity="finance.invoice", reaches="approved"), step("pay", activity="finance.release"))
    world.definition = parse(definition_text(*steps), "invoiced first")
    order, nameless = an_order(payment=PREPAID), an_order(payment=PREPAID, customer={"code": "C404", "name": "新客户"})
    world.go(order, nameless)
    assert world.open_findings() == ["invoice.no_address", "invoice.no_tax_number", "invoice.no_title"]
    world.decide("agree")
    titles = "select i.title from finance.invoices i where i.order_id = %s and i.corrects is null"
    assert [world.one(titles, one.id) for one in (order, nameless)] == [("上海明珠",), ("新客户",)]
    assert world.one("select due_minor from finance.payment_status where order_id = %s", order.id) == (40_000,)
    world.cancel(order)
    assert world.one("select amount_minor from finance.invoices where order_id = %s and amount_minor < 0", order.id)
    assert world.rows("select * from finance.payment_status where order_id = %s", order.id) == []
    world.pay((nameless, "R-1", "400.00"))
    assert world.state(nameless) == "archived"
