"""The decision to prepare an order: what is picked, how it is packed and inspected. Pure, like `rules`, on which it
stands. Quantities are pieces, weights are grams.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from messages.orders import Line
from shared.department import Finding, Outcome, Passed, Referred, Unworkable, Visit, finding
from workers.warehouse.rules import Pick, Shelves, allocate, shortages, totals, wait, whole_number

ROUTINE: Final = "routine"
PERSON: Final = "person"
FAILED: Final = "failed"
"""How the goods at a place are inspected (质量检验): pass by routine, are looked at by a person, or have failed."""

CARTON: Final = "carton"
CRATE: Final = "crate"
"""Packaging materials (包装材料): 纸箱; 木箱 for one piece that is heavier than a carton may be."""

CARTON_MAX_GRAMS = 20_000
"""Unless the step's option `package_max_grams` says otherwise."""


class Content(NamedTuple):
    """What lies in a package of one order line."""

    line: int
    product: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Packages:
    """The packages numbered `first` to `last`, all alike: material, weight and contents are those of each."""

    first: int
    last: int
    material: str
    weight_grams: int
    contents: tuple[Content, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """Effect: these reserved goods failed their inspection; they are no longer reserved, but blocked (WHS-10)."""

    order_id: str
    at: datetime
    picks: Sequence[Pick]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Effect: what is reserved for the order, with the `fresh` picks that were not reserved before, is instructed,
    picked, packed and inspected.
    """

    order_id: str
    round: int
    at: datetime
    fresh: Sequence[Pick]
    packages: Sequence[Packages]
    inspector: str


@dataclass(frozen=True, slots=True)
class Goods:
    """What preparing rests on: stock, how goods are inspected by (product, location) where not by routine, the weight
    of one piece by product, and the orders' reservations.
    """

    shelves: Shelves
    inspections: Mapping[tuple[str, str], str]
    weights: Mapping[str, int]
    reserved: Mapping[str, Sequence[Pick]]

    def absorb(self, effect: object) -> None:
        """Goods picked for one order beyond its reservation are not there for the next one."""
        if isinstance(effect, Prepared):
            self.shelves.take(effect.fresh)


def prepare(visit: Visit, goods: Goods) -> Outcome:
    """Preparation order, picking, packing and inspection (备货, 拣货, 打包, 质检; WHS-07…10) of what is reserved.

    Goods that a person must inspect are referred, and agreeing is the passed inspection. Goods that failed are referred
    too: agreeing confirms it, so that they are blocked and replaced. What is not reserved, because it failed or because
    nothing has reserved it before, is reserved first, all of it or nothing; no instruction is issued until then.
    Reservations that do not fit the order are refused: agreeing to them is `Unworkable`.
    """
    order = visit.order
    held = goods.reserved.get(order.id, ())
    differing = _differences(order.lines, held)
    if differing:
        if visit.agreed:
            raise Unworkable(f"{order.number}: goods that differ from the order cannot be packed")
        return Referred(differing)
    failed = [pick for pick in held if goods.inspections.get(pick[1:3]) == FAILED]
    if failed and not visit.agreed:
        return Referred(_inspection(held, goods))
    rejected = (Rejected(order.id, visit.now, failed),) if failed else ()
    kept = [pick for pick in held if pick not in failed]
    missing = _missing(order.lines, kept)
    wanted = totals([(product, quantity) for _, product, quantity in missing])
    available = goods.shelves.of(wanted)
    short = shortages(wanted, available)
    if short:
        return wait(visit, short, rejected, {"available": available})
    fresh = allocate(missing, goods.shelves)
    inspection = _inspection([*held, *fresh], goods)
    effects = (*rejected, _prepared(visit, kept, fresh, goods.weights, PERSON if inspection else ROUTINE))
    return Referred(inspection, effects) if inspection else Passed(effects)


def pack(picks: Iterable[Pick], weights: Mapping[str, int], limit_grams: int) -> tuple[Packages, ...]:
    """The packing list (装箱单, WHS-09): line by line, each carton filled up to the limit before the next is begun.

    Pieces heavier than the limit go into a crate each. Packages that are alike are one entry, so that a line of a
    million pieces is no million entries. A product of unknown weight counts as weightless.
    """
    packing = _Packing(limit_grams)
    for (line, product), quantity in totals([((pick.line, pick.product), pick.quantity) for pick in picks]).items():
        packing.add(line, product, quantity, weights.get(product, 0))
    packing.close()
    return tuple(packing.packages)


def _prepared(
    visit: Visit, kept: Sequence[Pick], fresh: Sequence[Pick], weights: Mapping[str, int], inspector: str
) -> Prepared:
    limit = whole_number(visit, "package_max_grams", CARTON_MAX_GRAMS, least=1)
    packages = pack(sorted([*kept, *fresh]), weights, limit)
    return Prepared(visit.order.id, visit.round, visit.now, fresh, packages, inspector)


def _differences(lines: Sequence[Line], picks: Sequence[Pick]) -> tuple[Finding, ...]:
    """Goods of another product than the line's, or more of them than it asks for (WHS-08)."""
    ordered = {line.number: line for line in lines}
    findings = []
    for (number, product), quantity in totals([((pick.line, pick.product), pick.quantity) for pick in picks]).items():
        line = ordered.get(number)
        if line is None or line.product != product:
            expected = line.product if line else ""
            findings.append(finding("pick.product_differs", product, line=number, expected=expected))
        elif quantity > line.quantity:
            findings.append(
                finding("pick.quantity_differs", product, line=number, picked=quantity, ordered=line.quantity)
            )
    return tuple(findings)


def _missing(lines: Sequence[Line], picks: Iterable[Pick]) -> list[tuple[int, str, int]]:
    """What the picks leave open, as (line, product, quantity)."""
    picked = totals([(pick.line, pick.quantity) for pick in picks])
    left = [(line.number, line.product, line.quantity - picked.get(line.number, 0)) for line in lines]
    return [each for each in left if each[2]]


def _inspection(picks: Iterable[Pick], goods: Goods) -> tuple[Finding, ...]:
    """What a person must inspect, and what has failed (WHS-10)."""
    findings = []
    for pick in picks:
        kind = goods.inspections.get(pick[1:3], ROUTINE)
        if kind != ROUTINE:
            code = "inspection.failed" if kind == FAILED else "inspection.required"
            findings.append(finding(code, pick.product, line=pick.line, location=pick.location, quantity=pick.quantity))
    return tuple(findings)


@dataclass(slots=True)
class _Packing:
    limit_grams: int
    packages: list[Packages] = field(default_factory=list)
    open: list[Content] = field(default_factory=list)
    open_grams: int = 0
    last: int = 0

    def add(self, line: int, product: str, quantity: int, weight: int) -> None:
        if weight > self.limit_grams:
            self._put(quantity, CRATE, weight, (Content(line, product, 1),))
            return
        fitting = min(quantity, (self.limit_grams - self.open_grams) // weight) if weight else quantity
        self._into_open(line, product, fitting, weight)
        if fitting < quantity:
            self.close()
            per_carton = self.limit_grams // weight
            full, rest = divmod(quantity - fitting, per_carton)
            if full:
                self._put(full, CARTON, per_carton * weight, (Content(line, product, per_carton),))
            self._into_open(line, product, rest, weight)

    def close(self) -> None:
        if self.open:
            self._put(1, CARTON, self.open_grams, tuple(self.open))
            self.open, self.open_grams = [], 0

    def _into_open(self, line: int, product: str, quantity: int, weight: int) -> None:
        if quantity:
            self.open.append(Content(line, product, quantity))
            self.open_grams += quantity * weight

    def _put(self, count: int, material: str, weight: int, contents: tuple[Content, ...]) -> None:
        self.packages.append(Packages(self.last + 1, self.last + count, material, weight, contents))
        self.last += count
