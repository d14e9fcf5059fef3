"""Purge (清除) and lapse (失效): what time does to documents, exactly at the limit and one moment later."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared import policy
from shared.lapse import START, lapse
from shared.purge import purge
from shared.tasks import Refusal, Wish, decide
from shared.words import explain
from tests.support.company import raw
from tests.support.definitions import step
from tests.support.facts import fact
from tests.support.office import Office, verdicts
from tests.support.orders import NOW, submitted
from tests.support.waiting import at_once

POLICIES = policy.load()
NANHAI = {"code": "C002", "name": "广州南海电器有限公司"}
MOMENT = timedelta(microseconds=1)
# Handed in on Monday 15 June 2026: a week later is Monday the 22nd, close of business.
LIMIT = datetime(2026, 6, 22, 10, 0, tzinfo=UTC)
# Approved the same day for 30 days: Wednesday 15 July.
VALID_UNTIL = datetime(2026, 7, 15, 10, 0, tzinfo=UTC)
SHORT = [{"product": "P003", "quantity": 2, "unit_price": "10.00"}]


def purged(office: Office, now: datetime, limit: int = 500) -> int:
    """How many were purged then."""
    office.now = now
    with office.database.transaction() as session:
        count, batches = purge(session, office.definitions, POLICIES, now, limit)
    office.queue += batches
    return count


def lapsed(office: Office, now: datetime) -> int:
    office.now = now
    with office.database.transaction() as session:
        after, count, batches = lapse(session, office.definitions, POLICIES, now, START, 500)
    assert after is None
    office.queue += batches
    return count


def in_review(office: Office, external_id: str = "A", **changes: Any) -> str:
    """An order that finance has been asked about."""
    (receipt,) = office.take(raw(external_id, **{"creator": "sam", "customer": NANHAI, **changes}))
    office.work()
    return receipt.number or ""


# -- purge -------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("APR-13", "APR-14", "APR-15")
def test_a_document_exactly_at_the_limit_stays_and_a_moment_later_goes(office: Office) -> None:
    number = in_review(office)
    assert purged(office, LIMIT) == 0
    assert purged(office, LIMIT + MOMENT) == 1
    assert office.states() == {"A": "cancelling"}
    assert office.count("core.user_tasks", "status = 'open'") == 0
    office.work()
    assert office.states() == {"A": "purged"}
    assert office.count("core.batches") == 0
    assert office.history(number)[-3:] == ["purged", "undone", "undone"]
    assert purged(office, LIMIT + timedelta(days=30)) == 0
    recipients = [row[0] for row in office.rows("select recipient from core.notices where kind = 'purged'")]
    assert sorted(recipients) == ["department:finance", "department:sales_review", "sam"]
    told = office.told()
    assert (told["orderflow.order.cancelling"], told["orderflow.order.purged"]) == (1, 1)
    (row,) = office.rows("select data->'reason'->'findings'->0 from core.outbox_events"
                         " where type = 'orderflow.order.cancelling'")  # fmt: skip
    sentence = "Handed in at 2026-06-15 10:00 and not reviewed by 2026-06-22 18:00 (1 week)"
    assert explain(json.loads(row[0]), "en") == sentence
    office.assert_clean()


@pytest.mark.requirement("APR-13", "APR-14")
def test_a_last_day_that_is_not_working_moves_the_limit(office: Office) -> None:
    """Handed in on Thursday 24 September 2026; a week later is National Day, and the 8th is the next working day."""
    office.now = datetime(2026, 9, 24, 2, 0, tzinfo=UTC)
    in_review(office, requested_date="2026-12-01")
    after = datetime(2026, 10, 8, 10, 0, tzinfo=UTC)
    assert purged(office, after) == 0
    assert purged(office, after + MOMENT) == 1


@pytest.mark.requirement("APR-13", "APR-14", "APR-11")
def test_the_companys_own_calendar_moves_both_limits(office: Office) -> None:
    """The company closes on the last day of each, so that the day after is the last."""
    in_review(office, "reviewed")
    office.take(raw("approved", creator="sam", lines=SHORT, total="20.00"))
    office.work()
    closed = {LIMIT.date(): False, VALID_UNTIL.date(): False}
    day = timedelta(days=1)
    purge_day, lapse_day = LIMIT + day, VALID_UNTIL + day
    for moment, purges, lapses in (
        (purge_day, 0, 0), (purge_day + MOMENT, 1, 0), (lapse_day, 0, 0), (lapse_day + MOMENT, 0, 1),
    ):  # fmt: skip
        office.now = moment
        with office.database.transaction() as session:
            count, batches = purge(session, office.definitions, POLICIES, moment, 10, closed)
            _, lapsed_now, more = lapse(session, office.definitions, POLICIES, moment, START, 10, closed)
        assert (count, lapsed_now) == (purges, lapses), moment
        office.queue += [*batches, *more]
        office.work()
    assert office.states() == {"reviewed": "purged", "approved": "returned"}
    office.assert_clean()


@pytest.mark.requirement("APR-15", "WHS-02")
def test_a_purged_document_holds_nothing_any_more(office: Office) -> None:
    """Finance has passed it and holds credit when senior management is asked and does not answer."""
    office.take(raw("A", creator="sam", special_requirements="木箱"))
    office.work()
    assert office.count("finance.credit_holds", "open_minor > 0") == 1
    assert purged(office, LIMIT + MOMENT) == 1
    office.work()
    assert office.count("finance.credit_holds", "open_minor > 0") == 0
    assert office.states() == {"A": "purged"}
    office.assert_clean()


@pytest.mark.requirement("APR-15", "WHS-02")
def test_a_purged_document_releases_its_stock(office: Office) -> None:
    """Its process reserves before the review ends; the last goods that there are go to whoever waited for them."""
    office.follows(
        step("reserve", activity="warehouse.reserve", roles=["warehouse_keeper"]),
        step("boss", activity="sales_review.approve", mode="manual", roles=["senior_management"]),
        ends_in="ended",
    )
    office.report(fact("goods_received", product="P003", quantity=2))
    office.work()
    both = {"creator": "sam", "definition": "sample", "lines": SHORT, "total": "20.00"}
    office.take(raw("first", **both), raw("second", **both))
    office.work()
    assert office.count("core.waits", "key = 'stock:P003'") == 1
    assert office.count("core.user_tasks", "status = 'open'") == 1
    assert purged(office, LIMIT + MOMENT) == 1
    office.work()
    assert office.count("core.waits") == 0, "the goods are free again, and the other order has them"
    assert Counter(office.states().values()) == {"purged": 1, "in_review": 1}
    office.assert_clean()


@pytest.mark.requirement("APR-14")
def test_the_clock_starts_again_with_a_resubmission_and_stands_still_while_returned(office: Office) -> None:
    number = in_review(office)
    office.decide("disagree", reason="no credit", requested_change="less")
    office.work()
    assert purged(office, LIMIT + timedelta(days=10)) == 0, "it is with its creator"
    again = datetime(2026, 7, 6, 2, 0, tzinfo=UTC)
    office.now = again
    document = submitted("A", creator="sam", customer=NANHAI)
    assert verdicts(office.report(fact("order_resubmitted", order=number, by="sam", document=document))) == ["accepted"]
    office.work()
    assert purged(office, datetime(2026, 7, 13, 10, 0, tzinfo=UTC)) == 0
    assert purged(office, datetime(2026, 7, 13, 10, 0, tzinfo=UTC) + MOMENT) == 1
    office.work()
    assert office.states() == {"A": "purged"}
    office.assert_clean()


@pytest.mark.requirement("APR-14", "APR-15")
def test_several_reviewers_at_once_have_one_document_purged(office: Office) -> None:
    review = {"activity": "sales_review.approve", "mode": "manual", "group": "review"}
    office.follows(step("one", **review), step("two", roles=["warehouse_keeper"], **review), ends_in="ended")
    office.take(*[raw(f"R{place}", creator="sam", definition="sample") for place in range(4)])
    office.work()
    assert office.count("core.user_tasks", "status = 'open'") == 8
    assert sum(purged(office, LIMIT + MOMENT, limit=5) for _ in range(3)) == 4
    office.work()
    assert office.count("core.user_tasks", "status = 'closed'") == 8
    assert Counter(office.states().values()) == {"purged": 4}
    office.assert_clean()


@pytest.mark.requirement("APR-14")
def test_what_has_passed_its_review_is_not_purged(office: Office) -> None:
    """An approved order waits for goods, and an order in the warehouse's inbox is not unreviewed either."""
    office.take(raw("A", creator="sam", lines=SHORT, total="20.00"))
    office.work()
    assert office.states() == {"A": "approved"}
    assert purged(office, LIMIT + timedelta(days=1)) == 0


