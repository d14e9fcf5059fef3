"""Orders at the door, against a real PostgreSQL: accepted, repeated, conflicting or refused, each with its reasons."""

import json
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from messages.batch import Batch
from messages.events import data_of
from messages.orders import Order
from shared.audit import audit
from shared.database import Database, Row
from shared.settings import Settings
from tests.support.company import handed_in, load_company, raw
from tests.support.orders import NOW, submitted
from workers.intake.accept import Receipt, Verdict, accept_orders, rulebook
from workers.intake.main import limits

LIMITS = limits(Settings())
TODAY = NOW.date()


@dataclass
class Door:
    """Intake over one database; what it would publish stands in `published`."""

    database: Database
    published: list[Batch] = field(default_factory=list)

    def take(self, *bodies: bytes, now: datetime = NOW) -> list[Receipt]:
        with self.database.transaction() as session:
            receipts, batches = accept_orders(session, handed_in(bodies), LIMITS, rulebook(), now)
        self.published += batches
        return receipts

    def rows(self, sql: str, *params: object) -> list[Row]:
        with self.database.transaction() as session:
            return session.rows(sql, *params)

    def count(self, table: str) -> int:
        return int(self.rows(f"select count(*) from {table}")[0][0])

    def document(self, number: str | None) -> Order:
        (row,) = self.rows(
            "select document from core.order_headers join core.order_documents using (order_id) where number = %s",
            number,
        )
        return Order.model_validate_json(row[0])

    def told(self) -> Counter[str]:
        """Types of the events in the outbox, each of which keeps its contract."""
        rows = self.rows("select type, data from core.outbox")
        for type_, data in rows:
            data_of(type_).model_validate_json(data)
        return Counter(type_ for type_, _ in rows)

    def faults(self) -> list[dict[str, str]]:
        """Of the last refusal, as it is kept."""
        (row,) = self.rows("select errors from core.refusals order by id desc limit 1")
        errors: list[dict[str, str]] = json.loads(row[0])
        return errors

    def assert_clean(self) -> None:
        assert audit(self.database, []).breaches == ()


@pytest.fixture
def door(database: Database, tmp_path: Path) -> Door:
    load_company(database, tmp_path)
    return Door(database)


def verdicts(receipts: Sequence[Receipt]) -> list[str]:
    return [receipt.verdict for receipt in receipts]


def codes(receipt: Receipt) -> dict[str, str]:
    return {error.field: error.code for error in receipt.errors}


# -- accepted ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("ENT-05")
def test_an_order_is_in_the_database_with_its_number_when_it_is_answered(door: Door) -> None:
    (receipt,) = door.take(raw("A", special_requirements="木箱包装 📦", customer_order_number="PO-1", creator="sam"))
    assert (receipt.verdict, receipt.number, receipt.errors) == (Verdict.ACCEPTED, "SO-20260615-000001", ())
    order = door.document(receipt.number)
    assert (order.number, order.source, order.external_id, order.creator) == (receipt.number, "shop", "A", "sam")
    assert (order.total_minor, order.total_base_minor, order.currency) == (40_000, 40_000, "CNY")
    assert [(line.product, line.quantity, line.amount_minor) for line in order.lines] == [
        ("P001", 3, 30_000),
        ("P002", 2, 10_000),
    ]
    assert (order.customer_class, order.new_customer) == ("A", True)
    assert (order.special_requirements, order.customer_order_number) == ("木箱包装 📦", "PO-1")
    assert (order.created_at, order.customer.name) == (NOW, "上海明珠贸易有限公司")
    assert door.rows("select state, round, open, definition, policy from core.orders") == [
        ("in_review", 1, ["check"], "standard@1", "standard@1")
    ]
    assert [(batch.department, batch.size) for batch in door.published] == [("sales_review", 1)]
    assert door.told() == {"orderflow.order.in_review": 1}
    door.assert_clean()


def test_many_orders_travel_on_together(door: Door) -> None:
    receipts = door.take(*[raw(f"A{number}") for number in range(300)])
    assert [receipt.number for receipt in receipts] == [f"SO-20260615-{number:06d}" for number in range(1, 301)]
    assert [batch.size for batch in door.published] == [256, 44]
    door.assert_clean()


@pytest.mark.requirement("PRC-04")
def test_a_definition_is_taken_by_name_or_by_sale_type(door: Door) -> None:
    door.take(raw("A"), raw("B", definition="express"), raw("C", sale_type="foreign"))
    assert door.rows("select definition from core.orders order by id") == [
        ("standard@1",),
        ("express@1",),
        ("standard@1",),
    ]


def test_an_order_without_a_creator_was_made_by_its_source(door: Door) -> None:
    (receipt,) = door.take(raw("A", creator=None))
    assert door.document(receipt.number).creator == "shop"


