"""Who may decide a task, in whose name, and with which words."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.authority import OWN, Delegation, People, Refusal, Task, Wish, acting_for, cannot_take, gone, words_missing
from tests.support.orders import NOW

TASK = Task(
    id="t", order_id="o", round=2, step="finance", department="finance", roles=("finance_clerk", "finance_manager"),
    assignee=None, creator="sam", order_version=3, status="open", decision=None, decided_by=None, decided_for=None,
    opinion=False, by_phone=False, urged_at=None, excluded=(), number="SO-1", state="in_review",
    total_base_minor=40_000,
)  # fmt: skip
DAY = timedelta(days=1)
GIVEN = Delegation("fiona", "ben", NOW, NOW + DAY, None, None, None)
ROLES = {
    "sam": frozenset({"salesperson", "finance_clerk"}),
    "fiona": frozenset({"finance_clerk", "sales_manager"}),
    "frank": frozenset({"finance_manager"}),
    "ben": frozenset({"salesperson"}),
    "bea": frozenset({"salesperson"}),
}


def people(*given: Delegation) -> People:
    by_delegate: dict[str, tuple[Delegation, ...]] = {}
    for each in given:
        by_delegate[each.delegate] = (*by_delegate.get(each.delegate, ()), each)
    return People(ROLES, by_delegate)


def name(person: str, *given: Delegation, task: Task = TASK, on_behalf_of: str = "", at: Any = NOW) -> str:
    found = acting_for(Wish("t", person, "agree", on_behalf_of=on_behalf_of), task, people(*given), at)
    return found.code if isinstance(found, Refusal) else found or "own"


@pytest.mark.requirement("APR-04", "APR-17")
def test_any_holder_decides_in_their_own_name_and_nobody_else_does() -> None:
    assert name("fiona") == name("frank") == "own"
    assert name("ben") == "task.role"
    assert name("sam") == "task.creator"
    assert name("nobody") == "task.person"
    assert name("fiona", task=replace(TASK, excluded=("fiona",))) == "task.excluded"
    assert name("fiona", task=replace(TASK, assignee="frank")) == "task.assigned"
    assert name("fiona", on_behalf_of="fiona") == "own"
    assert OWN == ""


@pytest.mark.requirement("APR-17")
def test_a_delegate_decides_what_the_delegator_could_from_the_first_moment_until_before_the_last() -> None:
    assert name("ben", GIVEN) == "fiona"
    assert name("ben", GIVEN, on_behalf_of="fiona") == "fiona"
    assert name("ben", GIVEN, at=NOW - timedelta(microseconds=1)) == "delegation.period"
    assert name("ben", GIVEN, at=NOW + DAY - timedelta(microseconds=1)) == "fiona"
    assert name("ben", GIVEN, at=NOW + DAY) == "delegation.period"
    assert name("ben", GIVEN, task=replace(TASK, assignee="fiona")) == "fiona"
    assert name("ben", GIVEN, task=replace(TASK, assignee="frank")) == "task.role"
    assert name("ben", GIVEN, task=replace(TASK, assignee="frank"), on_behalf_of="fiona") == "task.assigned"
    assert name("ben", GIVEN, on_behalf_of="frank") == "delegation.none"
    assert name("ben", replace(GIVEN, delegator="bea"), on_behalf_of="bea") == "task.role"


@pytest.mark.requirement("APR-17")
@pytest.mark.parametrize(("cap", "found"), [(40_000, "fiona"), (39_999, "delegation.cap")])
def test_a_cap_is_reached_by_an_order_of_that_amount_and_exceeded_by_one_more(cap: int, found: str) -> None:
    assert name("ben", replace(GIVEN, cap_minor=cap, currency="CNY")) == found


@pytest.mark.requirement("APR-17")
def test_a_delegation_for_some_roles_is_for_no_others() -> None:
    assert name("ben", replace(GIVEN, roles=("finance_clerk",))) == "fiona"
    assert name("ben", replace(GIVEN, roles=("sales_manager",))) == "delegation.roles"
    # a role that the delegator does not hold (any more) is none that they can lend
    assert name("ben", replace(GIVEN, roles=("finance_manager",))) == "delegation.roles"


@pytest.mark.requirement("APR-17")
def test_nobody_decides_for_the_creator_and_the_creator_for_nobody() -> None:
    assert name("ben", replace(GIVEN, delegator="sam")) == "delegation.creator"
    assert name("sam", replace(GIVEN, delegate="sam")) == "task.creator"
    assert name("sam", replace(GIVEN, delegate="sam"), on_behalf_of="fiona") == "task.creator"
    assert name("ben", GIVEN, task=replace(TASK, excluded=("fiona",))) == "delegation.excluded"


@pytest.mark.requirement("APR-17")
def test_a_delegate_passes_nothing_on() -> None:
    second = Delegation("ben", "bea", NOW, NOW + DAY, None, None, None)
    assert name("bea", GIVEN, second) == "task.role"


def test_the_delegation_that_allows_it_is_found_and_else_the_one_in_force_says_why() -> None:
    over = replace(GIVEN, starts_at=NOW - DAY, ends_at=NOW)
    capped = replace(GIVEN, cap_minor=1, currency="CNY")
    assert name("ben", over, capped, GIVEN) == "fiona"
    assert name("ben", over, capped) == "delegation.cap"
    assert name("frank", replace(over, delegate="frank")) == "own"
    assert name("frank", replace(over, delegate="frank"), on_behalf_of="fiona") == "delegation.period"


@pytest.mark.requirement("APR-04", "PLT-05")
def test_a_task_that_is_gone_says_how_it_ended() -> None:
    assert gone(TASK) is None
    decided = gone(replace(TASK, status="decided", decision="agree", decided_by="frank"))
    assert decided == Refusal("task.decided", {"by": "frank", "decision": "agree"})
    for_another = gone(replace(TASK, status="decided", decision="agree", decided_by="ben", decided_for="fiona"))
    assert for_another == Refusal("task.decided_for", {"by": "ben", "on_behalf_of": "fiona", "decision": "agree"})
    closed = gone(replace(TASK, status="closed", state="purged"))
    assert closed == Refusal("task.closed", {"order": "SO-1", "round": 2, "state": "purged"})


@pytest.mark.requirement("APR-03")
@pytest.mark.parametrize(("reason", "change"), [("", ""), ("no", " "), ("\n", "less")])
def test_disagreeing_needs_both_words(reason: str, change: str) -> None:
    refused = words_missing(Wish("t", "fiona", "disagree", reason, change), TASK)
    assert refused == Refusal("task.says_why", {})
    assert words_missing(Wish("t", "fiona", "agree", reason, change), TASK) is None


@pytest.mark.requirement("APR-05")
@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("frank", None),
        (" ", "task.transfer_to_nobody"),
        ("ben", "task.transfer_to_self"),
        ("fiona", "task.transfer_to_self"),
        ("sam", "task.creator"),
        ("bea", "task.role"),
        ("gone", "task.person"),
    ],
)
def test_a_task_is_handed_to_another_holder_who_did_not_make_the_order(to: str, code: str | None) -> None:
    refused = cannot_take(Wish("t", "ben", "transfer", to=to, on_behalf_of="fiona"), TASK, people(GIVEN))
    assert (refused and refused.code) == code
