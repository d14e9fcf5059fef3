"""The rows of stock: locked in one order, changed and accounted for together."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from shared.database import Row, Session, array, columns
from workers.warehouse.preparation_rules import FAILED
from workers.warehouse.rules import Shelves

_LOCK = """
select s.product, s.location, s.on_hand, s.reserved, s.blocked, s.inspection
from unnest(%s::text[]) as w(product) join warehouse.stock s on s.product = w.product
order by s.product, s.location for update of s
"""
_OPEN = """
insert into warehouse.stock (product, location)
select p.product, 'MAIN' from unnest(%s::text[]) as w(product)
join sales_review.product_list p on p.product = w.product
where not exists (select from warehouse.stock s where s.product = w.product)
order by p.product
on conflict do nothing
"""
# A product of the list that was never in stock gets its empty row here too (see lock_stock): in the same statement, for
# new rows are waited for like locks, and so are made in one order.
_MAKE_ROOM = """
with known as (
    select a.product, a.location, stocked from unnest(%s::text[], %s::text[]) as a(product, location)
    cross join lateral (select exists (select from warehouse.stock s where s.product = a.product)) as s(stocked)
    where stocked or exists (select from sales_review.product_list p where p.product = a.product)
)
insert into warehouse.stock (product, location)
select product, location from known union select product, 'MAIN' from known where not stocked
order by product, location on conflict do nothing
"""
_LOCK_PLACES = """
select from (
    select r.product, r.location
    from unnest(%s::uuid[]) as o(id) join warehouse.reservations r on r.order_id = o.id
    union
    select l.product, l.location
    from unnest(%s::uuid[]) as o(id)
    join warehouse.preparations p on p.order_id = o.id and p.cancelled_at is null
    join warehouse.preparation_lines l on l.number = p.number
) held
join warehouse.stock s on s.product = held.product and s.location = held.location
order by s.product, s.location for update of s
"""
_CHANGE = """
update warehouse.stock s
set on_hand = s.on_hand + c.on_hand, reserved = s.reserved + c.reserved, blocked = s.blocked + c.blocked
from unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[])
    as c(product, location, on_hand, reserved, blocked)
where s.product = c.product and s.location = c.location
"""
_MOVE = """
insert into warehouse.stock_movements (at, kind, product, location, quantity, blocked, document, fact_id)
select * from unnest(%s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::text[],
    %s::uuid[])
"""


Place = tuple[str, str]
"""Product and location."""

NOTHING: Mapping[Place, int] = MappingProxyType({})


class Movement(NamedTuple):
    """A change of stock for the books; `document` or `fact_id` says what moved it."""

    at: datetime
    kind: str
    product: str
    location: str
    quantity: int
    blocked: int = 0
    document: str | None = None
    fact_id: str | None = None


def lock_stock(session: Session, products: Collection[str]) -> list[Row]:
    """Every row of these products, locked in (product, location) order, as (product, location, on_hand, reserved,
    blocked, inspection). A product of the product list that was never in stock gets an empty row, so that there is
    something to lock: who waits for goods and who books their arrival then come one after the other. One round trip.
    """
    wanted = array(sorted(set(products)))
    # Before anything is locked: whoever waits here for another one's new row holds nothing that others wait for.
    session.write(_OPEN, wanted)
    return session.rows(_LOCK, wanted)


def lock_stock_and_read(
    session: Session, products: Collection[str], read: tuple[str, tuple[object, ...]]
) -> tuple[list[Row], list[Row]]:
    """The same, and what another statement finds once the stock is locked. One round trip for both."""
    wanted = array(sorted(set(products)))
    session.write(_OPEN, wanted)
    locked, found = session.together((_LOCK, (wanted,)), read)
    return locked, found


def make_room(session: Session, places: Iterable[Place]) -> None:
    """Empty rows for places that goods may come to, before anything is locked."""
    session.write(_MAKE_ROOM, *columns(sorted({*places}), 2))


def lock_places(session: Session, orders: Collection[str]) -> None:
    """Lock every place that holds something of these orders, reserved or issued, before any of it is moved: what is
    taken back in two steps would otherwise be locked in two orders.
    """
    ids = array(sorted(set(orders)))
    session.write(_LOCK_PLACES, ids, ids)


def shelves(rows: Iterable[Row]) -> Shelves:
    """What may be given away: on hand, neither reserved nor blocked (WHS-02), at a place that has not failed."""
    available: dict[str, dict[str, int]] = {}
    for product, location, on_hand, reserved, blocked, inspection in rows:
        places = available.setdefault(product, {})
        if location is not None and inspection != FAILED:
            places[location] = on_hand - reserved - blocked
    return Shelves(available)


def change_stock(
    session: Session,
    on_hand: Mapping[Place, int] = NOTHING,
    reserved: Mapping[Place, int] = NOTHING,
    blocked: Mapping[Place, int] = NOTHING,
) -> None:
    """Add to rows that are locked. The database refuses what would give away more than there is."""
    places = sorted(on_hand.keys() | reserved.keys() | blocked.keys())
    changes = [(*place, on_hand.get(place, 0), reserved.get(place, 0), blocked.get(place, 0)) for place in places]
    if changes:
        session.write(_CHANGE, *columns(changes, 5))


def record(session: Session, movements: Collection[Movement]) -> None:
    """Write movements down."""
    if movements:
        session.write(_MOVE, *columns(list(movements), 8))
