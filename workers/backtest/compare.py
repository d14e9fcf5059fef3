"""Two ways of one order, as it is pinned and as a draft would have it, and what differs between them. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from shared.conditions import Value, evaluate
from shared.department import Finding, Outcome, Passed, Referred, Returned, Waiting
from shared.processes import Definition, Step

GRANTED_BY = "roles"
"""The value of a finding that names who may agree to it."""


class Stop(Struct, frozen=True):
    """One step on an order's way, and what its rules decide there; None: they do not decide again."""

    step: Step
    outcome: Outcome | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        return () if self.outcome is None or isinstance(self.outcome, Passed) else self.outcome.findings

    @property
    def smooth(self) -> bool:
        """Whether there is nothing that could differ from another such decision at the same step."""
        return self.outcome is None or isinstance(self.outcome, Passed)

    @property
    def asks(self) -> bool:
        """Whether people are asked."""
        return self.step.mode == "manual" or isinstance(self.outcome, Referred)


@dataclass(frozen=True, slots=True)
class Change:
    """One reason why an order would have fared otherwise: a code (its words are in the catalogues), and its values."""

    code: str
    step: str
    values: Mapping[str, Any]
    finding: Finding | None = None


def way(definition: Definition, values: Mapping[str, Value]) -> tuple[Step, ...]:
    """The steps that an order with these values takes."""
    return tuple(step for step in definition.steps if step.when is None or evaluate(step.when, values))


def same(one: Step, other: Step) -> bool:
    """Whether a step does and asks the same; where it stands on the way is another question."""
    return (one.activity, one.mode, one.roles, one.options) == (other.activity, other.mode, other.roles, other.options)


def compare(before: Sequence[Stop], after: Sequence[Stop]) -> list[Change]:
    """What would be different, in the order of the draft's steps; what it leaves out comes first."""
    old, new = {stop.step.id: stop for stop in before}, {stop.step.id: stop for stop in after}
    changes = [Change("step.left_out", step, {}) for step in old if step not in new]
    for step, stop in new.items():
        if step in old:
            if not (stop.step is old[step].step and stop.smooth and old[step].smooth):
                changes += _at_step(old[step], stop)
        else:
            asked = Change("step.added_asking", step, _asked(stop))
            changes.append(asked if stop.asks else Change("step.added", step, {}))
            changes += [Change("finding.appears", step, {}, each) for each in stop.findings]
    changes += _sequence(before, after)
    return changes


def _at_step(old: Stop, new: Stop) -> Iterator[Change]:
    step = new.step.id
    found = {(each.code, each.subject): each for each in old.findings}
    finds = {(each.code, each.subject): each for each in new.findings}
    yield from (Change("finding.disappears", step, {}, each) for key, each in found.items() if key not in finds)
    for key, each in finds.items():
        if key not in found:
            yield Change("finding.appears", step, {}, each)
        elif each.values.get(GRANTED_BY) != found[key].values.get(GRANTED_BY):
            roles = {
                "before": str(found[key].values.get(GRANTED_BY, "")),
                "after": str(each.values.get(GRANTED_BY, "")),
            }
            yield Change("finding.granted_by", step, roles, each)
    if old.step.activity != new.step.activity:
        yield Change("step.activity", step, {"before": old.step.activity, "after": new.step.activity})
    if _kind(old) != _kind(new) and "passed" not in (_kind(old), _kind(new)) and _kind(old) and _kind(new):
        yield Change("step.outcome", step, {"before": _kind(old), "after": _kind(new)})
    elif new.asks and not old.asks and not finds.keys() - found.keys():
        yield Change("step.asks", step, _asked(new))
    elif old.asks and not new.asks and not found.keys() - finds.keys():
        yield Change("step.asks_nobody", step, _asked(old))
    elif old.asks and new.asks and old.step.roles != new.step.roles:
        yield Change("step.asked_of", step, {"before": " ".join(old.step.roles), "after": " ".join(new.step.roles)})


def _sequence(before: Sequence[Stop], after: Sequence[Stop]) -> Iterator[Change]:
    """Steps that both ways have, in another sequence."""
    common = {stop.step.id for stop in before} & {stop.step.id for stop in after}
    one, other = ([stop.step.id for stop in stops if stop.step.id in common] for stops in (before, after))
    if one != other:
        first = next(new for old, new in zip(one, other, strict=True) if old != new)
        yield Change("step.moved", first, {"before": " ".join(one), "after": " ".join(other)})


def _asked(stop: Stop) -> dict[str, Any]:
    return {"roles": " ".join(stop.step.roles)}


def _kind(stop: Stop) -> str:
    match stop.outcome:
        case Passed():
            return "passed"
        case Referred():
            return "referred"
        case Returned():
            return "returned"
        case Waiting():
            return "waiting"
    return ""