@pytest.mark.requirement("ENT-03")
def test_lines_are_rounded_half_up_and_the_total_is_their_sum(door: Door) -> None:
    lines = [{"product": "P001", "quantity": 3, "unit_price": "0.05", "discount_percent": "10"}] * 2  # 0.135 each
    (receipt,) = door.take(raw("A", lines=lines, total="0.28"))
    assert door.document(receipt.number).total_minor == 28


@pytest.mark.requirement("ENT-05")
def test_numbers_are_of_the_business_day(door: Door) -> None:
    before, after = datetime(2026, 6, 15, 15, 59, tzinfo=UTC), datetime(2026, 6, 15, 16, 0, tzinfo=UTC)
    (one,) = door.take(raw("A"), now=before)
    (two,) = door.take(raw("B"), now=after)
    assert (one.number, two.number) == ("SO-20260615-000001", "SO-20260616-000001")


@pytest.mark.requirement("ENT-05")
def test_numbers_are_never_shared_nor_used_again(door: Door) -> None:
    start = threading.Barrier(6)
    numbers: list[str | None] = []

    def clerk(name: int) -> None:
        start.wait(10)
        for batch in range(5):
            bodies = [raw(f"{name}/{batch}/{order}") for order in range(10)]
            numbers.extend(receipt.number for receipt in door.take(*bodies, b"not an order"))

    run(*[lambda name=name: clerk(name) for name in range(6)])
    given = [number for number in numbers if number]
    assert len(given) == len(set(given)) == 300
    (again,) = door.take(raw("last"))
    assert again.number not in given
    door.assert_clean()


# -- repeats and conflicts ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("APR-01", "PLT-03")
def test_the_same_again_gets_the_same_number_and_starts_nothing(door: Door) -> None:
    (first,) = door.take(raw("A"))
    shuffled = json.dumps(dict(reversed(submitted("A").items())), indent=3).encode()
    again = door.take(raw("A"), shuffled)
    assert [(receipt.verdict, receipt.number) for receipt in again] == [(Verdict.REPEATED, first.number)] * 2
    assert (door.count("core.orders"), door.count("core.events"), len(door.published)) == (1, 1, 1)
    assert door.told() == {"orderflow.order.in_review": 1, "orderflow.submission.repeated": 2}
    assert door.count("core.refusals") == 0
    door.assert_clean()


def test_other_content_under_the_same_name_is_a_recorded_conflict(door: Door) -> None:
    (first,) = door.take(raw("A"))
    changed = raw("A", total="300.00", lines=[{"product": "P001", "quantity": 3, "unit_price": "100.00"}])
    (receipt,) = door.take(changed)
    assert (receipt.verdict, receipt.number, codes(receipt)) == ("conflict", first.number, {"external_id": "conflict"})
    assert door.document(first.number).total_minor == 40_000
    assert [(kind, bytes(kept)) for kind, kept in door.rows("select kind, raw from core.refusals")] == [
        ("conflict", changed)
    ]
    assert door.told()["orderflow.submission.refused"] == 1
    door.assert_clean()


def test_repeats_and_conflicts_within_one_batch(door: Door) -> None:
    receipts = door.take(raw("A"), raw("A"), raw("A", channel="fax"), raw("A", source="other"))
    assert verdicts(receipts) == ["accepted", "repeated", "conflict", "accepted"]
    assert receipts[1].number == receipts[2].number == receipts[0].number != receipts[3].number
    assert door.count("core.orders") == 2
    door.assert_clean()


def test_the_twin_of_a_refused_order_is_refused_too(door: Door) -> None:
    bad = raw("A", total="1.00")
    one, two = door.take(bad, bad)
    assert verdicts([one, two]) == ["refused", "refused"]
    assert one.errors == two.errors
    assert door.count("core.refusals") == 2
    (later,) = door.take(raw("A"))  # a refused order has not used up its name
    assert later.verdict == "accepted"


@pytest.mark.requirement("ENT-10")
def test_a_customers_own_number_is_taken_once(door: Door) -> None:
    (first,) = door.take(raw("A", customer_order_number="PO-1"))
    same, others = door.take(
        raw("B", customer_order_number="PO-1"),
        raw("C", customer_order_number="PO-1", customer={"code": "C002", "name": "广州南海"}),
    )
    assert (same.verdict, others.verdict) == ("refused", "accepted")
    assert codes(same) == {"customer_order_number": "duplicate"}
    assert first.number
    assert first.number in same.errors[0].reason
    door.assert_clean()


@pytest.mark.requirement("ENT-10")
def test_a_customers_own_number_is_taken_once_within_a_batch(door: Door) -> None:
    receipts = door.take(*[raw(name, customer_order_number="PO-1") for name in "ABC"], raw("D"), raw("E"))
    assert verdicts(receipts) == ["accepted", "refused", "refused", "accepted", "accepted"]
    assert door.count("core.orders") == 3
    door.assert_clean()


