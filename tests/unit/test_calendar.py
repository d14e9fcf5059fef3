"""Working days by the published calendar with make-up days (调休), and the deadlines reckoned from them."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from shared import calendar
from shared.calendar import (
    Deadline,
    add_months,
    add_working_days,
    begun_before,
    deadline,
    is_published,
    is_working_day,
    parse_deadline,
    public_days,
)


def morning(day: str) -> datetime:
    """Ten o'clock in Shanghai, as UTC."""
    return datetime.fromisoformat(f"{day}T02:00:00+00:00")


def close(day: str) -> datetime:
    """Six in the evening in Shanghai, as UTC."""
    return datetime.fromisoformat(f"{day}T10:00:00+00:00")


@pytest.mark.requirement("APR-13")
@pytest.mark.parametrize(
    ("day", "working"),
    [
        ("2026-09-20", True),  # Sunday, made up for National Day
        ("2026-09-30", True),
        ("2026-10-01", False),  # National Day, to the 7th
        ("2026-10-07", False),
        ("2026-10-08", True),
        ("2026-10-10", True),  # Saturday, made up
        ("2026-10-11", False),
        ("2026-02-14", True),  # Saturday, made up for Spring Festival
        ("2026-02-16", False),
        ("2026-02-23", False),
        ("2026-02-24", True),
        ("2026-02-28", True),  # Saturday, made up
        ("2026-03-07", False),  # a plain Saturday
        ("2011-12-31", True),  # Saturday, made up for a day of the next year
        ("2018-12-29", True),  # Saturday, made up for the 31st
        ("2018-12-31", False),
    ],
)
def test_working_days(day: str, working: bool) -> None:
    assert is_working_day(date.fromisoformat(day)) is working


@pytest.mark.requirement("APR-12", "APR-13")
@pytest.mark.parametrize(
    ("start", "count", "end"),
    [
        ("2026-03-02", 1, "2026-03-03"),
        ("2026-03-06", 1, "2026-03-09"),  # over a weekend
        ("2026-09-30", 1, "2026-10-08"),  # over National Day
        ("2026-10-09", 1, "2026-10-10"),  # onto a make-up Saturday
        ("2026-10-09", 2, "2026-10-12"),
        ("2026-09-18", 1, "2026-09-20"),  # Friday: Saturday is free, Sunday made up
        ("2026-02-13", 1, "2026-02-14"),
        ("2026-02-13", 2, "2026-02-24"),  # over Spring Festival
        ("2026-10-03", 1, "2026-10-08"),  # begun on a holiday
        ("2025-12-31", 1, "2026-01-04"),  # the 1st to 3rd are free, Sunday the 4th made up
    ],
)
def test_the_start_day_does_not_count_and_the_last_day_ends_at_close_of_business(
    start: str, count: int, end: str
) -> None:
    assert add_working_days(morning(start), count) == close(end)


@pytest.mark.requirement("APR-13")
def test_the_day_is_that_of_the_business_time_zone() -> None:
    before, after = datetime(2026, 3, 2, 15, 59, tzinfo=UTC), datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
    assert add_working_days(before, 1) == close("2026-03-03")
    assert add_working_days(after, 1) == close("2026-03-04")  # already the 3rd in Shanghai
    assert add_working_days(after, 1, zone="UTC", close="17:30") == datetime(2026, 3, 3, 17, 30, tzinfo=UTC)


@pytest.mark.requirement("APR-13")
@pytest.mark.parametrize(
    ("start", "allowed", "end"),
    [
        ("2026-03-02", "7 days", "2026-03-09"),
        ("2026-03-02", "1 week", "2026-03-09"),
        ("2026-03-02", "2 weeks", "2026-03-16"),
        ("2026-03-03", "4 days", "2026-03-09"),  # the 7th is a Saturday
        ("2026-09-24", "1 week", "2026-10-08"),  # ends in National Day
        ("2026-10-05", "5 days", "2026-10-10"),  # ends on a make-up Saturday
        ("2026-01-31", "1 month", "2026-02-28"),  # month end, a make-up Saturday
        ("2024-01-31", "1 month", "2024-02-29"),
        ("2026-03-31", "1 month", "2026-04-30"),
        ("2026-03-15", "1 month", "2026-04-15"),
        ("2025-12-31", "2 months", "2026-02-28"),
        ("2026-04-01", "1 month", "2026-05-06"),  # the 1st to 5th of May are free
        ("2026-09-30", "1 working day", "2026-10-08"),
    ],
)
def test_a_last_day_that_is_not_working_moves_to_the_next_one(start: str, allowed: str, end: str) -> None:
    assert deadline(morning(start), parse_deadline(allowed)) == close(end)


@pytest.mark.requirement("APR-13")
def test_a_company_sets_days_itself() -> None:
    thursday, sunday = date(2026, 10, 8), date(2026, 3, 8)
    assert add_working_days(morning("2026-09-30"), 1, {thursday: False}) == close("2026-10-09")
    assert add_working_days(morning("2026-03-06"), 1, {sunday: True}) == close("2026-03-08")
    assert deadline(morning("2026-10-01"), Deadline(1, "week"), {thursday: False}) == close("2026-10-09")


