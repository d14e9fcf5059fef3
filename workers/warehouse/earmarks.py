"""Goods that came for one order: into stock, and reserved for that order at once (SUP-01, PRD-04)."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from shared.database import Session, array
from workers.warehouse import shortages
from workers.warehouse.reservations import reserve
from workers.warehouse.rules import totals
from workers.warehouse.stock import Movement, change_stock, make_room, record
from workers.warehouse.supply_rules import earmark


class Arrival(NamedTuple):
    """So many good pieces for an order; `document`: the purchase or plan that they come of."""

    order_id: str
    product: str
    location: str
    quantity: int
    document: str
    fact_id: str


def take_in(session: Session, now: datetime, arrivals: Sequence[Arrival]) -> set[str]:
    """Raise the stock, and reserve for each order what its lines still need; the rest goes to whoever waits (WHS-04).
    The orders must be locked. Returns the keys to wake.
    """
    if not arrivals:
        return set()
    make_room(session, [(each.product, each.location) for each in arrivals])
    products = {each.product for each in arrivals}
    locked = {row[0] for row in shortages.lock(session, products)}
    change_stock(session, on_hand=totals([((each.product, each.location), each.quantity) for each in arrivals]))
    movements = [
        Movement(now, "received", each.product, each.location, each.quantity, 0, each.document, each.fact_id)
        for each in arrivals
    ]
    record(session, movements)
    reserve(session, _for_their_orders(session, arrivals))
    return shortages.give_out(session, products, locked)


def _for_their_orders(session: Session, arrivals: Sequence[Arrival]) -> list[tuple[str, int, str, str, int]]:
    """The reservations to make, as (order, line, product, location, quantity)."""
    needed: dict[tuple[str, str], dict[int, int]] = {}
    for order_id, line, product, quantity in session.rows(_NEEDED, array(sorted({each.order_id for each in arrivals}))):
        needed.setdefault((order_id, product), {})[line] = quantity
    found: list[tuple[tuple[str, int, str, str], int]] = []
    for each in arrivals:
        lines = needed.get((each.order_id, each.product), {})
        for line, pieces in earmark(lines.items(), each.quantity).items():
            lines[line] -= pieces
            found.append(((each.order_id, line, each.product, each.location), pieces))
    return [(*key, pieces) for key, pieces in totals(found).items()]


# An order that is prepared has all its goods; one that is taken back gets none.
_NEEDED = """
select o.id, l.number, l.product, l.quantity - coalesce((
    select sum(r.quantity) from warehouse.reservations r where r.order_id = o.id and r.line = l.number
), 0)::bigint
from unnest(%s::uuid[]) as w(id)
join core.orders o on o.id = w.id
join core.order_documents d on d.order_id = o.id and d.revision = o.revision
cross join lateral json_to_recordset(d.document->'lines') as l(number int, product text, quantity bigint)
where o.closing is null and o.state in ('in_review', 'approved', 'reserved') and not exists (
    select from warehouse.preparations p where p.order_id = o.id and p.cancelled_at is null
)
order by o.id, l.number
"""
