"""Production plans (生产计划, PRD-01…04): what an order still lacks, who makes it, what may be reported of it. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from messages.facts.warehouse import (
    ProductionConfirmed,
    ProductionDelayed,
    ProductionFinished,
    ProductionPlanned,
    ProductionProgress,
)
from shared.department import Finding, Outcome, Passed, Referred, Visit, Waiting, finding
from workers.warehouse.production_rules import Material, allocate, missing_materials, unconfirmed
from workers.warehouse.rules import Pick, Shelves, totals
from workers.warehouse.rules import allocate as allocate_stock
from workers.warehouse.supply_rules import Assigned, Completed, Sources, assign, needed_by

Report = ProductionPlanned | ProductionConfirmed | ProductionProgress | ProductionDelayed | ProductionFinished
PLANNER, INSPECTOR = "production_planner", "inspector"


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as it stands in the books. `confirmed`: the roles that have confirmed it. What it takes stands in three
    columns: the materials, how much is needed of each, and how much was there when it was planned.
    """

    number: str
    order_id: str
    product: str
    quantity: int
    needed_by: date
    unit: str
    starts_on: date
    finishes_on: date
    wanted: Sequence[str]
    confirmed: Collection[str]
    takes: Sequence[str]
    takes_needed: Sequence[int]
    takes_available: Sequence[int]
    done: int
    closed: bool

    @property
    def materials(self) -> tuple[Material, ...]:
        """What it takes; nothing: it is no plan yet (PRD-02)."""
        return tuple(map(Material, self.takes, self.takes_needed, self.takes_available))

    @property
    def missing(self) -> tuple[str, ...]:
        """The roles that have still to confirm it."""
        return unconfirmed(self.wanted, self.confirmed)


@dataclass(frozen=True, slots=True)
class Making:
    """What the steps of production rest on: stock and what of it the orders hold, sources, and their open plans."""

    shelves: Shelves
    held: Mapping[str, Sequence[Pick]]
    sources: Sources
    plans: Mapping[str, Sequence[Plan]]

    def absorb(self, effect: object) -> None:
        """What one order takes is not there for the next one."""
        if isinstance(effect, Completed):
            self.shelves.take(effect.picks)
        self.sources.absorb(effect)


def plan_key(order_id: str) -> str:
    """What an order waits for until its plans are confirmed."""
    return f"plan:{order_id}"


def production_key(order_id: str) -> str:
    """What an order waits for until its plans are finished."""
    return f"production:{order_id}"


def promise_key(order_id: str) -> str:
    """What is woken where goods come later than promised (PRD-03, LOG-08)."""
    return f"promise:{order_id}"


# -- the steps ---------------------------------------------------------------------------------------------------------


def assign_production(visit: Visit, facts: Making) -> Outcome:
    """销售订单的分配 (PRD-01): what is in stock is reserved for the order, the rest goes to production units. Where
    none can finish in time, a person decides: agreeing takes the earliest feasible date.
    """
    effects, questions, asked = _provide(visit, facts)
    if questions:
        return Referred(questions, (*effects, *asked))
    return Passed(effects)


def plan_production(visit: Visit, facts: Making) -> Outcome:
    """生产计划的制定 (PRD-02): waits until every plan of the order says what it takes and is confirmed by the
    departments concerned. What no step before has assigned is assigned here.
    """
    effects, questions, asked = _provide(visit, facts)
    if questions and not visit.agreed:
        return Referred(questions)
    effects = (*effects, *asked)
    open_ = [plan for plan in facts.plans.get(visit.order.id, ()) if not plan.takes or plan.missing]
    if effects and any(isinstance(each, Assigned) for each in effects):
        return Waiting((plan_key(visit.order.id),), effects=effects)
    if open_:
        findings = [
            each for plan in open_ for each in (_awaited(plan), *missing_materials(plan.number, plan.materials))
        ]
        return Waiting((plan_key(visit.order.id),), findings=tuple(findings), effects=effects)
    return Passed(effects)


