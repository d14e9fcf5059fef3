"""Domestic orders under U8.90 (D8): the order's approval, and the same of its delivery note."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.comments import comment
from shared.database import Database
from shared.purge import purge
from shared.runtime import release
from shared.tasks import AGREE, DISAGREE
from tests.support.company import load_company, raw
from tests.support.definitions import step
from tests.support.facts import fact
from tests.support.journey import CREATOR, Journey, hire
from tests.support.notes import NoteJourney
from tests.support.office import Office, codes
from tests.support.orders import NOW

D08 = ["supervisor", "hand_over", "finance"]
BEFORE_NOTE = ["release", "reserve", "prepare", "plan"]
AFTER_NOTE = ["note", "ship", "receipt", "settle", "archive"]
DATED: dict[str, Any] = {"reply_date": "2026-07-10"}
"""The real delivery date of a domestic order (ENT-06)."""
PLACE = {"address": "上海市浦东新区世纪大道2号仓库", "country": "CN", "region": "上海"}


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    load_company(database, tmp_path)
    office = Office(database)
    hire(office)
    return office


def hand_over(journey: Journey) -> None:
    journey.tell("paper_handed_over", by=CREATOR, to="finance_clerk.2", fact_id=f"paper-{journey.round()}")
    journey.office.work()


def approved(office: Office, **changes: Any) -> Journey:
    """An order that passed its own approval and is now waiting for its note's."""
    journey = Journey.begin(office, "d08_u8_domestic", **DATED | changes)
    office.work()
    approve(journey)
    return journey


def approve(journey: Journey) -> None:
    journey.decide(AGREE)
    journey.office.work()
    hand_over(journey)
    journey.decide(AGREE)
    journey.office.work()


def deliver(journey: Journey) -> None:
    """Everything that comes after shipping."""
    journey.go_on()


@pytest.mark.requirement("PRC-02", "FIN-06", "LOG-03", "ENT-08")
def test_order_and_note_visit_exactly_the_steps_of_d8_in_their_order(office: Office) -> None:
    journey = Journey.begin(office, "d08_u8_domestic", **DATED)
    office.work()
    assert journey.visited() == []
    journey.decide(AGREE)
    office.work()
    assert (journey.visited(), journey.task()) == (["supervisor"], None), (
        "finance is not asked before the paper is there"
    )
    hand_over(journey)
    assert (journey.visited(), journey.state()) == (D08[:2], "in_review")
    journey.decide(AGREE)
    office.work()
    assert journey.visited() == [*D08, *BEFORE_NOTE]
    assert journey.steps()[2] == ("finance", "finance_clerk.1")

    note = NoteJourney.of(journey)
    assert (journey.state(), note.state()) == ("prepared", "in_review")
    assert office.count("logistics.shipments") == 0
    note.decide()
    note.hand_over()
    assert (note.state(), journey.visited()[-1]) == ("in_review", "plan"), "not before finance has agreed to the note"
    note.decide()
    assert (journey.state(), note.state()) == ("shipped", "archived")
    assert [step for step, _ in note.steps()] == [*D08, "leave"]
    assert note.steps()[2] == ("finance", "finance_clerk.1")

    deliver(journey)
    assert journey.visited() == [*D08, *BEFORE_NOTE, *AFTER_NOTE]
    assert journey.state() == "archived"
    shipped = office.rows("select note, carrier from logistics.shipments")
    assert shipped == [(note.number, "SF")], "the goods left on the very note that was approved"
    assert office.count("logistics.delivery_notes") == 1
    assert office.count("core.links", "kind = 'note_of'") == 1
    office.assert_clean()


@pytest.mark.requirement("PRC-02", "APR-08", "APR-09", "FIN-06")
def test_finance_refuses_the_order_which_is_modified_and_begins_again(office: Office) -> None:
    journey = Journey.begin(office, "d08_u8_domestic", **DATED)
    office.work()
    journey.decide(AGREE)
    office.work()
    hand_over(journey)
    journey.decide(DISAGREE)
    office.work()
    assert (journey.state(), journey.task()) == ("returned", None)
    journey.resubmit(raw(creator=CREATOR, definition="d08_u8_domestic", special_requirements="加固包装", **DATED))
    assert (journey.round(), journey.visited(2)) == (2, [])
    approve(journey)
    assert journey.visited(2) == [*D08, *BEFORE_NOTE], "from the supervisor on, whatever was agreed to before"
    NoteJourney.of(journey).approve()
    deliver(journey)
    assert journey.visited(2) == [*D08, *BEFORE_NOTE, *AFTER_NOTE]
    office.assert_clean()


@pytest.mark.requirement("LOG-03", "APR-08", "APR-09", "FIN-06")
@pytest.mark.parametrize("at", ["supervisor", "finance"])
def test_a_refused_note_goes_back_to_its_creator_and_begins_again(office: Office, at: str) -> None:
    journey = approved(office)
    note = NoteJourney.of(journey)
    if at == "finance":
        note.decide()
        note.hand_over()
    note.decide(DISAGREE)
    assert (note.state(), journey.state()) == ("returned", "prepared")
    assert office.count("logistics.shipments") == 0
    for by, carrier, code in (
        ("fiona", "SF", {"by": "not_creator"}),
        (CREATOR, "NOBODY", {"carrier": "unknown_carrier"}),
    ):
        refused = note.tell("delivery_note_resubmitted", by=by, delivery=PLACE, carrier=carrier)
        assert codes(refused) == code
    assert note.state() == "returned"
    receipt = note.tell("delivery_note_resubmitted", by=CREATOR, delivery=PLACE, carrier="SF", remarks="走货梯")
    assert (receipt.verdict, note.state()) == ("accepted", "in_review")
    again = note.tell("delivery_note_resubmitted", by=CREATOR, delivery=PLACE, carrier="SF")
    assert codes(again) == {"order": "not_returned"}
    note.approve()
    assert [step for step, _ in note.steps(2)] == [*D08, "leave"]
    assert (journey.state(), note.state()) == ("shipped", "archived")
    assert office.rows("select address, carrier from logistics.delivery_notes") == [(PLACE["address"], "SF")]
    office.assert_clean()


