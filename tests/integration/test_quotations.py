"""Quotations: made, accepted, and each the beginning of one order with its prices."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from messages.quotations import QuotationOffered
from shared import policy
from tests.integration.test_sales_steps import CHECK, findings, standing, taken
from tests.support.company import raw
from tests.support.office import Office, codes, verdicts
from tests.support.orders import NOW, submitted
from tests.support.waiting import at_once
from workers.intake.accept import Verdict
from workers.sales_review import books, quotations

POLICY = policy.load().get("standard@1")
LINES = [
    {"product": "P001", "quantity": 3, "unit_price": "88.00"},
    {"product": "P002", "quantity": 2, "unit_price": "45.50", "description": "硒鼓 原装"},
]


def make(office: Office, **changes: Any) -> str:
    """A quotation, valid unless changed."""
    body = {"customer": "C001", "currency": "CNY", "lines": LINES} | changes
    with office.database.transaction() as session:
        offer = QuotationOffered.model_validate_json(json.dumps(body))
        number, faults, refused = quotations.make(session, offer, "sam", POLICY, office.now)
    assert number, (faults, refused)
    return number


def accept(office: Office, number: str, person: str = "sam") -> str | None:
    with office.database.transaction() as session:
        refused = quotations.accept(session, number, person, "王芳", office.now)
    return refused.code if refused else None


def accepted(office: Office, **changes: Any) -> str:
    number = make(office, **changes)
    assert accept(office, number) is None
    return number


def order_from(office: Office, number: str, **more: Any) -> bytes:
    """As the command makes it."""
    with office.database.transaction() as session:
        found = quotations.whole(session, number, office.now.date())
        assert found is not None
        customer = books.customer_record(session, found["customer"])
    rest = {name: submitted()[name] for name in ("contact", "delivery", "channel", "entry_system", "payment")}
    rest["requested_date"] = "2026-08-31"
    return json.dumps(quotations.order_from(found, customer, **rest | more), ensure_ascii=False).encode()


@pytest.mark.requirement("INT-03")
def test_a_quotation_has_priced_lines_a_description_and_an_expiry(office: Office) -> None:
    number = make(office, description="夏季促销")
    with office.database.transaction() as session:
        found = quotations.whole(session, number, NOW.date())
    assert found is not None
    assert number == "QT-20260615-000001"
    assert (found["status"], found["description"]) == ("open", "夏季促销")
    assert found["expires_on"] == NOW.date() + timedelta(days=POLICY.quotation_validity_days)
    assert [line["unit_price"] for line in found["lines"]] == ["88.00", "45.50"]


@pytest.mark.requirement("INT-03")
def test_accepting_stores_the_agreed_prices_and_product_data_once(office: Office) -> None:
    number = accepted(office)
    assert accept(office, number) == "quotation.accepted"
    with office.database.transaction() as session:
        assert quotations.agreed_prices(session, [number]) == {number: {"P001": 8_800, "P002": 4_550}}
        session.write("update sales_review.products set name_zh = '改名' where code = 'P001'")
        found = quotations.whole(session, number, NOW.date())
    assert found is not None
    assert (found["accepted_by"], found["status"]) == ("王芳", "accepted")
    assert [line["description"] for line in found["lines"]] == ["激光打印机 / Laser printer", "硒鼓 原装"]


@pytest.mark.requirement("INT-03")
@pytest.mark.parametrize(("days", "refused"), [(30, None), (31, "quotation.expired")])
def test_it_may_be_accepted_until_its_last_day(office: Office, days: int, refused: str | None) -> None:
    number = make(office)
    office.now += timedelta(days=days)
    assert accept(office, number) == refused


@pytest.mark.requirement("INT-03")
def test_what_is_wrong_with_an_offer_is_told_together(office: Office) -> None:
    lines = [
        {"product": "P404", "quantity": 1, "unit_price": "1.001"},
        {"product": "P001", "quantity": 1, "unit_price": "1"},
        {"product": "P001", "quantity": 1, "unit_price": "1"},
    ]
    body = {"customer": "C404", "currency": "CNY", "lines": lines, "expires_on": "2026-06-14"}
    with office.database.transaction() as session:
        offer = QuotationOffered.model_validate_json(json.dumps(body))
        number, faults, refused = quotations.make(session, offer, "sam", POLICY, office.now)
    assert (number, refused) == (None, None)
    assert {(fault.field, fault.code) for fault in faults} == {
        ("customer", "unknown_customer"),
        ("expires_on", "in_the_past"),
        ("lines.0.product", "unknown_product"),
        ("lines.0.unit_price", "amount"),
        ("lines.1.product", "twice"),
        ("lines.2.product", "twice"),
    }
    assert office.count("sales_review.quotations") == 0


@pytest.mark.requirement("INT-03", "SAL-01")
def test_the_order_made_from_it_copies_its_prices_and_passes_the_check_with_them(office: Office) -> None:
    office.follows(CHECK | {"mode": "auto"})
    number = accepted(office)
    (receipt,) = office.take(order_from(office, number, definition="sample"))
    assert receipt.verdict is Verdict.ACCEPTED, receipt.errors
    office.work()
    order = office.document(receipt.number)
    assert [(line.product, line.quantity, line.unit_price_minor) for line in order.lines] == [
        ("P001", 3, 8_800),
        ("P002", 2, 4_550),
    ]
    assert (order.total_minor, order.quotation) == (35_500, number)
    assert standing(office) == [("archived", [])]  # no price of the list is that
    basis = office.rows("select data->'basis'->>'quotation' from core.events where kind = 'passed'")
    assert basis == [(number,)]
    with office.database.transaction() as session:
        (listed,) = quotations.find(session, customer="C001", status="ordered", today=NOW.date(), limit=5)
    assert listed["order"] == receipt.number


@pytest.mark.requirement("SAL-01")
def test_a_price_that_is_not_the_agreed_one_is_named(office: Office) -> None:
    office.follows(CHECK | {"mode": "auto"})
    number = accepted(office)
    lines = [{"product": "P001", "quantity": 1, "unit_price": "88.01"}]
    taken(office, quotation=number, lines=lines, total="88.01")
    assert findings(office) == {"price.not_as_quoted"}


@pytest.mark.requirement("INT-03")
def test_an_unaccepted_one_becomes_no_order(office: Office) -> None:
    number = make(office)
    (receipt,) = office.take(order_from(office, number))
    assert codes(receipt) == {"quotation": "not_accepted"}
    assert office.count("core.orders") == 0


@pytest.mark.requirement("INT-03")
@pytest.mark.parametrize(("days", "faults"), [(30, {}), (31, {"quotation": "expired"})])
def test_an_expired_one_becomes_no_order(office: Office, days: int, faults: dict[str, str]) -> None:
    number = accepted(office)
    office.now += timedelta(days=days)
    (receipt,) = office.take(order_from(office, number))
    assert codes(receipt) == faults


@pytest.mark.requirement("INT-03")
def test_another_customers_or_no_quotation_becomes_no_order(office: Office) -> None:
    number = accepted(office, customer="C002")
    receipts = office.take(raw("X-1", quotation=number), raw("X-2", quotation="QT-1"))
    assert [codes(receipt) for receipt in receipts] == [{"quotation": "unknown_quotation"}] * 2
    mine = accepted(office)
    (receipt,) = office.take(raw("X-3", quotation=mine, currency="USD"))
    assert codes(receipt) == {"currency": "not_as_quoted"}


@pytest.mark.requirement("INT-03")
def test_one_order_is_made_from_a_quotation(office: Office) -> None:
    number = accepted(office)
    first, twin = office.take(raw("X-1", quotation=number), raw("X-2", quotation=number))
    assert (first.verdict, codes(twin)) == (Verdict.ACCEPTED, {"quotation": "already_used"})
    assert verdicts(office.take(raw("X-1", quotation=number))) == [Verdict.REPEATED]
    (later,) = office.take(raw("X-3", quotation=number))
    assert codes(later) == {"quotation": "already_used"}
    assert office.count("core.orders") == 1


@pytest.mark.requirement("INT-03")
def test_orders_from_one_quotation_at_once_are_one_order(office: Office) -> None:
    number = accepted(office)
    at_once(*[lambda place=place: office.take(raw(f"X-{place}", quotation=number)) for place in range(5)])
    assert office.count("core.orders") == 1
    assert office.count("core.quotation_uses") == 1


@pytest.mark.requirement("INT-03", "ENT-10")
def test_an_order_that_is_refused_after_all_leaves_the_quotation_free(office: Office) -> None:
    number = accepted(office)
    office.take(raw("X-1", customer_order_number="PO-1"))
    (second,) = office.take(raw("X-2", customer_order_number="PO-1", quotation=number))
    assert codes(second) == {"customer_order_number": "duplicate"}
    (third,) = office.take(raw("X-3", customer_order_number="PO-2", quotation=number))
    assert third.verdict is Verdict.ACCEPTED


@pytest.mark.requirement("INT-03")
def test_a_changed_order_keeps_its_quotation_also_after_it_has_expired(office: Office) -> None:
    number = accepted(office)
    office.follows(CHECK)
    with office.database.transaction() as session:
        session.write("insert into core.staff (id, name, roles) values ('lin', 'lin', '{sales_supervisor}')")
    order = taken(office, quotation=number)
    office.decide("disagree", "lin", reason="x", requested_change="y")
    office.work()
    office.now += timedelta(days=40)

    def again(fact_id: str, **changes: Any) -> dict[str, str]:
        document = submitted(definition="sample", requested_date="2026-12-31", **changes)
        fact = {"kind": "order_resubmitted", "source": "shop", "fact_id": fact_id, "by": "shop", "order": order}
        at = datetime(2026, 7, 25, tzinfo=UTC).isoformat()
        (answer,) = office.report(json.dumps(fact | {"occurred_at": at, "document": document}).encode())
        return codes(answer)

    assert again("F-1") == {"quotation": "changed"}
    assert again("F-2", quotation=number) == {}


@pytest.mark.requirement("INT-03", "AUD-01")
def test_only_who_speaks_with_customers_makes_and_accepts_one_and_who_tried_is_on_record(office: Office) -> None:
    number = make(office)
    offer = QuotationOffered.model_validate_json(json.dumps({"customer": "C001", "currency": "CNY", "lines": LINES}))
    with office.database.transaction() as session:
        none, faults, refused = quotations.make(session, offer, "wei", POLICY, office.now)
    assert (none, faults, refused and refused.code) == (None, [], "person.role")
    assert accept(office, number, "wei") == "person.role"
    tried = office.rows("select action, subject, actor, data ->> 'refused' from core.audit_log order by id")
    assert tried == [
        ("quotation.make", "C001", "wei", "person.role"),
        ("quotation.accept", number, "wei", "person.role"),
    ]
    assert office.count("sales_review.quotations", "accepted_at is null") == 1