def control_production(visit: Visit, facts: Making) -> Outcome:
    """生产过程的控制 (PRD-03, PRD-04): waits until the order's plans are finished; what fell short is made again."""
    effects, questions, asked = _provide(visit, facts)
    if questions and not visit.agreed:
        return Referred(questions)
    effects = (*effects, *asked)
    if any(isinstance(each, Assigned) for each in effects) or facts.plans.get(visit.order.id):
        return Waiting((production_key(visit.order.id),), effects=effects)
    return Passed(effects)


def _provide(
    visit: Visit, facts: Making
) -> tuple[tuple[Completed | Assigned, ...], tuple[Finding, ...], tuple[Assigned, ...]]:
    """What is done for the order at once, what a person must decide, and what agreeing to that does."""
    order, sources = visit.order, facts.sources
    held = totals([(pick.line, pick.quantity) for pick in facts.held.get(order.id, ())])
    lacking = [(each.number, each.product, each.quantity - held.get(each.number, 0)) for each in order.lines]
    wanted = totals([(product, pieces) for _, product, pieces in lacking if pieces > 0])
    free = facts.shelves.of(wanted)
    effects: list[Completed | Assigned] = []
    picks = allocate_stock(_from_stock(lacking, free), facts.shelves)
    if picks:
        effects.append(Completed(order.id, picks))
    questions, asked = [], []
    for product, pieces in wanted.items():
        short = pieces - min(free[product], pieces) - sources.under_way.get((order.id, product), 0)
        if short <= 0:
            continue
        by = needed_by(visit)
        allocation = allocate(product, short, by, sources.capacity)
        if allocation is not None and allocation.in_time:
            effects.append(assign(visit, allocation, sources))
            continue
        earliest = allocation.finishes_on.isoformat() if allocation else None
        day = by.isoformat()
        questions.append(finding("production.no_capacity", product, quantity=short, needed_by=day, earliest=earliest))
        if allocation:
            asked.append(assign(visit, allocation, sources))
    return tuple(effects), tuple(questions), tuple(asked)


def _from_stock(lacking: Sequence[tuple[int, str, int]], free: Mapping[str, int]) -> list[tuple[int, str, int]]:
    """What of the lines there is in stock, the earlier line being served first."""
    left = dict(free)
    served = []
    for line, product, pieces in lacking:
        there = min(pieces, left.get(product, 0))
        if there > 0:
            left[product] -= there
            served.append((line, product, there))
    return served


def _awaited(plan: Plan) -> Finding:
    if not plan.takes:
        return finding("production.no_materials", plan.product, plan=plan.number)
    return finding("production.unconfirmed", plan.product, plan=plan.number, roles=", ".join(plan.missing))


# -- what is reported --------------------------------------------------------------------------------------------------


def refuse(plan: Plan | None, report: Report, roles: frozenset[str]) -> Finding | None:
    """Why a report of a plan cannot be taken; `roles` are those of who reports it."""
    if plan is None:
        return finding("production.unknown", report.plan)
    if plan.closed:
        return finding("production.closed", report.plan)
    wanted = _may_report(plan, report)
    if not roles & {*wanted}:
        return finding("report.not_allowed", report.by, roles=", ".join(wanted))
    if isinstance(report, ProductionPlanned) and report.quantity != plan.quantity:
        return finding("production.quantity_differs", report.plan, planned=report.quantity, assigned=plan.quantity)
    if isinstance(report, ProductionConfirmed) and not plan.takes:
        return finding("production.no_materials", plan.product, plan=plan.number)
    if isinstance(report, ProductionDelayed) and report.finishes_on < plan.starts_on:
        return finding("production.before_start", report.plan, starts_on=plan.starts_on.isoformat())
    if isinstance(report, ProductionProgress | ProductionFinished):
        if plan.missing:
            return finding("production.unconfirmed", plan.product, plan=plan.number, roles=", ".join(plan.missing))
        made = report.done if isinstance(report, ProductionProgress) else report.good
        if made > plan.quantity:
            return finding("production.too_many", report.plan, made=made, planned=plan.quantity)
    return None


def _may_report(plan: Plan, report: Report) -> Sequence[str]:
    if isinstance(report, ProductionConfirmed):
        return plan.wanted
    return (INSPECTOR,) if isinstance(report, ProductionFinished) else (PLANNER,)
