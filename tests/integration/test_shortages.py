"""Shortages that nothing covers in time (WHS-05): a person chooses, the customer is told, the order goes that way."""

import json
from datetime import timedelta

import pytest

from shared.tasks import AGREE, Wish, decide
from tests.support.definitions import step
from tests.support.journey import hire
from tests.support.office import Office
from tests.support.supply import TODAY, order, tell

KEEPER = ["warehouse_keeper"]


@pytest.fixture
def company(office: Office) -> Office:
    hire(office)
    office.follows(
        step("reserve", activity="warehouse.reserve", roles=KEEPER, reaches="reserved", options={"ways": "none"}),
        step("prepare", activity="warehouse.prepare", roles=KEEPER, reaches="prepared"),
        ends_in="ended",
    )
    return office


def agree(office: Office, reason: str) -> None:
    ((task, roles),) = office.rows("select id, roles from core.user_tasks where status = 'open'")
    assert roles == ["salesperson", "sales_supervisor", "sales_manager"]
    with office.database.transaction() as session:
        (answer,), batches = decide(session, [Wish(task, "salesperson.1", AGREE, reason)], office.now)
    assert answer is None
    office.queue += batches
    office.work()


def asked(office: Office) -> list[str]:
    rows = office.rows("select findings from core.user_tasks where status = 'open'")
    return [each["code"] for row in rows for each in json.loads(row[0])]


def told(office: Office) -> list[tuple[str, str | None]]:
    rows = office.rows("select data from core.outbox_events where type = 'orderflow.shortage.decided'")
    return [(event["remedy"], event["new_date"]) for event in map(json.loads, (row[0] for row in rows))]


@pytest.mark.requirement("WHS-05")
def test_a_new_date_is_waited_for_and_asked_again_once_it_is_over(company: Office) -> None:
    number = order(company, 5)
    assert asked(company) == ["shortage.uncovered"]
    agree(company, "就这样吧")
    assert asked(company) == ["shortage.uncovered"], "an agreement that names no remedy decides nothing"
    day = TODAY + timedelta(days=3)
    agree(company, f"新交期 {day}")
    assert asked(company) == []
    assert told(company) == [("date", day.isoformat())]
    ((body,),) = company.rows("select body from core.letters where kind = 'shortage'")
    assert day.isoformat() in body
    assert "P003  0 / 5" in body
    assert tell(company, "goods_received", product="P003", quantity=4) == []
    assert asked(company) == [], "until that day it waits"
    company.now += timedelta(days=4)
    assert tell(company, "goods_received", product="P003", quantity=0 + 1, location="B-2") == []
    assert company.states() == {company.document(number).external_id: "ended"}
    company.assert_clean()


@pytest.mark.requirement("WHS-05")
def test_once_the_new_date_is_over_a_person_is_asked_again(company: Office) -> None:
    order(company, 5)
    agree(company, f"date {TODAY + timedelta(days=3)}")
    company.now += timedelta(days=4)
    assert tell(company, "goods_received", product="P003", quantity=2) == []
    assert asked(company) == ["shortage.uncovered"]
    company.assert_clean()


@pytest.mark.requirement("WHS-05")
def test_a_cancelled_order_holds_nothing_and_its_customer_knows(company: Office) -> None:
    number = order(company, 5)
    agree(company, "取消")
    assert company.states() == {company.document(number).external_id: "cancelled"}
    assert told(company) == [("cancel", None)]
    assert company.count("core.letters", "kind = 'shortage'") == 1
    assert company.count("warehouse.shortages") == 0
    assert "salesperson.1" in {
        row[0] for row in company.rows("select actor from core.events where kind = 'cancellation_requested'")
    }
    company.assert_clean()


@pytest.mark.requirement("WHS-05")
def test_for_a_partial_delivery_the_order_comes_back_with_what_there_is(company: Office) -> None:
    assert tell(company, "goods_received", product="P003", quantity=3) == []
    number = order(company, 5)
    agree(company, "部分交货")
    assert company.states() == {company.document(number).external_id: "returned"}
    assert told(company) == [("partial", None)]
    ((data,),) = company.rows("select data from core.events where kind = 'returned'")
    (finding,) = json.loads(data)["findings"]
    assert (finding["code"], finding["values"]) == ("shortage.partial", {"needed": 5, "available": 3})
    assert order(company, 3)  # what there is can be had at once
    assert company.count("core.orders", "state = 'ended'") == 1
    company.assert_clean()
