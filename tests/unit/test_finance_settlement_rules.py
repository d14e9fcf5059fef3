"""Finance decides: when an order is billed, what the invoice says, and when the order is settled."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from messages.orders import Order
from shared import policy
from shared.department import Outcome, Passed, Referred, Unworkable, Visit, Waiting
from tests.support.orders import NOW, an_order
from workers.finance.rules import Receivable
from workers.finance.settlement_rules import Billing, Deal, Delivery, InvoiceData, Settled, output_tax, settle

POLICY = policy.load().get("standard@1")
TODAY = date(2026, 6, 15)
DATA = InvoiceData("上海明珠贸易有限公司", "91310000MA1K00001X", "上海市浦东新区世纪大道1号")
SHIPS = frozenset({"finance.review", "logistics.ship", "finance.settle"})
DELIVERED = Deal(due_minor=40_000, shipped=True, delivered_on=date(2026, 6, 10), data=DATA)
PAID = replace(DELIVERED, received_minor=40_000, paid_at=datetime(2026, 6, 14, tzinfo=UTC), method="wire")


def settling(deal: Deal, order: Order | None = None, **changes: Any) -> Outcome:
    visit = Visit(order or an_order(), 1, "settle", {}, POLICY, NOW, SHIPS)
    return settle(structs.replace(visit, **changes), deal, TODAY)


def effect(outcome: Outcome, kind: type[Any]) -> Any:
    """The one effect of a kind."""
    assert isinstance(outcome, Passed | Referred | Waiting)
    (found,) = [each for each in outcome.effects if isinstance(each, kind)]
    return found


@pytest.mark.requirement("SET-01")
@pytest.mark.parametrize(("received", "status"), [(0, "unpaid"), (39_999, "part_paid")])
def test_settlement_waits_until_the_order_is_paid_in_full(received: int, status: str) -> None:
    order = an_order()
    outcome = settling(replace(DELIVERED, received_minor=received, invoiced_minor=40_000), order)
    assert isinstance(outcome, Waiting)
    assert outcome.keys == (f"payment:{order.id}",)
    assert outcome.effects == ()
    assert (outcome.basis["payment"], outcome.basis["received_minor"]) == (status, received)


@pytest.mark.requirement("SET-01", "SET-08")
def test_paid_order_is_billed_and_settled_at_once() -> None:
    outcome = settling(PAID)
    assert isinstance(outcome, Passed)
    assert [type(each) for each in outcome.effects] == [Billing, Settled]
    assert outcome.basis == {
        "payment": "paid",
        "received_minor": 40_000,
        "due_minor": 40_000,
        "currency": "CNY",
        "paid_at": PAID.paid_at,
        "method": "wire",
    }


@pytest.mark.requirement("SET-04")
def test_unpaid_order_is_billed_on_reaching_settlement_and_only_once() -> None:
    first = settling(DELIVERED)
    assert isinstance(first, Waiting)
    assert [type(each) for each in first.effects] == [Billing]
    later = settling(replace(PAID, invoiced_minor=40_000))
    assert isinstance(later, Passed)
    assert [type(each) for each in later.effects] == [Settled]


@pytest.mark.requirement("SET-04")
def test_invoice_after_payment_waits_for_the_payment() -> None:
    option: Mapping[str, Any] = {"invoice": "after_payment"}
    unpaid = settling(DELIVERED, options=option)
    assert isinstance(unpaid, Waiting)
    assert unpaid.effects == ()
    assert effect(settling(PAID, options=option), Billing).amount_minor == 40_000


@pytest.mark.requirement("SET-04")
def test_unknown_invoice_trigger_can_never_work() -> None:
    with pytest.raises(Unworkable, match="sometime"):
        settling(DELIVERED, options={"invoice": "sometime"})


@pytest.mark.requirement("SET-03")
@pytest.mark.parametrize(
    ("amount", "rate", "tax"),
    [(11_300, 1_300, 1_300), (10_000, 1_300, 1_150), (1, 1_300, 0), (4, 1_300, 0), (5, 1_300, 1), (11_300, 0, 0)],
)
def test_output_tax_is_contained_in_the_total(amount: int, rate: int, tax: int) -> None:
    assert output_tax(amount, rate) == tax


@pytest.mark.requirement("SET-03")
@given(total=st.integers(0, 10**12), rate=st.integers(0, 10_000))
def test_voucher_balances_to_the_cent(total: int, rate: int) -> None:
    order = an_order(total_minor=total)
    deal = replace(PAID, due_minor=total, received_minor=total)
    bill = effect(settling(deal, order, policy=replace(POLICY, tax_rate_basis_points=rate)), Billing)
    assert bill.amount_minor == total == bill.revenue_minor + bill.tax_minor
    assert 0 <= bill.tax_minor <= bill.amount_minor


@pytest.mark.parametrize(
    ("terms", "delivered", "due"),
    [
        ("net_30", date(2026, 6, 10), date(2026, 7, 10)),
        ("net_0", date(2026, 6, 10), date(2026, 6, 10)),
        ("net_30", None, date(2026, 7, 15)),
        ("prepaid", None, TODAY),
    ],
)
def test_due_date_is_so_many_days_after_delivery(terms: str, delivered: date | None, due: date) -> None:
    order = an_order(payment={"method": "wire", "terms": terms})
    assert effect(settling(replace(PAID, delivered_on=delivered), order), Billing).due_date == due


@pytest.mark.requirement("SET-04")
@pytest.mark.parametrize("paid", [False, True])
def test_missing_invoice_data_go_to_a_person(paid: bool) -> None:
    outcome = settling(replace(PAID if paid else DELIVERED, data=InvoiceData(title=DATA.title)))
    assert isinstance(outcome, Referred)
    assert [one.code for one in outcome.findings] == ["invoice.no_address", "invoice.no_tax_number"]


@pytest.mark.requirement("SET-04")
def test_foreign_customers_need_no_tax_number() -> None:
    outcome = settling(replace(PAID, data=replace(DATA, tax_number="")), an_order(sale_type="foreign"))
    assert isinstance(outcome, Passed)


@pytest.mark.requirement("SET-04")
def test_agreeing_makes_the_invoice_out_to_the_order_and_still_waits_for_payment() -> None:
    order = an_order()
    outcome = settling(replace(DELIVERED, data=InvoiceData()), order, agreed=True)
    assert isinstance(outcome, Waiting)
    bill = effect(outcome, Billing)
    assert bill.data == InvoiceData(order.customer.name, "", order.delivery.address)
    paid = settling(replace(PAID, data=InvoiceData()), order, agreed=True)
    assert isinstance(paid, Referred)  # covered by the agreement, so its effects are saved
    assert [type(each) for each in paid.effects] == [Billing, Settled]


@pytest.mark.requirement("SET-08")
def test_nothing_is_settled_before_the_goods_have_left() -> None:
    outcome = settling(replace(PAID, shipped=False))
    assert isinstance(outcome, Referred)
    (one,) = outcome.findings
    assert (one.code, one.values) == ("settlement.not_delivered", {"open_minor": 40_000, "currency": "CNY"})


@pytest.mark.requirement("SET-08")
@pytest.mark.parametrize(
    "changes", [{"activities": frozenset({"finance.settle"})}, {"options": {"before_delivery": True}}]
)
def test_definitions_that_do_not_ship_first_settle_all_the_same(changes: dict[str, Any]) -> None:
    assert isinstance(settling(replace(PAID, shipped=False), **changes), Passed)


@pytest.mark.requirement("SET-08")
def test_invoice_that_differs_from_delivery_and_payment_is_not_settled() -> None:
    outcome = settling(replace(PAID, invoiced_minor=39_999))
    assert isinstance(outcome, Referred)
    (one,) = outcome.findings
    assert one.code == "settlement.differs"
    assert one.values == {
        "delivered_minor": 40_000,
        "invoiced_minor": 39_999,
        "paid_minor": 40_000,
        "currency": "CNY",
    }


@pytest.mark.requirement("SET-08")
def test_order_that_finance_never_reviewed_gets_its_receivable_at_settlement() -> None:
    receivable = effect(settling(replace(PAID, due_minor=None)), Receivable)
    assert (receivable.due_minor, receivable.received_minor) == (40_000, 40_000)


# -- orders that leave in parts, and lines that are held ---------------------------------------------------------------

PARTS = (
    Delivery("DN-1", 13_333, frozenset({1}), date(2026, 6, 1)),
    Delivery("DN-2", 13_333, frozenset({1}), date(2026, 6, 5)),
    Delivery("DN-3", 13_334, frozenset({1, 2}), date(2026, 6, 10)),
)


def billed(outcome: Outcome) -> list[tuple[str | None, int, int]]:
    assert isinstance(outcome, Passed | Referred | Waiting)
    return [(each.note, each.amount_minor, each.tax_minor) for each in outcome.effects if isinstance(each, Billing)]


@pytest.mark.requirement("SET-03", "SET-04")
def test_every_delivery_has_its_voucher_and_all_add_up_to_the_order() -> None:
    found = billed(settling(replace(DELIVERED, deliveries=PARTS)))
    assert found == [("DN-1", 13_333, 1_534), ("DN-2", 13_333, 1_534), ("DN-3", 13_334, 1_534)]
    assert sum(tax for _, _, tax in found) == output_tax(40_000, 1_300) == 4_602


@pytest.mark.requirement("SET-03")
@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=6))
def test_parts_always_add_up(values: list[int]) -> None:
    parts = tuple(Delivery(f"DN-{number}", value) for number, value in enumerate(values))
    found = billed(settling(replace(DELIVERED, deliveries=parts)))
    assert sum(amount for _, amount, _ in found) == 40_000
    assert sum(tax for _, _, tax in found) == output_tax(40_000, 1_300)
    assert all(0 <= tax <= amount for _, amount, tax in found)


@pytest.mark.requirement("SET-03")
def test_what_is_billed_already_is_not_billed_again() -> None:
    parts = (replace(PARTS[0], billed=True), *PARTS[1:])
    found = billed(settling(replace(DELIVERED, deliveries=parts, invoiced_minor=13_333)))
    assert [note for note, _, _ in found] == ["DN-2", "DN-3"]


@pytest.mark.requirement("SET-08", "AFT-03")
def test_held_lines_are_neither_billed_nor_settled_until_their_case_is_closed() -> None:
    order = an_order()
    held = replace(PAID, deliveries=PARTS, held=frozenset({2}), case_number="CS-1")
    outcome = settling(held, order)
    assert isinstance(outcome, Waiting)
    assert outcome.keys == (f"case:{order.id}",)
    assert [note for note, _, _ in billed(outcome)] == ["DN-1", "DN-2"]
    assert [(each.code, each.subject, each.values["lines"]) for each in outcome.findings] == [
        ("settlement.held", "CS-1", "2")
    ]
    whole = settling(replace(PAID, held=frozenset({1}), case_number="CS-1"), order)
    assert isinstance(whole, Waiting)
    assert billed(whole) == []
    closed = settling(replace(held, held=frozenset(), case_number="", invoiced_minor=26_666), order)
    assert isinstance(closed, Passed)
    assert any(isinstance(each, Settled) for each in closed.effects)


@pytest.mark.requirement("SET-07")
def test_a_contract_says_when_payment_is_due() -> None:
    assert effect(settling(replace(DELIVERED, contract_due=date(2026, 8, 15))), Billing).due_date == date(2026, 8, 15)


@pytest.mark.requirement("SET-04")
def test_an_invoice_is_mailed_where_the_step_says_so() -> None:
    order = an_order()
    mailed = effect(settling(DELIVERED, order, options={"mail_invoice": True}), Billing).mailed
    assert (mailed.order, mailed.round) == (order, 1)
    assert effect(settling(DELIVERED), Billing).mailed is None
