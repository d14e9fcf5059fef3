"""Changes of approved delivery notes: asked for by sales or logistics, decided by supervisor or finance alone."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.comments import comment
from shared.database import Database
from shared.purge import purge
from shared.tasks import AGREE, DISAGREE, Wish, decide
from tests.support.company import load_company
from tests.support.definitions import step
from tests.support.fulfilment import breaches_after
from tests.support.journey import Journey, hire
from tests.support.notes import NoteJourney
from tests.support.office import Office
from tests.support.orders import NOW
from workers.logistics.books import INVARIANTS

pytestmark = pytest.mark.requirement("LOG-05")
CLERK = {"roles": ["logistics_clerk"]}


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    load_company(database, tmp_path)
    with database.transaction() as session:
        session.write("insert into logistics.carriers values ('YTO', '圆通', 'YTO', true), ('OLD', '旧', 'Old', false)")
    office = Office(database)
    hire(office)
    office.follows(
        step("check", activity="sales_review.check", roles=["sales_supervisor"], reaches="approved"),
        step("prepare", activity="warehouse.prepare", roles=["warehouse_keeper"], reaches="prepared"),
        step("plan", activity="logistics.plan", **CLERK),
        step("note", activity="logistics.note", options={"definition": "d08_delivery_note"}, **CLERK),
        step("load", activity="warehouse.load", mode="manual", **CLERK),
        step("ship", activity="logistics.ship", reaches="shipped", **CLERK),
    )
    return office


def approved(office: Office) -> tuple[Journey, NoteJourney]:
    """An order that waits for a person, and its approved note that waits for the goods to leave."""
    journey = Journey.begin(office, "sample")
    office.work()
    note = NoteJourney.of(journey)
    note.approve()
    assert note.state() == "approved"
    return journey, note


def ask(note: NoteJourney, change: str, by: str = "salesperson.1", **what: Any) -> str | None:
    """What becomes of the request: None, or the code of its refusal."""
    office = note.office
    before = office.count("core.facts", "refused is not null")
    assert note.tell("note_change_requested", by=by, change=change, reason="客户要求", **what).verdict == "accepted"
    if office.count("core.facts", "refused is not null") == before:
        return None
    ((code,),) = office.rows(
        "select refused->0->>'code' from core.facts where refused is not null order by id desc limit 1"
    )
    return str(code)


def kept(office: Office) -> list[Any]:
    return office.rows("select change, answer from logistics.note_changes order by note, number")


@pytest.mark.parametrize("choice", [AGREE, DISAGREE])
def test_a_day_and_a_carrier_change_only_when_supervisor_or_finance_agree(office: Office, choice: str) -> None:
    journey, note = approved(office)
    agreed = choice == AGREE
    for change, what in (("date", {"ships_on": "2026-06-20"}), ("carrier", {"carrier": "YTO"})):
        assert ask(note, change, **what) is None
        ((roles,),) = office.rows(
            "select roles from core.user_tasks where status = 'open' and roles && '{finance_clerk}'"
        )
        assert roles == ["sales_supervisor", "finance_clerk", "finance_manager"]
        note.decide(choice)
        assert note.state() == "approved"
    assert kept(office) == [("date", "agreed" if agreed else "refused"), ("carrier", "agreed" if agreed else "refused")]
    expected = (date(2026, 6, 20), "YTO") if agreed else (None, "SF")
    assert office.rows("select ships_on, carrier from logistics.delivery_notes") == [expected]
    journey.decide(AGREE)
    office.work()
    assert office.rows("select note, carrier from logistics.shipments") == [(note.number, expected[1])]
    assert note.state() == "archived"
    office.assert_clean()


def test_an_agreed_end_takes_the_note_out_of_work_and_another_is_made_only_when_a_person_wants_it(
    office: Office,
) -> None:
    journey, note = approved(office)
    assert ask(note, "end") is None
    note.decide(AGREE)
    assert (note.state(), kept(office)) == ("archived", [("end", "agreed")])
    assert office.count("logistics.ordered_lines", "noted > 0") == 0
    journey.decide(AGREE)
    office.work()
    assert office.count("logistics.shipments") == 0
    found = "select findings->0->>'code' from core.user_tasks where status = 'open'"
    assert office.rows(found) == [("ship.note_gone",)]
    journey.decide(AGREE)
    office.work()
    second = NoteJourney.of(journey)
    assert second.number != note.number
    assert office.count("logistics.shipments") == 0, "not before it is approved, too"
    second.approve()
    assert office.rows("select note from logistics.shipments") == [(second.number,)]
    assert journey.state() == "archived"
    office.assert_clean()
    broken = "update logistics.note_changes set answer = 'refused'"
    assert breaches_after(office.database, broken, INVARIANTS) == ["logistics.notes_end_only_by_agreement"]


def test_what_cannot_be_changed_is_refused_with_its_reason(office: Office) -> None:
    journey = Journey.begin(office, "sample")
    office.work()
    note = NoteJourney.of(journey)
    assert ask(note, "end") == "note.not_at_work", "its approvers send it back"
    note.approve()
    assert ask(note, "end", by="inspector.1") == "person.not_allowed"
    assert ask(note, "carrier", carrier="OLD") == "note.unknown_carrier"
    assert ask(NoteJourney(office, journey.number), "end") == "note.unknown"
    assert ask(note, "end") is None
    assert ask(note, "end") == "note.change_open"
    assert kept(office) == [("end", None)]


def test_an_overdue_note_is_changed_by_request_and_never_closed_or_purged(office: Office) -> None:
    _, note = approved(office)
    office.now = NOW + timedelta(days=30)
    rules = office.rules
    with office.database.transaction() as session:
        assert comment(session, note.number, "sam", "推迟", rules.definitions, rules.policies, office.now) is None
        assert purge(session, rules.definitions, rules.policies, office.now, 10)[0] == 0, "it was reviewed"
    for source in ("salesperson.1", "finance_manager.1", "administrator.1"):
        refused = note.tell("cancellation_requested", source=source, fact_id=source, reason="不要了")
        assert (refused.verdict, note.state()) == ("refused", "approved")
    assert ask(note, "end") is None
    ((task,),) = office.rows("select id from core.user_tasks where status = 'open' and roles && '{finance_clerk}'")
    with office.database.transaction() as session:
        (answer,), _ = decide(session, [Wish(task, "logistics_clerk.1", AGREE)], office.now)
    assert answer is not None, "logistics may not decide it"
    note.decide(AGREE)
    assert (note.state(), kept(office)) == ("archived", [("end", "agreed")])
