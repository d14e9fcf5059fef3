"""Promised delivery dates: proposed, answered by sales and customer, refused, delayed; nothing of it is lost."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.database import Database, Row
from shared.runtime import wake_orders
from tests.support.company import load_company
from tests.support.definitions import step
from tests.support.fulfilment import breaches, breaches_after
from tests.support.journey import Journey, hire
from tests.support.office import Office
from workers.logistics import promises
from workers.logistics.books import INVARIANTS

pytestmark = pytest.mark.requirement("LOG-08")
WANTED = date(2026, 7, 15)
DAY = timedelta(days=1)


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    load_company(database, tmp_path)
    office = Office(database)
    hire(office)
    clerk = {"roles": ["logistics_clerk"]}
    office.follows(
        step("check", activity="sales_review.check", roles=["sales_supervisor"], reaches="approved"),
        step("promise", activity="logistics.promise", roles=["purchasing"]),
        step("confirm_date", activity="logistics.confirm_date", roles=["salesperson"], on_disagree="promise"),
        step("prepare", activity="warehouse.prepare", roles=["warehouse_keeper"], reaches="prepared"),
        step("plan", activity="logistics.plan", **clerk),
        step("ship", activity="logistics.ship", reaches="shipped", **clerk),
    )
    return office


def begin(office: Office) -> Journey:
    journey = Journey.begin(office, "sample")
    office.work()
    return journey


def answer(journey: Journey, party: str, said: str, day: date, by: str = "salesperson.1", **more: Any) -> str | None:
    """What an answer comes to: None, or the code of its refusal."""
    return told(journey, "date_answered", by=by, party=party, answer=said, promised_on=day.isoformat(), **more)


def told(journey: Journey, kind: str, **content: Any) -> str | None:
    office = journey.office
    fact_id = f"f-{office.count('core.facts')}"
    head = {"kind": kind, "source": "world", "fact_id": fact_id, "order": journey.number}
    body = {**head, "occurred_at": office.now.isoformat(), **content}
    (receipt,) = office.report(json.dumps(body).encode())
    assert receipt.verdict == "accepted", receipt
    office.work()
    ((refused,),) = office.rows("select refused->0->>'code' from core.facts where fact_id = %s", fact_id)
    return None if refused is None else str(refused)


def kept(office: Office) -> list[Row]:
    return office.rows(
        "select p.number, p.promised_on, p.by, p.withdrawn_at is null, a.party, a.agreed, a.wanted"
        " from logistics.promises p left join logistics.promise_answers a using (order_id, number)"
        " order by p.number, a.party desc"
    )


def test_a_date_is_proposed_and_confirmed_by_sales_and_customer_before_goods_are_touched(office: Office) -> None:
    journey = begin(office)
    assert kept(office) == [(1, WANTED, None, True, None, None, None)]
    assert office.rows("select step, key from core.waits") == [("confirm_date", f"promise:{_id(office)}")]
    ((subject, body),) = office.rows("select subject, body from core.letters where kind = 'date_proposal'")
    assert WANTED.isoformat() in body
    assert journey.number in subject
    assert answer(journey, "sales", "confirmed", WANTED) is None
    assert journey.state() == "approved"
    assert answer(journey, "customer", "confirmed", WANTED) is None
    assert journey.state() == "archived"
    assert kept(office) == [
        (1, WANTED, None, True, "sales", True, None),
        (1, WANTED, None, True, "customer", True, None),
    ]
    assert office.rows("select promised_date from logistics.plans") == [(WANTED,)]
    told_of = office.told()
    assert (told_of["orderflow.delivery_date.proposed"], told_of["orderflow.delivery_date.answered"]) == (1, 2)
    office.assert_clean()


def test_a_refused_date_goes_back_for_another_proposal_and_everything_is_kept(office: Office) -> None:
    journey = begin(office)
    wanted = WANTED + 5 * DAY
    assert answer(journey, "customer", "refused", WANTED, wanted=wanted.isoformat()) is None
    task = journey.task()
    assert task is not None
    assert task[1] == ["purchasing"], "the day that the customer wants is later than the one first requested"
    journey.decide("agree")
    office.work()
    assert [row[:4] for row in kept(office)] == [(1, WANTED, None, False), (2, wanted, None, True)]
    assert answer(journey, "sales", "confirmed", WANTED) == "promise.other_date"
    for party in ("sales", "customer"):
        assert answer(journey, party, "confirmed", wanted) is None
    assert journey.state() == "archived"
    assert office.rows("select promised_date from logistics.plans") == [(wanted,)]
    assert [row[4:] for row in kept(office)] == [
        ("customer", False, wanted),
        ("sales", True, None),
        ("customer", True, None),
    ]
    office.assert_clean()


def test_a_person_proposes_where_no_earlier_day_is_possible(office: Office) -> None:
    journey = begin(office)
    assert answer(journey, "customer", "refused", WANTED) is None
    assert office.rows("select step from core.waits") == [("promise",)]
    said = {"promised_on": (WANTED + DAY).isoformat(), "reason": "与客户商定"}
    assert told(journey, "date_proposed", by="finance_clerk.1", **said) == "person.not_allowed"
    assert told(journey, "date_proposed", by="purchasing.1", **said) is None
    assert office.rows("select step from core.waits") == [("confirm_date",)]
    assert kept(office)[-1][:4] == (2, WANTED + DAY, "purchasing.1", True)


def test_only_sales_answer_and_each_once(office: Office) -> None:
    journey = begin(office)
    assert answer(journey, "customer", "confirmed", WANTED, by="purchasing.1") == "person.not_allowed"
    assert answer(journey, "customer", "confirmed", WANTED) is None
    assert answer(journey, "customer", "refused", WANTED) == "promise.answered"


def test_a_delayed_production_reopens_the_confirmed_date_and_nothing_leaves_meanwhile(office: Office) -> None:
    office.follows(
        step("check", activity="sales_review.check", roles=["sales_supervisor"], reaches="approved"),
        step("promise", activity="logistics.promise", roles=["purchasing"]),
        step("confirm_date", activity="logistics.confirm_date", roles=["salesperson"], on_disagree="promise"),
        step("pack", activity="warehouse.pack_materials", mode="manual", roles=["warehouse_keeper"]),
        step("ship", activity="logistics.ship", roles=["logistics_clerk"], reaches="shipped"),
    )
    journey = begin(office)
    for party in ("sales", "customer"):
        answer(journey, party, "confirmed", WANTED)
    late = date(2026, 7, 20)
    with office.database.transaction() as session:
        session.write("set local role none")
        session.write(
            "create or replace view warehouse.expected_dates as select id as order_id, 'P001'::text as product,"
            " date '2026-07-20' as expected_on from core.orders"
        )
    for reopened in (1, 0):
        with office.database.transaction() as session:
            keys = promises.reopen(session, office.now, 10)
            assert len(keys) == reopened, "once for each new date"
            office.queue += wake_orders(session, keys, office.now)
    office.work()
    new = late + 2 * DAY
    assert [row[:4] for row in kept(office)][-1] == (2, new, None, True)
    journey.decide("agree")
    office.work()
    assert journey.state() == "approved"
    assert office.rows("select step, key from core.waits") == [("ship", f"promise:{_id(office)}")]
    for party in ("sales", "customer"):
        assert answer(journey, party, "confirmed", new) is None
    assert journey.state() == "archived"


def _id(office: Office) -> str:
    return str(office.rows("select id from core.orders")[0][0])


def test_the_audit_names_goods_that_left_on_a_refused_date(office: Office) -> None:
    journey = begin(office)
    for party in ("sales", "customer"):
        answer(journey, party, "confirmed", WANTED)
    assert breaches(office.database, INVARIANTS) == []
    broken = "update logistics.promise_answers set agreed = false, at = '2026-01-01' where party = 'sales'"
    assert breaches_after(office.database, broken, INVARIANTS) == ["logistics.promise_kept_to"]
    not_asked = "update logistics.promises set parties = 'customer'"
    assert breaches_after(office.database, not_asked, INVARIANTS) == ["logistics.promise_kept_to"]
