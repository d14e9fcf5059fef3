"""Orders at the door, against a real PostgreSQL: accepted, repeated, conflicting or refused, each with its reasons."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.company import raw
from tests.support.office import Office, codes, verdicts
from tests.support.orders import NOW, submitted
from tests.support.waiting import at_once
from workers.intake.accept import Receipt, Verdict

TODAY = NOW.date()

# -- accepted ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("ENT-05")
def test_an_order_is_in_the_database_with_its_number_when_it_is_answered(office: Office) -> None:
    (receipt,) = office.take(raw("A", special_requirements="木箱包装 📦", customer_order_number="PO-1", creator="sam"))
    assert (receipt.verdict, receipt.number, receipt.errors) == (Verdict.ACCEPTED, "SO-20260615-000001", ())
    order = office.document(receipt.number)
    assert (order.number, order.source, order.external_id, order.creator) == (receipt.number, "shop", "A", "sam")
    assert (order.total_minor, order.total_base_minor, order.currency) == (40_000, 40_000, "CNY")
    assert [(line.product, line.quantity, line.amount_minor) for line in order.lines] == [
        ("P001", 3, 30_000),
        ("P002", 2, 10_000),
    ]
    assert (order.customer_class, order.new_customer) == ("A", True)
    assert (order.special_requirements, order.customer_order_number) == ("木箱包装 📦", "PO-1")
    assert (order.created_at, order.customer.name) == (NOW, "上海明珠贸易有限公司")
    assert office.rows("select state, round, open, definition, policy from core.orders") == [
        ("in_review", 1, ["check"], "standard@1", "standard@1")
    ]
    assert [(batch.department, batch.size) for batch in office.queue] == [("sales_review", 1)]
    assert office.told() == {"orderflow.order.in_review": 1}
    office.assert_clean()


def test_many_orders_travel_on_together(office: Office) -> None:
    receipts = office.take(*[raw(f"A{number}") for number in range(300)])
    assert [receipt.number for receipt in receipts] == [f"SO-20260615-{number:06d}" for number in range(1, 301)]
    assert [batch.size for batch in office.queue] == [256, 44]
    office.assert_clean()


@pytest.mark.requirement("PRC-04")
def test_a_definition_is_taken_by_name_or_by_sale_type(office: Office) -> None:
    office.take(raw("A"), raw("B", definition="express"), raw("C", sale_type="foreign"))
    assert office.rows("select definition from core.orders order by id") == [
        ("standard@1",),
        ("express@1",),
        ("standard@1",),
    ]


def test_an_order_without_a_creator_was_made_by_its_source(office: Office) -> None:
    (receipt,) = office.take(raw("A", creator=None))
    assert office.document(receipt.number).creator == "shop"


@pytest.mark.requirement("ENT-03")
def test_lines_are_rounded_half_up_and_the_total_is_their_sum(office: Office) -> None:
    lines = [{"product": "P001", "quantity": 3, "unit_price": "0.05", "discount_percent": "10"}] * 2  # 0.135 each
    (receipt,) = office.take(raw("A", lines=lines, total="0.28"))
    assert office.document(receipt.number).total_minor == 28


@pytest.mark.requirement("ENT-05")
def test_numbers_are_of_the_business_day(office: Office) -> None:
    office.now = datetime(2026, 6, 15, 15, 59, tzinfo=UTC)
    (one,) = office.take(raw("A"))
    office.now = datetime(2026, 6, 15, 16, 0, tzinfo=UTC)
    (two,) = office.take(raw("B"))
    assert (one.number, two.number) == ("SO-20260615-000001", "SO-20260616-000001")


@pytest.mark.requirement("ENT-05")
def test_numbers_are_never_shared_nor_used_again(office: Office) -> None:
    numbers: list[str | None] = []

    def clerk(name: int) -> None:
        for batch in range(5):
            bodies = [raw(f"{name}/{batch}/{order}") for order in range(10)]
            numbers.extend(receipt.number for receipt in office.take(*bodies, b"not an order"))

    at_once(*[lambda name=name: clerk(name) for name in range(6)])
    given = [number for number in numbers if number]
    assert len(given) == len(set(given)) == 300
    (again,) = office.take(raw("last"))
    assert again.number not in given
    office.assert_clean()


# -- repeats and conflicts ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("APR-01", "PLT-03")
def test_the_same_again_gets_the_same_number_and_starts_nothing(office: Office) -> None:
    (first,) = office.take(raw("A"))
    shuffled = json.dumps(dict(reversed(submitted("A").items())), indent=3).encode()
    again = office.take(raw("A"), shuffled)
    assert [(receipt.verdict, receipt.number) for receipt in again] == [(Verdict.REPEATED, first.number)] * 2
    assert (office.count("core.orders"), office.count("core.events"), len(office.queue)) == (1, 1, 1)
    assert office.told() == {"orderflow.order.in_review": 1, "orderflow.submission.repeated": 2}
    assert office.count("core.refusals") == 0
    office.assert_clean()


def test_other_content_under_the_same_name_is_a_recorded_conflict(office: Office) -> None:
    (first,) = office.take(raw("A"))
    changed = raw("A", total="300.00", lines=[{"product": "P001", "quantity": 3, "unit_price": "100.00"}])
    (receipt,) = office.take(changed)
    assert (receipt.verdict, receipt.number, codes(receipt)) == ("conflict", first.number, {"external_id": "conflict"})
    assert office.document(first.number).total_minor == 40_000
    assert [(kind, bytes(kept)) for kind, kept in office.rows("select kind, raw from core.refusals")] == [
        ("conflict", changed)
    ]
    assert office.told()["orderflow.submission.refused"] == 1
    office.assert_clean()


def test_repeats_and_conflicts_within_one_batch(office: Office) -> None:
    receipts = office.take(raw("A"), raw("A"), raw("A", channel="fax"), raw("A", source="other"))
    assert verdicts(receipts) == ["accepted", "repeated", "conflict", "accepted"]
    assert receipts[1].number == receipts[2].number == receipts[0].number != receipts[3].number
    assert office.count("core.orders") == 2
    office.assert_clean()


def test_the_twin_of_a_refused_order_is_refused_too(office: Office) -> None:
    bad = raw("A", total="1.00")
    one, two = office.take(bad, bad)
    assert verdicts([one, two]) == ["refused", "refused"]
    assert one.errors == two.errors
    assert office.count("core.refusals") == 2
    (later,) = office.take(raw("A"))  # a refused order has not used up its name
    assert later.verdict == "accepted"


@pytest.mark.requirement("ENT-10")
def test_a_customers_own_number_is_taken_once(office: Office) -> None:
    (first,) = office.take(raw("A", customer_order_number="PO-1"))
    same, others = office.take(
        raw("B", customer_order_number="PO-1"),
        raw("C", customer_order_number="PO-1", customer={"code": "C002", "name": "广州南海"}),
    )
    assert (same.verdict, others.verdict) == ("refused", "accepted")
    assert codes(same) == {"customer_order_number": "duplicate"}
    assert first.number
    assert first.number in same.errors[0].reason
    office.assert_clean()


@pytest.mark.requirement("ENT-10")
def test_a_customers_own_number_is_taken_once_within_a_batch(office: Office) -> None:
    receipts = office.take(*[raw(name, customer_order_number="PO-1") for name in "ABC"], raw("D"), raw("E"))
    assert verdicts(receipts) == ["accepted", "refused", "refused", "accepted", "accepted"]
    assert office.count("core.orders") == 3
    office.assert_clean()


@pytest.mark.requirement("PLT-03")
def test_two_intakes_with_the_same_submissions_make_each_order_once(office: Office) -> None:
    bodies = [raw(f"A{number}", customer_order_number=f"PO-{number}") for number in range(60)]
    answers: list[list[Receipt]] = []

    def intake(mine: list[bytes]) -> None:
        answers.append(office.take(*mine))

    at_once(*[lambda mine=mine: intake(mine) for mine in (bodies, bodies[::-1], bodies[30:] + bodies[:30], bodies)])
    told = Counter(receipt.verdict for receipts in answers for receipt in receipts)
    assert told == {"accepted": 60, "repeated": 180}
    assert office.count("core.orders") == office.count("core.order_headers") == 60
    assert sum(batch.size for batch in office.queue) == 60
    office.assert_clean()


# -- refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("ENT-02", "ENT-03")
def test_every_fault_of_a_well_formed_order_is_named_at_once(office: Office) -> None:
    (receipt,) = office.take(
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
    assert office.faults() == [error.model_dump() for error in receipt.errors]


@pytest.mark.requirement("ENT-01", "ENT-02", "ENT-04", "INT-01", "PRC-03")
def test_every_badly_formed_field_is_named_at_once(office: Office) -> None:
    body = submitted("A", channel="pigeon", sale_type="barter", entry_system="SAP", currency="yuan", total="-1")
    body["customer"]["name"] = " "
    body["contact"] |= {"phone": "call me", "email": "nobody"}
    body["lines"][0] |= {"quantity": 0, "unit_price": "-1", "colour": "red"}
    body["lines"][1] |= {"quantity": "2", "discount_percent": "100.01"}
    body["requested_date"] = "next week"
    body["payment"]["terms"] = "some day"
    del body["delivery"]
    (receipt,) = office.take(json.dumps(body).encode())
    assert set(codes(receipt)) == {
        "channel", "sale_type", "entry_system", "currency", "total", "customer.name", "contact.phone", "contact.email",
        "lines.0.quantity", "lines.0.unit_price", "lines.0.colour", "lines.1.quantity", "lines.1.discount_percent",
        "requested_date", "payment.terms", "delivery",
    }  # fmt: skip
    assert office.rows("select source, external_id, kind, origin from core.refusals") == [
        ("shop", "A", "order", "test 1")
    ]


@pytest.mark.requirement("ENT-02")
def test_the_day_itself_is_not_in_the_past(office: Office) -> None:
    assert verdicts(office.take(raw("A", requested_date=TODAY.isoformat()))) == ["accepted"]


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
def test_money_that_does_not_add_up(office: Office, changes: dict[str, Any], faults: dict[str, str]) -> None:
    (receipt,) = office.take(raw("A", **changes))
    assert codes(receipt) == faults


def test_amounts_that_no_book_could_add_up_are_not_taken(office: Office) -> None:
    lines = [{"product": "P001", "quantity": 1_000_000_000, "unit_price": "9999999999.00"}]
    (receipt,) = office.take(raw("A", lines=lines, total="9999999999000000"))
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
def test_whatever_comes_in_is_kept_and_its_neighbours_go_on(office: Office, subtests: pytest.Subtests) -> None:
    for kind, body in HOSTILE.items():
        with subtests.test(kind):
            receipts = office.take(raw(f"before {kind}"), body, raw(f"after {kind}"))
            assert verdicts(receipts) == ["accepted", "refused", "accepted"]
            assert receipts[1].errors
            assert office.faults() == [error.model_dump() for error in receipts[1].errors]
    assert [bytes(kept) for (kept,) in office.rows("select raw from core.refusals order by id")] == [*HOSTILE.values()]
    assert office.told() == {
        "orderflow.order.in_review": 2 * len(HOSTILE),
        "orderflow.submission.refused": len(HOSTILE),
    }
    office.assert_clean()


@pytest.mark.requirement("PLT-04")
def test_all_of_it_at_once(office: Office) -> None:
    good = [raw(f"good {number}") for number in range(len(HOSTILE))]
    receipts = office.take(*[body for pair in zip(HOSTILE.values(), good, strict=True) for body in pair])
    assert verdicts(receipts) == ["refused", "accepted"] * len(HOSTILE)
    assert office.count("core.refusals") == len(HOSTILE)
    office.assert_clean()


def test_a_key_given_twice_counts_as_what_stands_last(office: Office) -> None:
    (receipt,) = office.take(raw("A")[:-1] + b', "external_id": "B"}')
    assert office.document(receipt.number).external_id == "B"


TEXT = "龘 👩‍👩‍👧‍👦 e\u0301 é 'quote' \"double\" back\\slash {brace} %s $1; drop table core.orders; -- \u2028\t\n"


def test_any_text_is_stored_as_it_came(office: Office) -> None:
    body = submitted("A" + TEXT.strip()[:40], special_requirements=TEXT)
    body["customer"]["name"] = body["delivery"]["address"] = body["delivery"]["region"] = TEXT
    (receipt,) = office.take(json.dumps(body).encode())
    order = office.document(receipt.number)
    assert (order.special_requirements, order.customer.name, order.delivery.address) == (TEXT, TEXT, TEXT)
    assert order.external_id == body["external_id"]
    assert office.rows("select external_id, customer_name from core.order_headers") == [(body["external_id"], TEXT)]
    assert verdicts(office.take(json.dumps(body, ensure_ascii=False).encode())) == ["repeated"]
    office.assert_clean()
