"""Buying over a real PostgreSQL: suppliers compared, purchases placed, received, counted, called off."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from messages.batch import Department
from shared.database import Database
from tests.support.definitions import step
from tests.support.fulfilment import breaches_after
from tests.support.journey import Journey, hire
from tests.support.office import Office
from tests.support.supply import PRODUCT, TODAY, offers, order, tell, units
from workers.warehouse.supply_invariants import ALL

DAY = timedelta(days=1)
KEEPER = ["warehouse_keeper"]
PURCHASES = "select number, supplier, quantity, received, reason, closed_at is null from warehouse.purchases order by 1"
STOCK = "select on_hand, reserved from warehouse.stock where product = %s and location = 'MAIN'"


def follows(office: Office, ways: str) -> None:
    office.follows(
        step(
            "reserve",
            activity="warehouse.reserve",
            roles=["warehouse_keeper"],
            reaches="reserved",
            options={"ways": ways},
        ),
        step("prepare", activity="warehouse.prepare", roles=KEEPER, reaches="prepared"),
        ends_in="ended",
    )


@pytest.fixture
def company(office: Office) -> Office:
    hire(office)
    follows(office, "purchase")
    return office


@pytest.mark.requirement("SUP-01", "SUP-02", "SUP-05")
def test_a_shortage_is_bought_from_the_best_supplier_and_received_for_its_order(company: Office) -> None:
    offers(company, ("S1", "9.00", 7), ("S2", "8.00", 7))
    order(company, 10)
    ((number, supplier, quantity, received, reason, open_),) = company.rows(PURCHASES)
    assert (supplier, quantity, received, reason, open_) == ("S2", 10, 0, "highest_score", True)
    ((kept,),) = company.rows("select comparison from warehouse.purchases")
    assert [each["supplier"] for each in json.loads(kept)["candidates"]] == ["S2", "S1"]
    assert json.loads(kept)["candidates"][1]["price_hundredths"] == 8889
    assert company.told()["orderflow.purchase.placed"] == 1

    # A part of it comes: it is set aside for this order, and no other may have it.
    assert tell(company, "purchase_received", purchase=number, quantity=4, fact_id="R") == []
    assert tell(company, "purchase_received", purchase=number, quantity=4, fact_id="R") == []  # a repeat
    assert company.rows(STOCK, PRODUCT) == [(4, 4)]
    assert tell(company, "purchase_received", purchase=number, quantity=7) == ["purchase.over_delivered"]
    assert tell(company, "purchase_received", purchase="PO-X", quantity=7) == ["purchase.unknown"]
    assert company.rows(STOCK, PRODUCT) == [(4, 4)]
    assert tell(company, "purchase_received", purchase=number, quantity=6) == []
    assert tell(company, "purchase_received", purchase=number, quantity=1) == ["purchase.closed"]
    assert set(company.states().values()) == {"ended"}
    assert company.rows("select count(*) from warehouse.purchases where closed_at is null") == [(0,)]
    company.assert_clean()


@pytest.mark.requirement("SUP-02")
def test_fewer_than_two_quotations_need_a_persons_reason(company: Office) -> None:
    offers(company, ("S1", "9.00", 7))
    order(company, 10)
    assert company.rows(PURCHASES) == []
    ((roles, finding),) = company.rows("select roles, findings -> 0 from core.user_tasks where status = 'open'")
    assert (roles, json.loads(finding)["code"]) == (["purchasing"], "supplier.few_quotations")
    company.decide("agree", "purchasing.1")  # without a reason it is asked again
    company.work()
    assert company.rows(PURCHASES) == []
    company.decide("agree", "purchasing.2", reason="独家代理")
    company.work()
    assert [row[1:5] for row in company.rows(PURCHASES)] == [("S1", 10, 0, "独家代理")]
    assert company.count("core.user_tasks", "status = 'open'") == 0
    company.assert_clean()


@pytest.mark.requirement("SUP-02", "WHS-05")
def test_a_new_date_stays_agreed_while_purchasing_gives_its_reason(company: Office) -> None:
    offers(company, ("S1", "9.00", 60))
    order(company, 10)
    day = TODAY + 90 * DAY
    company.decide("agree", "salesperson.1", reason=f"date {day}")
    company.work()
    assert tell(company, "goods_received", product=PRODUCT, quantity=1) == []  # brings the order back to its step
    ((roles,),) = company.rows("select roles from core.user_tasks where status = 'open'")
    assert roles == ["purchasing"]
    company.decide("agree", "purchasing.1", reason="独家代理")
    company.work()
    assert [row[1:5] for row in company.rows(PURCHASES)] == [("S1", 9, 0, "独家代理")]
    assert company.count("core.user_tasks", "status = 'open'") == 0
    company.assert_clean()


@pytest.mark.requirement("SUP-03", "SUP-04")
def test_who_is_not_evaluated_or_too_late_is_not_bought_from(company: Office) -> None:
    offers(company, ("S1", "1.00", 7), evaluated=False)
    offers(company, ("S2", "9.00", 7), ("S3", "8.00", 31), ("S4", "9.50", 30))
    order(company, 10)
    ((_, supplier, *_),) = company.rows(PURCHASES)
    assert supplier == "S2"
    ((kept,),) = company.rows("select comparison -> 'excluded' from warehouse.purchases")
    assert json.loads(kept) == {"S1": "not_evaluated", "S3": "too_late"}


@pytest.mark.requirement("SUP-03")
def test_an_evaluation_is_recorded_by_purchasing_and_lets_the_waiting_order_go_on(company: Office) -> None:
    offers(company, ("S1", "8.00", 7), ("S2", "9.00", 7), evaluated=False)
    order(company, 10)
    company.decide("agree", "salesperson.1", reason=f"date {TODAY + 30 * DAY}")  # nobody can deliver: it may wait
    company.work()
    assert company.rows(PURCHASES) == []
    seen = {"quality_system": "ISO 9001", "method": "sample_test", "score": 80}
    assert tell(company, "supplier_evaluated", supplier="S1", by="sam", passed=True, **seen) == ["report.not_allowed"]
    assert tell(company, "supplier_evaluated", supplier="S9", by="purchasing.1", passed=True, **seen) == [
        "supplier.unknown"
    ]
    for supplier in ("S1", "S2"):
        assert tell(company, "supplier_evaluated", supplier=supplier, by="purchasing.1", passed=False, **seen) == []
    assert company.rows(PURCHASES) == []
    company.now += DAY
    assert tell(company, "supplier_evaluated", supplier="S2", by="purchasing.1", passed=True, **seen) == []
    ((finding,),) = company.rows("select findings -> 0 from core.user_tasks where status = 'open'")
    assert json.loads(finding)["values"]["supplier"] == "S2"


@pytest.mark.requirement("SUP-02")
def test_a_quotation_that_comes_in_is_used_at_once(company: Office) -> None:
    offers(company, ("S1", "9.00", 60), ("S2", "9.00", 60))
    order(company, 10)
    company.decide("agree", "salesperson.1", reason=f"date {TODAY + 30 * DAY}")  # nobody can deliver: it may wait
    company.work()
    assert company.rows(PURCHASES) == []
    quoted = {"product": PRODUCT, "by": "purchasing.1", "currency": "CNY", "lead_time_days": 5}
    span = {"valid_from": TODAY.isoformat(), "valid_until": (TODAY + DAY).isoformat()}
    bad = tell(company, "supplier_quoted", supplier="S1", **quoted, **span, unit_price="7.005")
    assert bad == ["supplier.bad_price"]
    for supplier, price in (("S1", "7.00"), ("S2", "6.50")):
        assert tell(company, "supplier_quoted", supplier=supplier, **quoted, **span, unit_price=price) == []
        if company.count("core.user_tasks", "status = 'open'"):
            company.decide("agree", "purchasing.1", reason="先到先得")
            company.work()
    assert company.count("warehouse.purchases") == 1


@pytest.mark.requirement("SUP-04")
def test_scores_follow_lateness_failures_and_returns(company: Office) -> None:
    offers(company, ("S1", "8.00", 7), ("S2", "9.00", 7))
    order(company, 10)
    ((number, *_),) = company.rows(PURCHASES)
    company.now += 8 * DAY
    assert tell(company, "purchase_received", purchase=number, quantity=8, failed=2) == []
    record = "select receipts, late, delivered, bad from warehouse.suppliers where code = 'S1'"
    assert company.rows(record) == [(1, 1, 10, 2)]
    back = {"purchase": number, "by": "inspector.1", "reason": "外壳破裂"}
    assert tell(company, "purchase_returned", **back, quantity=9) == ["purchase.over_returned"]
    assert tell(company, "purchase_returned", **back, quantity=3) == []
    assert company.rows(record) == [(1, 1, 10, 5)]
    assert tell(company, "purchase_received", purchase=number, quantity=2) == []
    assert company.rows(record) == [(2, 2, 12, 5)]
    order(company, 10, external_id="NEXT")  # the better price does not make up for that any more
    assert [row[1] for row in company.rows(PURCHASES)] == ["S1", "S2"]
    company.assert_clean()


@pytest.mark.requirement("SUP-01")
def test_a_cancelled_order_calls_its_purchase_off(company: Office) -> None:
    offers(company, ("S1", "8.00", 7), ("S2", "9.00", 7))
    number = order(company, 10)
    ((purchase, *_),) = company.rows(PURCHASES)
    assert tell(company, "purchase_received", purchase=purchase, quantity=3) == []
    assert tell(company, "cancellation_requested", order=number, reason="改变主意") == []
    assert company.rows(STOCK, PRODUCT) == [(3, 0)]
    assert tell(company, "purchase_received", purchase=purchase, quantity=7) == ["purchase.closed"]
    assert company.told()["orderflow.purchase.cancelled"] == 1
    company.assert_clean()


@pytest.mark.requirement("PRD-01", "SUP-01")
def test_the_ways_are_tried_in_the_definitions_order(company: Office) -> None:
    offers(company, ("S1", "8.00", 7), ("S2", "9.00", 7))
    units(company, ("U1", 1))
    follows(company, "production purchase")
    soon = (TODAY + 8 * DAY).isoformat()
    order(company, 5, requested_date=soon, external_id="MADE")  # five working days until then
    order(company, 1, requested_date=soon, external_id="BOUGHT")
    made = company.rows("select quantity from warehouse.production_plans")
    bought = company.rows("select quantity from warehouse.purchases")
    assert (made, bought) == ([(5,)], [(1,)])
    assert company.rows("select count(*) from warehouse.expected_dates") == [(2,)]
    company.assert_clean()


@pytest.mark.requirement("SUP-01")
def test_receipts_reported_by_many_at_once_count_once_each_and_never_too_many(company: Office) -> None:
    offers(company, ("S1", "8.00", 7), ("S2", "9.00", 7))
    order(company, 10)
    ((number, *_),) = company.rows(PURCHASES)
    head = {"kind": "purchase_received", "source": "dock", "occurred_at": company.now.isoformat(), "purchase": number}
    for place in range(8):  # together 16 of 10
        company.report(json.dumps({**head, "fact_id": f"R{place}", "quantity": 2}).encode())
    batches = [*company.queue]
    company.queue.clear()
    gate = threading.Barrier(4)

    def work(part: int) -> None:
        runtime = company.runtime(Department.WAREHOUSE)
        gate.wait(timeout=30)
        for batch in batches[part::4]:
            runtime.handle(batch)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    company.work()
    assert company.rows("select received from warehouse.purchases") == [(10,)]
    assert company.count("warehouse.purchase_receipts") == 5
    assert company.count("core.facts", "refused is not null and source = 'dock'") == 3
    assert set(company.states().values()) == {"ended"}
    company.assert_clean()


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        ("update warehouse.purchases set received = 1", "warehouse.purchase_received"),
        ("update warehouse.supplier_evaluations set passed = false", "warehouse.supplier_eligible"),
        ("update warehouse.purchases set supplier = 'S2'", "warehouse.supplier_eligible"),
        ("update warehouse.purchases set expected_on = needed_by + 1", "warehouse.supplier_eligible"),
        ("update warehouse.suppliers set delivered = 1, receipts = 1", "warehouse.supplier_record"),
    ],
)
def test_the_audit_names_what_was_broken(company: Office, damage: str, code: str, database: Database) -> None:
    offers(company, ("S1", "8.00", 7), ("S2", "9.00", 7))
    order(company, 10)
    assert breaches_after(database, "select 1", ALL) == []
    assert code in breaches_after(database, damage, ALL)


@pytest.mark.requirement("SUP-01", "PRC-02")
def test_purchasing_buys_what_document_5_lacks(company: Office) -> None:
    offers(company, ("S1", "8.00", 7), ("S2", "9.00", 7))
    lines = [{"product": PRODUCT, "quantity": 10, "unit_price": "10.00"}]
    journey = Journey.begin(company, "d05_sales_purchasing", lines=lines, total="100.00")
    journey.go_on(until=lambda: company.count("core.waits", "key like 'promise:%%'"))  # nobody expects it yet
    said = {"order": journey.number, "by": "purchasing.1", "reason": "向供应商采购"}
    assert tell(company, "date_proposed", promised_on=(TODAY + 30 * DAY).isoformat(), **said) == []
    journey.go_on(until=lambda: company.count("warehouse.purchases"))
    ((number, *_),) = company.rows(PURCHASES)
    assert tell(company, "purchase_received", purchase=number, quantity=10) == []
    journey.go_on()
    assert journey.state() == "ended"
    company.assert_clean()