@pytest.mark.requirement("PLT-03")
def test_two_intakes_with_the_same_submissions_make_each_order_once(door: Door) -> None:
    bodies = [raw(f"A{number}", customer_order_number=f"PO-{number}") for number in range(60)]
    start = threading.Barrier(4)
    answers: list[list[Receipt]] = []

    def intake(mine: list[bytes]) -> None:
        start.wait(10)
        answers.append(door.take(*mine))

    run(*[lambda mine=mine: intake(mine) for mine in (bodies, bodies[::-1], bodies[30:] + bodies[:30], bodies)])
    told = Counter(receipt.verdict for receipts in answers for receipt in receipts)
    assert told == {"accepted": 60, "repeated": 180}
    assert door.count("core.orders") == door.count("core.order_headers") == 60
    assert sum(batch.size for batch in door.published) == 60
    door.assert_clean()


def run(*work: Any) -> None:
    """All at once; what one of them raises fails the test."""
    failed: list[BaseException] = []

    def one(what: Any) -> None:
        try:
            what()
        except BaseException as error:  # noqa: BLE001 - shown below
            failed.append(error)

    threads = [threading.Thread(target=one, args=(what,)) for what in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert not any(thread.is_alive() for thread in threads)


# -- refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("ENT-02", "ENT-03")
def test_every_fault_of_a_well_formed_order_is_named_at_once(door: Door) -> None:
    (receipt,) = door.take(
        raw(
            "A",
            customer={"code": "C404", "name": "谁"},
            contact={"name": "王芳"},
            requested_date=(TODAY - timedelta(days=1)).isoformat(),
            lines=[
                {"product": "P001", "quantity": 3, "unit_price": "100.00"},
                {"product": "P404", "quantity": 1, "unit_price": "1.00"},
            ],
            total="300.00",
            definition="d99",
        )
    )
    assert receipt.verdict == "refused"
    assert codes(receipt) == {
        "customer.code": "unknown_customer",
        "contact": "unreachable",
        "requested_date": "in_the_past",
        "lines.1.product": "unknown_product",
        "total": "total_differs",
        "definition": "unknown_definition",
    }
    (total,) = [error for error in receipt.errors if error.field == "total"]
    assert "300.00" in total.reason
    assert "301.00" in total.reason
    assert door.faults() == [error.model_dump() for error in receipt.errors]


@pytest.mark.requirement("ENT-01", "ENT-02", "ENT-04", "INT-01", "PRC-03")
def test_every_badly_formed_field_is_named_at_once(door: Door) -> None:
    body = submitted("A", channel="pigeon", sale_type="barter", entry_system="SAP", currency="yuan", total="-1")
    body["customer"]["name"] = " "
    body["contact"] |= {"phone": "call me", "email": "nobody"}
    body["lines"][0] |= {"quantity": 0, "unit_price": "-1", "colour": "red"}
    body["lines"][1] |= {"quantity": "2", "discount_percent": "100.01"}
    body["requested_date"] = "next week"
    body["payment"]["terms"] = "some day"
    del body["delivery"]
    (receipt,) = door.take(json.dumps(body).encode())
    assert set(codes(receipt)) == {
        "channel", "sale_type", "entry_system", "currency", "total", "customer.name", "contact.phone", "contact.email",
        "lines.0.quantity", "lines.0.unit_price", "lines.0.colour", "lines.1.quantity", "lines.1.discount_percent",
        "requested_date", "payment.terms", "delivery",
    }  # fmt: skip
    assert door.rows("select source, external_id, kind, origin from core.refusals") == [
        ("shop", "A", "order", "test 1")
    ]


@pytest.mark.requirement("ENT-02")
def test_the_day_itself_is_not_in_the_past(door: Door) -> None:
    assert verdicts(door.take(raw("A", requested_date=TODAY.isoformat()))) == ["accepted"]


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"currency": "XTS"}, {"currency": "unknown_currency"}),
        ({"currency": "JPY", "total": "400.50"}, {"total": "amount"}),
        ({"total": "399.99"}, {"total": "total_differs"}),
        ({"total": "400.001"}, {"total": "amount"}),
        ({"lines": []}, {"lines": "too_short"}),
    ],
)
@pytest.mark.requirement("ENT-03")
def test_money_that_does_not_add_up(door: Door, changes: dict[str, Any], faults: dict[str, str]) -> None:
    (receipt,) = door.take(raw("A", **changes))
    assert codes(receipt) == faults


