"""What after-sales keeps, against a real PostgreSQL."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from threading import Thread

import psycopg
import pytest

from messages.facts.after_sales import ReceiptConfirmed, SurveyAnswered
from messages.orders import Order
from shared.database import Database
from shared.department import Booked, Passed, Referred, ReportedFact, Waiting
from tests.support.fulfilment import (
    breaches,
    breaches_after,
    put_into,
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
from workers.after_sales.activities import after_sales, book_answers, book_receipts
from workers.after_sales.books import INVARIANTS

RECEIPT = after_sales.activities["after_sales.receipt"]
ARCHIVE = after_sales.activities["after_sales.archive"]
SHIPS = ("logistics.ship",)
DAY = timedelta(days=1)
HISTORY = "select archived_orders, first_archived_at, last_archived_at from after_sales.customer_history"
AMOUNTS = "select customer, currency, orders, total_minor from after_sales.profile_amounts order by customer, currency"
SCORES = "select surveys_answered, score_total from after_sales.profiles"


def send_out(database: Database, *orders: Order, delivered_at: datetime | None = None) -> None:
    """Goods on their way since `NOW`, as logistics tells it."""
    with database.transaction() as session:
        for order in orders:
            session.write(
                """
                with note as (
                    insert into logistics.delivery_notes
                        (number, order_id, customer, customer_name, address, country, region, issued_at, part)
                    values (%s, %s, 'C001', 'x', 'x', 'CN', '', %s, 1) returning number, order_id, issued_at
                )
                insert into logistics.shipments
                    (tracking_number, note, order_id, quantity, shipped_at, delivered_at, rest)
                select %s, number, order_id, 5, issued_at, %s, 0 from note
                """,
                f"DN-{order.number}",
                order.id,
                NOW,
                f"TRK-{order.number}",
                delivered_at,
            )


def confirmation(order: Order, remarks: str = "", at: datetime = NOW + DAY) -> tuple[ReceiptConfirmed, Order]:
    fact = ReceiptConfirmed(source="shop", fact_id="f", occurred_at=at, order=order.number, remarks=remarks)
    return fact, order


def answer(order: Order, score: int, comment: str = "") -> tuple[SurveyAnswered, Order]:
    fact = SurveyAnswered(
        source="shop", fact_id="f", occurred_at=NOW + DAY, order=order.number, score=score, comment=comment
    )
    return fact, order


def asked(database: Database, *orders: Order) -> None:
    """Orders whose goods have come and whose customers have been sent the questionnaire."""
    stored(database, *orders, state="shipped")
    send_out(database, *orders)
    report(database, book_receipts, *map(confirmation, orders))
    work(database, RECEIPT, [visit(order, SHIPS) for order in orders])


def archived(database: Database, *orders: Order, now: datetime = NOW) -> None:
    work(database, ARCHIVE, [visit(order, now=now) for order in orders])
    put_into(database, "archived", *orders)


def of_customer(code: str, currency: str = "CNY", total: int = 40_000) -> Order:
    return an_order(customer={"code": code, "name": code}, currency=currency, total_minor=total)


# -- receipt -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("AFT-01", "AFT-08")
def test_a_confirmation_is_recorded_wakes_the_order_and_sends_one_questionnaire(database: Database) -> None:
    order = an_order()
    stored(database, order, state="shipped")
    send_out(database, order)
    waiting = work(database, RECEIPT, [visit(order, SHIPS)])[order.id]
    assert isinstance(waiting, Waiting)
    booked = report(database, book_receipts, confirmation(order, "一箱受潮"))
    assert set(booked.wake) == {f"receipt:{order.id}"} & set(waiting.keys)
    for _ in range(2):
        assert isinstance(work(database, RECEIPT, [visit(order, SHIPS)])[order.id], Passed)
    assert rows(database, "select order_id, confirmed_at from after_sales.receipt_status") == [(order.id, NOW + DAY)]
    assert rows(database, "select reported_by, remarks from after_sales.receipts") == [("shop", "一箱受潮")]
    assert rows(
        database, "select event_id, data from core.outbox_events where type = 'orderflow.survey.requested'"
    ) == [
        (
            f"{order.id}/survey",
            f'{{"schema_version":1,"order":"{order.number}","customer":"C001","lowest":1,"highest":5}}',
        )
    ]
    assert breaches(database, INVARIANTS) == []


@pytest.mark.requirement("AFT-01")
def test_a_second_confirmation_changes_nothing(database: Database) -> None:
    order = an_order()
    stored(database, order, state="shipped")
    send_out(database, order)
    report(database, book_receipts, confirmation(order, "first"), confirmation(order, "second", NOW + 2 * DAY))
    booked = report(database, book_receipts, confirmation(order, "third", NOW + 3 * DAY))
    assert booked.refused == {}
    assert rows(database, "select confirmed_at, remarks from after_sales.receipts") == [(NOW + DAY, "first")]


@pytest.mark.requirement("AFT-01")
def test_a_receipt_before_shipment_is_refused(database: Database) -> None:
    shipped, kept, unknown = an_order(), an_order(), an_order()
    stored(database, shipped, kept, state="shipped")
    send_out(database, shipped)
    booked = report(
        database, book_receipts, confirmation(kept), (confirmation(unknown)[0], None), confirmation(shipped)
    )
    assert {fact: (refusal.code, refusal.subject) for fact, refusal in booked.refused.items()} == {
        "0": ("receipt.before_shipment", kept.number),
        "1": ("receipt.order_unknown", unknown.number),
    }
    assert booked.wake == [f"receipt:{shipped.id}"]
    assert rows(database, "select order_id from after_sales.receipts") == [(shipped.id,)]


@pytest.mark.requirement("AFT-01")
def test_a_slow_clock_receives_no_earlier_than_we_shipped(database: Database) -> None:
    order = an_order()
    stored(database, order)
    send_out(database, order)
    report(database, book_receipts, confirmation(order, at=NOW - DAY))
    assert rows(database, "select confirmed_at from after_sales.receipts") == [(NOW,)]
    assert breaches(database, INVARIANTS) == []


@pytest.mark.requirement("AFT-02")
def test_seven_days_after_delivery_a_clerk_confirms_for_the_customer(database: Database) -> None:
    order = an_order()
    stored(database, order, state="shipped")
    delivered = datetime(2026, 6, 15, 17, 0, tzinfo=UTC)  # the next day already in Shanghai
    send_out(database, order, delivered_at=delivered)
    last_moment = visit(order, SHIPS, delivered + 7 * DAY - timedelta(microseconds=1))
    assert isinstance(work(database, RECEIPT, [last_moment])[order.id], Waiting)
    over = visit(order, SHIPS, delivered + 7 * DAY)
    referred = work(database, RECEIPT, [over])[order.id]
    assert isinstance(referred, Referred)
    assert referred.findings[0].values == {"delivered": "2026-06-16", "days": 7}
    assert rows(database, "select 1 from after_sales.receipts") == []
    work(database, RECEIPT, [over], agree=True)
    assert rows(database, "select confirmed_at, reported_by from after_sales.receipts") == [(over.now, None)]
    assert rows(database, "select issued_at from after_sales.surveys") == [(over.now,)]
    assert breaches(database, INVARIANTS) == []


@pytest.mark.requirement("AFT-01")
def test_undoing_leaves_what_the_customer_said(database: Database) -> None:
    order = an_order()
    asked(database, order)
    undo(database, RECEIPT, visit(order))
    assert rows(database, "select order_id from after_sales.receipts") == [(order.id,)]


# -- questionnaire -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("AFT-08")
def test_the_first_answer_counts_and_a_second_is_refused(database: Database) -> None:
    order = an_order()
    asked(database, order)
    same_batch = report(database, book_answers, answer(order, 4, "很好"), answer(order, 1))
    assert [(fact, refusal.code) for fact, refusal in same_batch.refused.items()] == [("1", "survey.answered_already")]
    later = report(database, book_answers, answer(order, 2))
    assert later.refused["0"].code == "survey.answered_already"
    assert rows(database, "select score, comment from after_sales.surveys") == [(4, "很好")]


@pytest.mark.requirement("AFT-08")
def test_scores_off_the_scale_are_refused(database: Database) -> None:
    scores = {0: False, 1: True, 5: True, 6: False, 10**9: False}
    orders = [an_order() for _ in scores]
    asked(database, *orders)
    booked = report(database, book_answers, *map(answer, orders, scores))
    assert {fact: (refusal.code, dict(refusal.values)) for fact, refusal in booked.refused.items()} == {
        str(place): ("survey.off_the_scale", {"score": score, "lowest": 1, "highest": 5})
        for place, (score, accepted) in enumerate(scores.items())
        if not accepted
    }
    answered = rows(database, "select score from after_sales.surveys where score is not null order by score")
    assert answered == [(1,), (5,)]


@pytest.mark.requirement("AFT-08")
def test_an_answer_before_the_goods_have_come_is_refused(database: Database) -> None:
    order, unknown = an_order(), an_order()
    stored(database, order, state="shipped")
    send_out(database, order)
    refused = report(database, book_answers, answer(order, 5), (answer(unknown, 5)[0], None)).refused
    assert [refused["0"].code, refused["1"].code] == ["survey.not_issued", "survey.order_unknown"]


@pytest.mark.requirement("AFT-08")
def test_the_database_refuses_scores_off_the_scale_and_a_second_questionnaire(database: Database) -> None:
    order = an_order()
    asked(database, order)
    with pytest.raises(psycopg.errors.CheckViolation), database.transaction() as session:
        session.write("update after_sales.surveys set score = 6, answered_at = now(), comment = ''")
    with pytest.raises(psycopg.errors.UniqueViolation), database.transaction() as session:
        session.write("insert into after_sales.surveys select * from after_sales.surveys")


# -- archive and profile -----------------------------------------------------------------------------------------------


@pytest.mark.requirement("AFT-09", "CRM-02", "CRM-04")
def test_archiving_adds_the_orders_to_their_customers_profiles(database: Database) -> None:
    first = [of_customer("B"), of_customer("A", "USD", 5), of_customer("B", total=1), of_customer("B", "USD", 7)]
    second = [of_customer("B", total=10), of_customer("C", total=0)]
    stored(database, *first, *second)
    assert rows(database, HISTORY) == []
    archived(database, *first)
    archived(database, *second, now=NOW + DAY)
    assert rows(database, f"{HISTORY} order by customer") == [
        (1, NOW, NOW),
        (4, NOW, NOW + DAY),
        (1, NOW + DAY, NOW + DAY),
    ]
    assert rows(database, AMOUNTS) == [
        ("A", "USD", 1, 5),
        ("B", "CNY", 3, 40_011),
        ("B", "USD", 1, 7),
        ("C", "CNY", 1, 0),
    ]
    assert breaches(database, INVARIANTS) == []


@pytest.mark.requirement("AFT-09")
def test_an_archived_order_is_archived_once_and_stays_as_it_is(database: Database) -> None:
    order = an_order()
    stored(database, order)
    archived(database, order)
    archived(database, order, now=NOW + DAY)
    undo(database, ARCHIVE, visit(order))
    assert rows(database, HISTORY) == [(1, NOW, NOW)]
    for change in ("update after_sales.archive set total_minor = 0", "delete from after_sales.archive"):
        with pytest.raises(psycopg.errors.RestrictViolation), database.transaction() as session:
            session.write(change)
    assert rows(database, "select order_id, total_minor from after_sales.archive") == [(order.id, 40_000)]


@pytest.mark.requirement("AFT-09")
def test_an_unsettled_order_is_not_archived_where_the_process_settles(database: Database) -> None:
    settled, unsettled, unknown = an_order(), an_order(), an_order()
    stored(database, settled, unsettled, unknown)
    with database.transaction() as session:
        stand_in(session, "finance.payment_status")
        session.write(
            "insert into finance.payment_status (order_id, settled_at) values (%s, %s), (%s, null)",
            settled.id,
            NOW,
            unsettled.id,
        )
    outcomes = work(database, ARCHIVE, [visit(order, ("finance.settle",)) for order in (settled, unsettled, unknown)])
    assert isinstance(outcomes[settled.id], Passed)
    assert isinstance(outcomes[unsettled.id], Waiting)
    assert isinstance(outcomes[unknown.id], Waiting)
    assert rows(database, "select order_id from after_sales.archive") == [(settled.id,)]


@pytest.mark.requirement("CRM-04")
def test_the_profile_gathers_the_answers_of_archived_orders_whenever_they_come(database: Database) -> None:
    early, late, never = an_order(), an_order(), an_order()
    asked(database, early, late, never)
    report(database, book_answers, answer(early, 5))
    archived(database, early, late, never)
    assert rows(database, SCORES) == [(1, 5)]
    report(database, book_answers, answer(late, 2))
    assert rows(database, SCORES) == [(2, 7)]
    assert breaches(database, INVARIANTS) == []


@pytest.mark.requirement("CRM-04")
def test_batches_with_the_same_customers_do_not_lock_each_other_out(database: Database) -> None:
    codes = [f"C{number:02}" for number in range(20)]
    batches = [[of_customer(code) for code in order] for order in (codes, codes[::-1]) * 4]
    errors: list[BaseException] = []

    def close(orders: Iterable[Order]) -> None:
        try:
            work(database, ARCHIVE, [visit(order) for order in orders])
        except BaseException as error:  # noqa: BLE001 — told to the test below
            errors.append(error)

    threads = [Thread(target=close, args=(batch,)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert rows(database, "select distinct archived_orders from after_sales.profiles") == [(8,)]


@pytest.mark.requirement("PLT-01")
def test_an_order_reads_its_own_rows_however_many_there_are(database: Database) -> None:
    others = [of_customer(f"C{number:03}") for number in range(200)]
    asked(database, *others)
    report(database, book_answers, *(answer(order, 3) for order in others))
    archived(database, *others)
    order = of_customer("C100")
    stored(database, order)
    send_out(database, order)
    visits = [visit(order, ("logistics.ship", "after_sales.archive"))]
    with database.transaction() as session:
        before = rows_read(session, "after_sales") | rows_read(session, "logistics")
        book_receipts(session, [ReportedFact("f", order.id, confirmation(order)[0], NOW)])
        for activity in (RECEIPT, ARCHIVE):
            facts = activity.load(session, visits)
            outcome = activity.decide(visits[0], facts)
            assert isinstance(outcome, Passed)
            activity.save(session, outcome.effects)
        assert book_answers(session, [ReportedFact("f", order.id, answer(order, 3)[0], NOW)]).refused == {}
        read = rows_read(session, "after_sales") | rows_read(session, "logistics")
        assert {table: rows for table, rows in read.items() if rows - before[table] > 20} == {}


BROKEN = [
    ("after_sales.profiles_add_up", "update after_sales.profiles set archived_orders = 3"),
    ("after_sales.profiles_add_up", "update after_sales.profiles set score_total = 1"),
    ("after_sales.profiles_add_up", "delete from after_sales.profiles"),
    ("after_sales.amounts_add_up", "update after_sales.profile_amounts set total_minor = total_minor + 1"),
    ("after_sales.amounts_add_up", "delete from after_sales.profile_amounts"),
    ("after_sales.archived_orders_are_closed", "update core.orders set state = 'shipped'"),
    ("after_sales.received_after_shipment", "delete from logistics.shipments"),
    ("after_sales.asked_after_receipt", "delete from after_sales.receipts"),
]


@pytest.mark.requirement("CRM-04", "AFT-01", "AFT-08")
def test_the_audit_names_what_does_not_hold(database: Database) -> None:
    orders = [an_order(), an_order()]
    asked(database, *orders)
    report(database, book_answers, answer(orders[0], 4))
    archived(database, *orders)
    assert breaches(database, INVARIANTS) == []
    for code, damage in BROKEN:
        assert breaches_after(database, damage, INVARIANTS) == [code], damage


@pytest.mark.requirement("AFT-01")
def test_nothing_to_do_does_nothing(database: Database) -> None:
    assert work(database, RECEIPT, []) == {}
    assert work(database, ARCHIVE, []) == {}
    assert report(database, book_receipts) == Booked([], {})
    assert report(database, book_answers) == Booked((), {})
