"""Blocked goods (WHS-10): released for sale again, or scrapped, as somebody decided who may."""

from collections.abc import Sequence

from messages.facts.warehouse import BlockedGoodsDecided
from shared.database import Session
from shared.department import Booked, Finding, ReportedFact, finding
from workers.warehouse import shortages
from workers.warehouse.people import not_allowed, read_roles
from workers.warehouse.rules import totals
from workers.warehouse.stock import Movement, Place, change_stock, record

DECIDES = ("inspector", "supply_chain")
RELEASED, SCRAPPED = "released", "scrapped"


def book_decisions(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Release or scrap blocked pieces, never more than are blocked; wakes who waits for what was released."""
    decisions = [(fact, fact.body) for fact in facts if isinstance(fact.body, BlockedGoodsDecided)]
    roles = read_roles(session, {body.by for _, body in decisions})
    rows = shortages.lock(session, {body.product for _, body in decisions})
    blocked: dict[Place, int] = {(row[0], row[1]): row[4] for row in rows}
    refused: dict[str, Finding] = {}
    movements: list[Movement] = []
    for fact, body in decisions:
        place = body.product, body.location
        there = blocked.get(place, 0)
        reason = not_allowed(body.by, roles, *DECIDES)
        if reason is None and body.quantity > there:
            reason = finding("blocked.too_few", body.product, location=body.location, wanted=body.quantity, there=there)
        if reason:
            refused[fact.id] = reason
            continue
        blocked[place] = there - body.quantity
        gone = body.quantity if body.decision == SCRAPPED else 0
        movements.append(Movement(fact.now, body.decision, *place, -gone, -body.quantity, fact_id=fact.id))
    change_stock(
        session,
        on_hand=totals([((each.product, each.location), each.quantity) for each in movements]),
        blocked=totals([((each.product, each.location), each.blocked) for each in movements]),
    )
    record(session, movements)
    free = {each.product for each in movements if each.kind == RELEASED}
    return Booked(shortages.give_out(session, free, {row[0] for row in rows}), refused)
