"""A draft against the orders that are there: what would have been different, and that nothing is touched by asking."""

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from shared import definitions, policy
from shared.rulebook import read
from shared.settings import settings
from shared.words import explain
from tests.support.company import raw
from tests.support.definitions import definition_text, step
from tests.support.office import Office
from tests.support.orders import NOW
from workers.backtest import replay as replaying
from workers.backtest.replay import Changed, Draft, Progress, replay
from workers.cli import app
from workers.departments import all_departments

STANDARD = (policy.FOLDER / "standard.toml").read_text(encoding="utf-8")
PROCESS = (definitions.FOLDER / "standard.toml").read_text(encoding="utf-8")


def an_order(name: str, quantity: int = 1, discount: str = "0", **changes: Any) -> bytes:
    """So many printers at 100.00 CNY."""
    line = {"product": "P001", "quantity": quantity, "unit_price": "100.00", "discount_percent": discount}
    total = 100 * quantity * (1 - Decimal(discount) / 100)
    return raw(name, lines=[line], total=f"{total:.2f}", **changes)


def varied(text: str, **figures: str) -> str:
    assert all(name in text for name in figures)
    lines = []
    for line in text.splitlines():
        name = line.partition(" ")[0]
        lines.append(f"{name} = {figures[name]}" if name in figures else line)
    return "\n".join(lines)


def replayed(office: Office, draft: Draft, since: date | None = None) -> tuple[dict[str, list[str]], Progress]:
    """By the upstream's id, why each changed order would have fared otherwise; and how far it came."""
    progress = Progress()
    with office.database.transaction() as session:
        book = read(session)
    changed = list(replay(office.database, book, draft, all_departments(), NOW, progress, since))
    ids: dict[str, str] = dict(office.rows("select number, external_id from core.order_headers"))
    return {ids[one.number]: [_told(one, place) for place in range(len(one.changes))] for one in changed}, progress


def _told(one: Changed, place: int) -> str:
    each = one.changes[place]
    return f"{each.code} {each.step} {each.finding.code if each.finding else ''}".strip()


@pytest.fixture
def shop(office: Office) -> Office:
    """Orders below, at and above what the drafts of these tests draw lines at; all have gone as far as they can."""
    office.take(
        an_order("plain"),
        an_order("below", 1_999),
        an_order("at", 2_000),
        an_order("above", 3_000),
        an_order("special", 3_000, special_requirements="gift wrap"),
        an_order("three percent", discount="3"),
        an_order("four percent", discount="4"),
        an_order("six percent", discount="6"),
        an_order("short way", 3_000, definition="express"),
    )
    office.work()
    return office


@pytest.mark.requirement("PRC-01", "APR-07", "FIN-01")
def test_lower_limits_change_exactly_the_orders_between_the_old_and_the_new_ones(shop: Office) -> None:
    """The senior threshold from 500,000.00 to 200,000.00, what supervisors and managers may grant from 5 % to 3 %."""
    text = varied(STANDARD, senior_threshold_minor="20_000_000", sales_supervisor="300", sales_manager="300")
    changed, progress = replayed(shop, policy.parse(text, "draft.toml"))
    assert changed == {
        "at": ["step.added_asking senior"],
        "above": ["step.added_asking senior"],
        "four percent": ["finding.granted_by finance discount.over_limit"],
    }
    assert (progress.replayed, progress.concerned, progress.changed) == (9, 9, 3)


@pytest.mark.requirement("FIN-01")
def test_a_higher_limit_makes_findings_disappear(shop: Office) -> None:
    draft = policy.parse(varied(STANDARD, salesperson="400"), "draft.toml")
    changed, _ = replayed(shop, draft)
    assert changed == {
        "three percent": ["finding.disappears finance discount.over_limit"],
        "four percent": ["finding.disappears finance discount.over_limit"],
    }


@pytest.mark.requirement("APR-07")
def test_other_rates_move_foreign_orders_over_the_threshold(office: Office) -> None:
    """60,000.00 USD are 426,000.00 CNY at 7.1, and 540,000.00 at 9."""
    line = {"product": "P001", "quantity": 600, "unit_price": "100.00"}
    office.take(raw("dollars", lines=[line], total="60000.00", currency="USD", sale_type="domestic"))
    (row,) = office.rows("select total_base_minor from core.order_headers")
    assert row == (42_600_000,)
    changed, _ = replayed(office, policy.parse(varied(STANDARD, USD="9.0000"), "draft.toml"))
    assert "step.added_asking senior" in changed["dollars"]


@pytest.mark.requirement("PRC-01", "PRC-09")
def test_a_draft_of_a_process_is_held_against_the_orders_that_took_it(shop: Office) -> None:
    """A review of compliance by a person where rules decided, without approval by senior management, without prepaid
    release; and the orders of another process are left alone.
    """
    text = PROCESS.replace(
        'activity = "compliance.check"\nmode = "auto"', 'activity = "compliance.check"\nmode = "manual"'
    )
    text = text.replace('when = "total >= senior_threshold or special_requirements"', 'when = "total < 0"')
    assert text.count("manual") == PROCESS.count("manual") + 1
    draft = definitions.parse(text, "draft.toml")
    changed, progress = replayed(shop, draft)
    assert progress.concerned == 8
    assert "short way" not in changed
    assert changed["plain"] == ["step.asks compliance"]
    assert changed["special"] == ["step.left_out senior", "step.asks compliance"]


