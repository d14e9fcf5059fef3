"""One submission that cannot be stored does not hold up the stream that it came on."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from messages.batch import Batch
from shared.database import Database, Session
from shared.rulebook import Rulebook, rulebook
from tests.support.company import load_company
from tests.support.orders import submitted
from workers.intake.accept import Receipt, Verdict, accept_orders
from workers.intake.parse import Limits, Submission
from workers.intake.take import take

LIMITS = Limits(1_000_000, 32)


def deliveries(count: int) -> list[Submission]:
    soon = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    return [Submission(json.dumps(submitted(f"X-{n}", requested_date=soon)).encode(), "test") for n in range(count)]


def accept_but_one(
    session: Session, submissions: Sequence[Submission], limits: Limits, rules: Rulebook, now: datetime
) -> tuple[list[Receipt], list[Batch]]:
    if any(b'"X-5"' in each.raw for each in submissions):
        raise RuntimeError("this one breaks whatever touches it")
    return accept_orders(session, submissions, limits, rules, now)


@pytest.mark.requirement("PLT-04")
def test_the_culprit_is_set_aside_and_its_neighbours_are_accepted(database: Database, tmp_path: Path) -> None:
    load_company(database, tmp_path)
    published: list[Batch] = []
    receipts = take(database, published.extend, accept_but_one, deliveries(9), LIMITS, rulebook())
    assert [receipt.verdict for receipt in receipts] == [
        Verdict.REFUSED if n == 5 else Verdict.ACCEPTED for n in range(9)
    ]
    assert sum(batch.size for batch in published) == 8
    with database.transaction() as session:
        assert session.rows("select convert_from(raw, 'UTF8')::json ->> 'external_id' from core.refusals") == [("X-5",)]


def test_while_the_database_is_away_nothing_is_set_aside(database: Database, tmp_path: Path) -> None:
    load_company(database, tmp_path)

    def away(*_: object) -> tuple[list[Receipt], list[Batch]]:
        raise psycopg.OperationalError("the server closed the connection")

    published: list[Batch] = []
    with pytest.raises(psycopg.OperationalError):
        take(database, published.extend, away, deliveries(3), LIMITS, rulebook())
    with database.transaction() as session:
        assert session.row("select count(*) from core.refusals") == (0,)
