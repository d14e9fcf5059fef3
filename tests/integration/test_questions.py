"""Asking the customer (INT-08) against a real PostgreSQL: the order waits, the answer brings it back to its step."""

import json

import psycopg
import pytest

from shared.audit import audit
from shared.authority import Refusal, Wish
from shared.questions import ASK, ask
from shared.rulebook import rulebook
from tests.support.definitions import step
from tests.support.desk import APPROVE, Desk, desk, steps
from tests.support.facts import fact
from tests.support.office import codes, verdicts
from tests.support.terminal import Run, answered, run, said
from tests.support.waiting import at_once

__all__ = ["desk", "run"]

QUESTION, ANSWER = "收货时间有要求吗?", "工作日 9–17 点"


def asked(desk: Desk, task: str, person: str, text: str = QUESTION) -> Refusal | None:
    with desk.database.transaction() as session:
        return ask(session, Wish(task, person, ASK), text, desk.definitions, rulebook().policies, desk.now)


def number(desk: Desk, order: str) -> str:
    return str(desk.rows("select number from core.order_headers where order_id = %s", order)[0][0])


def answer(desk: Desk, order: str, fact_id: str = "", text: str = ANSWER) -> bytes:
    return fact("information_given", fact_id, order=number(desk, order), answer=text)


def code(refusal: Refusal | None) -> str | None:
    return refusal.code if refusal else None


@pytest.mark.requirement("INT-08", "AUD-01")
def test_the_order_waits_for_the_answer_and_the_same_step_of_the_same_round_goes_on(desk: Desk) -> None:
    (order,) = desk.open()
    task = desk.task(order)
    assert asked(desk, task, "max") is None
    assert desk.rows("select key, step, round from core.waits") == [(f"information:{order}", "sales", 1)]
    assert desk.count("core.user_tasks", "status = 'open'") == 0
    assert desk.states().popitem()[1] == "in_review"
    assert desk.told()["orderflow.information.requested"] == 1
    desk.assert_clean()
    assert code(desk.agree(task, "sue")) == "task.asked"
    assert verdicts(desk.report(answer(desk, order))) == ["accepted"]
    desk.work()
    new = desk.task(order, "sales")
    assert new != task
    assert desk.rows("select round from core.user_tasks where id = %s", new) == [(1,)]
    ((who, data),) = desk.events(order, "information_given")
    assert (who, json.loads(data)["question"], json.loads(data)["answer"]) == ("shop", QUESTION, ANSWER)
    ((who, data),) = desk.events(order, "information_requested")
    assert (who, json.loads(data)["question"]) == ("max", QUESTION)
    assert desk.agree(new, "max") is None
    assert desk.task(order, "finance")
    desk.assert_clean()


@pytest.mark.requirement("INT-08", "TRK-03")
def test_the_customer_is_written_each_question_once_and_the_answer_resumes_the_step(desk: Desk) -> None:
    (order,) = desk.open()
    assert asked(desk, desk.task(order), "max") is None
    assert code(asked(desk, desk.rows("select task_id from core.questions")[0][0], "max")) == "task.asked"
    desk.report(answer(desk, order))
    desk.work()
    assert asked(desk, desk.task(order), "max", "发票抬头 {如何} 写?") is None
    letters = desk.rows("select kind, number, subject, body from core.letters order by id")
    assert [letter[:3] for letter in letters] == [
        ("information_request", number(desk, order), f"关于订单 {number(desk, order)} 的询问")
    ] * 2
    assert QUESTION in letters[0][3]
    assert "发票抬头 {如何} 写?" in letters[1][3]
    assert desk.told()["orderflow.letter.information_request"] == 2
    desk.report(answer(desk, order))
    desk.work()
    assert desk.agree(desk.task(order, "sales"), "max") is None
    desk.assert_clean()


@pytest.mark.requirement("INT-08")
def test_an_answer_without_a_question_and_a_second_one_are_refused_with_the_reason(desk: Desk) -> None:
    (order,) = desk.open()
    (unasked,) = desk.report(answer(desk, order))
    assert codes(unasked) == {"order": "question.none"}
    asked(desk, desk.task(order), "max")
    receipts = desk.report(answer(desk, order, "I-1"), answer(desk, order, "I-2", "egal"))
    assert verdicts(receipts) == ["accepted", "refused"]
    assert verdicts(desk.report(answer(desk, order, "I-1"))) == ["repeated"]
    assert verdicts(desk.report(answer(desk, order, "I-3"))) == ["refused"]
    assert desk.rows("select answer from core.questions") == [(ANSWER,)]
    assert desk.count("core.audit_log", "action = 'fact.information_given'") == 3
    desk.work()
    assert desk.count("core.user_tasks", "status = 'open'") == 1
    desk.assert_clean()


@pytest.mark.requirement("INT-08")
def test_an_empty_answer_is_a_field_error(desk: Desk) -> None:
    (order,) = desk.open()
    asked(desk, desk.task(order), "max")
    (empty,) = desk.report(answer(desk, order, text="  "))
    assert [*codes(empty)] == ["information_given.answer"]
    assert desk.count("core.questions", "status = 'open'") == 1


