"""`withdraw`, `recreate`, `comment`, `overdue` on the command line: one clear sentence, JSON, and exit codes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.company import raw
from tests.support.facts import fact
from tests.support.office import Office
from tests.support.orders import submitted
from tests.support.terminal import Run, answered, run, said

__all__ = ["run"]

NANHAI = {"code": "C002", "name": "广州南海电器有限公司"}
LONG_AGO = datetime(2024, 6, 17, 2, 0, tzinfo=UTC)


DONE: dict[str, Any] = {"done": True, "refused": None, "reason": None, "values": {}, "errors": []}


def in_review(office: Office, **changes: Any) -> str:
    office.now = LONG_AGO
    given = {"creator": "sam", "customer": NANHAI, "requested_date": "2024-07-15", **changes}
    (receipt,) = office.take(raw("A", **given))
    office.work()
    return receipt.number or ""


@pytest.mark.requirement("APR-08", "AUD-01")
def test_withdrawing_says_in_either_language_why_not_and_then_does_it(office: Office, run: Run) -> None:
    number = in_review(office)
    refused = run("withdraw", number, "--as", "fiona")
    assert (refused.exit_code, said(refused)) == (1, f"Only sam, who created {number}, may withdraw it.")
    chinese = run("withdraw", number, "--as", "fiona", "--lang", "zh")
    assert (chinese.exit_code, said(chinese)) == (1, f"只有制单人 sam 可以撤回 {number}")
    done = run("withdraw", number, "--as", "sam", "--reason", "数量有误", "--json")
    assert (done.exit_code, answered(done)) == (0, {"order": number} | DONE)
    again = run("withdraw", number, "--as", "sam")
    assert (again.exit_code, "being returned" in said(again)) == (1, True)
    assert run("withdraw", "SO-1", "--as", "sam").exit_code == 1
    assert run("withdraw").exit_code == 2
    assert office.count("core.audit_log", "action = 'order.withdraw'") == 3


@pytest.mark.requirement("APR-16", "RPT-02")
def test_a_comment_is_given_and_the_overdue_list_shows_it(office: Office, run: Run) -> None:
    number = in_review(office)
    empty = run("comment", number, "  ", "--as", "sam", "--json")
    assert (empty.exit_code, answered(empty)["refused"]) == (1, "comment.empty")
    assert run("comment", number, "客户推迟收货", "--as", "sam").exit_code == 0
    listed = run("overdue", "--json")
    assert listed.exit_code == 0
    found = answered(listed)
    assert [each["order"] for each in found["reviews"]] == [number]
    assert [each["order"] for each in found["near_purge"]] == [number]
    assert [(each["order"], each["comment"]) for each in found["late"]] == [(number, "客户推迟收货")]
    shown = run("overdue", "--lang", "zh")
    assert shown.exit_code == 0
    assert number in said(shown)
    assert "审核中" in said(shown)


@pytest.mark.requirement("APR-08")
def test_a_withdrawal_is_a_fact_too(office: Office, run: Run) -> None:
    number = in_review(office)
    done = run("fact", "withdrawal_requested", "--order", number, "--by", "sam", "--reason", "数量有误", "--json")
    assert (done.exit_code, answered(done)["accepted"]) == (0, 1)
    assert office.states() == {"A": "returning"}


@pytest.mark.requirement("ENT-09", "AUD-01")
def test_the_history_shows_what_an_amendment_changed(office: Office, run: Run) -> None:
    short = {"lines": [{"product": "P003", "quantity": 2, "unit_price": "10.00"}], "total": "20.00", "creator": "sam"}
    (receipt,) = office.take(raw("A", **short))
    office.work()
    changed = submitted("A", **short, requested_date="2026-09-01")
    office.report(fact("order_amended", order=receipt.number, by="sam", document=changed))
    shown = said(run("show", receipt.number))
    assert "requested_date: 2026-07-15 → 2026-09-01" in shown


@pytest.mark.requirement("PRC-07")
def test_what_need_not_be_made_again_is_not(office: Office, run: Run) -> None:
    number = in_review(office)
    run("comment", number, "客户推迟收货", "--as", "sam")
    refused = run("recreate", number, "--as", "sam")
    assert (refused.exit_code, said(refused)) == (
        1, f"{number} follows standard@1, which is in force; it is not made again.",
    )  # fmt: skip


@pytest.mark.requirement("APR-16")
def test_holding_and_resuming_say_in_either_language_what_was_done_or_why_not(office: Office, run: Run) -> None:
    (receipt,) = office.take(raw("A", creator="sam", definition="express", requested_date="2099-01-01"))
    number = str(receipt.number)
    assert run("hold", number, "--as", "sam").exit_code == 2, "a reason is asked for"
    refused = run("hold", number, "--as", "wei", "--reason", "x", "--lang", "zh")
    assert (refused.exit_code, said(refused)) == (1, "wei 不具备所需角色：销售人员、销售主管、销售经理")
    assert run("hold", number, "--as", "sam", "--reason", "客户要求暂缓").exit_code == 0
    again = run("hold", number, "--as", "sam", "--reason", "x", "--json")
    assert (again.exit_code, answered(again)["done"], answered(again)["refused"]) == (1, False, "hold.already")
    assert "On hold, by sam" in run("show", number).stdout
    done = run("resume", number, "--as", "sam", "--lang", "zh")
    assert (done.exit_code, done.stdout.strip()) == (0, "已恢复，继续流转。")
    assert run("resume", number, "--as", "sam").exit_code == 1


@pytest.mark.parametrize("command", ["withdraw", "recreate", "hold", "resume", "comment", "overdue"])
def test_each_explains_itself_in_both_languages(command: str, run: Run) -> None:
    shown = run(command, "--help")
    assert shown.exit_code == 0
    assert any("一" <= sign <= "鿿" for sign in shown.output)
