"""The day a new version of a process begins: old documents are finished the old way while they may, or made again."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.catalogue import gather
from shared.definitions import parse
from shared.settings import Settings
from shared.tasks import Refusal
from tests.support.company import raw
from tests.support.definitions import definition_text, step
from tests.support.facts import fact
from tests.support.office import Office, codes, verdicts
from tests.support.orders import submitted
from tests.support.waiting import at_once
from workers.intake.main import limits
from workers.intake.recreate import recreate

BEFORE = datetime(2026, 6, 15, 2, 0, tzinfo=UTC)
LAST_OLD = datetime(2026, 6, 30, 15, 59, tzinfo=UTC)
"""The last minute of June in Shanghai."""
FIRST_NEW = datetime(2026, 6, 30, 16, 0, tzinfo=UTC)
LAST_LEGACY = datetime(2026, 7, 31, 15, 59, tzinfo=UTC)
OVER = datetime(2026, 7, 31, 16, 0, tzinfo=UTC)
NANHAI = {"code": "C002", "name": "广州南海电器有限公司"}
AMPLE = {"requested_date": "2026-12-01", "customer": NANHAI, "creator": "sam"}


def version(number: int, **head: Any) -> str:
    steps = [
        step("check", activity="sales_review.check", roles=["sales_supervisor"]),
        step("finance", activity="finance.review", reaches="approved"),
    ]
    return definition_text(*steps, name="d08", version=number, sale_types=["domestic"], ends_in="ended", **head)


@pytest.fixture
def office(office: Office) -> Office:
    old = parse(version(1), "1.toml")
    new = parse(version(2, effective_from="2026-07-01", legacy_until="2026-07-31"), "2.toml")
    office.definitions = gather([old, new])
    return office


def returned(office: Office, external_id: str = "A", **changes: Any) -> str:
    """A document created before the new version, and sent back."""
    office.now = BEFORE
    (receipt,) = office.take(raw(external_id, **AMPLE, **changes))
    office.work()
    office.decide("disagree", reason="no credit", requested_change="less")
    office.work()
    return receipt.number or ""


def again(number: str, external_id: str = "A", **changes: Any) -> bytes:
    return fact("order_resubmitted", order=number, by="sam", document=submitted(external_id, **AMPLE, **changes))


def made_again(
    office: Office, number: str, person: str = "sam", changed: bytes | None = None
) -> tuple[Refusal | None, str | None]:
    with office.database.transaction() as session:
        refusal, new, batches = recreate(session, number, person, changed, limits(Settings()), office.rules, office.now)
    office.queue += batches
    return refusal, new


def pinned(office: Office) -> dict[str, str]:
    return dict(office.rows("select number, definition from core.orders join core.order_headers on order_id = id"))


@pytest.mark.requirement("PRC-06")
@pytest.mark.parametrize(("moment", "key"), [(LAST_OLD, "d08@1"), (FIRST_NEW, "d08@2")])
def test_a_version_applies_to_what_is_created_from_its_day_on(office: Office, moment: datetime, key: str) -> None:
    office.now = moment
    (receipt,) = office.take(raw("A", **AMPLE))
    assert pinned(office) == {receipt.number: key}


@pytest.mark.requirement("PRC-06", "PRC-07")
@pytest.mark.parametrize("moment", [BEFORE, FIRST_NEW, LAST_LEGACY])
def test_an_earlier_document_is_finished_the_old_way(office: Office, moment: datetime) -> None:
    number = returned(office)
    office.now = moment
    assert verdicts(office.report(again(number))) == ["accepted"]
    assert pinned(office) == {number: "d08@1"}
    office.work()
    office.decide("agree")
    office.work()
    assert office.states() == {"A": "ended"}
    office.assert_clean()


@pytest.mark.requirement("PRC-07")
def test_after_the_last_day_the_old_way_is_refused_and_says_what_to_do(office: Office) -> None:
    number = returned(office)
    office.now = OVER
    (receipt,) = office.report(again(number))
    assert codes(receipt) == {"definition": "definition.over"}
    assert "recreate" in receipt.errors[0].reason
    assert office.states() == {"A": "returned"}


@pytest.mark.requirement("PRC-06")
def test_an_earlier_document_cannot_choose_the_new_version(office: Office) -> None:
    """Naming the process gives it the version of its own day; one that began later is not there for it."""
    later = parse(definition_text(step("a"), name="later", effective_from="2026-07-01"), "later.toml")
    office.definitions = gather([*office.definitions.entries.values(), later])
    number = returned(office)
    office.now = FIRST_NEW
    (receipt,) = office.report(again(number, definition="later"))
    assert codes(receipt) == {"definition": "unknown_definition"}
    assert verdicts(office.report(again(number, definition="d08"))) == ["accepted"]
    assert pinned(office) == {number: "d08@1"}


@pytest.mark.requirement("PRC-07")
@pytest.mark.parametrize("moment", [FIRST_NEW, LAST_LEGACY, OVER])
def test_an_earlier_document_is_made_again_under_the_new_version(office: Office, moment: datetime) -> None:
    number = returned(office, customer_order_number="PO-7")
    office.now = moment
    refusal, new = made_again(office, number)
    assert refusal is None
    assert new not in (None, number)
    assert pinned(office) == {number: "d08@1", new: "d08@2"}
    assert office.states() == {"A": "replaced", f"replaces {number}": "in_review"}
    assert office.history(number)[-1] == "replaced"
    order, before = office.document(new), office.document(number)
    assert (order.lines, order.customer, order.creator) == (before.lines, before.customer, before.creator)
    assert order.customer_order_number == "PO-7"
    linked = office.rows(
        "select n.number, l.kind, o.number from core.links l join core.order_headers n on n.order_id = l.order_id"
        " join core.order_headers o on o.order_id = l.other_id"
    )
    assert linked == [(new, "replaces", number)]
    refusal, _ = made_again(office, number)
    assert refusal
    assert refusal.code == "recreation.state"
    office.work()
    office.assert_clean()


@pytest.mark.requirement("PRC-07")
def test_made_again_twice_at_once_there_is_one_new_order(office: Office) -> None:
    number = returned(office)
    office.now = FIRST_NEW
    answers: list[tuple[Refusal | None, str | None]] = []
    at_once(*[lambda: answers.append(made_again(office, number))] * 3)
    assert sorted(refusal.code if refusal else "" for refusal, _ in answers) == ["", *["recreation.state"] * 2]
    assert office.count("core.links", "kind = 'replaces'") == 1
    office.work()
    office.assert_clean()


@pytest.mark.requirement("PRC-07", "WHS-02")
def test_one_in_review_is_made_again_and_what_it_held_is_given_back(office: Office) -> None:
    """With its open task at finance closed, and nothing of it left in anybody's queue."""
    office.now = BEFORE
    (receipt,) = office.take(raw("A", **AMPLE))
    office.work()
    office.now = FIRST_NEW
    refusal, new = made_again(office, receipt.number or "")
    assert (refusal, bool(new)) == (None, True)
    office.work()
    assert office.states()["A"] == "replaced"
    sql = "select number from core.user_tasks join core.order_headers using (order_id) where status = 'open'"
    assert office.rows(sql) == [(new,)]
    office.assert_clean()