@pytest.mark.requirement("INT-08", "APR-17", "AUD-01")
def test_only_who_may_decide_asks_and_asks_something(desk: Desk) -> None:
    (order,) = desk.open()
    task = desk.task(order)
    refused = [
        asked(desk, task, "sam"),
        asked(desk, task, "fiona"),
        asked(desk, task, "max", " "),
        asked(desk, "x", "max"),
    ]
    assert [code(each) for each in refused] == ["task.creator", "task.role", "question.empty", "task.unknown"]
    assert desk.count("core.audit_log", "action = 'task.ask'") == 4
    assert desk.count("core.user_tasks", "status = 'open'") == 1
    desk.agree(task, "max")
    assert code(asked(desk, task, "sue")) == "task.decided"


@pytest.mark.requirement("INT-08")
def test_what_was_asked_before_a_return_needs_no_answer_and_another_question_may_be_asked(desk: Desk) -> None:
    (order,) = desk.open()
    asked(desk, desk.task(order), "max")
    desk.report(fact("cancellation_requested", order=number(desk, order), reason="no more"))
    desk.work()
    assert desk.states().popitem()[1] == "cancelled"
    assert codes(desk.report(answer(desk, order))[0]) == {"order": "question.none"}
    with pytest.raises(psycopg.errors.CheckViolation, match="answered_by_somebody"):
        desk.change("update core.questions set status = 'answered'")
    desk.assert_clean()


@steps(step("both", sign="all", roles=["sales_manager", "purchasing"], **APPROVE))
@pytest.mark.requirement("INT-08", "APR-06")
def test_while_one_of_several_waits_for_the_customer_the_others_decide_and_ask_nothing_else(desk: Desk) -> None:
    (order,) = desk.open()
    assert asked(desk, desk.task(order, "both.sales_manager"), "max") is None
    assert code(asked(desk, desk.task(order, "both.purchasing"), "pia")) == "question.open"
    assert desk.agree(desk.task(order, "both.purchasing"), "pia") is None
    desk.report(answer(desk, order))
    desk.work()
    assert asked(desk, desk.task(order, "both.sales_manager"), "max", "And the place?") is None
    desk.report(answer(desk, order, text="Pudong"))
    desk.work()
    assert desk.agree(desk.task(order, "both.sales_manager"), "max") is None
    assert desk.states().popitem()[1] == "archived"
    desk.assert_clean()


@pytest.mark.requirement("INT-08")
def test_people_ask_through_the_command_line_and_see_question_and_answer(desk: Desk, run: Run) -> None:
    (order,) = desk.open(definition=desk.definitions.get("d02_order_review@1"))
    task = desk.task(order)
    for language, words in (("zh", "没有待客户答复的问题"), ("en", "no question to its customer is open")):
        refused = run("fact", "information_given", "--order", number(desk, order), "--answer", "x")
        assert refused.exit_code == 1
        assert words in said(run("refusals", "--lang", language)) or "no question" in said(refused)
    assert run("ask", task, QUESTION, "--as", "max").exit_code == 0
    assert "max 已请客户补充信息" in said(run("decide", task, "agree", "--as", "sue", "--lang", "zh"))
    assert "max has asked the customer" in said(run("decide", task, "agree", "--as", "sue", "--lang", "en"))
    assert "information requested" in said(run("show", number(desk, order), "--lang", "en"))
    assert run("fact", "information-given", "--order", number(desk, order), "--answer", ANSWER).exit_code == 0
    desk.queue += desk.waiting()
    desk.work()
    (shown,) = answered(run("tasks", "--order", number(desk, order), "--json"))
    assert [(each["question"], each["answer"]) for each in shown["questions"]] == [(QUESTION, ANSWER)]
    assert f"max: {QUESTION} — {ANSWER}" in said(run("tasks", "--lang", "zh"))
    assert ANSWER in said(run("show", number(desk, order)))


@pytest.mark.requirement("INT-08", "APR-04")
def test_of_a_question_and_a_decision_one_wins_and_the_other_is_told_who(desk: Desk) -> None:
    (order,) = desk.open()
    task = desk.task(order)
    answers: dict[str, Refusal | None] = {}
    at_once(
        lambda: answers.update(max=asked(desk, task, "max")),
        lambda: answers.update(sue=desk.agree(task, "sue")),
    )
    (winner,) = [person for person, refusal in answers.items() if refusal is None]
    (refusal,) = [each for each in answers.values() if each]
    assert (refusal.code, refusal.values["by"]) == ("task.asked" if winner == "max" else "task.decided", winner)
    desk.assert_clean()


def test_the_audit_finds_a_wait_for_an_answer_that_nobody_asked_for(desk: Desk) -> None:
    (order,) = desk.open()
    asked(desk, desk.task(order), "max")
    desk.change("update core.questions set status = 'set aside'")
    assert [each.invariant for each in audit(desk.database, []).breaches] == ["question.is_waited_for"]
