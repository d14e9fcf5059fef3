"""Facts at the door, against a real PostgreSQL: each counts once, and those that move an order do so under its lock."""

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from shared.ids import new_id
from shared.reasons import reason
from tests.support.company import raw
from tests.support.office import Office, codes, verdicts
from tests.support.orders import NOW, submitted
from tests.support.waiting import at_once
from workers.intake.accept import Receipt


def fact(kind: str, fact_id: str = "", **more: Any) -> bytes:
    """A fact as an upstream system reports it."""
    head = {"source": "shop", "fact_id": fact_id or new_id(), "occurred_at": NOW.isoformat(), "kind": kind}
    return json.dumps(head | more, ensure_ascii=False).encode()


def payment(order: str | None, reference: str = "TT-1", amount: str = "400.00", **more: Any) -> bytes:
    return fact(
        "payment_received", order=order, reference=reference, amount=amount, currency="CNY", method="wire", **more
    )


def cancellation(order: str | None, **more: Any) -> bytes:
    return fact("cancellation_requested", order=order, reason="客户改变了计划", **more)


def resubmission(order: str | None, by: str = "sam", document: dict[str, Any] | None = None, **more: Any) -> bytes:
    changed = document or submitted("A", creator="sam", special_requirements="changed as asked")
    return fact("order_resubmitted", order=order, by=by, document=changed, **more)


def one_order(office: Office, **changes: Any) -> str:
    """The number of a new order, which no department has seen yet."""
    (receipt,) = office.take(raw("A", **{"creator": "sam", **changes}))
    assert receipt.number
    return receipt.number


@pytest.fixture
def returned(office: Office) -> str:
    """The number of an order that finance has sent back to sam: its customer has no credit."""
    number = one_order(office, customer={"code": "C002", "name": "广州南海电器有限公司"})
    office.work()
    office.decide("disagree", reason="no credit left", requested_change="pay in advance")
    office.work()
    assert office.states() == {"A": "returned"}
    return number


def again(**changes: Any) -> dict[str, Any]:
    """The returned order's document, changed."""
    return submitted("A", customer={"code": "C002", "name": "广州南海电器有限公司"}, creator="sam", **changes)


# -- any fact ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PLT-01", "PLT-02")
def test_a_fact_goes_to_the_department_that_books_it(office: Office) -> None:
    number = one_order(office)
    office.queue.clear()
    receipts = office.report(
        payment(number),
        fact("goods_received", product="P003", quantity=5),
        fact("delivered", order=number, tracking_number="T-1"),
        fact("receipt_confirmed", order=number),
        fact("survey_answered", order=number, score=5),
    )
    assert verdicts(receipts) == ["accepted"] * 5
    assert Counter((batch.department, batch.kind, batch.size) for batch in office.queue) == {
        ("finance", "facts", 1): 1,
        ("warehouse", "facts", 1): 1,
        ("logistics", "facts", 1): 1,
        ("after_sales", "facts", 2): 1,
    }
    assert office.count("core.facts", "handled_at is null") == 5
    office.assert_clean()
    office.work()
    assert office.count("core.facts", "handled_at is null") == 0
    assert office.rows("select on_hand from warehouse.stock where product = 'P003'") == [(5,)]
    assert office.count("finance.payments") == 1
    office.assert_clean()


@pytest.mark.requirement("PLT-03", "SET-02")
def test_a_fact_reported_again_counts_once(office: Office) -> None:
    number = one_order(office)
    office.work()
    body = payment(number, fact_id="F-1")
    assert verdicts(office.report(body)) == ["accepted"]
    assert verdicts(office.report(body, body)) == ["repeated", "repeated"]
    office.work()
    assert office.count("core.facts") == office.count("finance.payments") == 1
    office.assert_clean()


def test_repeats_and_conflicts_within_one_batch(office: Office) -> None:
    number = one_order(office)
    receipts = office.report(
        payment(number, fact_id="F-1"),
        payment(number, fact_id="F-1"),
        payment(number, fact_id="F-1", amount="1.00"),
        payment(number, fact_id="F-2", reference="TT-2"),
    )
    assert verdicts(receipts) == ["accepted", "repeated", "conflict", "accepted"]
    assert codes(receipts[2]) == {"fact_id": "conflict"}
    assert office.rows("select kind, external_id from core.refusals") == [("fact_conflict", "F-1")]


