"""What the warehouse reads and keeps about reservations, and what it declares to the outside."""

from collections.abc import Collection, Sequence
from typing import Any

from shared.audit import Invariant
from shared.database import Session, array, columns
from shared.department import Visit, effects_of
from shared.master import MasterFile
from workers.warehouse import invariants, shortages, suppliers, units
from workers.warehouse.arrivals import StockRow, save_stock
from workers.warehouse.rules import Opened, Pick, Reserved, Shelves, totals
from workers.warehouse.stock import change_stock, lock_stock_and_read, shelves
from workers.warehouse.supply_rules import Completed

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
_HELD = """
select r.order_id, r.line, r.product, r.location, r.quantity
from unnest(%s::uuid[]) as o(id) join warehouse.reservations r on r.order_id = o.id
order by r.order_id, r.line, r.location
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


def lock_shelves(session: Session, visits: Sequence[Visit]) -> tuple[Shelves, dict[str, list[Pick]]]:
    """The same with the stock locked, and what the orders hold already. One round trip."""
    rows, reserved = lock_stock_and_read(session, _products(visits), (_HELD, (array([v.order.id for v in visits]),)))
    held: dict[str, list[Pick]] = {}
    for order_id, *pick in reserved:
        held.setdefault(order_id, []).append(Pick(*pick))
    return shelves(rows), held


def save_reservations(session: Session, effects: Sequence[Any]) -> None:
    """Reserve, once per order, line and location; the database refuses a second time and more than there is."""
    shortages.forget(session, [each.order_id for each in effects if isinstance(each, Reserved | Completed)])
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
    shortages.keep(session, effects)


def lock_goods(session: Session, visits: Sequence[Visit]) -> set[str]:
    """Lock all stock that giving back the orders' goods may touch, before any of it is moved; its products."""
    return {row[0] for row in shortages.lock(session, _products(visits))}


def release(session: Session, visits: Sequence[Visit], locked: Collection[str] = ()) -> set[str]:
    """Give back what is reserved for the orders: cancelled, purged and lapsed orders hold nothing (WHS-02). Whoever
    waits for it is served at once. Returns the keys to wake; the stock rows stay locked, so that none is missed.
    `locked`: what `lock_goods` has locked before, for stock is locked once, in one order.
    """
    locked = locked or lock_goods(session, visits)
    orders = sorted({visit.order.id for visit in visits})
    session.write(_RELEASE, array(orders))
    shortages.forget(session, orders)
    return shortages.give_out(session, _products(visits), locked)


def _products(visits: Sequence[Visit]) -> set[str]:
    return {line.product for visit in visits for line in visit.order.lines}


MASTER: tuple[MasterFile[Any], ...] = (MasterFile("stock", StockRow, save_stock), *suppliers.MASTER, *units.MASTER)
"""The master data files of the warehouse, in the order in which they are loaded."""

INVARIANTS: tuple[Invariant, ...] = invariants.ALL
"""What must hold in the warehouse's books at any time."""
