"""Any moves on any definition: the events of an order fold to where it stands, and no change of them goes unseen.

The moves are made by the journal itself, in every order that departments, people and cancellations could make them.
"""

import json
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from shared import policy
from shared.definitions import parse
from shared.department import finding
from shared.history import SYSTEM, Broken, Event, Fold, Kind, apply, fold
from shared.journal import UNDO, Journal
from shared.processes import Definition
from shared.standings import Standing
from shared.states import FINAL, State, allowed, may_be_amended, may_end
from tests.support.definitions import definition_text, step
from tests.support.drawn import sound_definitions
from tests.support.orders import NOW, an_order

POLICY = policy.load().get("standard@1")
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
FINDING = finding("credit.over_limit", "C001", limit_minor=1)

ORDERS = st.builds(
    lambda total, wish, new: an_order(
        "01a20b90-3b06-73cf-bbc6-d7e0d2510bf5",
        total_base_minor=total,
        special_requirements=wish,
        new_customer=new,
    ),
    st.sampled_from([POLICY.senior_threshold_minor - 1, POLICY.senior_threshold_minor]),
    st.sampled_from(["", "木箱"]),
    st.booleans(),
)
MOVES = ["finish"] * 7 + ["undone"] * 7
MOVES += ["refer", "wait", "disagree", "cancel", "note", "resubmit", "amend", "withdraw", "purge", "replace"]
Move = tuple[str, int, int]
# Three bytes make a move: what, at which of the open steps, and how much later.
DRAWN: st.SearchStrategy[list[Move]] = st.binary(min_size=30, max_size=120).map(
    lambda drawn: [
        (MOVES[which % len(MOVES)], pick, later)
        for which, pick, later in zip(drawn[0::3], drawn[1::3], drawn[2::3], strict=False)
    ]
)


