"""`supplier`, `purchase`, `production` as people use them: lists, details, reports, in both languages."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from messages.batch import Batch, BatchKind, Department
from tests.support.definitions import step
from tests.support.journey import hire
from tests.support.office import Office
from tests.support.supply import PRODUCT, offers, order, units, working_days
from tests.support.terminal import Run, answered, run, said

__all__ = ["run"]
KEEPER = ["warehouse_keeper"]


@pytest.fixture
def company(office: Office) -> Office:
    hire(office)
    follow(office, "purchase")
    return office


def follow(office: Office, ways: str) -> None:
    office.follows(
        step("reserve", activity="warehouse.reserve", roles=KEEPER, reaches="reserved", options={"ways": ways}),
        step("prepare", activity="warehouse.prepare", roles=KEEPER, reaches="prepared"),
        ends_in="ended",
    )


def booked(office: Office) -> None:
    """What the departments' workers do with the batches that the commands left."""
    while rows := office.rows("select id, department, kind, cardinality(ids) from core.batches order by created_at"):
        office.queue += [
            Batch(id=row[0], department=Department(row[1]), kind=BatchKind(row[2]), size=row[3]) for row in rows
        ]
        office.work()


@pytest.mark.requirement("SUP-01", "SUP-02", "SUP-03", "SUP-04", "SUP-05")
def test_buying_from_the_evaluation_to_the_receipt(run: Run, company: Office) -> None:
    company.now = datetime.now(UTC)  # as the commands reckon
    today = company.now.date()
    offers(company, ("S1", "9.00", 7), ("S2", "8.00", 7), evaluated=False)
    assert "未评估" in said(run("supplier", "list", "--lang", "zh"))
    seen = ("--as", "purchasing.1", "--score", "90", "--method", "site_visit", "--system", "ISO 9001")
    for code in ("S1", "S2"):
        assert run("supplier", "evaluate", code, "--passed", *seen).exit_code == 0
    booked(company)
    (first, _) = answered(run("supplier", "list", "--product", PRODUCT, "--json"))
    assert (first["code"], first["evaluation"], first["quality_hundredths"]) == ("S1", "passed", 9000)
    told = run("supplier", "quote", "S1", PRODUCT, "7.50", "--as", "purchasing.1", "--days", "5", "--from",
               today.isoformat(), "--until", "2099-12-31")  # fmt: skip
    assert told.exit_code == 0, told.output
    booked(company)
    assert "CN¥7.50" in said(run("supplier", "show", "S1"))
    assert run("supplier", "show", "S9").exit_code == 2

    company.now = datetime.now(UTC)
    order(company, 10, requested_date=(today + timedelta(days=30)).isoformat())
    (bought,) = answered(run("purchase", "list", "--open", "--json"))
    assert (bought["supplier"], bought["quantity"], bought["status"]) == ("S1", 10, "open")
    shown = said(run("purchase", "show", bought["number"], "--lang", "zh"))
    assert "得分最高" in shown
    assert "100.00" in shown
    assert run("purchase", "receive", bought["number"], "10", "--failed", "0").exit_code == 0
    booked(company)
    (done,) = answered(run("purchase", "list", "--supplier", "S1", "--json"))
    assert (done["received"], done["status"]) == (10, "done")
    assert run("purchase", "return", bought["number"], "2", "--as", "purchasing.1", "--reason", "破裂").exit_code == 0
    booked(company)
    (first, _) = answered(run("supplier", "list", "--json"))
    assert (first["bad"], first["quality_hundredths"]) == (2, 7200)
    company.assert_clean()


@pytest.mark.requirement("PRD-01", "PRD-02", "PRD-03", "PRD-04")
def test_making_from_the_plan_to_the_goods(run: Run, company: Office) -> None:
    units(company, ("U1", 10), materials=False)
    follow(company, "production")
    order(company, 10)
    (plan,) = answered(run("production", "list", "--open", "--json"))
    number = plan["number"]
    first, second, third = (day.isoformat() for day in working_days(3))
    planner = ("--as", "production_planner.1")
    made = ("production", "plan", number, "10", *planner, "--starts", first, "--finishes", second)
    assert run(*made, "--material", "P009").exit_code == 2
    assert run(*made).exit_code == 2  # no materials
    assert run("production", "plan", number, "10", *planner, "--starts", "soon", "--finishes", second, "--material",
               "P009=5").exit_code == 2  # fmt: skip
    assert run(*made, "--material", "P009=5").exit_code == 0
    booked(company)
    listed = said(run("production", "list", "--lang", "zh"))
    assert "P009 5" in listed
    assert "采购" in listed
    for person in ("production_planner.1", "purchasing.1", "warehouse_keeper.1"):
        assert run("production", "confirm", number, "--as", person).exit_code == 0
    assert run("production", "progress", number, "4", *planner).exit_code == 0
    assert run("production", "delay", number, third, *planner, "--reason", "检修").exit_code == 0
    booked(company)
    shown = said(run("production", "show", number, "--lang", "zh"))
    assert "生产进度" in shown
    assert "检修" in shown
    assert run("production", "finish", number, "10", "--as", "inspector.1").exit_code == 0
    booked(company)
    (plan,) = answered(run("production", "list", "--json"))
    assert (plan["good"], plan["status"]) == (10, "done")
    assert run("production", "show", "MO-X").exit_code == 2
    assert json.loads(run("production", "show", number, "--json").stdout)["finishes_on"] == third
    assert set(company.states().values()) == {"ended"}
    company.assert_clean()
