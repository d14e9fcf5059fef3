"""Handling comments (处理意见) of what is unfinished long after its date, and the overdue list."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from messages.delivery_notes import DeliveryNote, NoteLine
from messages.orders import Customer, Place, SaleType
from shared import policy
from shared.comments import ask, close_finished, comment
from shared.folders import Opening, open_folders
from shared.ids import new_id
from shared.inbox import open_tasks
from shared.journal import Journal
from shared.lapse import START
from shared.overdue import overdue
from shared.purge import purge
from tests.support.company import raw
from tests.support.definitions import step
from tests.support.facts import fact
from tests.support.office import Office, codes, verdicts
from tests.support.orders import NOW, submitted

POLICIES = policy.load()
MOMENT = timedelta(microseconds=1)
# Asked for by Wednesday 15 July 2026; a month later is Saturday 15 August, so Monday the 17th, close of business.
LIMIT = datetime(2026, 8, 17, 10, 0, tzinfo=UTC)
SHORT = [{"product": "P003", "quantity": 2, "unit_price": "10.00"}]
NANHAI = {"code": "C002", "name": "广州南海电器有限公司"}


def waiting(office: Office) -> str:
    """The number of an approved order that waits for goods."""
    (receipt,) = office.take(raw("A", creator="sam", lines=SHORT, total="20.00"))
    office.work()
    assert office.states() == {"A": "approved"}
    return receipt.number or ""


def asked(office: Office, now: datetime, *, returned: bool = False) -> int:
    office.now = now
    with office.database.transaction() as session:
        return ask(session, office.definitions, POLICIES, now, START, 500, returned=returned)[1]


def commented(office: Office, number: str, text: str, person: str = "sam") -> str | None:
    with office.database.transaction() as session:
        refusal = comment(session, number, person, text, office.definitions, POLICIES, office.now)
    return refusal.code if refusal else None


def cancellation(number: str) -> bytes:
    return fact("cancellation_requested", order=number, reason="no more")


def amendment(number: str, **changes: Any) -> bytes:
    document = submitted("A", **{"creator": "sam", "lines": SHORT, "total": "20.00", **changes})
    return fact("order_amended", order=number, by="sam", document=document)


def inbox(office: Office, role: str) -> list[dict[str, Any]]:
    with office.database.transaction() as session:
        return open_tasks(session, now=office.now, role=role, limit=10)


@pytest.mark.requirement("APR-16", "APR-13")
def test_an_order_a_month_late_is_asked_about_once_and_not_before(office: Office) -> None:
    number = waiting(office)
    assert asked(office, LIMIT) == 0
    assert asked(office, LIMIT + MOMENT) == 1
    assert asked(office, LIMIT + timedelta(days=3)) == 0
    (task,) = inbox(office, "salesperson")
    assert (task["order"], task["step"], task["findings"][0]["code"]) == (number, "comment", "document.overdue")
    assert inbox(office, "finance_clerk") == []
    assert office.history(number)[-1] == "comment_asked"
    assert commented(office, number, "催供应商,九月到货") is None
    assert inbox(office, "salesperson") == []
    assert asked(office, LIMIT + timedelta(days=60)) == 0
    (row,) = office.rows("select actor, data->>'comment' from core.events where kind = 'commented'")
    assert row == ("sam", "催供应商,九月到货")
    office.assert_clean()


@pytest.mark.requirement("APR-16")
@pytest.mark.parametrize(
    "dates",
    [
        {"reply_date": "2026-07-15", "requested_date": "2026-06-20"},
        {"sale_type": "foreign", "planned_ship_date": "2026-07-15", "requested_date": "2026-06-20"},
        {"requested_date": "2026-07-15"},
    ],
)
def test_lateness_counts_from_the_date_that_was_promised(office: Office, dates: dict[str, str]) -> None:
    (receipt,) = office.take(raw("A", creator="sam", lines=SHORT, total="20.00", definition="express", **dates))
    assert receipt.number, receipt.errors
    office.work()
    assert office.states().popitem()[1] != "archived"
    assert asked(office, LIMIT) == 0
    assert commented(office, receipt.number, "到货") == "comment.not_needed"
    assert asked(office, LIMIT + MOMENT) == 1
    assert office.rows("select requested_date::text from core.handling_comments") == [("2026-07-15",)]
    assert commented(office, receipt.number, "到货") is None


@pytest.mark.requirement("APR-16")
def test_an_amendment_moves_the_date_that_lateness_counts_from(office: Office) -> None:
    number = waiting(office)
    assert verdicts(office.report(amendment(number, reply_date="2026-07-31"))) == ["accepted"]
    office.work()
    assert asked(office, LIMIT + MOMENT) == 0
    assert asked(office, datetime(2026, 8, 31, 10, 0, tzinfo=UTC) + MOMENT) == 1


@pytest.mark.requirement("APR-16", "AUD-01")
def test_without_a_comment_date_and_cancellation_are_refused_and_with_one_they_are_not(office: Office) -> None:
    number = waiting(office)
    office.now = LIMIT + MOMENT  # whether it was asked for already makes no difference
    (cancelled,) = office.report(cancellation(number))
    assert codes(cancelled) == {"order": "comment.needed"}
    (amended,) = office.report(amendment(number, requested_date="2026-12-01"))
    assert codes(amended) == {"requested_date": "comment.needed"}
    assert office.states() == {"A": "approved"}
    assert commented(office, number, "九月到货") is None
    assert verdicts(office.report(amendment(number, requested_date="2026-12-01"))) == ["accepted"]
    office.work()
    assert verdicts(office.report(cancellation(number))) == ["accepted"]
    office.work()
    assert office.states() == {"A": "cancelled"}
    assert office.count("core.audit_log") == 2
    office.assert_clean()


@pytest.mark.requirement("APR-16")
def test_exactly_at_the_limit_nothing_is_refused(office: Office) -> None:
    number = waiting(office)
    office.now = LIMIT
    assert verdicts(office.report(cancellation(number))) == ["accepted"]


@pytest.mark.requirement("APR-16")
def test_normal_fulfilment_goes_on_and_ends_the_question(office: Office) -> None:
    number = waiting(office)
    assert asked(office, LIMIT + MOMENT) == 1
    office.report(fact("goods_received", product="P003", quantity=2))
    office.work()
    with office.database.transaction() as session:
        session.write("insert into core.staff (id, name, roles) values ('lin', '林', '{logistics_clerk}')")
    office.decide("agree", "lin")  # no carrier arrives by a date that is past
    office.work()
    (tracking,) = office.rows("select tracking_number from logistics.shipment_status")[0]
    office.report(fact("delivered", order=number, tracking_number=tracking))
    office.report(fact("receipt_confirmed", order=number))
    office.report(fact("payment_received", order=number, reference="T", amount="20.00", currency="CNY", method="wire"))
    office.work()
    assert office.states() == {"A": "archived"}
    with office.database.transaction() as session:
        assert close_finished(session, office.now) == 1
    assert inbox(office, "salesperson") == []
    assert commented(office, number, "too late") == "comment.not_needed"
    office.assert_clean()


@pytest.mark.requirement("APR-16", "AUD-01")
def test_an_empty_comment_and_one_by_somebody_else_are_refused(office: Office) -> None:
    number = waiting(office)
    assert commented(office, number, "too early") == "comment.not_needed"
    office.now = LIMIT + MOMENT
    assert commented(office, number, "  \n ") == "comment.empty"
    assert commented(office, number, "hello", "wei") == "comment.role"
    assert commented(office, "SO-1", "hello") == "order.unknown"
    assert office.rows("select actor, data->>'refused' from core.audit_log order by id") == [
        ("sam", "comment.not_needed"),
        ("sam", "comment.empty"),
        ("wei", "comment.role"),
    ]
    assert office.count("core.handling_comments") == 0


@pytest.mark.requirement("APR-16")
def test_an_order_that_is_with_its_creator_is_asked_about_too(office: Office) -> None:
    (receipt,) = office.take(raw("A", creator="sam", customer=NANHAI))
    office.work()
    office.decide("disagree", reason="no credit", requested_change="less")
    office.work()
    number = receipt.number or ""
    assert asked(office, LIMIT + MOMENT) == 0
    assert asked(office, LIMIT + MOMENT, returned=True) == 1
    document = submitted("A", creator="sam", customer=NANHAI, requested_date="2026-12-01")
    again = fact("order_resubmitted", order=number, by="sam", document=document)
    (refused,) = office.report(again)
    assert codes(refused) == {"requested_date": "comment.needed"}
    assert commented(office, number, "客户推迟") is None
    repeat = fact("order_resubmitted", order=number, by="sam", document=document)
    assert verdicts(office.report(repeat)) == ["accepted"]


@pytest.mark.requirement("LOG-04", "APR-14")
def test_a_delivery_note_unshipped_for_a_week_is_asked_about_and_one_unreviewed_is_purged(office: Office) -> None:
    """From its document date: Monday 15 June, so Monday the 22nd at close of business."""
    a_note(office)
    limit = datetime(2026, 6, 22, 10, 0, tzinfo=UTC)
    assert asked(office, limit) == 0
    assert asked(office, limit + MOMENT) == 1
    (refused,) = office.report(cancellation("DN-20260615-000001"))
    assert codes(refused) == {"order": "comment.needed"}
    assert commented(office, "DN-20260615-000001", "车辆周三到") is None
    with office.database.transaction() as session:
        assert purge(session, office.definitions, POLICIES, limit, 10)[0] == 0
        count, batches = purge(session, office.definitions, POLICIES, limit + MOMENT, 10)
    office.queue += batches
    office.work()
    assert (count, office.states()) == (1, {"N": "purged"})
    office.assert_clean()


def a_note(office: Office) -> None:
    """A delivery note that a clerk has been asked about."""
    office.follows(
        step("approve", activity="sales_review.approve", mode="manual", roles=["logistics_clerk"]),
        document="delivery_note",
        ends_in="ended",
    )
    document = DeliveryNote(
        id=new_id(),
        number="DN-20260615-000001",
        source="orderflow",
        external_id="N",
        creator="sam",
        created_at=NOW,
        order="SO-1",
        order_id=new_id(),
        delivery=Place(address="上海市浦东新区世纪大道1号", country="CN"),
        customer=Customer(code="C001", name="上海明珠贸易有限公司"),
        sale_type=SaleType.DOMESTIC,
        currency="CNY",
        total_minor=2_000,
        total_base_minor=2_000,
        lines=(NoteLine(number=1, product="P001", quantity=1),),
    )
    journal = Journal(NOW)
    opening = Opening(document, office.definitions.get("sample@1"), POLICIES.get("standard@1"), "sam", {})
    with office.database.transaction() as session:
        open_folders(session, journal, [opening])
        office.queue += journal.write(session)
    office.work()


@pytest.mark.requirement("RPT-02")
def test_the_overdue_list_names_reviews_purges_and_late_orders_with_or_without_comment(office: Office) -> None:
    number = waiting(office)
    (reviewed,) = office.take(raw("B", creator="sam", customer=NANHAI))
    office.work()

    def listed(now: datetime) -> dict[str, list[dict[str, Any]]]:
        with office.database.transaction() as session:
            found = overdue(session, POLICIES, now, 10)
        json.dumps(found, default=str)
        return found

    review_due = datetime(2026, 6, 16, 10, 0, tzinfo=UTC)
    assert listed(review_due) == {"reviews": [], "near_purge": [], "late": [], "not_shipped": []}
    (review,) = listed(review_due + MOMENT)["reviews"]
    assert (review["order"], review["roles"]) == (reviewed.number, ["finance_clerk", "finance_manager"])
    purged_after = datetime(2026, 6, 22, 10, 0, tzinfo=UTC)
    assert listed(purged_after - timedelta(days=3))["near_purge"] == []
    (near,) = listed(purged_after - timedelta(days=1))["near_purge"]
    assert (near["order"], near["purged_after"]) == (reviewed.number, purged_after)
    asked(office, LIMIT + MOMENT)
    late = {each["order"]: each["comment"] for each in listed(office.now)["late"]}
    assert late == {number: None, reviewed.number: None}
    commented(office, number, "九月到货")
    late = {each["order"]: each["comment"] for each in listed(office.now)["late"]}
    assert late == {number: "九月到货", reviewed.number: None}
