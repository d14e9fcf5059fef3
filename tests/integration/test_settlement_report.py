"""结算统计 over real vouchers and invoices: every total is the sum of its documents, and nothing is left out."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from shared import rulebook
from shared.database import Database
from tests.support.finance import FinanceWorld
from tests.support.orders import NOW, an_order
from workers.reports.report import Period, Report
from workers.reports.settlement import AMOUNTS, GROUPS, by


def read(world: FinanceWorld, group: str, period: Period | None = None) -> Report:
    with world.database.transaction() as session:
        return by(group)(session, rulebook.read(session), period or Period(), NOW)


def summed(lines: Any, name: str, currency: str) -> Decimal:
    return sum((each[name] for each in lines if each["currency"] == currency), Decimal(0))


@pytest.mark.requirement("RPT-01")
def test_totals_are_the_sums_of_vouchers_and_invoices_however_they_are_grouped(database: Database) -> None:
    world = FinanceWorld(database)
    world.account()
    world.account("C002", currency="USD")
    cancelled, others = an_order(), [an_order(), an_order(customer={"code": "C002", "name": "北京"}, currency="USD")]
    world.go(cancelled, *others)
    world.cancel(cancelled)
    booked = """
        select currency, count(*), sum(receivable_minor)::bigint, sum(revenue_minor)::bigint,
            sum(output_tax_minor)::bigint from finance.vouchers group by currency order by currency
    """
    invoiced = "select currency, sum(amount_minor)::bigint from finance.invoices group by currency order by currency"
    vouchers = world.rows(booked)
    invoices: dict[str, int] = dict(world.rows(invoiced))
    assert {row[0] for row in vouchers} == {"CNY", "USD"}
    for group in GROUPS:
        found = read(world, group)
        for currency, count, *amounts in vouchers:
            documents = [each for each in found.documents if each["currency"] == currency]
            assert len(documents) == count == sum(e["count"] for e in found.totals if e["currency"] == currency)
            expected = [Decimal(minor) / 100 for minor in (*amounts, invoices[currency])]
            assert [summed(found.totals, name, currency) for name in AMOUNTS] == expected
            assert [summed(found.documents, name, currency) for name in AMOUNTS] == expected
    assert [each["group"] for each in read(world, "month").totals] == ["2026-06", "2026-06"]
    assert [each["group"] for each in read(world, "customer").totals] == ["C001", "C002"]
    assert read(world, "month", Period(until=date(2026, 6, 14))).documents == []
    assert len(read(world, "month", Period(date(2026, 6, 15), date(2026, 6, 15))).documents) == 4
