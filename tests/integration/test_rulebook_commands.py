"""`process`, `policy` and `calendar` as people run them, over a real PostgreSQL and real worker processes."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from shared.calendar import BUSINESS_ZONE, is_published
from shared.database import Database
from shared.rulebook import LiveRulebook
from shared.settings import settings
from shared.transport import connect, publish
from tests.support.company import raw
from tests.support.definitions import definition_text, step
from tests.support.office import Office
from tests.support.running import started
from tests.support.waiting import until
from workers.cli import app
from workers.masterdata import load_folder

TODAY = datetime.now(BUSINESS_ZONE).date()
SHORT = {"name": "short", "title": {"zh": "短流程", "en": "Short"}, "sale_types": []}
CHECK = step("check", activity="sales_review.check", roles=["sales_manager"])
BELOW_THE_LIST = {"product": "P003", "quantity": 1, "unit_price": "5.00"}
"""Half of the list price, which a person must grant."""
Run = Callable[..., Result]
Write = Callable[[str], Path]


@pytest.fixture
def run(database_url: str, broker_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """The command line of a system whose workers are not running."""
    monkeypatch.setenv("ORDERFLOW_DATABASE_URL", database_url)
    monkeypatch.setenv("ORDERFLOW_BROKER_URL", broker_url)
    monkeypatch.chdir(tmp_path)
    settings.cache_clear()
    yield lambda *arguments: CliRunner().invoke(app, [str(each) for each in arguments])
    settings.cache_clear()


@pytest.fixture
def staff(database: Database, tmp_path: Path) -> None:
    """Ada administers, Fiona does not."""
    folder = tmp_path / "staff"
    folder.mkdir()
    (folder / "staff.csv").write_text(
        "id,name,roles,active\nada,Ada,administrator,true\nfiona,Fiona,finance_clerk,true\nold,Old,administrator,false\n",
        encoding="utf-8",
    )
    assert load_folder(database, folder)[1] == []


@pytest.fixture
def draft(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "draft.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def read(result: Result) -> Any:
    return json.loads(result.stdout)


def audited(database: Database) -> list[tuple[str, str, str]]:
    with database.transaction() as session:
        return session.rows("select actor, action, subject from core.audit_log order by id")


# -- processes and policies --------------------------------------------------------------------------------------------


@pytest.mark.requirement("PRC-08")
def test_check_prints_every_fault_with_its_place(run: Run, draft: Write) -> None:
    file = draft(definition_text(step("a", mode="robot", deadline="soon"), step("a", on_disagree="gone"), **SHORT))
    refused = run("process", "check", file)
    assert refused.exit_code == 1
    told = " ".join(refused.stderr.split())
    faults = read(run("process", "check", file, "--json"))["faults"]
    assert [fault.partition(" is")[0] for fault in faults] == [
        "draft.toml: step 'a': 'mode'",
        "draft.toml: step 'a': 'deadline': 'soon'",
        "draft.toml: step 'a': its id",
        "draft.toml: step 'a': 'on_disagree'",
    ]
    assert all(fault in told for fault in faults)
    fine = run("process", "check", draft(definition_text(CHECK, **SHORT)))
    assert fine.exit_code == 0
    assert fine.stdout.startswith("short@1 has no fault")


@pytest.mark.requirement("PRC-01", "PRC-08", "AUD-01")
def test_only_an_active_administrator_publishes_and_every_attempt_is_recorded(
    run: Run, draft: Write, staff: None, database: Database
) -> None:
    file = draft(definition_text(CHECK, **SHORT))
    for person in ("fiona", "old", "nobody"):
        assert run("process", "publish", file, "--as", person).exit_code == 1
    assert "does not hold the role administrator" in run("process", "publish", file, "--as", "fiona").stderr
    assert read(run("process", "publish", draft(definition_text(**SHORT)), "--as", "ada", "--json")) == {
        "key": None,
        "faults": ["draft.toml: there is no step"],
    }
    assert run("process", "publish", draft(definition_text(CHECK, **SHORT)), "--as", "ada").exit_code == 0
    assert audited(database) == [
        *((person, "process.publish", "draft.toml") for person in ("fiona", "old", "nobody", "fiona", "ada")),
        ("ada", "process.published", "short@1"),
    ]


@pytest.mark.requirement("PRC-01")
def test_what_was_published_is_listed_shown_and_drawn_beside_what_is_shipped(
    run: Run, draft: Write, staff: None, tmp_path: Path
) -> None:
    text = definition_text(CHECK, **SHORT)
    run("process", "publish", draft(text), "--as", "ada")
    run(
        "process",
        "publish",
        draft(definition_text(CHECK, **SHORT, version=2, effective_from=str(TODAY))),
        "--as",
        "ada",
    )
    listed = {each["key"]: each["published_by"] for each in read(run("process", "list", "--json"))}
    assert listed["standard@1"] is None
    assert (listed["short@1"], listed["short@2"]) == ("ada", "ada")
    assert read(run("process", "show", "short", "--json"))["version"] == 2
    assert run("process", "show", "short@1", "--toml").stdout == text
    assert "first check" in run("process", "show", "standard", "--lang", "en").stdout
    assert run("process", "draw", "short").stdout.startswith("<svg ")
    assert run("process", "draw", "short", "--output", "short.svg").exit_code == 0
    assert (tmp_path / "short.svg").read_text(encoding="utf-8").startswith("<svg ")
    assert "flowchart TD" in run("process", "draw", "standard", "--format", "mermaid").stdout
    unknown = run("process", "show", "gone")
    assert unknown.exit_code == 1
    assert "There is no process gone; there are d" in unknown.stderr


@pytest.mark.requirement("PRC-01")
def test_a_policy_is_checked_published_and_shown(run: Run, draft: Write, staff: None) -> None:
    shipped = run("policy", "show", "standard", "--toml").stdout
    assert run("policy", "check", draft(shipped)).exit_code == 1
    file = draft(
        shipped.replace("version = 1", "version = 2", 1)
        .replace("effective_from = 2020-01-01", f"effective_from = {TODAY}")
        .replace("senior_threshold_minor = 50_000_000", "senior_threshold_minor = 123")
    )
    assert run("policy", "check", file).exit_code == 0
    assert run("policy", "publish", file, "--as", "ada").exit_code == 0
    assert read(run("policy", "show", "standard", "--json"))["senior_threshold_minor"] == 123
    assert read(run("policy", "show", "standard@1", "--json"))["senior_threshold_minor"] == 50_000_000
    assert [each["key"] for each in read(run("policy", "list", "--json"))] == ["standard@1", "standard@2"]


@pytest.mark.requirement("PRC-01", "PRC-08")
def test_running_processes_take_a_new_version_without_a_restart(
    office: Office, run: Run, draft: Write, staff: None, database_url: str, broker_url: str, tmp_path: Path
) -> None:
    """The workers have read the rulebook before the process that the order names is published."""
    where = {"database_url": database_url, "broker_url": broker_url}
    with started("workers.department", "sales_review", **where), started("workers.intake.main", **where):
        file = tmp_path / "first.json"
        file.write_bytes(raw("before", requested_date=str(TODAY + timedelta(days=9))))
        assert run("submit", file).exit_code == 0
        until(lambda: office.count("core.events", "kind = 'passed' and step = 'check'") == 1)
        assert run("process", "publish", draft(definition_text(CHECK, **SHORT)), "--as", "ada").exit_code == 0

        def taken() -> bool:  # at most a second after it was published
            body = raw(
                f"after {len(office.states())}", requested_date=str(TODAY + timedelta(days=9)), definition="short"
            )
            with connect(broker_url) as upstream:
                publish(upstream, "orders.submitted", [body])
            return "archived" in office.states().values()

        until(taken, seconds=30)
    pinned: dict[str, str] = dict(office.rows("select definition, min(state) from core.orders group by definition"))
    assert pinned["short@1"] == "archived"
    assert pinned["standard@1"] == "in_review"
    assert office.count("core.dead_letters") == 0


def test_without_a_running_system_what_is_shipped_can_be_looked_at(
    draft: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERFLOW_HOME", str(tmp_path / "nothing here"))
    monkeypatch.delenv("ORDERFLOW_DATABASE_URL", raising=False)
    settings.cache_clear()
    listed = CliRunner().invoke(app, ["process", "list", "--json"])
    assert {each["key"] for each in read(listed)} >= {"standard@1", "express@1"}
    assert "No system is running" in listed.stderr
    assert CliRunner().invoke(app, ["process", "draw", "express"]).stdout.startswith("<svg ")
    assert CliRunner().invoke(app, ["process", "check", str(draft(definition_text(CHECK, **SHORT)))]).exit_code == 0
    assert CliRunner().invoke(app, ["process", "publish", str(tmp_path / "draft.toml"), "--as", "ada"]).exit_code == 3
    settings.cache_clear()


# -- the calendar ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("APR-13")
def test_the_calendar_lists_holidays_make_up_days_and_the_company_s_own(run: Run, staff: None) -> None:
    assert run("calendar", "set", "2026-03-02", "free", "--as", "ada", "--name", "Founding day").exit_code == 0
    said = read(run("calendar", "2026", "--json"))
    days = {each["day"]: (each["working"], each["set_by"]) for each in said["days"]}
    assert said["published"]
    assert days["2026-02-17"] == (False, "public")
    assert days["2026-02-14"] == (True, "public")  # a Saturday that makes up for the holiday (调休)
    assert days["2026-03-02"] == (False, "company")
    assert said["working_days"] == 247
    shown = run("calendar", "2026", "--lang", "zh").stdout
    assert "春节" in shown
    assert "Founding day" in shown
    assert "尚未公布" not in shown


@pytest.mark.requirement("APR-13")
def test_a_year_that_is_not_published_is_said_to_count_as_plain_weeks(run: Run) -> None:
    year = 2090
    assert not is_published(year)
    said = read(run("calendar", year, "--json"))
    assert (said["published"], said["days"], said["working_days"]) == (False, [], 260)
    assert "The public holidays of 2090 are not published yet" in run("calendar", year).stderr
    assert run("calendar").exit_code == 0


@pytest.mark.requirement("APR-13", "AUD-01")
def test_days_are_set_by_administrators_only_and_recorded(run: Run, staff: None, database: Database) -> None:
    assert run("calendar", "set", "2026-03-02", "free", "--as", "fiona").exit_code == 1
    assert run("calendar", "set", "2026-02-30", "free", "--as", "ada").exit_code == 2
    assert run("calendar", "set", "2026-03-02", "sleepy", "--as", "ada").exit_code == 2
    assert run("calendar", "set", "2026-03-02", "free", "--as", "ada").exit_code == 0
    assert run("calendar", "set", "2026-03-02", "working", "--as", "ada").exit_code == 0
    assert audited(database) == [
        ("fiona", "calendar.set", "2026-03-02"),
        ("ada", "calendar.set", "2026-03-02"),
        ("ada", "calendar.set", "2026-03-02"),
    ]


@pytest.mark.requirement("APR-13")
def test_deadlines_go_by_the_company_s_days_as_soon_as_they_are_loaded(office: Office, tmp_path: Path) -> None:
    """2026-06-15 is a Monday: a review due in one working day is due on Tuesday, unless the company is closed."""
    live = LiveRulebook(office.database, iter(range(0, 10_000, 2)).__next__)  # two seconds pass between any two looks
    live.current()
    office.take(raw("tuesday", lines=[BELOW_THE_LIST], total="5.00"))
    office.overrides = live.overrides
    office.work()
    folder = tmp_path / "calendar"
    folder.mkdir()
    (folder / "calendar.csv").write_text(
        "day,working,name\n2026-06-16,false,Closed\n2026-06-17,no,Closed\n", encoding="utf-8"
    )
    assert load_folder(office.database, folder) == ({"calendar": 2}, [])
    office.take(raw("thursday", lines=[BELOW_THE_LIST], total="5.00"))
    office.work()
    due = office.rows(
        "select h.external_id, t.due_at from core.user_tasks t join core.order_headers h using (order_id) order by 2"
    )
    assert due == [
        ("tuesday", datetime(2026, 6, 16, 10, tzinfo=UTC)),
        ("thursday", datetime(2026, 6, 18, 10, tzinfo=UTC)),
    ]


@pytest.mark.requirement("APR-13")
def test_a_day_that_stands_twice_in_the_file_is_refused_whole(database: Database, tmp_path: Path) -> None:
    (tmp_path / "calendar.csv").write_text("day,working\n2026-06-16,false\n2026-06-16,true\n", encoding="utf-8")
    saved, faults = load_folder(database, tmp_path)
    assert saved == {}
    assert [(fault.file, fault.reason) for fault in faults] == [("calendar.csv", "there twice: 2026-06-16")]
    with database.transaction() as session:
        assert session.rows("select day from core.calendar_days") == []
