"""Orders that have not left by the promised day; documents that go with the goods; what customers are told of both."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.database import Database
from shared.overdue import overdue
from tests.support.company import load_company
from tests.support.definitions import step
from tests.support.journey import Journey, hire
from tests.support.office import Office
from tests.support.waiting import at_once
from workers.logistics import lateness

CLERK = {"roles": ["logistics_clerk"]}
LAST_MOMENT = datetime(2026, 7, 15, 15, 59, 59, tzinfo=UTC)
"""The end of the promised day, 15 July, in the company's time."""
MIDNIGHT = LAST_MOMENT + timedelta(seconds=1)


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    load_company(database, tmp_path)
    office = Office(database)
    hire(office)
    return office


def mark(office: Office, now: datetime) -> int:
    with office.database.transaction() as session:
        return lateness.mark(session, now, 100)


def waiting_to_pack(office: Office, **head: object) -> Journey:
    office.follows(
        step("check", activity="sales_review.check", roles=["sales_supervisor"], reaches="approved"),
        step("pack", activity="warehouse.pack_materials", mode="manual", roles=["warehouse_keeper"]),
        step("prepare", activity="warehouse.prepare", roles=["warehouse_keeper"], reaches="prepared"),
        step("plan", activity="logistics.plan", **CLERK),
        step("ship", activity="logistics.ship", reaches="shipped", **CLERK),
        step("receipt", activity="after_sales.receipt", roles=["after_sales_clerk"], on_disagree="repeat"),
        **head,
    )
    journey = Journey.begin(office, "sample")
    office.work()
    return journey


@pytest.mark.requirement("LOG-11")
def test_an_order_not_shipped_by_the_promised_day_is_marked_and_told_of_once(office: Office) -> None:
    journey = waiting_to_pack(office)
    assert mark(office, LAST_MOMENT) == 0, "the day itself is in time"
    marked: list[int] = []
    at_once(*[lambda: marked.append(mark(office, MIDNIGHT))] * 4)
    assert sorted(marked) == [0, 0, 0, 1], "whatever runs at the same moment"
    assert mark(office, MIDNIGHT + timedelta(days=9)) == 0
    told = office.rows("select recipient from core.notices where kind = 'late' order by recipient")
    assert told == [("department:logistics",), ("department:sales_review",), ("sam",)]
    ((body,),) = office.rows("select body from core.letters where kind = 'late_notice'")
    assert "2026-07-15" in body
    assert office.told()["orderflow.shipment.late"] == 1
    with office.database.transaction() as session:
        listed = overdue(session, office.rules.policies, MIDNIGHT, 10)["not_shipped"]
    assert [(each["order"], f"{each['promised_on']}") for each in listed] == [(journey.number, "2026-07-15")]
    journey.decide("agree")
    office.work()
    assert journey.state() == "shipped"
    with office.database.transaction() as session:
        assert overdue(session, office.rules.policies, MIDNIGHT, 10)["not_shipped"] == []
    office.assert_clean()


@pytest.mark.requirement("LOG-11")
def test_what_has_left_in_time_is_never_late(office: Office) -> None:
    journey = waiting_to_pack(office)
    journey.decide("agree")
    office.work()
    assert mark(office, MIDNIGHT + timedelta(days=99)) == 0


@pytest.mark.requirement("LOG-09")
def test_the_customer_is_told_when_the_order_is_ready_and_when_it_ships_where_the_process_says_so(
    office: Office,
) -> None:
    journey = waiting_to_pack(office, letters=["ready_notice", "shipping_notice"])
    assert office.count("core.letters") == 0
    journey.decide("agree")
    office.work()
    kinds = office.rows("select kind from core.letters order by id")
    assert kinds == [("ready_notice",), ("shipping_notice",)]
    ((subject,),) = office.rows("select subject from core.letters where kind = 'ready_notice'")
    assert journey.number in subject
    assert all("{" not in body for (body,) in office.rows("select body from core.letters"))


@pytest.mark.requirement("LOG-10")
@pytest.mark.parametrize("missing", ["ship.no_invoice", "ship.no_packing_list", None])
def test_documents_go_with_the_goods_and_a_missing_one_stops_them_with_its_name(
    office: Office, missing: str | None
) -> None:
    steps = {
        "ship.no_packing_list": step("prepare", activity="warehouse.prepare", roles=["warehouse_keeper"]),
        "ship.no_invoice": step("invoice", activity="finance.invoice", roles=["finance_clerk"]),
    }
    office.follows(
        step("check", activity="sales_review.check", roles=["sales_supervisor"], reaches="approved"),
        *[each for code, each in steps.items() if code != missing],
        step("plan", activity="logistics.plan", **CLERK),
        step("ship", activity="logistics.ship", options={"documents": "invoice packing_list"}, **CLERK),
    )
    journey = Journey.begin(office, "sample")
    office.work()
    found = office.rows("select data::jsonb->'findings'->0->>'code' from core.events where kind = 'waiting'")
    if missing:
        assert (found, journey.task(), office.count("logistics.shipments")) == ([(missing,)], None, 0)
    else:
        ((documents,),) = office.rows("select documents from logistics.shipments")
        assert [number.partition("-")[0] for number in documents.split()] == ["INV", "WH"]