@pytest.mark.requirement("PLT-03")
def test_two_intakes_with_the_same_facts_book_each_once(office: Office) -> None:
    number = one_order(office)
    bodies = [payment(number, fact_id=f"F-{place}", reference=f"TT-{place}", amount="1.00") for place in range(40)]
    answers: list[Receipt] = []
    at_once(
        lambda: answers.extend(office.report(*bodies)),
        lambda: answers.extend(office.report(*bodies[::-1])),
        lambda: answers.extend(office.report(*bodies[20:], *bodies[:20])),
    )
    assert Counter(verdicts(answers)) == {"accepted": 40, "repeated": 80}
    office.work()
    assert office.count("finance.payments") == 40
    office.assert_clean()


def test_a_fact_about_an_unknown_order_is_refused_and_kept(office: Office) -> None:
    bodies = [
        fact("delivered", order="SO-1", tracking_number="T-1"),
        fact("receipt_confirmed", order="SO-1"),
        fact("survey_answered", order="SO-1", score=5),
        cancellation("SO-1"),
        resubmission("SO-1"),
    ]
    receipts = office.report(*bodies)
    assert verdicts(receipts) == ["refused"] * 5
    assert [codes(receipt) for receipt in receipts] == [{"order": "unknown_order"}] * 5
    assert {bytes(kept) for (kept,) in office.rows("select raw from core.refusals where kind = 'fact'")} == {*bodies}
    assert office.told() == {"orderflow.fact.refused": 5}
    assert office.count("core.facts") == 0


@pytest.mark.requirement("SET-02")
def test_money_for_an_unknown_order_is_booked_all_the_same(office: Office) -> None:
    assert verdicts(office.report(payment("SO-1"))) == ["accepted"]
    office.work()
    assert office.rows("select order_number, order_id, amount_minor from finance.payments") == [("SO-1", None, 40_000)]
    office.assert_clean()


@pytest.mark.requirement("PLT-04")
def test_what_is_no_fact_is_kept_and_its_neighbours_go_on(office: Office) -> None:
    number = one_order(office)
    hostile = [
        b"", b"no json", b"null", b"[]", b"{}", b"[" * 500_000, b"\xff\xfe", payment(number)[:-1],
        payment(number, amount="a lot"), payment(number, schema_version=2), payment(number, unheard_of=1),
        payment(number, fact_id="x" * 65), fact("weather_changed"), fact("survey_answered", order=number, score="5"),
        cancellation(number, note="\x00"), payment(number, source="#").replace(b"#", b"\\ud800"),
        fact("receipt_confirmed", order=number, remarks="x" * 2_000_000),
    ]  # fmt: skip
    good = [payment(number, reference=f"TT-{place}") for place in range(len(hostile))]
    receipts = office.report(*[body for pair in zip(hostile, good, strict=True) for body in pair])
    assert verdicts(receipts) == ["refused", "accepted"] * len(hostile)
    assert all(receipt.errors for receipt in receipts[::2])
    assert [bytes(kept) for (kept,) in office.rows("select raw from core.refusals order by id")] == hostile
    assert office.count("core.facts") == len(hostile)


# -- cancelling --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("WHS-02", "AUD-01")
def test_a_cancelled_order_gives_everything_back(office: Office) -> None:
    number = one_order(office, definition="express")
    while not office.count("warehouse.reservations"):
        batch = office.queue.pop(0)
        office.departments[batch.department].handle(batch)
    assert office.count("finance.credit_holds", "open_minor > 0") == 1
    assert verdicts(office.report(cancellation(number))) == ["accepted"]
    assert office.states() == {"A": "cancelling"}
    office.work()
    assert office.states() == {"A": "cancelled"}
    assert office.count("warehouse.reservations") == office.count("finance.credit_holds", "open_minor > 0") == 0
    assert office.history(number)[5:] == ["cancellation_requested", "undone", "undone", "undone", "undone", "undone"]
    assert office.rows("select actor from core.events where kind = 'cancellation_requested'") == [("shop",)]
    office.assert_clean()


