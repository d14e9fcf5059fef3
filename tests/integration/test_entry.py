"""Entering orders: every fault told at once, and the delivery date where the sale type has it."""

import json
from datetime import date, timedelta
from typing import Any

import pytest

from tests.support.company import raw
from tests.support.definitions import step
from tests.support.office import Office, codes, verdicts
from tests.support.orders import NOW, submitted
from workers.intake.accept import Verdict

TODAY = date(2026, 6, 15)
CHECK = step("check", activity="sales_review.check", mode="manual", roles=["sales_supervisor"])


def broken(**changes: Any) -> bytes:
    """A submission in which every value may be anything; None leaves a field out."""
    body = {name: value for name, value in (submitted() | changes).items() if value is not None}
    return json.dumps(body, ensure_ascii=False).encode()


@pytest.mark.requirement("ENT-01", "ENT-02", "ENT-04", "INT-01", "PRC-03")
def test_what_is_missing_malformed_and_untrue_is_told_together(office: Office) -> None:
    (receipt,) = office.take(
        broken(
            customer={"code": "C999", "name": "无此客户"},
            contact={"name": "王芳"},
            delivery=None,
            channel="pigeon",
            sale_type=None,
            entry_system="SAP",
            lines=[
                {"product": "P404", "quantity": 1, "unit_price": "1.00"},
                {"product": "P001", "quantity": 0, "unit_price": "-1"},
            ],
            requested_date="2026-06-14",
            payment={"method": "wire"},
            definition="none_such",
        )
    )
    assert receipt.verdict is Verdict.REFUSED
    assert codes(receipt) == {
        "customer.code": "unknown_customer",
        "contact": "unreachable",
        "delivery": "missing",
        "channel": "enum",
        "sale_type": "missing",
        "entry_system": "enum",
        "lines.0.product": "unknown_product",
        "lines.1.quantity": "greater_than",
        "lines.1.unit_price": "greater_than_equal",
        "requested_date": "in_the_past",
        "payment.terms": "missing",
    }
    assert office.count("core.orders") == 0
    assert office.count("core.numbers") == 0
    assert len(office.faults()) == len(receipt.errors)


@pytest.mark.requirement("ENT-02", "ENT-03")
def test_a_total_that_differs_is_told_beside_a_missing_field(office: Office) -> None:
    (receipt,) = office.take(broken(total="400.01", delivery=None))
    assert codes(receipt) == {"total": "total_differs", "delivery": "missing"}


@pytest.mark.requirement("ENT-02")
def test_a_malformed_order_and_its_good_neighbour(office: Office) -> None:
    receipts = office.take(b"no json", broken(delivery=None), b"[1]", raw("X-2"))
    assert verdicts(receipts) == [Verdict.REFUSED, Verdict.REFUSED, Verdict.REFUSED, Verdict.ACCEPTED]


@pytest.mark.requirement("ENT-06")
@pytest.mark.parametrize(
    ("sale_type", "dates", "faults"),
    [
        ("domestic", {"reply_date": "2026-06-15"}, {}),
        ("domestic", {"reply_date": "2026-06-14"}, {"reply_date": "in_the_past"}),
        ("domestic", {"planned_ship_date": "2026-07-01"}, {"planned_ship_date": "wrong_date_field"}),
        ("foreign", {"planned_ship_date": "2026-06-15"}, {}),
        ("foreign", {"reply_date": "2026-07-01"}, {"reply_date": "wrong_date_field"}),
        ("internal", {"reply_date": "2026-07-01"}, {"reply_date": "wrong_date_field"}),
        ("internal", {}, {}),
        ("domestic", {}, {}),
    ],
)
def test_the_delivery_date_stands_where_the_sale_type_has_it(
    office: Office, sale_type: str, dates: dict[str, str], faults: dict[str, str]
) -> None:
    (receipt,) = office.take(raw(sale_type=sale_type, **dates))
    assert codes(receipt) == faults
    if not faults:
        told = office.document(receipt.number).delivery_date
        assert told == (TODAY if dates else None)


@pytest.mark.requirement("ENT-06")
@pytest.mark.parametrize(
    ("sale_type", "dates", "faults"),
    [
        ("domestic", {}, {"reply_date": "missing"}),
        ("foreign", {}, {"planned_ship_date": "missing"}),
        ("internal", {}, {}),
        ("domestic", {"reply_date": "2026-07-01"}, {}),
        (
            "domestic",
            {"planned_ship_date": "2026-07-01"},
            {"planned_ship_date": "wrong_date_field", "reply_date": "missing"},
        ),
    ],
)
def test_a_process_may_require_the_delivery_date(
    office: Office, sale_type: str, dates: dict[str, str], faults: dict[str, str]
) -> None:
    office.follows(CHECK, requires=["delivery_date"])
    (receipt,) = office.take(raw(sale_type=sale_type, definition="sample", **dates))
    assert codes(receipt) == faults


@pytest.mark.requirement("ENT-06")
def test_a_changed_order_is_held_to_the_same(office: Office) -> None:
    office.follows(CHECK, requires=["delivery_date"])
    (receipt,) = office.take(raw(definition="sample", reply_date="2026-07-01"))
    office.work()
    with office.database.transaction() as session:
        session.write("insert into core.staff (id, name, roles) values ('lin', 'lin', '{sales_supervisor}')")
    office.decide("disagree", "lin", reason="x", requested_change="y")
    office.work()
    fact = {
        "kind": "order_resubmitted",
        "source": "shop",
        "fact_id": "F-1",
        "occurred_at": (NOW + timedelta(hours=1)).isoformat(),
        "order": receipt.number,
        "by": "shop",
        "document": submitted(definition="sample"),
    }
    (answer,) = office.report(json.dumps(fact).encode())
    assert codes(answer) == {"reply_date": "missing"}


@pytest.mark.requirement("PRC-05")
@pytest.mark.parametrize("recorded", ["foreign", "internal"])
def test_a_domestic_order_of_a_foreign_or_branch_customer_is_refused_with_the_type_on_record(
    office: Office, recorded: str
) -> None:
    with office.database.transaction() as session:
        session.write("update sales_review.customers set sale_type = %s where code = 'C001'", recorded)
    (receipt,) = office.take(raw("A"))
    assert verdicts([receipt]) == ["refused"]
    assert [(error.field, error.code, error.reason) for error in receipt.errors] == [
        ("sale_type", "differs", f"customer C001 is {recorded}, not domestic, by its record: {recorded} is expected")
    ]
    assert office.count("core.orders") == 0
    assert verdicts(office.take(raw("B", sale_type=recorded))) == ["accepted"]


@pytest.mark.requirement("ENT-06")
@pytest.mark.parametrize(("dates", "faults"), [({}, {"reply_date": "missing"}), ({"reply_date": "2026-07-10"}, {})])
def test_d8_asks_for_the_real_delivery_date(office: Office, dates: dict[str, str], faults: dict[str, str]) -> None:
    (receipt,) = office.take(raw(definition="d08_u8_domestic", **dates))
    assert codes(receipt) == faults
