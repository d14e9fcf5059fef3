"""授权代理 against a real PostgreSQL: given, listed, revoked, never in a circle; decisions in the name of another."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from shared.audit import audit
from shared.authority import Refusal
from shared.delegations import Proposal, find, give, revoke
from tests.support.desk import Desk, desk
from tests.support.orders import NOW
from tests.support.terminal import Run, answered, run, said
from tests.support.waiting import at_once

__all__ = ["desk", "run"]

DAY = timedelta(days=1)
MAX_TO_BEN = Proposal("max", "ben", NOW, NOW + DAY, "on leave")


def given(desk: Desk, proposal: Proposal, by: str = "") -> str | list[Refusal]:
    with desk.database.transaction() as session:
        return give(session, proposal, by or proposal.delegator, desk.now)


def codes(answer: str | list[Refusal]) -> list[str]:
    assert not isinstance(answer, str)
    return [each.code for each in answer]


@pytest.mark.requirement("APR-17", "AUD-01")
def test_a_delegate_decides_and_both_names_stay_on_record(desk: Desk) -> None:
    (order,) = desk.open()
    refused = desk.agree(desk.task(order), "ben")
    assert refused is not None
    assert refused.code == "task.role"
    assert isinstance(given(desk, MAX_TO_BEN), str)
    assert desk.agree(desk.task(order), "ben") is None
    ((who, data),) = desk.events(order, "agreed")
    assert (who, json.loads(data)["on_behalf_of"]) == ("ben", "max")
    assert desk.rows("select decided_by, decided_for from core.user_tasks where decision is not null") == [
        ("ben", "max")
    ]
    desk.assert_clean()


@pytest.mark.requirement("APR-17")
def test_whoever_comes_second_is_told_who_decided_and_for_whom(desk: Desk) -> None:
    (order,) = desk.open()
    task = desk.task(order)
    given(desk, MAX_TO_BEN)
    assert desk.disagree(task, "ben") is None
    refused = desk.agree(task, "max")
    assert refused == Refusal("task.decided_for", {"by": "ben", "on_behalf_of": "max", "decision": "disagree"})


@pytest.mark.requirement("APR-17", "AUD-01")
def test_an_order_above_the_cap_is_refused_with_both_figures(desk: Desk) -> None:
    (order,) = desk.open()
    given(desk, replace(MAX_TO_BEN, cap_minor=39_999, currency="CNY"))
    refused = desk.agree(desk.task(order), "ben")
    assert refused is not None
    assert refused.code == "delegation.cap"
    assert (refused.values["cap_minor"], refused.values["total_minor"]) == (39_999, 40_000)
    assert desk.count("core.audit_log", "actor = 'ben' and data->>'refused' = 'delegation.cap'") == 1
    given(desk, replace(MAX_TO_BEN, cap_minor=40_000, currency="CNY"))
    assert desk.agree(desk.task(order), "ben") is None


@pytest.mark.requirement("APR-17")
def test_before_and_after_the_period_and_once_revoked_it_is_refused(desk: Desk) -> None:
    (order,) = desk.open()
    delegation = given(desk, replace(MAX_TO_BEN, starts_at=NOW + DAY, ends_at=NOW + 2 * DAY))
    assert isinstance(delegation, str)
    for at, code in ((NOW, "delegation.period"), (NOW + 2 * DAY, "delegation.period")):
        desk.now = at
        refused = desk.agree(desk.task(order), "ben")
        assert refused is not None
        assert refused.code == code
    desk.now = NOW + DAY
    with desk.database.transaction() as session:
        assert revoke(session, delegation, "max", desk.now) is None
    refused = desk.agree(desk.task(order), "ben")
    assert refused is not None
    assert refused.code == "task.role"


@pytest.mark.requirement("APR-17")
def test_the_database_itself_knows_that_nobody_decides_for_the_creator(desk: Desk) -> None:
    desk.open()
    given(desk, replace(MAX_TO_BEN, delegator="sam"))
    with pytest.raises(psycopg.errors.CheckViolation, match="decided_for_another"):
        desk.change(
            "update core.user_tasks set status = 'decided', decision = 'agree', decided_by = 'ben', decided_for = 'sam'"
        )
    with pytest.raises(psycopg.errors.CheckViolation, match="creator_never_decides"):
        desk.change(
            "update core.user_tasks set status = 'decided', decision = 'agree', decided_by = 'sam', decided_for = 'max'"
        )


@pytest.mark.parametrize(
    ("proposal", "by", "found"),
    [
        (replace(MAX_TO_BEN, delegate="max"), "max", ["delegation.self"]),
        (replace(MAX_TO_BEN, delegate="gone"), "max", ["task.person"]),
        (MAX_TO_BEN, "ben", ["delegation.not_yours"]),
        (replace(MAX_TO_BEN, ends_at=NOW), "max", ["delegation.over"]),
        (replace(MAX_TO_BEN, starts_at=NOW - 2 * DAY, ends_at=NOW), "max", ["delegation.over"]),
        (replace(MAX_TO_BEN, roles=("purchasing",)), "max", ["delegation.not_held"]),
        (replace(MAX_TO_BEN, cap_minor=0, currency="CNY"), "max", ["delegation.cap_figure"]),
        (replace(MAX_TO_BEN, reason=" ", ends_at=NOW), "max", ["delegation.over", "delegation.reason"]),
    ],
)
@pytest.mark.requirement("AUD-01")
def test_what_is_wrong_with_a_delegation_is_told_at_once_and_recorded(
    desk: Desk, proposal: Proposal, by: str, found: list[str]
) -> None:
    assert codes(given(desk, proposal, by)) == found
    assert desk.count("core.delegations") == 0
    assert desk.count("core.audit_log", "action = 'delegation.give' and data->'refused' is not null") == 1


def test_an_administrator_arranges_it_for_others_and_it_is_listed_until_it_is_over(desk: Desk) -> None:
    delegation = given(desk, MAX_TO_BEN, "ada")
    assert isinstance(delegation, str)
    with desk.database.transaction() as session:
        (found,) = find(session, person="ben", now=NOW)
        assert (found["delegator"], found["delegate"], found["created_by"]) == ("max", "ben", "ada")
        assert find(session, person="bea", now=NOW) == []
        assert find(session, person=None, now=NOW + DAY) == []
        refused = revoke(session, delegation, "ben", NOW)
        assert refused
        assert refused.code == "delegation.not_yours"
        assert revoke(session, delegation, "ada", NOW) is None
        again = revoke(session, delegation, "ada", NOW)
        assert again
        assert again.code == "delegation.revoked"
    assert desk.count("core.audit_log", "action ~ '^delegation'") == 4


def test_a_circle_is_refused_whatever_its_length_unless_the_periods_do_not_meet(desk: Desk) -> None:
    given(desk, MAX_TO_BEN)
    given(desk, replace(MAX_TO_BEN, delegator="ben", delegate="bea", starts_at=NOW + DAY / 2, ends_at=NOW + 2 * DAY))
    back = replace(MAX_TO_BEN, delegator="bea", delegate="max")
    assert codes(given(desk, replace(MAX_TO_BEN, delegator="ben", delegate="max"))) == ["delegation.circle"]
    answer = given(desk, back)
    assert codes(answer) == ["delegation.circle"]
    assert isinstance(answer, list)
    assert answer[0].values == {"circle": "bea → max → ben → bea"}
    assert codes(given(desk, replace(back, ends_at=NOW + DAY / 2 + timedelta(seconds=1)))) == ["delegation.circle"]
    assert isinstance(given(desk, replace(back, ends_at=NOW + DAY / 2)), str)
    assert isinstance(given(desk, replace(back, starts_at=NOW + DAY, ends_at=NOW + 3 * DAY)), str)


def test_delegations_given_at_the_same_moment_make_no_circle(desk: Desk) -> None:
    """max → ben and bea → sue are there; ben → bea and sue → max close the circle only together."""
    given(desk, MAX_TO_BEN)
    given(desk, replace(MAX_TO_BEN, delegator="bea", delegate="sue"))
    answers: list[str | list[Refusal]] = []
    closing = (
        replace(MAX_TO_BEN, delegator="ben", delegate="bea"),
        replace(MAX_TO_BEN, delegator="sue", delegate="max"),
    )
    at_once(*(lambda each=each: answers.append(given(desk, each)) for each in closing))
    assert sorted(isinstance(answer, str) for answer in answers) == [False, True]
    assert desk.count("core.delegations") == 3


@pytest.mark.requirement("APR-17", "AUD-01")
def test_delegations_are_arranged_through_the_command_line(desk: Desk, run: Run) -> None:
    (order,) = desk.open()
    words = ("delegate", "add", "ben", "--as", "max", "--until", "2099-01-01", "--reason", "休假", "--cap", "400.00")
    delegation = answered(run(*words, "--role", "sales_manager", "--json"))["delegation"]
    (found,) = answered(run("delegate", "list", "--of", "ben", "--json"))
    assert (found["id"], found["roles"], found["cap_minor"], found["currency"]) == (
        delegation, ["sales_manager"], 40_000, "CNY",
    )  # fmt: skip
    assert found["ends_at"] == "2099-01-01T16:00:00Z", "the whole last day, in Shanghai"
    assert "2099-01-02 00:00" in said(run("delegate", "list"))
    assert run("decide", desk.task(order), "agree", "--as", "ben").exit_code == 0
    assert desk.rows("select decided_by, decided_for from core.user_tasks where step = 'sales'") == [("ben", "max")]
    assert run("delegate", "revoke", delegation, "--as", "max").exit_code == 0
    assert answered(run("delegate", "list", "--json")) == []
    for language, told in (("zh", "该代理已由 max 于"), ("en", "max revoked it on")):
        again = run("delegate", "revoke", delegation, "--as", "max", "--lang", language)
        assert (again.exit_code, told in said(again)) == (1, True)


@pytest.mark.parametrize(
    ("person", "options", "chinese", "english"),
    [
        ("max", ("max",), "max 不能代理自己", "max cannot act for themself"),
        ("max", ("gone",), "gone 不是在职人员", "gone is no active member of staff"),
        ("ben", ("bea", "--for", "max"), "只有 max 本人或系统管理员", "Only max or an administrator"),
        (
            "max",
            ("ben", "--from", "2099-02-01"),
            "须晚于现在，且结束晚于开始",
            "must end after it begins, and after now",
        ),
        (
            "max",
            ("ben", "--role", "purchasing"),
            "max 不具备角色：采购；可代理的角色：销售经理",
            "they hold sales manager",
        ),
        ("max", ("ben", "--cap", "0"), "限额须大于零", "The cap must be above zero"),
        ("max", ("ben", "--reason", " "), "须写明代理原因", "A reason is needed"),
        ("bea", ("max",), "代理成环：bea → max → ben → bea", "in a circle: bea → max → ben → bea"),
    ],
)
def test_what_is_wrong_with_a_delegation_is_said_in_both_languages(
    desk: Desk, run: Run, person: str, options: tuple[str, ...], chinese: str, english: str
) -> None:
    until = datetime(2099, 2, 1, tzinfo=UTC)
    given(desk, replace(MAX_TO_BEN, ends_at=until))
    given(desk, replace(MAX_TO_BEN, delegator="ben", delegate="bea", ends_at=until))
    words = ("delegate", "add", "--as", person, "--until", "2099-01-31", "--reason", "leave", *options)
    for language, told in (("zh", chinese), ("en", english)):
        result = run(*words, "--lang", language)
        assert (result.exit_code, told in said(result)) == (1, True), said(result)
    assert desk.count("core.delegations") == 2
    assert desk.count("core.audit_log", "data->'refused' is not null") == 2


def test_an_amount_that_is_none_and_a_day_that_is_none_are_wrong_usage(run: Run) -> None:
    words = ("delegate", "add", "ben", "--as", "max", "--reason", "leave")
    assert run(*words, "--until", "2099-01-01", "--cap", "much").exit_code == 2
    assert run(*words, "--until", "tomorrow").exit_code == 2


@pytest.mark.requirement("AUD-01")
def test_the_audit_finds_a_decision_for_somebody_who_had_asked_nobody(desk: Desk) -> None:
    (order,) = desk.open()
    delegation = given(desk, MAX_TO_BEN)
    assert desk.agree(desk.task(order), "ben") is None
    desk.assert_clean()
    desk.change("update core.delegations set starts_at = %s where id = %s", NOW + DAY / 2, delegation)
    found = [each.invariant for each in audit(desk.database, []).breaches]
    assert found == ["task.decided_for_whom_it_may_be"]
