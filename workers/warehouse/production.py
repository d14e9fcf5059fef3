"""Production (生产, PRD-01…04): plans with their units' days, what is reported of them, the goods that come of them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from shared import notices
from shared.database import Session, array, columns
from shared.numbering import take
from shared.outbox import Announcement, announce, to_json
from workers.warehouse.supply_rules import Assigned

DOCUMENTS = "MO"
"""What production plans are numbered by."""


def start(session: Session, assigned: Sequence[Assigned]) -> None:
    """Commit the units' days, write the plans, and tell the units at once (PRD-01). The database refuses a day that
    would be overbooked. Two round trips: the numbers, and whom to tell.
    """
    if not assigned:
        return
    now = assigned[0].at
    plans = list(zip(take(session, DOCUMENTS, now, len(assigned)), assigned, strict=True))
    shares = [(number, each.allocation.unit, *share) for number, each in plans for share in each.allocation.shares]
    session.write(_COMMIT, *columns([share[1:] for share in shares], 3))
    session.write(_PLAN, *columns([_row(number, each) for number, each in plans], 10))
    session.write(_SHARE, *columns([(number, day, quantity) for number, _, day, quantity in shares], 3))
    needed = [(number, *material) for number, each in plans for material in each.materials]
    session.write(_MATERIALS, *columns(needed, 4))
    managers: dict[str, str | None] = dict(session.rows(_MANAGERS, array([each.allocation.unit for each in assigned])))
    announce(session, [_assigned(number, each) for number, each in plans])
    told = [_to_unit(number, each, managers[each.allocation.unit]) for number, each in plans]
    notices.write(session, told, now)


def _row(number: str, each: Assigned) -> tuple[object, ...]:
    one = each.allocation
    what = (one.product, one.quantity, one.needed_by, one.unit, one.starts_on, one.finishes_on)
    return (number, each.order_id, *what, each.at, " ".join(each.wanted))


def _assigned(number: str, each: Assigned) -> Announcement:
    body = {"schema_version": 1, "plan": number, "order": each.order_number, **_what(each)}
    return Announcement(f"{number}/assigned", "orderflow.production.assigned", number, each.at, body)


def _to_unit(number: str, each: Assigned, manager: str | None) -> notices.Notice:
    data = to_json({"order": each.order_number, "plan": number, **_what(each)})
    recipient = manager or "role:production_planner"
    return notices.Notice(f"{number}/assigned", recipient, each.order_id, "production_assigned", data)


def _what(each: Assigned) -> Mapping[str, Any]:
    one = each.allocation
    return {
        "unit": one.unit,
        "product": one.product,
        "quantity": one.quantity,
        "starts_on": one.starts_on,
        "finishes_on": one.finishes_on,
        "needed_by": one.needed_by,
    }


def call_off(session: Session, orders: Collection[str], now: datetime) -> None:
    """Close the open plans of these orders without goods, give their days back, and announce it."""
    ids = array(sorted({*orders}))
    numbers = [row[0] for row in session.rows(_OPEN_OF, ids)]
    if numbers:
        close(session, now, [(number, None) for number in numbers])
        bodies = [(number, {"schema_version": 1, "plan": number}) for number in numbers]
        kind = "orderflow.production.cancelled"
        announce(session, [Announcement(f"{number}/cancelled", kind, number, now, body) for number, body in bodies])


def close(session: Session, now: datetime, plans: Sequence[tuple[str, int | None]]) -> None:
    """Close locked plans, given as (number, good pieces; None: called off); their days are free again."""
    session.write(_FREE, array([number for number, _ in plans]))
    session.write(_CLOSE, now, *columns(plans, 2))


_COMMIT = """
insert into warehouse.production_days as d (unit, day, capacity, committed)
select v.unit, v.day, u.capacity, v.quantity
from (
    select unit, day, sum(quantity)::bigint as quantity
    from unnest(%s::text[], %s::date[], %s::bigint[]) as v(unit, day, quantity) group by unit, day
) v join warehouse.production_units u on u.code = v.unit
order by v.unit, v.day
on conflict (unit, day) do update set committed = d.committed + excluded.committed
"""
_PLAN = """
insert into warehouse.production_plans
    (number, order_id, product, quantity, needed_by, unit, starts_on, finishes_on, assigned_at, wanted)
select v.number, v.order_id, v.product, v.quantity, v.needed_by, v.unit, v.starts_on, v.finishes_on, v.at,
    string_to_array(v.wanted, ' ')
from unnest(%s::text[], %s::uuid[], %s::text[], %s::bigint[], %s::date[], %s::text[], %s::date[], %s::date[],
    %s::timestamptz[], %s::text[])
    as v(number, order_id, product, quantity, needed_by, unit, starts_on, finishes_on, at, wanted)
"""
_SHARE = """
insert into warehouse.production_shares (number, day, quantity)
select * from unnest(%s::text[], %s::date[], %s::bigint[])
"""
_MATERIALS = """
insert into warehouse.production_materials (number, material, needed, available)
select * from unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[])
"""
_MANAGERS = "select code, manager from warehouse.production_units where code = any(%s::text[])"
_OPEN_OF = """
select p.number from unnest(%s::uuid[]) as o(id)
join warehouse.production_plans p on p.order_id = o.id and p.closed_at is null order by p.number for update of p
"""
_CLOSE = """
with given as (select %s::timestamptz as at, v.* from unnest(%s::text[], %s::bigint[]) as v(number, good))
update warehouse.production_plans p set closed_at = g.at, good = g.good from given g where p.number = g.number
"""
# Units are locked first, as those do who look for free days.
_FREE = """
with plans as (
    select p.number, p.unit from unnest(%s::text[]) as k(number)
    join warehouse.production_plans p on p.number = k.number
), units as (
    select u.code from warehouse.production_units u where u.code in (select unit from plans) order by u.code for update
), freed as (
    select p.unit, s.day, sum(s.quantity)::bigint as quantity
    from plans p join units u on u.code = p.unit join warehouse.production_shares s on s.number = p.number
    group by p.unit, s.day
)
update warehouse.production_days d set committed = d.committed - f.quantity
from freed f where d.unit = f.unit and d.day = f.day
"""
