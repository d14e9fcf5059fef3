"""Where goods that are short could come from: what is read to buy or make them, and what is under way already."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import islice

from shared import calendar_days
from shared.calendar import BUSINESS_ZONE, Overrides, is_working_day
from shared.database import Session, array
from shared.department import Visit
from workers.warehouse import remedies
from workers.warehouse.plan_rules import Making, Plan
from workers.warehouse.production_rules import Capacity, Unit
from workers.warehouse.replenish_rules import Stores
from workers.warehouse.rules import Pick, Shelves
from workers.warehouse.stock import lock_stock, shelves
from workers.warehouse.supplier_rules import Market
from workers.warehouse.suppliers import read_market
from workers.warehouse.supply_rules import Sources

PLANNED_DAYS = 250
"""How many working days ahead production is planned: about a year."""


def read_making(session: Session, visits: Sequence[Visit]) -> Making:
    """What the steps of production rest on, stock and units locked. Four round trips."""
    products = {line.product for visit in visits for line in visit.order.lines}
    orders = array(sorted({visit.order.id for visit in visits}))
    there = shelves(lock_stock(session, products))
    held: dict[str, list[Pick]] = {}
    plans: dict[str, list[Plan]] = {}
    picks, open_ = session.together((_HELD, (orders,)), (_OPEN_PLANS, (orders,)))
    for order_id, *pick in picks:
        held.setdefault(order_id, []).append(Pick(*pick))
    for row in open_:
        plans.setdefault(row[1], []).append(Plan(*row))
    return Making(there, held, read_sources(session, visits, products, Market({}, {})), plans)


def read_stores(
    session: Session, visits: Sequence[Visit], there: Shelves, held: Mapping[str, Sequence[Pick]]
) -> Stores:
    """What reserving rests on: of those orders whose shortages are covered the sources, too; for others nothing is
    read.
    """
    if not visits:
        return Stores(there, held, None)
    products = {line.product for visit in visits for line in visit.order.lines}
    agreed_on = remedies.agreed_dates(session, {visit.order.id for visit in visits})
    return Stores(there, held, read_sources(session, visits, products, read_market(session, products)), agreed_on)


def read_sources(session: Session, visits: Sequence[Visit], products: Collection[str], market: Market) -> Sources:
    """The production units that make these products, locked, with their days; what is under way for the orders; what
    the products are made of. Two round trips.
    """
    today = visits[0].now.astimezone(BUSINESS_ZONE).date()
    wanted = array(sorted({*products}))
    orders = array(sorted({visit.order.id for visit in visits}))
    overrides = {day: working for day, (working, _) in calendar_days.days(session).items()}
    units, taken, under_way, bill = session.together(
        (_UNITS, (wanted,)), (_DAYS, (wanted, today)), (_UNDER_WAY, (orders, orders)), (_BILL, (wanted,))
    )
    capacity = Capacity(
        [Unit(code, pieces, frozenset(makes)) for code, pieces, makes in units],
        list(islice(_working_days(today, overrides), PLANNED_DAYS)) if units else (),
        {(unit, day): pieces for unit, day, pieces, _ in taken},
        {(unit, day): committed for unit, day, _, committed in taken},
    )
    made_of: dict[str, dict[str, int]] = {}
    for product, material, quantity, _ in bill:
        made_of.setdefault(product, {})[material] = quantity
    stock = {material: available for _, material, _, available in bill}
    return Sources(today, market, capacity, {(row[0], row[1]): row[2] for row in under_way}, made_of, stock)


def _working_days(today: date, overrides: Overrides) -> Iterator[date]:
    """From tomorrow on."""
    day = today
    while True:
        day += timedelta(days=1)
        if is_working_day(day, overrides):
            yield day


PLAN = """p.number, p.order_id, p.product, p.quantity, p.needed_by, p.unit, p.starts_on, p.finishes_on, p.wanted,
    array(select c.role from warehouse.production_confirmations c where c.number = p.number),
    array(select m.material from warehouse.production_materials m where m.number = p.number order by m.material),
    array(select m.needed from warehouse.production_materials m where m.number = p.number order by m.material),
    array(select m.available from warehouse.production_materials m where m.number = p.number order by m.material),
    p.done, p.closed_at is not null"""
"""The columns of a `Plan`, of the table as p."""
_HELD = """
select r.order_id, r.line, r.product, r.location, r.quantity
from unnest(%s::uuid[]) as o(id) join warehouse.reservations r on r.order_id = o.id
order by r.order_id, r.line, r.location
"""
_OPEN_PLANS = f"""
select {PLAN} from unnest(%s::uuid[]) as o(id)
join warehouse.production_plans p on p.order_id = o.id and p.closed_at is null order by p.number
"""  # noqa: S608 - a constant
_UNITS = """
select code, capacity, products from warehouse.production_units where products && %s::text[] order by code for update
"""
_DAYS = """
select d.unit, d.day, d.capacity, d.committed
from warehouse.production_units u join warehouse.production_days d on d.unit = u.code
where u.products && %s::text[] and d.day > %s
"""
_UNDER_WAY = """
select order_id, product, sum(quantity)::bigint from (
    select p.order_id, p.product, p.quantity - p.received as quantity
    from unnest(%s::uuid[]) as o(id) join warehouse.purchases p on p.order_id = o.id where p.closed_at is null
    union all
    select p.order_id, p.product, p.quantity
    from unnest(%s::uuid[]) as o(id) join warehouse.production_plans p on p.order_id = o.id where p.closed_at is null
) under_way group by order_id, product
"""
_BILL = """
select b.product, b.material, b.quantity, coalesce((
    select sum(s.on_hand - s.reserved - s.blocked) from warehouse.stock s
    where s.product = b.material and s.inspection <> 'failed'
), 0)::bigint
from unnest(%s::text[]) as w(product) join warehouse.bill_of_materials b on b.product = w.product
"""
