"""Credit over a real PostgreSQL: holds, exposure, open items, concurrent orders of a customer."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest
from msgspec import structs

from messages.orders import Line, Order
from shared.database import Database
from shared.definitions import parse
from tests.support.definitions import definition_text, step
from tests.support.finance import PREPAID, FinanceWorld, a_definition, visits_of
from tests.support.orders import NOW, an_order
from workers.finance.activities import finance
from workers.finance.masterdata import AccountRow, OpenItemRow, save_accounts, save_open_items

TODAY = NOW.date()


@pytest.fixture
def world(database: Database) -> Iterator[FinanceWorld]:
    world = FinanceWorld(database, a_definition(invoice="after_payment"))
    yield world
    assert world.breaches() == []


# -- credit ------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("FIN-04")
def test_order_on_credit_holds_its_total(world: FinanceWorld) -> None:
    world.account()
    order = an_order()
    world.go(order)
    assert world.state(order) == "approved"
    assert world.exposure() == 40_000
    hold = world.one("select customer, currency, amount_minor, open_minor, released_at from finance.credit_holds")
    assert hold == ("C001", "CNY", 40_000, 40_000, None)
    status = world.one(
        "select order_id, terms, due_minor, paid_minor, currency, settled_at from finance.payment_status"
        " where order_id = %s",
        order.id,
    )
    assert status == (order.id, "net_30", 40_000, 0, "CNY", None)


@pytest.mark.requirement("FIN-04")
def test_second_order_of_a_batch_sees_the_first_ones_hold(world: FinanceWorld) -> None:
    world.account(limit="900")
    orders = [an_order() for _ in range(3)]
    world.go(*orders)
    assert sorted(world.state(order) for order in orders) == ["approved", "approved", "in_review"]
    assert world.open_findings() == ["credit.over_limit"]
    assert world.exposure() == 80_000


@pytest.mark.requirement("FIN-04")
def test_of_two_orders_at_once_the_limit_lets_one_through(world: FinanceWorld) -> None:
    customers = [f"C{number:03}" for number in range(12)]
    for customer in customers:
        world.account(customer, limit="450")
    batches = []
    for reverse in (False, True):
        parties = [{"code": customer, "name": customer} for customer in sorted(customers, reverse=reverse)]
        world.submit(*[an_order(customer=party) for party in parties])
        batches += world.queue
        world.queue = []
    barrier = threading.Barrier(len(batches))

    def work(number: int) -> None:
        runtime = world.runtime()
        barrier.wait(10)
        runtime.handle(batches[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    holds = world.rows("select customer, count(*) from finance.credit_holds group by customer")
    assert {row[0]: row[1] for row in holds} == dict.fromkeys(customers, 1)
    assert [world.exposure(customer) for customer in customers] == [40_000] * 12
    assert world.open_findings() == ["credit.over_limit"] * 12


@pytest.mark.requirement("FIN-04")
def test_workers_that_fight_for_the_last_of_one_limit_never_go_above_it(world: FinanceWorld) -> None:
    """Eight workers, forty orders of 400.00 of one customer, each in a batch of its own, and credit for ten of them."""
    world.policy = replace(world.policy, high_risk_exposure_basis_points=10_000)
    world.account(limit="4000")
    for _ in range(40):
        world.submit(an_order())
    batches, world.queue = world.queue, []
    barrier = threading.Barrier(8)

    def work(number: int) -> None:
        runtime = world.runtime()
        barrier.wait(10)
        for batch in batches[number::8]:
            runtime.handle(batch)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert world.one("select count(*) from finance.credit_holds where open_minor = 40000") == (10,)
    assert world.exposure() == 400_000  # equality passes, and one cent more would not have
    assert world.open_findings() == ["credit.over_limit"] * 30
    assert world.rows("select * from core.dead_letters") == []


@pytest.mark.requirement("FIN-04")
def test_credit_alone_counts_the_same_and_is_given_back(world: FinanceWorld) -> None:
    world.account(limit="800")
    world.definition = parse(
        definition_text(
            step("credit", activity="finance.credit", reaches="approved"), step("pay", activity="finance.settle")
        ),
        "no review",
    )
    orders = [an_order() for _ in range(3)]
    world.go(*orders)
    assert sorted(world.state(order) for order in orders) == ["approved", "approved", "in_review"]
    assert (world.exposure(), world.open_findings()) == (80_000, ["credit.over_limit"])
    (first, second) = [order for order in orders if world.state(order) == "approved"]
    world.cancel(first)
    assert world.exposure() == 40_000
    world.pay((second, "R-1", "100.00"))
    assert world.exposure() == 30_000
    world.pay((second, "R-2", "300.00"))
    assert (world.exposure(), world.state(second)) == (0, "archived")


@pytest.mark.requirement("FIN-01")
@pytest.mark.parametrize(("percent", "person"), [("5", "sue"), ("15", "zheng")])
def test_a_discount_passes_once_somebody_who_may_grant_it_has_agreed(
    world: FinanceWorld, percent: str, person: str
) -> None:
    world.account()
    order = discounted(percent)
    world.go(order)
    assert world.open_findings() == ["discount.over_limit"]
    world.decide("agree")  # finance agrees, but may not grant it
    assert (world.state(order), world.open_findings()) == ("in_review", ["discount.over_limit"])
    roles, found = world.one("select roles, findings from core.user_tasks where status = 'open'")
    may = ["senior_management"] if percent == "15" else ["sales_supervisor", "sales_manager", "senior_management"]
    assert roles == may
    values = json.loads(found)[0]["values"]
    assert (values["limit_percent"], values["actual_percent"], values["roles"].split()) == (
        "0.00",
        f"{percent}.00",
        may,
    )
    world.decide("agree", person)
    assert world.state(order) == "approved"
    (one,) = world.rows("select actor from core.events where kind = 'agreed' and order_id = %s", order.id)
    assert one == (person,)


@pytest.mark.requirement("FIN-01")
def test_a_discount_beyond_everybodys_limit_passes_by_nobodys_agreement(world: FinanceWorld) -> None:
    world.account()
    order = discounted("15.01")
    world.go(order)
    world.decide("agree")
    assert world.state(order) == "returned"
    (told,) = world.one("select data from core.events where kind = 'returned'")
    values = json.loads(told)["findings"][0]["values"]
    assert (values["limit_percent"], values["actual_percent"], values["roles"]) == ("0.00", "15.01", "")


def discounted(percent: str) -> Order:
    """One piece of the product that costs 100.00; its total is of no matter here."""
    basis_points = int(Decimal(percent) * 100)
    line = Line(
        number=1,
        product="P001",
        quantity=1,
        unit_price_minor=10_000,
        discount_basis_points=basis_points,
        amount_minor=10_000 - basis_points,
    )
    return an_order(lines=(line,), total_minor=line.amount_minor, total_base_minor=line.amount_minor)


@pytest.mark.requirement("FIN-04")
def test_person_may_give_credit_beyond_the_limit_and_without_an_account(world: FinanceWorld) -> None:
    world.account(limit="1")
    stranger = an_order(customer={"code": "C999", "name": "新客户"})
    orders = [an_order(), stranger, an_order(customer={"code": "C999", "name": "新客户"})]
    world.go(*orders)
    assert world.open_findings().count("credit.over_limit") == 3
    world.decide("agree")
    assert [world.state(order) for order in orders] == ["approved"] * 3
    assert (world.exposure("C001"), world.exposure("C999")) == (40_000, 80_000)
    assert world.one("select limit_minor from finance.credit_status where customer = 'C999'") == (0,)


@pytest.mark.requirement("FIN-04")
def test_disagreement_leaves_nothing_held(world: FinanceWorld) -> None:
    world.account(limit="1")
    order = an_order()
    world.go(order)
    world.decide("disagree", reason="no", requested_change="pay in advance")
    assert world.state(order) == "returned"
    assert world.exposure() == 0
    assert world.rows("select * from finance.payment_status") == []


@pytest.mark.requirement("FIN-04")
def test_cancelling_releases_the_hold_and_repeating_it_is_harmless(world: FinanceWorld) -> None:
    world.account()
    order, other = an_order(), an_order()
    world.definition = a_definition()  # an order that waits for payment at settlement can still be cancelled
    world.go(order, other)
    assert world.exposure() == 80_000
    world.cancel(order)
    assert world.state(order) == "cancelled"
    assert world.exposure() == 40_000
    with world.database.transaction() as session:
        finance.activities["finance.review"].undo(session, visits_of([order]))
    assert world.exposure() == 40_000
    hold = world.one("select open_minor, released_at from finance.credit_holds where order_id = %s", order.id)
    assert hold == (0, NOW)


@pytest.mark.requirement("FIN-04")
def test_new_round_holds_the_new_total_once(world: FinanceWorld) -> None:
    world.account()
    order = an_order()
    world.go(order)
    review = finance.activities["finance.review"]
    smaller = structs.replace(order, total_minor=30_000)
    with world.database.transaction() as session:
        review.undo(session, visits_of([order]))
    for _ in range(2):  # a second review within the round counts nothing twice
        with world.database.transaction() as session:
            (visit,) = visits_of([smaller])
            review.save(session, review.decide(visit, review.load(session, [visit])).effects)
    assert world.exposure() == 30_000
    assert world.one("select amount_minor, open_minor, released_at from finance.credit_holds") == (30_000, 30_000, None)


@pytest.mark.requirement("FIN-04")
def test_prepaid_orders_leave_the_exposure_alone(world: FinanceWorld) -> None:
    world.account(limit="0")
    world.go(an_order(payment=PREPAID))
    assert world.exposure() == 0
    assert world.rows("select * from finance.credit_holds") == []


@pytest.mark.requirement("FIN-04")
def test_foreign_currency_is_held_in_the_accounts_and_falls_with_payments(world: FinanceWorld) -> None:
    world.account(limit="710")
    order = an_order(currency="USD", total_minor=10_000, total_base_minor=71_000)
    world.go(order)
    assert world.state(order) == "in_review"  # within the limit, but above 90 % of it
    world.decide("agree")
    assert world.exposure() == 71_000
    world.pay((order, "R-1", "33.33"))
    assert world.exposure() == 47_336  # 710.00 × 66.67 %
    world.pay((order, "R-2", "66.67"))
    assert world.exposure() == 0
    assert world.one("select open_minor, released_at from finance.credit_holds") == (0, NOW)


# -- open items and overdue receivables --------------------------------------------------------------------------------


@pytest.mark.requirement("FIN-04")
def test_open_items_are_exposure_and_loading_again_moves_it_by_the_difference(world: FinanceWorld) -> None:
    world.account(limit="1000")
    world.open_item("500.00", TODAY)
    world.open_item("100.00", TODAY, reference="OLD-2")
    assert world.exposure() == 60_000
    first, second = an_order(), an_order()
    world.go(first)
    assert world.open_findings() == ["risk.near_limit"]
    world.decide("agree")
    assert world.exposure() == 100_000
    world.open_item("200.00", TODAY)
    world.account(limit="1100")  # loading the account again leaves what is owed
    assert world.exposure() == 70_000
    world.go(second)
    assert world.state(second) == "in_review"
    world.decide("agree")
    assert world.exposure() == 110_000


@pytest.mark.requirement("FIN-04")
@pytest.mark.parametrize(("days", "found"), [(0, []), (1, ["credit.overdue"])])
def test_overdue_open_item_stops_credit(world: FinanceWorld, days: int, found: list[str]) -> None:
    world.account()
    world.open_item("1.00", TODAY - timedelta(days=days))
    world.open_item("0.00", TODAY - timedelta(days=99), reference="PAID")
    world.go(an_order())
    assert world.open_findings() == found


@pytest.mark.requirement("FIN-04")
def test_own_receivable_past_its_due_date_stops_credit_until_it_is_paid(world: FinanceWorld) -> None:
    world.account()
    world.definition = a_definition()
    first = an_order()
    world.go(first)
    with world.database.transaction() as session:
        session.write("update finance.receivables set due_date = %s", TODAY - timedelta(days=1))
    world.go(an_order())
    assert world.open_findings() == ["credit.overdue"]
    world.pay((first, "R-1", "400.00"))
    assert world.state(first) == "archived"
    world.decide("agree")
    world.go(an_order())
    assert world.open_findings() == []


def test_account_of_a_debtor_keeps_its_currency(world: FinanceWorld) -> None:
    world.account()
    world.open_item("5.00", TODAY)
    with pytest.raises(ValueError, match="C001"):
        world.account(currency="USD")
    world.open_item("0.00", TODAY)
    world.account(currency="USD")
    assert world.one("select currency from finance.credit_status") == ("USD",)


def test_open_item_needs_an_account_in_its_currency_and_nothing_comes_twice(world: FinanceWorld) -> None:
    world.account()
    item = OpenItemRow(customer="C001", reference="A", amount=Decimal(1), currency="USD", due_date=TODAY)
    account = AccountRow(customer="C002", currency="CNY")
    for rows in ([item], [replace_customer(item, "C404")], [item, item]):
        with pytest.raises(ValueError, match=r"open_items\.csv"), world.database.transaction() as session:
            save_open_items(session, rows)
    with pytest.raises(ValueError, match=r"accounts\.csv: given twice: C002"), world.database.transaction() as session:
        save_accounts(session, [account, account])


def replace_customer(item: OpenItemRow, customer: str) -> OpenItemRow:
    return item.model_copy(update={"customer": customer, "currency": "CNY"})


def test_account_line_reads_lists_and_defaults() -> None:
    plain = AccountRow.model_validate({"customer": "C1", "currency": "JPY"})
    assert (plain.credit_limit, plain.terms, plain.methods, plain.hold_reason) == (Decimal(0), ("prepaid",), (), None)
    full = AccountRow.model_validate(
        {"customer": "C1", "currency": "CNY", "credit_limit": "1.50", "terms": "prepaid net_30", "methods": "wire cash"}
    )
    assert (full.terms, full.methods) == (("prepaid", "net_30"), ("wire", "cash"))
    for wrong in ({"credit_limit": "0.5"}, {"terms": "sometime"}, {"methods": "barter"}, {"credit_limit": "-1"}):
        with pytest.raises(ValueError, match="AccountRow"):
            AccountRow.model_validate({"customer": "C1", "currency": "JPY", **wrong})


# -- the database guards itself ----------------------------------------------------------------------------------------


def test_the_database_refuses_what_cannot_be(world: FinanceWorld) -> None:
    world.account()
    world.go(an_order())
    for statement in (
        "update finance.accounts set exposure_minor = -1",
        "update finance.credit_holds set open_minor = amount_minor + 1",
        "update finance.credit_holds set released_at = now()",
        "update finance.receivables set settled_at = now()",
        "insert into finance.credit_holds select * from finance.credit_holds",
    ):
        with pytest.raises(psycopg.errors.IntegrityError), world.database.transaction() as session:
            session.write(statement)


@pytest.mark.parametrize(
    ("tampering", "found"),
    [
        ("update finance.accounts set exposure_minor = exposure_minor + 1", ["finance.exposure_differs"]),
        (
            "update finance.credit_holds set open_minor = open_minor - 1",
            ["finance.exposure_differs", "finance.hold_differs"],
        ),
        ("update finance.accounts set currency = 'USD'", ["finance.counted_in_another_currency"]),
        ("update core.orders set state = 'cancelled'", ["finance.hold_outlives_order"]),
        ("delete from finance.payments", ["finance.received_differs"]),
        (
            "update finance.payments set amount_minor = 50000",
            ["finance.payments_misallocated", "finance.received_differs"],
        ),
    ],
)
def test_the_audit_finds_what_was_tampered_with(database: Database, tampering: str, found: list[str]) -> None:
    world = FinanceWorld(database, a_definition(invoice="after_payment"))
    world.account()
    order = an_order()
    world.go(order)
    world.pay((order, "R-1", "100.00"))
    assert world.breaches() == []
    with database.transaction() as session:
        session.write(tampering)
    assert [code for code in world.breaches() if code.startswith("finance.")] == found
