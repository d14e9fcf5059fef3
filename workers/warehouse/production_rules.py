"""Which production unit makes what, and when (PRD-01…04). Pure and exact; quantities are pieces, days working days."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from shared.department import Finding, finding

Slot = tuple[str, date]
"""A unit's day."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A production unit (生产部门): what it makes, and how many pieces on a working day."""

    code: str
    capacity: int
    makes: frozenset[str]


class Share(NamedTuple):
    """So many pieces on one day."""

    day: date
    quantity: int


@dataclass(frozen=True, slots=True)
class Allocation:
    """A unit's days for a quantity. `load`: (committed + new) ÷ capacity until the day that it is needed, 1 is full."""

    unit: str
    product: str
    quantity: int
    needed_by: date
    shares: tuple[Share, ...]
    load: Fraction

    @property
    def starts_on(self) -> date:
        """The first day."""
        return self.shares[0].day

    @property
    def finishes_on(self) -> date:
        """The last day."""
        return self.shares[-1].day

    @property
    def in_time(self) -> bool:
        """Whether it is finished by the day that it is needed."""
        return self.finishes_on <= self.needed_by


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the units can do on the coming working days, in order; `days` ends where nobody plans any further.
    `capacity` and `committed` are of the days that have something on them.
    """

    units: Sequence[Unit]
    days: Sequence[date]
    capacity: Mapping[Slot, int] = field(default_factory=dict)
    committed: dict[Slot, int] = field(default_factory=dict)

    def of(self, unit: Unit, day: date) -> int:
        """How many pieces the unit can make on that day."""
        return self.capacity.get((unit.code, day), unit.capacity)

    def free(self, unit: Unit, day: date) -> int:
        """How many of them nobody has taken."""
        return self.of(unit, day) - self.committed.get((unit.code, day), 0)

    def take(self, allocation: Allocation) -> None:
        """What one order has taken is not there for the next one."""
        for share in allocation.shares:
            slot = (allocation.unit, share.day)
            self.committed[slot] = self.committed.get(slot, 0) + share.quantity


def allocate(product: str, quantity: int, needed_by: date, capacity: Capacity) -> Allocation | None:
    """销售订单的分配 (PRD-01): among the units able to finish in time the one with the lowest load after it, ties by
    the earlier finish, then by code. Where none is able, the one that finishes first, which is not `in_time`; None
    where nobody makes it, or not within the days that are planned.
    """
    able = [
        allocation
        for unit in capacity.units
        if product in unit.makes and (allocation := _fill(unit, product, quantity, needed_by, capacity)) is not None
    ]
    in_time = [each for each in able if each.in_time]
    if in_time:
        return min(in_time, key=lambda each: (each.load, each.finishes_on, each.unit))
    return min(able, key=lambda each: (each.finishes_on, each.load, each.unit), default=None)


def _fill(unit: Unit, product: str, quantity: int, needed_by: date, capacity: Capacity) -> Allocation | None:
    """The earliest free days of a unit."""
    shares, left = [], quantity
    for day in capacity.days:
        pieces = min(left, capacity.free(unit, day))
        if pieces > 0:
            shares.append(Share(day, pieces))
            left -= pieces
        if not left:
            load = _load(unit, quantity, max(needed_by, day), capacity)
            return Allocation(unit.code, product, quantity, needed_by, tuple(shares), load)
    return None


def _load(unit: Unit, quantity: int, until: date, capacity: Capacity) -> Fraction:
    days = [day for day in capacity.days if day <= until]
    committed = sum(capacity.committed.get((unit.code, day), 0) for day in days)
    return Fraction(committed + quantity, sum(capacity.of(unit, day) for day in days))


# -- the plan ----------------------------------------------------------------------------------------------------------


class Material(NamedTuple):
    """所需材料: so many pieces are needed, so many are there."""

    material: str
    needed: int
    available: int

    @property
    def short_by(self) -> int:
        """缺料."""
        return max(self.needed - self.available, 0)


def materials(quantity: int, per_piece: Mapping[str, int], available: Mapping[str, int]) -> tuple[Material, ...]:
    """What making so many pieces takes (PRD-02)."""
    return tuple(
        Material(material, pieces * quantity, available.get(material, 0))
        for material, pieces in sorted(per_piece.items())
    )


def missing_materials(number: str, needed: Iterable[Material]) -> tuple[Finding, ...]:
    """A material shortage is shown on the plan; it stops nothing by itself (PRD-02)."""
    return tuple(
        finding("production.material_short", each.material, plan=number, needed=each.needed, short_by=each.short_by)
        for each in needed
        if each.short_by
    )


def unconfirmed(wanted: Collection[str], confirmed: Collection[str]) -> tuple[str, ...]:
    """The roles that have still to confirm a plan before work may start (PRD-02), in their order."""
    return tuple(role for role in wanted if role not in confirmed)


def shortfall(planned: int, good: int) -> int:
    """How many pieces are still missing once a plan is finished (PRD-04)."""
    return max(planned - good, 0)


def delays_promise(finishes_on: date, needed_by: date) -> bool:
    """Whether a new date is past the promised one (PRD-03): finishing on the day is not late."""
    return finishes_on > needed_by
