"""Deciding through the command line: every refusal in both languages, many tasks at once; and who wins a race."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from messages.batch import Department
from shared.authority import Refusal, Wish
from shared.database import Session
from shared.delegations import Proposal, give
from shared.processes import Definition
from shared.questions import ask
from shared.rulebook import rulebook
from shared.settings import settings
from shared.tasks import Transferred, decide, transfer
from shared.urging import urge
from tests.support.definitions import step
from tests.support.desk import APPROVE, Desk, desk, steps
from tests.support.orders import NOW
from tests.support.terminal import Run, answered, run, said
from tests.support.waiting import at_once
from workers.commands import people

__all__ = ["desk", "run"]

DAY = timedelta(days=1)
Prepare = Callable[[Desk, str], None]


def nothing(desk: Desk, task: str) -> None:
    """The task is just open."""


def agreed(desk: Desk, task: str) -> None:
    assert desk.agree(task, "sue") is None


def agreed_for(desk: Desk, task: str) -> None:
    given(desk, Proposal("max", "ben", NOW, NOW + DAY, "on leave"))
    assert desk.agree(task, "ben") is None


def returned(desk: Desk, task: str) -> None:
    """It is open no more, because another step of the group returned the order."""
    desk.change("update core.user_tasks set status = 'closed' where id = %s", task)


def handed_to_sue(desk: Desk, task: str) -> None:
    assert isinstance(desk.hand_over(task, "max", "sue"), Transferred)


def reviewed_by_max(desk: Desk, task: str) -> None:
    desk.change("update core.user_tasks set excluded = '{max}' where id = %s", task)


def given(desk: Desk, proposal: Proposal, by: str = "") -> None:
    with desk.database.transaction() as session:
        assert isinstance(give(session, proposal, by or proposal.delegator, desk.now), str)


def delegating(**changes: Any) -> Prepare:
    """max lets ben decide, with these changes."""
    now = datetime.now(UTC)
    proposal = replace(Proposal("max", "ben", now - DAY, now + DAY, "on leave"), **changes)

    def prepare(desk: Desk, task: str) -> None:
        given(desk, proposal)

    return prepare


def shipped(desk: Desk) -> Definition:
    """One that the command line knows too; its first step is for the same people."""
    return desk.definitions.get("d02_order_review@1")


def on_hold(desk: Desk, task: str) -> None:
    desk.change("update core.orders set held_by = 'sue'")


def writing(desk: Desk, task: str) -> None:
    desk.change("update core.user_tasks set opinion = true where id = %s", task)


AGREE, NO = ("agree",), ("disagree", "--reason", "no")
REFUSALS: dict[str, tuple[Prepare, str, tuple[str, ...], str, str]] = {
    # code: what has happened, who tries, what; and what both languages must name
    "task.unknown": (nothing, "max", AGREE, "没有任务", "no task"),
    "task.decided": (agreed, "max", AGREE, "sue 已作出决定（同意）", "sue has decided already: agreed"),
    "task.decided_for": (agreed_for, "max", AGREE, "ben 已代 max 作出决定（同意）", "ben, for max, has decided"),
    "task.closed": (returned, "max", AGREE, "已关闭", "is closed"),
    "task.held": (on_hold, "max", AGREE, "已由 sue 暂停，恢复后才能审批", "can be decided once it is resumed"),
    "task.creator": (nothing, "sam", AGREE, "sam 是制单人", "sam created the order"),
    "task.excluded": (reviewed_by_max, "max", AGREE, "max 已作初审", "max decided the first check"),
    "task.person": (nothing, "nobody", AGREE, "nobody 不是在职人员", "nobody is no active member"),
    "task.role": (nothing, "fiona", AGREE, "销售主管、销售经理", "sales supervisor, sales manager"),
    "task.assigned": (handed_to_sue, "max", AGREE, "sue", "transferred to sue"),
    "task.stale": (nothing, "max", ("agree", "--seen", "1"), "版本 1，现为 2", "saw version 1, the task is about 2"),
    "task.says_why": (nothing, "max", NO, "改进要求", "what must be changed"),
    "task.opinion": (writing, "max", NO, "clause requested_change", "missing: clause requested_change"),
    "task.transfer_to_self": (nothing, "max", ("transfer", "--to", "max"), "不能转签给自己", "to oneself"),
    "task.transfer_to_nobody": (nothing, "max", ("transfer",), "转签须指明对象", "needs the person"),
    "delegation.none": (nothing, "ben", ("agree", "--for", "max"), "ben 不是 max 的代理人", "ben does not act for max"),
    "delegation.creator": (delegating(delegator="sam"), "ben", ("agree", "--for", "sam"), "sam 是制单人", "sam crea"),
    "delegation.period": (
        delegating(starts_at=datetime(2020, 1, 1, tzinfo=UTC) + 9_999 * DAY, ends_at=datetime(2099, 1, 1, tzinfo=UTC)),
        "ben", AGREE, "2047-05-18 08:00 至 2099-01-01 08:00", "from 2047-05-18 08:00 until 2099-01-01 08:00",
    ),
    "delegation.cap": (
        delegating(cap_minor=39_999, currency="CNY"), "ben", AGREE, "¥400.00 超过 ben 代理 max 的限额 ¥399.99", "¥399",
    ),
}  # fmt: skip


@pytest.mark.requirement("APR-02", "APR-03", "APR-04", "APR-05", "APR-17", "AUD-01", "PLT-05")
@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_says_in_both_languages_what_would_be_right_and_changes_nothing(
    code: str, desk: Desk, run: Run
) -> None:
    prepare, person, choice, chinese, english = REFUSALS[code]
    (order,) = desk.open(definition=shipped(desk))
    task = desk.task(order)
    prepare(desk, task)
    before = desk.rows("select id, status, decision, decided_by, assignee from core.user_tasks order by id")
    named = "no-such-task" if code == "task.unknown" else task
    for language, words in (("zh", chinese), ("en", english)):
        result = run("decide", named, *choice, "--as", person, "--lang", language)
        assert result.exit_code == 1, result.output
        assert words in said(result)
        assert "{" not in said(result)
    found = answered(run("decide", named, *choice, "--as", person, "--json"))
    assert (found["done"], [each["refused"] for each in found["refused"]]) == (0, [code])
    assert desk.rows("select id, status, decision, decided_by, assignee from core.user_tasks order by id") == before
    tried = desk.rows("select actor, subject, data->>'refused' from core.audit_log where action ~ '^task' order by id")
    assert tried == [(person, named, code)] * 3


def test_what_is_no_choice_is_wrong_usage_and_tries_nothing(desk: Desk, run: Run) -> None:
    result = run("decide", "any-task", "perhaps", "--as", "max", "--lang", "zh")
    assert (result.exit_code, "没有选项“perhaps”；可选：agree 同意、disagree 不同意" in said(result)) == (2, True)
    assert desk.count("core.audit_log") == 0


def test_deciding_all_of_nothing_says_so_and_knows_its_people(desk: Desk, run: Run) -> None:
    words = ("decide", "--all", "--role", "sales_manager", "agree", "--lang", "en", "--as")
    nothing_to_do = run(*words, "max")
    assert nothing_to_do.exit_code == 0
    assert said(nothing_to_do) == "There is nothing that max may decide as sales manager."
    unknown = run(*words, "nobody")
    assert (unknown.exit_code, said(unknown)) == (1, "There is no member of staff nobody.")


def test_where_a_later_part_fails_it_is_said_what_was_decided(
    desk: Desk, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three tasks in parts of one, the third is locked by somebody who does not let go."""
    monkeypatch.setattr(people, "AT_ONCE", 1)
    monkeypatch.setenv("ORDERFLOW_LOCK_TIMEOUT_SECONDS", "1")
    settings.cache_clear()
    tasks = [desk.task(order) for order in desk.open(count=3, definition=shipped(desk))]
    with desk.database.transaction() as session:
        session.rows("select id from core.user_tasks where id = %s for update", tasks[2])
        result = run("decide", *tasks, "agree", "--as", "max", "--lang", "en")
    assert isinstance(result.exception, psycopg.errors.QueryCanceled | psycopg.errors.LockNotAvailable)
    assert "Before that 2 of 3 were carried out" in said(result)
    assert desk.count("core.user_tasks", "decided_by = 'max'") == 2


