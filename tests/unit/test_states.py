"""The state table: what may follow what, and what is final."""

import pytest

from shared.history import Kind
from shared.states import FINAL, MOVES, State, allowed, diagram, forward, may_be_amended, may_end
from shared.words import word
from tests.support.database import REPOSITORY

FULFILMENT = [
    State.IN_REVIEW,
    State.APPROVED,
    State.RESERVED,
    State.PREPARED,
    State.SHIPPED,
    State.RECEIVED,
    State.SETTLED,
    State.ARCHIVED,
]
BEFORE_SHIPPING = FULFILMENT[:4]


@pytest.mark.requirement("TRK-01")
@pytest.mark.parametrize("place", range(len(FULFILMENT)))
def test_fulfilment_goes_forward_and_may_skip_stages(place: int) -> None:
    for later in FULFILMENT[place + 1 :]:
        assert allowed(FULFILMENT[place], later)
        assert forward(FULFILMENT[place], later)


@pytest.mark.requirement("TRK-01")
def test_goods_paid_in_advance_may_be_settled_before_they_move() -> None:
    for state in (State.RESERVED, State.PREPARED, State.SHIPPED, State.RECEIVED):
        assert forward(State.SETTLED, state)
    assert not allowed(State.SETTLED, State.APPROVED)


@pytest.mark.requirement("TRK-01", "APR-08")
@pytest.mark.parametrize("state", list(State))
def test_only_what_has_not_been_shipped_returns_or_is_cancelled(state: State) -> None:
    assert allowed(state, State.RETURNING) == (state in BEFORE_SHIPPING)
    assert allowed(state, State.RETURNED) == (state in [*BEFORE_SHIPPING, State.RETURNING])
    assert allowed(state, State.CANCELLING) == (state in [*BEFORE_SHIPPING, State.RETURNING])
    assert allowed(state, State.CANCELLED) == (state in {State.CANCELLING, State.DRAFT, State.RETURNED})


@pytest.mark.requirement("APR-09")
def test_a_returned_order_is_resubmitted_cancelled_or_made_again_and_nothing_else() -> None:
    assert MOVES[State.RETURNED] == {State.IN_REVIEW, State.CANCELLED, State.REPLACED}
    assert MOVES[State.DRAFT] == {State.IN_REVIEW, State.CANCELLED, State.REPLACED}


@pytest.mark.requirement("APR-14", "PRC-07")
@pytest.mark.parametrize("state", list(State))
def test_what_may_be_taken_out_of_work_is_undone_first(state: State) -> None:
    assert may_end(state) == (state in {*BEFORE_SHIPPING, State.RETURNING, State.RETURNED, State.DRAFT})
    assert allowed(state, State.PURGED) == (state is State.CANCELLING)
    assert allowed(state, State.REPLACED) == (state in {State.CANCELLING, State.DRAFT, State.RETURNED})


@pytest.mark.requirement("ENT-09")
@pytest.mark.parametrize("state", list(State))
def test_only_what_is_approved_and_not_shipped_is_amended(state: State) -> None:
    assert may_be_amended(state) == (state in {State.APPROVED, State.RESERVED, State.PREPARED})


@pytest.mark.requirement("TRK-01")
def test_the_readme_draws_the_whole_table_and_every_state_has_words() -> None:
    assert diagram() in (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for state in State:
        assert word("states", state, "zh") != state


@pytest.mark.requirement("AUD-01")
def test_every_kind_of_event_has_words() -> None:
    for kind in Kind:
        assert word("events", kind, "zh") != kind


@pytest.mark.requirement("TRK-01")
@pytest.mark.parametrize("state", [State.SHIPPED, State.RECEIVED])
def test_what_has_been_shipped_never_goes_back(state: State) -> None:
    assert MOVES[state] <= {*FULFILMENT[FULFILMENT.index(state) + 1 :], State.ENDED}


@pytest.mark.requirement("PRC-10")
@pytest.mark.parametrize("state", list(State))
def test_a_process_may_end_wherever_its_steps_have_brought_the_order(state: State) -> None:
    assert allowed(state, State.ENDED) == (state in {State.IN_REVIEW, *FULFILMENT} - {State.ARCHIVED})


@pytest.mark.requirement("TRK-01")
def test_nothing_follows_a_final_state_and_everything_else_leads_to_one() -> None:
    assert {state for state in State if not MOVES[state]} == FINAL
    reached = set(FINAL)
    while more := {state for state in State if MOVES[state] & reached} - reached:
        reached |= more
    assert reached == set(State)


@pytest.mark.requirement("TRK-01")
@pytest.mark.parametrize("state", list(State))
def test_staying_is_no_move_and_nothing_becomes_a_draft(state: State) -> None:
    assert not allowed(state, state)
    assert not allowed(state, State.DRAFT)
