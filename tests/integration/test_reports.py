"""Reports over real histories: every total is the sum of the documents that it counts."""

import csv
import io
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import openpyxl
import pytest

from shared.calendar import BUSINESS_ZONE
from tests.integration.test_comments import LIMIT, MOMENT, NANHAI, a_note, asked, commented, waiting
from tests.support.company import raw
from tests.support.journey import Journey, hire
from tests.support.office import Office
from tests.support.terminal import Run, answered, said
from workers.reports import findings, overdue, service
from workers.reports.report import Period, Report

ALL = Period()


def read_overdue(office: Office, period: Period = ALL) -> Report:
    with office.database.transaction() as session:
        return overdue.read(session, office.rules, period, office.now)


@pytest.mark.requirement("RPT-02")
def test_what_is_late_is_counted_by_kind_with_and_without_comment(office: Office) -> None:
    number = waiting(office)
    (reviewed,) = office.take(raw("B", creator="sam", customer=NANHAI))
    a_note(office)
    asked(office, LIMIT + MOMENT)
    assert commented(office, number, "九月到货") is None
    found = read_overdue(office)
    kinds = Counter(each["kind"] for each in found.documents)
    assert kinds["order_late"] == 2
    assert kinds["note_late"] == 1
    assert kinds["review"] == len(office.rows("select from core.user_tasks where status = 'open'"))
    assert kinds["near_purge"] == 2  # the order and the note that nobody reviewed
    assert {each["kind"]: each["count"] for each in found.totals} == kinds
    for total in found.totals:
        documents = [each for each in found.documents if each["kind"] == total["kind"]]
        assert total["commented"] == len([each for each in documents if each["comment"]])
        assert total["commented"] + total["uncommented"] == total["count"]
    assert [(each["order"], each["comment"], each["by"]) for each in found.documents if each["comment"]] == [
        (number, "九月到货", "sam")
    ]
    assert {each["order"] for each in found.documents if each["kind"] == "review"} >= {reviewed.number}


@pytest.mark.requirement("RPT-02")
def test_a_period_leaves_out_what_was_due_on_other_days(office: Office) -> None:
    number = waiting(office)
    asked(office, LIMIT + MOMENT)
    due = date(2026, 7, 15)
    for since, until, count in ((due, due, 1), (due + timedelta(days=1), None, 0), (None, due - timedelta(days=1), 0)):
        late = [each for each in read_overdue(office, Period(since, until)).documents if each["order"] == number]
        assert len(late) == count


@pytest.mark.requirement("RPT-02")
def test_service_counts_every_visit_that_ended_once(office: Office) -> None:
    hire(office)
    for external_id in ("A", "B"):
        Journey.begin(office, "standard", external_id=external_id).go_on()
    late = Journey.begin(office, "standard", external_id="C", customer=NANHAI)
    late.go_to_a_person()
    opened = office.now
    office.now += timedelta(days=7)
    late.decide("agree")
    late.go_on()
    with office.database.transaction() as session:
        found = service.read(session, office.rules, ALL, office.now)
    ended = office.rows(
        "select count(*) from core.events where kind in ('passed', 'agreed', 'opinion', 'disagreed', 'returned')"
        " and step is not null and step not like 'undo:%%'"
    )
    assert len(found.documents) == ended[0][0]
    assert len({(each["order"], each["round"], each["step"]) for each in found.documents}) == len(found.documents)
    assert {each["department"]: each["count"] for each in found.totals} == Counter(
        each["department"] for each in found.documents
    )
    assert {each["department"] for each in found.totals} == {
        "sales_review", "finance", "compliance", "warehouse", "logistics", "after_sales",
    }  # fmt: skip
    (slow,) = [each for each in found.documents if not each["in_time"]]
    assert (slow["order"], slow["department"], slow["opened"], slow["ended"]) == (
        late.number, "finance", opened, office.now,
    )  # fmt: skip
    (finance,) = [each for each in found.totals if each["department"] == "finance"]
    assert (finance["too_late"], finance["in_time"] + finance["too_late"]) == (1, finance["count"])
    assert finance["in_time_basis_points"] == 10_000 * finance["in_time"] // finance["count"]
    with office.database.transaction() as session:
        week_before = Period(until=opened.astimezone(BUSINESS_ZONE).date())
        assert len(service.read(session, office.rules, week_before, office.now).documents) < len(found.documents)


@pytest.mark.requirement("RPT-02")
def test_findings_are_counted_by_rule_on_how_many_orders(office: Office) -> None:
    hire(office)
    for external_id in ("A", "B"):
        office.take(raw(external_id, creator="sam", customer=NANHAI))
    office.work()
    with office.database.transaction() as session:
        found = findings.read(session, office.rules, ALL, office.now)
    told = office.rows(
        "select f ->> 'code', count(*), count(distinct order_id) from core.events,"
        " json_array_elements(data -> 'findings') as f where json_typeof(data -> 'findings') = 'array' group by 1"
    )
    assert told
    assert {(each["finding"], each["count"], each["orders"]) for each in found.totals} == {*told}
    assert sum(each["count"] for each in found.totals) == len(found.documents)
    assert "credit.over_limit" in {each["finding"] for each in found.totals}
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    with office.database.transaction() as session:
        assert findings.read(session, office.rules, Period(since=tomorrow), office.now).documents == []


def test_reports_are_read_exported_and_drawn(office: Office, run: Run, tmp_path: Path) -> None:
    hire(office)
    number = Journey.begin(office, "standard", customer=NANHAI).number
    office.work()
    sheet, chart, workbook = tmp_path / "f.csv", tmp_path / "f.svg", tmp_path / "f.xlsx"
    done = run("report", "findings", "--out", sheet, "--svg", chart, "--documents", "--lang", "zh")
    assert (done.exit_code, number in said(done), "规则" in said(done)) == (0, True, True)
    rows = list(csv.reader(io.StringIO(sheet.read_text(encoding="utf-8-sig"))))
    assert [row[:2] for row in rows] == [["规则", "订单"], ["credit.over_limit", number]]
    assert "credit.over_limit" in chart.read_text(encoding="utf-8")
    ET.parse(chart)
    assert run("report", "service", "--out", workbook).exit_code == 0
    book = openpyxl.load_workbook(workbook)
    assert book.sheetnames == ["Service level of the department"]  # as long as the name of a sheet may be
    assert book.worksheets[0].max_row > 1
    found = answered(run("report", "findings", "--json", "--documents", "--from", "2026-01-01", "--to", "2026-12-31"))
    assert found["totals"] == [{"finding": "credit.over_limit", "count": 1, "orders": 1}]
    assert len(found["documents"]) == 1
    assert json.loads(run("report", "overdue", "--json").stdout).keys() == {"totals"}
    assert run("report", "overdue", "--out", tmp_path / "x.pdf").exit_code == 2
    assert run("report", "service", "--from", "2030-01-01").exit_code == 0
