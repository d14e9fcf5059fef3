"""`contract …` as people run it: from a file to the ledger and the list of obligations."""

import hashlib
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from messages.batch import Batch, BatchKind, Department
from shared.calendar import BUSINESS_ZONE
from tests.support.contracts import REGISTRAR, a_submitted_contract
from tests.support.database import REPOSITORY
from tests.support.journey import hire
from tests.support.office import Office
from tests.support.terminal import Run, answered, run, said

__all__ = ["run"]
TODAY = datetime.now(BUSINESS_ZONE).date()
TOML = """
dated = "2026-06-15"
sale_type = "domestic"
currency = "CNY"
total = "400.00"
text_file = "text.txt"
seller = { code = "WE", name = "东方贸易有限公司" }
buyer = { code = "C001", name = "上海明珠贸易有限公司" }
terms = { delivery = "送货", payment = "月结", warranty = "一年" }

[elements]
parties = "甲乙双方"
subject = "打印机"
quantity = "5"
quality = "国标"
price = "400"
period = "30 日"
liability = "千分之一"

[[obligations]]
kind = "delivery"
what = "交货"
due = "2026-07-15"

[[obligations]]
kind = "payment"
what = "付款"
due = "2026-08-15"
amount = "400.00"
"""


def of(office: Office, tasks: str = "open") -> list[tuple[str, list[str]]]:
    return office.rows("select id, roles from core.user_tasks where status = %s", tasks)


@pytest.mark.requirement("CMP-02", "CMP-05", "CMP-08", "CMP-10", "CMP-11")
def test_a_contract_from_its_file_to_its_obligations(run: Run, office: Office, tmp_path: Path) -> None:
    hire(office)
    office.now = datetime.now(BUSINESS_ZONE)
    (tmp_path / "text.txt").write_text("买卖合同正文", encoding="utf-8")
    (tmp_path / "contract.toml").write_text(TOML, encoding="utf-8")
    (tmp_path / "scan.pdf").write_bytes(b"%PDF")
    made = run("contract", "register", tmp_path / "contract.toml", "--as", REGISTRAR, "--attach", tmp_path / "scan.pdf",
               "--id", "C-1", "--json")  # fmt: skip
    assert made.exit_code == 0, made.output
    number = answered(made)["number"]
    assert number == f"CT-{TODAY:%Y%m%d}-000001"
    again = run("contract", "list", "--party", "明珠", "--at-least", "400.00", "--at-most", "400", "--json")
    (found,) = answered(again)
    assert (found["number"], found["state"], found["total"]) == (number, "in_review", "CN¥400.00")
    assert run("contract", "show", number, "--text").stdout.strip() == "买卖合同正文"
    work(office)

    ((task, _),) = [each for each in of(office) if "finance_clerk" in each[1]]
    empty = run("decide", task, "disagree", "--as", "finance_clerk.1", "--reason", "账期")
    assert empty.exit_code == 1
    assert "requested_change" in said(empty)
    words = ("--reason", "账期过长", "--clause", "第三条", "--change", "30 日")
    assert run("decide", task, "disagree", "--as", "finance_clerk.1", *words).exit_code == 0
    work(office)
    while tasks := of(office):
        for each, roles in tasks:
            agreed = run("decide", each, "agree", "--as", f"{roles[0]}.1", "--reason", "同意")
            assert agreed.exit_code == 0, agreed.output
        work(office)

    signed = ("--head", "李总", "--seal", "合同章", "--ours", "李明", "--theirs", "王芳")
    assert run("contract", "sign", number, "--as", REGISTRAR, *signed).exit_code == 0
    work(office)
    assert office.count("compliance.signatures") == 0
    assert "counterparty" in said(run("refusals", "--lang", "en")) or "other side" in said(
        run("refusals", "--lang", "en")
    )
    checked = run("contract", "check", number, "--as", REGISTRAR, "--reputation", "良好", "--strength", "雄厚")
    assert checked.exit_code == 0
    assert run("contract", "sign", number, "--as", REGISTRAR, *signed).exit_code == 0
    work(office)
    whole = answered(run("contract", "show", number, "--json"))
    assert (whole["state"], whole["signatures"][0]["seal"]) == ("archived", "合同章")
    assert whole["document"]["attachments"][0]["sha256"] == hashlib.sha256(b"%PDF").hexdigest()
    shown = said(run("contract", "show", number, "--lang", "zh"))
    for words_shown in ("已归档", "国标", "账期过长", "合同章", "第三条"):
        assert words_shown in shown

    ahead = (date(2026, 8, 15) - TODAY).days
    listed = answered(run("contract", "obligations", "--all", "--json"))
    assert [(each["number"], each["kind"], each["amount"]) for each in listed] == [
        (1, "delivery", ""),
        (2, "payment", "CN¥400.00"),
    ]
    assert len(answered(run("contract", "obligations", "--ahead", max(ahead, 0), "--json"))) == 2
    assert run("contract", "met", number, 1, "--as", REGISTRAR).exit_code == 0
    work(office)
    assert [
        each["number"] for each in answered(run("contract", "obligations", "--ahead", max(ahead, 0), "--json"))
    ] == [2]


def work(office: Office) -> None:
    """What the departments' workers do with the batches that the commands left."""
    while rows := office.rows("select id, department, kind, cardinality(ids) from core.batches order by created_at"):
        office.queue += [
            Batch(id=row[0], department=Department(row[1]), kind=BatchKind(row[2]), size=row[3]) for row in rows
        ]
        office.work()


@pytest.mark.requirement("CMP-02")
@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("c.json", json.dumps(a_submitted_contract(text=" ", buyer={"code": "C001", "name": ""})), 1, "text: "),
        ("c.json", "[]", 2, "holds no object"),
        ("c.json", "{", 2, "cannot be read"),
        ("c.toml", "text_file = 'gone.txt'", 2, "cannot be read"),
    ],
)
def test_a_bad_file_gets_one_clear_answer(
    run: Run, office: Office, tmp_path: Path, name: str, content: str, code: int, words: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    result = run("contract", "register", tmp_path / name, "--as", REGISTRAR)
    assert (result.exit_code, words in said(result)) == (code, True), result.output
    assert office.count("core.contract_headers") == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--since", "soon"),
        ("list", "--at-least", "much"),
        ("met", "CT-1", "1", "--as", "x", "--on", "2026-13-01"),
    ],
)
def test_what_is_no_day_and_no_amount_is_wrong_usage(run: Run, office: Office, arguments: Any) -> None:
    assert run("contract", *arguments).exit_code == 2
    assert office.count("core.facts") == 0


def test_a_contract_that_does_not_exist_is_said_not_to(run: Run, office: Office) -> None:
    result = run("contract", "show", "CT-20200101-000001")
    assert result.exit_code == 1
    assert "CT-20200101-000001" in said(result)
    unknown = run("contract", "met", "CT-20200101-000001", 1, "--as", REGISTRAR)
    assert (unknown.exit_code, office.count("core.facts")) == (1, 0)


def test_the_example_contract_can_be_registered(run: Run, office: Office) -> None:
    hire(office)
    example = REPOSITORY / "deploy" / "sample_company" / "contract-example.toml"
    result = run("contract", "register", example, "--as", REGISTRAR, "--json")
    # Of its figures only what the tests' tiny company does not have is refused: the form is right.
    assert {each["code"] for each in answered(result)["errors"]} <= {"unknown_customer", "unknown_product"}
