"""Inquiries: recorded, answered with the time, listed while they wait, overdue after one working day."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared import policy
from shared.calendar import NO_OVERRIDES
from tests.support.office import Office
from workers.sales_review import inquiries

POLICY = policy.load().get("standard@1")
MONDAY = datetime(2026, 6, 15, 2, 0, tzinfo=UTC)
DUE = datetime(2026, 6, 16, 10, 0, tzinfo=UTC)
"""Close of business in Shanghai on the next working day."""


def ask(office: Office, **changes: Any) -> tuple[str | None, str | None]:
    given: dict[str, Any] = {
        "customer": "C001", "about": "price", "question": "P001 百台价格?", "product": "P001", "person": "sam",
    }  # fmt: skip
    with office.database.transaction() as session:
        number, refused = inquiries.add(session, **given | changes, policy=POLICY, overrides=NO_OVERRIDES, now=MONDAY)
    return number, refused.code if refused else None


def answer(office: Office, number: str, text: str, at: datetime = MONDAY, person: str = "sam") -> str | None:
    with office.database.transaction() as session:
        refused = inquiries.answer(session, number, text, person, at)
    return refused.code if refused else None


def listed(office: Office, now: datetime = MONDAY, *, unanswered: bool = False, overdue: bool = False) -> list[str]:
    with office.database.transaction() as session:
        found = inquiries.find(session, now=now, unanswered=unanswered, overdue=overdue, customer=None, limit=10)
    return [each["number"] for each in found]


@pytest.mark.requirement("INT-02")
def test_an_inquiry_is_recorded_with_its_answer_and_answer_time(office: Office) -> None:
    number, _ = ask(office)
    assert number == "IQ-20260615-000001"
    assert answer(office, number, "95 元", MONDAY + timedelta(hours=3)) is None
    with office.database.transaction() as session:
        (found,) = inquiries.find(session, now=MONDAY, unanswered=False, overdue=False, customer="C001", limit=10)
    assert (found["answer"], found["answered_by"], found["answered_at"]) == (
        "95 元",
        "sam",
        MONDAY + timedelta(hours=3),
    )


@pytest.mark.requirement("INT-02")
def test_unanswered_ones_are_listed_and_overdue_after_one_working_day(office: Office) -> None:
    first, _ = ask(office)
    second, _ = ask(office, about="delivery", product=None)
    assert first
    assert second
    assert answer(office, first, "95 元") is None
    assert listed(office) == [second, first]
    assert listed(office, unanswered=True) == [second]
    assert listed(office, DUE, overdue=True) == []
    assert listed(office, DUE + timedelta(microseconds=1), overdue=True) == [second]


@pytest.mark.requirement("INT-02")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"about": "weather"}, "inquiry.about"),
        ({"question": " "}, "inquiry.empty"),
        ({"customer": ""}, "inquiry.empty"),
    ],
)
def test_an_inquiry_says_what_it_is_about(office: Office, changes: dict[str, str], code: str) -> None:
    assert ask(office, **changes) == (None, code)
    assert office.count("sales_review.inquiries") == 0


@pytest.mark.requirement("INT-02")
def test_the_first_answer_counts_and_an_empty_one_is_none(office: Office) -> None:
    number, _ = ask(office)
    assert number
    assert answer(office, number, "  ") == "inquiry.no_answer"
    assert answer(office, number, "95 元", person="nobody") == "person.unknown"
    assert answer(office, number, "95 元") is None
    assert answer(office, number, "94 元") == "inquiry.answered"
    assert answer(office, "IQ-1", "95 元") == "inquiry.unknown"
    assert office.count("core.audit_log", "action = 'inquiry.answer'") == 4


@pytest.mark.requirement("INT-02", "AUD-01")
@pytest.mark.parametrize(("person", "code"), [("wei", "person.role"), ("nobody", "person.unknown")])
def test_only_who_speaks_with_customers_records_and_answers_and_who_tried_is_on_record(
    office: Office, person: str, code: str
) -> None:
    number, _ = ask(office)
    assert number
    assert ask(office, person=person) == (None, code)
    assert answer(office, number, "95 元", person=person) == code
    tried = office.rows("select action, subject, actor, data ->> 'refused' from core.audit_log order by id")
    assert tried == [("inquiry.add", "C001", person, code), ("inquiry.answer", number, person, code)]
    assert office.count("sales_review.inquiries", "answer is null") == 1
