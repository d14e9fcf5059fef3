"""The sales order on paper: everything that was ordered, in both languages, with the amount in capitals."""

from datetime import date

import pytest
from msgspec import structs

from shared.money import format_amount, in_chinese_capitals
from shared.words import LANGUAGES, Language, word
from tests.support.orders import an_order
from workers.sales_review.printed import sales_order
from workers.sales_review.rules import available_by_line

NAMES = {"P001": ("激光打印机", "Laser printer"), "P002": ("硒鼓", "Toner")}


@pytest.mark.requirement("ENT-08")
def test_the_page_has_the_whole_order_in_both_languages() -> None:
    order = structs.replace(
        an_order(customer_order_number="PO-7", special_requirements="木箱"), reply_date=date(2026, 7, 1)
    )
    page = sales_order(order, NAMES, LANGUAGES)
    assert page.startswith("<!doctype html>")
    sale_type = " ".join(word("sale_types", "domestic", each) for each in LANGUAGES)
    for said in (
        order.number, "PO-7", "木箱", "2026-07-01", "上海明珠贸易有限公司 (C001)", "激光打印机 / Laser printer",
        "销售订单 Sales order", "大写金额 In capitals", in_chinese_capitals(order.total_minor), sale_type,
        format_amount(order.total_minor, "CNY", "zh_CN"), "sam",
    ):  # fmt: skip
        assert said in page, said
    assert "@page" in page
    assert "http" not in page  # it stands alone


@pytest.mark.requirement("ENT-08")
@pytest.mark.parametrize(("language", "has", "lacks"), [("zh", "销售订单", "Sales order"), ("en", "Laser", "激光")])
def test_one_language_may_be_asked_for(language: Language, has: str, lacks: str) -> None:
    page = sales_order(an_order(), NAMES, [language])
    assert has in page
    assert lacks not in page


@pytest.mark.requirement("ENT-08")
def test_what_was_typed_is_shown_and_never_run() -> None:
    page = sales_order(an_order(special_requirements="<script>alert(1)</script>"), {}, LANGUAGES)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_other_currencies_have_no_chinese_capitals() -> None:
    assert "大写金额" not in sales_order(an_order(currency="USD"), NAMES, LANGUAGES)


@pytest.mark.requirement("SAL-05")
def test_availability_is_told_by_line_as_if_those_before_had_been_served() -> None:
    wanted = [("P001", 3), ("P001", 3), ("P404", 1), ("P002", 2)]
    found = available_by_line(wanted, {"P001": 4, "P002": 2})
    assert [(each["available"], each["short"]) for each in found] == [(4, 0), (1, 2), (None, None), (2, 0)]
