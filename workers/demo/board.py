"""The live board in the terminal: six departments, and how far the orders have come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from rich.cells import cell_len
from rich.console import Group
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from shared.states import FINAL, State
from shared.words import Language, sentence, word

RESTING = frozenset(FINAL | {State.RETURNED})
"""Where an order needs nothing more from anybody here."""
COLUMNS = ("department", "waiting", "in_work", "per_second", "oldest", "people", "world", "dead", "workers")
LESS_IMPORTANT = ("workers", "oldest", "per_second", "in_work", "world")
"""Columns that are left out of a narrow terminal, the first of these first."""
_GAP = 2  # between columns
_BAR = 80  # longest bar


@dataclass(slots=True)
class Board:
    """What was drawn last, to tell the rates from."""

    total: int
    language: Language
    started: float = field(default_factory=monotonic)
    _handled: dict[str, tuple[float, int]] = field(default_factory=dict)
    _rates: dict[str, float] = field(default_factory=dict)

    def at_rest(self, states: Mapping[str, int], answered: int) -> bool:
        """Whether every submission has had its answer and no order needs anything more."""
        return answered >= self.total and all(state in RESTING for state in states)

    def draw(
        self, departments: Mapping[str, Mapping[str, Any]], states: Mapping[str, int], answered: int, width: int
    ) -> Group:
        """The board as of now, at most `width` cells wide, from `queries.departments_now`, orders by state, and answers
        to submissions.
        """
        now, clock = datetime.now(UTC), monotonic()
        rows = [self._row(name, row, now, clock) for name, row in departments.items()]
        done = sum(count for state, count in states.items() if state in RESTING)
        done += max(0, answered - sum(states.values()))  # what was refused
        counts = [f"{word('states', name, self.language)} {count}" for name, count in sorted(states.items())]
        title = self._told("demo.title", total=self.total, seconds=f"{clock - self.started:.0f}")
        return Group(
            Text(title, style="bold"),
            _fitted({column: word("headings", column, self.language) for column in COLUMNS}, rows, width),
            Text("  ".join(counts)),
            Padding(
                ProgressBar(total=max(self.total, 1), completed=done, width=min(_BAR, width)), 0
            ),  # a line of its own
            Text(self._told("demo.done", done=done, total=self.total)),
        )

    def _row(self, name: str, row: Mapping[str, Any], now: datetime, clock: float) -> dict[str, Text]:
        oldest = f"{(now - row['oldest_at']).total_seconds():.1f} s" if row["oldest_at"] else ""
        return {
            "department": Text(word("departments", name, self.language)),
            "waiting": _count(row["waiting"]),
            "in_work": _count(row["in_work"]),
            "per_second": Text(f"{self._rate(name, row['handled'], clock):.0f}" if row["handled"] else ""),
            "oldest": Text(oldest),
            "people": _count(row["people"], "yellow"),
            "world": _count(row["world"], "cyan"),
            "dead": _count(row["dead"], "bold red"),
            "workers": Text(str(row["workers"])),
        }

    def _told(self, code: str, **values: object) -> str:
        return sentence("said", code, values, self.language)

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


def _fitted(headings: Mapping[str, str], rows: Sequence[Mapping[str, Text]], width: int) -> Table:
    """The table with as many of its columns as fit."""
    needed = {
        column: max([cell_len(heading), *(row[column].cell_len for row in rows)])
        for column, heading in headings.items()
    }
    left_out: set[str] = set()
    for column in LESS_IMPORTANT:
        if sum(cells + _GAP for name, cells in needed.items() if name not in left_out) - _GAP <= width:
            break
        left_out.add(column)
    shown = [column for column in headings if column not in left_out]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in shown:
        table.add_column(headings[column], justify="left" if column == "department" else "right", no_wrap=True)
    for row in rows:
        table.add_row(*[row[column] for column in shown])
    return table