@pytest.mark.requirement("APR-13")
def test_a_year_that_is_not_published_counts_as_plain_weeks() -> None:
    assert is_published(2026)
    assert not is_published(2099)
    assert is_working_day(date(2099, 10, 1))  # a Thursday
    assert not is_working_day(date(2099, 10, 3))
    assert add_working_days(morning("2099-09-30"), 1) == close("2099-10-01")


@pytest.mark.requirement("APR-13")
@given(minute=st.integers(0, 10 * 366 * 24 * 60), count=st.integers(1, 40))
@settings(deadline=None)  # the first one loads the calendar
def test_so_many_working_days_lie_between_start_and_end(minute: int, count: int) -> None:
    start = datetime(2019, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    end = add_working_days(start, count)
    first = (start + timedelta(hours=8)).date()
    last = (end + timedelta(hours=8)).date()
    between = [first + timedelta(days=n) for n in range(1, (last - first).days + 1)]
    assert sum(is_working_day(day) for day in between) == count
    assert is_working_day(last)


@pytest.mark.requirement("APR-13")
@given(day=st.dates(date(1990, 1, 1), date(2090, 1, 1)), count=st.integers(0, 60))
def test_a_month_later_is_the_same_day_number_or_month_end(day: date, count: int) -> None:
    later = add_months(day, count)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == count
    assert later.day == day.day or (later.day < day.day and (later + timedelta(days=1)).day == 1)


@pytest.mark.requirement("APR-13")
def test_what_cannot_be_reckoned_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one working day"):
        add_working_days(morning("2026-03-02"), 0)
    with pytest.raises(ValueError, match="time zone"):
        add_working_days(datetime(2026, 3, 2), 1)  # noqa: DTZ001 — the missing zone is the point
    free = {date(2026, 3, 1) + timedelta(days=n): False for n in range(400)}
    with pytest.raises(ValueError, match="no working day"):
        add_working_days(morning("2026-03-02"), 1, free)


@pytest.mark.requirement("APR-12")
@pytest.mark.parametrize("text", ["1 working day", "2 working days", "7 days", "1 week", "1 month", "12 months"])
def test_a_deadline_is_read_as_it_is_written(text: str) -> None:
    assert parse_deadline(text).text == text


@pytest.mark.requirement("PRC-08")
@pytest.mark.parametrize(
    "text", ["", "soon", "0 days", "-1 day", "1.5 days", "1 year", "1  day", "1 day ", "1000 days", "１ day"]
)
def test_what_is_no_deadline_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a deadline"):
        parse_deadline(text)


def test_holidays_and_locales_are_loaded_only_by_those_who_need_them() -> None:
    loaded = (
        "import sys, shared.definitions, shared.policy, shared.money; print({'holidays', 'babel'} & {*sys.modules})"
    )
    told = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"


@pytest.mark.requirement("APR-13")
@given(
    st.integers(0, 366 * 24 * 60).map(lambda minutes: morning("2026-01-01") + timedelta(minutes=minutes)),
    st.integers(0, 550 * 24 * 60).map(lambda minutes: morning("2025-06-01") + timedelta(minutes=minutes)),
    st.sampled_from(["1 working day", "5 working days", "1 week", "30 days", "1 month"]),
    st.sets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=5),
)
@settings(deadline=None, max_examples=200)
def test_what_began_before_that_moment_is_past_its_deadline_and_nothing_else(
    now: datetime, start: datetime, allowed: str, closed: set[date]
) -> None:
    limit, overrides = parse_deadline(allowed), dict.fromkeys(closed, False)
    assert (deadline(start, limit, overrides) < now) == (start < begun_before(now, limit, overrides))


@pytest.mark.requirement("APR-13")
def test_exactly_at_its_deadline_nothing_is_past_it() -> None:
    monday = morning("2026-06-15")
    week = parse_deadline("1 week")
    assert deadline(monday, week) == close("2026-06-22")
    assert monday >= begun_before(close("2026-06-22"), week)
    assert monday < begun_before(close("2026-06-22") + timedelta(microseconds=1), week)


@pytest.mark.requirement("APR-13")
def test_a_year_that_is_not_published_is_warned_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever follows in the same process; a year that is published is not mentioned."""
    monkeypatch.setattr(calendar, "_warn_where_unpublished", cache(calendar._warn_where_unpublished.__wrapped__))
    with capture_logs() as said:
        deadline(morning("2026-03-02"), Deadline(1, "week"))
        for day in ("2089-12-30", "2090-01-03", "2090-05-01"):
            add_working_days(morning(day), 3)
            deadline(morning(day), Deadline(1, "month"))
    assert [(each["event"], each["year"], each["log_level"]) for each in said] == [
        ("calendar.unpublished", 2089, "warning"),
        ("calendar.unpublished", 2090, "warning"),
    ]


def test_holidays_have_their_names_and_make_up_days_none() -> None:
    days = public_days(2026, "zh_CN")
    assert days[date(2026, 2, 17)] == (False, "春节")
    assert days[date(2026, 2, 14)] == (True, "")
    assert date(2026, 2, 13) not in days
    assert public_days(2090, "zh_CN") == {}