@pytest.mark.requirement("APR-02", "APR-05")
def test_people_decide_and_hand_over_through_the_command_line(desk: Desk, run: Run) -> None:
    (order,) = desk.open(definition=shipped(desk))
    task = desk.task(order)
    result = run("decide", task, "transfer", "--as", "max", "--to", "sue", "--lang", "en")
    assert (result.exit_code, "was not needed" in said(result)) == (0, True)
    result = run("decide", task, "transfer", "--as", "sue", "--to", "max", "--lang", "en")
    assert (result.exit_code, "was not needed" in said(result)) == (0, False), "only sue could decide"
    assert [who for who, _ in desk.events(order, "transferred")] == ["max", "sue"]
    result = run("decide", task, "agree", "--as", "max", "--lang", "zh")
    assert (result.exit_code, said(result)) == (0, "同意：1 项。")
    assert desk.count("core.user_tasks", "decided_by = 'max'") == 1
    desk.assert_clean()


@pytest.mark.requirement("APR-05")
@pytest.mark.parametrize(
    ("to", "code"),
    [("sam", "task.creator"), ("fiona", "task.role"), ("gone", "task.person"), ("max", "task.transfer_to_self")],
)
def test_a_transfer_to_whom_may_not_decide_is_refused(desk: Desk, run: Run, to: str, code: str) -> None:
    (order,) = desk.open(definition=shipped(desk))
    desk.change("insert into core.staff (id, name, roles, active) values ('gone', 'Gone', '{sales_manager}', false)")
    wish = ("decide", desk.task(order), "transfer", "--as", "max", "--to", to)
    found = answered(run(*wish, "--json"))
    assert [each["refused"] for each in found["refused"]] == [code]
    words = {
        "task.role": ("fiona 不具备所需角色", "fiona holds none of the roles that may decide: sales supervisor"),
        "task.person": ("gone 不是在职人员", "gone is no active member of staff"),
    }
    for language, said_so in zip(("zh", "en"), words.get(code, ("", "")), strict=True):
        assert said_so in said(run(*wish, "--lang", language))
    assert desk.events(order, "transferred") == []


