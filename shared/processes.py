"""Process definitions and what comes next in them: pure, over (definition, finished steps, values) (PRC-01, APR-06).

`shared/definitions.py` reads and checks them. A definition is a row of stages; a stage is a step or a parallel group.
The values that conditions look at must stay the same for the whole of a round: the caller pins them when it opens.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache, reduce
from types import MappingProxyType
from typing import Literal

from messages.folders import DocumentKind
from shared.calendar import Deadline
from shared.catalogue import Catalogue, DefinitionError
from shared.conditions import Condition, Value, evaluate
from shared.states import WITH_CREATOR, State

Mode = Literal["auto", "manual"]
"""auto: rules decide and findings go to people; manual: a person always decides (PRC-09)."""

AsksAgain = Literal["all", "changed"]
ALL: AsksAgain = "all"
CHANGED: AsksAgain = "changed"

RETURN = "return"
"""`on_disagree`: the order goes back to its creator (退回), every effect undone."""
NOT_BY = "not_by"
"""Option of a step: the earlier step whose decider may not decide this one too (SAL-02)."""
REPEAT = "repeat"
"""`on_disagree`: the step is decided again; for steps after which goods can no longer come back."""
RECORD = "record"
"""`on_disagree`: the opinion is the step's answer; it is kept for those who decide later, and nothing is returned."""


DELIVERY_DATE = "delivery_date"
REQUIRABLE = (DELIVERY_DATE, "customer_order_number", "quotation")
"""What a definition may require of orders: the real delivery date (ENT-06), the customer's number, a quotation."""


@dataclass(frozen=True, slots=True)
class Step:
    """One position in a definition: what is done, by whom, in what time, and where a disagreement leads."""

    id: str
    activity: str
    mode: Mode
    roles: tuple[str, ...]
    """Any one holder decides (或签). Where a definition says `sign = "all"` (会签) each role has a step of its own."""
    deadline: Deadline
    on_disagree: str = RETURN
    """RETURN, REPEAT, RECORD or the id of an earlier step."""
    group: str | None = None
    """Steps of one group open together; the group is passed when all of them agree (APR-06)."""
    when: Condition | None = None
    """The step is left out where this does not hold (APR-07)."""
    reaches: State | None = None
    """The order's state once its stage has been passed, or passed over."""
    options: Mapping[str, str | int | bool] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    """Settings of the activity at this step."""

    @property
    def department(self) -> str:
        return self.activity.partition(".")[0]


Stage = tuple[Step, ...]
_AND_THEN = "+"


@dataclass(frozen=True, slots=True)
class Definition:
    """One version of a process. Orders are pinned to it by `key` when their round opens."""

    name: str
    version: int
    title: Mapping[str, str] = field(hash=False)
    """By language: "zh" and "en"."""
    document: DocumentKind
    """What travels this way."""
    sale_types: tuple[str, ...]
    """It is the default for these; empty: chosen by name only."""
    effective_from: date
    """It applies to documents created on or after that day (PRC-06)."""
    legacy_until: date | None
    """Last day on which documents of the version that it replaces may be finished the old way (PRC-07)."""
    steps: tuple[Step, ...]
    ends_in: State
    """The state after the last step (PRC-10)."""
    then: str | None
    """Name of the definition that goes on from there."""
    letters: tuple[str, ...] = ()
    """The letters to the customer that its orders cause by what becomes of them; out of `shared.letters.ON_REQUEST`."""
    requires: tuple[str, ...] = ()
    """What an order must have beyond what every order has; out of REQUIRABLE."""
    asks_again: AsksAgain = ALL
    """Whom the round after an amendment asks again: ALL, or those whose grounds have CHANGED (ENT-09)."""
    key: str = field(init=False)
    """Such as "standard@1"."""
    stages: tuple[Stage, ...] = field(init=False, repr=False, compare=False)
    activities: frozenset[str] = field(init=False, repr=False, compare=False)
    reached: tuple[State | None, ...] = field(init=False, repr=False, compare=False)
    """The state once so many stages have been passed; None before the first that reaches one."""
    conditional: bool = field(init=False, repr=False, compare=False)
    """Whether any step has a condition, so that the values of an order matter to what comes next."""
    _places: Mapping[str, int] = field(init=False, repr=False, compare=False)
    _by_id: Mapping[str, Step] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        stages = _stages(self.steps)
        places = {step.id: place for place, stage in enumerate(stages) for step in stage}
        object.__setattr__(self, "key", f"{self.name}@{self.version}")
        object.__setattr__(self, "stages", stages)
        object.__setattr__(self, "activities", frozenset(step.activity for step in self.steps))
        reached: list[State | None] = [None]
        for stage in stages:
            reached.append(stage[0].reaches or reached[-1])
        object.__setattr__(self, "reached", tuple(reached))
        object.__setattr__(self, "conditional", any(step.when for step in self.steps))
        object.__setattr__(self, "_places", places)
        object.__setattr__(self, "_by_id", {step.id: step for step in self.steps})

    def step(self, step_id: str) -> Step:
        """The step with this id. Raises DefinitionError for an unknown one."""
        step = self._by_id.get(step_id)
        if step is None:
            raise DefinitionError([f"{self.key}: has no step '{step_id}'"])
        return step

    def place(self, step_id: str) -> int:
        """The index of the step's stage. Raises DefinitionError for an unknown step."""
        if step_id not in self._places:
            raise DefinitionError([f"{self.key}: has no step '{step_id}'"])
        return self._places[step_id]