@pytest.mark.requirement("APR-15", "APR-04")
def test_a_decision_after_the_purge_is_refused(office: Office) -> None:
    in_review(office)
    ((task,),) = office.rows("select id from core.user_tasks")
    purged(office, LIMIT + MOMENT)
    with office.database.transaction() as session:
        answers, batches = decide(session, [Wish(task, "fiona", "agree")], office.now)
    assert [answer.code for answer in answers if answer] == ["task.closed"]
    assert batches == []
    office.work()
    assert office.states() == {"A": "purged"}
    office.assert_clean()


@pytest.mark.requirement("APR-15")
def test_a_decision_and_the_purge_at_once_have_one_outcome(office: Office) -> None:
    for place in range(40):
        office.take(raw(f"R{place}", creator="sam", customer=NANHAI))
    office.work()
    tasks = [row[0] for row in office.rows("select id from core.user_tasks order by id")]
    answers: list[Refusal | None] = []
    gone: list[int] = []
    office.now = LIMIT + MOMENT

    def press() -> None:
        for task in tasks:
            with office.database.transaction() as session:
                (answer,), batches = decide(session, [Wish(task, "fiona", "agree")], office.now)
            answers.append(answer)
            office.queue += batches

    def clear() -> None:
        while (count := purged(office, office.now, limit=3)) or len(answers) < len(tasks):
            gone.append(count)

    at_once(press, clear)
    office.work()
    states = Counter(office.states().values())
    assert states["purged"] == sum(gone)
    assert answers.count(None) == 40 - states["purged"]
    assert office.count("core.events", "kind = 'agreed'") == answers.count(None)
    office.assert_clean()


