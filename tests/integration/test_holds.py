"""An order on hold makes no move until somebody resumes it; then it goes on where it stood, with nothing lost."""

from datetime import timedelta

import pytest

from shared import holds
from shared.audit import audit
from shared.tasks import Wish, decide
from tests.integration.test_facts import cancellation, payment
from tests.support.company import raw
from tests.support.database import AS_OWNER
from tests.support.office import Office, verdicts
from tests.support.waiting import at_once
from tests.support.words import sentence_of

NO_CREDIT = {"code": "C002", "name": "广州南海电器有限公司"}


def take(office: Office, **changes: object) -> str:
    (receipt,) = office.take(raw("A", **{"creator": "sam", "definition": "express", **changes}))
    assert receipt.number
    return receipt.number


def hold(office: Office, number: str, person: str = "sam", reason: str = "客户要求暂缓") -> str | None:
    with office.database.transaction() as session:
        refused = holds.hold(session, number, person, reason, office.rules, office.now)
    return refused.code if refused else None


def resume(office: Office, number: str, person: str = "sam", reason: str = "") -> str | None:
    with office.database.transaction() as session:
        refused, batches = holds.resume(session, number, person, reason, office.rules, office.now)
    office.queue += batches
    office.work()
    return refused.code if refused else None


@pytest.mark.requirement("APR-16")
def test_a_held_order_waits_visibly_and_goes_on_when_resumed(office: Office) -> None:
    number = take(office)
    assert hold(office, number) is None
    office.work()
    assert office.states() == {"A": "in_review"}
    assert office.rows("select split_part(key, ':', 1) from core.waits") == [("hold",)]
    assert office.history(number) == ["received", "held", "waiting"]
    office.assert_clean()
    assert resume(office, number, reason="可以发货") is None
    assert office.states() == {"A": "archived"}
    assert office.count("core.waits") == 0
    assert office.told()["orderflow.order_held"] == office.told()["orderflow.order_resumed"] == 1
    held = "select actor, data ->> 'reason' from core.events where kind in ('held', 'resumed') order by seq"
    assert office.rows(held) == [("sam", "客户要求暂缓"), ("sam", "可以发货")]
    assert ("held", "sam") in office.rows("select kind, recipient from core.notices")
    office.assert_clean()


@pytest.mark.requirement("APR-16")
def test_what_the_world_reports_meanwhile_counts_and_moves_it_afterwards(office: Office) -> None:
    number = take(office, definition="standard", payment={"method": "wire", "terms": "prepaid"})
    office.work()
    assert office.count("core.waits", "key like 'payment:%%'") == 1
    assert hold(office, number) is None
    before = office.states()
    office.report(payment(number))
    office.work()
    assert office.states() == before
    assert office.rows("select split_part(key, ':', 1) from core.waits") == [("hold",)]
    office.assert_clean()
    assert resume(office, number) is None
    assert office.states() != before
    assert office.count("core.waits", "key like 'hold:%%'") == 0
    office.assert_clean()


@pytest.mark.requirement("APR-16")
def test_a_decision_on_its_way_is_kept_and_no_other_is_taken(office: Office) -> None:
    number = take(office, customer=NO_CREDIT)
    office.work()
    ((task,),) = office.rows("select id from core.user_tasks where status = 'open'")
    office.decide("agree")
    assert hold(office, number) is None  # the department has not followed the decision yet
    office.work()
    assert office.rows("select task_id from core.waits") == [(task,)]
    office.assert_clean()
    assert resume(office, number) is None
    assert "agreed" in office.history(number)
    assert office.states() == {"A": "archived"}
    office.assert_clean()


@pytest.mark.requirement("APR-16", "AUD-01")
def test_its_tasks_are_decided_once_it_is_resumed(office: Office) -> None:
    number = take(office, customer=NO_CREDIT)
    office.work()
    assert hold(office, number) is None
    with office.database.transaction() as session:
        ((task,),) = session.rows("select id from core.user_tasks where status = 'open'")
        (refused,), batches = decide(session, [Wish(task, "fiona", "agree")], office.now)
    assert refused is not None
    assert (refused.code, batches) == ("task.held", [])
    assert sentence_of(refused) == (
        f"{number} 已由 sam 暂停，恢复后才能审批",
        f"{number} is on hold, by sam; it can be decided once it is resumed.",
    )
    assert resume(office, number) is None
    office.decide("agree")
    office.work()
    assert office.states() == {"A": "archived"}


@pytest.mark.requirement("APR-16", "AUD-01")
def test_who_may_and_when(office: Office) -> None:
    number = take(office)
    assert hold(office, number, reason=" ") == "hold.reason"
    assert hold(office, number, person="wei") == "person.role"
    assert hold(office, number, person="nobody") == "person.unknown"
    assert hold(office, "SO-1") == "order.unknown"
    assert resume(office, number) == "hold.none"
    tried = "select action, data ->> 'refused' from core.audit_log where subject = %s order by id"
    assert office.rows(tried, number) == [
        ("order.hold", "hold.reason"),
        ("order.hold", "person.role"),
        ("order.hold", "person.unknown"),
        ("order.resume", "hold.none"),
    ]
    office.work()
    assert office.states() == {"A": "archived"}
    assert hold(office, number) == "hold.state"


@pytest.mark.requirement("APR-16")
def test_it_is_refused_while_a_handling_comment_is_owed(office: Office) -> None:
    number = take(office, customer=NO_CREDIT)
    office.work()
    office.now += timedelta(days=70)
    assert hold(office, number) == "comment.needed"
    assert office.count("core.orders", "held_by is not null") == 0


@pytest.mark.requirement("APR-16")
def test_a_cancellation_ends_the_hold(office: Office) -> None:
    number = take(office)
    assert hold(office, number) is None
    office.work()
    assert verdicts(office.report(cancellation(number))) == ["accepted"]
    office.work()
    assert office.states() == {"A": "cancelled"}
    assert office.count("core.orders", "held_by is not null") == office.count("core.waits") == 0
    office.assert_clean()


@pytest.mark.requirement("APR-16")
def test_of_many_at_once_one_holds_it_and_one_resumes_it(office: Office) -> None:
    number = take(office)
    answers: list[str | None] = []
    at_once(*[lambda: answers.append(hold(office, number))] * 8)
    assert sorted(map(str, answers)) == ["None", *["hold.already"] * 7]
    office.work()
    assert office.count("core.waits") == 1

    def go_on() -> None:
        with office.database.transaction() as session:
            refused, batches = holds.resume(session, number, "sam", "", office.rules, office.now)
        answers.append(refused.code if refused else None)
        office.queue.extend(batches)

    answers.clear()
    at_once(*[go_on] * 8)
    assert sorted(map(str, answers)) == ["None", *["hold.none"] * 7]
    office.work()
    assert office.states() == {"A": "archived"}
    office.assert_clean()


def test_a_hold_that_nobody_told_of_is_found(office: Office) -> None:
    take(office, customer=NO_CREDIT)
    office.work()
    with office.database.transaction() as session:
        session.write(AS_OWNER)
        session.write("update core.orders set held_by = 'sam'")
    assert [each.invariant for each in audit(office.database, []).breaches] == ["order.on_hold_as_told"]