@pytest.mark.requirement("APR-04", "PLT-05")
def test_what_cannot_be_decided_keeps_nothing_else_back(desk: Desk, run: Run) -> None:
    orders = desk.open(3)
    first, second, third = (desk.task(order) for order in orders)
    agreed(desk, second)
    result = run("decide", first, second, third, "agree", "--as", "max", "--lang", "en")
    assert result.exit_code == 1
    assert f"{second}: sue has decided already" in said(result)
    assert desk.count("core.user_tasks", "decided_by = 'max'") == 2


@pytest.mark.requirement("APR-17", "PLT-05")
def test_a_person_sees_what_they_may_decide_and_in_whose_name(desk: Desk, run: Run) -> None:
    small, large = desk.open(2)
    mine = desk.open(creator="max")
    desk.change("update core.order_headers set total_base_minor = 50000 where order_id = %s", large)
    now = datetime.now(UTC)
    given(desk, Proposal("max", "ben", now, now + DAY, "on leave", cap_minor=40_000, currency="CNY"))
    people = ("max", "ben", "sam", "ole")
    seen = {who: {task["id"] for task in answered(run("tasks", "--as", who, "--json"))} for who in people}
    assert seen["max"] == {desk.task(small), desk.task(large)}
    assert seen["ben"] == {desk.task(small)}
    assert seen["sam"] == {desk.task(mine[0])}, "sam is a supervisor too, but made the others"
    assert seen["ole"] == set()
    (task,) = answered(run("tasks", "--as", "ben", "--json"))
    assert task["on_behalf_of"] == "max"
    assert "max" in said(run("tasks", "--as", "ben"))


