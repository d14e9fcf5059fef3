"""What the warehouse reads and keeps about preparing orders.

Preparing issues the goods: they leave `on_hand` and `reserved` once, with a movement, and stand on the preparation that
logistics ships (LOG-06). So logistics writes nothing here, and on hand + issued = received at any time. Taking the
preparation back returns them and reserves them for the order again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shared.database import Session, array, columns
from shared.department import Visit, effects_of
from shared.numbering import take
from workers.warehouse import shortages
from workers.warehouse.preparation_rules import ROUTINE, Goods, Prepared, Rejected
from workers.warehouse.rules import Pick, totals
from workers.warehouse.stock import Movement, change_stock, lock_places, lock_stock, record, shelves

DOCUMENTS = "WH"
"""Preparation orders (备货指令) and inspection reports (质量检验报告) are numbered together; a packing list (装箱单)
has the number of its preparation order.
"""

_RESERVED = """
select r.order_id, r.line, r.product, r.location, r.quantity
from unnest(%s::uuid[]) as o(id) join warehouse.reservations r on r.order_id = o.id
order by r.order_id, r.line, r.location
"""
_WEIGHTS = """
select p.product, p.weight_grams
from unnest(%s::text[]) as w(product) join sales_review.product_list p on p.product = w.product
"""
_REJECT = """
delete from warehouse.reservations r using unnest(%s::uuid[], %s::int[], %s::text[]) as d(order_id, line, location)
where r.order_id = d.order_id and r.line = d.line and r.location = d.location
"""
_REPLACE = """
insert into warehouse.reservations as r (order_id, line, product, location, quantity)
select * from unnest(%s::uuid[], %s::int[], %s::text[], %s::text[], %s::bigint[])
on conflict (order_id, line, location) do update set quantity = r.quantity + excluded.quantity
"""
_ISSUE = """
with issued as (
    delete from warehouse.reservations r using unnest(%s::uuid[], %s::text[]) as p(order_id, number)
    where r.order_id = p.order_id
    returning p.number, r.line, r.product, r.location, r.quantity
), lines as (
    insert into warehouse.preparation_lines (number, line, product, location, quantity, picked)
    select number, line, product, location, quantity, quantity from issued
), moved as (
    insert into warehouse.stock_movements (at, kind, product, location, quantity, blocked, document)
    select %s, 'issued', product, location, -quantity, 0, number from issued
), sums as (
    select product, location, sum(quantity)::bigint as quantity from issued group by product, location
)
update warehouse.stock s set on_hand = s.on_hand - sums.quantity, reserved = s.reserved - sums.quantity
from sums where s.product = sums.product and s.location = sums.location
"""
_PREPARE = """
with given as (
    select v.*, %s::timestamptz as at
    from unnest(%s::text[], %s::uuid[], %s::smallint[], %s::bigint[], %s::bigint[], %s::text[])
        as v(number, order_id, round, packages, weight_grams, inspector)
), prepared as (
    insert into warehouse.preparations
        (number, order_id, round, issued_at, picked_at, packed_at, packages, weight_grams)
    select number, order_id, round, at, at, at, packages, weight_grams from given
)
insert into warehouse.inspection_reports (number, order_id, inspected_at, passed, inspector)
select number, order_id, at, true, inspector from given
"""
_PACKAGES = """
insert into warehouse.packages (number, first, last, material, weight_grams)
select * from unnest(%s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[])
"""
_CONTENTS = """
insert into warehouse.package_contents (number, first, line, product, quantity)
select * from unnest(%s::text[], %s::bigint[], %s::int[], %s::text[], %s::bigint[])
"""
_FAILED = """
insert into warehouse.inspection_reports (number, order_id, inspected_at, passed, inspector)
select *, false, 'person' from unnest(%s::text[], %s::uuid[], %s::timestamptz[])
"""
_PUT_BACK = """
with cancelled as (
    update warehouse.preparations p set cancelled_at = o.at
    from unnest(%s::uuid[], %s::timestamptz[]) as o(id, at)
    where p.order_id = o.id and p.cancelled_at is null
    returning p.number, p.order_id, p.cancelled_at
), lines as (
    select c.number, c.order_id, c.cancelled_at, l.line, l.product, l.location, l.quantity
    from cancelled c join warehouse.preparation_lines l on l.number = c.number
), reserved as (
    insert into warehouse.reservations (order_id, line, product, location, quantity)
    select order_id, line, product, location, quantity from lines
), returned as (
    insert into warehouse.stock_movements (at, kind, product, location, quantity, blocked, document)
    select cancelled_at, 'returned', product, location, quantity, 0, number from lines
), sums as (
    select product, location, sum(quantity)::bigint as quantity from lines group by product, location
)
update warehouse.stock s set on_hand = s.on_hand + sums.quantity, reserved = s.reserved + sums.quantity
from sums where s.product = sums.product and s.location = sums.location
"""


def load_goods(session: Session, visits: Sequence[Visit]) -> Goods:
    """What preparing rests on, the stock locked. Two round trips."""
    products = sorted({line.product for visit in visits for line in visit.order.lines})
    rows = lock_stock(session, products)
    orders = array(sorted({visit.order.id for visit in visits}))
    held, weights = session.together((_RESERVED, (orders,)), (_WEIGHTS, (array(products),)))
    reserved: dict[str, list[Pick]] = {}
    for order, *pick in held:
        reserved.setdefault(order, []).append(Pick(*pick))
    inspections = {(row[0], row[1]): row[5] for row in rows if row[5] != ROUTINE}
    return Goods(shelves(rows), inspections, dict(weights), reserved)


def save_preparations(session: Session, effects: Sequence[Any]) -> None:
    """Block what is rejected and issue what is prepared, each with its documents. One round trip, for the numbers."""
    rejected = effects_of(Rejected, effects)
    prepared = effects_of(Prepared, effects)
    shortages.forget(session, [each.order_id for each in prepared if each.fresh])
    shortages.keep(session, effects)
    if not rejected and not prepared:
        return
    now = effects[0].at
    numbers = take(session, DOCUMENTS, now, len(rejected) + len(prepared))
    _block(session, now, list(zip(numbers[len(prepared) :], rejected, strict=True)))
    _replace(session, [(each.order_id, pick) for each in prepared for pick in each.fresh])
    _issue(session, now, list(zip(numbers[: len(prepared)], prepared, strict=True)))


def _block(session: Session, now: datetime, rejected: Sequence[tuple[str, Rejected]]) -> None:
    picks = [(number, each.order_id, pick) for number, each in rejected for pick in each.picks]
    if not picks:
        return
    failed = totals([((pick.product, pick.location), pick.quantity) for _, _, pick in picks])
    change_stock(session, reserved={place: -quantity for place, quantity in failed.items()}, blocked=failed)
    session.write(_REJECT, *columns([(order, pick.line, pick.location) for _, order, pick in picks], 3))
    record(session, [Movement(now, "blocked", *pick[1:3], 0, pick.quantity, number) for number, _, pick in picks])
    session.write(_FAILED, *columns([(number, each.order_id, now) for number, each in rejected], 3))


def _replace(session: Session, fresh: Sequence[tuple[str, Pick]]) -> None:
    if fresh:
        change_stock(session, reserved=totals([((pick.product, pick.location), pick.quantity) for _, pick in fresh]))
        session.write(_REPLACE, *columns([(order, *pick) for order, pick in fresh], 5))


def _issue(session: Session, now: datetime, prepared: Sequence[tuple[str, Prepared]]) -> None:
    if not prepared:
        return
    heads = [
        (number, each.order_id, each.round, each.packages[-1].last, _weight_grams(each), each.inspector)
        for number, each in prepared
    ]
    packages = [(number, package) for number, each in prepared for package in each.packages]
    contents = [(number, package.first, *content) for number, package in packages for content in package.contents]
    session.write(_ISSUE, *columns([(each.order_id, number) for number, each in prepared], 2), now)
    session.write(_PREPARE, now, *columns(heads, 6))
    session.write(
        _PACKAGES, *columns([(number, p.first, p.last, p.material, p.weight_grams) for number, p in packages], 5)
    )
    session.write(_CONTENTS, *columns(contents, 5))


def put_back(session: Session, visits: Sequence[Visit]) -> None:
    """Cancel the orders' preparations: the goods return to their places and are reserved for the order again."""
    cancelled = sorted({visit.order.id: visit.now for visit in visits}.items())
    lock_places(session, [order for order, _ in cancelled])
    session.write(_PUT_BACK, *columns(cancelled, 2))


def _weight_grams(prepared: Prepared) -> int:
    return sum([(each.last - each.first + 1) * each.weight_grams for each in prepared.packages])
