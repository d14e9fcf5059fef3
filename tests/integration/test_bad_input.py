"""Bad input of every kind gets one clear sentence in the language asked for, which says what would be right, and
changes nothing. What is refused of a decision is in test_deciding.py.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.support.definitions import definition_text, step
from tests.support.desk import Desk, desk
from tests.support.terminal import Run, run, said

__all__ = ["desk", "run"]

TASK, ORDER, FILE, FOLDER = "TASK", "ORDER", "FILE", "FOLDER"
BAD: dict[str, tuple[tuple[str, ...], str, str]] = {
    "empty question": (("ask", TASK, " ", "--as", "max"), "须写明要问客户什么", "The question says nothing"),
    "empty reason of a hold": (("hold", ORDER, "--reason", " ", "--as", "sam"), "须说明原因", "Say why SO-"),
    "empty comment": (("comment", ORDER, " ", "--as", "sam"), "处理意见不能为空", "comment says nothing"),
    "empty reason of a delegation": (
        ("delegate", "add", "ben", "--as", "max", "--until", "2099-01-01", "--reason", " "),
        "须写明代理原因", "A reason is needed",
    ),
    "empty reason of a discard": (
        ("dead", "discard", TASK, "--as", "ole", "--reason", " "), "须说明原因", "A reason is needed",
    ),
    "empty inquiry": (
        ("inquiry", "add", " ", "--customer", "C001", "--about", "price", "--as", "ben"),
        "客户和问题不能为空", "A customer and a question are needed",
    ),
    "stale screen": (
        ("decide", TASK, "agree", "--as", "max", "--seen", "77"),
        "您看到的是版本 77，现为 2，请重新查看后再决定", "you saw version 77, the task is about 2. Look at it again",
    ),
    "urging by a stranger": (
        ("urge", TASK, "--as", "pia"), "只有制单人 sam 或运维可以催办", "Only sam, who created the order, or an",
    ),
    "unknown role to ask for": (("tasks", "--role", "cook"), "没有角色“cook”；可选：", "no role 'cook'; there are"),
    "unknown role of a person": (("load", FOLDER), "没有角色 cook；可选：sales", "unknown role cook; known are"),
    "unknown role of a step": (
        ("process", "check", FILE), "没有角色“cook”；可选：", "unknown role 'cook'; known are administrator",
    ),
    "circle of processes": (
        ("process", "check", FILE),
        "“then”经由“sample”绕回自身，形成循环；后续流程不能回到前面的流程",
        "'then' leads round in a circle by 'sample'; nothing goes on as what came before it",
    ),
    "step that goes on to a later one": (
        ("process", "check", FILE),
        "“on_disagree”为“second”，须为 return, repeat, record 或之前的步骤",
        "'on_disagree' is 'second', not return, repeat, record or an earlier step",
    ),
}  # fmt: skip
DRAFTS: dict[str, dict[str, Any]] = {
    "unknown role of a step": {"steps": [step("first", activity="sales_review.approve", roles=["cook"])]},
    "circle of processes": {"steps": [step("first")], "then": "sample", "ends_in": "approved"},
    "step that goes on to a later one": {"steps": [step("first", on_disagree="second"), step("second")]},
}


def everything(desk: Desk) -> list[Any]:
    tables = ("orders", "events", "user_tasks", "batches", "waits", "questions", "delegations", "rulebook", "staff")
    return [desk.rows(f"select t::text from core.{table} t order by 1") for table in tables]


@pytest.mark.requirement("APR-02", "PRC-08", "AUD-01")
@pytest.mark.parametrize("what", BAD)
def test_it_is_refused_in_a_sentence_and_changes_nothing(what: str, desk: Desk, run: Run, tmp_path: Path) -> None:
    words, chinese, english = BAD[what]
    (order,) = desk.open(definition=desk.definitions.get("d02_order_review@1"))
    ((number,),) = desk.rows("select number from core.order_headers where order_id = %s", order)
    (tmp_path / "company").mkdir()
    (tmp_path / "company" / "staff.csv").write_text("id,name,roles\nx,X,cook\n")
    draft = dict(DRAFTS.get(what, {}))
    (tmp_path / "draft.toml").write_text(definition_text(*draft.pop("steps", ()), **draft))
    named = {
        TASK: desk.task(order), ORDER: number, FILE: str(tmp_path / "draft.toml"), FOLDER: str(tmp_path / "company"),
    }  # fmt: skip
    before = everything(desk)
    for language, sentence in (("zh", chinese), ("en", english)):
        result = run(*[named.get(word, word) for word in words], "--lang", language)
        assert result.exit_code in (1, 2)
        assert sentence in said(result)
        assert "{" not in said(result)
    assert everything(desk) == before
