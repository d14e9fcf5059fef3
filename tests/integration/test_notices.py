"""Notices against a real PostgreSQL: who is told what, once each; reminders and urging."""

import json
from collections import Counter
from datetime import timedelta

import pytest

from shared import notices
from shared.authority import Refusal
from shared.calendar import Deadline, deadline
from shared.purge import purge
from shared.rulebook import rulebook
from shared.urging import urge
from shared.withdrawals import withdraw
from tests.support.definitions import step
from tests.support.desk import APPROVE, Desk, desk, steps
from tests.support.orders import NOW
from tests.support.terminal import Run, answered, run, said
from tests.support.waiting import at_once

__all__ = ["desk", "run"]

PAUSE = timedelta(hours=4)


def told(desk: Desk, kind: str) -> list[tuple[str, str]]:
    """Recipient and data of the notices of one kind."""
    return [
        (row[0], row[1])
        for row in desk.rows("select recipient, data from core.notices where kind = %s order by 1", kind)
    ]


def recipients(desk: Desk, kind: str) -> list[str]:
    return [recipient for recipient, _ in told(desk, kind)]


def urged(desk: Desk, task: str, person: str) -> Refusal | None:
    with desk.database.transaction() as session:
        policies = rulebook().policies
        return urge(session, task, person, desk.definitions, policies, desk.now, PAUSE)


@pytest.mark.requirement("APR-10", "APR-04", "APR-11")
def test_each_result_is_told_to_the_creator_and_the_departments_and_each_task_to_its_holders(desk: Desk) -> None:
    (order,) = desk.open()
    assert recipients(desk, "referred") == ["role:sales_manager", "role:sales_supervisor"]
    desk.agree(desk.task(order), "max")
    assert recipients(desk, "agreed") == ["department:sales_review", "sam"]
    assert recipients(desk, "referred") == ["role:finance_clerk", "role:sales_manager", "role:sales_supervisor"]
    desk.agree(desk.task(order), "fiona")
    assert recipients(desk, "approved") == ["department:sales_review", "sam"]
    data = json.loads(dict(told(desk, "approved"))["sam"])
    days = rulebook().policies.get("standard@1").approval_validity_days
    assert data["valid_until"] == deadline(NOW, Deadline(days, "day")).isoformat().replace("+00:00", "Z")
    assert data["delivery_date"] == "2026-07-15"
    assert len(recipients(desk, "agreed")) == 2, "the last agreement is told as the approval that it is"
    desk.assert_clean()


@pytest.mark.requirement("APR-03", "APR-08", "APR-10")
def test_the_creator_is_told_the_reason_and_what_must_be_improved(desk: Desk) -> None:
    (order,) = desk.open()
    desk.agree(desk.task(order), "max")
    desk.disagree(desk.task(order), "fiona", reason="价格过高", requested_change="降价 5%")
    ((person, text),) = [each for each in told(desk, "disagreed") if each[0] == "sam"]
    data = json.loads(text)
    assert (person, data["by"], data["reason"], data["requested_change"]) == ("sam", "fiona", "价格过高", "降价 5%")
    assert recipients(desk, "returned") == ["sam"], "once everything is undone"
    assert "department:sales_review" in recipients(desk, "disagreed")


@pytest.mark.requirement("APR-10", "PLT-03")
def test_a_message_that_comes_twice_tells_nobody_twice(desk: Desk) -> None:
    (order,) = desk.open()
    before = desk.count("core.notices")
    task = desk.task(order)
    with desk.database.transaction() as session:
        from shared.tasks import Wish, decide

        (_,), batches = decide(session, [Wish(task, "max", "agree")], desk.now)
    desk.queue += batches * 3
    desk.work()
    new = desk.rows("select event_key, recipient from core.notices order by at, id")[before:]
    assert max(Counter(new).values()) == 1
    assert recipients(desk, "agreed") == ["department:sales_review", "sam"]
    # and where it is told again all the same, it is there already
    with desk.database.transaction() as session:
        row = session.row("select event_key, recipient, order_id, kind, data from core.notices limit 1")
        assert row
        notices.write(session, [notices.Notice(*row)], desk.now)
    assert desk.count("core.notices") == before + len(new)


@steps(step("sales", activity="sales_review.check"), step("finance", activity="sales_review.check", reaches="approved"))
@pytest.mark.requirement("APR-10")
def test_an_order_that_passes_by_itself_tells_nobody_anything(desk: Desk) -> None:
    desk.open(3)
    assert set(desk.states().values()) == {"archived"}
    assert desk.count("core.notices") == 0


@steps(
    step("sales", roles=["sales_manager"], **APPROVE),
    step("finance", activity="sales_review.check", reaches="approved"),
)
@pytest.mark.requirement("APR-10", "APR-11")
def test_an_approval_that_a_rule_completes_is_told_where_people_decided_before(desk: Desk) -> None:
    (order,) = desk.open()
    desk.agree(desk.task(order), "max")
    assert recipients(desk, "approved") == ["department:sales_review", "sam"]


