"""What the warehouse reads and keeps about reservations, and what it declares to the outside."""

from collections.abc import Sequence
from typing import Any

from shared.audit import Invariant
from shared.database import Session, array, columns
from shared.department import Visit, effects_of
from shared.master import MasterFile
from workers.warehouse import invariants, suppliers, units
from workers.warehouse.arrivals import StockRow, save_stock
from workers.warehouse.rules import Opened, Reserved, Shelves, totals
from workers.warehouse.stock import change_stock, lock_places, lock_stock, shelves

_READ = """
select w.product, s.location, s.on_hand, s.reserved, s.blocked, s.inspection
from unnest(%s::text[]) as w(product) left join warehouse.stock s on s.product = w.product
where s.product is not null or exists (select from sales_review.product_list p where p.product = w.product)
order by w.product, s.location
"""
_RESERVE = """
insert into warehouse.reservations (order_id, line, product, location, quantity)
select * from unnest(%s::uuid[], %s::int[], %s::text[], %s::text[], %s::bigint[])
"""
_OPEN = """
insert into warehouse.stock (product, location)
select w.product, 'MAIN' from unnest(%s::text[]) as w(product) on conflict do nothing
"""
_RELEASE = """
with released as (
    delete from warehouse.reservations r using unnest(%s::uuid[]) as o(id) where r.order_id = o.id
    returning r.product, r.location, r.quantity
), freed as (
    select product, location, sum(quantity)::bigint as quantity from released group by product, location
)
update warehouse.stock s set reserved = s.reserved - freed.quantity
from freed where s.product = freed.product and s.location = freed.location
"""


def read_shelves(session: Session, visits: Sequence[Visit]) -> Shelves:
    """What is available of the products that the orders name, without locks. One round trip."""
    return shelves(session.rows(_READ, array(sorted(_products(visits)))))


def lock_shelves(session: Session, visits: Sequence[Visit]) -> Shelves:
    """The same with the stock locked. One round trip."""
    return shelves(lock_stock(session, _products(visits)))


def save_reservations(session: Session, effects: Sequence[Any]) -> None:
    """Reserve, once per order, line and location; the database refuses a second time and more than there is."""
    opened = effects_of(Opened, effects)
    if opened:
        session.write(_OPEN, array(sorted({each.product for each in opened})))
    picks = [(each.order_id, pick) for each in effects_of(Reserved, effects) for pick in each.picks]
    if picks:
        change_stock(session, reserved=totals([((pick.product, pick.location), pick.quantity) for _, pick in picks]))
        session.write(
            _RESERVE,
            *columns([(order, pick.line, pick.product, pick.location, pick.quantity) for order, pick in picks], 5),
        )


def release(session: Session, visits: Sequence[Visit]) -> set[str]:
    """Give back what is reserved for the orders: cancelled, purged and lapsed orders hold nothing (WHS-02).

    Returns the keys of those who wait for these products; the stock rows stay locked, so that none is missed.
    """
    orders = sorted({visit.order.id for visit in visits})
    lock_places(session, orders)
    session.write(_RELEASE, array(orders))
    return {f"stock:{product}" for product in _products(visits)}


def _products(visits: Sequence[Visit]) -> set[str]:
    return {line.product for visit in visits for line in visit.order.lines}


MASTER: tuple[MasterFile[Any], ...] = (MasterFile("stock", StockRow, save_stock), *suppliers.MASTER, *units.MASTER)
"""The master data files of the warehouse, in the order in which they are loaded."""

INVARIANTS: tuple[Invariant, ...] = invariants.ALL
"""What must hold in the warehouse's books at any time."""