@pytest.mark.requirement("PLT-05")
def test_a_preview_shows_what_would_happen_and_keeps_nothing(desk: Desk, run: Run) -> None:
    desk.open(3)
    result = run("decide", "--all", "--role", "sales_manager", "agree", "--as", "max", "--dry-run", "--lang", "en")
    assert (result.exit_code, "A preview, nothing was decided. agreed: 3" in said(result)) == (0, True)
    assert desk.count("core.user_tasks", "status = 'open'") == 3
    assert desk.count("core.batches") == desk.count("core.audit_log") == 0
    result = run("decide", "--all", "--role", "sales_manager", "--max", "2", "agree", "--as", "max", "--lang", "en")
    assert (result.exit_code, said(result)) == (0, "agreed: 2.")
    assert desk.count("core.user_tasks", "status = 'open'") == 1


@pytest.mark.parametrize(
    "words",
    [("agree",), ("--all", "agree"), ("0", "--all", "--role", "sales_manager", "agree")],
    ids=["no task", "no role", "both"],
)
def test_it_must_be_clear_which_tasks_are_meant(run: Run, words: tuple[str, ...]) -> None:
    assert run("decide", *words, "--as", "max").exit_code == 2


@pytest.mark.requirement("PLT-05", "APR-17")
def test_ten_thousand_agreements_take_as_many_statements_as_ten(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = desk.open(10_000)
    tasks = [row[0] for row in desk.rows("select id from core.user_tasks where status = 'open' order by id")]
    assert len(tasks) == len(orders) == 10_000
    sent: list[str] = []
    real = Session._send

    def counted(self: Session, sql: str, params: Any) -> Any:
        sent.append(sql)
        return real(self, sql, params)

    monkeypatch.setattr(Session, "_send", counted)
    statements = []
    for part in (tasks[:10], tasks[10:]):
        sent.clear()
        with desk.database.transaction() as session:
            answers, batches = decide(session, [Wish(task, "max", "agree") for task in part], desk.now)
        assert set(answers) == {None}
        assert sum(batch.size for batch in batches) == len(part)
        assert {batch.department for batch in batches} == {Department.SALES_REVIEW}
        statements.append(len(sent))
        desk.queue += batches
    assert statements[0] == statements[1] <= 6
    desk.work()
    assert desk.count("core.events", "kind = 'agreed' and actor = 'max' and step = 'sales'") == 10_000
    assert desk.count("core.user_tasks", "status = 'open' and step = 'finance'") == 10_000


def told(answers: dict[str, Any]) -> tuple[str, Refusal]:
    """Who won, and what the other was told."""
    (winner,) = [who for who, answer in answers.items() if not isinstance(answer, Refusal)]
    (refused,) = [answer for answer in answers.values() if isinstance(answer, Refusal)]
    return winner, refused


@pytest.mark.requirement("APR-04", "APR-17")
@pytest.mark.parametrize("first", ["delegate", "delegator", "nobody"])
def test_of_delegate_and_delegator_one_wins_and_the_other_is_told_who(desk: Desk, first: str) -> None:
    (order,) = desk.open()
    task = desk.task(order)
    given(desk, Proposal("max", "ben", NOW, NOW + DAY, "on leave"))
    answers: dict[str, Any] = {}

    def press(person: str) -> None:
        with desk.database.transaction() as session:
            (answers[person],), batches = decide(session, [Wish(task, person, "agree")], desk.now)
        desk.queue.extend(batches)

    if first == "nobody":
        at_once(lambda: press("ben"), lambda: press("max"))
    else:
        for person in ("ben", "max") if first == "delegate" else ("max", "ben"):
            press(person)
    winner, refused = told(answers)
    assert refused.values["by"] == winner
    assert refused.code == ("task.decided_for" if winner == "ben" else "task.decided")
    desk.work()
    assert [who for who, _ in desk.events(order, "agreed")] == [winner]
    desk.assert_clean()


@pytest.mark.requirement("APR-04", "APR-05")
@pytest.mark.parametrize("attempt", range(3))
def test_of_a_transfer_and_a_decision_one_wins_and_the_other_is_told_who(desk: Desk, attempt: int) -> None:
    (order,) = desk.open()
    task = desk.task(order)
    answers: dict[str, Any] = {}

    def press() -> None:
        with desk.database.transaction() as session:
            (answers["sue"],), batches = decide(session, [Wish(task, "sue", "agree")], desk.now)
        desk.queue.extend(batches)

    def hand_over() -> None:
        answers["max"] = desk.hand_over(task, "max", "meg")

    desk.change("insert into core.staff (id, name, roles) values ('meg', 'Meg', '{sales_manager}')")
    at_once(press, hand_over)
    winner, refused = told(answers)
    if winner == "sue":
        assert refused == Refusal("task.decided", {"by": "sue", "decision": "agree"})
    else:
        assert refused == Refusal("task.assigned", {"assignee": "meg"})
        assert desk.agree(task, "meg") is None
    desk.work()
    assert len(desk.events(order, "agreed")) == 1
    desk.assert_clean()


@pytest.mark.requirement("APR-04", "APR-05", "INT-08", "AUD-01")
@pytest.mark.parametrize("attempt", range(4))
def test_of_many_who_do_all_kinds_of_things_with_one_task_one_wins(desk: Desk, attempt: int) -> None:
    (order,) = desk.open()
    task, policies = desk.task(order), rulebook().policies
    desk.change("insert into core.staff (id, name, roles) values ('meg', 'Meg', '{sales_manager}')")
    won: list[str] = []
    lost: list[Refusal] = []

    def attempting(what: str, act: Callable[[Session], Any]) -> Callable[[], None]:
        def attempt() -> None:
            with desk.database.transaction() as session:
                answer = act(session)
            lost.append(answer) if isinstance(answer, Refusal) else won.append(what)

        return attempt

    def decides(session: Session) -> Any:
        (answer,), batches = decide(session, [Wish(task, "sue", "agree")], desk.now)
        desk.queue.extend(batches)
        return answer

    def hands_over(session: Session) -> Any:
        return transfer(session, [Wish(task, "max", "transfer", to="meg")], desk.definitions, policies, desk.now)[0]

    def asks(session: Session) -> Any:
        return ask(session, Wish(task, "max", "ask"), "收货时间?", desk.definitions, policies, desk.now)

    def urges(session: Session) -> Any:
        return urge(session, task, "sam", desk.definitions, policies, desk.now, timedelta(hours=4))

    kinds = {"decided": decides, "transferred": hands_over, "asked": asks, "urged": urges}
    at_once(*[attempting(what, act) for what, act in kinds.items() for _ in range(4)])
    assert won.count("urged") <= 1, "not again before a while"
    (winner,) = [what for what in won if what != "urged"]
    assert len(lost) == 16 - len(won) == desk.count("core.audit_log", "action ~ '^task'")
    (row,) = desk.rows("select status, assignee, decided_by from core.user_tasks where id = %s", task)
    assert row == {
        "decided": ("decided", None, "sue"), "transferred": ("open", "meg", None), "asked": ("closed", None, None),
    }[winner]  # fmt: skip
    desk.work()
    assert len(desk.events(order, "agreed")) == (winner == "decided")
    assert len(desk.events(order, "transferred")) == (winner == "transferred")
    assert len(desk.events(order, "information_requested")) == (winner == "asked")
    desk.assert_clean()


@steps(step("sales", roles=["sales_manager"], **APPROVE), step("finance", roles=["finance_clerk"], **APPROVE))
@pytest.mark.requirement("APR-06")
def test_the_next_step_opens_after_the_one_before_and_the_order_passes_with_the_last(desk: Desk) -> None:
    (order,) = desk.open()
    assert desk.count("core.user_tasks") == 1
    assert desk.agree(desk.task(order, "sales"), "max") is None
    assert desk.agree(desk.task(order, "finance"), "fiona") is None
    assert desk.states().popitem()[1] == "archived"
