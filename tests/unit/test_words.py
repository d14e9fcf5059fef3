"""Every code has its words in both languages: in the catalogues, on the command line, in histories and refusals."""

import ast
import re
import tomllib
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from messages.batch import Department
from messages.commands import FACT_OWNERS
from messages.folders import DocumentKind
from messages.orders import PaymentMethod, SaleType
from shared.calendar import Unit
from shared.history import Kind
from shared.notices import ENDS, OVERDUE, TOLD
from shared.processes import RECORD, REPEAT, RETURN, Mode
from shared.roles import ROLES
from shared.states import State
from shared.tasks import CHOICES
from shared.words import FOLDER, LANGUAGES, TOLD_ELSEWHERE, grounds
from tests.support.sources import Module, modules, places
from workers.departments import known_activities
from workers.intake.accept import Verdict
from workers.intake.parse import Limits
from workers.intake.refusals import KINDS

CATALOGUES = [tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.toml"))]
WORDS = {kind: words for catalogue in CATALOGUES for kind, words in catalogue.items()}
CHINESE = re.compile("[一-鿿]")
LIMITS = Limits(1_000_000, 32)


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("states", {*State}),
        ("departments", {*Department}),
        ("events", {*Kind}),
        ("roles", {*ROLES}),
        ("verdicts", {*Verdict}),
        ("kinds", {*KINDS}),
        ("facts", {*FACT_OWNERS}),
        ("choices", {*CHOICES}),
        ("notices", {*TOLD, *ENDS, OVERDUE}),
        ("documents", {*DocumentKind}),
        ("sale_types", {*SaleType}),
        ("activities", known_activities()),
        ("modes", {*get_args(Mode)}),
        ("disagreements", {RETURN, REPEAT, RECORD}),
        ("units", {*get_args(Unit)}),
    ],
)
def test_every_word_is_there_and_none_is_left_over(kind: str, codes: set[str]) -> None:
    assert {*WORDS[kind]} == codes


def test_every_word_is_there_in_both_languages() -> None:
    assert sum(map(len, CATALOGUES)) == len(WORDS), "a kind of words stands in two files"
    for kind, words in WORDS.items():
        for code, entry in words.items():
            assert {*entry} == {*LANGUAGES}, (kind, code)
            assert all(entry.values()), (kind, code)
            assert places(entry["zh"]) == places(entry["en"]), (kind, code)
            assert not CHINESE.search(entry["en"]), (kind, code)


def test_every_answer_to_a_person_has_words() -> None:
    first = [call.args[0] for module in modules() for called, call in module.calls() if called == "Refusal"]
    given = {str(code.value) for code in first if isinstance(code, ast.Constant)} - {*KINDS}  # those are of intake
    assert {*WORDS["answers"]} == given


# -- what decisions rest on --------------------------------------------------------------------------------------------


def figures(module: Module) -> Iterator[str]:
    """The names of what a file's decisions rest on."""
    for node in ast.walk(module.tree):
        for value in _bases(node):
            if isinstance(value, ast.Dict):
                yield from (str(ast.literal_eval(key)) for key in value.keys if key)
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "basis":
            yield str(ast.literal_eval(node.slice))


def _bases(node: ast.AST) -> list[ast.expr | None]:
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Passed", "Referred", "Returned", "Waiting", "wait"):
        return [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "basis")]
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return [node.value] if "basis" in map(ast.unparse, targets) else []
    if isinstance(node, ast.FunctionDef) and node.name.endswith("_basis"):
        return [inside.value for inside in ast.walk(node) if isinstance(inside, ast.Return)]
    return []


def test_every_figure_that_a_decision_rests_on_has_words_and_none_is_left_over() -> None:
    found = {name for module in modules() if module.is_rules for name in figures(module)}
    assert {*WORDS["basis"]} == found - TOLD_ELSEWHERE
    assert found >= TOLD_ELSEWHERE
    coded = {*WORDS["basis_values"]}
    assert {code.partition(".")[0] for code in coded} <= {*WORDS["basis"]}
    assert {code for code in coded if code.startswith("method.")} == {f"method.{method}" for method in PaymentMethod}


@pytest.mark.parametrize(
    ("basis", "english", "chinese"),
    [
        (
            {"exposure_minor": 4_539_800, "limit_minor": 50_000_000, "currency": "CNY", "risk": "high", "reasons": []},
            ["exposure CN¥45,398.00", "credit limit CN¥500,000.00", "risk high"],
            ["敞口 ¥45,398.00", "信用额度 ¥500,000.00", "风险高"],
        ),
        ({"freight_minor": 5_280, "currency": "JPY"}, ["freight ¥5,280"], ["运费 JP¥5,280"]),
        ({"share_basis_points": 1_250}, ["share_basis_points 12.5 %"], ["share_basis_points 12.5 %"]),
        ({"weight_grams": 1_107_760, "carrier": None}, ["weight 1,107.76 kg"], ["重量 1,107.76 kg"]),
        ({"available": {"P1": 0, "P2": 1200}}, ["available P1: 0, P2: 1200"], ["可用库存 P1: 0, P2: 1200"]),
        (
            {"short": {"P1": {"quantity": 3, "available": 0}}},
            ["short of P1 (needed 3, available 0)"],
            ["缺货 P1 (需要 3, 可用 0)"],
        ),
        ({"terms": "net_30"}, ["terms 30 days after delivery"], ["付款条件 货到后 30 天"]),
        (
            {"method": "barter", "payment": "part_paid"},
            ["paid by barter", "payment in part"],
            ["付款方式 barter", "付款状态 部分付款"],
        ),
        ({"paid_at": "2026-11-25T10:16:08+08:00"}, ["paid at 2026-11-25 02:16 UTC"], ["付款时间 2026-11-25 02:16 UTC"]),
        ({"of_old": 7, "available": {}}, ["of_old 7"], ["of_old 7"]),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_decision_rested_on_is_told_in_words(
    basis: dict[str, Any], english: list[str], chinese: list[str]
) -> None:
    assert grounds(basis, "en") == english
    assert grounds(basis, "zh") == chinese