def test_an_archived_order_is_no_longer_cancelled_and_the_attempt_is_recorded(office: Office) -> None:
    number = one_order(office, definition="express")
    office.work()
    assert office.states() == {"A": "archived"}
    body = cancellation(number, fact_id="F-1")
    (receipt,) = office.report(body)
    assert (receipt.verdict, codes(receipt)) == ("refused", {"order": "not_cancellable"})
    assert "archived" in receipt.errors[0].reason
    office.work()
    assert office.states() == {"A": "archived"}
    assert office.history(number)[-1] == "cancellation_refused"
    assert verdicts(office.report(body)) == ["repeated"]
    office.assert_clean()


def test_a_returned_order_is_cancelled_at_once(office: Office, returned: str) -> None:
    assert verdicts(office.report(cancellation(returned))) == ["accepted"]
    office.work()
    assert office.states() == {"A": "cancelled"}
    office.assert_clean()


def test_many_are_cancelled_together_and_the_late_one_alone_is_refused(office: Office) -> None:
    early = office.take(*[raw(f"E{place}") for place in range(20)])
    held_back, office.queue = office.queue, []
    late = one_order(office, definition="express")
    office.work()
    office.queue = held_back
    receipts = office.report(cancellation(late), *[cancellation(receipt.number) for receipt in early])
    assert verdicts(receipts) == ["refused"] + ["accepted"] * 20
    office.work()
    assert Counter(office.states().values()) == {"cancelled": 20, "archived": 1}
    office.assert_clean()


@pytest.mark.requirement("PLT-03")
def test_cancelling_races_with_the_departments_and_yields_one_outcome(office: Office) -> None:
    receipts = office.take(*[raw(f"R{place}", definition="express") for place in range(30)])
    at_once(office.work, lambda: office.report(*[cancellation(receipt.number) for receipt in receipts]))
    office.work()
    ends = Counter(office.states().values())
    assert ends["cancelled"] + ends["archived"] == 30
    refused = office.count("core.refusals", "kind = 'fact'")
    assert (ends["archived"], office.count("after_sales.archive")) == (refused, refused)
    assert office.count("warehouse.reservations") == 2 * refused
    office.assert_clean()


# -- resubmitting ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("APR-08", "APR-09", "SAL-08")
def test_a_returned_order_comes_back_changed_under_its_number(office: Office, returned: str) -> None:
    office.now += timedelta(days=1)
    document = again(
        lines=[{"product": "P002", "quantity": 1, "unit_price": "50.00"}],
        total="50.00",
        requested_date="2026-08-01",
        channel="phone",
    )
    (receipt,) = office.report(resubmission(returned, document=document))
    assert (receipt.verdict, receipt.number) == ("accepted", returned)
    order = office.document(returned)
    assert (order.number, order.total_minor, order.channel, order.creator) == (returned, 5_000, "phone", "sam")
    assert order.created_at == NOW
    assert office.rows("select state, round, revision, open, done from core.orders") == [
        ("in_review", 2, 2, ["check"], [])
    ]
    assert office.rows("select total_minor, requested_date::text, channel from core.order_headers") == [
        (5_000, "2026-08-01", "phone")
    ]
    assert office.rows("select revision from core.order_documents order by revision") == [(1,), (2,)]
    office.work()
    turns = [kind for kind in office.history(returned) if kind in ("received", "disagreed", "resubmitted", "agreed")]
    assert turns == ["received", "disagreed", "resubmitted"]
    assert office.rows("select done from core.orders")[0][0][:2] == ["check", "finance"]  # this time within the limit
    office.assert_clean()


@pytest.mark.requirement("APR-09")
def test_there_is_no_limit_on_rounds_and_every_one_begins_at_the_first_step(office: Office, returned: str) -> None:
    for round_ in range(2, 6):
        assert verdicts(office.report(resubmission(returned, document=again()))) == ["accepted"]
        assert office.rows("select round, open, done from core.orders") == [(round_, ["check"], [])]
        office.work()
        office.decide("disagree", reason="still no credit", requested_change="pay in advance")
        office.work()
        assert office.states() == {"A": "returned"}
    assert office.count("core.user_tasks", "status = 'decided'") == 5
    office.assert_clean()


