"""Cases of after-sales through running departments: opened, worked on, closed; returned goods; the archive waits."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from messages.batch import Batch, BatchKind, Department
from messages.facts.after_sales import CaseOpened
from shared.department import ReportedFact
from shared.ids import new_id
from tests.support.definitions import step
from tests.support.fulfilment import breaches_after
from tests.support.journey import hire
from tests.support.office import Office
from tests.support.orders import NOW
from tests.support.supply import order, tell
from tests.support.terminal import Run, answered, run, said
from workers.after_sales.cases import CASES_HOLD, book_opened
from workers.reports.after_sales import read
from workers.reports.report import Period

__all__ = ["run"]

DAY = timedelta(days=1)
QUANTITY = 5
CLERK, KEEPER = "after_sales_clerk.1", "warehouse_keeper.1"
STOCK = "select on_hand, blocked from warehouse.stock where product = 'P003' and location = 'BACK'"


@pytest.fixture
def company(office: Office) -> Office:
    """Everybody is there, and goods are shipped, received and archived."""
    hire(office)
    office.follows(
        step("reserve", activity="warehouse.reserve", roles=["warehouse_keeper"], reaches="reserved"),
        step("prepare", activity="warehouse.prepare", roles=["warehouse_keeper"], reaches="prepared"),
        step("plan", activity="logistics.plan", roles=["logistics_clerk"]),
        step("ship", activity="logistics.ship", roles=["logistics_clerk"], reaches="shipped"),
        step("receipt", activity="after_sales.receipt", roles=["after_sales_clerk"], on_disagree="repeat",
             reaches="received"),
        step("archive", activity="after_sales.archive", roles=["after_sales_clerk"], on_disagree="repeat",
             reaches="archived"),
        ends_in="archived",
    )  # fmt: skip
    return office


def shipped(company: Office, **changes: Any) -> str:
    number = order(company, QUANTITY, **changes)
    tell(company, "goods_received", product="P003", quantity=QUANTITY)
    assert company.rows(
        "select count(*) from logistics.shipments s where s.order_id = %s", order_id(company, number)
    ) == [(1,)]
    return number


def delivered(company: Office, number: str) -> None:
    ((slip,),) = company.rows(
        "select tracking_number from logistics.shipments where order_id = %s", order_id(company, number)
    )
    assert tell(company, "delivered", order=number, tracking_number=slip) == []


def order_id(company: Office, number: str) -> str:
    return str(company.rows("select order_id from core.order_headers where number = %s", number)[0][0])


def state(company: Office, number: str) -> str:
    sql = "select o.state from core.orders o join core.order_headers h on h.order_id = o.id where number = %s"
    return str(company.rows(sql, number)[0][0])


def opened(company: Office, number: str, kind: str, **said: Any) -> str:
    """A case; its number."""
    assert tell(company, "case_opened", order=number, case_kind=kind, reason="客户来电", by=CLERK, **said) == []
    return str(company.rows("select number from after_sales.cases order by number desc limit 1")[0][0])


def closed(company: Office, case: str, **said: str) -> list[str]:
    return tell(company, "case_closed", case=case, by=CLERK, **{"outcome": "done", "result": "已处理", **said})


@pytest.mark.requirement("AFT-03", "AFT-09")
def test_a_receipt_exception_holds_its_lines_and_the_archive_until_it_is_closed(company: Office) -> None:
    number = shipped(company)
    delivered(company, number)
    case = opened(company, number, "exception", exception="damaged", lines=[{"line": 1, "quantity": 2}])
    assert company.rows("select line, quantity, case_number from after_sales.held_lines") == [(1, 2, case)]
    assert tell(company, "receipt_confirmed", order=number) == []
    assert state(company, number) == "received"
    ((findings,),) = company.rows(
        "select data->'findings' from core.events where kind = 'waiting' order by seq desc limit 1"
    )
    assert "archive.case_open" in str(findings)
    assert case in str(findings)
    assert closed(company, case) == []
    assert company.rows("select count(*) from after_sales.held_lines") == [(0,)]
    assert state(company, number) == "archived"
    company.assert_clean()


@pytest.mark.requirement("AFT-04", "AFT-05")
def test_goods_come_back_once_and_never_more_than_were_delivered(company: Office) -> None:
    number = shipped(company)
    beyond = {"order": number, "case_kind": "return", "reason": "不合适", "by": CLERK}
    assert tell(company, "case_opened", **beyond, lines=[{"line": 1, "quantity": 1}]) == ["case.beyond_delivered"]
    delivered(company, number)
    case = opened(company, number, "return", lines=[{"line": 1, "quantity": 3}])
    assert tell(company, "case_opened", **beyond, lines=[{"line": 1, "quantity": 3}, {"line": 7, "quantity": 1}]) == [
        "case.beyond_delivered",
        "case.line_unknown",
    ]
    assert closed(company, case) == ["case.goods_not_back"]
    assert company.rows("select * from after_sales.refund_requests") == []

    back = {"case": case, "by": KEEPER, "location": "BACK"}
    good, damaged = ({"line": 1, "quantity": 2, "condition": one} for one in ("good", "damaged"))
    assert tell(company, "goods_returned", **{**back, "by": "sam"}, lines=[good]) == ["report.not_allowed"]
    assert tell(company, "goods_returned", **back, lines=[{**good, "quantity": 4}]) == ["return.not_expected"]
    assert tell(company, "goods_returned", **back, lines=[good], fact_id="B") == []
    assert tell(company, "goods_returned", **back, lines=[good], fact_id="B") == []  # a repeat
    assert tell(company, "goods_returned", **back, lines=[damaged]) == ["return.not_expected"]
    assert tell(company, "goods_returned", **back, lines=[{**damaged, "quantity": 1}]) == []
    assert company.rows(STOCK) == [(3, 1)]
    assert company.rows("select case_number, line, quantity from after_sales.refund_requests") == [(case, 1, 3)]
    assert closed(company, case) == []
    assert closed(company, case) == ["case.closed_already"]
    company.assert_clean()


@pytest.mark.requirement("WHS-04", "AFT-05")
def test_good_goods_that_come_back_go_to_who_needs_them_first(company: Office) -> None:
    number = shipped(company)
    delivered(company, number)
    case = opened(company, number, "return", lines=[{"line": 1, "quantity": 3}])
    later, sooner = (order(company, 2, requested_date=f"2026-07-{day}") for day in (20, 10))
    back = {"case": case, "by": KEEPER, "location": "BACK"}
    waiting = "select number from warehouse.shortages order by number"
    assert tell(company, "goods_returned", **back, lines=[{"line": 1, "quantity": 1, "condition": "damaged"}]) == []
    assert company.rows(waiting) == [(later,), (sooner,)], "damaged goods are for nobody"
    assert tell(company, "goods_returned", **back, lines=[{"line": 1, "quantity": 2, "condition": "good"}]) == []
    assert company.rows(waiting) == [(later,)]
    assert (state(company, sooner), company.rows(STOCK)) == ("shipped", [(1, 1)])
    company.assert_clean()


@pytest.mark.requirement("AFT-04")
def test_what_a_rejected_return_claimed_may_go_back_with_another(company: Office) -> None:
    number = shipped(company)
    delivered(company, number)
    case = opened(company, number, "return", lines=[{"line": 1, "quantity": QUANTITY}])
    assert closed(company, case, outcome="rejected", result="人为损坏，不予退货") == []
    again = opened(company, number, "exchange", lines=[{"line": 1, "quantity": QUANTITY}])
    assert again != case
    company.assert_clean()


@pytest.mark.requirement("AFT-04")
def test_many_at_once_return_no_more_than_was_delivered(company: Office) -> None:
    number = shipped(company)
    delivered(company, number)
    id_ = order_id(company, number)
    together = threading.Barrier(8)

    def one(place: int) -> int:
        said = CaseOpened(
            source="shop", fact_id=f"x{place}", occurred_at=NOW, order=number, case_kind="return", reason="不合适",
            lines=({"line": 1, "quantity": 2},),  # type: ignore[arg-type]
        )  # fmt: skip
        together.wait()
        with company.database.transaction() as session:
            session.write("select from core.orders where id = %s for update", id_)  # as the runtime does
            return len(book_opened(session, [ReportedFact(new_id(), id_, said, NOW)]).refused)

    with ThreadPoolExecutor(8) as pool:
        refused = sum(pool.map(one, range(8)))
    assert refused == 6
    assert company.rows("select delivered, returned from after_sales.returned_lines") == [(5, 4)]
    with pytest.raises(psycopg.errors.CheckViolation), company.database.transaction() as session:
        session.write("update after_sales.returned_lines set returned = returned + 2")


@pytest.mark.requirement("AFT-06", "AFT-07")
def test_cases_are_assigned_handled_and_closed_with_their_result_told_to_the_customer(company: Office) -> None:
    number = shipped(company)
    repair = opened(company, number, "repair", product="P003")
    complaint = opened(company, number, "complaint")
    assert tell(company, "case_assigned", case=repair, by=CLERK, to="salesperson.2") == []
    assert tell(company, "case_assigned", case=repair, by=CLERK, to="finance_clerk.1") == ["case.not_allowed"]
    assert tell(company, "case_handled", case=repair, by="salesperson.2", note="换了电池") == []
    assert tell(company, "case_handled", case="CS-X", by=CLERK, note="?") == ["case.unknown"]
    assert closed(company, repair, result="换了电池,可正常使用") == []
    assert closed(company, complaint, result="") == ["case.no_result", "case.no_feedback"]
    assert closed(company, complaint) == ["case.no_feedback"]
    assert closed(company, complaint, feedback="满意") == []
    entries = company.rows("select kind, by, words from after_sales.case_entries where number = %s order by id", repair)
    assert entries == [
        ("opened", CLERK, "客户来电"),
        ("assigned", CLERK, "salesperson.2"),
        ("handled", "salesperson.2", "换了电池"),
        ("closed", CLERK, "换了电池,可正常使用"),
    ]
    assert company.rows("select assignee, outcome, closed_by from after_sales.cases where number = %s", repair) == [
        ("salesperson.2", "done", CLERK)
    ]
    letters = company.rows("select body from core.letters where kind = 'case_closed' order by created_at, id")
    assert len(letters) == 2
    assert "换了电池,可正常使用" in letters[0][0]
    told = company.told()
    assert (told["orderflow.case.opened"], told["orderflow.case.closed"]) == (2, 2)
    company.assert_clean()


@pytest.mark.requirement("AFT-06", "AFT-07")
def test_what_was_done_before_a_case_was_closed_is_kept_when_both_come_at_once(company: Office) -> None:
    number = shipped(company)
    case = opened(company, number, "repair", product="P003")
    head = {"source": "world", "occurred_at": company.now.isoformat(), "case": case, "by": CLERK}
    noted = {**head, "kind": "case_handled", "fact_id": "1", "note": "换了电池"}
    ended = {**head, "kind": "case_closed", "fact_id": "2", "outcome": "done", "result": "可正常使用"}
    late = {**noted, "fact_id": "3"}
    company.report(*(json.dumps(each).encode() for each in (noted, ended, late)))
    company.work()
    refused = company.rows("select fact_id from core.facts where refused is not null")
    assert refused == [("3",)]
    entries = company.rows("select kind from after_sales.case_entries where number = %s order by id", case)
    assert [kind for (kind,) in entries] == ["opened", "handled", "closed"]


@pytest.mark.requirement("RPT-03", "AFT-10")
def test_the_report_counts_cases_by_kind_with_the_time_to_close_and_satisfaction(company: Office) -> None:
    number = shipped(company)
    delivered(company, number)
    first = opened(company, number, "complaint")
    second = opened(company, number, "complaint")
    opened(company, number, "support")
    company.now += timedelta(hours=2)
    assert closed(company, first, feedback="满意") == []
    company.now += timedelta(hours=4)
    assert closed(company, second, feedback="一般") == []
    assert tell(company, "receipt_confirmed", order=number) == []
    assert tell(company, "survey_answered", order=number, score=4) == []
    with company.database.transaction() as session:
        made = read(session, company.rules, Period(), company.now)
        later = read(session, company.rules, Period(since=(NOW + 9 * DAY).date()), company.now)
    totals = {total.pop("case_kind"): total for total in made.totals}
    assert totals["complaint"] == {
        "count": 2, "closed_cases": 2, "open_cases": 0, "median_hours": 4.0, "average_score": None,
    }  # fmt: skip
    assert (totals["support"]["open_cases"], totals["support"]["median_hours"]) == (1, None)
    assert (totals["survey"]["count"], totals["survey"]["average_score"]) == (1, "4.00")
    assert sum(total["count"] for total in totals.values()) == len(made.documents) == 4
    assert (later.documents, later.totals) == ([], [])


def booked(company: Office) -> None:
    """What the departments' workers do with the batches that the commands left."""
    while rows := company.rows("select id, department, kind, cardinality(ids) from core.batches order by created_at"):
        company.queue += [
            Batch(id=row[0], department=Department(row[1]), kind=BatchKind(row[2]), size=row[3]) for row in rows
        ]
        company.work()


