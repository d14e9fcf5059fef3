"""How a shortage is covered (补货): by the definition's ways in their order, each for all that is missing or not at all
(WHS-04, SUP-01, PRD-01). Pure. Quantities are pieces.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from shared.department import Finding, Unworkable, Visit, finding
from workers.warehouse.production_rules import Allocation, Capacity, Material, allocate, materials
from workers.warehouse.rules import Pick, whole_number
from workers.warehouse.supplier_rules import Candidate, Comparison, Demand, Market, compare, few_quotations

PRODUCTION, PURCHASE = "production", "purchase"
WAYS = (PRODUCTION, PURCHASE)
NO_WAY = "none"

CONFIRMED_BY = "production_planner purchasing warehouse_keeper"
"""Which roles must confirm a production plan (PRD-02), unless the step's option `confirmed_by` names others."""


@dataclass(frozen=True, slots=True)
class Bought:
    """Effect: a purchase request, placed with the supplier that was selected (SUP-01)."""

    order_id: str
    order_number: str
    at: datetime
    demand: Demand
    chosen: Candidate
    reason: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Assigned:
    """Effect: a production unit makes it for the order (PRD-01). `wanted`: the roles that must confirm the plan."""

    order_id: str
    order_number: str
    at: datetime
    allocation: Allocation
    materials: tuple[Material, ...]
    wanted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Completed:
    """Effect: reserved for the order beside what it holds already, be it all that it lacked or what there was of it."""

    order_id: str
    picks: Sequence[Pick]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where goods could come from, and what of it is under way already, by order and product. `bill`: what a piece is
    made of; `stock`: how much of the materials is there.
    """

    today: date
    market: Market
    capacity: Capacity
    under_way: dict[tuple[str, str], int] = field(default_factory=dict)
    bill: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    stock: Mapping[str, int] = field(default_factory=dict)

    def absorb(self, effect: object) -> None:
        """What is bought or made for one order is under way, and takes its unit's days."""
        if isinstance(effect, Bought):
            self._begin(effect.order_id, effect.demand.product, effect.demand.quantity)
        elif isinstance(effect, Assigned):
            self._begin(effect.order_id, effect.allocation.product, effect.allocation.quantity)
            self.capacity.take(effect.allocation)

    def _begin(self, order_id: str, product: str, quantity: int) -> None:
        self.under_way[order_id, product] = self.under_way.get((order_id, product), 0) + quantity


@dataclass(frozen=True, slots=True)
class Cover:
    """What becomes of an order's shortages. `questions` are for a person; agreeing to them goes with `asked`, what is
    then done. `uncovered`: what no way covers in time, by product.
    """

    effects: tuple[Bought | Assigned, ...] = ()
    questions: tuple[Finding, ...] = ()
    asked: tuple[Bought | Assigned, ...] = ()
    uncovered: Mapping[str, int] = field(default_factory=dict)


def needed_by(visit: Visit) -> date:
    """The day on which goods must be there: the requested date, less the days that they travel."""
    return visit.order.requested_date - timedelta(days=whole_number(visit, "transit_days", 0, least=0))


def confirming_roles(visit: Visit) -> tuple[str, ...]:
    """Who must confirm a production plan before work starts. Raises `Unworkable` where that is nobody."""
    roles = visit.options.get("confirmed_by", CONFIRMED_BY)
    if not isinstance(roles, str) or not roles.split():
        raise Unworkable(f"step {visit.step}: option confirmed_by is {roles!r}, not roles with blanks between them")
    return tuple(roles.split())


def cover(
    visit: Visit,
    short: Mapping[str, int],
    ways: Sequence[str],
    sources: Sources,
    given_reason: str = "",
    by: date | None = None,
) -> Cover:
    """Cover what an order is short of and nothing covers yet, by another day where one was agreed. Fewer than two
    quotations need a person's reason (SUP-02): without one it is a question.
    """
    effects: list[Bought | Assigned] = []
    asked: list[Bought | Assigned] = []
    questions: list[Finding] = []
    uncovered = {}
    for product, pieces in short.items():
        missing = pieces - sources.under_way.get((visit.order.id, product), 0)
        if missing <= 0:
            continue
        demand = Demand(product, missing, by or needed_by(visit))
        found, question = _first(visit, demand, ways, sources, given_reason)
        if found is None:
            uncovered[product] = missing
        elif question:
            questions.append(question)
            asked.append(found)
        else:
            effects.append(found)
    return Cover(tuple(effects), tuple(questions), tuple(asked), uncovered)


