"""The customer database against a real PostgreSQL: classes from the archive, potential, reviews."""

import json
import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from shared import policy
from shared.database import Database
from shared.ids import new_id
from tests.support.journey import hire
from tests.support.office import Office
from tests.support.orders import NOW
from tests.support.terminal import Run, answered, run, said
from workers.sales_review.customers import override, reclassify, reclassify_daily, review

__all__ = ["run"]
POLICY = policy.load().get("standard@1")
CLASSES = "select customer, class from sales_review.customer_list order by customer"


def bought(database: Database, *sales: tuple[str, int, str], at: datetime = NOW) -> None:
    """Archived orders: customer, minor units, currency."""
    with database.transaction() as session:
        for customer, total, currency in sales:
            session.write(
                "insert into after_sales.archive (order_id, customer, currency, total_minor, archived_at)"
                " values (%s, %s, %s, %s, %s)",
                new_id(), customer, currency, total, at,
            )  # fmt: skip


@pytest.fixture
def company(office: Office) -> Office:
    """Ten customers, K00 to K09, beside those who are there."""
    hire(office)
    with office.database.transaction() as session:
        session.write(
            "insert into sales_review.customers"
            " (code, name_zh, name_en, country, region, address, contact_name, sale_type)"
            " select 'K0' || n, 'k', 'k', 'CN', '', '', '', 'domestic' from generate_series(0, 9) n"
        )
    return office


def classes_of(office: Office) -> dict[str, str]:
    return dict(office.rows(CLASSES))


def classified(office: Office, now: datetime = NOW) -> int:
    with office.database.transaction() as session:
        return reclassify(session, POLICY, now)


@pytest.mark.requirement("CRM-01")
def test_classes_follow_the_sales_of_the_last_months_in_one_currency(company: Office) -> None:
    bought(company.database, ("K01", 8_000, "CNY"), ("K02", 1_500, "CNY"), ("K03", 500, "CNY"))
    bought(company.database, ("K04", 1_000_000, "CNY"), at=NOW - timedelta(days=366))  # too long ago
    assert classified(company) >= 3
    classes = classes_of(company)
    assert [classes[f"K0{n}"] for n in range(1, 6)] == ["A", "B", "C", "C", "C"]
    assert classified(company) == 0  # nothing has changed
    bought(company.database, ("K03", 20_000, "USD"))  # worth far more in yuan
    assert classified(company) >= 1
    assert classes_of(company)["K03"] == "A"
    lines = company.rows("select data from core.audit_log where action = 'customer.classified' and subject = 'K03'")
    assert [(json.loads(line)["from"], json.loads(line)["to"]) for (line,) in lines] == [(None, "C"), ("C", "A")]


@pytest.mark.requirement("CRM-01")
def test_potential_goes_before_sales_with_a_reason_by_who_may(company: Office) -> None:
    bought(company.database, ("K01", 100, "CNY"))
    classified(company)

    def tried(person: str, customer: str, class_: str | None, reason: str) -> str | None:
        with company.database.transaction() as session:
            refused = override(session, person, customer, class_, reason, NOW)
        return refused.code if refused else None

    assert tried("salesperson.1", "K02", "A", "明年有大项目") == "person.role"
    assert tried("sales_manager.1", "K02", "A", " ") == "customer.no_reason"
    assert tried("sales_manager.1", "K99", "A", "x") == "customer.unknown"
    assert classes_of(company)["K02"] == "C"
    assert tried("sales_manager.1", "K02", "A", "明年有大项目") is None
    classified(company)
    assert classes_of(company)["K02"] == "A"
    assert tried("market_manager.1", "K02", None, "项目取消") is None
    assert classes_of(company)["K02"] == "C"
    noted = company.rows("select actor from core.audit_log where action = 'customer.override' order by id")
    assert [actor for (actor,) in noted] == [
        "salesperson.1", "sales_manager.1", "sales_manager.1", "sales_manager.1", "market_manager.1",
    ]  # fmt: skip
    with pytest.raises(psycopg.errors.CheckViolation), company.database.transaction() as session:
        session.write("update sales_review.customers set class_override = 'D'")


@pytest.mark.requirement("CRM-01")
def test_it_is_done_once_a_day(company: Office) -> None:
    bought(company.database, ("K01", 100, "CNY"))

    def daily(now: datetime) -> int:
        with company.database.transaction() as session:
            return reclassify_daily(session, POLICY, now)

    assert daily(NOW) > 0
    bought(company.database, ("K02", 100_000, "CNY"))
    assert daily(NOW + timedelta(hours=1)) == 0
    assert daily(NOW + timedelta(days=1)) > 0


@pytest.mark.requirement("CRM-03")
def test_records_that_nobody_looked_at_are_listed_until_somebody_does(company: Office, run: Run) -> None:
    with company.database.transaction() as session:
        session.write("update sales_review.customers set reviewed_at = now() - interval '13 months' where code = 'K01'")
    assert [each["customer"] for each in answered(run("customer", "list", "--to-review", "--json"))] == ["K01"]
    assert run("customer", "review", "K01", "--as", "finance_clerk.1").exit_code == 1
    assert run("customer", "review", "K01", "--as", "salesperson.1").exit_code == 0
    assert answered(run("customer", "list", "--to-review", "--json")) == []
    with company.database.transaction() as session:
        refused = review(session, "salesperson.1", "K99", NOW)
    assert refused is not None
    assert refused.code == "customer.unknown"


@pytest.mark.requirement("CRM-01", "CRM-03", "CRM-04")
def test_customers_by_command(company: Office, run: Run) -> None:
    bought(company.database, ("K01", 100, "CNY"), at=datetime.now(UTC))
    assert "有变化" in said(run("customer", "classify", "--lang", "zh"))
    assert [each["customer"] for each in answered(run("customer", "list", "--class", "A", "--json"))] == ["K01"]
    assert run("customer", "potential", "K02", "B", "--as", "sales_manager.1", "--reason", "新项目").exit_code == 0
    shown = answered(run("customer", "show", "K02", "--json"))
    assert (shown["class"], shown["by_sales"], shown["override_reason"], shown["cases"]) == ("B", "C", "新项目", 0)
    assert "新项目" in said(run("customer", "show", "K02"))
    assert run("customer", "show", "K99").exit_code == 1
    assert run("customer", "list", "--class", "D").exit_code == 2


@pytest.mark.requirement("CRM-01")
def test_a_hundred_thousand_customers_are_classified_at_once(company: Office) -> None:
    with company.database.transaction() as session:
        session.write(
            "insert into sales_review.customers"
            " (code, name_zh, name_en, country, region, address, contact_name, sale_type)"
            " select 'L' || n, 'k', 'k', 'CN', '', '', '', 'domestic' from generate_series(1, 100000) n"
        )
        session.write(
            "insert into after_sales.archive (order_id, customer, currency, total_minor, archived_at)"
            " select gen_random_uuid(), 'L' || n, 'CNY', n, %s from generate_series(1, 100000) n",
            NOW,
        )
    began = time.monotonic()
    assert classified(company) >= 100_000
    print(f"100,000 customers classified in {time.monotonic() - began:.1f} s")
    counts: dict[str, int] = dict(
        company.rows(
            "select class, count(*) from sales_review.customers where name_zh = 'k' and code >= 'L' group by class"
        )
    )
    assert counts["A"] < counts["B"] + counts["A"] < 100_000
