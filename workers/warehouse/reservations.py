"""Reserving for orders beside what they hold already."""

from collections.abc import Sequence

from shared.database import Session, columns
from workers.warehouse.rules import totals
from workers.warehouse.stock import change_stock


def reserve(session: Session, rows: Sequence[tuple[str, int, str, str, int]]) -> None:
    """Reserve, beside what the orders hold already, as (order, line, product, location, quantity). The stock must be
    locked; the database refuses more than there is.
    """
    if rows:
        change_stock(session, reserved=totals([((product, place), pieces) for _, _, product, place, pieces in rows]))
        session.write(_RESERVE, *columns(rows, 5))


_RESERVE = """
insert into warehouse.reservations as r (order_id, line, product, location, quantity)
select * from unnest(%s::uuid[], %s::int[], %s::text[], %s::text[], %s::bigint[])
on conflict (order_id, line, location) do update set quantity = r.quantity + excluded.quantity
"""
