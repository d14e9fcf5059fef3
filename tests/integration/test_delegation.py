"""授权代理 against a real PostgreSQL: given, listed, revoked, never in a circle; decisions in the name of another."""

import json
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from shared.authority import Refusal
from shared.delegations import Proposal, find, give, revoke
from tests.support.desk import Desk, desk
from tests.support.orders import NOW
from tests.support.waiting import at_once

__all__ = ["desk"]

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
