"""What logistics keeps, against a real PostgreSQL."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from msgspec import structs

from messages.facts.logistics import CarrierReported, Delivered
from messages.orders import Order, write_order
from shared import master
from shared.database import Database
from shared.department import Booked, Passed, Referred, ReportedFact, Waiting
from tests.support.database import AS_OWNER, UNGUARDED
from tests.support.fulfilment import (
    breaches,
    breaches_after,
    report,
    rows,
    rows_read,
    stand_in,
    stored,
    undo,
    visit,
    work,
)
from tests.support.orders import NOW, an_order
from workers.logistics.activities import book_carrier_events, book_deliveries, logistics
from workers.logistics.books import INVARIANTS, MASTER, CarrierRateRow, CarrierRow, save_carrier_rates, save_carriers

PLAN = logistics.activities["logistics.plan"]
SHIP = logistics.activities["logistics.ship"]
TODAY = date(2026, 6, 15)
SHIPPING = ("logistics.plan", "logistics.ship")
STATUS = """
select delivery_note, tracking_number, carrier, promised_date, shipped_at, delivered_at
from logistics.shipment_status where order_id = %s
"""


@pytest.fixture
def company(database: Database) -> Database:
    """Two products of one kilogram together in the usual order; a cheap slow carrier and a dear fast one."""
    with database.transaction() as session:
        session.write(
            """
            insert into sales_review.products (code, name_zh, name_en, category, active, weight_grams)
            values ('P001', '甲', 'A', 'x', true, 300), ('P002', '乙', 'B', 'x', true, 50)
            """
        )
    load_rates(
        database,
        rate("SLOW", "10.00", "2.00", 5),
        rate("FAST", "50.00", "9.00", 1),
        rate("IDLE", "0.01", "0", 1),
        active={"IDLE": False},
    )
    return database


def rate(carrier: str, base: str, per_kg: str, days: int, region: str = "", country: str = "CN") -> CarrierRateRow:
    return CarrierRateRow(
        carrier=carrier,
        country=country,
        region=region,
        base_fee=Decimal(base),
        per_kg_fee=Decimal(per_kg),
        currency="CNY",
        transit_days=days,
    )


def load_rates(database: Database, *rates: CarrierRateRow, active: dict[str, bool] | None = None) -> None:
    codes = sorted({each.carrier for each in rates})
    with database.transaction() as session:
        save_carriers(
            session, [CarrierRow(code=code, name_zh=code, active=(active or {}).get(code, True)) for code in codes]
        )
        save_carrier_rates(session, rates)


def shipped(database: Database, *orders: Order) -> list[str]:
    """Orders planned and shipped; their tracking numbers in the same order."""
    stored(database, *orders)
    visits = [visit(order, SHIPPING) for order in orders]
    work(database, PLAN, visits)
    assert all(isinstance(outcome, Passed) for outcome in work(database, SHIP, visits).values())
    return [rows(database, STATUS, order.id)[0][1] for order in orders]


def delivery(order: Order, tracking_number: str, at: datetime = NOW + timedelta(days=1)) -> tuple[Delivered, Order]:
    return (
        Delivered(source="carrier", fact_id="f", occurred_at=at, order=order.number, tracking_number=tracking_number),
        order,
    )


# -- plan --------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("LOG-01", "LOG-08")
def test_the_comparison_is_stored_with_the_choice(company: Database) -> None:
    relaxed, hurried = an_order(), an_order(requested_date=date(2026, 6, 17))
    work(company, PLAN, [visit(relaxed), visit(hurried)])
    kept = {
        row[0]: row[1:]
        for row in rows(
            company,
            "select order_id, carrier, freight_minor, currency, arrival, promised_date, weight_grams, comparison"
            " from logistics.plans",
        )
    }
    assert kept[relaxed.id][:6] == ("SLOW", 1_200, "CNY", date(2026, 6, 20), date(2026, 7, 15), 1_000)
    assert kept[hurried.id] == (
        *("FAST", 5_900, "CNY", date(2026, 6, 16), date(2026, 6, 17), 1_000),
        '[["FAST",5900,1,"2026-06-16",true],["SLOW",1200,5,"2026-06-20",false]]',
    )


@pytest.mark.requirement("LOG-01")
def test_the_day_of_leaving_is_the_business_day(company: Database) -> None:
    order = an_order(requested_date=date(2026, 6, 16))
    before_midnight = datetime(2026, 6, 15, 15, 59, 59, tzinfo=UTC)
    assert isinstance(work(company, PLAN, [visit(order, now=before_midnight)])[order.id], Passed)
    midnight = datetime(2026, 6, 15, 16, 0, tzinfo=UTC)
    assert isinstance(work(company, PLAN, [visit(order, now=midnight)])[order.id], Referred)


@pytest.mark.requirement("LOG-01")
def test_a_regions_own_rate_goes_before_the_countrys(company: Database) -> None:
    load_rates(company, rate("SLOW", "99.00", "0", 4, region="上海"), rate("FAST", "1.00", "0", 9, region="西藏"))
    there = an_order()
    elsewhere = an_order(delivery={"address": "x", "country": "CN", "region": "江苏"})
    work(company, PLAN, [visit(there), visit(elsewhere)])
    compared = dict(rows(company, "select order_id, comparison from logistics.plans"))
    assert compared[there.id] == '[["FAST",5900,1,"2026-06-16",true],["SLOW",9900,4,"2026-06-19",true]]'
    assert compared[elsewhere.id] == '[["FAST",5900,1,"2026-06-16",true],["SLOW",1200,5,"2026-06-20",true]]'


@pytest.mark.requirement("LOG-01")
def test_a_place_that_nobody_serves_is_arranged_by_hand_once_a_person_agrees(company: Database) -> None:
    order = an_order(delivery={"address": "Île", "country": "FR", "region": ""})
    assert isinstance(work(company, PLAN, [visit(order)])[order.id], Referred)
    assert rows(company, STATUS, order.id) == []
    work(company, PLAN, [visit(order)], agree=True)
    assert rows(company, STATUS, order.id) == [(None, None, None, None, None, None)]


@pytest.mark.requirement("LOG-01")
def test_a_withdrawn_plan_counts_no_more_until_it_is_made_again(company: Database) -> None:
    order = an_order()
    never_planned = an_order()
    work(company, PLAN, [visit(order)])
    for _ in range(2):
        undo(company, PLAN, visit(order), visit(never_planned))
    assert rows(company, STATUS, order.id) == []
    work(company, PLAN, [visit(order, now=NOW + timedelta(days=2))])
    assert rows(company, STATUS, order.id) == [(None, None, "SLOW", date(2026, 7, 15), None, None)]


# -- ship --------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("LOG-02", "LOG-06")
def test_goods_leave_with_a_delivery_note_and_a_tracking_slip(company: Database) -> None:
    order = an_order()
    assert shipped(company, order) == ["TRK-20260615-000001"]
    assert rows(company, STATUS, order.id) == [
        ("DN-20260615-000001", "TRK-20260615-000001", "SLOW", date(2026, 7, 15), NOW, None)
    ]
    assert rows(
        company, "select number, customer, customer_name, country, region, carrier from logistics.delivery_notes"
    ) == [("DN-20260615-000001", "C001", "上海明珠贸易有限公司", "CN", "上海", "SLOW")]
    assert rows(company, "select line, product, quantity from logistics.delivery_note_lines order by line") == [
        (1, "P001", 3),
        (2, "P002", 2),
    ]
    assert rows(company, "select quantity, shipped_at from logistics.shipments") == [(5, NOW)]
    assert rows(
        company, "select type, subject, data->>'tracking_number' from core.outbox_events where type like %s", "%ship%"
    ) == [("orderflow.shipment.dispatched", order.number, "TRK-20260615-000001")]
    assert breaches(company, INVARIANTS) == []


@pytest.mark.requirement("LOG-06")
def test_a_repeated_shipment_changes_nothing(company: Database) -> None:
    order = an_order()
    shipped(company, order)
    before = rows(company, "select * from logistics.shipments")
    outcome = work(company, SHIP, [visit(order, SHIPPING, NOW + timedelta(hours=1))])[order.id]
    assert isinstance(outcome, Passed)
    assert outcome.basis == {"tracking_number": "TRK-20260615-000001"}
    assert rows(company, "select * from logistics.shipments") == before


@pytest.mark.requirement("LOG-06")
def test_the_database_refuses_a_second_shipment_of_an_order(company: Database) -> None:
    order = an_order()
    shipped(company, order)
    with pytest.raises(psycopg.errors.UniqueViolation), company.transaction() as session:
        session.write(
            """
            insert into logistics.shipments (tracking_number, note, order_id, quantity, shipped_at, rest)
            values ('TRK-2', 'DN-20260615-000001', %s, 5, now(), 0)
            """,
            order.id,
        )


@pytest.mark.requirement("LOG-02")
def test_the_database_refuses_notes_beyond_what_was_ordered(company: Database) -> None:
    order = an_order()
    shipped(company, order)
    more = "update logistics.ordered_lines set noted = noted + 1 where order_id = %s and line = 1"
    with pytest.raises(psycopg.errors.CheckViolation), company.transaction() as session:
        session.write(more, order.id)
    beyond = "insert into logistics.delivery_note_lines values ('DN-20260615-000001', 3, %s, 'P003', 1)"
    with pytest.raises(psycopg.errors.ForeignKeyViolation), company.transaction() as session:
        session.write(beyond, order.id)


@pytest.mark.requirement("LOG-07")
def test_what_finance_and_the_warehouse_say_decides_whether_goods_leave(company: Database) -> None:
    prepaid = {"method": "wire", "terms": "prepaid"}
    ready, unpaid, unpacked, failed = (an_order(payment=prepaid) for _ in range(4))
    orders = (ready, unpaid, unpacked, failed)
    stored(company, *orders)
    with company.transaction() as session:
        stand_in(session, "finance.payment_status")
        stand_in(session, "warehouse.readiness")
        for order, paid in zip(orders, (40_000, 39_999, 40_000, 40_000), strict=True):
            session.write(
                "insert into finance.payment_status (order_id, terms, due_minor, paid_minor, currency)"
                " values (%s, 'prepaid', 40000, %s, 'CNY')",
                order.id,
                paid,
            )
        for order, packed, passed in (
            (ready, NOW, True),
            (unpaid, NOW, True),
            (unpacked, None, True),
            (failed, NOW, False),
        ):
            session.write(
                "insert into warehouse.readiness (order_id, reserved, packed_at, inspected_at, inspection_passed,"
                " packages, weight_grams) values (%s, true, %s, %s, %s, 2, 1050)",
                order.id,
                packed,
                NOW,
                passed,
            )
    activities = ("finance.review", "warehouse.prepare", "logistics.plan", "logistics.ship")
    visits = [visit(order, activities) for order in orders]
    work(company, PLAN, visits)
    outcomes = work(company, SHIP, visits)
    assert isinstance(outcomes[ready.id], Passed)
    waiting = outcomes[unpaid.id]
    assert isinstance(waiting, Waiting)
    assert waiting.keys == (f"payment:{unpaid.id}",)
    for order, code in ((unpacked, "ship.not_packed"), (failed, "ship.inspection_failed")):
        outcome = outcomes[order.id]
        assert isinstance(outcome, Referred)
        assert [each.code for each in outcome.findings] == [code]
    assert rows(company, "select order_id, packages, weight_grams from logistics.shipments") == [(ready.id, 2, 1_050)]


@pytest.mark.requirement("LOG-07")
def test_only_approved_orders_leave(company: Database) -> None:
    states = {"in_review": Waiting, "returned": Waiting, "cancelled": Waiting, "approved": Passed, "prepared": Passed}
    for state, expected in states.items():
        order = an_order()
        stored(company, order, state=state)
        assert isinstance(work(company, SHIP, [visit(order)])[order.id], expected), state


@pytest.mark.requirement("LOG-06")
def test_what_is_on_its_way_is_called_back_once_and_may_leave_again(company: Database) -> None:
    order, never_shipped = an_order(), an_order()
    shipped(company, order)
    for _ in range(2):
        undo(company, SHIP, visit(order, now=NOW + timedelta(hours=1)), visit(never_shipped))
    assert rows(company, "select recalled_at from logistics.delivery_notes") == [(NOW + timedelta(hours=1),)]
    assert rows(company, "select distinct noted from logistics.ordered_lines") == [(0,)]
    assert breaches(company, INVARIANTS) == []
    work(company, SHIP, [visit(order, SHIPPING)])
    assert rows(company, STATUS, order.id)[0][:2] == ("DN-20260615-000002", "TRK-20260615-000002")
    assert breaches(company, INVARIANTS) == []


@pytest.mark.requirement("LOG-02")
def test_a_changed_order_is_noted_as_it_is_now(company: Database) -> None:
    order = an_order()
    shipped(company, order)
    undo(company, SHIP, visit(order))
    first, second = order.lines
    changed = structs.replace(order, lines=(structs.replace(first, quantity=1), second))
    with company.transaction() as session:
        session.write(AS_OWNER)
        session.write(UNGUARDED)
        session.write(
            "update core.order_documents set document = %s where order_id = %s", write_order(changed), order.id
        )
    work(company, SHIP, [visit(changed, SHIPPING)])
    assert rows(company, "select ordered, noted from logistics.ordered_lines order by line") == [(1, 1), (2, 2)]
    assert breaches(company, INVARIANTS) == []


# -- delivery ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("LOG-06")
def test_a_delivery_is_booked_once_and_wakes_its_order(company: Database) -> None:
    order = an_order()
    (tracking,) = shipped(company, order)
    first, again = NOW + timedelta(days=1), NOW + timedelta(days=2)
    booked = report(company, book_deliveries, delivery(order, tracking, first), delivery(order, tracking, again))
    assert booked == Booked({f"delivered:{order.id}"}, {})
    assert report(company, book_deliveries, delivery(order, tracking, again)).refused == {}
    assert rows(company, STATUS, order.id)[0][5] == first


@pytest.mark.requirement("LOG-06")
def test_only_the_shipment_with_that_number_is_delivered(company: Database) -> None:
    one, other = an_order(), an_order()
    tracking_one, tracking_other = shipped(company, one, other)
    unknown, _ = delivery(one, tracking_one)
    booked = report(
        company,
        book_deliveries,
        delivery(one, tracking_other),
        delivery(one, "TRK-404"),
        (unknown, None),
        delivery(other, tracking_other),
    )
    assert {fact: refusal.code for fact, refusal in booked.refused.items()} == {
        "0": "delivery.no_such_shipment",
        "1": "delivery.no_such_shipment",
        "2": "delivery.order_unknown",
    }
    assert booked.wake == {f"delivered:{other.id}"}
    assert rows(company, STATUS, one.id)[0][5] is None


@pytest.mark.requirement("LOG-06")
def test_what_carriers_report_is_kept_with_the_slip_once(company: Database) -> None:
    order = an_order()
    (tracking,) = shipped(company, order)

    def tell(event: str, days: int, number: str = tracking) -> Booked:
        said = {"order": order.number, "tracking_number": number, "event": event, "place": "杭州"}
        at = NOW + timedelta(days=days)
        fact = CarrierReported.model_validate({"source": "SF", "fact_id": "f", "occurred_at": at, **said}, strict=False)
        return report(company, book_carrier_events, (fact, order))

    for _ in range(2):
        assert tell("in_transit", 1) == Booked([], {})
    assert tell("failed_delivery", 2) == Booked([], {})
    assert rows(company, STATUS, order.id)[0][5] is None
    assert tell("delivered", 3).wake == [f"delivered:{order.id}"]
    assert tell("delivered", 4).refused == {}
    assert rows(company, STATUS, order.id)[0][5] == NOW + timedelta(days=3), "the first report counts"
    assert tell("in_transit", 1, "TRK-404").refused["0"].code == "delivery.no_such_shipment"
    kept = rows(company, "select event, place from logistics.carrier_events order by at")
    assert kept == [("in_transit", "杭州"), ("failed_delivery", "杭州"), ("delivered", "杭州"), ("delivered", "杭州")]


@pytest.mark.requirement("LOG-06")
def test_a_carriers_slow_clock_delivers_no_earlier_than_we_shipped(company: Database) -> None:
    order = an_order()
    (tracking,) = shipped(company, order)
    report(company, book_deliveries, delivery(order, tracking, NOW - timedelta(minutes=1)))
    assert rows(company, STATUS, order.id)[0][5] == NOW


@pytest.mark.requirement("LOG-06")
def test_what_was_delivered_cannot_be_called_back_and_what_was_called_back_is_not_delivered(company: Database) -> None:
    kept, recalled = an_order(), an_order()
    tracking_kept, tracking_recalled = shipped(company, kept, recalled)
    report(company, book_deliveries, delivery(kept, tracking_kept))
    undo(company, SHIP, visit(kept), visit(recalled))
    booked = report(company, book_deliveries, delivery(recalled, tracking_recalled))
    assert booked.refused["0"].code == "delivery.no_such_shipment"
    assert rows(company, "select tracking_number from logistics.shipments where recalled_at is null") == [
        (tracking_kept,)
    ]
    assert breaches(company, INVARIANTS) == []


@pytest.mark.requirement("PLT-01")
def test_an_order_reads_its_own_rows_however_many_there_are(company: Database) -> None:
    shipped(company, *(an_order() for _ in range(200)))
    order = an_order()
    stored(company, order)
    visits = [visit(order, SHIPPING)]
    with company.transaction() as session:
        before = rows_read(session, "logistics")
        for activity in (PLAN, SHIP):
            facts = activity.load(session, visits)
            outcome = activity.decide(visits[0], facts)
            assert isinstance(outcome, Passed)
            activity.save(session, outcome.effects)
        found = session.row(STATUS, order.id)
        assert found is not None
        fact, _ = delivery(order, found[1])
        assert book_deliveries(session, [ReportedFact("f", order.id, fact, NOW)]).refused == {}
        for activity in (SHIP, PLAN):
            activity.undo(session, visits)
        read = rows_read(session, "logistics")
        assert {table: rows for table, rows in read.items() if rows - before[table] > 20} == {}


# -- master data and the audit -----------------------------------------------------------------------------------------


def test_master_data_is_read_and_loaded_again(database: Database, tmp_path: Path) -> None:
    (tmp_path / "carriers.csv").write_text("code,name_zh,name_en,active\nSF,顺丰,,yes\nDB,,Deppon,\n", encoding="utf-8")
    heading = "carrier,country,region,base_fee,per_kg_fee,currency,transit_days\n"
    for fee in ("12.00", "13.50"):
        (tmp_path / "carrier_rates.csv").write_text(
            f"{heading}SF,CN,,{fee},2,CNY,2\nSF,CN,西藏,30,8,CNY,6\nDB,JP,,1500,300,JPY,7\n", encoding="utf-8"
        )
        with database.transaction() as session:
            for file in MASTER:
                read, errors = master.read(tmp_path / f"{file.name}.csv", file)
                assert errors == []
                file.save(session, read)  # type: ignore[arg-type]
    assert rows(database, "select code, name_zh, name_en, active from logistics.carriers order by code") == [
        ("DB", "Deppon", "Deppon", True),
        ("SF", "顺丰", "顺丰", True),
    ]
    fees = "select country, region, base_fee_minor, per_kg_fee_minor from logistics.carrier_rates order by 1, 2"
    assert rows(database, fees) == [("CN", "", 1_350, 200), ("CN", "西藏", 3_000, 800), ("JP", "", 1_500, 300)]


@pytest.mark.parametrize(
    ("changes", "column"),
    [({"base_fee": "1.005"}, ""), ({"transit_days": "-1"}, "transit_days"), ({"country": "China"}, "country")],
)
def test_bad_rates_are_told_with_their_line(tmp_path: Path, changes: dict[str, str], column: str) -> None:
    cells = {
        "carrier": "SF",
        "country": "CN",
        "base_fee": "1",
        "per_kg_fee": "1",
        "currency": "CNY",
        "transit_days": "1",
    }
    cells |= changes
    path = tmp_path / "carrier_rates.csv"
    path.write_text(f"{','.join(cells)}\n{','.join(cells.values())}\n", encoding="utf-8")
    read, errors = master.read(path, MASTER[1])
    assert read == []
    assert [(error.line, error.column) for error in errors] == [(2, column)]


BROKEN = [
    ("logistics.noted_is_sum_of_notes", "update logistics.ordered_lines set noted = 1 where line = 1"),
    ("logistics.shipment_carries_its_note", "update logistics.shipments set quantity = 4"),
    ("logistics.shipment_carries_its_note", "update logistics.shipments set recalled_at = now()"),
    ("logistics.ordered_as_in_document", "update logistics.ordered_lines set ordered = 4 where line = 1"),
    ("logistics.closed_orders_hold_nothing", "update core.orders set state = 'cancelled'"),
    (
        "logistics.shipped_within_ordered",
        """
        alter table logistics.shipments drop constraint uq_shipments_note;
        insert into logistics.shipments select 'TRK-2', note, order_id, carrier, packages, weight_grams, quantity,
            shipped_at, null, null, 0 from logistics.shipments
        """,
    ),
    (
        "logistics.notes_within_order",
        """
        insert into logistics.delivery_notes select 'DN-2', order_id, customer, customer_name, address, country, region,
            carrier, issued_at, null, null, 2 from logistics.delivery_notes;
        insert into logistics.delivery_note_lines select 'DN-2', line, order_id, product, quantity
            from logistics.delivery_note_lines
        """,
    ),
]


@pytest.mark.requirement("LOG-02", "LOG-06")
def test_the_audit_names_what_does_not_hold(company: Database) -> None:
    shipped(company, an_order())
    assert breaches(company, INVARIANTS) == []
    for code, damage in BROKEN:
        assert code in breaches_after(company, damage, INVARIANTS), damage
