"""Orders that wait for goods (WHS-04): kept while they wait, and served by priority wherever goods come free.

Whoever brings goods gives them out in the same transaction, with the stock locked: so the order in which workers then
find the orders that were served decides nothing, and an order that comes later finds only what nobody waited for.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from shared.database import Row, Session, array, columns
from shared.department import effects_of
from workers.warehouse.reservations import reserve
from workers.warehouse.rules import Lacking, stock_key
from workers.warehouse.shortage_rules import Waiter, serve
from workers.warehouse.stock import lock_stock, shelves


def lock(session: Session, products: Collection[str]) -> list[Row]:
    """Lock the stock of these products, and of all else that orders waiting for them lack: `lock_stock` of both. Two
    round trips.
    """
    others = session.rows(_ALSO_LACKED, array(sorted({*products})))
    return lock_stock(session, {*products, *(row[0] for row in others)})


def give_out(session: Session, products: Collection[str], locked: Collection[str]) -> set[str]:
    """Serve those who wait for these products; returns the keys to wake. `locked`: the products whose stock is locked;
    an order that began to wait meanwhile, and lacks others, looks for itself. Two round trips, one where nobody waits.
    """
    lacking: dict[tuple[str, str, date], list[tuple[int, str, int]]] = {}
    for order_id, number, needed_by, *line in session.rows(_WAITERS, array(sorted({*products}))):
        lines = lacking.setdefault((order_id, number, needed_by), [])
        if line[2] > 0:  # an order whose goods were made or bought for it may lack nothing: it waits no longer
            lines.append((line[0], line[1], line[2]))
    known = {*locked}
    waiters = [
        Waiter(order_id, number, needed_by, lines)
        for (order_id, number, needed_by), lines in lacking.items()
        if {product for _, product, _ in lines} <= known
    ]
    keys = {stock_key(product) for product in products}
    if not waiters:
        return keys
    served = serve(waiters, shelves(session.rows(_STOCK, array(sorted(known)))))
    reserve(session, [(waiter.order_id, *pick) for waiter, picks in served for pick in picks])
    forget(session, [waiter.order_id for waiter, _ in served])
    return keys | {stock_key(product) for waiter, _ in served for _, product, _ in waiter.lacking}


def keep(session: Session, effects: Sequence[Any]) -> None:
    """Remember who waits now, in place of what they waited for before."""
    waiting = effects_of(Lacking, effects)
    if not waiting:
        return
    forget(session, [each.order_id for each in waiting])
    rows = [
        (each.order_id, line.number, line.product, line.quantity, each.needed_by, each.number, each.at)
        for each in waiting
        for line in each.lines
    ]
    session.write(_KEEP, *columns(rows, 7))


def forget(session: Session, orders: Collection[str]) -> None:
    """They wait no longer: they have their goods, or are taken back."""
    if orders:
        session.write(_FORGET, array(sorted({*orders})))


# Of an order that waits every line is read: it is given all that it lacks or nothing.
_WAITERS = """
with waiting as (
    select distinct s.order_id from unnest(%s::text[]) as w(product) join warehouse.shortages s on s.product = w.product
), lines as (
    select s.order_id, s.number, s.needed_by, s.line, s.product, s.quantity - coalesce((
        select sum(r.quantity) from warehouse.reservations r where r.order_id = s.order_id and r.line = s.line
    ), 0)::bigint as lacking
    from waiting join warehouse.shortages s on s.order_id = waiting.order_id
)
select * from lines order by order_id, line
"""
_ALSO_LACKED = """
select distinct s.product from warehouse.shortages s where s.order_id in (
    select o.order_id from unnest(%s::text[]) as w(product) join warehouse.shortages o on o.product = w.product
)
"""
_STOCK = """
select s.product, s.location, s.on_hand, s.reserved, s.blocked, s.inspection
from unnest(%s::text[]) as w(product) join warehouse.stock s on s.product = w.product order by s.product, s.location
"""
_FORGET = "delete from warehouse.shortages s using unnest(%s::uuid[]) as o(id) where s.order_id = o.id"
_KEEP = """
insert into warehouse.shortages (order_id, line, product, quantity, needed_by, number, since, partial)
select v.*, false from unnest(%s::uuid[], %s::int[], %s::text[], %s::bigint[], %s::date[], %s::text[],
    %s::timestamptz[]) as v
"""