@pytest.mark.requirement("APR-05", "APR-10")
def test_whom_a_task_is_handed_to_is_told(desk: Desk) -> None:
    (order,) = desk.open()
    desk.hand_over(desk.task(order), "max", "sue")
    assert recipients(desk, "transferred") == ["sue"]


@pytest.mark.requirement("APR-17", "APR-04")
def test_people_read_what_is_for_them_and_nobody_is_asked_about_their_own_order(desk: Desk, run: Run) -> None:
    desk.open()
    for person, kinds in (("max", ["referred"]), ("sue", ["referred"]), ("sam", []), ("fiona", [])):
        found = answered(run("notices", "--as", person, "--unread", "--json"))
        assert [each["kind"] for each in found] == kinds, person
    assert "等待您审批" in said(run("notices", "--as", "max", "--lang", "zh"))
    assert "waits for your decision" in said(run("notices", "--as", "max", "--lang", "en"))
    assert answered(run("notices", "read", "--as", "max", "--json")) == {"read": 1}
    assert answered(run("notices", "--as", "max", "--unread", "--json")) == []
    assert len(answered(run("notices", "--as", "max", "--json"))) == 1
    assert len(answered(run("notices", "--as", "sue", "--unread", "--json"))) == 1, "sue has not read it"
    assert answered(run("notices", "read", "--as", "fiona", "--json")) == {"read": 0}
    assert run("notices").exit_code == 2


def test_what_reaches_a_person_in_several_ways_they_see_once(desk: Desk, run: Run) -> None:
    desk.change("insert into core.staff (id, name, roles) values ('both', 'B', '{sales_manager,sales_supervisor}')")
    desk.open()
    (seen,) = answered(run("notices", "--as", "both", "--unread", "--json"))
    assert answered(run("notices", "read", seen["id"], "--as", "both", "--json")) == {"read": 1}
    assert answered(run("notices", "--as", "both", "--unread", "--json")) == []


def test_nobody_is_told_of_their_own_withdrawal(desk: Desk) -> None:
    (order,) = desk.open()
    number = desk.rows("select number from core.order_headers where order_id = %s", order)[0][0]
    with desk.database.transaction() as session:
        policies = rulebook().policies
        refused, _ = withdraw(session, number, "sam", "", desk.definitions, policies, desk.now)
    assert refused is None
    assert recipients(desk, "returned") == []


@pytest.mark.requirement("APR-12", "AUD-01")
def test_urging_tells_the_approvers_and_is_refused_until_the_pause_is_over(desk: Desk) -> None:
    (order,) = desk.open()
    task = desk.task(order)
    refused = urged(desk, task, "fiona")
    assert refused is not None
    assert refused.code == "urging.not_yours"
    assert urged(desk, task, "sam") is None
    assert recipients(desk, "urged") == ["role:sales_manager", "role:sales_supervisor"]
    assert [who for who, _ in desk.events(order, "urged")] == ["sam"]
    desk.now = NOW + PAUSE - timedelta(microseconds=1)
    assert urged(desk, task, "ole") == Refusal("urging.too_soon", {"at": NOW, "again_at": NOW + PAUSE})
    desk.now = NOW + PAUSE
    desk.hand_over(task, "max", "sue")
    assert urged(desk, task, "ole") is None
    assert recipients(desk, "urged") == ["role:sales_manager", "role:sales_supervisor", "sue"]
    assert desk.count("core.audit_log", "action = 'task.urge'") == 2
    desk.agree(task, "sue")
    refused = urged(desk, task, "sam")
    assert refused is not None
    assert refused.code == "task.decided"
    desk.assert_clean()


def test_of_two_who_urge_at_the_same_moment_one_does(desk: Desk) -> None:
    (order,) = desk.open()
    task = desk.task(order)
    answers: list[Refusal | None] = []
    at_once(lambda: answers.append(urged(desk, task, "sam")), lambda: answers.append(urged(desk, task, "ole")))
    assert sorted(answer.code if answer else "" for answer in answers) == ["", "urging.too_soon"]
    assert len(desk.events(order, "urged")) == 1


def test_a_task_is_urged_through_the_command_line(desk: Desk, run: Run) -> None:
    (order,) = desk.open(definition=desk.definitions.get("d02_order_review@1"))
    task = desk.task(order)
    assert run("urge", task, "--as", "sam").exit_code == 0
    for language, words in (("zh", "后可再次催办"), ("en", "may be urged again from")):
        again = run("urge", task, "--as", "sam", "--lang", language)
        assert (again.exit_code, words in said(again)) == (1, True)
    assert "没有任务" in said(run("urge", "x", "--as", "sam", "--lang", "zh"))


@pytest.mark.requirement("APR-15", "APR-10")
def test_the_creator_of_a_purged_document_is_told(desk: Desk) -> None:
    desk.open()
    with desk.database.transaction() as session:
        count, batches = purge(session, desk.definitions, rulebook().policies, NOW + timedelta(days=30), 10)
    desk.queue += batches
    desk.work()
    assert count == 1
    assert "sam" in recipients(desk, "purged")
    assert desk.count("core.notices", "kind = 'purged' and recipient = 'sam'") == 1
