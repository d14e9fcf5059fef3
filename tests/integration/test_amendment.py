"""Amendment (变更, ENT-09): a change of what approvals rested on opens a new round, once everything is undone."""

import json
from typing import Any

import pytest

from tests.support.company import raw
from tests.support.facts import fact
from tests.support.office import Office, codes, verdicts
from tests.support.orders import submitted
from tests.support.waiting import at_once
from workers.intake.accept import Receipt

# More than there is on stock: the order is approved, holds credit, and waits for goods.
SHORT = [{"product": "P003", "quantity": 2, "unit_price": "10.00"}]


def approved(office: Office, **changes: Any) -> str:
    """The number of an approved order that waits for goods."""
    (receipt,) = office.take(raw("A", **{"creator": "sam", "lines": SHORT, "total": "20.00", **changes}))
    office.work()
    assert office.states() == {"A": "approved"}
    assert receipt.number
    return receipt.number


def amendment(order: str, by: str = "sam", **changes: Any) -> bytes:
    document = submitted("A", **{"creator": "sam", "lines": SHORT, "total": "20.00", **changes})
    return fact("order_amended", order=order, by=by, document=document)


@pytest.mark.requirement("ENT-09")
@pytest.mark.parametrize(
    "change",
    [
        {"lines": [{"product": "P003", "quantity": 3, "unit_price": "10.00"}], "total": "30.00"},
        {"lines": [{"product": "P001", "quantity": 2, "unit_price": "100.00"}], "total": "200.00"},
        {"lines": [{"product": "P003", "quantity": 2, "unit_price": "9.00"}], "total": "18.00"},
        {"payment": {"method": "wire", "terms": "prepaid"}},
        {"requested_date": "2026-09-01"},
        {"special_requirements": "木箱"},
    ],
    ids=["quantity", "product", "price", "terms", "date", "requirements"],
)
def test_a_change_of_what_was_approved_opens_a_new_round(office: Office, change: dict[str, Any]) -> None:
    number = approved(office)
    holds = office.count("finance.credit_holds", "open_minor > 0")
    assert holds == 1
    assert verdicts(office.report(amendment(number, **change))) == ["accepted"]
    (row,) = office.rows("select state, round, revision, open, closing from core.orders")
    assert row == ("in_review", 1, 2, ["undo:reserve"], "back:")
    assert office.count("core.waits") == 0
    office.work()
    kinds = office.history(number)
    again = kinds.index("amended")
    undone = kinds[again + 1 :].count("undone")
    assert undone == 4  # check, finance, compliance, reserve
    (round_,) = office.rows("select round from core.orders")
    assert round_ == (2,)
    first = office.rows("select step from core.events where round = 2 and kind <> 'undone' order by seq limit 1")
    assert first == [("check",)], "the round begins at the first step"
    assert office.count("finance.credit_holds", "open_minor > 0") <= 1
    assert office.document(number).requested_date.isoformat() == change.get("requested_date", "2026-07-15")
    office.assert_clean()


@pytest.mark.requirement("ENT-09", "AUD-01")
def test_old_and_new_values_stand_in_the_history_and_the_first_revision_stays(office: Office) -> None:
    number = approved(office)
    office.report(amendment(number, requested_date="2026-09-01"))
    (row,) = office.rows("select actor, data->'changed' from core.events where kind = 'amended'")
    assert (row[0], json.loads(row[1])) == ("sam", {"requested_date": ["2026-07-15", "2026-09-01"]})
    dates = office.rows("select document->>'requested_date' from core.order_documents order by revision")
    assert dates == [("2026-07-15",), ("2026-09-01",)]
    assert office.rows("select requested_date::text from core.order_headers") == [("2026-09-01",)]


@pytest.mark.requirement("ENT-09")
def test_who_to_ask_about_it_is_changed_without_a_new_round(office: Office) -> None:
    number = approved(office)
    contact = {"name": "李雷", "phone": "+86 21 5555 0202"}
    assert verdicts(office.report(amendment(number, contact=contact))) == ["accepted"]
    assert office.queue == []
    assert office.rows("select state, round, revision from core.orders") == [("approved", 1, 2)]
    assert office.history(number)[-1] == "amended"
    assert office.document(number).contact.name == "李雷"
    (same,) = office.report(amendment(number, contact=contact))
    assert codes(same) == {"document": "amendment.nothing"}
    office.assert_clean()


@pytest.mark.requirement("ENT-09", "AUD-01")
def test_a_shipped_order_keeps_its_quantities(office: Office) -> None:
    (receipt,) = office.take(raw("A", creator="sam"))
    office.work()
    assert office.states() == {"A": "shipped"}
    number = receipt.number or ""
    document = submitted("A", creator="sam", total="300.00")
    document["lines"] = document["lines"][:1]
    (answer,) = office.report(fact("order_amended", order=number, by="sam", document=document))
    assert codes(answer) == {"order": "amendment.shipped"}
    assert "lines" in answer.errors[0].reason
    contact = submitted("A", creator="sam", contact={"name": "李雷", "phone": "+86 21 5555 0202"})
    assert verdicts(office.report(fact("order_amended", order=number, by="sam", document=contact))) == ["accepted"]
    assert office.rows("select state, round, revision from core.orders") == [("shipped", 1, 2)]
    assert office.rows("select actor, action from core.audit_log") == [("sam", "fact.order_amended")]
    office.assert_clean()


