"""The first check of an order: every rule at its boundary, every failure listed, every finding explained in words."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from messages.orders import Line
from shared import policy
from shared.department import Finding, Passed, Referred, Unworkable, Value, Visit
from tests.support.orders import NOW, an_order
from workers.sales_review.activities import sales_review
from workers.sales_review.books import CustomerRow, PriceRow, ProductRow, business_day
from workers.sales_review.rules import NOTE, REFER, Credit, Customer, Product, check, on_shortage

TODAY = date(2026, 6, 15)
POLICY = policy.select(policy.load(), TODAY)
CUSTOMER = Customer("domestic", "CN", Credit("CNY", 1_400_00, 1_000_00, None))
PRODUCTS = {"P001": Product(True, None, 10_000, 3), "P002": Product(True, ("CN", "HK"), 5_000, 2)}
STANDARD = frozenset({"sales_review.check", "finance.review", "warehouse.reserve"})
WORDS = tomllib.loads(
    (Path(policy.__file__).parent / "locale" / "findings" / "sales_review.toml").read_text(encoding="utf-8")
)


def visit(activities: frozenset[str] = STANDARD, options: Mapping[str, Value] | None = None, **changes: Any) -> Visit:
    return Visit(an_order(**changes), 1, "check", options or {}, POLICY, NOW, activities)


def a_line(number: int, product: str, quantity: int, price: int) -> Line:
    return Line(
        number=number,
        product=product,
        quantity=quantity,
        unit_price_minor=price,
        discount_basis_points=0,
        amount_minor=quantity * price,
    )


def findings(
    of: Visit, customer: Customer | None = CUSTOMER, products: Mapping[str, Product] = PRODUCTS
) -> list[Finding]:
    """What is found, none when the order passes; each must have words in both languages for its values."""
    outcome = check(of, TODAY, customer, products)
    if isinstance(outcome, Passed):
        return []
    assert isinstance(outcome, Referred)
    assert outcome.findings
    assert outcome.effects == ()
    for found in outcome.findings:
        for words in ("zh", "en", "remedy_zh", "remedy_en"):
            assert WORDS[found.code][words].format_map({**found.values, "subject": found.subject})
    return list(outcome.findings)


def codes(found: list[Finding]) -> list[tuple[str, str]]:
    return [(each.code, each.subject) for each in found]


@pytest.mark.requirement("SAL-01", "SAL-05")
def test_a_clean_order_passes_with_what_the_decision_rested_on() -> None:
    outcome = check(visit(), TODAY, CUSTOMER, PRODUCTS)
    assert isinstance(outcome, Passed)
    assert outcome.effects == ()
    assert outcome.basis == {"price_list": "2026-06-15", "available": {"P001": 3, "P002": 2}}


@pytest.mark.requirement("SAL-01")
def test_every_failure_is_listed() -> None:
    products = {"P001": Product(False, ("US",), 9_999, 0)}
    found = findings(visit(sale_type="foreign", activities=frozenset()), CUSTOMER, products)
    assert set(codes(found)) == {
        ("sale_type.differs", ""),
        ("product.inactive", "P001"),
        ("product.not_deliverable", "P001"),
        ("price.not_as_listed", "P001"),
        ("product.unknown", "P002"),
        ("availability.short", "P001"),
    }


@pytest.mark.requirement("SAL-01")
def test_an_unknown_customer_is_named() -> None:
    assert codes(findings(visit(), None)) == [("customer.unknown", "C001")]


@pytest.mark.requirement("SAL-01")
def test_an_unknown_product_is_named_once_with_its_lines() -> None:
    lines = (a_line(1, "X", 1, 100), a_line(2, "P001", 1, 10_000), a_line(3, "X", 1, 100))
    assert findings(visit(lines=lines)) == [Finding("product.unknown", "X", {"lines": "1, 3"})]


@pytest.mark.requirement("SAL-01")
def test_a_product_that_is_no_longer_sold_is_named() -> None:
    products = PRODUCTS | {"P002": replace(PRODUCTS["P002"], active=False)}
    assert findings(visit(), products=products) == [Finding("product.inactive", "P002", {"lines": "2"})]


@pytest.mark.requirement("SAL-01")
@pytest.mark.parametrize(("price", "found"), [(9_999, True), (10_000, False), (10_001, True)])
def test_a_unit_price_must_be_the_listed_one_to_the_minor_unit(price: int, found: bool) -> None:
    lines = (a_line(1, "P001", 1, 10_000), a_line(2, "P001", 1, price))
    expected: dict[str, Value] = {"lines": "2", "price_minor": price, "listed_minor": 10_000, "currency": "CNY"}
    wanted = [Finding("price.not_as_listed", "P001", expected)] if found else []
    assert findings(visit(lines=lines)) == wanted


@pytest.mark.requirement("SAL-01")
def test_a_price_of_zero_is_a_price() -> None:
    products = {"P001": Product(True, None, 0, 9)}
    assert findings(visit(lines=(a_line(1, "P001", 1, 0),)), products=products) == []


@pytest.mark.requirement("SAL-01")
def test_a_product_without_a_price_in_the_orders_currency_is_found() -> None:
    products = PRODUCTS | {"P001": replace(PRODUCTS["P001"], price_minor=None)}
    found = findings(visit(currency="USD"), products=products)
    assert Finding("price.not_listed", "P001", {"lines": "1", "currency": "USD", "day": "2026-06-15"}) in found


@pytest.mark.requirement("SAL-01")
def test_a_discount_is_not_looked_at_here() -> None:
    discounted = structs.replace(a_line(1, "P001", 1, 10_000), discount_basis_points=9_999, amount_minor=1)
    assert findings(visit(lines=(discounted,))) == []


@pytest.mark.requirement("SAL-03", "PRC-05")
@pytest.mark.parametrize("recorded", ["foreign", "internal"])
def test_a_sale_type_that_contradicts_the_record_names_the_expected_one(recorded: str) -> None:
    found = findings(visit(), replace(CUSTOMER, sale_type=recorded))
    assert found == [Finding("sale_type.differs", "", {"sale_type": "domestic", "expected": recorded})]


@pytest.mark.requirement("SAL-03")
@pytest.mark.parametrize(
    ("sale_type", "country", "found"),
    [("domestic", "CN", False), ("domestic", "HK", True), ("foreign", "HK", False), ("internal", "HK", False)],
)
def test_a_domestic_sale_stays_in_the_customers_country(sale_type: str, country: str, found: bool) -> None:
    elsewhere = visit(sale_type=sale_type, delivery={"address": "1 Queen's Road", "country": country})
    expected = [Finding("policy.delivered_abroad", "", {"country": country, "expected": "CN"})] if found else []
    assert findings(elsewhere, replace(CUSTOMER, sale_type=sale_type)) == expected


@pytest.mark.requirement("SAL-03")
@pytest.mark.parametrize(("total", "found"), [(39_999, True), (40_000, False), (40_001, False)])
def test_the_smallest_order_is_an_option_of_the_step(total: int, found: bool) -> None:
    small = visit(options={"minimum_total_minor": 40_000}, total_base_minor=total, currency="CNY")
    values: dict[str, Value] = {"total_minor": total, "minimum_minor": 40_000, "currency": "CNY"}
    assert findings(small) == ([Finding("policy.below_minimum", "", values)] if found else [])


@pytest.mark.requirement("SAL-03")
def test_the_smallest_order_is_in_the_base_currency() -> None:
    dollars = visit(options={"minimum_total_minor": 284_000}, currency="USD", total_base_minor=283_999)
    assert [each.values["currency"] for each in findings(dollars)] == ["CNY"]


@pytest.mark.requirement("SAL-03")
@pytest.mark.parametrize("minimum", ["400", True])
def test_an_option_that_is_no_number_can_never_work(minimum: Value) -> None:
    with pytest.raises(Unworkable, match="minimum_total_minor"):
        check(visit(options={"minimum_total_minor": minimum}), TODAY, CUSTOMER, PRODUCTS)


@pytest.mark.requirement("SAL-03")
def test_payment_is_looked_at_where_finance_has_no_review() -> None:
    branch = replace(CUSTOMER, sale_type="internal")
    by_cash: dict[str, Any] = {"sale_type": "internal", "payment": {"method": "cash", "terms": "prepaid"}}
    assert findings(visit(**by_cash), branch) == []
    without_finance = visit(STANDARD - {"finance.review"}, **by_cash)
    assert findings(without_finance, branch) == [
        Finding("policy.payment_method", "", {"method": "cash", "allowed": "wire"})
    ]


@pytest.mark.requirement("SAL-03")
@pytest.mark.parametrize(
    ("terms", "found"), [("prepaid", False), ("net_0", False), ("net_90", False), ("net_91", True)]
)
def test_payment_terms_stay_within_the_policys_longest(terms: str, found: bool) -> None:
    of = visit(STANDARD - {"finance.review"}, payment={"method": "wire", "terms": terms})
    assert findings(of) == ([Finding("policy.credit_days", "", {"days": 91, "longest": 90})] if found else [])


@pytest.mark.requirement("SAL-04")
@pytest.mark.parametrize(("exposure", "found"), [(99_999, False), (100_000, False), (100_001, True)])
def test_a_limit_that_is_exceeded_already_is_shown_to_the_first_approver(exposure: int, found: bool) -> None:
    customer = replace(CUSTOMER, credit=Credit("CNY", 100_000, exposure, None))
    values: dict[str, Value] = {"exposure_minor": exposure, "limit_minor": 100_000, "currency": "CNY"}
    assert findings(visit(), customer) == ([Finding("customer.over_limit", "C001", values)] if found else [])


@pytest.mark.requirement("SAL-04")
def test_an_order_paid_in_advance_needs_no_limit_but_a_hold_counts() -> None:
    prepaid = visit(payment={"method": "wire", "terms": "prepaid"})
    assert findings(prepaid, replace(CUSTOMER, credit=Credit("CNY", 0, 1, None))) == []
    held = replace(CUSTOMER, credit=Credit("USD", 0, 1, "呆账"))
    assert findings(prepaid, held) == [Finding("customer.on_hold", "C001", {"reason": "呆账"})]


@pytest.mark.requirement("SAL-04")
def test_a_customer_without_an_account_is_left_to_finance() -> None:
    assert findings(visit(), replace(CUSTOMER, credit=None)) == []


@pytest.mark.requirement("SAL-05")
@pytest.mark.parametrize(("available", "found"), [(4, True), (5, False), (6, False)])
def test_lines_of_one_product_are_added_up(available: int, found: bool) -> None:
    products = {"P001": Product(True, None, 10_000, available)}
    of = visit(options={"shortage": REFER}, lines=(a_line(1, "P001", 3, 10_000), a_line(2, "P001", 2, 10_000)))
    expected: dict[str, Value] = {"quantity": 5, "available": available}
    assert findings(of, products=products) == ([Finding("availability.short", "P001", expected)] if found else [])


@pytest.mark.requirement("SAL-05")
def test_a_shortage_is_only_noted_where_the_order_will_wait_for_stock_by_itself() -> None:
    outcome = check(visit(), TODAY, CUSTOMER, PRODUCTS | {"P001": replace(PRODUCTS["P001"], available=2)})
    assert isinstance(outcome, Passed)
    assert outcome.basis["short"] == {"P001": {"quantity": 3, "available": 2}}


@pytest.mark.requirement("SAL-05")
@pytest.mark.parametrize(
    ("activities", "option", "expected"),
    [
        (STANDARD, None, NOTE),
        (STANDARD | {"warehouse.confirm"}, None, REFER),
        (STANDARD - {"warehouse.reserve"}, None, REFER),
        (STANDARD, REFER, REFER),
        (frozenset[str](), NOTE, NOTE),
    ],
)
def test_what_a_shortage_does_follows_the_option_and_else_the_definition(
    activities: frozenset[str], option: str | None, expected: str
) -> None:
    assert on_shortage(visit(activities, {"shortage": option} if option else {})) == expected


@pytest.mark.requirement("SAL-05")
def test_another_word_for_a_shortage_can_never_work() -> None:
    short = PRODUCTS | {"P001": replace(PRODUCTS["P001"], available=0)}
    with pytest.raises(Unworkable, match="'ignore'"):
        check(visit(options={"shortage": "ignore"}), TODAY, CUSTOMER, short)


@pytest.mark.requirement("SAL-06")
@pytest.mark.parametrize(
    ("countries", "found"), [(None, False), (("CN",), False), (("HK", "CN"), False), (("HK", "US"), True)]
)
def test_a_product_is_delivered_only_where_it_is_supported(countries: tuple[str, ...] | None, found: bool) -> None:
    products = PRODUCTS | {"P001": replace(PRODUCTS["P001"], countries=countries)}
    values = {"lines": "1", "country": "CN", "countries": "HK, US"}
    expected = [Finding("product.not_deliverable", "P001", values)] if found else []
    assert findings(visit(), products=products) == expected


@pytest.mark.requirement("APR-07")
def test_an_approval_is_left_to_the_person_that_its_step_asks_for() -> None:
    outcome = sales_review.activities["sales_review.approve"].decide(visit(), None)
    assert outcome == Passed()


@pytest.mark.requirement("SAL-01")
def test_the_price_list_changes_at_midnight_of_the_company() -> None:
    assert business_day(NOW.replace(day=14, hour=15, minute=59)) == date(2026, 6, 14)
    assert business_day(NOW.replace(day=14, hour=16, minute=0)) == date(2026, 6, 15)


@pytest.mark.requirement("CRM-03")
def test_master_data_is_checked_while_it_is_read() -> None:
    customer = {"code": "C1", "name_en": "Acme", "country": "GB", "sale_type": "foreign", "class": "B"}
    row = CustomerRow.model_validate(customer)
    assert (row.class_, row.email, row.region) == ("B", None, "")
    product = {"code": "P1", "name_zh": "灯", "weight_grams": "250", "countries": "CN HK", "active": "false"}
    read = ProductRow.model_validate(product)
    assert (read.countries, read.active, read.weight_grams) == (("CN", "HK"), False, 250)
    price = {"product": "P1", "currency": "JPY", "unit_price": "12", "effective_from": "2026-01-01"}
    assert PriceRow.model_validate(price).unit_price_minor == 12


@pytest.mark.requirement("CRM-03")
@pytest.mark.parametrize(
    ("model", "cells"),
    [
        (CustomerRow, {"code": "C1", "country": "GB", "sale_type": "foreign"}),
        (CustomerRow, {"code": "C1", "name_en": "Acme", "country": "uk", "sale_type": "foreign"}),
        (CustomerRow, {"code": "C1", "name_en": "Acme", "country": "GB", "sale_type": "export"}),
        (CustomerRow, {"code": "C1", "name_en": "Acme", "country": "GB", "sale_type": "foreign", "class": "D"}),
        (CustomerRow, {"code": "C1", "name_en": "Acme", "country": "GB", "sale_type": "foreign", "email": "nobody"}),
        (ProductRow, {"code": "P1", "weight_grams": "1"}),
        (ProductRow, {"code": "P1", "name_zh": "灯"}),
        (ProductRow, {"code": "P1", "name_zh": "灯", "weight_grams": "-1"}),
        (ProductRow, {"code": "P1", "name_zh": "灯", "weight_grams": "1", "countries": "China"}),
        (PriceRow, {"product": "P1", "currency": "JPY", "unit_price": "1.5", "effective_from": "2026-01-01"}),
        (PriceRow, {"product": "P1", "currency": "CNY", "unit_price": "-1", "effective_from": "2026-01-01"}),
    ],
)
def test_a_faulty_master_record_is_refused(model: type[CustomerRow], cells: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        model.model_validate(cells)