@dataclass
class Walk:
    """One order on its way. `effects`: the steps that may hold something for it."""

    standing: Standing
    journal: Journal
    actor: str = SYSTEM
    effects: set[str] = field(default_factory=set)
    history: list[Event] = field(default_factory=list)
    folded: Fold = field(default_factory=Fold)

    def make(self, move: Move) -> bool:
        """Make the move if it can be made now; then what must always hold is looked at."""
        kind, pick, later = move
        self.journal.now += timedelta(microseconds=later)
        steps = [one for one in self.standing.open if not one.startswith(UNDO)]
        undoing = [one for one in self.standing.open if one.startswith(UNDO)]
        able = {
            "undone": bool(undoing),
            "cancel": True,
            "note": self.standing.version > 0,
            "resubmit": self.standing.state is State.RETURNED,
            "amend": may_be_amended(self.standing.state) and not self.standing.closing,
            "withdraw": self.standing.state is State.IN_REVIEW and not self.standing.closing,
            "purge": self.standing.state is State.IN_REVIEW,
            "replace": may_end(self.standing.state),
        }
        if not able.get(kind, bool(steps)):
            return False
        chosen = undoing[pick % len(undoing)] if undoing else steps[pick % len(steps)] if steps else ""
        getattr(self, kind)(chosen)
        self.look()
        return True

    # -- moves ----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        self.journal.begin_round(self.standing, Kind.RECEIVED, self.actor, {"origin": self.actor})
        self.look()

    def finish(self, step: str) -> None:
        kind = Kind.PASSED if self.actor == SYSTEM else Kind.AGREED
        self.effects.add(step)
        self.journal.finish_step(self.standing, kind, step, self.actor, {"basis": {"seen": self.actor}})

    def refer(self, step: str) -> None:
        self.journal.refer(self.standing, self.standing.definition.step(step), [FINDING], {})

    def wait(self, step: str) -> None:
        self.effects.add(step)  # a request to buy, say
        until = self.journal.now + timedelta(days=1)
        self.journal.wait(self.standing, self.standing.definition.step(step), ["stock:P001", "time"], until, {})

    def disagree(self, step: str) -> None:
        where = self.standing.definition.step(step)
        self.journal.disagree(self.standing, where, Kind.DISAGREED, self.actor, {"reason": self.actor})

    def undone(self, step: str) -> None:
        self.effects.discard(step.removeprefix(UNDO))
        self.journal.undone(self.standing, step)

    def cancel(self, _: str) -> None:
        before = self.standing.state
        done = self.journal.cancel(self.standing, self.actor, {"reason": self.actor})
        assert done is (before is State.RETURNED or allowed(before, State.CANCELLING))

    def amend(self, _: str) -> None:
        self.standing.revision += 1
        round_ = self.standing.round
        self.journal.amend(self.standing, self.actor, {"revision": self.standing.revision})
        assert (self.standing.state, self.standing.round) == (State.IN_REVIEW, round_)
        assert self.standing.open[0].startswith(UNDO), "fulfilment pauses"

    def withdraw(self, _: str) -> None:
        self.journal.send_back(self.standing, Kind.WITHDRAWN, self.actor, {"reason": self.actor})

    def purge(self, _: str) -> None:
        self.journal.end(self.standing, Kind.PURGED, SYSTEM, State.PURGED, {})

    def replace(self, _: str) -> None:
        self.journal.end(self.standing, Kind.REPLACED, self.actor, State.REPLACED, {})

    def note(self, step: str) -> None:
        self.journal.note(self.standing, Kind.TRANSFERRED, step or None, self.actor, {"to": self.actor})

    def resubmit(self, _: str) -> None:
        self.standing.round += 1
        self.standing.revision += 1
        self.journal.begin_round(self.standing, Kind.RESUBMITTED, self.actor, {"revision": self.standing.revision})

    # -- what must always hold ------------------------------------------------------------------------------------

    def look(self) -> None:
        for line in self.journal.events[len(self.history) :]:
            self.history.append(as_stored(line, self.journal.now))
            apply(self.folded, self.history[-1])
            self.folded.head = self.history[-1].hash
        standing = self.standing
        assert self.folded == Fold(
            standing.version, standing.state, standing.round, standing.open, standing.done, standing.head
        )
        assert len({*standing.open}) == len(standing.open)
        assert not {*standing.open} & {*standing.done}
        assert bool(standing.open) is (standing.state not in FINAL | {State.RETURNED})
        assert bool(standing.closing) is any(one.startswith(UNDO) for one in standing.open)
        if standing.state in (State.RETURNED, State.CANCELLED, State.PURGED, State.REPLACED):
            assert self.effects == set(), "nothing is held for it any more"


def as_stored(line: tuple[object, ...], at: Any) -> Event:
    """An event as the audit reads it back."""
    order_id, seq, kind, round_, step, actor, state, hash_, text = line
    return Event(order_id, seq, at, Kind(kind), round_, step, actor, state, text, json.loads(str(text)), hash_)  # type: ignore[arg-type]


def walk(definition: Definition, order: Any, moves: list[Move], actor: str) -> Walk:
    """All the moves that can be made, one after the other."""
    standing = Standing(order.id, 0, State.DRAFT, 1, 1, [], [], None, b"", definition, POLICY, order)
    made = Walk(standing, Journal(NOW), actor or SYSTEM)
    made.begin()
    for move in moves:
        made.make(move)
    return made


WALKS = st.builds(walk, sound_definitions(), ORDERS, DRAWN, TEXTS)


@pytest.mark.requirement("TRK-01", "AUD-01")
@given(WALKS)
@settings(max_examples=80, deadline=None)
def test_the_events_always_fold_to_where_the_order_stands(made: Walk) -> None:
    assert fold(made.history) == made.folded
    event(f"ends {made.standing.state}")
    event(f"rounds {min(made.standing.round, 4)}")


