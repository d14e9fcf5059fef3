"""Where orders are: a customer sees their own and no other, salespeople all of theirs with the state of the goods."""

import re
from pathlib import Path

import pytest

from messages.orders import Order
from shared.settings import settings
from tests.support.company import raw
from tests.support.journey import Journey, hire
from tests.support.office import Office
from tests.support.terminal import Run, answered, said


@pytest.fixture
def firm(office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Office:
    hire(office)
    monkeypatch.setenv("ORDERFLOW_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    return office


def shipped(firm: Office, **changes: object) -> Journey:
    journey = Journey.begin(firm, "standard", **changes)
    journey.go_on(lambda: journey.state() == "shipped")
    return journey


@pytest.mark.requirement("TRK-02")
def test_a_customer_sees_state_and_expected_date_of_their_own_order_at_any_time(firm: Office, run: Run) -> None:
    number = Journey.begin(firm, "standard").number
    token = answered(run("track", "--order", number, "--as", "sam", "--link", "--json"))["token"]
    seen = answered(run("track", token, "--json"))
    assert (seen["order"], seen["state"], seen["expected_date"]) == (number, "in_review", "2026-07-15")
    journey = Journey(firm, number)
    journey.go_on(lambda: journey.state() == "shipped")
    seen = answered(run("track", token, "--json"))
    ((promised, tracking),) = firm.rows("select promised_date, tracking_number from logistics.shipment_status")
    assert (seen["state"], seen["expected_date"]) == ("shipped", promised.isoformat())
    assert (seen["tracking_number"], seen["carrier"]) == (tracking, "SF")
    assert "已发货" in said(run("track", token, "--lang", "zh"))
    journey.go_on()
    assert answered(run("track", token, "--json"))["received_at"]


@pytest.mark.requirement("TRK-02")
def test_a_token_shows_no_other_order_and_nothing_of_how_it_is_decided(firm: Office, run: Run) -> None:
    mine = Journey.begin(firm, "standard", external_id="A").number
    other = Journey.begin(firm, "standard", external_id="B", customer={"code": "C002", "name": "x"}).number
    token = answered(run("track", "--order", mine, "--as", "sam", "--link", "--json"))["token"]
    seen = run("track", token, "--json")
    assert other not in seen.stdout
    assert {*answered(seen)} == {
        "order", "customer_order_number", "state", "requested_date", "expected_date", "carrier", "tracking_number",
        "shipped_at", "delivered_at", "received_at",
    }  # fmt: skip
    assert run("track", token, "--order", other, "--as", "sam").exit_code == 2
    forged = run("track", token[:-2] + ("AA" if token[-2:] != "AA" else "BB"))
    assert (forged.exit_code, "no token of ours" in said(forged)) == (1, True)


@pytest.mark.requirement("TRK-02")
def test_a_salesperson_sees_the_orders_that_they_made_and_others_all(firm: Office, run: Run) -> None:
    number = Journey.begin(firm, "standard").number  # of sam
    with firm.database.transaction() as session:
        session.write("update core.staff set roles = array['salesperson'] where id = 'sam'")
    assert run("track", "--order", number, "--as", "sam").exit_code == 0
    assert run("track", "--order", number, "--as", "warehouse_keeper.1").exit_code == 0
    refused = run("track", "--order", number, "--as", "salesperson.1")
    assert (refused.exit_code, "was not made by salesperson.1" in said(refused)) == (1, True)
    assert run("track", "--order", number, "--as", "nobody").exit_code == 1
    kept = firm.rows("select actor, subject, data->>'refused' from core.audit_log where action = 'order.track'")
    assert kept == [("salesperson.1", number, "order.not_theirs"), ("nobody", number, "person.unknown")]
    assert run("track", "--order", "SO-1", "--as", "sam").exit_code == 1
    assert run("track").exit_code == run("track", "--order", number).exit_code == 2


@pytest.mark.requirement("TRK-02")
def test_salespeople_see_all_of_their_orders_with_the_state_of_the_goods(firm: Office, run: Run) -> None:
    sent = shipped(firm, external_id="A").number
    waiting = Journey.begin(firm, "standard", external_id="B").number
    firm.take(raw("C", creator="salesperson.1"))
    found = answered(run("orders", "--mine", "--as", "sam", "--json"))
    assert [each["number"] for each in found] == [waiting, sent]
    assert [bool(each["goods"]["tracking_number"]) for each in found] == [False, True]
    listed = said(run("orders", "--mine", "--as", "sam"))
    assert re.search(r"TRK-\d{8}-000001", listed)
    assert run("orders", "--mine").exit_code == 2
    assert run("orders", "--mine", "--as", "nobody").exit_code == 1


@pytest.mark.requirement("TRK-06")
def test_what_was_entered_once_is_what_every_department_works_with(firm: Office) -> None:
    journey = Journey.begin(firm, "standard", special_requirements="木箱包装")
    journey.go_on()
    order: Order = firm.document(journey.number)
    lines = [(line.number, line.product, line.quantity) for line in order.lines]
    assert firm.rows("select line, product, quantity from logistics.delivery_note_lines order by line") == lines
    picked = "select line, product, sum(quantity)::bigint from warehouse.preparation_lines group by 1, 2 order by 1"
    assert firm.rows(picked) == lines
    place = (order.customer.code, order.customer.name, order.delivery.address, order.delivery.country)
    assert firm.rows("select customer, customer_name, address, country from logistics.delivery_notes") == [place]
    owed = (order.customer.code, order.currency, order.total_minor, order.payment.terms)
    assert firm.rows("select customer, currency, due_minor, terms from finance.receivables") == [owed]
    assert firm.rows("select customer, amount_minor from finance.invoices") == [(owed[0], order.total_minor)]
    assert firm.rows("select customer, total_minor from after_sales.archive") == [(owed[0], order.total_minor)]
    asked = firm.rows("select distinct kind from core.facts")
    assert ("order_entered",) not in asked  # nobody typed it again