def _stages(steps: Iterable[Step]) -> tuple[Stage, ...]:
    """Neighbours of one group together, every other step alone."""
    stages: list[Stage] = []
    for step in steps:
        if stages and step.group is not None and stages[-1][0].group == step.group:
            stages[-1] += (step,)
        else:
            stages.append((step,))
    return tuple(stages)


def next_steps(definition: Definition, done: AbstractSet[str], values: Mapping[str, Value]) -> Stage:
    """The steps that must be open once those in `done` are finished: the unfinished of the first stage that has any.

    Steps whose condition does not hold are passed over. Empty: the definition has run out and its `ends_in` is reached.
    """
    return _front(definition, done, values)[1]


def state_after(definition: Definition, done: AbstractSet[str], values: Mapping[str, Value], current: State) -> State:
    """The state that the finished steps have brought the order to: what the last stage passed, or passed over, reaches.

    Before the first of these an order is in review; one continued from another definition stays as that one left it.
    `ends_in` is for the caller to reach once `next_steps` is empty.
    """
    reached = definition.reached[_front(definition, done, values)[0]]
    if reached is not None:
        return reached
    return State.IN_REVIEW if current in WITH_CREATOR or current in definition.reached else current


def _front(definition: Definition, done: AbstractSet[str], values: Mapping[str, Value]) -> tuple[int, Stage]:
    """How many stages have been passed, and the unfinished steps of the next. Runs at every hop of every order."""
    for place, stage in enumerate(definition.stages):
        unfinished: Stage = ()
        for step in stage:
            if step.id not in done and (step.when is None or evaluate(step.when, values)):
                unfinished += (step,)
        if unfinished:
            return place, unfinished
    return len(definition.stages), ()


def steps_to_undo(definition: Definition, done: AbstractSet[str]) -> tuple[Step, ...]:
    """The finished steps, the last first: so effects are taken back on return, cancellation and purge."""
    return tuple(step for step in reversed(definition.steps) if step.id in done)


def steps_dropped(definition: Definition, step: Step, done: AbstractSet[str]) -> tuple[Step, ...]:
    """The finished steps that no longer count once `step` has disagreed, the last first.

    On RETURN all of them; on REPEAT and RECORD none; otherwise those of the target's stage and of every later one, so
    that a return to one member of a group asks the whole group again.
    """
    if step.on_disagree in (REPEAT, RECORD):
        return ()
    if step.on_disagree == RETURN:
        return steps_to_undo(definition, done)
    target = definition.place(step.on_disagree)
    return tuple(one for one in steps_to_undo(definition, done) if definition.place(one.id) >= target)


