"""Goods that came for one order: into stock, and reserved for that order at once (SUP-01, PRD-04)."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from shared.database import Session, array, columns
from workers.warehouse.rules import totals
from workers.warehouse.stock import Movement, change_stock, lock_stock, make_room, record
from workers.warehouse.supply_rules import earmark


class Arrival(NamedTuple):
    """So many good pieces for an order; `document`: the purchase or plan that they come of."""

    order_id: str
    product: str
    location: str
    quantity: int
    document: str
    fact_id: str


def take_in(session: Session, now: datetime, arrivals: Sequence[Arrival]) -> None:
    """Raise the stock, and reserve for each order what its lines still need; the rest is for everybody. The orders must
    be locked. Two round trips.
    """
    if not arrivals:
        return
    make_room(session, [(each.product, each.location) for each in arrivals])
    lock_stock(session, {each.product for each in arrivals})
    change_stock(session, on_hand=totals([((each.product, each.location), each.quantity) for each in arrivals]))
    movements = [
        Movement(now, "received", each.product, each.location, each.quantity, 0, each.document, each.fact_id)
        for each in arrivals
    ]
    record(session, movements)
    reserve(session, _for_their_orders(session, arrivals))


def reserve(session: Session, rows: Sequence[tuple[str, int, str, str, int]]) -> None:
    """Reserve, beside what the orders hold already, as (order, line, product, location, quantity). The stock must be
    locked; the database refuses more than there is.
    """
    if rows:
        change_stock(session, reserved=totals([((product, place), pieces) for _, _, product, place, pieces in rows]))
        session.write(_RESERVE, *columns(rows, 5))


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
_RESERVE = """
insert into warehouse.reservations as r (order_id, line, product, location, quantity)
select * from unnest(%s::uuid[], %s::int[], %s::text[], %s::text[], %s::bigint[])
on conflict (order_id, line, location) do update set quantity = r.quantity + excluded.quantity
"""
