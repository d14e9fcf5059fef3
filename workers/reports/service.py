"""How long departments take, and how much they do in time (RPT-02): from the histories, visit by visit.

A visit of a step begins when the step is opened and ends when it is finished or disagreed with. It is in time when it
ends within the step's deadline. Waiting for the world counts: the customer waits, too.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from statistics import median, quantiles

from shared.calendar import Overrides, deadline
from shared.catalogue import DefinitionError
from shared.database import Row, Session
from shared.processes import Definition, Step, pinned
from shared.rulebook import Rulebook
from workers.reports.report import Line, Period, Report, grouped

_SHORTEST_DEADLINE = timedelta(hours=12)
"""What took no longer is in time, whatever the calendar says: every deadline ends with business on a later day."""
_BASIS_POINTS = 10_000


def read(session: Session, rules: Rulebook, period: Period, _now: datetime) -> Report:
    """The visits that ended in the period, and their departments."""
    session.write("set local statement_timeout = 0")  # it reads every history
    rows = session.rows(_VISITS, *period.bounds())
    documents = list(_visits(rows, rules))
    return Report(documents, grouped(documents, "department", _total), "in_time_basis_points")


def _visits(rows: Sequence[Row], rules: Rulebook) -> Iterator[Line]:
    known: dict[str, Definition | None] = {}
    for order, round_, key, step_id, opened, ended in rows:
        if key not in known:
            known[key] = _definition(rules, key)
        definition = known[key]
        step = next((each for each in definition.steps if each.id == step_id), None) if definition else None
        if step is not None:
            yield {
                "order": order,
                "round": round_,
                "department": step.department,
                "step": step_id,
                "opened": opened,
                "ended": ended,
                "in_time": in_time(opened, ended, step, rules.overrides),
            }


def _definition(rules: Rulebook, key: str) -> Definition | None:
    """None: it left the rulebook, and nobody knows any more who had to do its steps."""
    try:
        return pinned(rules.definitions, key)
    except DefinitionError:
        return None


def in_time(opened: datetime, ended: datetime, step: Step, overrides: Overrides) -> bool:
    """Whether a visit kept the deadline of its step."""
    return ended - opened <= _SHORTEST_DEADLINE or ended <= deadline(opened, step.deadline, overrides)


def _total(department: str, visits: list[Line]) -> Line:
    hours = [(each["ended"] - each["opened"]) / timedelta(hours=1) for each in visits]
    kept = len([each for each in visits if each["in_time"]])
    return {
        "department": department,
        "count": len(visits),
        "median_hours": round(median(hours), 2),
        "slow_hours": round(quantiles(hours, n=20, method="inclusive")[-1] if len(hours) > 1 else hours[0], 2),
        "in_time": kept,
        "too_late": len(visits) - kept,
        "in_time_basis_points": kept * _BASIS_POINTS // len(visits),
    }


# Of the events of an order, the last one before that opened the step, and the last one that pinned a definition.
_VISITS = """
select h.number, e.round, p.definition, e.step, b.at, e.at
from core.events e join core.order_headers h on h.order_id = e.order_id
cross join lateral (
    select o.at from core.events o
    where o.order_id = e.order_id and o.seq < e.seq and o.data::jsonb -> 'opened' ? e.step
    order by o.seq desc limit 1
) b
cross join lateral (
    select d.data ->> 'definition' as definition from core.events d
    where d.order_id = e.order_id and d.seq <= e.seq and d.data ->> 'definition' is not null
    order by d.seq desc limit 1
) p
where e.kind in ('passed', 'agreed', 'opinion', 'disagreed', 'returned') and e.step is not null
    and e.step not like 'undo:%%'
    and e.at >= coalesce(%s::timestamptz, '-infinity') and e.at < coalesce(%s::timestamptz, 'infinity')
order by e.at, h.number, e.seq
"""
