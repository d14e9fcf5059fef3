"""After-sales decides: whether the goods have come, and whether an order may be closed."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest

from shared import policy
from shared.department import Outcome, Passed, Referred, Visit, Waiting
from tests.support.orders import NOW, an_order
from workers.after_sales.rules import (
    SETTLEMENT_CHECKED_EVERY,
    Archived,
    Closing,
    ConfirmedByPhone,
    Parcel,
    Questionnaire,
    archive,
    receipt,
)

POLICY = policy.load().get("standard@1")
STANDARD = frozenset({"logistics.ship", "finance.settle"})
SEVEN_DAYS = timedelta(days=7)
MOMENT = timedelta(microseconds=1)


def a_visit(now: datetime = NOW, activities: Iterable[str] = STANDARD) -> Visit:
    return Visit(an_order(), 1, "step", {}, POLICY, now, frozenset(activities))


def codes(outcome: Outcome) -> list[str]:
    assert isinstance(outcome, Referred | Waiting)
    return [each.code for each in outcome.findings]


# -- receipt -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("AFT-01", "AFT-08")
def test_a_confirmed_receipt_passes_and_sends_the_questionnaire() -> None:
    visit = a_visit()
    outcome = receipt(visit, Parcel(NOW - SEVEN_DAYS, NOW))
    assert isinstance(outcome, Passed)
    assert outcome.effects == (Questionnaire(visit.order, 1, 5, NOW),)


@pytest.mark.requirement("AFT-08")
def test_the_questionnaire_is_sent_once() -> None:
    outcome = receipt(a_visit(), Parcel(NOW, NOW, questionnaire_issued=True))
    assert isinstance(outcome, Passed)
    assert outcome.effects == ()


@pytest.mark.requirement("AFT-01")
def test_a_customer_may_confirm_before_the_carrier_reports_the_delivery() -> None:
    assert isinstance(receipt(a_visit(), Parcel(None, NOW)), Passed)


@pytest.mark.requirement("AFT-01")
def test_goods_on_their_way_are_waited_for_without_a_limit() -> None:
    visit = a_visit()
    outcome = receipt(visit, Parcel())
    assert isinstance(outcome, Waiting)
    assert outcome.keys == (f"delivered:{visit.order.id}", f"receipt:{visit.order.id}")
    assert outcome.until is None


@pytest.mark.requirement("AFT-02")
@pytest.mark.parametrize("since_delivery", [timedelta(0), SEVEN_DAYS - MOMENT])
def test_within_seven_days_the_customer_is_waited_for(since_delivery: timedelta) -> None:
    visit = a_visit(NOW + since_delivery)
    outcome = receipt(visit, Parcel(delivered_at=NOW))
    assert isinstance(outcome, Waiting)
    assert (outcome.keys, outcome.until) == ((f"receipt:{visit.order.id}",), NOW + SEVEN_DAYS)


@pytest.mark.requirement("AFT-02")
@pytest.mark.parametrize("since_delivery", [SEVEN_DAYS, SEVEN_DAYS + MOMENT])
def test_after_exactly_seven_days_a_person_asks_and_agreeing_confirms(since_delivery: timedelta) -> None:
    visit = a_visit(NOW + since_delivery)
    outcome = receipt(visit, Parcel(delivered_at=NOW))
    assert isinstance(outcome, Referred)
    assert codes(outcome) == ["receipt.unconfirmed"]
    assert outcome.findings[0].values == {"delivered": "2026-06-15", "days": 7}
    assert outcome.effects == (
        ConfirmedByPhone(visit.order.id, visit.now),
        Questionnaire(visit.order, 1, 5, visit.now),
    )


@pytest.mark.requirement("AFT-01")
def test_where_the_process_ships_nothing_a_person_asks_at_once() -> None:
    assert codes(receipt(a_visit(activities=["after_sales.receipt"]), Parcel())) == ["receipt.not_shipped_by_us"]


# -- archive -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("AFT-09")
def test_a_settled_order_is_archived_with_the_answer_known_so_far() -> None:
    visit = a_visit()
    outcome = archive(visit, Closing(settled=True, score=4))
    assert isinstance(outcome, Passed)
    assert outcome.effects == (Archived(visit.order, 4, NOW),)


@pytest.mark.requirement("AFT-09")
def test_an_unsettled_order_waits_for_its_payment() -> None:
    visit = a_visit()
    outcome = archive(visit, Closing())
    assert isinstance(outcome, Waiting)
    assert codes(outcome) == ["archive.unsettled"]
    assert (outcome.keys, outcome.until) == ((f"payment:{visit.order.id}",), NOW + SETTLEMENT_CHECKED_EVERY)
    assert outcome.effects == ()


@pytest.mark.requirement("AFT-09")
def test_a_process_without_settlement_archives_unsettled_orders() -> None:
    assert isinstance(archive(a_visit(activities=["logistics.plan"]), Closing()), Passed)


@pytest.mark.requirement("AFT-09")
def test_what_is_archived_is_not_archived_again() -> None:
    outcome = archive(a_visit(), Closing(archived=True))
    assert isinstance(outcome, Passed)
    assert outcome.effects == ()
