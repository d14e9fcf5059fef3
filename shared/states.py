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
    """The named early end of a definition that has no fulfilment of its own (PRC-10)."""
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


FINAL = frozenset({State.ARCHIVED, State.ENDED, State.CANCELLED})
"""Nothing follows these."""

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
    State.RESERVED: frozenset({State.PREPARED, State.SHIPPED, State.RECEIVED, State.SETTLED, State.ARCHIVED}),
    State.PREPARED: frozenset({State.SHIPPED, State.RECEIVED, State.SETTLED, State.ARCHIVED}),
    State.SHIPPED: frozenset({State.RECEIVED, State.SETTLED, State.ARCHIVED}),
    State.RECEIVED: frozenset({State.SETTLED, State.ARCHIVED}),
    State.SETTLED: frozenset({State.RESERVED, State.PREPARED, State.SHIPPED, State.RECEIVED, State.ARCHIVED}),
}

# Back: a disagreement that sends the order to an earlier step, or a change that opens a new round (ENT-09).
# What has been shipped or settled does not come back this way.
_BACK: Mapping[State, frozenset[State]] = {
    State.APPROVED: frozenset({State.IN_REVIEW}),
    State.RESERVED: frozenset({State.IN_REVIEW, State.APPROVED}),
    State.PREPARED: frozenset({State.IN_REVIEW, State.APPROVED, State.RESERVED}),
}

# Aside: submission, return to the creator, cancellation; RETURNED or CANCELLED at once where nothing is to be undone.
_LEAVE = frozenset({State.RETURNING, State.RETURNED, State.CANCELLING})
_ASIDE: Mapping[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.IN_REVIEW, State.CANCELLED}),
    State.IN_REVIEW: _LEAVE,
    State.APPROVED: _LEAVE,
    State.RESERVED: _LEAVE,
    State.PREPARED: _LEAVE,
    State.RETURNING: frozenset({State.RETURNED, State.CANCELLING}),
    State.RETURNED: frozenset({State.IN_REVIEW, State.CANCELLED}),
    State.CANCELLING: frozenset({State.CANCELLED}),
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
