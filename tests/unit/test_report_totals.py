"""Reports: their periods, their totals, what counts as in time, and their charts."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calendar import deadline
from shared.charts import bar_chart
from shared.definitions import parse
from shared.processes import Step
from tests.support.definitions import definition_text, step
from workers.reports.report import Period, grouped
from workers.reports.service import in_time

NOW = MONDAY = datetime(2026, 6, 15, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize("bars", [[], [("甲<script>", 0, "0")], [("a", 3, "3"), ("b" * 90, 1.5, "50.0 %")]])
def test_a_chart_is_well_formed_and_shows_every_bar(bars: list[tuple[str, float, str]]) -> None:
    drawn = bar_chart("规则 & <b>", bars)
    root = ET.fromstring(drawn)
    assert "<script>" not in drawn
    assert len(root.findall("{http://www.w3.org/2000/svg}rect")) == len(bars) + 1
    widths = [float(each.attrib["width"]) for each in root.findall("{http://www.w3.org/2000/svg}rect")[1:]]
    assert all(width >= 0 for width in widths)
    if len(bars) > 1:
        assert widths[1] == pytest.approx(widths[0] / 2)


def test_days_of_a_period_are_those_of_business_and_both_count() -> None:
    period = Period(date(2026, 6, 15), date(2026, 6, 15))
    begins, ends = period.bounds()
    assert begins is not None
    assert ends is not None
    assert (begins, ends - begins) == (datetime(2026, 6, 14, 16, 0, tzinfo=UTC), timedelta(days=1))
    assert [period.holds(at) for at in (begins - timedelta(seconds=1), begins, ends - timedelta(seconds=1), ends)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert Period().bounds() == (None, None)
    assert Period().holds(date(1999, 1, 1))


@given(kinds=st.lists(st.sampled_from("abc"), max_size=30))
def test_totals_are_the_sum_of_the_documents(kinds: list[str]) -> None:
    documents: list[dict[str, Any]] = [{"kind": kind} for kind in kinds]
    totals = grouped(documents, "kind", lambda kind, group: {"kind": kind, "count": len(group)})
    assert sum(each["count"] for each in totals) == len(documents)
    assert [each["kind"] for each in totals] == sorted({*kinds}, key=lambda kind: (-kinds.count(kind), kind))


def a_step(deadline: str) -> Step:
    (found,) = parse(definition_text(step("one", deadline=deadline)), "sample").steps
    return found


@pytest.mark.requirement("RPT-02")
@pytest.mark.parametrize("opened", [MONDAY, MONDAY + timedelta(hours=7, minutes=59), MONDAY - timedelta(days=3)])
def test_a_visit_is_in_time_until_business_ends_on_its_last_day_and_no_longer(opened: datetime) -> None:
    """From Monday or from the Friday before, until 18:00 of the next working day."""
    next_day = opened + timedelta(days=3 if opened.weekday() == 4 else 1)
    closes = next_day.replace(hour=10, minute=0)
    assert in_time(opened, opened, a_step("1 working day"), {})
    assert in_time(opened, closes, a_step("1 working day"), {})
    assert not in_time(opened, closes + timedelta(microseconds=1), a_step("1 working day"), {})


@given(opened=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1)), hours=st.integers(0, 12))  # noqa: DTZ001
def test_no_deadline_is_shorter_than_what_always_counts_as_in_time(opened: datetime, hours: int) -> None:
    begun = opened.replace(tzinfo=UTC)
    for text in ("1 day", "1 working day"):
        assert begun + timedelta(hours=hours) <= deadline(begun, a_step(text).deadline, {})
