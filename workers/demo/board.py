"""The live board in the terminal: six departments, and how far the orders have come."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from shared.states import FINAL, State
from shared.words import word

RESTING = frozenset(FINAL | {State.RETURNED})
"""Where an order needs nothing more from anybody here."""


@dataclass(slots=True)
class Board:
    """What was drawn last, to tell the rates from."""

    total: int
    started: float = field(default_factory=monotonic)
    _handled: dict[str, tuple[float, int]] = field(default_factory=dict)
    _rates: dict[str, float] = field(default_factory=dict)

    def at_rest(self, states: Mapping[str, int], answered: int) -> bool:
        """Whether every submission has had its answer and no order needs anything more."""
        return answered >= self.total and all(state in RESTING for state in states)

    def draw(self, departments: Mapping[str, Mapping[str, Any]], states: Mapping[str, int], answered: int) -> Group:
        """The board as of now, from `queries.departments_now`, orders by state, and answers to submissions."""
        now, clock = datetime.now(UTC), monotonic()
        table = Table(
            "部门 department",
            *("waiting 排队", "in work 处理中", "per second 每秒", "oldest 最早"),
            *("people 待人工", "world 待外部", "dead 死信", "workers 进程"),
            box=None,
            header_style="bold",
            pad_edge=False,
        )
        for column in table.columns[1:]:
            column.justify = "right"
        for name, row in departments.items():
            oldest = f"{(now - row['oldest_at']).total_seconds():.1f} s" if row["oldest_at"] else ""
            table.add_row(
                f"{word('departments', name, 'zh')} {name}",
                _count(row["waiting"]),
                _count(row["in_work"]),
                f"{self._rate(name, row['handled'], clock):.0f}" if row["handled"] else "",
                oldest,
                _count(row["people"], "yellow"),
                _count(row["world"], "cyan"),
                _count(row["dead"], "bold red"),
                str(row["workers"]),
            )
        resting = sum(count for state, count in states.items() if state in RESTING)
        refused = max(0, answered - sum(states.values()))
        return Group(
            Text(f"orderflow · {self.total} submissions · {clock - self.started:.0f} s", style="bold"),
            table,
            Text("  ".join(f"{word('states', name, 'zh')} {name} {count}" for name, count in sorted(states.items()))),
            ProgressBar(total=max(self.total, 1), completed=resting + refused, width=80),
            Text(f"{resting + refused} of {self.total} done 已完成"),
        )

    def _rate(self, name: str, handled: int, clock: float) -> float:
        before, count = self._handled.get(name, (clock, handled))
        if handled != count:
            self._rates[name] = (handled - count) / max(clock - before, 0.001)
            self._handled[name] = (clock, handled)
        elif clock - before > 6:
            self._rates[name] = 0.0
        self._handled.setdefault(name, (clock, handled))
        return max(0.0, self._rates.get(name, 0.0))


def _count(value: int, style: str = "") -> Text:
    return Text(str(value) if value else "·", style=style if value else "dim")
