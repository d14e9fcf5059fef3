"""Promised delivery dates (承诺交期), pure: which is proposed, and whether everybody confirmed it."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from shared import policy
from shared.department import Passed, Referred, Returned, Unworkable, Visit, Waiting
from tests.support.orders import NOW, an_order
from workers.logistics.promise_rules import (
    CONFIRM,
    LOOK_AGAIN_AFTER,
    Answer,
    Asked,
    Outlook,
    Promise,
    Proposed,
    confirm,
    promise,
    refuse_answer,
)
from workers.logistics.promises import Stock, arrives
from workers.logistics.rules import Papers, ship

pytestmark = pytest.mark.requirement("LOG-08")
ORDER = an_order()  # three P001 and two P002, wanted on 15 July 2026, a Wednesday
WANTED = ORDER.requested_date
DAY = timedelta(days=1)
KEY = (f"promise:{ORDER.id}",)
YES, NO = Answer(True, "li.na"), Answer(False, "li.na", WANTED + 2 * DAY)
MONDAY = date(2026, 6, 15)


def visit(**changes: Any) -> Visit:
    return msgspec.structs.replace(Visit(ORDER, 1, "promise", {}, policy.load().get("standard@1"), NOW), **changes)


def codes(outcome: Any) -> list[str]:
    return [each.code for each in outcome.findings]


def stock(**changes: Any) -> Stock:
    return replace(Stock(MONDAY, {"P001": 3, "P002": 2}, transit={("CN", "上海"): 2}), **changes)


def test_goods_in_stock_leave_today_and_travel() -> None:
    assert arrives(ORDER, stock()) == (MONDAY + 2 * DAY, 2)
    assert arrives(ORDER, stock(transit={})) == (MONDAY, 0)


def test_what_is_short_is_waited_for_to_the_piece() -> None:
    day = date(2026, 7, 6)
    short = {"P001": 2, "P002": 2}
    assert arrives(ORDER, stock(available=short)) == (None, 2)
    assert arrives(ORDER, stock(available=short, expected={(ORDER.id, "P001"): day})) == (day + 2 * DAY, 2)
    assert arrives(ORDER, stock(available=short, expected={("other", "P001"): day})) == (None, 2)
    assert arrives(ORDER, stock(available={}, reserved=frozenset({ORDER.id}))) == (MONDAY + 2 * DAY, 2)


def test_goods_leave_and_arrive_on_working_days() -> None:
    saturday = date(2026, 7, 4)
    expected = {(ORDER.id, "P001"): saturday}
    assert arrives(ORDER, stock(available={"P002": 2}, expected=expected))[0] == date(2026, 7, 8), "leaves on Monday"
    thursday = date(2026, 7, 9)
    assert arrives(ORDER, stock(today=thursday))[0] == date(2026, 7, 13), "Saturday becomes Monday"
    free = {date(2026, 7, 13): False}
    assert arrives(ORDER, stock(today=thursday, overrides=free))[0] == date(2026, 7, 14)


@pytest.mark.parametrize(("days", "asks"), [(-1, False), (0, False), (1, True)])
def test_the_requested_day_is_promised_if_it_can_be_kept(days: int, asks: bool) -> None:
    outcome = promise(visit(), Outlook(None, WANTED + days * DAY, 2))
    assert isinstance(outcome, Referred if asks else Passed)
    day = WANTED + max(days, 0) * DAY
    assert outcome.effects == (Proposed(ORDER.id, ORDER.number, 1, day, ("sales", "customer"), NOW, transit_days=2),)
    if isinstance(outcome, Referred):
        assert codes(outcome) == ["promise.later"]


def test_without_a_day_to_propose_the_order_waits_for_a_persons() -> None:
    outcome = promise(visit(), Outlook(None, None))
    assert isinstance(outcome, Waiting)
    assert (outcome.keys, outcome.until, codes(outcome)) == (KEY, NOW + LOOK_AGAIN_AFTER, ["promise.no_date"])
    theirs = Promise(1, WANTED + 9 * DAY)
    assert isinstance(promise(visit(), Outlook(theirs, None)), Passed)


def test_after_a_refusal_the_day_that_is_wanted_is_proposed_or_nothing() -> None:
    refused = Promise(1, WANTED, withdrawn=True, answers={"customer": NO})
    outcome = promise(visit(), Outlook(refused, WANTED))
    assert isinstance(outcome, Referred)
    assert [(each.number, each.promised_on) for each in outcome.effects] == [(2, WANTED + 2 * DAY)]
    earlier = replace(refused, answers={"customer": replace(NO, wanted=WANTED - 3 * DAY)})
    stuck = promise(visit(), Outlook(earlier, WANTED))
    assert isinstance(stuck, Waiting)
    assert codes(stuck) == ["promise.refused_again"]


def test_the_step_says_who_must_confirm() -> None:
    outcome = promise(visit(options={"confirmed_by": "customer"}), Outlook(None, WANTED))
    assert isinstance(outcome, Passed)
    assert outcome.effects[0].parties == ("customer",)
    with pytest.raises(Unworkable):
        promise(visit(options={"confirmed_by": "boss"}), Outlook(None, WANTED))


def test_a_date_is_confirmed_by_all_parties() -> None:
    one = Promise(3, WANTED)
    asked = confirm(visit(), Outlook(one, WANTED))
    assert isinstance(asked, Waiting)
    assert codes(asked) == ["promise.unconfirmed_sales", "promise.unconfirmed_customer"]
    assert asked.effects == (Asked(ORDER, 1, 3, WANTED, NOW),)
    half = confirm(visit(), Outlook(replace(one, answers={"customer": YES}), WANTED))
    assert isinstance(half, Waiting)
    assert (codes(half), half.effects) == (["promise.unconfirmed_sales"], ())
    both = replace(one, answers={"customer": YES, "sales": YES})
    assert confirm(visit(), Outlook(both, None)) == Passed(basis={"promised_date": WANTED.isoformat()})
    nobody = confirm(visit(), Outlook(None, WANTED))
    assert isinstance(nobody, Waiting)
    assert codes(nobody) == ["promise.none"]


def test_a_refusal_or_a_delay_takes_the_order_back() -> None:
    refused = confirm(visit(), Outlook(Promise(1, WANTED, answers={"sales": YES, "customer": NO}), WANTED))
    assert isinstance(refused, Returned)
    assert codes(refused) == ["promise.refused"]
    assert isinstance(confirm(visit(), Outlook(Promise(1, WANTED), WANTED)), Waiting)
    late = confirm(visit(), Outlook(Promise(1, WANTED), WANTED + DAY))
    assert isinstance(late, Returned)
    assert codes(late) == ["promise.delayed"]


def test_an_answer_counts_for_the_open_date_only_and_once() -> None:
    one = Promise(1, WANTED, answers={"sales": YES})
    assert refuse_answer(one, "customer", WANTED) is None
    for last, party, day, code in (
        (None, "sales", WANTED, "promise.none"),
        (replace(one, withdrawn=True), "customer", WANTED, "promise.none"),
        (one, "customer", WANTED + DAY, "promise.other_date"),
        (one, "sales", WANTED, "promise.answered"),
    ):
        refusal = refuse_answer(last, party, day)
        assert refusal is not None
        assert refusal.code == code


def test_goods_wait_until_the_date_is_confirmed_where_the_process_has_that() -> None:
    at = visit(activities=frozenset({CONFIRM}))
    waiting = ship(at, Papers(approved=True, promise=Promise(1, WANTED, answers={"sales": YES})))
    assert isinstance(waiting, Waiting)
    assert (waiting.keys, codes(waiting)) == (KEY, ["promise.unconfirmed_customer"])
    both = Promise(1, WANTED, answers={"sales": YES, "customer": YES})
    assert isinstance(ship(at, Papers(approved=True, promise=both)), Passed)
    assert isinstance(ship(visit(), Papers(approved=True)), Passed)
