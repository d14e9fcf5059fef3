"""The closed list of an order's states and the moves between them (TRK-01). A move not in the table is refused."""

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """Where an order stands. The codes are stored and published; their words are in the catalogues."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    RETURNING = "returning"
    """Disagreed with; the departments are undoing what they did."""
    RETURNED = "returned"
    """退回: with its creator, editable, nothing held for it any more."""
    APPROVED = "approved"
    RESERVED = "reserved"
    PREPARED = "prepared"
    SHIPPED = "shipped"
    RECEIVED = "received"
    SETTLED = "settled"
    ARCHIVED = "archived"
    ENDED = "ended"
    """The named end of a definition that ends early, or without an archive (PRC-10)."""
    CANCELLING = "cancelling"
    """It will be cancelled, purged or replaced; the departments are undoing what they did."""
    CANCELLED = "cancelled"
    PURGED = "purged"
    """清除: nobody reviewed it in time (APR-14)."""
    REPLACED = "replaced"
    """Made again under a new version of its process, as another order (PRC-07)."""


FINAL = frozenset({State.ARCHIVED, State.ENDED, State.CANCELLED, State.PURGED, State.REPLACED})
"""Nothing follows these."""

WITH_CREATOR = frozenset({State.DRAFT, State.RETURNED})
"""Editable, in nobody's queue, and nothing is held for it."""

# Forward: what a definition's steps may reach from each state. A definition need not have every stage, so stages may be
# skipped; goods paid for in advance are settled before they are reserved, prepared, shipped or received.
_FORWARD: Mapping[State, frozenset[State]] = {
    State.IN_REVIEW: frozenset(
        {
            State.APPROVED,
            State.RESERVED,
            State.PREPARED,
            State.SHIPPED,
            State.RECEIVED,
            State.SETTLED,
            State.ARCHIVED,
            State.ENDED,
        }
    ),
    State.APPROVED: frozenset(
        {
            State.RESERVED,
            State.PREPARED,
            State.SHIPPED,
            State.RECEIVED,
            State.SETTLED,
            State.ARCHIVED,
            State.ENDED,
        }
    ),
    State.RESERVED: frozenset(
        {State.PREPARED, State.SHIPPED, State.RECEIVED, State.SETTLED, State.ARCHIVED, State.ENDED}
    ),
    State.PREPARED: frozenset({State.SHIPPED, State.RECEIVED, State.SETTLED, State.ARCHIVED, State.ENDED}),
    State.SHIPPED: frozenset({State.RECEIVED, State.SETTLED, State.ARCHIVED, State.ENDED}),
    State.RECEIVED: frozenset({State.SETTLED, State.ARCHIVED, State.ENDED}),
    State.SETTLED: frozenset(
        {State.RESERVED, State.PREPARED, State.SHIPPED, State.RECEIVED, State.ARCHIVED, State.ENDED}
    ),
}

# Back: a disagreement that sends the order to an earlier step, or a change that opens a new round (ENT-09).
# What has been shipped or settled does not come back this way.
_BACK: Mapping[State, frozenset[State]] = {
    State.APPROVED: frozenset({State.IN_REVIEW}),
    State.RESERVED: frozenset({State.IN_REVIEW, State.APPROVED}),
    State.PREPARED: frozenset({State.IN_REVIEW, State.APPROVED, State.RESERVED}),
}

# Aside: submission, return to the creator, taking out of work for good; at once where nothing is to be undone.
_LEAVE = frozenset({State.RETURNING, State.RETURNED, State.CANCELLING})
_OUT = frozenset({State.CANCELLED, State.PURGED, State.REPLACED})
_ASIDE: Mapping[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.IN_REVIEW, State.CANCELLED, State.REPLACED}),
    State.IN_REVIEW: _LEAVE,
    State.APPROVED: _LEAVE,
    State.RESERVED: _LEAVE,
    State.PREPARED: _LEAVE,
    State.RETURNING: frozenset({State.RETURNED, State.CANCELLING}),
    State.RETURNED: frozenset({State.IN_REVIEW, State.CANCELLED, State.REPLACED}),
    State.CANCELLING: _OUT,
}

_NONE: frozenset[State] = frozenset()

MOVES: Mapping[State, frozenset[State]] = {
    state: _FORWARD.get(state, _NONE) | _BACK.get(state, _NONE) | _ASIDE.get(state, _NONE) for state in State
}
"""Every allowed move; the whole of TRK-01."""


def allowed(present: State, following: State) -> bool:
    """Whether an order may move from one state to the other. Staying where it is is not a move."""
    return following in MOVES[present]


def forward(present: State, following: State) -> bool:
    """Whether the steps of a definition may take an order from one state to the other."""
    return following in _FORWARD.get(present, _NONE)


def may_end(present: State) -> bool:
    """Whether an order may still be taken out of work for good: cancelled, purged or replaced."""
    return present in WITH_CREATOR or allowed(present, State.CANCELLING)


def may_be_amended(present: State) -> bool:
    """Whether a change may open a new round: the order is approved, and nothing has been shipped (ENT-09)."""
    return State.IN_REVIEW in _BACK.get(present, _NONE)


def diagram() -> str:
    """The whole table as a Mermaid state diagram."""
    moves = [f"    {state} --> {following}" for state in State for following in State if following in MOVES[state]]
    ends = [f"    {state} --> [*]" for state in State if state in FINAL]
    return "\n".join(["stateDiagram-v2", "    [*] --> draft", *moves, *ends])