@pytest.mark.requirement("PRC-01")
def test_a_step_that_is_added_is_decided_by_its_rules(shop: Office) -> None:
    who = 'mode = "auto"\nroles = ["warehouse_keeper"]\ndeadline = "1 working day"\non_disagree = "return"'
    stock = f'id = "stock"\nactivity = "warehouse.confirm"\n{who}'
    draft = definitions.parse(PROCESS.replace('id = "check"', f'{stock}\n\n[[step]]\nid = "check"', 1), "draft.toml")
    shop.take(
        raw(
            "too many", lines=[{"product": "P001", "quantity": 5_000_000, "unit_price": "100.00"}], total="500000000.00"
        )
    )
    changed, _ = replayed(shop, draft)
    assert changed["plain"] == ["step.added stock"]
    assert changed["too many"][:2] == ["step.added_asking stock", "finding.appears stock stock.short"]


@pytest.mark.requirement("PRC-01")
def test_what_goes_on_from_a_draft_and_where_it_ends_counts_too(shop: Office) -> None:
    """The same eight orders, ending after the review."""
    draft = definitions.parse(
        definition_text(
            step("check", activity="sales_review.check", roles=["sales_supervisor", "sales_manager"]),
            name="standard", version=2, sale_types=["domestic"], ends_in="ended",
        ),
        "draft.toml",
    )  # fmt: skip
    changed, _ = replayed(shop, draft)
    assert len(changed) == 8
    assert changed["plain"][-1] == "way.ends"
    assert "step.left_out reserve" in changed["plain"]


def test_orders_are_replayed_page_by_page_from_a_day_on_and_always_with_the_same_answer(
    shop: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = policy.parse(varied(STANDARD, senior_threshold_minor="1"), "draft.toml")
    at_once = replayed(shop, draft)[0]
    monkeypatch.setattr(replaying, "PAGE", 2)
    shop.now += timedelta(days=1)
    shop.take(an_order("tomorrow"))
    paged, progress = replayed(shop, draft)
    assert {name: why for name, why in paged.items() if name != "tomorrow"} == at_once
    assert progress.replayed == 10
    assert list(replayed(shop, draft, since=date(2026, 6, 16))[0]) == ["tomorrow"]


def test_nothing_is_written_and_nobody_is_waited_for(shop: Office) -> None:
    """Somebody holds every order and every account meanwhile."""
    tables = ("core.orders", "core.events", "core.user_tasks", "core.waits", "finance.accounts", "finance.credit_holds")
    state = {table: shop.rows(f"select t::text from {table} t order by 1") for table in tables}
    draft = policy.parse(
        varied(STANDARD, senior_threshold_minor="1", high_risk_exposure_basis_points="1"), "draft.toml"
    )
    with shop.database.transaction() as session:
        session.rows("select 1 from core.orders for update")
        session.rows("select 1 from finance.accounts for update")
        changed, _ = replayed(shop, draft)
    assert changed
    assert {table: shop.rows(f"select t::text from {table} t order by 1") for table in tables} == state


def test_orders_of_versions_that_nobody_knows_are_counted_and_left_out(shop: Office) -> None:
    with shop.database.transaction() as session:
        session.write("update core.orders set definition = 'gone@3' where definition = 'express@1'")
    changed, progress = replayed(shop, policy.parse(varied(STANDARD, senior_threshold_minor="1"), "draft.toml"))
    assert "short way" not in changed
    assert [(said.partition(":")[0], count) for said, count in progress.unknown.items()] == [("gone@3", 1)]


def test_the_command_says_how_many_which_and_why(
    shop: Office, database_url: str, broker_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERFLOW_DATABASE_URL", database_url)
    monkeypatch.setenv("ORDERFLOW_BROKER_URL", broker_url)
    settings.cache_clear()
    file = tmp_path / "draft.toml"
    file.write_text(varied(STANDARD, senior_threshold_minor="20_000_000", sales_supervisor="300"), encoding="utf-8")
    said = CliRunner().invoke(app, ["process", "backtest", str(file), "--json"])
    assert said.exit_code == 0, said.output
    found = json.loads(said.stdout)
    assert (found["replayed"], found["concerned"], found["changed"]) == (9, 9, 3)
    assert found["reasons"][0] == {"code": "step.added_asking", "step": "senior", "orders": 2}
    (discount,) = [each for one in found["orders"] for each in one["changes"] if each["finding"]]
    assert "exceeds the limit" in explain(discount["finding"], "en")
    shown = CliRunner().invoke(app, ["policy", "backtest", str(file), "--lang", "en", "--limit", "1"])
    assert "step senior would be added and ask senior management" in " ".join(shown.stdout.split())
    assert "… and 2 more" in shown.stdout
    file.write_text("name = ", encoding="utf-8")
    assert CliRunner().invoke(app, ["policy", "backtest", str(file)]).exit_code == 1
    settings.cache_clear()
