"""Two ways of one order compared: every difference that somebody would notice, and no other."""

from typing import Any

import pytest

from shared.definitions import parse
from shared.department import Finding, Outcome, Passed, Referred, Returned, finding
from shared.processes import Step
from shared.words import LANGUAGES, sentence, word
from tests.support.definitions import definition_text
from tests.support.definitions import step as step_text
from workers.backtest.compare import Change, Stop, compare, way

OVER = finding("discount.over_limit", "P001", line=1, roles="sales_supervisor senior_management")
DEARER = finding("discount.over_limit", "P001", line=1, roles="senior_management")
SHORT = finding("stock.short", "P002", missing=3)


def a_step(id_: str, **changes: Any) -> Step:
    (one,) = parse(definition_text(step_text(id_, **changes)), "x").steps
    return one


def a_stop(id_: str, outcome: Outcome | None = None, **changes: Any) -> Stop:
    return Stop(a_step(id_, **changes), outcome)


def referred(*findings: Finding) -> Referred:
    return Referred(findings)


def codes(before: list[Stop], after: list[Stop]) -> list[tuple[str, str]]:
    return [(each.code, each.step) for each in compare(before, after)]


def test_the_same_way_is_no_change() -> None:
    stops = [a_stop("a", Passed()), a_stop("b", referred(OVER)), a_stop("c"), a_stop("d", mode="manual")]
    assert compare(stops, stops) == []


def test_a_deadline_or_another_way_back_changes_no_outcome() -> None:
    assert compare([a_stop("a", Passed())], [a_stop("a", Passed(), deadline="2 weeks", on_disagree="repeat")]) == []


def test_steps_that_are_added_or_left_out_are_told_with_whom_they_ask() -> None:
    before = [a_stop("a"), a_stop("b", referred(OVER))]
    after = [a_stop("a"), a_stop("c", mode="manual", roles=["senior_management"]), a_stop("d", referred(SHORT))]
    assert compare(before, after) == [
        Change("step.left_out", "b", {}),
        Change("step.added_asking", "c", {"roles": "senior_management"}),
        Change("step.added_asking", "d", {"roles": "finance_clerk"}),
        Change("finding.appears", "d", {}, SHORT),
    ]
    assert codes([], [a_stop("a", Passed())]) == [("step.added", "a")]


def test_a_finding_appears_disappears_or_is_granted_by_others() -> None:
    passed, found = [a_stop("a", Passed())], [a_stop("a", referred(OVER))]
    assert compare(passed, found) == [Change("finding.appears", "a", {}, OVER)]
    assert compare(found, passed) == [Change("finding.disappears", "a", {}, OVER)]
    granted = {"before": "sales_supervisor senior_management", "after": "senior_management"}
    assert compare(found, [a_stop("a", referred(DEARER))]) == [Change("finding.granted_by", "a", granted, DEARER)]


def test_other_figures_of_the_same_finding_change_nothing() -> None:
    one, other = finding("stock.short", "P002", missing=3), finding("stock.short", "P002", missing=4)
    assert compare([a_stop("a", referred(one))], [a_stop("a", referred(other))]) == []
    subject = finding("stock.short", "P003", missing=3)
    assert codes([a_stop("a", referred(one))], [a_stop("a", referred(subject))]) == [
        ("finding.disappears", "a"),
        ("finding.appears", "a"),
    ]


def test_a_step_that_begins_or_ends_to_ask_or_asks_others_is_told() -> None:
    auto, manual = [a_stop("a", Passed())], [a_stop("a", Passed(), mode="manual")]
    assert compare(auto, manual) == [Change("step.asks", "a", {"roles": "finance_clerk"})]
    assert compare(manual, auto) == [Change("step.asks_nobody", "a", {"roles": "finance_clerk"})]
    others = [a_stop("a", Passed(), mode="manual", roles=["finance_manager"])]
    assert codes(manual, others) == [("step.asked_of", "a")]
    assert codes(auto, [a_stop("a", Passed(), roles=["finance_manager"])]) == []  # nobody is asked
    both = [a_stop("a", referred(OVER))], [a_stop("a", referred(OVER), mode="manual")]
    assert compare(*both) == []  # they are asked anyway


def test_the_same_findings_may_lead_elsewhere() -> None:
    change = {"before": "referred", "after": "returned"}
    found = compare([a_stop("a", referred(SHORT))], [a_stop("a", Returned((SHORT,)))])
    assert found == [Change("step.outcome", "a", change)]


def test_another_sequence_is_told_once() -> None:
    before = [a_stop("a"), a_stop("b"), a_stop("c")]
    assert codes(before, [a_stop("b"), a_stop("a"), a_stop("c")]) == [("step.moved", "b")]
    assert codes(before, [a_stop("x"), *before]) == [("step.added", "x")]


def test_an_activity_that_is_exchanged_is_told() -> None:
    assert codes([a_stop("a")], [a_stop("a", activity="compliance.check")]) == [("step.activity", "a")]


def test_a_way_is_made_of_the_steps_whose_condition_holds() -> None:
    definition = parse(definition_text(step_text("a"), step_text("b", when="total >= senior_threshold")), "x")
    assert [each.id for each in way(definition, {"total": 99, "senior_threshold": 100})] == ["a"]
    assert [each.id for each in way(definition, {"total": 100, "senior_threshold": 100})] == ["a", "b"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_change_has_words(language: Any) -> None:
    values = {"step": "s", "roles": "r", "before": "b", "after": "a", "finding": "f"}
    for code in (
        "step.added", "step.added_asking", "step.left_out", "step.moved", "step.activity", "step.asks",
        "step.asks_nobody", "step.asked_of", "step.outcome", "way.ends", "finding.appears", "finding.disappears",
        "finding.granted_by",
    ):  # fmt: skip
        assert word("backtest", code, language) != code
        assert "{" not in sentence("backtest", code, values, language)
