"""Reserving where the definition says how a shortage is covered (补货, WHS-04, SUP-01, SUP-02). Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from shared.department import Outcome, Passed, Referred, Visit, finding
from workers.warehouse import remedy_rules
from workers.warehouse.remedy_rules import Remedied
from workers.warehouse.rules import Opened, Pick, Reserved, Shelves, allocate, shortages, totals, wait
from workers.warehouse.supply_rules import Completed, Sources, cover, needed_by, ways_of

WAYS = "ways"
"""A step's option: the ways of covering a shortage in their order, such as "production purchase"."""
BUYERS = ("purchasing",)
"""Who gives the reason for buying without two quotations."""
_MAKE = {"warehouse.assign_production", "warehouse.plan_production"}


@dataclass(frozen=True, slots=True)
class Stores:
    """What reserving rests on: stock; and where shortages are covered, what the orders hold, the sources, and
    the new dates that people agreed on.
    """

    shelves: Shelves
    held: Mapping[str, Sequence[Pick]]
    sources: Sources | None
    agreed_on: Mapping[str, date] = field(default_factory=dict)

    def absorb(self, effect: object) -> None:
        """What one order takes is not there for the next one."""
        self.shelves.absorb(effect)
        if isinstance(effect, Completed):
            self.shelves.take(effect.picks)
        if self.sources is not None:
            self.sources.absorb(effect)


def is_covered(visit: Visit) -> bool:
    """Whether goods may have been bought or made for this order, and so be reserved for it already."""
    return WAYS in visit.options or not _MAKE.isdisjoint(visit.activities)


def reserve(visit: Visit, stores: Stores) -> Outcome:
    """All that the order lacks or nothing, beside what came for it. What is short is made or bought, and waited for;
    where no way covers it in time, a person chooses what becomes of it (WHS-05), and a new date is waited for.

    Buying without two quotations to compare waits for the reason of somebody in purchasing: an agreement without one
    is asked for again.
    """
    order, sources = visit.order, stores.sources
    held = totals([(pick.line, pick.quantity) for pick in stores.held.get(order.id, ())])
    lacking = [(each.number, each.product, each.quantity - held.get(each.number, 0)) for each in order.lines]
    wanted = totals([(product, pieces) for _, product, pieces in lacking if pieces > 0])
    available = stores.shelves.of(wanted)
    basis = {"available": available}
    unknown = [product for product in wanted if product not in stores.shelves.available]
    if unknown and not visit.agreed:
        return Referred(tuple(finding("stock.unknown_product", product) for product in unknown), basis=basis)
    short = shortages(wanted, available)
    if not short:
        picks = allocate([each for each in lacking if each[2] > 0], stores.shelves)
        return Passed((Completed(order.id, picks) if held else Reserved(order.id, picks),), basis)
    opened = [Opened(product) for product in unknown]
    if sources is None or WAYS not in visit.options:
        return wait(visit, short, opened, basis)
    remedy = remedy_rules.named(visit, sources.today)
    if remedy and remedy.kind != remedy_rules.DATE:
        return remedy_rules.end(visit, remedy, short)
    agreed_on = remedy.new_date if remedy else stores.agreed_on.get(order.id)
    by = max(needed_by(visit), agreed_on) if agreed_on else needed_by(visit)
    missing = {each.subject: wanted[each.subject] - available[each.subject] for each in short}
    reason = "" if remedy else visit.reason.strip()
    found = cover(visit, missing, ways_of(visit.options[WAYS], visit.step), sources, reason, by)
    told = (Remedied(order, visit.round, visit.now, remedy, short),) if remedy else ()
    if found.questions and not told:
        return Referred(found.questions, basis=basis, roles=BUYERS)
    if found.questions:  # the new date is kept first, for another person decides about buying: looked at again at once
        return wait(visit, short, [*opened, *told], basis, timedelta(0))
    basis["uncovered"] = dict(found.uncovered)
    if found.uncovered and (agreed_on is None or agreed_on < sources.today):
        open_ = [each for each in short if each.subject in found.uncovered]
        return Referred(remedy_rules.ask(open_, by), basis=basis, roles=remedy_rules.DECIDES)
    return wait(visit, short, [*opened, *found.effects, *told], basis)
