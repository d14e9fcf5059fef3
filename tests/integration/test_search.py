"""Whatever was ordered is found again, also when it is long finished (AUD-02)."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from shared.database import Database, Session
from shared.search import NO_WHOLE_TABLES, Search, find_orders, query
from tests.support.multitude import many_orders

pytestmark = pytest.mark.requirement("AUD-02")
COUNT = 5_000


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    many_orders(database, COUNT)
    with database.transaction() as opened:
        yield opened


def numbers(session: Session, limit: int = COUNT, **looked_for: Any) -> list[int]:
    """Of the orders found; they are numbered from 1 as they came in, one a minute."""
    return [int(each["number"].removeprefix("SO-")) for each in find_orders(session, Search(**looked_for), limit)]


def every(condition: Any) -> list[int]:
    return [n for n in range(COUNT, 0, -1) if condition(n)]


def test_everything_is_found_by_what_it_has(session: Session) -> None:
    assert numbers(session, limit=3) == [COUNT, COUNT - 1, COUNT - 2]  # the newest first
    assert numbers(session, number="SO-17") == [17]
    assert numbers(session, external_id="X-18") == [18]
    assert numbers(session, customer="C7") == every(lambda n: n % 100 == 7)
    assert numbers(session, product="P42") == every(lambda n: n % 1000 == 42)
    assert numbers(session, state="in_review") == every(lambda n: n % 1000 >= 990)
    assert numbers(session, kind="contract", state="archived") == every(lambda n: n % 100 == 0)
    assert numbers(session, sale_type="foreign") == every(lambda n: n % 10 == 0)
    assert numbers(session, product="P42", customer="C42", sale_type="foreign") == []
    assert numbers(session, number="SO-0") == numbers(session, external_id="X") == numbers(session, product="P") == []


def test_days_are_days_of_business_and_both_are_included(session: Session) -> None:
    """Order 1440 came in at midnight in Shanghai, when the second day begins."""
    assert numbers(session, until=date(2020, 1, 1)) == [*range(1439, 0, -1)]
    assert numbers(session, since=date(2020, 1, 2), until=date(2020, 1, 2)) == [*range(2879, 1439, -1)]
    assert numbers(session, since=date(2020, 1, 4)) == [*range(COUNT, 4319, -1)]


def test_amounts_are_of_the_base_currency_or_of_the_one_named_and_both_are_included(session: Session) -> None:
    assert numbers(session, at_least_minor=100_000, at_most_minor=100_100) == [1001, 1000]
    assert numbers(session, at_least_minor=100_000, at_most_minor=102_000, currency="USD") == [1020, 1010, 1000]
    assert numbers(session, at_most_minor=99) == []


@pytest.mark.parametrize(
    ("looked_for", "index"),
    [
        ({"number": "SO-1"}, "uq_order_headers_number"),
        ({"external_id": "X-1"}, "uq_order_headers_source_external_id"),
        ({"customer": "C7"}, "ix_order_headers_customer_order_id"),
        ({"product": "P42"}, "ix_order_documents_products"),
        ({"since": date(2020, 1, 2), "until": date(2020, 1, 2)}, "ix_order_headers_created_at"),
        ({"state": "in_review"}, "pk_orders"),
        ({"at_least_minor": 5, "at_most_minor": 9}, "pk_orders"),
        ({}, "pk_order_headers"),
    ],
)
def test_no_search_reads_a_table_from_end_to_end(session: Session, looked_for: dict[str, Any], index: str) -> None:
    sql, values = query(Search(**looked_for), 50)
    for setting in NO_WHOLE_TABLES:
        session.write(setting)
    plan = [row[0] for row in session.rows(f"explain {sql}", *values)]
    assert any(index in line for line in plan), plan
    assert not any("Seq Scan" in line for line in plan), plan