def select(
    catalogue: Catalogue[Definition],
    sale_type: str,
    on: date,
    name: str | None = None,
    document: DocumentKind = DocumentKind.ORDER,
) -> Definition:
    """The definition for a document created on that day: by name, else by sale type (PRC-04), in the newest version
    then in force (PRC-06), together with those that go on from its end. Raises DefinitionError where there is none
    for this kind of document, and for one that only goes on from another: nobody begins behind the approvals.
    """
    before = [one.name for one in catalogue.entries.values() if one.then == name]
    if name is not None and before:
        raise DefinitionError([f"{name}: no document begins there; {before[0]} goes on as it"])
    chosen = _default(catalogue, sale_type, on, document) if name is None else _named(catalogue, name, on, document)
    while chosen.then is not None:
        chosen = continued(chosen, _named(catalogue, chosen.then, on, document))
    return chosen


def beginnings(catalogue: Catalogue[Definition], document: DocumentKind = DocumentKind.ORDER) -> tuple[str, ...]:
    """The names of the definitions that such documents may ask for: not those that only go on from another."""
    following = {one.then for one in catalogue.entries.values()}
    own = {one.name for one in catalogue.entries.values() if one.document is document}
    return tuple(sorted(own - following))


def continued(first: Definition, following: Definition) -> Definition:
    """A definition that ends early, and the one that goes on from there, as one (PRC-10).

    Its key names both, such as "d02_order_review@1+fulfilment@1", so that an order keeps both versions.
    """
    last = {step.id for step in first.stages[-1]}
    steps = [replace(step, reaches=first.ends_in) if step.id in last else step for step in first.steps]
    whole = replace(first, steps=(*steps, *following.steps), ends_in=following.ends_in, then=following.then)
    object.__setattr__(whole, "key", f"{first.key}{_AND_THEN}{following.key}")
    return whole


def pinned(catalogue: Catalogue[Definition], key: str) -> Definition:
    """The definition by the key that an order keeps. Raises DefinitionError for an unknown one."""
    if _AND_THEN not in key:
        return catalogue.get(key)
    return _joined(tuple(catalogue.get(part) for part in key.split(_AND_THEN)))


@lru_cache(maxsize=256)
def _joined(parts: tuple[Definition, ...]) -> Definition:
    return reduce(continued, parts)


def _named(catalogue: Catalogue[Definition], name: str, on: date, document: DocumentKind) -> Definition:
    in_force = {one.name: one for one in _in_force(catalogue, on, document)}
    if name not in in_force:
        raise DefinitionError([f"{name}: no such definition in force on {on}; known are {', '.join(in_force)}"])
    return in_force[name]


def _default(catalogue: Catalogue[Definition], sale_type: str, on: date, document: DocumentKind) -> Definition:
    defaults = active(catalogue, sale_type, on, document)
    if len(defaults) != 1:
        found = ", ".join(definition.key for definition in defaults) or "none"
        raise DefinitionError([f"sale type '{sale_type}' needs one definition in force on {on}, there is {found}"])
    return defaults[0]


def active(
    catalogue: Catalogue[Definition], sale_type: str, on: date, document: DocumentKind = DocumentKind.ORDER
) -> tuple[Definition, ...]:
    """The definitions that are the default for a sale type on that day; more than one is a fault (PRC-08)."""
    return tuple(one for one in _in_force(catalogue, on, document) if sale_type in one.sale_types)


def _in_force(catalogue: Catalogue[Definition], on: date, document: DocumentKind) -> tuple[Definition, ...]:
    found = (catalogue.effective(name, on) for name in catalogue.names())
    return tuple(one for one in found if one is not None and one.document is document)


def may_finish(catalogue: Catalogue[Definition], pinned: Definition, sale_type: str, on: date) -> bool:
    """Whether a document pinned to this definition may still be submitted under it on that day (PRC-07).

    Not once a later version of it, or a later default for its sale type, has passed its `legacy_until`: then the
    document has to be made again under the new one.
    """
    by_sale_type = sale_type in pinned.sale_types
    return not any(
        later.legacy_until is not None
        and pinned.effective_from < later.effective_from <= on
        and on > later.legacy_until
        for later in catalogue.entries.values()
        if later.name == pinned.name
        or (by_sale_type and later.document is pinned.document and sale_type in later.sale_types)
    )