@pytest.mark.requirement("PRC-07", "AUD-01")
def test_who_may_not_and_what_needs_not_is_refused_and_recorded(office: Office) -> None:
    number = returned(office)
    assert made_again(office, number)[0] == Refusal(
        "recreation.not_needed", {"order": number, "state": "returned", "key": "d08@1"}
    )
    office.now = FIRST_NEW
    for person, code in (("fiona", "recreation.creator"), ("sam", "")):
        refusal, _ = made_again(office, number, person)
        assert (refusal.code if refusal else "") == code
    assert made_again(office, "SO-1")[0] == Refusal("order.unknown", {"order": "SO-1"})
    assert office.rows("select actor, action, data->>'refused' from core.audit_log order by id") == [
        ("sam", "order.recreate", "recreation.not_needed"),
        ("fiona", "order.recreate", "recreation.creator"),
    ]


@pytest.mark.requirement("PRC-07", "ENT-02")
def test_a_document_that_no_longer_passes_is_made_again_with_what_must_change(office: Office) -> None:
    office.now = BEFORE
    (receipt,) = office.take(raw("A", **AMPLE | {"requested_date": "2026-07-02"}, customer_order_number="PO-7"))
    number = receipt.number or ""
    office.now = OVER
    refusal, new = made_again(office, number)
    assert refusal
    assert (refusal.code, new) == ("recreation.faults", None)
    assert "requested_date" in refusal.values["faults"]
    assert office.states() == {"A": "in_review"}
    assert office.rows("select customer_order_number from core.order_headers") == [("PO-7",)]
    assert made_again(office, number, changed=b"{")[0]
    changed = submitted("anything", **AMPLE | {"requested_date": "2026-12-24"}, customer_order_number="PO-7")
    refusal, new = made_again(office, number, changed=json.dumps(changed).encode())
    assert (refusal, bool(new)) == (None, True)
    assert office.document(new).requested_date.isoformat() == "2026-12-24"
    office.work()
    assert office.states()["A"] == "replaced"
    office.assert_clean()


@pytest.mark.requirement("PRC-07", "INT-03")
@pytest.mark.parametrize(("total", "goes_over"), [("400.00", True), ("1.00", False)])
def test_the_quotation_goes_over_to_the_order_that_is_made_again(office: Office, total: str, goes_over: bool) -> None:
    with office.database.transaction() as session:
        session.write(QUOTATION)
    number = returned(office, quotation="QT-1")
    office.now = FIRST_NEW
    changed = json.dumps(submitted("A", **AMPLE, quotation="QT-1", total=total)).encode()
    refusal, new = made_again(office, number, changed=changed)
    assert (refusal is None) == goes_over
    assert office.rows("select h.number from core.quotation_uses join core.order_headers h using (order_id)") == [
        (new if goes_over else number,)
    ]
    office.assert_clean()


QUOTATION = """
insert into sales_review.quotations
    (number, customer, currency, description, made_by, made_at, expires_on, accepted_at, accepted_by)
values ('QT-1', 'C002', 'CNY', '', 'sam', '2026-06-01', '2026-07-30', '2026-06-02', '张三')
"""
