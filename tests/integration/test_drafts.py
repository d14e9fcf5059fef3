"""Drafts: saved as far as they are filled in, numbered at once and for ever, submitted once by their creator."""

import json
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from typing import Any

import pytest

from shared.database import open_database
from shared.settings import Settings
from tests.support.office import LIMITS, Office, codes
from tests.support.orders import NOW, submitted
from tests.support.waiting import at_once
from workers.intake import drafts
from workers.intake.accept import Receipt, Verdict

LEAST = {"customer": {"code": "C001"}, "sale_type": "domestic"}
OURS = ("source", "external_id", "creator")


def whole(**changes: Any) -> dict[str, Any]:
    """A draft that may be submitted."""
    return {name: value for name, value in submitted(**changes).items() if name not in OURS}


def save(office: Office, body: dict[str, Any], person: str = "sam", number: str | None = None) -> str:
    with office.database.transaction() as session:
        saved, faults, refused = drafts.save(session, person, body, LIMITS, office.now, number)
    assert saved, (faults, refused)
    return saved


def wrong(office: Office, body: dict[str, Any]) -> dict[str, str]:
    """Why it is not saved."""
    with office.database.transaction() as session:
        saved, faults, _ = drafts.save(session, "sam", body, LIMITS, office.now)
    assert saved is None
    return {fault.field: fault.code for fault in faults}


def submit(office: Office, number: str, person: str = "sam") -> tuple[Receipt | None, str | None]:
    with office.database.transaction() as session:
        receipt, refused, batches = drafts.submit(session, person, number, LIMITS, office.rules, office.now)
    office.queue += batches
    return receipt, refused.code if refused else None


@pytest.mark.requirement("ENT-01", "ENT-05")
def test_a_draft_needs_customer_and_sale_type_only_and_has_its_number_at_once(office: Office) -> None:
    number = save(office, LEAST)
    assert number == "SO-20260615-000001"
    with office.database.transaction() as session:
        (listed,) = drafts.find(session, "sam", 10)
        found = drafts.whole(session, number)
    assert (listed["number"], listed["customer"], listed["sale_type"]) == (number, "C001", "domestic")
    assert found is not None
    assert found["body"] == LEAST
    assert office.count("core.order_headers") == 0


@pytest.mark.requirement("ENT-01", "ENT-02", "PRC-03")
@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, {"customer": "missing", "sale_type": "missing"}),
        ({"customer": {}, "sale_type": "export"}, {"customer.code": "missing", "sale_type": "enum"}),
        ({"customer": {"code": "C404"}, "sale_type": "domestic"}, {"customer.code": "unknown_customer"}),
        (
            LEAST | {"channel": "pigeon", "lines": [{"product": "P001", "quantity": 0}], "colour": "red"},
            {"channel": "enum", "lines.0.quantity": "greater_than", "colour": "extra_forbidden"},
        ),
        (LEAST | {"creator": "fiona"}, {"creator": "not_yours"}),
    ],
)
def test_what_a_draft_says_wrongly_is_told_all_at_once_and_not_saved(
    office: Office, body: dict[str, Any], faults: dict[str, str]
) -> None:
    assert wrong(office, body) == faults
    assert office.count("core.drafts") == 0
    assert office.count("core.numbers") == 0


@pytest.mark.requirement("ENT-01", "APR-01", "ENT-05")
def test_submitting_names_everything_that_is_missing_and_stores_nothing(office: Office) -> None:
    number = save(office, LEAST | {"lines": [{"product": "P404", "quantity": 1}], "requested_date": "2026-06-14"})
    receipt, _ = submit(office, number)
    assert receipt is not None
    assert receipt.verdict is Verdict.REFUSED
    assert codes(receipt) == {
        "customer.name": "missing",
        "contact": "missing",
        "delivery": "missing",
        "channel": "missing",
        "entry_system": "missing",
        "currency": "missing",
        "lines.0.unit_price": "missing",
        "total": "missing",
        "requested_date": "in_the_past",
        "payment": "missing",
    }
    assert office.count("core.orders") == 0
    assert save(office, whole(), number=number) == number
    receipt, _ = submit(office, number)
    assert receipt is not None
    assert (receipt.verdict, receipt.number) == (Verdict.ACCEPTED, number)
    office.work()
    assert office.document(number).creator == "sam"
    assert office.rows("select count(*) from core.drafts where submitted_at = %s", NOW) == [(1,)]
    office.assert_clean()


