"""The warehouse's decisions over stock: what is available and who gets it. Quantities are pieces."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from messages.orders import Line
from shared.department import Finding, Outcome, Passed, Referred, Unworkable, Visit, Waiting, finding

LOOK_AGAIN_AFTER = timedelta(hours=1)
"""A safety net only: goods that arrive, come back or are counted wake the orders that wait for them at once."""

K = TypeVar("K")
_NOWHERE: Mapping[str, int] = MappingProxyType({})


class Pick(NamedTuple):
    """So many pieces of an order's line, from one location."""

    line: int
    product: str
    location: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Reserved:
    """Effect: all lines of the order are reserved (WHS-02)."""

    order_id: str
    picks: Sequence[Pick]


@dataclass(frozen=True, slots=True)
class Lacking:
    """Effect: the order waits for goods, and is served by its date, then by its number (WHS-04)."""

    order_id: str
    number: str
    needed_by: date
    at: datetime
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Opened:
    """Effect: the warehouse keeps a product from now on that is not on the product list, as a person agreed."""

    product: str


@dataclass(frozen=True, slots=True)
class Shelves:
    """What may still be given away, by product and location, the locations in the order of their names. A product that
    the warehouse does not know is not there.
    """

    available: dict[str, dict[str, int]]

    def absorb(self, effect: object) -> None:
        """Goods given to one order are not there for the next one."""
        if isinstance(effect, Reserved):
            self.take(effect.picks)
        elif isinstance(effect, Opened):
            self.available.setdefault(effect.product, {})

    def take(self, picks: Iterable[Pick]) -> None:
        """Give these away."""
        for pick in picks:
            self.available[pick.product][pick.location] -= pick.quantity

    def of(self, products: Iterable[str]) -> dict[str, int]:
        """How many pieces of each product there are over all locations; none of an unknown one."""
        return {product: sum(self.available.get(product, _NOWHERE).values()) for product in products}


def confirm(visit: Visit, shelves: Shelves, today: date) -> Outcome:
    """Stock confirmation (库存确认, WHS-01, WHS-03): per line, whether there is enough and by how many it is short, and
    whether goods in stock can be there on time: stock date plus the step's option `transit_days`. Nothing is reserved.

    Agreeing lets the order go on although something is missing; it then waits where stock is reserved.
    Raises `Unworkable` where the option makes no sense.
    """
    order = visit.order
    wanted = _wanted(order.lines)
    available = shelves.of(wanted)
    findings = _unknown(wanted, shelves)
    findings += [each for each in shortages(wanted, available) if each.subject in shelves.available]
    earliest = today + timedelta(days=whole_number(visit, "transit_days", 0, least=0))
    if order.requested_date < earliest:
        late = finding("stock.late", requested=order.requested_date.isoformat(), earliest=earliest.isoformat())
        findings.append(late)
    basis = {
        "available": available,
        "short_by_line": _short_lines(order.lines, available),
        "earliest": earliest.isoformat(),
    }
    return Referred(tuple(findings), basis=basis) if findings else Passed(basis=basis)


def reserve(visit: Visit, shelves: Shelves) -> Outcome:
    """All lines of the order or none (WHS-02). A shortage waits until goods arrive (WHS-04), however long it takes.

    Who waits is served by priority when goods arrive (`shortage_rules`); an order that lacks nothing passes one whose
    goods are not all there. An unknown product goes to a person; agreeing takes it into stock, and the order waits for
    its arrival.
    """
    order = visit.order
    wanted = _wanted(order.lines)
    available = shelves.of(wanted)
    basis = {"available": available}
    unknown = _unknown(wanted, shelves)
    if unknown and not visit.agreed:
        return Referred(tuple(unknown), basis=basis)
    short = shortages(wanted, available)
    if short:
        return wait(visit, short, [Opened(each.subject) for each in unknown], basis)
    picks = allocate([(line.number, line.product, line.quantity) for line in order.lines], shelves)
    return Passed((Reserved(order.id, picks),), basis)


def shortages(wanted: Mapping[str, int], available: Mapping[str, int]) -> list[Finding]:
    """Products of which more is wanted than available."""
    return [
        finding("stock.short", product, needed=quantity, available=there, short_by=quantity - there)
        for product, quantity in wanted.items()
        if quantity > (there := available[product])
    ]


def wait(
    visit: Visit,
    short: Sequence[Finding],
    effects: Sequence[object],
    basis: Mapping[str, Any],
    longest: timedelta = LOOK_AGAIN_AFTER,
) -> Waiting:
    """Wait for the products that are short, in line with others (WHS-04); no longer than `longest`."""
    order = visit.order
    keys = tuple([stock_key(each.subject) for each in short])
    lacking = Lacking(order.id, order.number, order.expected_date, visit.now, order.lines)
    return Waiting(keys, visit.now + longest, tuple(short), (*effects, lacking), basis)


def stock_key(product: str) -> str:
    """What orders that lack a product wait for."""
    return f"stock:{product}"


def allocate(wanted: Iterable[tuple[int, str, int]], shelves: Shelves) -> list[Pick]:
    """Which location serves (line, product, quantity): the fullest one first, ties by name. There must be enough."""
    picks = []
    taken: dict[str, dict[str, int]] = {}
    for line, product, quantity in wanted:
        if product not in taken:
            taken[product] = dict(shelves.available[product])
        left = taken[product]
        unserved = quantity
        while unserved:
            location = max(left, key=left.__getitem__)
            given = min(unserved, left[location])
            left[location] -= given
            unserved -= given
            picks.append(Pick(line, product, location, given))
    return picks


def totals(pairs: Iterable[tuple[K, int]]) -> dict[K, int]:
    """The sum of what belongs to each key, in the order in which the keys come."""
    sums: dict[K, int] = {}
    for key, quantity in pairs:
        sums[key] = sums.get(key, 0) + quantity
    return sums


def whole_number(visit: Visit, option: str, default: int, least: int) -> int:
    """A step's option. Raises `Unworkable` where it is no whole number or too small."""
    value = visit.options.get(option, default)
    if type(value) is not int or value < least:
        raise Unworkable(f"step {visit.step}: option {option} is {value!r}, not a whole number from {least} on")
    return value


def _wanted(lines: Iterable[Line]) -> dict[str, int]:
    """Lines with the same product need it together."""
    return totals([(line.product, line.quantity) for line in lines])


def _unknown(products: Iterable[str], shelves: Shelves) -> list[Finding]:
    return [finding("stock.unknown_product", product) for product in products if product not in shelves.available]


def _short_lines(lines: Sequence[Line], available: Mapping[str, int]) -> dict[str, int]:
    """By how many pieces each line is short, the earlier line being served first; 0 is enough (WHS-01)."""
    left = dict(available)
    short = {}
    for line in lines:
        served = min(line.quantity, left[line.product])
        left[line.product] -= served
        short[str(line.number)] = line.quantity - served
    return short