@pytest.mark.requirement("LOG-03")
def test_an_order_is_no_delivery_note(office: Office) -> None:
    journey = approved(office)
    body = fact("delivery_note_resubmitted", order=journey.number, by=CREATOR, delivery=PLACE)
    assert codes(office.report(body)[0]) == {"order": "no_delivery_note"}


@pytest.mark.requirement("LOG-03", "APR-12", "APR-17")
def test_the_notes_tasks_have_the_orders_deadline_and_its_creator_never_decides(office: Office) -> None:
    journey = approved(office)
    note = NoteJourney.of(journey)
    rows = office.rows(
        "select t.creator, t.roles, t.due_at > t.opened_at and t.due_at < t.opened_at + interval '3 days'"
        " from core.user_tasks t join core.order_headers using (order_id) where number = %s",
        note.number,
    )
    assert rows == [(CREATOR, ["sales_supervisor"], True)]


@pytest.mark.requirement("LOG-03", "APR-14", "APR-15")
def test_a_note_that_nobody_reviews_is_purged_and_made_again_when_somebody_wants_it(office: Office) -> None:
    journey = approved(office)
    note = NoteJourney.of(journey)
    office.now = NOW + timedelta(days=8)
    with office.database.transaction() as session:
        purged, batches = purge(session, office.definitions, office.rules.policies, office.now, 10)
    office.queue += batches
    office.work()
    assert (purged, note.state(), journey.state()) == (1, "purged", "prepared")
    look_again(office)
    task = journey.task()
    assert task is not None, "a person is asked whether to make another"
    journey.decide(AGREE)
    office.work()
    second = NoteJourney.of(journey)
    assert second.number != note.number
    assert (second.state(), office.count("logistics.shipments")) == ("in_review", 0)
    second.approve()
    assert (journey.state(), second.state(), note.state()) == ("shipped", "archived", "purged")
    office.assert_clean()


def look_again(office: Office) -> None:
    """Time passes, until every waiting order looks again."""
    with office.database.transaction() as session:
        waits = session.rows(
            "delete from core.waits where due_at <= %s returning order_id, round, step, department, task_id",
            office.now,
        )
        office.queue += release(session, waits, office.now)
    office.work()


@pytest.mark.requirement("LOG-03", "LOG-02")
def test_an_order_that_is_cancelled_takes_its_note_with_it(office: Office) -> None:
    journey = approved(office)
    note = NoteJourney.of(journey)
    journey.tell("cancellation_requested", reason="客户撤单")
    office.work()
    assert (journey.state(), note.state()) == ("cancelled", "cancelled")
    assert office.count("core.user_tasks", "status = 'open'") == office.count("core.waits") == 0
    assert office.count("logistics.delivery_notes", "recalled_at is null") == 0
    assert office.count("logistics.ordered_lines", "noted > 0") == 0
    office.assert_clean()


@pytest.mark.requirement("LOG-03", "LOG-07")
def test_goods_never_leave_on_an_unapproved_note(office: Office) -> None:
    """Also where a definition lets shipping open beside the note: it waits for the note and says so."""
    clerk = {"roles": ["logistics_clerk"]}
    office.follows(
        step("check", activity="sales_review.check", roles=["sales_supervisor"], reaches="approved"),
        step("plan", activity="logistics.plan", **clerk),
        step("note", activity="logistics.note", group="both", options={"definition": "d08_delivery_note"}, **clerk),
        step("ship", activity="logistics.ship", group="both", **clerk),
    )
    journey = Journey.begin(office, "sample")
    office.work()
    note = NoteJourney.of(journey)
    ((found,),) = office.rows("select data::jsonb->'findings'->0->>'code' from core.events where step = 'ship'")
    assert (found, office.count("logistics.shipments")) == ("ship.note_not_approved", 0)
    note.approve()
    assert office.rows("select note from logistics.shipments") == [(note.number,)]


@pytest.mark.requirement("LOG-05")
@pytest.mark.parametrize(("days", "closed"), [(7, True), (8, False)])
def test_an_overdue_note_is_never_closed_directly(office: Office, days: int, closed: bool) -> None:
    """A week to the day it may still be; from then on not, and neither with a handling comment."""
    journey = approved(office)
    note = NoteJourney.of(journey)
    office.now = NOW + timedelta(days=days)
    rules = office.rules
    with office.database.transaction() as session:
        refusal = comment(session, note.number, "sam", "客户推迟收货", rules.definitions, rules.policies, office.now)
    assert (refusal is None) is not closed, "a comment is taken once it is overdue"
    recorded = office.count("core.audit_log")
    receipt = note.tell("cancellation_requested", reason="不要了")
    assert (receipt.verdict == "accepted") is closed
    assert note.state() == ("cancelled" if closed else "in_review")
    assert codes(receipt) == ({} if closed else {"order": "note.overdue"})
    assert office.count("core.audit_log") == recorded + (0 if closed else 1)
    journey.tell("cancellation_requested", reason="客户撤单")
    office.work()
    assert (journey.state(), note.state()) == ("cancelled", "cancelled"), "with its order it ends"
