"""Random process definitions, and values that their conditions look at, for Hypothesis."""

from typing import Any

from hypothesis import strategies as st

from shared.definitions import parse
from shared.processes import RECORD, REPEAT, RETURN, Definition
from shared.states import State
from tests.support.definitions import definition_text, step

CONDITIONS = [None, None, "total >= senior_threshold", "special_requirements", "not new_customer and line_count > 2"]
MILESTONES = [
    State.APPROVED,
    State.RESERVED,
    State.PREPARED,
    State.SHIPPED,
    State.RECEIVED,
    State.SETTLED,
    State.ARCHIVED,
]
RETURNABLE = {State.IN_REVIEW, State.APPROVED, State.RESERVED, State.PREPARED}


@st.composite
def sound_definitions(draw: st.DrawFn) -> Definition:
    """Stages of one to three steps, each with or without a condition, reaching some of the states in their order."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=6))
    places = sorted(draw(st.sets(st.sampled_from(range(len(sizes))))))
    reached = sorted(draw(st.sets(st.sampled_from(range(len(MILESTONES))))))
    milestones = {place: MILESTONES[index] for place, index in zip(places, reached, strict=False)}
    if milestones.get(len(sizes) - 1) is not State.ARCHIVED:
        milestones = {place: which for place, which in milestones.items() if which is not State.ARCHIVED}
    state = State.IN_REVIEW
    steps: list[dict[str, Any]] = []
    earlier: list[tuple[str, State]] = []
    for place, size in enumerate(sizes):
        members = [f"s{place}_{member}" for member in range(size)]
        targets = [name for name, then in earlier if then is state or state in RETURNABLE]
        targets += [REPEAT, RECORD, RETURN] if state in RETURNABLE else [REPEAT, RECORD]
        steps += [
            step(
                name,
                mode=draw(st.sampled_from(["auto", "manual"])),
                on_disagree=draw(st.sampled_from(targets)),
                group=f"g{place}" if size > 1 else None,
                when=draw(st.sampled_from(CONDITIONS)) if place or name != members[0] else None,
                reaches=milestones.get(place),
            )
            for name in members
        ]
        earlier += [(name, state) for name in members]
        state = milestones.get(place, state)
    return parse(definition_text(*steps, ends_in="archived"), "drawn.toml")


VALUES = st.fixed_dictionaries(
    {
        "total": st.integers(0, 2),
        "senior_threshold": st.just(1),
        "special_requirements": st.booleans(),
        "new_customer": st.booleans(),
        "line_count": st.integers(1, 4),
    }
)
