"""What salespeople do on the command line: inquiries, quotations, drafts, letters, paper, availability."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.letters import Letter, write_letters
from tests.integration.test_drafts import LEAST, whole
from tests.support.company import raw
from tests.support.office import Office
from tests.support.orders import NOW, an_order
from tests.support.terminal import Run, answered, run, said

__all__ = ["run"]


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(body: Any) -> Path:
        path = tmp_path / "body.json"
        path.write_text(json.dumps(body, ensure_ascii=False, default=str), encoding="utf-8")
        return path

    return write


@pytest.mark.requirement("INT-02")
def test_inquiries(office: Office, run: Run) -> None:
    asked = run("inquiry", "add", "有现货吗?", "--customer", "C001", "--about", "delivery", "--as", "sam", "--json")
    number = answered(asked)["inquiry"]
    assert number.startswith("IQ-")
    (listed,) = answered(run("inquiry", "list", "--unanswered", "--json"))
    assert (listed["number"], listed["overdue"], listed["answer"]) == (number, False, None)
    assert run("inquiry", "answer", number, "有", "--as", "sam").exit_code == 0
    again = run("inquiry", "answer", number, "没有", "--as", "sam", "--lang", "zh")
    assert again.exit_code == 1
    assert "已由 sam" in said(again)
    assert answered(run("inquiry", "list", "--unanswered", "--json")) == []
    wrong = run("inquiry", "add", "?", "--customer", "C001", "--about", "weather", "--as", "sam")
    assert (wrong.exit_code, "product, price, delivery" in said(wrong)) == (1, True)


@pytest.mark.requirement("INT-03")
def test_a_quotation_becomes_an_order(office: Office, run: Run, file: Any) -> None:
    with office.database.transaction() as session:
        session.write(
            "update sales_review.customers set address = '世纪大道1号', contact_name = '王芳', phone = '62220101'"
        )
    offer = {
        "customer": "C001",
        "currency": "CNY",
        "lines": [{"product": "P001", "quantity": 3, "unit_price": "88.00"}],
    }
    number = answered(run("quote", "make", file(offer), "--as", "sam", "--json"))["quotation"]
    wish = ("quote", "order", number, "--requested-date", "2099-01-01", "--as", "sam", "--terms", "net_30")
    assert run(*wish).exit_code == 1  # not accepted
    assert run("quote", "accept", number, "--as", "sam", "--by", "王芳").exit_code == 0
    (receipt,) = answered(run(*wish, "--json"))["answers"]
    order = office.document(receipt["number"])
    assert (order.quotation, order.total_minor, order.creator) == (number, 26_400, "sam")
    assert (order.contact.name, order.delivery.address) == ("王芳", "世纪大道1号")
    (listed,) = answered(run("quote", "list", "--status", "ordered", "--json"))
    assert (listed["number"], listed["order"]) == (number, order.number)
    assert "88.00" in said(run("quote", "show", number))
    bad = answered(run("quote", "make", file({"customer": "C404", "lines": []}), "--as", "sam", "--json"))
    assert {each["field"] for each in bad["errors"]} == {"currency", "lines"}
    priceless = file({"customer": "C001", "currency": "CNY", "lines": [{"product": "P001", "quantity": 0}]})
    bad = answered(run("quote", "make", priceless, "--as", "sam", "--json"))
    assert {each["field"] for each in bad["errors"]} == {"lines.0.quantity", "lines.0.unit_price"}


@pytest.mark.requirement("ENT-01", "APR-01", "ENT-05", "SAL-05")
def test_a_draft_becomes_an_order(office: Office, run: Run, file: Any) -> None:
    lines = {"lines": [{"product": "P001", "quantity": 1_000_001}]}
    first = answered(run("draft", "save", file(LEAST | lines), "--as", "sam", "--json"))
    number = first["draft"]
    assert [(each["available"], each["short"]) for each in first["available"]] == [(1_000_000, 1)]
    refused = answered(run("draft", "submit", number, "--as", "sam", "--json"))
    assert {"contact", "delivery", "lines.0.unit_price"} <= {each["field"] for each in refused["errors"]}
    order = whole() | {"requested_date": "2099-01-01"}
    assert run("draft", "save", file(order), "--draft", number, "--as", "fiona").exit_code == 1
    assert run("draft", "save", file(order), "--draft", number, "--as", "sam").exit_code == 0
    done = run("draft", "submit", number, "--as", "sam")
    assert (done.exit_code, "is in review" in done.output) == (0, True)
    again = run("draft", "submit", number, "--as", "sam")
    assert (again.exit_code, "is in review" in said(again)) == (1, True)
    assert answered(run("draft", "list", "--json")) == []
    assert answered(run("draft", "show", number))["submitted_at"]
    assert run("draft", "save", file([]), "--as", "sam").exit_code == 2


@pytest.mark.requirement("ENT-08", "SAL-05")
def test_paper_and_availability(office: Office, run: Run, tmp_path: Path) -> None:
    (receipt,) = office.take(raw())
    page = tmp_path / "order.html"
    assert run("print", receipt.number, "--out", page).exit_code == 0
    text = page.read_text(encoding="utf-8")
    assert "激光打印机 / Laser printer" in text
    assert "肆佰元整" in text
    assert "Sales order" not in run("print", receipt.number, "--lang", "zh").output
    assert run("print", "SO-1").exit_code == 1
    found = run("availability", "P001", "P404", "--json")
    assert (found.exit_code, answered(found)) == (1, {"available": {"P001": 1_000_000}, "unknown": ["P404"]})
    assert office.count("warehouse.reservations") == 0


@pytest.mark.requirement("TRK-07", "INT-04")
def test_letters_are_listed_shown_and_sent_again(office: Office, run: Run) -> None:
    order = an_order(contact={"name": "王芳", "phone": "1234567"})
    with office.database.transaction() as session:
        write_letters(session, [Letter("acknowledgement", order, 1, NOW)])
    (letter,) = answered(run("letters", "--status", "failed", "--json"))
    assert (letter["order"], letter["error"]) == (order.number, "no_address")
    assert order.number in said(run("letters"))
    assert "感谢" in run("letters", "show", letter["id"]).output
    refused = run("letters", "resend", letter["id"], "--as", "sam")
    assert (refused.exit_code, "--to" in refused.output) == (1, True)
    assert run("letters", "resend", letter["id"], "--as", "sam", "--to", "w@example.com").exit_code == 0
    (pending,) = answered(run("letters", "--status", "pending", "--json"))
    assert pending["recipient"] == "w@example.com"
    assert run("letters", "--status", "lost").exit_code == 2
