"""Any definition, any order of events: an order ends or waits on something, is never lost, no step is decided twice.

The order below is moved by the two guards and the pure functions alone, as a department moves it: a message counts only
while its round and step are open, and messages are lost, repeated and reordered at will.
"""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from shared.conditions import Value, evaluate
from shared.processes import (
    RECORD,
    REPEAT,
    RETURN,
    Definition,
    Step,
    next_steps,
    state_after,
    steps_dropped,
    steps_to_undo,
)
from shared.states import FINAL, State, allowed, may_be_amended
from tests.support.drawn import VALUES, sound_definitions

KINDS = ["deliver"] * 6 + ["decide"] * 3
KINDS += ["repeat", "lose", "rescue", "wake", "resubmit", "cancel", "amend", "withdraw", "purge"]
OUTCOMES = ["pass"] * 4 + ["refer", "wait", "return"]
Action = tuple[str, int, str, bool]
# Three bytes make an action: far quicker to draw than a list of tuples, and it shrinks as well.
ACTIONS: st.SearchStrategy[list[Action]] = st.binary(min_size=90, max_size=240).map(
    lambda drawn: [
        (KINDS[kind % len(KINDS)], pick, OUTCOMES[how % len(OUTCOMES)], how >= 64)
        for kind, pick, how in zip(drawn[0::3], drawn[1::3], drawn[2::3], strict=False)
    ]
)
Message = tuple[int, str]


@dataclass
class Running:
    """One order on its way. `at` says for every open step what it is with: "department", "person" or "world"."""

    definition: Definition
    values: dict[str, Value]
    state: State = State.DRAFT
    round: int = 0
    done: set[str] = field(default_factory=set)
    at: dict[str, str] = field(default_factory=dict)
    agreed: set[str] = field(default_factory=set)
    queue: list[Message] = field(default_factory=list)
    sent: list[Message] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    finished: Counter[Message] = field(default_factory=Counter)
    asked: Counter[Message] = field(default_factory=Counter)
    opened: Counter[Message] = field(default_factory=Counter)

    # -- what a department does -----------------------------------------------------------------------------------

    def deliver(self, message: Message, outcome: str) -> None:
        round_, name = message
        if round_ != self.round or self.at.get(name) != "department":
            return  # stale or repeated
        one = self.definition.step(name)
        if outcome == "wait":
            self.at[name] = "world"
        elif outcome == "return" and allowed(self.state, State.RETURNING):
            self.send_back(one, steps_to_undo(self.definition, self.done), to_creator=True)
        elif name not in self.agreed and (outcome == "refer" or one.mode == "manual"):
            self.at[name] = "person"
            self.asked[message] += 1
        else:
            self.finished[message] += 1
            self.effects.append(name)
            self.done.add(name)
            del self.at[name]
            self.advance()

    def decide(self, name: str, agree: bool) -> None:
        one = self.definition.step(name)
        if agree:
            self.agreed.add(name)
            self.send(name)
        elif one.on_disagree == RECORD:
            self.effects.append(name)  # it is undone like the others, and nothing was obtained
            self.done.add(name)
            del self.at[name]
            self.advance()
        else:
            self.send_back(one, steps_dropped(self.definition, one, self.done), to_creator=one.on_disagree == RETURN)

    # -- how the order moves --------------------------------------------------------------------------------------

    def submit(self) -> None:
        self.round += 1
        self.done, self.at, self.agreed = set(), {}, set()
        self.advance()

    def send_back(self, step: Step, dropped: tuple[Step, ...], to_creator: bool) -> None:
        self.undo(dropped)
        self.at, self.agreed = {}, set()
        if to_creator:
            self.move(State.RETURNING)
            self.move(State.RETURNED)
            assert self.effects == [], "nothing is held for a returned order"
        else:
            self.round += 1
            self.advance()
            again = step.id if step.on_disagree == REPEAT else step.on_disagree
            assert again in self.at or not self.applies(self.definition.step(again)), "that step is decided again"

    def undo(self, dropped: tuple[Step, ...]) -> None:
        order = [one.id for one in self.definition.steps]
        names = [one.id for one in dropped]
        assert names == sorted(names, key=order.index, reverse=True), "the last first"
        for name in names:
            self.effects.remove(name)
            self.done.remove(name)

    def end(self, end: State) -> None:
        if allowed(self.state, State.CANCELLING):
            self.undo(steps_to_undo(self.definition, self.done))
            self.at = {}
            self.move(State.CANCELLING)
            self.move(end)
            assert self.effects == [], "nothing is held for it any more"

    def amend(self) -> None:
        """An approved order is changed: everything is undone, and a round begins at the first step."""
        self.undo(steps_to_undo(self.definition, self.done))
        self.at, self.agreed = {}, set()
        self.move(State.IN_REVIEW)
        self.round += 1
        self.advance()
        assert self.done == set()

    def withdraw(self) -> None:
        """The creator takes it back in review."""
        self.undo(steps_to_undo(self.definition, self.done))
        self.at, self.agreed = {}, set()
        self.move(State.RETURNING)
        self.move(State.RETURNED)
        assert self.effects == [], "nothing is held for a returned order"

    def advance(self) -> None:
        self.move(state_after(self.definition, self.done, self.values, self.state))
        following = next_steps(self.definition, self.done, self.values)
        for one in following:
            if one.id not in self.at:
                self.opened[self.round, one.id] += 1
                self.send(one.id)
        if not following:
            self.move(self.definition.ends_in)

    def move(self, state: State) -> None:
        if state is not self.state:
            assert allowed(self.state, state), f"{self.state} to {state}"
            self.state = state

    def send(self, name: str) -> None:
        self.at[name] = "department"
        self.queue.append((self.round, name))
        self.sent.append((self.round, name))

    def rescue(self) -> None:
        """Republish what is with a department and has no message any more."""
        self.queue += [(self.round, name) for name, held in self.at.items() if held == "department"]

    # -- what must always be so -----------------------------------------------------------------------------------

    def check(self) -> None:
        following = {one.id for one in next_steps(self.definition, self.done, self.values)}
        if self.state in FINAL or self.state is State.RETURNED:
            assert not self.at
        else:
            assert self.at, "an order that has not ended is at a step"
            assert set(self.at) == following
        for counted in (self.finished, self.opened, self.asked):
            assert all(count == 1 for count in counted.values()), "once for each step and round"
        assert Counter(self.effects) == Counter(self.done)
        self.check_order_of_stages()

    def check_order_of_stages(self) -> None:
        """A finished step applies, and every stage before it is complete."""
        for place, stage in enumerate(self.definition.stages):
            for one in stage:
                if one.id in self.done or one.id in self.at:
                    assert self.applies(one)
                    before = [each for former in self.definition.stages[:place] for each in former]
                    assert all(each.id in self.done for each in before if self.applies(each))

    def applies(self, one: Step) -> bool:
        return one.when is None or evaluate(one.when, self.values)


