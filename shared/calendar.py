"""Working days and deadlines (APR-12, APR-13; 工作日, 调休). Moments are UTC; days are of the business time zone."""

import calendar as months
import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, Literal
from zoneinfo import ZoneInfo

Unit = Literal["working_day", "day", "week", "month"]
Overrides = Mapping[date, bool]
"""Days whose nature a company sets itself: True is working, False is free. They win over the public calendar."""

NO_OVERRIDES: Overrides = MappingProxyType({})
BUSINESS_ZONE = ZoneInfo("Asia/Shanghai")
"""Whose days are the business days, and whose clocks people read."""
_DAY = timedelta(days=1)
_LONGEST_DAYS: Mapping[Unit, int] = {"working_day": 4, "day": 1, "week": 7, "month": 31}
_LONGEST_BREAK_DAYS = 366
_TEXT = re.compile(r"([1-9][0-9]{0,2}) (working day|day|week|month)s?")


@dataclass(frozen=True, slots=True)
class Deadline:
    """How long something may take, such as one working day (一个工作日)."""

    count: int
    unit: Unit

    @property
    def text(self) -> str:
        """As it is written in a definition."""
        return f"{self.count} {self.unit.replace('_', ' ')}{'' if self.count == 1 else 's'}"


_UNITS: Mapping[str, Unit] = {"working day": "working_day", "day": "day", "week": "week", "month": "month"}


def parse_deadline(text: str) -> Deadline:
    """Reads "1 working day", "7 days", "2 weeks", "1 month". Raises ValueError with what is expected."""
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is not a deadline such as '1 working day', '7 days', '1 week' or '1 month'")
    return Deadline(int(found[1]), _UNITS[found[2]])


def is_published(year: int) -> bool:
    """Whether the State Council's holidays and make-up days of that year are known. Others count as plain weeks."""
    return year in _published_years()


@lru_cache(maxsize=1)
def _published_years() -> frozenset[int]:
    return frozenset(_public([]).special_public_holidays)


@lru_cache(maxsize=64)
def _exceptions(year: int) -> Mapping[date, bool]:
    """The days of a year that differ from Monday to Friday: holidays are False, make-up days (调休) True."""
    if not is_published(year):
        return NO_OVERRIDES
    # The next year's arrangement may turn a day at the end of this one into a working day.
    public = _public([year, year + 1] if is_published(year + 1) else [year])
    days = dict.fromkeys(public, False)
    days.update(dict.fromkeys(public.weekend_workdays, True))
    return MappingProxyType({day: working for day, working in days.items() if day.year == year})


def _public(years: list[int], locale: str = "en_US") -> Any:
    from holidays import country_holidays  # takes a quarter of a second: only what reckons with days pays for it

    return country_holidays("CN", years=years, expand=False, language=locale)


def public_days(year: int, locale: str) -> Mapping[date, tuple[bool, str]]:
    """Holidays and make-up days of a year: whether they are working, and their names, empty for make-up days. Nothing
    where the year is not published.
    """
    days = _exceptions(year)
    names = _public([year, year + 1] if is_published(year + 1) else [year], locale) if days else {}
    return {day: (working, names.get(day) or "") for day, working in sorted(days.items())}


def is_working_day(day: date, overrides: Overrides = NO_OVERRIDES) -> bool:
    """Monday to Friday, minus holidays, plus make-up days, unless the company has set the day itself."""
    if day in overrides:
        return overrides[day]
    return _exceptions(day.year).get(day, day.weekday() < 5)


def add_working_days(
    start: datetime,
    count: int,
    overrides: Overrides = NO_OVERRIDES,
    zone: str = "Asia/Shanghai",
    close: str = "18:00",
) -> datetime:
    """Close of business (UTC) on the last of `count` working days; the start day does not count (APR-13)."""
    if count < 1:
        raise ValueError(f"a deadline takes at least one working day, not {count}")
    day = _business_day(start, zone)
    for _ in range(count):
        day = working_day_from(day + _DAY, overrides)
    return _close_of(day, zone, close)


def deadline(
    start: datetime,
    allowed: Deadline,
    overrides: Overrides = NO_OVERRIDES,
    zone: str = "Asia/Shanghai",
    close: str = "18:00",
) -> datetime:
    """When a deadline that began at `start` (UTC) ends (UTC): close of business on its last day.

    A week is seven days, a month ends on the same day number or at month end, and a last day that is not working
    moves to the next working day (APR-13; 一个星期, 一个月).
    """
    if allowed.unit == "working_day":
        return add_working_days(start, allowed.count, overrides, zone, close)
    day = _business_day(start, zone)
    if allowed.unit == "month":
        last = add_months(day, allowed.count)
    else:
        last = day + _DAY * allowed.count * (7 if allowed.unit == "week" else 1)
    return _close_of(working_day_from(last, overrides), zone, close)


def begun_before(
    now: datetime,
    allowed: Deadline,
    overrides: Overrides = NO_OVERRIDES,
    zone: str = "Asia/Shanghai",
    close: str = "18:00",
) -> datetime:
    """The moment (UTC) before which everything must have begun whose deadline is past at `now`, and nothing else."""
    today = _business_day(now, zone)

    def is_past(days_ago: int) -> bool:
        noon = datetime.combine(today - _DAY * days_ago, time(12), ZoneInfo(zone))
        return deadline(noon, allowed, overrides, zone, close) < now

    longest = allowed.count * _LONGEST_DAYS[allowed.unit] + _LONGEST_BREAK_DAYS
    first = bisect_left(range(longest), True, key=is_past)
    return datetime.combine(today - _DAY * (first - 1), time(), ZoneInfo(zone)).astimezone(UTC)


def add_months(day: date, count: int) -> date:
    """The same day number `count` months later, or the end of that month where it is shorter."""
    year, month0 = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month0 + 1, min(day.day, months.monthrange(year, month0 + 1)[1]))


def _business_day(moment: datetime, zone: str) -> date:
    if moment.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    return moment.astimezone(ZoneInfo(zone)).date()


def working_day_from(day: date, overrides: Overrides) -> date:
    """The day itself or the next one that is working. Warns once of each year of which too little is known."""
    for _ in range(_LONGEST_BREAK_DAYS):
        _warn_where_unpublished(day.year)
        if is_working_day(day, overrides):
            return day
        day += _DAY
    raise ValueError(f"no working day in the year before {day}")


@cache
def _warn_where_unpublished(year: int) -> None:
    if not is_published(year):
        import structlog  # what never reckons in such a year does without

        structlog.get_logger().warning(
            "calendar.unpublished", year=year, counted_as="Monday to Friday, and the company's own days"
        )


def _close_of(day: date, zone: str, close: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(close), ZoneInfo(zone)).astimezone(UTC)
