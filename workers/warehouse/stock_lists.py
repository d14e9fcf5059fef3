"""Stock, counts and movements as people look at them. Read only."""

from typing import Any

from shared.database import Row, Session


def stock(session: Session, product: str | None, limit: int) -> list[dict[str, Any]]:
    """Every place with its goods, or those of one product; `available` is what may still be given away (WHS-02)."""
    names = ("product", "location", "on_hand", "reserved", "blocked", "available", "inspection")
    return _named(session.rows(_STOCK, product, product, limit), *names)


def counts(session: Session, open_only: bool, limit: int) -> list[dict[str, Any]]:
    """Places of sheets that were counted, the newest sheet first, with the difference to the books then (WHS-06)."""
    names = ("sheet", "counted_by", "counted_at", "product", "location", "counted", "book", "difference", "status",
             "decided_by")  # fmt: skip
    return _named(session.rows(_COUNTS, open_only, limit), *names)


def movements(session: Session, product: str | None, kind: str | None, limit: int) -> list[dict[str, Any]]:
    """Every change of on hand and blocked, the newest first."""
    names = ("at", "kind", "product", "location", "quantity", "blocked", "document")
    return _named(session.rows(_MOVEMENTS, product, product, kind, kind, limit), *names)


def _named(rows: list[Row], *names: str) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in rows]


_STOCK = """
select product, location, on_hand, reserved, blocked,
    case when inspection = 'failed' then 0 else on_hand - reserved - blocked end, inspection
from warehouse.stock where %s::text is null or product = %s order by product, location limit %s
"""
_COUNTS = """
select c.number, c.counted_by, c.counted_at, l.product, l.location, l.counted, l.book, l.counted - l.book,
    case when c.closed_at is null then 'open' when c.approved then 'approved' when c.approved is false then 'rejected'
        else 'equal' end,
    c.decided_by
from warehouse.stock_counts c join warehouse.stock_count_lines l on l.number = c.number
where not %s or c.closed_at is null order by c.counted_at desc, c.number, l.product, l.location limit %s
"""
_MOVEMENTS = """
select at, kind, product, location, quantity, blocked, document from warehouse.stock_movements
where (%s::text is null or product = %s) and (%s::text is null or kind = %s) order by id desc limit %s
"""
