"""What comes next in a definition: one question, one answer, over (definition, finished steps, values)."""

from datetime import date

import pytest

from messages.folders import DocumentKind
from shared import definitions
from shared.catalogue import DefinitionError, gather
from shared.conditions import Value
from shared.definitions import parse
from shared.processes import (
    Definition,
    Step,
    beginnings,
    next_steps,
    pinned,
    select,
    state_after,
    steps_dropped,
    steps_to_undo,
)
from shared.states import State
from tests.support.definitions import definition_text, step

STANDARD = definitions.load().get("standard@1")
SMALL: dict[str, Value] = {
    "total": 1,
    "senior_threshold": 2,
    "special_requirements": False,
    "payment_terms": "net_30",
}
LARGE: dict[str, Value] = {**SMALL, "total": 2}

COUNTERSIGN = parse(
    definition_text(
        step("register"),
        step("sales", group="countersign"),
        step("buying", group="countersign", when="total > 1"),
        step("money", group="countersign"),
        step("law", on_disagree="buying"),
        step("leader", when="special_requirements", reaches="approved"),
        step("store", reaches="reserved"),
        step("send", on_disagree="law", reaches="shipped"),
        step("receipt", on_disagree="repeat"),
        step("survey", on_disagree="record"),
    ),
    "countersign.toml",
)


def ids(steps: tuple[Step, ...]) -> list[str]:
    return [one.id for one in steps]


def walk(definition: Definition, values: dict[str, Value]) -> list[tuple[list[str], State]]:
    """Every stage in turn with the state once it is passed."""
    done: set[str] = set()
    state = State.IN_REVIEW
    route = []
    while opened := next_steps(definition, done, values):
        done |= {one.id for one in opened}
        state = state_after(definition, done, values, state)
        route.append((ids(opened), state))
    return route


@pytest.mark.requirement("APR-06")
def test_a_step_opens_only_when_the_one_before_it_has_agreed() -> None:
    assert ids(next_steps(STANDARD, set(), SMALL)) == ["check"]
    assert ids(next_steps(STANDARD, {"check"}, SMALL)) == ["finance"]
    assert ids(next_steps(STANDARD, {"finance"}, SMALL)) == ["check"]  # out of order: the first is still missing


@pytest.mark.requirement("APR-06", "TRK-01")
def test_the_standard_route_of_a_small_order_is_approved_without_senior_management() -> None:
    assert walk(STANDARD, SMALL) == [
        (["check"], State.IN_REVIEW),
        (["finance"], State.IN_REVIEW),
        (["compliance"], State.APPROVED),  # senior management is passed over with it
        (["reserve"], State.RESERVED),
        (["prepare"], State.PREPARED),
        (["plan"], State.PREPARED),
        (["ship"], State.SHIPPED),
        (["receipt"], State.RECEIVED),
        (["settle"], State.SETTLED),
        (["archive"], State.ARCHIVED),
    ]


@pytest.mark.requirement("APR-06", "APR-07")
def test_a_large_order_is_approved_only_after_senior_management() -> None:
    route = walk(STANDARD, LARGE)
    assert route[2:5] == [
        (["compliance"], State.IN_REVIEW),
        (["senior"], State.APPROVED),
        (["reserve"], State.RESERVED),
    ]
    assert len(route) == 11


@pytest.mark.requirement("FIN-05")
def test_a_prepaid_order_is_released_before_its_goods_are_touched() -> None:
    route = [opened for opened, _ in walk(STANDARD, {**SMALL, "payment_terms": "prepaid"})]
    assert route[2:5] == [["compliance"], ["release"], ["reserve"]]


@pytest.mark.requirement("APR-06")
def test_a_group_opens_together_and_passes_when_all_who_apply_have_agreed() -> None:
    assert ids(next_steps(COUNTERSIGN, {"register"}, LARGE)) == ["sales", "buying", "money"]
    assert ids(next_steps(COUNTERSIGN, {"register"}, SMALL)) == ["sales", "money"]
    assert ids(next_steps(COUNTERSIGN, {"register", "money"}, LARGE)) == ["sales", "buying"]
    assert ids(next_steps(COUNTERSIGN, {"register", "money", "sales"}, LARGE)) == ["buying"]
    assert ids(next_steps(COUNTERSIGN, {"register", "money", "sales"}, SMALL)) == ["law"]


@pytest.mark.requirement("PRC-10")
def test_a_definition_runs_out() -> None:
    everything = {one.id for one in COUNTERSIGN.steps}
    assert next_steps(COUNTERSIGN, everything, LARGE) == ()
    assert next_steps(COUNTERSIGN, everything - {"leader", "buying"}, SMALL) == ()
    assert (
        state_after(COUNTERSIGN, everything, LARGE, State.SHIPPED) is State.SHIPPED
    )  # ends_in is the caller's to reach


