"""Production over a real PostgreSQL: allocated, planned, confirmed, reported, finished into stock for its order."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest

from messages.batch import Department
from shared.database import Database
from tests.support.definitions import step
from tests.support.fulfilment import breaches_after
from tests.support.journey import Journey, hire
from tests.support.office import Office
from tests.support.supply import PRODUCT, TODAY, confirm, order, tell, units, working_days
from workers.warehouse.supply_invariants import ALL

STEPS = (
    step("assign", activity="warehouse.assign_production", roles=["order_processor"], reaches="approved"),
    step("plan", activity="warehouse.plan_production", roles=["production_planner"]),
    step("control", activity="warehouse.control_production", roles=["production_planner"]),
    step("prepare", activity="warehouse.prepare", roles=["warehouse_keeper"], reaches="prepared"),
)
PLAN = """
select number, unit, quantity, starts_on, finishes_on, closed_at is null from warehouse.production_plans order by 1
"""


@pytest.fixture
def company(office: Office) -> Office:
    hire(office)
    office.follows(*STEPS, ends_in="ended")
    return office


def at(office: Office, number: str) -> list[str]:
    return list(
        office.rows(
            "select open from core.orders o join core.order_headers h on h.order_id = o.id where number = %s", number
        )[0][0]
    )


@pytest.mark.requirement("PRD-01", "PRD-02", "PRD-03", "PRD-04")
def test_an_order_is_made_from_its_allocation_to_the_packed_goods(company: Office) -> None:
    units(company, ("U1", 10), ("U2", 40))
    number = order(company, 25)
    days = working_days(2)
    ((plan, *rest),) = company.rows(PLAN)
    assert rest == ["U2", 25, days[0], days[0], True]  # 25 of 40 a day; U1 would be fuller
    assert at(company, number) == ["plan"]
    told = company.rows("select recipient, kind, data ->> 'unit' from core.notices where kind = 'production_assigned'")
    assert told == [("role:production_planner", "production_assigned", "U2")]
    assert company.told()["orderflow.production.assigned"] == 1

    # Nobody starts before every department has confirmed.
    report = {"plan": plan, "by": "production_planner.1"}
    assert tell(company, "production_progress", **report, done=5) == ["production.unconfirmed"]
    assert tell(company, "production_confirmed", plan=plan, by="sam") == ["report.not_allowed"]
    confirm(company, plan)
    assert at(company, number) == ["control"]
    assert tell(company, "production_progress", **report, done=10) == []
    assert tell(company, "production_progress", **report, done=26) == ["production.too_many"]
    assert tell(company, "production_finished", plan=plan, by="production_planner.1", good=25) == ["report.not_allowed"]
    assert tell(company, "production_finished", plan=plan, by="inspector.1", good=25, fact_id="F") == []
    assert tell(company, "production_finished", plan=plan, by="inspector.1", good=25, fact_id="F") == []  # a repeat
    assert company.states() == {company.rows("select external_id from core.order_headers")[0][0]: "ended"}
    issued = "select quantity from warehouse.stock_movements where product = %s and kind = 'issued'"
    assert company.rows(issued, PRODUCT) == [(-25,)]
    company.assert_clean()


@pytest.mark.requirement("PRD-04", "WHS-04")
def test_who_waits_at_packing_for_what_is_made_waits_no_longer_once_it_is_there(company: Office) -> None:
    company.follows(*STEPS[1:2], STEPS[3], ends_in="ended")  # nothing controls production, as in document 10
    units(company, ("U1", 10))
    number = order(company, 5)
    ((plan, *_),) = company.rows(PLAN)
    confirm(company, plan)
    assert at(company, number) == ["prepare"]
    assert company.count("warehouse.shortages") > 0
    assert tell(company, "production_finished", plan=plan, by="inspector.1", good=5) == []
    assert company.states() == {company.document(number).external_id: "ended"}
    assert company.count("warehouse.shortages") == 0
    company.assert_clean()


@pytest.mark.requirement("PRD-01")
def test_where_no_unit_is_in_time_a_person_decides_about_the_earliest_date(company: Office) -> None:
    units(company, ("U1", 10))
    number = order(company, 100, requested_date=(TODAY + timedelta(days=2)).isoformat())
    ((finding,),) = company.rows("select findings -> 0 from core.user_tasks where status = 'open'")
    assert '"production.no_capacity"' in finding
    assert working_days(10)[-1].isoformat() in finding
    assert company.rows(PLAN) == []
    company.decide("agree", "order_processor.1")
    company.work()
    assert [row[4] for row in company.rows(PLAN)] == [working_days(10)[-1]]
    assert at(company, number) == ["plan"]
    company.assert_clean()


@pytest.mark.requirement("PRD-01")
def test_what_is_in_stock_is_taken_first_and_only_the_rest_is_made(company: Office) -> None:
    units(company, ("U1", 100))
    with company.database.transaction() as session:
        session.write("insert into warehouse.stock (product, location, on_hand) values (%s, 'MAIN', 7)", PRODUCT)
        session.write(
            "insert into warehouse.stock_movements (at, kind, product, location, quantity, blocked)"
            " values (now(), 'opening', %s, 'MAIN', 7, 0)",
            PRODUCT,
        )
    order(company, 10)
    assert [row[2] for row in company.rows(PLAN)] == [3]
    assert company.rows("select reserved from warehouse.stock where product = %s", PRODUCT) == [(7,)]
    order(company, 2)  # the next one finds nothing left
    assert [row[2] for row in company.rows(PLAN)] == [3, 2]
    company.assert_clean()


@pytest.mark.requirement("PRD-02")
def test_a_plan_without_materials_waits_for_the_planner_and_a_changed_one_is_confirmed_anew(company: Office) -> None:
    units(company, ("U1", 10), materials=False)
    number = order(company, 5)
    ((plan, *_),) = company.rows(PLAN)
    assert tell(company, "production_confirmed", plan=plan, by="purchasing.1") == ["production.no_materials"]
    first, second = working_days(2)
    times = {"starts_on": first.isoformat(), "finishes_on": second.isoformat()}
    body = {"plan": plan, "by": "production_planner.1", **times, "materials": [{"material": "P009", "quantity": 4}]}
    assert tell(company, "production_planned", **body, quantity=6) == ["production.quantity_differs"]
    assert tell(company, "production_planned", **body, quantity=5) == []
    assert tell(company, "production_confirmed", plan=plan, by="purchasing.1") == []
    shown = company.rows("select data -> 'findings' from core.events where kind = 'waiting' order by seq desc limit 1")
    assert "production.material_short" in str(shown)
    assert tell(company, "production_planned", **body, quantity=5) == []
    assert company.count("warehouse.production_confirmations") == 0
    confirm(company, plan)
    assert at(company, number) == ["control"]


@pytest.mark.requirement("PRD-03")
def test_a_delay_past_the_day_is_told_to_sales_and_logistics(company: Office) -> None:
    units(company, ("U1", 10))
    order(company, 5, requested_date=(TODAY + timedelta(days=9)).isoformat())
    ((plan, *_),) = company.rows(PLAN)
    body = {"plan": plan, "by": "production_planner.1", "reason": "设备检修"}
    on_the_day = (TODAY + timedelta(days=9)).isoformat()
    assert tell(company, "production_delayed", **body, finishes_on=on_the_day) == []
    assert company.count("core.notices", "kind = 'production_delayed'") == 0
    later = (TODAY + timedelta(days=10)).isoformat()
    assert tell(company, "production_delayed", **body, finishes_on=later) == []
    told = company.rows("select recipient from core.notices where kind = 'production_delayed' order by 1")
    assert [row[0] for row in told] == ["department:logistics", "department:sales_review", "shop"]
    assert company.told()["orderflow.production.delayed"] == 1
    assert company.rows("select product, expected_on::text from warehouse.expected_dates") == [(PRODUCT, later)]
    early = TODAY.isoformat()
    assert tell(company, "production_delayed", **body, finishes_on=early) == ["production.before_start"]
    assert [row[0] for row in company.rows("select kind from warehouse.production_reports")] == ["delayed"] * 2


@pytest.mark.requirement("PRD-04")
def test_a_shortfall_is_made_again(company: Office) -> None:
    units(company, ("U1", 10))
    number = order(company, 10)
    ((plan, *_),) = company.rows(PLAN)
    confirm(company, plan)
    assert tell(company, "production_finished", plan=plan, by="inspector.1", good=8) == []
    (_, second) = company.rows(PLAN)
    assert (second[2], second[5]) == (2, True)
    assert company.rows("select reserved from warehouse.stock where product = %s", PRODUCT) == [(8,)]
    assert tell(company, "production_finished", plan=plan, by="inspector.1", good=2) == ["production.closed"]
    confirm(company, second[0])
    assert tell(company, "production_finished", plan=second[0], by="inspector.1", good=2) == []
    assert at(company, number) == []
    company.assert_clean()


@pytest.mark.requirement("PRD-01")
def test_a_cancelled_order_gives_its_days_back(company: Office) -> None:
    units(company, ("U1", 10))
    number = order(company, 10)
    assert company.rows("select sum(committed) from warehouse.production_days") == [(10,)]
    assert tell(company, "cancellation_requested", order=number, reason="改变主意") == []
    assert company.rows("select sum(committed) from warehouse.production_days") == [(0,)]
    assert company.told()["orderflow.production.cancelled"] == 1
    company.assert_clean()


@pytest.mark.requirement("PRD-01")
def test_many_workers_at_once_never_overbook_a_day(company: Office) -> None:
    units(company, ("U1", 10), ("U2", 10))
    for _ in range(12):
        order_without_work(company, 5)
    batches = [*company.queue]
    company.queue.clear()
    assert len(batches) == 12
    gate = threading.Barrier(4)

    def work(part: int) -> None:
        runtime = company.runtime(Department.WAREHOUSE)
        gate.wait(timeout=30)
        for batch in batches[part::4]:
            runtime.handle(batch)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert company.count("warehouse.production_plans") == 12
    days = company.rows("select committed, capacity from warehouse.production_days")
    assert sum(committed for committed, _ in days) == 60
    assert all(committed <= capacity for committed, capacity in days)
    company.assert_clean()


@pytest.mark.requirement("PRD-01")
def test_the_database_itself_refuses_an_overbooked_day(company: Office) -> None:
    with pytest.raises(psycopg.errors.CheckViolation), company.database.transaction() as session:
        session.write("insert into warehouse.production_days values ('U1', current_date, 10, 11)")


def order_without_work(office: Office, quantity: int) -> None:
    work, office.work = office.work, lambda: None  # type: ignore[method-assign]
    order(office, quantity)
    office.work = work  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        ("update warehouse.production_days set committed = 1", "warehouse.committed_load"),
        ("delete from warehouse.production_shares", "warehouse.committed_load"),
        ("update warehouse.production_plans set good = 1, closed_at = now()", "warehouse.production_started"),
        ("update core.orders set state = 'cancelled'", "warehouse.supply_called_off"),
    ],
)
def test_the_audit_names_what_was_broken(company: Office, damage: str, code: str, database: Database) -> None:
    units(company, ("U1", 10))
    order(company, 10)
    assert breaches_after(database, "select 1", ALL) == []
    assert code in breaches_after(database, damage, ALL)


@pytest.mark.requirement("PRD-01", "PRD-02", "PRD-03", "PRD-04", "PRC-02")
def test_document_9_makes_what_it_lacks(company: Office) -> None:
    units(company, ("U1", 10))
    lines = [{"product": PRODUCT, "quantity": 15, "unit_price": "10.00"}]
    journey = Journey.begin(company, "d09_regulation", lines=lines, total="150.00")
    journey.go_on(until=lambda: at(company, journey.number) == ["promise"])  # nobody expects what is short yet
    said = {"order": journey.number, "by": "order_processor.1", "reason": "由车间生产"}
    assert tell(company, "date_proposed", promised_on=(TODAY + timedelta(days=30)).isoformat(), **said) == []
    journey.go_on(until=lambda: company.count("warehouse.production_plans"))
    ((plan, *_),) = company.rows(PLAN)
    confirm(company, plan)
    assert at(company, journey.number) == ["production"]
    assert tell(company, "production_finished", plan=plan, by="inspector.1", good=15) == []
    journey.go_on()
    assert journey.state() == "ended"
    company.assert_clean()