@pytest.mark.requirement("APR-01")
def test_only_the_creator_edits_submits_and_deletes(office: Office) -> None:
    number = save(office, whole())
    assert submit(office, number, "fiona") == (None, "draft.creator")
    with office.database.transaction() as session:
        _, _, refused = drafts.save(session, "fiona", LEAST, LIMITS, office.now, number)
        assert refused is not None
        assert refused.code == "draft.creator"
        refused = drafts.delete(session, "fiona", number, office.now)
        assert refused is not None
        assert refused.code == "draft.creator"
    assert submit(office, number, "nobody") == (None, "person.unknown")
    assert submit(office, "SO-20260615-999999") == (None, "draft.unknown")
    assert office.count("core.orders") == 0
    told = [json.loads(row[0])["refused"] for row in office.rows("select data from core.audit_log order by id")]
    assert sorted(told) == ["draft.creator"] * 3 + ["draft.unknown", "person.unknown"]


@pytest.mark.requirement("APR-01", "ENT-09")
def test_a_second_submit_is_refused_and_starts_no_second_round(office: Office) -> None:
    number = save(office, whole())
    submit(office, number)
    office.work()
    before = office.history(number)
    assert submit(office, number) == (None, "draft.submitted")
    with office.database.transaction() as session:
        _, _, refused = drafts.save(session, "sam", LEAST, LIMITS, office.now, number)
    assert refused is not None
    assert refused.code == "draft.submitted"
    office.work()
    assert office.history(number) == before
    with office.database.transaction() as session:
        assert drafts.find(session, None, 10) == []


@pytest.mark.requirement("APR-01")
def test_submitting_at_once_makes_one_order(office: Office) -> None:
    number = save(office, whole())
    answers: list[tuple[Receipt | None, str | None]] = []
    at_once(*[lambda: answers.append(submit(office, number))] * 6)
    assert [refused for _, refused in answers].count(None) == 1
    assert {refused for _, refused in answers if refused} == {"draft.submitted"}
    assert office.rows("select number from core.order_headers") == [(number,)]


@pytest.mark.requirement("ENT-05")
def test_the_number_of_a_deleted_draft_is_never_used_again(office: Office) -> None:
    first = save(office, LEAST)
    with office.database.transaction() as session:
        assert drafts.delete(session, "sam", first, office.now) is None
    second = save(office, whole())
    receipt, _ = submit(office, second)
    (direct,) = office.take(json.dumps(submitted("X-9")).encode())
    assert receipt is not None
    numbers = [first, receipt.number, direct.number]
    assert numbers == [f"SO-20260615-{place:06}" for place in (1, 2, 3)]


def _save_many(url: str, count: int) -> list[str]:
    """In a process of its own: save drafts, delete every third of them."""
    opened = open_database(url, Settings(), pool=2)
    numbers = []
    for place in range(count):
        with opened.transaction() as session:
            number, _, _ = drafts.save(session, "sam", LEAST, LIMITS, datetime.now(UTC))
            assert number is not None
            if place % 3 == 0:
                drafts.delete(session, "sam", number, datetime.now(UTC))
        with opened.transaction() as session:  # what was answered is there
            kept = session.row("select 1 from core.drafts where number = %s", number)
            assert (kept is None) == (place % 3 == 0)
        numbers.append(number)
    opened.close()
    return numbers


@pytest.mark.requirement("ENT-05")
def test_many_processes_saving_share_no_number(office: Office, database_url: str) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        found = [pool.submit(_save_many, database_url, 30) for _ in range(4)]
        numbers = [number for each in found for number in each.result(timeout=120)]
    assert len(numbers) == len({*numbers}) == 120
    assert office.count("core.drafts") == 80