@pytest.mark.requirement("PRC-10", "APR-09")
@pytest.mark.parametrize(
    ("current", "state"),
    [
        (State.DRAFT, State.IN_REVIEW),
        (State.RETURNED, State.IN_REVIEW),
        (State.IN_REVIEW, State.IN_REVIEW),
        (State.APPROVED, State.IN_REVIEW),  # its own approval, taken back by a return to an earlier step
        (State.SETTLED, State.SETTLED),  # left so by the definition before it
    ],
)
def test_before_the_first_state_is_reached_an_order_is_in_review(current: State, state: State) -> None:
    assert state_after(COUNTERSIGN, set(), SMALL, current) is state


@pytest.mark.requirement("PRC-10")
def test_a_definition_that_ends_early_goes_on_as_the_one_it_names() -> None:
    review = parse(definition_text(step("a"), step("b"), name="review", ends_in="approved", then="fulfil"), "review")
    steps = (step("c", reaches="shipped"), step("d", on_disagree="repeat"))
    fulfil = parse(definition_text(*steps, name="fulfil", ends_in="archived"), "fulfil")
    later = parse(definition_text(step("e"), name="fulfil", version=2, effective_from="2026-06-01"), "later")
    known = gather([review, fulfil, later])
    whole = select(known, "domestic", date(2026, 5, 31), "review")
    assert (whole.key, whole.name, whole.then) == ("review@1+fulfil@1", "review", None)
    assert ids(whole.steps) == ["a", "b", "c", "d"]
    assert next_steps(whole, {"a", "b"}, {})[0].id == "c"
    assert state_after(whole, {"a"}, {}, State.IN_REVIEW) is State.IN_REVIEW
    assert state_after(whole, {"a", "b"}, {}, State.IN_REVIEW) is State.APPROVED
    assert state_after(whole, {"a", "b", "c"}, {}, State.APPROVED) is State.SHIPPED
    assert whole.ends_in is State.ARCHIVED
    assert pinned(known, whole.key) == whole
    assert pinned(known, whole.key) is pinned(known, "review@1+fulfil@1")
    assert pinned(known, "review@1") is review
    assert select(known, "domestic", date(2026, 6, 1), "review").key == "review@1+fulfil@2"
    with pytest.raises(DefinitionError, match="fulfil: no document begins there; review goes on as it"):
        select(known, "domestic", date(2026, 6, 1), "fulfil")
    assert beginnings(known) == ("review",)
    assert beginnings(known, DocumentKind.CONTRACT) == ()
    with pytest.raises(DefinitionError, match="fulfil@3: not in the catalogue"):
        pinned(known, "review@1+fulfil@3")


@pytest.mark.requirement("APR-15")
def test_effects_are_undone_the_last_first() -> None:
    assert ids(steps_to_undo(COUNTERSIGN, {"money", "register", "law", "sales"})) == [
        "law",
        "money",
        "sales",
        "register",
    ]
    assert steps_to_undo(COUNTERSIGN, set()) == ()


@pytest.mark.requirement("APR-08", "APR-09")
def test_what_a_disagreement_takes_back() -> None:
    done = {"register", "sales", "buying", "money", "law", "store"}
    assert steps_dropped(COUNTERSIGN, COUNTERSIGN.step("store"), done) == steps_to_undo(COUNTERSIGN, done)
    to_law = steps_dropped(COUNTERSIGN, COUNTERSIGN.step("send"), done)
    assert ids(to_law) == ["store", "law"]
    to_group = steps_dropped(COUNTERSIGN, COUNTERSIGN.step("law"), done - {"law", "store"})
    assert ids(to_group) == ["money", "buying", "sales"]  # the whole group is asked again
    assert steps_dropped(COUNTERSIGN, COUNTERSIGN.step("receipt"), done | {"send"}) == ()
    assert steps_dropped(COUNTERSIGN, COUNTERSIGN.step("survey"), done | {"send", "receipt"}) == ()


@pytest.mark.requirement("APR-08")
def test_a_return_to_an_earlier_step_takes_the_state_back_with_it() -> None:
    done = {"register", "sales", "money", "law", "store"}
    assert state_after(COUNTERSIGN, done, SMALL, State.RESERVED) is State.RESERVED
    kept = done - {one.id for one in steps_dropped(COUNTERSIGN, COUNTERSIGN.step("send"), done)}
    assert state_after(COUNTERSIGN, kept, SMALL, State.RESERVED) is State.IN_REVIEW
    assert ids(next_steps(COUNTERSIGN, kept, SMALL)) == ["law"]