def test_amounts_that_no_book_could_add_up_are_not_taken(door: Door) -> None:
    lines = [{"product": "P001", "quantity": 1_000_000_000, "unit_price": "9999999999.00"}]
    (receipt,) = door.take(raw("A", lines=lines, total="9999999999000000"))
    assert codes(receipt) == {"total": "too_large"}


HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"order: 1",
    "cut off": raw("H")[:-1],
    "a list": b"[" + raw("H") + b"]",
    "a number": b"42",
    "null": b"null",
    "binary": bytes(range(256)),
    "another encoding": raw("H").decode().encode("gbk"),
    "UTF-16": raw("H").decode().encode("utf-16"),
    "NUL escaped": raw("H", special_requirements="a\x00b").replace(b"\x00", b"\\u0000"),
    "NUL as a byte": raw("H", special_requirements="#").replace(b"#", b"\x00"),
    "NUL in the name of a field": raw("H")[:-1] + b', "a\\u0000": 1}',
    "half a surrogate": raw("H", special_requirements="#").replace(b"#", b"\\ud83d"),
    "the other half": raw("H", source="#").replace(b"#", b"\\udc4d"),
    "half a surrogate as bytes": raw("H", special_requirements="#").replace(b"#", b"\xed\xa0\xbd"),
    "nested deeply": b'{"customer":' * 100 + b"1" + b"}" * 100,
    "nested without end": b"[" * 500_000,
    "nested in a field": raw("H", special_requirements="#").replace(b'"#"', b"[" * 50 + b"]" * 50),
    "2 MB of text": raw("H", special_requirements="x" * 2_000_000),
    "2 MB of blanks": raw("H") + b" " * 2_000_000,
    "too many lines": raw("H", lines=[{"product": "P001", "quantity": 1, "unit_price": "1"}] * 2_001, total="2001"),
    "a number beyond all numbers": raw("H", total="#").replace(b'"#"', b"1" + b"0" * 5_000),
    "infinity": raw("H", total="#").replace(b'"#"', b"1e999"),
    "NaN": raw("H", total="#").replace(b'"#"', b"NaN"),
    "no number": raw("H", total="Infinity"),
    "text for a number": raw("H", total="vierhundert"),
    "version of tomorrow": raw("H", schema_version=2),
    "no version of ours": raw("H", schema_version="1"),
    "a field of tomorrow": raw("H", loyalty_points=7),
}


@pytest.mark.requirement("PLT-04")
def test_whatever_comes_in_is_kept_and_its_neighbours_go_on(door: Door, subtests: pytest.Subtests) -> None:
    for kind, body in HOSTILE.items():
        with subtests.test(kind):
            receipts = door.take(raw(f"before {kind}"), body, raw(f"after {kind}"))
            assert verdicts(receipts) == ["accepted", "refused", "accepted"]
            assert receipts[1].errors
            assert door.faults() == [error.model_dump() for error in receipts[1].errors]
    assert [bytes(kept) for (kept,) in door.rows("select raw from core.refusals order by id")] == [*HOSTILE.values()]
    assert door.told() == {"orderflow.order.in_review": 2 * len(HOSTILE), "orderflow.submission.refused": len(HOSTILE)}
    door.assert_clean()


@pytest.mark.requirement("PLT-04")
def test_all_of_it_at_once(door: Door) -> None:
    good = [raw(f"good {number}") for number in range(len(HOSTILE))]
    receipts = door.take(*[body for pair in zip(HOSTILE.values(), good, strict=True) for body in pair])
    assert verdicts(receipts) == ["refused", "accepted"] * len(HOSTILE)
    assert door.count("core.refusals") == len(HOSTILE)
    door.assert_clean()


def test_a_key_given_twice_counts_as_what_stands_last(door: Door) -> None:
    (receipt,) = door.take(raw("A")[:-1] + b', "external_id": "B"}')
    assert door.document(receipt.number).external_id == "B"


TEXT = "龘 👩‍👩‍👧‍👦 e\u0301 é 'quote' \"double\" back\\slash {brace} %s $1; drop table core.orders; -- \u2028\t\n"


def test_any_text_is_stored_as_it_came(door: Door) -> None:
    body = submitted("A" + TEXT.strip()[:40], special_requirements=TEXT)
    body["customer"]["name"] = body["delivery"]["address"] = body["delivery"]["region"] = TEXT
    (receipt,) = door.take(json.dumps(body).encode())
    order = door.document(receipt.number)
    assert (order.special_requirements, order.customer.name, order.delivery.address) == (TEXT, TEXT, TEXT)
    assert order.external_id == body["external_id"]
    assert door.rows("select external_id, customer_name from core.order_headers") == [(body["external_id"], TEXT)]
    assert verdicts(door.take(json.dumps(body, ensure_ascii=False).encode())) == ["repeated"]
    door.assert_clean()
