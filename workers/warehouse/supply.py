"""What covers an order's shortage (补货): saved together, and taken back together."""

from collections.abc import Sequence
from typing import Any

from shared.database import Session
from shared.department import Visit, effects_of
from workers.warehouse import production, purchasing, reservations
from workers.warehouse.supply_rules import Assigned, Bought, Completed


def save(session: Session, effects: Sequence[Any]) -> None:
    """Reserve what is in stock, place purchases, begin production."""
    picks = [(each.order_id, *pick) for each in effects_of(Completed, effects) for pick in each.picks]
    reservations.reserve(session, picks)
    purchasing.place(session, effects_of(Bought, effects))
    production.start(session, effects_of(Assigned, effects))


def call_off(session: Session, visits: Sequence[Visit]) -> None:
    """Whatever is still bought or made for these orders is not wanted any more."""
    if visits:
        orders = {visit.order.id for visit in visits}
        purchasing.call_off(session, orders, visits[0].now)
        production.call_off(session, orders, visits[0].now)
