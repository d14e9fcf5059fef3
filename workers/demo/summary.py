"""What the demonstration ends with: orders by end state, lead times, findings, speed, and the audit's verdict."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from messages.batch import Department
from shared.audit import Verdict
from shared.catalogue import Catalogue
from shared.database import Session, columns
from shared.processes import Definition
from shared.states import FINAL, State
from shared.words import explain, word
from workers.commands.terminal import console, language, say, show_verdict, table, told

WOULD_BREAK = frozenset(
    {
        "order.step_finished_once_per_round",
        "finance.billed_twice",
        "finance.hold_differs",
        "finance.payments_misallocated",
        "logistics.shipped_within_ordered",
        "warehouse.reserved",
        "warehouse.issued",
        "after_sales.profiles_add_up",
    }
)
"""The invariants of the audit that an effect which happened twice would break."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of the whole run. `lost`: submissions that were published and never answered."""

    published: int
    answered: int
    repeated: int
    refused: int
    states: Mapping[str, int]
    dead: int
    seconds: float
    verdict: Verdict
    lead_times: list[tuple[str, float, float]]
    findings: list[tuple[str, int, dict[str, Any]]]

    @property
    def orders(self) -> int:
        return sum(self.states.values())

    @property
    def lost(self) -> int:
        return max(0, self.published - self.answered)

    @property
    def duplicated_effects(self) -> int:
        return sum(breach.invariant in WOULD_BREAK for breach in self.verdict.breaches)

    @property
    def waiting(self) -> int:
        """Orders that are neither finished, returned nor dead."""
        return self.orders - sum(self.states.get(state, 0) for state in (*FINAL, State.RETURNED)) - self.dead

    @property
    def good(self) -> bool:
        """Nothing lost, nothing twice, and the books in order."""
        return not self.lost and not self.duplicated_effects and self.verdict.clean

    def as_data(self) -> dict[str, Any]:
        """For programs."""
        ended = {state: self.states.get(state, 0) for state in (*FINAL, State.RETURNED)}
        return {
            "published": self.published,
            "orders": self.orders,
            "archived": ended[State.ARCHIVED],
            "ended": ended[State.ENDED],
            "waiting": self.waiting,
            "returned": ended[State.RETURNED],
            "cancelled": ended[State.CANCELLED],
            "refused": self.refused,
            "repeated": self.repeated,
            "dead": self.dead,
            "lost": self.lost,
            "duplicated_effects": self.duplicated_effects,
            "audit_clean": self.verdict.clean,
            "seconds": round(self.seconds, 2),
            "orders_per_second": round(self.orders / self.seconds, 1) if self.seconds else 0.0,
        }


def lead_times(session: Session, definitions: Catalogue[Definition]) -> list[tuple[str, float, float]]:
    """Per department: median and 95th percentile of the seconds from a step's opening until it was finished."""
    places = [
        (definition.key, step.id, step.department)
        for definition in definitions.entries.values()
        for step in definition.steps
    ]
    found = {row[0]: (float(row[1]), float(row[2])) for row in session.rows(_LEAD_TIMES, *columns(places, 3))}
    return [(name, *found[name]) for name in Department if name in found]


def findings(session: Session) -> list[tuple[str, int, dict[str, Any]]]:
    """Of how many orders each rule found something, with one example, the most frequent first."""
    return [(code, count, json.loads(example)) for code, count, example in session.rows(_FINDINGS)]


def dead(session: Session) -> int:
    """Unresolved dead letters."""
    row = session.row("select count(*) from core.dead_letters where resolution is null")
    return int(row[0]) if row else 0


def show(summary: Summary) -> None:
    """Print the summary."""
    states = sorted(summary.states.items(), key=lambda item: -item[1])
    rows: list[tuple[str, int]] = [(word("states", state, language()), count) for state, count in states]
    rows += [(told("demo.refused"), summary.refused), (told("demo.repeated"), summary.repeated)]
    table(("state", "orders"), rows)
    console.print()
    times = [
        (word("departments", name, language()), f"{median:.2f} s", f"{slow:.2f} s")
        for name, median, slow in summary.lead_times
    ]
    table(("department", "median", "slow"), times)
    console.print()
    found = [(code, count, explain(example, language())) for code, count, example in summary.findings]
    table(("finding", "orders", "example"), found)
    console.print()
    data, verdict = summary.as_data(), summary.verdict
    say(
        "demo.summary",
        orders=data["orders"],
        seconds=data["seconds"],
        per_second=data["orders_per_second"],
        lost=data["lost"],
        twice=data["duplicated_effects"],
    )
    show_verdict(verdict)


_LEAD_TIMES = """
with opened as (
    select e.order_id, e.round, s.step, e.at from core.events e
    cross join lateral json_array_elements_text(e.data -> 'opened') as s(step) where e.data -> 'opened' is not null
), finished as (
    select order_id, round, step, at from core.events where kind in ('passed', 'agreed')
), times as (
    select d.department, extract(epoch from f.at - o.at) as seconds
    from opened o join finished f using (order_id, round, step)
    join unnest(%s::text[], %s::text[], %s::text[]) as d(definition, step, department) on d.step = f.step
    join core.orders r on r.id = f.order_id and d.definition = any(string_to_array(r.definition, '+'))
)
select department, percentile_cont(0.5) within group (order by seconds),
    percentile_cont(0.95) within group (order by seconds) from times group by department
"""
_FINDINGS = """
select f ->> 'code', count(distinct e.order_id), min(f::text) from core.events e
cross join lateral json_array_elements(e.data -> 'findings') as f
where e.data -> 'findings' is not null group by 1 order by 2 desc, 1
"""
