"""Documents of a real order's journey, on paper and on screen: what stands on them is what stands in the books."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.company import Company, save
from shared.database import Session
from shared.money import format_amount, from_minor, in_chinese_capitals
from shared.words import LANGUAGES, Language, word
from tests.integration.test_quotations import accepted
from tests.support.commands import squeezed
from tests.support.contracts import SIGNED, Review
from tests.support.journey import Journey, hire
from tests.support.office import Office
from tests.support.pdf import pages, size
from tests.support.terminal import Run, said
from workers.documents.books import Selection, papers
from workers.documents.html import to_html
from workers.documents.kinds import KINDS
from workers.documents.paper import Paper
from workers.documents.pdf import to_pdf

OURS = Company(
    name_zh="远帆贸易(上海)有限公司",
    name_en="Farsail Trading (Shanghai) Co., Ltd.",
    address_zh="上海市浦东新区张杨路500号18楼",
    address_en="18/F, 500 Zhangyang Road, Shanghai",
    tax_number="91310115MA1K4FS18X",
    phone="+86 21 5550 8800",
    email="orders@farsail.example.com",
    bank_zh="中国工商银行上海市浦东支行",
    bank_en="ICBC, Shanghai Pudong Branch",
    account="1001 2345 0900 0066 778",
)
RARE = "上海䶮㛃𬭎贸易有限公司"
HOSTILE = '#evil() *b* $x$ "q" <script>alert(1)</script> {page} \\u{41} @ref `raw` // 甲'
LONG = 675


@pytest.fixture
def firm(office: Office) -> Office:
    hire(office)
    with office.database.transaction() as session:
        save(session, [OURS])
        session.write("insert into core.staff (id, name, roles) values ('lin', 'lin', array['sales_supervisor'])")
    return office


def finished(firm: Office, **changes: Any) -> Journey:
    """An order that has been through everything."""
    journey = Journey.begin(firm, "standard", **changes)
    journey.go_on()
    assert journey.state() == "archived"
    return journey


def printed(firm: Office, kind: str, *numbers: str, languages: tuple[Language, ...] = LANGUAGES) -> list[Paper]:
    with firm.database.transaction() as session:
        return papers(session, kind, Selection(numbers), languages)


def one(firm: Office, kind: str, number: str, languages: tuple[Language, ...] = LANGUAGES) -> Paper:
    (paper,) = printed(firm, kind, number, languages=languages)
    return paper


def everything(firm: Office, **changes: Any) -> dict[str, str]:
    """A number to ask each kind of document by."""
    number = finished(firm, **changes).number
    contract = Review.begin(firm)
    contract.approve()
    contract.tell("counterparty_checked", by="legal_counsel.1", reputation="无失信记录", strength="注册资本 500 万元")
    contract.tell("contract_signed", **SIGNED)
    return dict.fromkeys(KINDS, number) | {"quotation": accepted(firm), "contract": contract.number}


@pytest.mark.requirement("LOG-02", "LOG-06", "WHS-09", "SET-04", "TRK-04")
def test_every_kind_is_printed_in_every_language_as_pdf_and_html(firm: Office, tmp_path: Path) -> None:
    numbers = everything(firm, customer={"code": "C001", "name": RARE}, special_requirements="木箱包装,防潮")
    assert numbers.keys() == KINDS.keys()
    for kind, number in numbers.items():
        for languages in (("zh",), ("en",), LANGUAGES):
            paper = one(firm, kind, number, languages)
            content, page = to_pdf(paper), to_html(paper)
            (tmp_path / f"{kind}-{'-'.join(languages)}.pdf").write_bytes(content)
            (tmp_path / f"{kind}-{'-'.join(languages)}.html").write_text(page, encoding="utf-8")
            assert size(content) == (210, 297)
            text = "".join(pages(content))
            for language in languages:
                for expected in (word("papers", kind, language), OURS.name(language)):
                    assert expected.replace(" ", "") in text, (kind, expected)
                    assert expected in page
            assert paper.number in text
            assert "\ufffd" not in text
            assert all(label and "paper" not in label for label, _ in (*paper.fields, *paper.totals, *paper.remarks))
    assert RARE in "".join(pages(to_pdf(one(firm, "delivery_note", numbers["delivery_note"]))))


@pytest.mark.requirement("SET-04")
def test_the_invoice_says_what_was_booked(firm: Office) -> None:
    number = finished(firm).number
    ((invoice, amount, tax, title, tax_number),) = firm.rows(
        "select number, amount_minor, tax_minor, title, tax_number from finance.invoices"
    )
    paper = one(firm, "invoice", number)
    text = pages(to_pdf(paper))[0]
    for expected in (
        invoice, title, tax_number, in_chinese_capitals(amount), "价税合计", "大写金额", OURS.tax_number,
        *(format_amount(each, "CNY", "zh_CN") for each in (amount, tax, amount - tax)),
        OURS.account.replace(" ", ""),
    ):  # fmt: skip
        assert expected in text, expected
    assert one(firm, "invoice", invoice) == paper  # by its own number, too


@pytest.mark.requirement("WHS-09", "LOG-02")
def test_quantities_of_the_papers_are_those_of_the_order(firm: Office) -> None:
    number = finished(firm).number
    wanted = {line.product: line.quantity for line in firm.document(number).lines}
    for kind, product, quantity in (
        ("delivery_note", 1, 3), ("packing_list", 3, 6), ("inspection_report", 1, 4), ("confirmation", 1, 3),
    ):  # fmt: skip
        found: dict[str, int] = {}
        for row in one(firm, kind, number, ("en",)).tables[0].rows:
            found[row[product]] = found.get(row[product], 0) + int(row[quantity].replace(",", ""))
        assert found == wanted, kind


def test_the_statement_balances(firm: Office) -> None:
    number = finished(firm).number
    paper = one(firm, "statement", number, ("en",))
    total = format_amount(firm.document(number).total_minor, "CNY", "en")
    assert [value for _, value in paper.totals] == [total, total, format_amount(0, "CNY", "en")]
    assert [row[1] for row in paper.tables[0].rows] == ["Invoice", "Payment"]


@pytest.mark.requirement("SET-05")
def test_a_red_letter_invoice_takes_back_what_it_names(firm: Office) -> None:
    number = finished(firm).number
    ((invoice,),) = firm.rows("select number from finance.invoices")
    _take_back(firm, invoice)
    made = printed(firm, "invoice", invoice, "INV-RED", languages=("zh",))
    assert [paper.title for paper in made] == ["发票", "红字发票"]
    total = firm.document(number).total_minor
    assert made[1].totals[-1][1] == format_amount(-total, "CNY", "zh_CN")
    assert ("大写金额", in_chinese_capitals(-total)) in made[1].remarks
    assert ("冲红发票", invoice) in made[1].fields


def _take_back(firm: Office, invoice: str) -> None:
    """As finance does it when an order is undone."""
    with firm.database.transaction() as session:
        session.write(
            "insert into finance.vouchers (number, order_id, customer, currency, receivable_minor, revenue_minor,"
            " output_tax_minor, tax_basis_points, booked_at, reverses) select 'SV-RED', order_id, customer, currency,"
            " -receivable_minor, -revenue_minor, -output_tax_minor, tax_basis_points, booked_at, number"
            " from finance.vouchers"
        )
        session.write(
            "insert into finance.invoices (number, order_id, voucher, customer, title, tax_number, address, currency,"
            " amount_minor, tax_minor, issued_at, due_date, corrects) select 'INV-RED', order_id, 'SV-RED', customer,"
            " title, tax_number, address, currency, -amount_minor, -tax_minor, issued_at, due_date, number"
            " from finance.invoices where number = %s",
            invoice,
        )


@pytest.mark.requirement("TRK-04")
def test_what_is_not_approved_cannot_be_confirmed(firm: Office) -> None:
    journey = Journey.begin(firm, "d02_order_review")
    firm.work()
    assert journey.state() == "in_review"
    assert printed(firm, "confirmation", journey.number) == []
    assert len(printed(firm, "order", journey.number)) == 1


def test_what_people_wrote_is_text_and_never_markup(firm: Office, tmp_path: Path) -> None:
    numbers = everything(
        firm,
        customer={"code": "C001", "name": HOSTILE},
        contact={"name": HOSTILE, "email": "w@example.com"},
        delivery={"address": HOSTILE, "country": "CN"},
        special_requirements=HOSTILE,
    )
    with firm.database.transaction() as session:
        session.write(
            "update sales_review.products set name_zh = %s, name_en = %s where code = 'P001'", HOSTILE, HOSTILE
        )
    for kind, number in numbers.items():
        paper = one(firm, kind, number)
        text, page = "".join(pages(to_pdf(paper))), to_html(paper)
        assert "<script>" not in page
        if kind not in ("quotation", "contract"):
            assert "".join(HOSTILE.split()) in text, kind
            assert "&lt;script&gt;alert(1)" in page


def test_nothing_that_cannot_be_seen_steers_what_is_shown(firm: Office) -> None:
    number = finished(firm, customer={"code": "C001", "name": "甲\u202e公司\u0007" + "x" * 150}).number
    text = "".join(pages(to_pdf(one(firm, "delivery_note", number))))
    assert "甲公司" in text


def test_long_orders_go_over_pages_with_headings_and_numbers(firm: Office, tmp_path: Path) -> None:
    lines = [{"product": f"P00{1 + place % 2}", "quantity": 1, "unit_price": str(100 - 50 * (place % 2)) + ".00"}
             for place in range(LONG)]  # fmt: skip
    total = sum([100 - 50 * (place % 2) for place in range(LONG)])
    number = finished(firm, lines=lines, total=f"{total}.00").number
    content = to_pdf(one(firm, "invoice", number, ("zh",)))
    (tmp_path / "long.pdf").write_bytes(content)
    found = pages(content)
    assert len(found) > 10
    for place, text in enumerate(found, 1):
        assert f"第{place}页共{len(found)}页" in text
    assert len([text for text in found if "单价(CNY)" in text]) >= len(found) - 1
    assert f"{from_minor(firm.document(number).total_minor, 'CNY'):,}" in "".join(found[-2:])


def test_the_same_document_is_the_same_file(firm: Office) -> None:
    number = finished(firm).number
    assert to_pdf(one(firm, "confirmation", number)) == to_pdf(one(firm, "confirmation", number))


def test_before_the_company_is_known_its_head_is_left_out(office: Office) -> None:
    hire(office)
    number = finished(office).number
    assert one(office, "order", number).company == ()
    assert number in pages(to_pdf(one(office, "order", number)))[0]


def test_a_thousand_documents_take_a_constant_number_of_round_trips(
    firm: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for external_id in ("A", "B", "C"):
        finished(firm, external_id=external_id)
    asked: list[int] = []

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def asking(*args: object) -> Any:
            asked.append(1)
            return call(*args)

        return asking

    for name in ("together", "rows"):
        monkeypatch.setattr(Session, name, counted(getattr(Session, name)))
    counts = []
    numbers = [number for (number,) in firm.rows("select number from core.order_headers order by 1")]
    for some in (numbers[:1], numbers):
        asked.clear()
        assert len(printed(firm, "invoice", *some)) == len(some)
        counts.append(len(asked))
    assert counts == [3, 3]


# -- the command -------------------------------------------------------------------------------------------------------


def test_documents_are_printed_one_or_all_of_a_period(firm: Office, run: Run, tmp_path: Path) -> None:
    numbers = [finished(firm, external_id=each).number for each in ("A", "B")]
    file = tmp_path / "invoice.pdf"
    assert run("print", numbers[0], "--kind", "invoice", "--lang", "zh", "--out", file).exit_code == 0
    assert file.read_bytes().startswith(b"%PDF")
    folder = tmp_path / "all"
    done = run("print", "--all", "--kind", "delivery_note", "--format", "pdf", "--out", folder)
    assert (done.exit_code, "2 documents" in said(done)) == (0, True)
    assert len(list(folder.glob("delivery_note-DN-*.pdf"))) == 2
    day = firm.now.date().isoformat()
    for since, until, count in ((day, day, 2), ("2030-01-01", "2030-12-31", 0)):
        found = run("print", "--all", "--kind", "invoice", "--from", since, "--to", until, "--out", tmp_path / since)
        assert (found.exit_code, f"{count} documents" in said(found)) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["SO-1", "--kind", "invoice"], 1, "SO-1 has no such document: Invoice."),
        (["SO-1", "--kind", "passport"], 2, "passport"),
        (["SO-1", "--format", "docx"], 2, "docx"),
        ([], 2, "--all"),
        (["--all"], 2, "--out"),
        (["SO-1", "--all", "--out", "x"], 2, "--all"),
    ],
)
def test_what_cannot_be_printed_is_said(run: Run, arguments: list[str], code: int, told: str) -> None:
    result = run("print", *arguments)
    assert (result.exit_code, told in squeezed(result.output)) == (code, True), result.output


def test_a_pdf_needs_a_file_and_several_documents_a_folder(firm: Office, run: Run, tmp_path: Path) -> None:
    number = finished(firm).number
    assert run("print", number, "--format", "pdf").exit_code == 2
    other = finished(firm, external_id="B").number
    several = run("print", number, other, "--kind", "invoice")
    assert (several.exit_code, "INV-" in several.output) == (2, True)
    assert run("print", number, other, "--kind", "invoice", "--out", tmp_path).exit_code == 0
    assert len(list(tmp_path.glob("invoice-INV-*.html"))) == 2
