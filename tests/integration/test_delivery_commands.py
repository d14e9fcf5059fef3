"""`shipments`, `notes`, `promise` as people use them, in both languages."""

import pytest

from messages.batch import Batch, BatchKind, Department
from tests.support.definitions import step
from tests.support.journey import Journey, hire
from tests.support.notes import NoteJourney
from tests.support.office import Office
from tests.support.terminal import Run, answered, run, said

__all__ = ["run"]
CLERK = {"roles": ["logistics_clerk"]}


@pytest.fixture
def company(office: Office) -> Office:
    hire(office)
    office.follows(
        step("check", activity="sales_review.check", roles=["sales_supervisor"], reaches="approved"),
        step("promise", activity="logistics.promise", roles=["purchasing"]),
        step("confirm_date", activity="logistics.confirm_date", roles=["salesperson"], on_disagree="promise"),
        step("prepare", activity="warehouse.prepare", roles=["warehouse_keeper"], reaches="prepared"),
        step("plan", activity="logistics.plan", **CLERK),
        step("note", activity="logistics.note", options={"definition": "d08_delivery_note"}, **CLERK),
        step("load", activity="warehouse.load", mode="manual", **CLERK),
        step("ship", activity="logistics.ship", reaches="shipped", **CLERK),
    )
    return office


def booked(office: Office) -> None:
    """What the departments' workers do with the batches that the commands left."""
    while rows := office.rows("select id, department, kind, cardinality(ids) from core.batches order by created_at"):
        office.queue += [
            Batch(id=row[0], department=Department(row[1]), kind=BatchKind(row[2]), size=row[3]) for row in rows
        ]
        office.work()


@pytest.mark.requirement("LOG-05", "LOG-06", "LOG-08")
def test_dates_notes_and_shipments_are_looked_at_and_reported_on(run: Run, company: Office) -> None:
    journey = Journey.begin(company, "sample")
    company.work()
    order, asked = journey.number, "2026-07-15"
    for party in ("sales", "customer"):
        assert run("promise", "confirm", order, asked, "--as", "salesperson.1", "--party", party).exit_code == 0
    booked(company)
    assert run("promise", "confirm", order, "soon", "--as", "salesperson.1", "--party", "sales").exit_code == 2
    assert run("promise", "confirm", order, asked, "--as", "salesperson.1", "--party", "boss").exit_code == 1
    ((date),) = answered(run("promise", "show", order, "--json"))
    assert (date["promised_on"], [each["agreed"] for each in date["answers"]]) == (asked, [True, True])
    assert "客户 salesperson.1: 同意" in said(run("promise", "show", order, "--lang", "zh"))

    note = NoteJourney.of(journey)
    note.approve()
    why = ("--as", "salesperson.1", "--reason", "客户推迟")
    assert run("notes", "change", note.number, *why).exit_code == 2, "nothing is asked for"
    assert run("notes", "change", note.number, *why, "--date", "2026-07-01").exit_code == 0
    booked(company)
    note.decide()
    (listed,) = answered(run("notes", "list", "--order", order, "--json"))
    assert (listed["number"], listed["ships_on"], listed["state"]) == (note.number, "2026-07-01", "approved")
    assert "客户推迟" in said(run("notes", "show", note.number, "--lang", "zh"))
    assert note.number in said(run("notes", "list"))
    assert run("notes", "show", "DN-404").exit_code == 2

    journey.decide("agree")
    company.work()
    (slip,) = answered(run("shipments", "list", "--json"))
    assert (slip["order"], slip["note"], slip["rest"], slip["quantity"]) == (order, note.number, 0, 5)
    assert slip["number"] in said(run("shipments", "list"))
    assert "P001" in said(run("shipments", "show", slip["number"]))
    assert run("shipments", "show", "TRK-404").exit_code == 2