@pytest.mark.requirement("ENT-09", "APR-01")
def test_in_review_returned_or_finished_an_order_is_not_amended(office: Office) -> None:
    nanhai = {"code": "C002", "name": "广州南海电器有限公司"}
    big = {"customer": nanhai, "lines": submitted()["lines"], "total": "400.00"}
    (receipt,) = office.take(raw("A", creator="sam", **big))
    office.work()
    number = receipt.number or ""
    (reviewed,) = office.report(amendment(number, **big, requested_date="2026-09-01"))
    assert codes(reviewed) == {"order": "amendment.state"}
    office.decide("disagree", reason="no credit", requested_change="less")
    office.work()
    (returned,) = office.report(amendment(number, **big, requested_date="2026-09-01"))
    assert codes(returned) == {"order": "amendment.state"}
    assert office.states() == {"A": "returned"}
    office.assert_clean()


@pytest.mark.requirement("ENT-09", "ENT-02")
def test_every_bad_field_of_an_amendment_is_named_and_nothing_changes(office: Office) -> None:
    number = approved(office)
    bad = amendment(
        number,
        by="fiona",
        total="21.00",
        requested_date="2020-01-01",
        lines=[{"product": "P777", "quantity": 2, "unit_price": "10.00"}],
        sale_type="foreign",
    )
    (answer,) = office.report(bad)
    found = codes(answer)
    assert {"by", "lines.0.product", "total", "requested_date"} <= found.keys()
    assert office.rows("select state, revision from core.orders") == [("approved", 1)]
    office.assert_clean()


@pytest.mark.requirement("ENT-09", "WHS-02")
def test_reserved_goods_are_released_exactly_once_and_reserved_anew(office: Office) -> None:
    """Two amendments one after the other, each message delivered twice."""
    number = approved(office)
    for quantity in (3, 4):
        lines = [{"product": "P001", "quantity": quantity, "unit_price": "100.00"}, *SHORT]
        total = f"{quantity * 100 + 20}.00"
        assert verdicts(office.report(amendment(number, lines=lines, total=total))) == ["accepted"]
        while office.queue:
            batch = office.queue.pop(0)
            for _ in range(2):
                office.departments[batch.department].handle(batch)
        assert office.states() == {"A": "approved"}
    assert office.count("warehouse.reservations") == 0
    office.report(fact("goods_received", product="P003", quantity=2))
    office.work()
    reserved = office.rows("select product, quantity from warehouse.preparation_lines order by product")
    assert reserved == [("P001", 4), ("P003", 2)]
    office.assert_clean()


@pytest.mark.requirement("ENT-09")
def test_while_the_amendment_is_being_undone_no_other_is_taken_and_a_cancellation_wins(office: Office) -> None:
    number = approved(office)
    office.report(amendment(number, requested_date="2026-09-01"))
    (second,) = office.report(amendment(number, requested_date="2026-09-02"))
    assert codes(second) == {"order": "amendment.state"}
    assert verdicts(office.report(fact("cancellation_requested", order=number, reason="no more"))) == ["accepted"]
    office.work()
    assert office.states() == {"A": "cancelled"}
    assert office.count("finance.credit_holds", "open_minor > 0") == 0
    office.assert_clean()


@pytest.mark.requirement("ENT-09", "PLT-03")
def test_an_amendment_racing_with_fulfilment_yields_one_outcome(office: Office) -> None:
    """Goods arrive and the orders run on to the carrier while each of them is amended."""
    for place in range(10):
        office.take(raw(f"R{place}", creator="sam", lines=SHORT, total="20.00"))
    office.work()
    found = office.rows("select number, external_id from core.order_headers order by number")
    office.report(fact("goods_received", product="P003", quantity=1_000))
    answers: list[Receipt] = []

    def amend() -> None:
        for number, external_id in found:
            document = submitted(external_id, creator="sam", lines=SHORT, total="20.00", requested_date="2026-09-01")
            answers.extend(office.report(fact("order_amended", order=number, by="sam", document=document)))

    at_once(office.work, amend)
    office.work()
    assert set(office.states().values()) == {"shipped"}
    changed = office.count("core.orders", "revision = 2")
    assert changed == verdicts(answers).count("accepted")
    assert office.count("core.events", "kind = 'amended'") == changed
    assert office.rows("select sum(quantity) from warehouse.preparations p join warehouse.preparation_lines l"
                       " on l.number = p.number where p.cancelled_at is null") == [(20,)]  # fmt: skip
    office.assert_clean()
