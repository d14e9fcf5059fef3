"""After-sales in a period (RPT-03, AFT-10): cases that were opened in it, and questionnaires that were answered."""

from collections.abc import Sequence
from datetime import datetime
from statistics import median

from shared.database import Session
from shared.rulebook import Rulebook
from workers.reports.report import Line, Period, Report, grouped

_HUNDREDTHS = 100


def read(session: Session, _rules: Rulebook, period: Period, _now: datetime) -> Report:
    """Every case and answer, and the totals of each kind: how many, how many closed, how long that took, the scores."""
    session.write("set local statement_timeout = 0")  # it reads every case
    names = ("case_kind", "case", "order", "customer", "opened", "closed", "outcome", "score")
    bounds = period.bounds()
    documents = [dict(zip(names, row, strict=True)) for row in session.rows(_DOCUMENTS, *bounds, *bounds)]
    return Report(documents, grouped(documents, "case_kind", _total), "count")


def _total(kind: str, documents: Sequence[Line]) -> Line:
    hours = [(each["closed"] - each["opened"]).total_seconds() / 3600 for each in documents if each["closed"]]
    scores = [each["score"] for each in documents if each["score"] is not None]
    return {
        "case_kind": kind,
        "count": len(documents),
        "closed_cases": len(hours),
        "open_cases": len(documents) - len(hours) if kind != "survey" else 0,
        "median_hours": round(median(hours), 1) if hours else None,
        "average_score": f"{sum(scores) * _HUNDREDTHS // len(scores) / _HUNDREDTHS:.2f}" if scores else None,
    }


_DOCUMENTS = """
select c.kind, c.number, c.order_number, c.customer, c.opened_at, c.closed_at, c.outcome, null::smallint
from after_sales.cases c
where c.opened_at >= coalesce(%s::timestamptz, '-infinity') and c.opened_at < coalesce(%s::timestamptz, 'infinity')
union all
select 'survey', null, h.number, q.customer, q.answered_at, null, null, q.score
from after_sales.surveys q join core.order_headers h on h.order_id = q.order_id
where q.answered_at >= coalesce(%s::timestamptz, '-infinity') and q.answered_at < coalesce(%s::timestamptz, 'infinity')
order by 5, 3, 2
"""
