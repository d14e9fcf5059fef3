"""Sales review against a real PostgreSQL: the records that a check rests on, the master data, and a batch of orders."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec import structs

from messages.batch import Batch
from messages.orders import Line
from shared import definitions, master, policy
from shared.database import Database, Session
from shared.department import Referred, Visit
from shared.runtime import Runtime
from tests.support.orders import NOW, an_order, open_orders
from workers.sales_review import rules
from workers.sales_review.activities import Check, sales_review
from workers.sales_review.books import MASTER, Records, read_records
from workers.sales_review.rules import Credit, Customer, Product

POLICIES = policy.load()
POLICY = POLICIES.get("standard@1")
DEFINITIONS = definitions.load()

CUSTOMERS = """code,name_zh,name_en,country,region,address,contact_name,phone,email,sale_type,class
C001,上海明珠贸易有限公司,,CN,上海,世纪大道1号,王芳,+86 21 5555 0101,,domestic,A
C002,,Harbour "Lights" \\ Ltd.,GB,,1 Quay,Ann,,ann@example.com,foreign,
"""
PRODUCTS = """code,name_zh,name_en,category,active,weight_grams,countries
P001,台灯,Lamp,照明,true,1200,
P002,螺丝刀,Screwdriver,工具,false,150,CN HK
"""
PRICES = """product,currency,unit_price,effective_from
P001,CNY,90.00,2026-01-01
P001,CNY,100.00,2026-06-15
P001,CNY,110.00,2026-06-16
P001,JPY,2000,2026-01-01
P002,CNY,50.00,2026-06-16
"""
STOCK = "insert into warehouse.stock (product, location, on_hand, reserved, blocked) values (%s, %s, %s, %s, %s)"
ACCOUNT = """
insert into finance.accounts (customer, currency, limit_minor, exposure_minor, terms, methods, hold_reason)
values (%s, %s, %s, %s, '{}', '{}', %s)
"""


def load(session: Session, folder: Path, **files: str) -> list[master.MasterError]:
    """Load master data files as the command line does: read whole, then saved in the declared order."""
    errors: list[master.MasterError] = []
    for file in MASTER:
        if file.name in files:
            path = folder / f"{file.name}.csv"
            path.write_text(files[file.name], encoding="utf-8")
            rows, faults = master.read(path, file)
            errors += faults
            file.save(session, rows)
    return errors


@pytest.fixture
def company(database: Database, tmp_path: Path) -> Database:
    """A company of two customers and two products, one of them in stock at two places."""
    with database.transaction() as session:
        assert load(session, tmp_path, customers=CUSTOMERS, products=PRODUCTS, prices=PRICES) == []
        session.write(STOCK, "P001", "MAIN", 10, 2, 1)
        session.write(STOCK, "P001", "EAST", 5, 0, 0)
        session.write(ACCOUNT, "C001", "CNY", 1_000, 900, None)
        session.write(ACCOUNT, "C002", "USD", 0, 5, "争议")
    return database


def visit(**changes: Any) -> Visit:
    return Visit(an_order(**changes), 1, "check", {}, POLICY, NOW)


def records(database: Database, *visits: Visit) -> Records:
    with database.transaction() as session:
        return read_records(session, visits)


@pytest.mark.requirement("SAL-01", "SAL-05", "SAL-06")
def test_a_product_is_read_with_its_price_of_the_day_and_what_is_available(company: Database) -> None:
    found = records(company, visit()).products
    day = date(2026, 6, 15)
    assert found == {
        ("CNY", day): {
            "P001": Product(True, None, 100_00, 12),
            "P002": Product(False, ["CN", "HK"], None, 0),
        }
    }


@pytest.mark.requirement("SAL-01")
@pytest.mark.parametrize(("day", "price"), [("2025-12-31", None), ("2026-01-01", 9_000), ("2026-06-16", 11_000)])
def test_the_price_is_the_latest_that_has_begun(company: Database, day: str, price: int | None) -> None:
    on = date.fromisoformat(day)
    found = records(company, structs.replace(visit(), now=NOW + (on - NOW.date())))
    assert found.products["CNY", on]["P001"].price_minor == price


@pytest.mark.requirement("SAL-01")
def test_one_batch_may_hold_several_currencies_and_days(company: Database) -> None:
    visits = [visit(), visit(currency="JPY"), structs.replace(visit(), now=NOW + timedelta(days=1))]
    found = records(company, *visits).products
    prices = {key: products["P001"].price_minor for key, products in found.items()}
    today, tomorrow = date(2026, 6, 15), date(2026, 6, 16)
    assert prices == {("CNY", today): 10_000, ("JPY", today): 2_000, ("CNY", tomorrow): 11_000}


@pytest.mark.requirement("SAL-03", "SAL-04")
def test_a_customer_is_read_with_its_account(company: Database) -> None:
    found = records(company, visit(), visit(customer={"code": "C002", "name": "x"}, currency="EUR")).customers
    assert found == {
        "C001": Customer("domestic", "CN", Credit("CNY", 1_000, 900, None)),
        "C002": Customer("foreign", "GB", Credit("USD", 0, 5, "争议")),
    }


@pytest.mark.requirement("SAL-01")
def test_what_is_unknown_is_absent(company: Database) -> None:
    line = Line(number=1, product="NO", quantity=1, unit_price_minor=1, discount_basis_points=0, amount_minor=1)
    found = records(company, visit(customer={"code": "C9", "name": "x"}, lines=(line,)))
    assert found == Records({}, {})
    assert records(company) == Records({}, {})


@pytest.mark.requirement("SAL-05")
def test_looking_at_the_stock_reserves_nothing(company: Database) -> None:
    of = structs.replace(visit(), options={"shortage": "refer"})
    with company.transaction() as session:
        check = Check()
        outcome = check.decide(of, check.load(session, [of]))
        assert isinstance(outcome, Referred)
        check.save(session, outcome.effects)
        check.undo(session, [of])
    with company.transaction() as session:
        assert session.rows("select sum(reserved) from warehouse.stock") == [(2,)]
        assert session.rows("select count(*) from warehouse.reservations") == [(0,)]


@pytest.mark.requirement("CRM-03")
def test_loading_again_updates_and_keeps_a_class_that_is_not_given(company: Database, tmp_path: Path) -> None:
    changed = CUSTOMERS.replace(",上海,", ",浦东,").replace("domestic,A", "domestic,").replace("foreign,", "foreign,C")
    with company.transaction() as session:
        session.write("update sales_review.customers set reviewed_at = reviewed_at - interval '1 year'")
        products = PRODUCTS.replace("CN HK", "").replace("1200", "1250")
        prices = PRICES.replace("100.00", "101.50")
        assert load(session, tmp_path, customers=changed, products=products, prices=prices) == []
    with company.transaction() as session:
        customers = session.rows("select customer, name_en, region, class from sales_review.customer_list order by 1")
        fresh = session.rows("select bool_and(reviewed_at > now() - interval '1 day') from sales_review.customers")
        weights = session.rows("select product, weight_grams, countries from sales_review.product_list order by 1")
        price = session.rows(
            "select unit_price_minor from sales_review.price_list where product = 'P001' and currency = 'CNY'"
            " and effective_from = '2026-06-15'"
        )
        count = session.rows("select count(*) from sales_review.price_list")
    assert customers == [("C001", "上海明珠贸易有限公司", "浦东", "A"), ("C002", 'Harbour "Lights" \\ Ltd.', "", "C")]
    assert fresh == [(True,)]
    assert weights == [("P001", 1250, None), ("P002", 150, None)]
    assert (price, count) == ([(10_150,)], [(5,)])


@pytest.mark.requirement("CRM-03")
def test_a_customer_that_stands_twice_in_a_file_is_refused(database: Database, tmp_path: Path) -> None:
    twice = CUSTOMERS + "C001,另一家公司,,CN,,,,,,domestic,\n"
    with pytest.raises(psycopg.errors.CardinalityViolation), database.transaction() as session:
        load(session, tmp_path, customers=twice)
    with database.transaction() as session:
        assert session.rows("select count(*) from sales_review.customers") == [(0,)]


@pytest.mark.requirement("CRM-03")
def test_a_price_needs_its_product(database: Database, tmp_path: Path) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation), database.transaction() as session:
        load(session, tmp_path, prices=PRICES)


@pytest.mark.requirement("CRM-03")
@pytest.mark.parametrize(
    "statement",
    [
        "insert into sales_review.customers (code, name_zh, name_en, country, region, address, contact_name, sale_type)"
        " values ('C001', 'x', 'x', 'CN', '', '', '', 'domestic')",
        "update sales_review.customers set sale_type = 'export'",
        "update sales_review.customers set class = 'D'",
        "update sales_review.products set weight_grams = -1",
        "update sales_review.products set countries = '{}'",
        "update sales_review.prices set unit_price_minor = -1",
    ],
)
def test_the_database_itself_refuses_what_cannot_be(company: Database, statement: str) -> None:
    with pytest.raises(psycopg.errors.IntegrityError), company.transaction() as session:
        session.write(statement)


@pytest.mark.requirement("SAL-01", "SAL-04", "SAL-05")
def test_a_batch_of_orders_goes_on_or_to_a_person(company: Database) -> None:
    clean = an_order(lines=(_line("P001", 12),))
    dear = an_order(lines=(_line("P001", 1, price=10_001),))
    held = an_order(customer={"code": "C002", "name": "Harbour"}, sale_type="foreign", lines=(_line("P001", 13),))
    published: list[Batch] = []
    runtime = Runtime(sales_review, company, DEFINITIONS, POLICIES, published.extend, attempts=1, now=lambda: NOW)
    for batch in open_orders(company, DEFINITIONS.get("standard@1"), POLICY, [clean, dear, held]):
        runtime.handle(batch)
    with company.transaction() as session:
        standing: dict[str, list[str]] = dict(session.rows("select id, open from core.orders"))
        tasks: dict[str, str] = dict(
            session.rows("select order_id, findings->0->>'code' from core.user_tasks where status = 'open'")
        )
        noted = session.rows(
            "select data->'basis'->'short'->'P001'->>'available' from core.events where order_id = %s"
            " and data->'basis'->'short' is not null",
            held.id,
        )
    assert standing == {clean.id: ["finance"], dear.id: ["check"], held.id: ["check"]}
    assert tasks == {dear.id: "price.not_as_listed", held.id: "customer.on_hold"}
    assert noted == [("12",)]
    assert [(batch.department, batch.size) for batch in published] == [("finance", 1)]


@pytest.mark.requirement("SAL-01")
def test_a_full_batch_is_read_in_two_round_trips(company: Database) -> None:
    visits = [visit(customer={"code": f"C{number:03}", "name": "x"}) for number in range(256)]
    with company.transaction() as session:
        counting = Counting(session)
        found = read_records(counting, visits)  # type: ignore[arg-type]
    assert counting.reads == 2
    assert set(found.customers) == {"C001", "C002"}
    outcomes = [rules.check(each, date(2026, 6, 15), None, {}) for each in visits]
    assert all(isinstance(outcome, Referred) for outcome in outcomes)


class Counting:
    """A session that counts its reads."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.reads = 0

    def rows(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        self.reads += 1
        return self.session.rows(sql, *params)


def _line(product: str, quantity: int, price: int = 10_000) -> Line:
    return Line(
        number=1,
        product=product,
        quantity=quantity,
        unit_price_minor=price,
        discount_basis_points=0,
        amount_minor=quantity * price,
    )