@pytest.mark.requirement("APR-14")
def test_what_somebody_holds_is_passed_by_and_purged_the_next_time(office: Office) -> None:
    in_review(office, "A")
    in_review(office, "B")
    with office.database.transaction() as session:
        session.rows("select 1 from core.orders o join core.order_headers h on h.order_id = o.id"
                     " where external_id = 'A' for update of o")  # fmt: skip
        assert purged(office, LIMIT + MOMENT) == 1
    assert purged(office, LIMIT + MOMENT) == 1
    office.work()
    assert set(office.states().values()) == {"purged"}
    office.assert_clean()


# -- lapse -------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("APR-11", "APR-13")
def test_an_approval_is_good_to_the_last_moment_of_its_validity(office: Office) -> None:
    (receipt,) = office.take(raw("A", creator="sam", lines=SHORT, total="20.00"))
    office.work()
    assert office.count("finance.credit_holds", "open_minor > 0") == 1
    assert lapsed(office, VALID_UNTIL) == 0
    assert lapsed(office, VALID_UNTIL + MOMENT) == 1
    office.work()
    assert office.states() == {"A": "returned"}
    assert office.history(receipt.number).count("lapsed") == 1
    assert office.count("core.notices", "kind = 'lapsed' and recipient = 'sam'") == 1
    assert office.count("finance.credit_holds", "open_minor > 0") == office.count("core.waits") == 0
    assert lapsed(office, VALID_UNTIL + timedelta(days=90)) == 0
    office.assert_clean()


@pytest.mark.requirement("APR-11", "APR-09")
def test_a_lapsed_order_is_resubmitted_for_another_approval(office: Office) -> None:
    (receipt,) = office.take(raw("A", creator="sam", lines=SHORT, total="20.00"))
    office.work()
    lapsed(office, VALID_UNTIL + MOMENT)
    office.work()
    document = submitted("A", creator="sam", lines=SHORT, total="20.00", requested_date="2026-12-01")
    again = fact("order_resubmitted", order=receipt.number, by="sam", document=document)
    assert verdicts(office.report(again)) == ["accepted"]
    office.work()
    assert office.rows("select state, round from core.orders") == [("approved", 2)]
    assert lapsed(office, VALID_UNTIL + timedelta(days=20)) == 0, "its validity counts from the new approval"
    office.assert_clean()


@pytest.mark.requirement("APR-11")
def test_released_and_contracted_orders_do_not_lapse(office: Office) -> None:
    prepaid = {"payment": {"method": "wire", "terms": "prepaid"}}
    (unpaid,) = office.take(raw("unpaid", creator="sam", lines=SHORT, total="20.00", **prepaid))
    (paid,) = office.take(raw("paid", creator="sam", lines=SHORT, total="20.00", **prepaid))
    (contracted,) = office.take(raw("contracted", creator="sam", lines=SHORT, total="20.00"))
    office.work()
    money = {"reference": "TT-1", "amount": "20.00", "currency": "CNY", "method": "wire"}
    office.report(fact("payment_received", order=paid.number, **money))
    office.work()
    with office.database.transaction() as session:
        session.write(
            "insert into core.links (order_id, kind, other_id, at)"
            " select (select order_id from core.order_headers where number = %s), 'contract_of', order_id, %s"
            " from core.order_headers where number = %s",
            paid.number, NOW, contracted.number,
        )  # fmt: skip
    assert set(office.states().values()) == {"approved"}
    assert lapsed(office, VALID_UNTIL + MOMENT) == 1
    office.work()
    assert office.states() == {"unpaid": "returned", "paid": "approved", "contracted": "approved"}
    assert unpaid.number
    office.assert_clean()
