"""What the warehouse reads and keeps about preparing orders.

Preparing issues the goods: they leave `on_hand` and `reserved` once, with a movement, and stand on the preparation that
logistics ships (LOG-06). So logistics writes nothing here, and on hand + issued = received at any time. Taking the
preparation back returns them and reserves them for the order again.
"""

from collections.abc import Sequence
from typing import Any

from shared.database import Session, array, columns
from shared.department import Visit, effects_of
from shared.numbering import take
from workers.warehouse.preparation_rules import PERSON, ROUTINE, Goods, Prepared, Rejected
from workers.warehouse.rules import Pick, totals
from workers.warehouse.stock import Movement, change_stock, lock_stock, record, shelves

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
_UNRESERVE = """
delete from warehouse.reservations r using unnest(%s::uuid[], %s::int[], %s::text[]) as d(order_id, line, location)
where r.order_id = d.order_id and r.line = d.line and r.location = d.location
"""
_PREPARATIONS = """
insert into warehouse.preparations
    (number, order_id, round, issued_at, picked_at, packed_at, packages, weight_grams)
select v.number, v.order_id, v.round, v.at, v.at, v.at, v.packages, v.weight_grams
from unnest(%s::text[], %s::uuid[], %s::smallint[], %s::timestamptz[], %s::bigint[], %s::bigint[])
    as v(number, order_id, round, at, packages, weight_grams)
"""
_LINES = """
insert into warehouse.preparation_lines (number, line, product, location, quantity, picked)
select v.number, v.line, v.product, v.location, v.quantity, v.quantity
from unnest(%s::text[], %s::int[], %s::text[], %s::text[], %s::bigint[])
    as v(number, line, product, location, quantity)
"""
_PACKAGES = """
insert into warehouse.packages (number, first, last, material, weight_grams)
select * from unnest(%s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[])
"""
_CONTENTS = """
insert into warehouse.package_contents (number, first, line, product, quantity)
select * from unnest(%s::text[], %s::bigint[], %s::int[], %s::text[], %s::bigint[])
"""
_REPORTS = """
insert into warehouse.inspection_reports (number, order_id, inspected_at, passed, inspector)
select * from unnest(%s::text[], %s::uuid[], %s::timestamptz[], %s::boolean[], %s::text[])
"""
_LOCK_ISSUED = """
select from (
    select distinct l.product, l.location
    from unnest(%s::uuid[]) as o(id)
    join warehouse.preparations p on p.order_id = o.id and p.cancelled_at is null
    join warehouse.preparation_lines l on l.number = p.number
) issued
join warehouse.stock s on s.product = issued.product and s.location = issued.location
order by s.product, s.location for update of s
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
    """What preparing rests on, the stock locked. Two round trips, two more where a product was never in stock."""
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
    """Issue what is prepared and block what is rejected, each with its documents. One round trip, for the numbers."""
    prepared = effects_of(Prepared, effects)
    rejected = effects_of(Rejected, effects)
    if not effects:
        return
    at = (prepared or rejected)[0].at
    numbers = take(session, DOCUMENTS, at, len(prepared) + len(rejected))
    issues = list(zip(numbers[: len(prepared)], prepared, strict=True))
    refusals = list(zip(numbers[len(prepared) :], rejected, strict=True))
    _save_stock(session, issues, refusals)
    _save_documents(session, issues, refusals)


def _save_stock(
    session: Session, issues: Sequence[tuple[str, Prepared]], refusals: Sequence[tuple[str, Rejected]]
) -> None:
    issued = [(number, each.at, pick) for number, each in issues for pick in each.picks]
    fresh = [pick for _, each in issues for pick in each.fresh]
    failed = [(number, each.at, pick) for number, each in refusals for pick in each.picks]
    out = [((pick.product, pick.location), -pick.quantity) for _, _, pick in issued]
    unreserved = [((pick.product, pick.location), -pick.quantity) for _, _, pick in failed]
    first_reserved = [((pick.product, pick.location), pick.quantity) for pick in fresh]
    change_stock(
        session,
        on_hand=totals(out),
        reserved=totals([*out, *unreserved, *first_reserved]),
        blocked={place: -quantity for place, quantity in totals(unreserved).items()},
    )
    gone = [(each.order_id, pick.line, pick.location) for _, each in issues for pick in each.picks]
    gone += [(each.order_id, pick.line, pick.location) for _, each in refusals for pick in each.picks]
    session.write(_UNRESERVE, *columns(gone, 3))
    record(
        session,
        [Movement(at, "issued", *pick[1:3], -pick.quantity, document=number) for number, at, pick in issued]
        + [Movement(at, "blocked", *pick[1:3], 0, pick.quantity, document=number) for number, at, pick in failed],
    )


def _save_documents(
    session: Session, issues: Sequence[tuple[str, Prepared]], refusals: Sequence[tuple[str, Rejected]]
) -> None:
    reports = [(number, each.order_id, each.at, True, each.inspector) for number, each in issues]
    reports += [(number, each.order_id, each.at, False, PERSON) for number, each in refusals]
    session.write(_REPORTS, *columns(reports, 5))
    if not issues:
        return
    heads = [
        (number, each.order_id, each.round, each.at, each.packages[-1].last, _weight_grams(each))
        for number, each in issues
    ]
    packages = [(number, package) for number, each in issues for package in each.packages]
    session.write(_PREPARATIONS, *columns(heads, 6))
    session.write(_LINES, *columns([(number, *pick) for number, each in issues for pick in each.picks], 5))
    session.write(
        _PACKAGES, *columns([(number, p.first, p.last, p.material, p.weight_grams) for number, p in packages], 5)
    )
    session.write(
        _CONTENTS, *columns([(number, p.first, *content) for number, p in packages for content in p.contents], 5)
    )


def put_back(session: Session, visits: Sequence[Visit]) -> None:
    """Cancel the orders' preparations: the goods return to their places and are reserved for the order again."""
    cancelled = sorted({visit.order.id: visit.now for visit in visits}.items())
    session.write(_LOCK_ISSUED, array([order for order, _ in cancelled]))
    session.write(_PUT_BACK, *columns(cancelled, 2))


def _weight_grams(prepared: Prepared) -> int:
    return sum([(each.last - each.first + 1) * each.weight_grams for each in prepared.packages])
