"""Cases as people look at them. Read only."""

from typing import Any

from shared.database import Row, Session

_COLUMNS = ("case", "kind", "order", "customer", "reason", "opened_at", "assignee", "status", "result", "closed_at")


def cases(
    session: Session, order: str | None, kind: str | None, open_only: bool, assignee: str | None, limit: int
) -> list[dict[str, Any]]:
    """Cases, the newest first; `status` is open, done or rejected."""
    return _named(session.rows(_CASES, order, order, kind, kind, assignee, assignee, open_only, limit), *_COLUMNS)


def case(session: Session, number: str) -> dict[str, Any] | None:
    """One case with its lines and everything that was done about it, in that order; None: there is none."""
    found = _named(session.rows(_CASE, number), *_COLUMNS, "exception", "product", "opened_by", "feedback", "closed_by")
    if not found:
        return None
    lines = _named(session.rows(_LINES, number), "line", "product", "quantity", "back")
    entries = _named(session.rows(_ENTRIES, number), "at", "entry", "by", "words")
    return {**found[0], "lines": lines, "entries": entries}


def _named(rows: list[Row], *names: str) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in rows]


_CASES = """
select c.number, c.kind, c.order_number, c.customer, c.reason, c.opened_at, c.assignee, coalesce(c.outcome, 'open'),
    c.result, c.closed_at
from after_sales.cases c
where (%s::text is null or c.order_number = %s) and (%s::text is null or c.kind = %s)
    and (%s::text is null or c.assignee = %s) and (not %s or c.closed_at is null)
order by c.opened_at desc, c.number desc limit %s
"""
_CASE = """
select c.number, c.kind, c.order_number, c.customer, c.reason, c.opened_at, c.assignee, coalesce(c.outcome, 'open'),
    c.result, c.closed_at, c.exception, c.product, c.opened_by, c.feedback, c.closed_by
from after_sales.cases c where c.number = %s
"""
_LINES = """
select l.line, l.product, l.quantity, coalesce((
    select sum(g.quantity) from warehouse.returned_goods g where g.case_number = l.number and g.line = l.line
), 0)::bigint
from after_sales.case_lines l where l.number = %s order by l.line
"""
_ENTRIES = "select at, kind, by, words from after_sales.case_entries where number = %s order by id"
"""What was done about it, as it was written down."""
