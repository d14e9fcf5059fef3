"""What every report is: its documents one by one, and totals that are counted from them and from nothing else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from shared.calendar import BUSINESS_ZONE

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """`documents` and `totals` by column. `measure`: the column of the totals that a chart shows, by its first one."""

    documents: Sequence[Line]
    totals: Sequence[Line]
    measure: str


@dataclass(frozen=True, slots=True)
class Period:
    """Days of business, both included; None: without a bound."""

    since: date | None = None
    until: date | None = None

    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """From this moment on, and before that one."""
        return _beginning(self.since), _beginning(self.until and self.until + timedelta(days=1))

    def holds(self, at: datetime | date) -> bool:
        """Whether a moment or a day is in it."""
        on = at.astimezone(BUSINESS_ZONE).date() if isinstance(at, datetime) else at
        return (self.since is None or on >= self.since) and (self.until is None or on <= self.until)


def _beginning(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), BUSINESS_ZONE) if day else None


def grouped(documents: Sequence[Line], column: str, total: Callable[[str, list[Line]], Line]) -> list[Line]:
    """A line for each value of a column, the value with the most documents first."""
    groups: dict[str, list[Line]] = {}
    for document in documents:
        groups.setdefault(document[column], []).append(document)
    return [total(value, group) for value, group in sorted(groups.items(), key=lambda each: (-len(each[1]), each[0]))]