def _first(
    visit: Visit, demand: Demand, ways: Sequence[str], sources: Sources, given_reason: str
) -> tuple[Bought | Assigned | None, Finding | None]:
    for way in ways:
        if way == PRODUCTION:
            allocation = allocate(demand.product, demand.quantity, demand.needed_by, sources.capacity)
            if allocation is not None and allocation.in_time:
                return assign(visit, allocation, sources), None
        else:
            comparison = compare_offers(visit, demand, sources)
            if comparison.candidates:
                question = few_quotations(demand, comparison) if comparison.too_few and not given_reason else None
                return _buy(visit, demand, comparison, given_reason if comparison.too_few else ""), question
    return None, None


def assign(visit: Visit, allocation: Allocation, sources: Sources) -> Assigned:
    """Give an allocation to its unit, with the materials that it takes."""
    needed = materials(allocation.quantity, sources.bill.get(allocation.product, {}), sources.stock)
    order = visit.order
    return Assigned(order.id, order.number, visit.now, allocation, needed, confirming_roles(visit))


def compare_offers(visit: Visit, demand: Demand, sources: Sources) -> Comparison:
    """The suppliers of a product for this order, by its policy's weights and rates."""
    policy, market = visit.policy, sources.market
    offers = market.quotations.get(demand.product, ())
    weights, rates = policy.supplier_weights, policy.rates
    return compare(demand, offers, market.suppliers, sources.today, weights, rates, policy.base_currency)


def _buy(visit: Visit, demand: Demand, comparison: Comparison, given_reason: str) -> Bought:
    order, chosen = visit.order, comparison.candidates[0]
    return Bought(order.id, order.number, visit.now, demand, chosen, comparison.reason(given_reason), comparison)


def ways_of(text: object, step: str) -> tuple[str, ...]:
    """The ways that a step's option `ways` names, in their order; `none`: a person decides at once. Raises `Unworkable`
    for others.
    """
    ways = tuple(text.split()) if isinstance(text, str) else ()
    if ways == (NO_WAY,):
        return ()
    if not ways or not {*ways} <= {*WAYS}:
        raise Unworkable(f"step {step}: option ways is {text!r}, not some of {', '.join(WAYS)}")
    return ways


# -- receipts ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase as it stands in the books."""

    number: str
    order_id: str
    product: str
    quantity: int
    supplier: str
    expected_on: date
    received: int
    closed: bool


def refuse_receipt(purchase: Purchase | None, number: str, quantity: int) -> Finding | None:
    """Why so many pieces cannot be taken against a purchase (SUP-01): more than are open go back to the supplier."""
    if purchase is None:
        return finding("purchase.unknown", number)
    if purchase.closed:
        return finding("purchase.closed", number, product=purchase.product)
    open_ = purchase.quantity - purchase.received
    if quantity > open_:
        return finding("purchase.over_delivered", number, product=purchase.product, delivered=quantity, open=open_)
    return None


def refuse_return(purchase: Purchase | None, number: str, quantity: int) -> Finding | None:
    """Why so many pieces cannot have been sent back (SUP-04)."""
    if purchase is None:
        return finding("purchase.unknown", number)
    if quantity > purchase.received:
        return finding("purchase.over_returned", number, returned=quantity, received=purchase.received)
    return None


def earmark(lines: Iterable[tuple[int, int]], quantity: int) -> dict[int, int]:
    """How many of the pieces that came for an order go to which of its lines, given as (line, still needed)."""
    given = {}
    for line, needed in lines:
        pieces = min(needed, quantity)
        if pieces > 0:
            given[line] = pieces
            quantity -= pieces
    return given
