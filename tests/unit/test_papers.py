"""Documents whatever they are printed as: their words, their figures, and that pages are only ever text."""

import re
from datetime import UTC, datetime

import pytest

from shared.company import Company
from shared.words import LANGUAGES, words
from tests.support.database import REPOSITORY
from tests.support.orders import an_order
from tests.support.pdf import pages
from workers.documents.contents import Carrier, DeliveryNote, Goods, Invoice, OfOrder
from workers.documents.goods import delivery_note
from workers.documents.html import to_html
from workers.documents.kinds import KINDS
from workers.documents.money import invoice
from workers.documents.paper import Sheet, day, kilograms, plain
from workers.documents.pdf import to_pdf
from workers.documents.sales import confirmation, sales_order

SHEET = Sheet(
    Company(name_zh="远帆", name_en="Farsail", account="1001"), LANGUAGES, {"P001": {"zh": "打印机", "en": "P"}}
)
NOW = datetime(2026, 6, 15, 20, 0, tzinfo=UTC)
MADE_UP = ("material_", "inspection_", "clause_", "goods_", "movement_", "obligation_")
"""What labels begin with that are made of a code."""


def test_every_label_has_words_and_none_is_left_over() -> None:
    texts = [file.read_text(encoding="utf-8") for file in (REPOSITORY / "workers" / "documents").glob("*.py")]
    quoted = {code for text in texts for code in re.findall(r"[\"']([a-z_]+)[\"']", text)}
    asked = {code for text in texts for code in re.findall(r"(?:label|sentence)\([\"']([a-z_]+)[\"']", text)}
    known = {*words("paper")}
    assert asked <= known
    assert {code for code in known if not code.startswith(MADE_UP)} <= quoted
    assert {*words("papers")} == {*KINDS, "red_invoice"}


def test_moments_are_days_here_and_figures_are_whole() -> None:
    assert (day(NOW), day(None), plain(123_456_789, "CNY"), plain(5, "JPY"), kilograms(26_400)) == (
        "2026-06-16", "", "1,234,567.89", "5", "26.4 kg",
    )  # fmt: skip


@pytest.mark.requirement("ENT-08")
def test_the_printed_order_has_everything_in_both_languages() -> None:
    order = an_order(customer_order_number="PO-7", special_requirements="木箱")
    page = to_html(sales_order(OfOrder(order), SHEET))
    for said in (order.number, "PO-7", "木箱", "打印机 / P", "销售订单 Sales order", "肆佰元整", "sam", "@page"):
        assert said in page
    assert "http" not in page  # it stands alone


@pytest.mark.requirement("ENT-08")
def test_one_language_may_be_asked_for() -> None:
    sheet = Sheet(SHEET.company, ("en",), SHEET.names)
    page = to_html(sales_order(OfOrder(an_order()), sheet))
    assert "Sales order" in page
    assert "销售订单" not in page
    assert "In capitals" not in page


def test_other_currencies_have_no_chinese_capitals() -> None:
    assert "大写金额" not in to_html(confirmation(OfOrder(an_order(currency="USD")), SHEET))


@pytest.mark.parametrize(
    "written", ["</style><script>x</script>", '"><img src=x>', "#panic()", "{number}{0}", "\u202e"]
)
def test_what_was_typed_is_shown_and_never_run(written: str) -> None:
    paper = sales_order(OfOrder(an_order(special_requirements=f"甲{written}乙", creator=written)), SHEET)
    page = to_html(paper)
    assert "<script>x" not in page
    assert "<img" not in page
    text = "".join(pages(to_pdf(paper)))
    assert f"甲{written}乙".replace(" ", "").replace("\u202e", "") in text


def test_goods_sent_by_hand_say_so() -> None:
    note = DeliveryNote("DN-1", an_order(), "x", Carrier(None, None, None), NOW, (Goods(1, "P001", 3),))
    assert ("承运人 Carrier", "人工安排 arranged by hand") in delivery_note(note, SHEET).fields


def test_an_invoice_for_a_part_of_the_order_has_one_line() -> None:
    part = Invoice(
        "INV-1", an_order(), "SV-1", "甲", None, "x", "CNY", 10_000, 1_150, 1_300, NOW, NOW.date(), None
    )  # fmt: skip
    (table,) = invoice(part, SHEET).tables
    assert [row[-1] for row in table.rows] == ["100.00"]