def act(order: Running, kind: str, pick: int, outcome: str, agree: bool) -> None:
    """One event of the world, where it is possible now."""
    people = [name for name, held in order.at.items() if held == "person"]
    waiting = [name for name, held in order.at.items() if held == "world"]
    match kind:
        case "deliver" if order.queue:
            order.deliver(order.queue.pop(pick % len(order.queue)), outcome)
        case "repeat" if order.sent:  # a duplicate, or a message of a step or round long gone
            order.deliver(order.sent[pick % len(order.sent)], outcome)
        case "lose" if order.queue:
            order.queue.pop(pick % len(order.queue))
        case "rescue":
            order.rescue()
        case "decide" if people:
            order.decide(people[pick % len(people)], agree)
        case "wake" if waiting:
            order.send(waiting[pick % len(waiting)])
        case "resubmit" if order.state is State.RETURNED:
            order.submit()
        case _:
            act_on_the_whole(order, kind, pick)


def act_on_the_whole(order: Running, kind: str, pick: int) -> None:
    """What its creator, its customer and time do to an order."""
    match kind:
        case "cancel" if pick < 16:
            order.end(State.CANCELLED)
        case "amend" if may_be_amended(order.state):
            order.amend()
        case "withdraw" if order.state is State.IN_REVIEW and pick < 128:
            order.withdraw()
        case "purge" if order.state is State.IN_REVIEW and pick < 16:
            order.end(State.PURGED)


def settle(order: Running) -> None:
    """From here on the world is kind: what is returned is resubmitted, all else goes through."""
    for _ in range(4 * len(order.definition.steps) + 4):
        if order.state in FINAL:
            return
        for kind in ("resubmit", "rescue", "wake", "decide"):
            act(order, kind, 0, "pass", agree=True)
        for message in list(order.queue):
            order.deliver(message, "pass")
            order.check()
        order.queue.clear()


@pytest.mark.requirement("APR-06", "APR-09", "APR-15", "ENT-09", "PLT-02", "PLT-03", "PRC-10", "TRK-01")
@given(definition=sound_definitions(), values=VALUES, actions=ACTIONS)
@settings(deadline=None, max_examples=200)
def test_every_order_ends_or_waits_and_no_step_is_decided_twice(
    definition: Definition, values: dict[str, Value], actions: list[Action]
) -> None:
    order = Running(definition, values)
    order.submit()
    order.check()
    for kind, pick, outcome, agree in actions:
        act(order, kind, pick, outcome, agree)
        order.check()
    event(f"{order.state} in round {min(order.round, 4)}")
    settle(order)
    assert order.state in {definition.ends_in, State.CANCELLED, State.PURGED}
    if order.state is definition.ends_in:
        assert order.done == {one.id for one in definition.steps if order.applies(one)}


@pytest.mark.requirement("APR-06")
@given(definition=sound_definitions(), values=VALUES, data=st.data())
@settings(deadline=None)
def test_a_group_joins_once_in_whatever_order_its_members_agree(
    definition: Definition, values: dict[str, Value], data: st.DataObject
) -> None:
    done: set[str] = set()
    stages = []
    while opened := next_steps(definition, done, values):
        stages.append([one.id for one in opened])
        for left, one in enumerate(data.draw(st.permutations(opened)), 1):
            done.add(one.id)
            following = next_steps(definition, done, values)
            assert (len(following) == len(opened) - left) or left == len(opened)
            assert set(following) <= set(opened) or left == len(opened)
    applicable = [one.id for one in definition.steps if one.when is None or evaluate(one.when, values)]
    assert [name for stage in stages for name in stage] == applicable
