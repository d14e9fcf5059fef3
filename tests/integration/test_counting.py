"""Stock-taking and blocked goods through the running warehouse and the command line."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.test_supply_commands import booked
from tests.support.definitions import step
from tests.support.fulfilment import breaches_after
from tests.support.journey import hire
from tests.support.office import Office
from tests.support.supply import order, tell
from tests.support.terminal import Run, answered, run, said
from workers.warehouse.count_invariants import ALL

__all__ = ["run"]
KEEPER = ["warehouse_keeper"]
STOCK = "select on_hand, reserved, blocked from warehouse.stock where product = %s and location = %s"


@pytest.fixture
def company(office: Office) -> Office:
    hire(office)
    with office.database.transaction() as session:  # the stock file was loaded by the real clock
        session.write("update warehouse.stock_movements set at = %s", office.now - timedelta(days=1))
    office.follows(
        step("reserve", activity="warehouse.reserve", roles=KEEPER, reaches="reserved"),
        step("prepare", activity="warehouse.prepare", mode="manual", roles=KEEPER, reaches="prepared"),
        ends_in="ended",
    )
    return office


def counted(office: Office, sheet: str, *places: tuple[str, str, int], **more: Any) -> list[str]:
    named = [{"product": product, "location": place, "counted": pieces} for product, place, pieces in places]
    return tell(office, "stock_counted", **({"sheet": sheet, "by": "warehouse_keeper.1", "places": named} | more))


def decided(office: Office, sheet: str, person: str, approve: bool = True) -> list[str]:
    return tell(office, "stock_count_decided", sheet=sheet, by=person, approve=approve)


@pytest.mark.requirement("WHS-06")
def test_a_difference_adjusts_the_stock_only_once_another_person_has_approved_it(company: Office) -> None:
    assert counted(company, "PD-1", ("P001", "MAIN", 999_990), ("P002", "B-7", 3), ("P003", "MAIN", 0)) == []
    assert company.rows(STOCK, "P001", "MAIN") == [(1_000_000, 0, 0)], "nothing moves by counting"
    assert decided(company, "PD-1", "warehouse_keeper.1") == ["count.own"]
    assert decided(company, "PD-1", "salesperson.1") == ["report.not_allowed"]
    assert decided(company, "PD-1", "warehouse_keeper.2") == []
    assert company.rows(STOCK, "P001", "MAIN") == [(999_990, 0, 0)]
    assert company.rows(STOCK, "P002", "B-7") == [(3, 0, 0)]
    moved = "select product, location, quantity, document from warehouse.stock_movements where kind = 'counted'"
    assert company.rows(f"{moved} order by 1") == [("P001", "MAIN", -10, "PD-1"), ("P002", "B-7", 3, "PD-1")]
    assert decided(company, "PD-1", "supply_chain.1") == ["count.closed"], "a second word changes nothing"
    company.assert_clean()


@pytest.mark.requirement("WHS-06")
def test_what_moved_since_the_count_stays_moved(company: Office) -> None:
    counted_at = company.now
    assert tell(company, "goods_received", product="P003", quantity=10) == []
    assert counted(company, "PD-1", ("P003", "MAIN", 8)) == []  # of the ten: two are missing
    company.now += timedelta(minutes=1)
    assert tell(company, "goods_received", product="P003", quantity=5) == []
    late = counted(company, "PD-2", ("P003", "MAIN", 9), occurred_at=(counted_at + timedelta(seconds=30)).isoformat())
    assert late == []
    books = "select number, book from warehouse.stock_count_lines order by 1"
    assert company.rows(books) == [("PD-1", 10), ("PD-2", 10)], "the books as they were at the moment of counting"
    assert decided(company, "PD-1", "warehouse_keeper.2") == []
    assert company.rows(STOCK, "P003", "MAIN") == [(13, 0, 0)], "15 less the two that were missing"
    assert decided(company, "PD-2", "warehouse_keeper.2", approve=False) == []
    assert company.rows(STOCK, "P003", "MAIN") == [(13, 0, 0)]
    company.assert_clean()


@pytest.mark.requirement("WHS-06")
def test_a_count_never_takes_what_is_reserved_and_more_goods_serve_who_waits(company: Office) -> None:
    assert tell(company, "goods_received", product="P003", quantity=4) == []
    number, waiting = order(company, 4), order(company, 3)
    assert counted(company, "PD-1", ("P003", "MAIN", 3)) == []
    assert decided(company, "PD-1", "warehouse_keeper.2") == ["count.too_few_left"]
    assert company.rows(STOCK, "P003", "MAIN") == [(4, 4, 0)]
    assert counted(company, "PD-2", ("P003", "MAIN", 7)) == []
    assert decided(company, "PD-2", "warehouse_keeper.2") == []
    held = (
        "select number, sum(quantity)::int from warehouse.reservations join core.order_headers using (order_id)"
        " group by number order by number"
    )
    assert company.rows(held) == [(number, 4), (waiting, 3)]
    company.assert_clean()


@pytest.mark.requirement("WHS-06")
def test_sheets_are_taken_whole_once_and_by_those_who_may(company: Office) -> None:
    assert counted(company, "PD-1", ("P001", "MAIN", 1), ("NOWHERE", "MAIN", 1)) == ["stock.unknown_product"]
    assert counted(company, "PD-1", ("P001", "MAIN", 1), by="salesperson.1") == ["report.not_allowed"]
    assert company.count("warehouse.stock_counts") == 0
    assert counted(company, "PD-1", ("P001", "MAIN", 1_000_000)) == []
    assert counted(company, "PD-1", ("P001", "MAIN", 5)) == ["count.taken_already"]
    assert company.rows("select closed_at is not null, decided_by from warehouse.stock_counts") == [(True, None)]
    assert decided(company, "PD-1", "warehouse_keeper.2") == ["count.closed"], "nothing differed"
    assert decided(company, "PD-9", "warehouse_keeper.2") == ["count.unknown"]
    company.assert_clean()


@pytest.mark.requirement("WHS-06")
def test_the_database_itself_refuses_the_counter_as_approver_and_the_audit_finds_the_rest(company: Office) -> None:
    assert counted(company, "PD-1", ("P001", "MAIN", 5)) == []
    with pytest.raises(psycopg.errors.CheckViolation), company.database.transaction() as session:
        session.write("update warehouse.stock_counts set decided_by = counted_by, approved = true, closed_at = now()")
    approved = "update warehouse.stock_counts set decided_by = 'x', approved = true, closed_at = now()"
    assert breaches_after(company.database, approved, ALL) == ["warehouse.counted"]
    drop = "alter table warehouse.stock_counts drop constraint ck_stock_counts_not_by_the_counter"
    own = "update warehouse.stock_counts set decided_by = counted_by, approved = false, closed_at = now()"
    assert breaches_after(company.database, f"{drop};{own}", ALL) == ["warehouse.count_approved"]


@pytest.mark.requirement("WHS-10")
def test_blocked_goods_are_released_or_scrapped_by_who_may_and_never_more_than_there_are(company: Office) -> None:
    with company.database.transaction() as session:
        session.write("update warehouse.stock set blocked = 5 where product = 'P002'")
        session.write(
            "insert into warehouse.stock_movements (at, kind, product, location, quantity, blocked)"
            " values (now(), 'blocked', 'P002', 'MAIN', 0, 5)"
        )
    said_of = {"product": "P002", "reason": "复检合格"}

    def decide(decision: str, quantity: int, person: str = "inspector.1") -> list[str]:
        return tell(company, "blocked_goods_decided", decision=decision, quantity=quantity, by=person, **said_of)

    assert decide("released", 6) == ["blocked.too_few"]
    assert decide("released", 1, "warehouse_keeper.1") == ["report.not_allowed"]
    assert decide("released", 2) == []
    assert company.rows(STOCK, "P002", "MAIN") == [(1_000_000, 0, 3)]
    assert decide("scrapped", 3) == []
    assert company.rows(STOCK, "P002", "MAIN") == [(999_997, 0, 0)]
    assert decide("scrapped", 1) == ["blocked.too_few"]
    company.assert_clean()


@pytest.mark.requirement("WHS-06")
def test_counting_on_the_command_line(run: Run, company: Office, tmp_path: Path) -> None:
    company.now = datetime.now(UTC)
    file = tmp_path / "sheet.csv"
    file.write_text("product,location,counted\nP001,MAIN,-1\n", encoding="utf-8")
    taken = run("stock", "count", "PD-1", file, "--as", "warehouse_keeper.1", "--lang", "en")
    assert taken.exit_code == 1
    assert "places.0.counted" in said(taken)
    file.write_text("product,location,counted\nP001,,999998\nP002,MAIN,1000000\n", encoding="utf-8")
    assert run("stock", "count", "PD-1", file, "--as", "warehouse_keeper.1").exit_code == 0
    booked(company)
    found = answered(run("stock", "counts", "--open", "--json"))
    assert [(each["product"], each["difference"], each["status"]) for each in found] == [
        ("P001", -2, "open"),
        ("P002", 0, "open"),
    ]
    assert "待审批" in said(run("stock", "counts", "--lang", "zh"))
    assert run("stock", "approve", "PD-1", "--as", "supply_chain.1").exit_code == 0
    booked(company)
    (row,) = answered(run("stock", "list", "--product", "P001", "--json"))
    assert (row["on_hand"], row["available"]) == (999_998, 999_998)
    (moved,) = answered(run("stock", "movements", "--kind", "counted", "--json"))
    assert (moved["document"], moved["quantity"]) == ("PD-1", -2)
    assert "盘点" in said(run("stock", "movements", "--product", "P001", "--lang", "zh"))
    assert run("stock", "movements", "--kind", "x").exit_code == 2
    assert run("stock", "scrap", "P001", "1", "--as", "inspector.1", "--reason", "破损").exit_code == 0
    booked(company)
    refused = company.rows("select refused from core.facts where refused is not null")
    assert [json.loads(row[0])[0]["code"] for row in refused] == ["blocked.too_few"]
