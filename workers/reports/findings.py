"""What the rules found (RPT-02): how often each, on how many orders, from the histories."""

from datetime import datetime

from shared.database import Session
from shared.rulebook import Rulebook
from workers.reports.report import Line, Period, Report, grouped


def read(session: Session, _rules: Rulebook, period: Period, _now: datetime) -> Report:
    """Every finding of the period, and each rule's total."""
    session.write("set local statement_timeout = 0")  # it reads every history
    names = ("finding", "order", "round", "step", "found_at")
    documents = [dict(zip(names, row, strict=True)) for row in session.rows(_FINDINGS, *period.bounds())]
    return Report(documents, grouped(documents, "finding", _total), "count")


def _total(code: str, found: list[Line]) -> Line:
    return {"finding": code, "count": len(found), "orders": len({each["order"] for each in found})}


_FINDINGS = """
select f.finding ->> 'code', h.number, e.round, e.step, e.at
from core.events e join core.order_headers h on h.order_id = e.order_id
cross join lateral json_array_elements(e.data -> 'findings') as f(finding)
where e.kind in ('referred', 'returned', 'waiting', 'passed') and json_typeof(e.data -> 'findings') = 'array'
    and e.at >= coalesce(%s::timestamptz, '-infinity') and e.at < coalesce(%s::timestamptz, 'infinity')
order by e.at, h.number, e.seq
"""
