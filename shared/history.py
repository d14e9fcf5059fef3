"""An order's history: numbered, hash-chained lines. What they fold to is where the order stands (AUD-01, AUD-02)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

SYSTEM = "system"
"""The actor of what no person did."""


class Kind(StrEnum):
    """The closed list of what can happen to an order."""

    RECEIVED = "received"
    RESUBMITTED = "resubmitted"
    PASSED = "passed"
    REFERRED = "referred"
    WAITING = "waiting"
    AGREED = "agreed"
    DISAGREED = "disagreed"
    OPINION = "opinion"
    RETURNED = "returned"
    TRANSFERRED = "transferred"
    URGED = "urged"
    INFORMATION_REQUESTED = "information_requested"
    INFORMATION_GIVEN = "information_given"
    CANCELLATION_REQUESTED = "cancellation_requested"
    CANCELLATION_REFUSED = "cancellation_refused"
    WITHDRAWN = "withdrawn"
    AMENDED = "amended"
    CARRIED = "carried"
    PURGED = "purged"
    LAPSED = "lapsed"
    REPLACED = "replaced"
    HELD = "held"
    RESUMED = "resumed"
    COMMENT_ASKED = "comment_asked"
    COMMENTED = "commented"
    UNDONE = "undone"
    DEAD_LETTERED = "dead_lettered"
    REPLAYED = "replayed"


FINISHES_STEP = frozenset({Kind.PASSED, Kind.AGREED, Kind.OPINION, Kind.CARRIED})
BEGINS_ROUND = frozenset({Kind.RECEIVED, Kind.RESUBMITTED})


def microseconds(at: datetime) -> int:
    """Since 1970, exact; the form in which a time enters the hash."""
    return (at - _EPOCH) // _MICROSECOND


def link(head: bytes, order_id: str, seq: int, at: int, words: Sequence[str | None], round_: int, data: str) -> bytes:
    """The hash of a line: over the hash before it and everything it says. `words`: kind, step, actor, state."""
    # With the words' lengths no two different lines make one text, whatever stands in them.
    sizes = " ".join(["-" if word is None else str(len(word)) for word in words])
    text = f"{order_id} {seq} {at} {round_} {sizes} {''.join([word or '' for word in words])}{data}"
    return sha256(head + text.encode()).digest()


@dataclass(slots=True)
class Fold:
    """Where an order stands after its events, computed from them alone."""

    version: int = 0
    state: str = ""
    round: int = 0
    open: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    head: bytes = b""


@dataclass(frozen=True, slots=True)
class Event:
    """One line as stored; `data` parsed, `text` as hashed."""

    order_id: str
    seq: int
    at: datetime
    kind: Kind
    round: int
    step: str | None
    actor: str
    state: str
    text: str
    data: dict[str, Any]
    hash: bytes


class Broken(Exception):
    """A history that does not verify: the line and why."""

    def __init__(self, seq: int, why: str) -> None:
        super().__init__(f"event {seq}: {why}")


def fold(events: Iterable[Event]) -> Fold:
    """Replay a whole history from its first line. Raises `Broken` at a gap or a line that was changed."""
    result = Fold()
    for event in events:
        if event.seq != result.version + 1:
            raise Broken(event.seq, f"follows {result.version}")
        words = (event.kind, event.step, event.actor, event.state)
        expected = link(result.head, event.order_id, event.seq, microseconds(event.at), words, event.round, event.text)
        if expected != event.hash:
            raise Broken(event.seq, "does not match its hash")
        apply(result, event)
        result.head = event.hash
    return result


def apply(result: Fold, event: Event) -> None:
    """One step of the fold. Every event says what it finished, what it closed and what it opened."""
    result.version, result.state, result.round = event.seq, event.state, event.round
    if event.kind in BEGINS_ROUND:
        result.open, result.done = [], []
    if event.kind in FINISHES_STEP and event.step:
        result.done.append(event.step)
    if "undo" in event.data:  # everything obtained in this round is to be undone, last first
        result.open, result.done = [], list(event.data["undo"])
    if event.kind is Kind.UNDONE and event.step:
        result.done.remove(event.step.removeprefix("undo:"))
    if "kept" in event.data:
        result.done = list(event.data["kept"])
    closed = event.data.get("closed", ())
    result.open = [step for step in result.open if step not in closed] + list(event.data.get("opened", ()))