@pytest.mark.requirement("WHS-02")
@pytest.mark.parametrize("target", ["second", "repeat"])
def test_cancelled_while_it_goes_back_an_order_keeps_nothing(target: str) -> None:
    steps = (step("first"), step("second"), step("third", on_disagree=target))
    made = walk(parse(definition_text(*steps), "back.toml"), an_order(), [("finish", 0, 1), ("finish", 0, 1)], "")
    assert made.make(("disagree", 0, 1))
    assert (made.standing.state, made.standing.open) == (State.IN_REVIEW, ["undo:third"])
    assert made.make(("cancel", 0, 1))
    undone = 0
    while made.make(("undone", 0, 1)):
        undone += 1
    assert (made.standing.state, undone) == (State.CANCELLED, 3)


# -- tampering ---------------------------------------------------------------------------------------------------------


def others(name: str, value: Any) -> list[Any]:
    """What somebody might put into a field instead."""
    if name == "kind":
        return [kind for kind in Kind if kind is not value]
    if name == "at":
        return [value + timedelta(microseconds=1), value - timedelta(days=1)]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, bytes):
        return [b"", value[:-1], bytes([value[0] ^ 1]) + value[1:]]
    if value is None:
        return ["", "check", "None"]
    return [value + " ", value[1:], value.swapcase() if value.swapcase() != value else value + "x", None]


@pytest.mark.requirement("AUD-02")
@given(WALKS, st.integers(0), st.data())
@settings(max_examples=40, deadline=None)
def test_a_change_of_any_field_of_any_event_is_found(made: Walk, which: int, data: st.DataObject) -> None:
    place = which % len(made.history)
    line = made.history[place]
    names = [each.name for each in fields(Event) if each.name != "data"]  # it is what `text` says
    name = data.draw(st.sampled_from(names))
    value = getattr(line, name)
    other = data.draw(st.sampled_from([one for one in others(name, value) if one != value]))
    if name == "text" and not isinstance(other, str):
        return
    with pytest.raises((Broken, TypeError, AttributeError)):
        fold([*made.history[:place], replace(line, **{name: other}), *made.history[place + 1 :]])


@pytest.mark.requirement("AUD-02")
@given(WALKS, st.integers(0), TEXTS, TEXTS)
@settings(max_examples=20, deadline=None)
def test_words_cannot_be_moved_from_one_field_to_the_next(made: Walk, which: int, more: str, less: str) -> None:
    place = which % len(made.history)
    line = made.history[place]
    for separator in ("", "\x1f", " ", "\n"):
        moved = [
            replace(line, step=f"{line.step or ''}{separator}{line.actor[:1]}", actor=line.actor[1:]),
            replace(line, actor=f"{line.actor}{separator}{line.state[:1]}", state=line.state[1:]),
            replace(line, step="" if line.step is None else None),
            replace(line, actor=line.actor + more, state=less + line.state),
        ]
        for forged in moved:
            if forged != line:
                with pytest.raises(Broken):
                    fold([*made.history[:place], forged, *made.history[place + 1 :]])


@pytest.mark.requirement("AUD-02")
@given(WALKS, st.integers(0), st.integers(0))
@settings(max_examples=20, deadline=None)
def test_lines_left_out_repeated_or_exchanged_are_found(made: Walk, one: int, other: int) -> None:
    history = made.history
    first, second = sorted([one % len(history), other % len(history)])
    left_out = [*history[:first], *history[first + 1 :]]
    repeated = [*history[: first + 1], *history[first:]]
    with pytest.raises(Broken):
        fold(repeated)
    if first < len(history) - 1:
        with pytest.raises(Broken):
            fold(left_out)
    else:  # the last line is gone: what is left is in order, but no longer what the order's row says
        assert fold(left_out).head != made.standing.head
    if first != second:
        exchanged = [*history]
        exchanged[first], exchanged[second] = exchanged[second], exchanged[first]
        with pytest.raises(Broken):
            fold(exchanged)