@pytest.mark.requirement("APR-01", "APR-09", "AUD-01")
def test_only_the_creator_hands_a_returned_order_in_again(office: Office, returned: str) -> None:
    (receipt,) = office.report(resubmission(returned, by="fiona", document=again()))
    assert (receipt.verdict, codes(receipt)) == ("refused", {"by": "not_creator"})
    assert "sam" in receipt.errors[0].reason
    assert office.states() == {"A": "returned"}
    assert office.count("core.order_documents") == 1
    assert office.count("core.facts", "handled_at is null") == 0
    office.assert_clean()


@pytest.mark.requirement("APR-01", "ENT-09")
def test_an_order_in_review_is_not_handed_in_again(office: Office) -> None:
    number = one_order(office)
    (receipt,) = office.report(resubmission(number))
    assert (receipt.verdict, codes(receipt)) == ("refused", {"order": "not_returned"})
    assert office.rows("select round, revision, version from core.orders") == [(1, 1, 1)]
    office.assert_clean()


@pytest.mark.requirement("APR-01")
def test_of_two_resubmissions_at_once_one_starts_a_round(office: Office, returned: str) -> None:
    answers: list[Receipt] = []
    at_once(*[lambda: answers.extend(office.report(resubmission(returned, document=again())))] * 3)
    assert Counter(verdicts(answers)) == {"accepted": 1, "refused": 2}
    assert office.rows("select round, revision from core.orders") == [(2, 2)]
    office.work()
    office.assert_clean()


def test_two_resubmissions_in_one_batch_start_one_round(office: Office, returned: str) -> None:
    receipts = office.report(resubmission(returned, document=again()), resubmission(returned, document=again()))
    assert verdicts(receipts) == ["accepted", "refused"]
    office.work()
    office.assert_clean()


@pytest.mark.requirement("ENT-02")
def test_every_fault_of_the_new_document_is_named(office: Office, returned: str) -> None:
    document = again(total="1.00", requested_date="2020-01-01", customer_order_number="PO-9")
    document["customer"] = {"code": "C001", "name": "上海明珠"}
    document["external_id"] = "B"
    document["lines"][0]["product"] = "P404"
    (receipt,) = office.report(resubmission(returned, by="wei", document=document))
    assert codes(receipt) == {
        "by": "not_creator",
        "document": "other_order",
        "total": "total_differs",
        "requested_date": "in_the_past",
        "lines.0.product": "unknown_product",
        "customer.code": "changed",
        "customer_order_number": "changed",
    }
    assert office.faults() == [error.model_dump() for error in receipt.errors]
    assert office.rows("select state, round, revision from core.orders") == [("returned", 1, 1)]
    office.assert_clean()


def test_the_first_submission_is_still_a_repeat_after_a_resubmission(office: Office, returned: str) -> None:
    office.report(resubmission(returned, document=again(special_requirements="now with a wish")))
    first = raw("A", creator="sam", customer={"code": "C002", "name": "广州南海电器有限公司"})
    (receipt,) = office.take(first)
    assert (receipt.verdict, receipt.number) == ("repeated", returned)


@pytest.mark.requirement("SET-01", "INT-06")
@pytest.mark.parametrize("method", ["cheque", "WIRE", "", "bitcoin"])
def test_money_comes_by_one_of_the_methods_that_there_are(office: Office, method: str) -> None:
    (refused,) = office.report(
        fact("payment_received", order="SO-1", reference="B-1", amount="1.00", currency="CNY", method=method)
    )
    (error,) = refused.errors
    assert (refused.verdict, error.field, error.code) == ("refused", "payment_received.method", "enum")
    assert error.reason == "Input should be 'online', 'wire', 'acceptance' or 'cash'"
    assert reason(error.code, error.reason, "zh") == "须为 'online'、'wire'、'acceptance'、'cash' 之一"
    assert office.count("core.facts") == 0