@pytest.mark.requirement("AFT-04", "AFT-05", "RPT-03")
def test_cases_are_worked_on_by_commands_in_both_languages(company: Office, run: Run, tmp_path: Path) -> None:
    company.now = datetime.now(UTC)  # as the commands reckon
    number = shipped(company, requested_date=(company.now + 30 * DAY).date().isoformat())
    delivered(company, number)

    def done(*arguments: str, person: str = CLERK) -> None:
        told = run("case", *arguments, "--as", person)
        assert told.exit_code == 0, told.output
        booked(company)

    done("open", number, "return", "--line", "1:2", "--reason", "尺寸不符")
    ((case,),) = company.rows("select number from after_sales.cases")
    listed = said(run("case", "list", "--open", "--lang", "zh"))
    assert "退货" in listed
    assert "处理中" in listed
    done("assign", case, "salesperson.1")
    done("note", case, "已约取件", person="salesperson.1")
    done("goods", case, "--line", "1:1", "--damaged", person=KEEPER)
    done("goods", case, "--line", "1:1", person=KEEPER)
    done("close", case, "--result", "退款")
    shown = said(run("case", "show", case))
    assert "已约取件" in shown
    assert "done" in shown
    assert answered(run("case", "show", case, "--json"))["lines"] == [
        {"line": 1, "product": "P003", "quantity": 2, "back": 2}
    ]
    assert company.rows(
        "select on_hand, blocked from warehouse.stock where product = 'P003' and location = 'MAIN'"
    ) == [(2, 1)]
    assert run("case", "goods", case, "--line", "1", "--as", KEEPER).exit_code == 2
    assert run("case", "list", "--kind", "bogus").exit_code == 2
    assert run("case", "show", "CS-X").exit_code == 1
    table = tmp_path / "after-sales.csv"
    told = run("report", "after-sales", "--out", table, "--svg", tmp_path / "c.svg", "--lang", "zh")
    assert told.exit_code == 0, told.output
    assert "退货" in table.read_text(encoding="utf-8-sig")


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("update after_sales.returned_lines set returned = 2", "after_sales.returned_beyond_delivered"),
        (
            "alter table after_sales.cases drop constraint ck_cases_closed_with_a_result;"
            "update after_sales.cases"
            " set result = '', outcome = 'done', feedback = '', closed_by = 'x', closed_at = now()",
            "after_sales.closed_without_a_result",
        ),
        (
            "insert into after_sales.archive (order_id, customer, currency, total_minor, archived_at)"
            " select order_id, customer, 'CNY', 1, opened_at + interval '1 day' from after_sales.cases",
            "after_sales.archived_with_an_open_case",
        ),
    ],
)
def test_the_audit_finds_what_is_wrong_with_cases(company: Office, damage: str, found: str) -> None:
    number = shipped(company)
    delivered(company, number)
    opened(company, number, "return", lines=[{"line": 1, "quantity": 3}])
    assert breaches_after(company.database, damage, CASES_HOLD) == [found]
