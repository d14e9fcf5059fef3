"""Every code has its words in both languages: in the catalogues, on the command line, in histories and refusals."""

import ast
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any, get_args

import pytest

from messages.batch import Department
from messages.commands import FACT_OWNERS
from messages.folders import DocumentKind
from messages.orders import PaymentMethod, SaleType
from shared import definitions
from shared.calendar import Unit
from shared.catalogue import DefinitionError
from shared.history import SYSTEM, Kind
from shared.money import MoneyError, convert, to_minor
from shared.notices import ENDS, LATE, OVERDUE, PRODUCTION, TOLD
from shared.processes import RECORD, REPEAT, RETURN, Mode, select
from shared.reasons import as_pattern, fault, place, reason, templates
from shared.roles import ROLES
from shared.states import State
from shared.tasks import CHOICES
from shared.words import FOLDER, LANGUAGES, TOLD_ELSEWHERE, answer, grounds
from tests.support.orders import submitted
from tests.support.sources import Module, modules, places, possible_texts
from workers.demo.board import COLUMNS
from workers.departments import known_activities
from workers.intake.accept import Verdict
from workers.intake.parse import Limits, Refused, parse_fact, parse_order
from workers.intake.refusals import KINDS

CATALOGUES = [tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.toml"))]
WORDS = {kind: words for catalogue in CATALOGUES for kind, words in catalogue.items()}
CHINESE = re.compile("[一-鿿]")
LIMITS = Limits(1_000_000, 32)


_TRIED = (
    *(f"task.{choice}" for choice in (*CHOICES, "ask", "urge")), "order.track", "order.withdraw", "order.hold",
    "order.resume", "order.comment", "order.recreate", "submission.order", "submission.conflict",
)  # fmt: skip
"""What people and systems may try with an order and be refused, beside reporting facts."""


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("states", {*State}),
        ("departments", {*Department}),
        ("events", {*Kind}),
        ("actors", {SYSTEM}),
        ("roles", {*ROLES}),
        ("verdicts", {*Verdict}),
        ("kinds", {*KINDS}),
        ("attempts", {*_TRIED}),
        ("facts", {*FACT_OWNERS}),
        ("choices", {*CHOICES}),
        ("notices", {Kind.RECEIVED, *TOLD, *ENDS, OVERDUE, LATE, *PRODUCTION}),
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


# -- the command line --------------------------------------------------------------------------------------------------

SPEAKS = {"say", "note", "fail", "told", "terminal.told", "self._told", "_away", "conclude"}


def said() -> Iterator[tuple[re.Pattern[str], str, ast.Call]]:
    """Every sentence that the command line says: a pattern for its code, where, and the call."""
    for module in modules():
        ours = module.name.startswith(("workers.cli", "workers.commands.", "workers.demo."))
        for called, call in module.calls() if ours else ():
            if called in SPEAKS and not isinstance(call.args[0], ast.Name):  # a name: one of them hands it on
                for pattern in possible_texts(module, call.args[0]):
                    yield re.compile(pattern), f"{module.path}:{call.lineno}", call


def test_every_sentence_of_the_command_line_has_words_and_none_is_left_over() -> None:
    codes = {*WORDS["said"]}
    assert [where for pattern, where, _ in said() if not any(map(pattern.fullmatch, codes))] == []
    assert {code for code in codes if not any(pattern.fullmatch(code) for pattern, _, _ in said())} == set()


def test_every_figure_in_a_sentence_is_one_that_it_is_given() -> None:
    for pattern, where, call in said():
        given = {keyword.arg for keyword in call.keywords}
        if None in given or ast.unparse(call.func) == "_away":
            continue  # gathered elsewhere
        for code, entry in WORDS["said"].items():
            if pattern.fullmatch(code):
                assert places(entry["en"]) <= given, f"{where}: {code}"


CHOSEN = {"contracts", "quotations", "reports"}
"""Commands whose tables are chosen by what they show."""


def test_every_heading_has_words_and_none_is_left_over() -> None:
    found: set[str] = {*COLUMNS, "orders", "facts"}  # the last two are what is handed in
    for module in modules():
        for called, call in module.calls():
            listed: list[ast.expr] = []
            if called in ("table", "details"):
                headings = call.args[1 if called == "details" else 0]
                listed = headings.elts if isinstance(headings, ast.Tuple) else []
                if module.name.rpartition(".")[2] in (
                    "contracts",
                    "quotations",
                    "reports",
                ):  # tables chosen by what they show
                    found |= module.texts & {*WORDS["headings"]}
                else:
                    assert listed, f"{module.path}:{call.lineno}: headings stand where they are used"
            elif called == "word" and ast.unparse(call.args[0]) == "'headings'":
                listed = [call.args[1]]
            found |= {str(each.value) for each in listed if isinstance(each, ast.Constant)}
    assert {*WORDS["headings"]} == found - {""}


def test_every_figure_of_the_benchmark_has_a_name_and_none_is_left_over() -> None:
    (measure,) = [module for module in modules() if module.name == "workers.bench.measure"]
    keys = [key for node in ast.walk(measure.tree) if isinstance(node, ast.Dict) for key in node.keys if key]
    made = [re.compile(pattern) for key in keys for pattern in possible_texts(measure, key)]
    codes = {*WORDS["figures"]}
    assert [pattern.pattern for pattern in made if not any(map(pattern.fullmatch, codes))] == []
    assert {code for code in codes if not any(pattern.fullmatch(code) for pattern in made)} == set()


# -- what decisions rest on --------------------------------------------------------------------------------------------


def figures(module: Module) -> Iterator[str]:
    """The names of what a file's decisions rest on."""
    for node in ast.walk(module.tree):
        for value in _bases(node):
            parts = list(ast.walk(value)) if isinstance(value, ast.BinOp | ast.IfExp) else [value]
            for part in parts:
                if isinstance(part, ast.Dict):
                    yield from (str(ast.literal_eval(key)) for key in part.keys if key)
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
        ({"available": {"P1": 0, "P2": 1200}}, ["available P1: 0, P2: 1200"], ["可用库存 P1：0、P2：1200"]),
        (
            {"short": {"P1": {"quantity": 3, "available": 0}}},
            ["short of P1 (needed 3, available 0)"],
            ["缺货 P1（需要 3、可用 0）"],
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


# -- why something is refused ------------------------------------------------------------------------------------------

MAKES = {"FileRefused": (None, 0), "refuse": (1, 2), "fault": (1, 2), "field_error": (1, 2), "Unreadable": (0, 1)}
"""What makes a reason, and where in its call the code stands, and the words."""


def reasons() -> Iterator[tuple[str, str, str]]:
    """Every reason that is written out: its code, an example of it, and where."""
    for module in modules():
        for called, call in module.calls():
            if module.name.startswith("workers.intake.") and (called in MAKES or called == "FieldError"):
                code, words = _code_and_words(called, call)
                example = "".join(_example(words))
                if code and example:
                    yield code, example, f"{module.path}:{call.lineno}"


def _code_and_words(called: str, call: ast.Call) -> tuple[str, ast.expr]:
    if called == "FieldError":
        named = {keyword.arg: keyword.value for keyword in call.keywords}
        code, words = named["code"], named["reason"]
    else:
        where, place = MAKES[called]
        code, words = ast.Constant("file") if where is None else call.args[where], call.args[place]
    return str(code.value) if isinstance(code, ast.Constant) else "", words


def _example(words: ast.expr) -> Iterator[str]:
    """Nothing where the words come from elsewhere."""
    for part in words.values if isinstance(words, ast.JoinedStr) else [words]:
        if isinstance(part, ast.Constant):
            yield str(part.value)
        elif isinstance(part, ast.FormattedValue):
            yield "7"


def test_every_reason_is_said_in_chinese_and_no_template_is_left_over() -> None:
    used = set()
    for code, example, where in reasons():
        fitting = [english for english in templates().get(code, {}) if as_pattern(english).fullmatch(example)]
        assert fitting, f"{where}: {code}: {example}"
        used |= {(code, english) for english in fitting}
        assert CHINESE.search(reason(code, example, "zh")), where
    ours = {code for code, _ in used}
    assert {english for code in ours for english in templates()[code] if (code, english) not in used} == FROM_ELSEWHERE


FROM_ELSEWHERE = {
    "Field required",
    "a {sale_type} order has no {field}; {right} is the field for it",
    "{number} of this customer is another order of the same batch already",
}
"""What pydantic says under the same code, and what a value that is put in says in words."""


FAULTY = ("definitions", "conditions", "fields", "catalogue", "policy", "rulebook")
"""Modules of shared whose faults of definitions and policies are written out."""
COMPOSED = {"7: 7", "'7' is 7 and must be 7", "'7' must be 7, not 7"}
"""Examples of faults whose words come from elsewhere."""


def faults_of_rules() -> Iterator[tuple[str, str]]:
    """An example of each, and where."""
    for module in modules():
        if module.name.removeprefix("shared.") not in FAULTY:
            continue
        for called, call in module.calls():
            words = call.args[0] if call.args else None
            if isinstance(words, ast.List) and words.elts:
                words = words.elts[0]
            made = called.rpartition(".")[2] in ("fault", "append") or called in ("ConditionError", "DefinitionError")
            if made and isinstance(words, ast.Constant | ast.JoinedStr):
                yield "".join(_example(words)), f"{module.path}:{call.lineno}"
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Yield) and isinstance(node.value, ast.Constant | ast.JoinedStr):
                yield "".join(_example(node.value)), f"{module.path}:{node.lineno}"


def test_every_fault_of_a_definition_or_policy_is_said_in_chinese() -> None:
    found = [*faults_of_rules()]
    assert len(found) > 50
    assert [
        where for example, where in found if not CHINESE.search(fault(example, "zh")) and example not in COMPOSED
    ] == []


def test_both_languages_have_the_same_figures_in_a_reason() -> None:
    untold = {"error", "kind", "name", "unit", "what"}
    for code, entries in templates().items():
        for english, chinese in entries.items():
            assert CHINESE.search(chinese), (code, english)
            assert places(chinese) <= places(english) <= places(chinese) | untold, (code, english)


BAD: list[Any] = [
    None, True, 7, -1, 0.5, 1e300, 10**30, "", " ", "x", "x" * 3_000, "2026-13-01", "2026-01-01T10:00:00", "1e5",
    "1.2345", "-1", [], ["x"], [{}], {}, {"x": 1}, [{"product": "P001"}] * 2_001,
]  # fmt: skip
FACTS: list[dict[str, Any]] = [
    {
        "kind": "payment_received", "reference": "R", "order": "SO-1", "amount": "1.00", "currency": "CNY",
        "method": "wire",
    },
    {"kind": "goods_received", "product": "P001", "quantity": 1, "location": "MAIN"},
    {"kind": "survey_answered", "order": "SO-1", "score": 5, "comment": ""},
    {"kind": "cancellation_requested", "order": "SO-1", "reason": "x"},
    {"kind": "order_resubmitted", "order": "SO-1", "by": "sam", "document": submitted()},
]  # fmt: skip


Parse = Callable[[bytes, Limits], object]


def spoiled(document: Any) -> Iterator[Any]:
    """The document with something bad at every place of it, and with every place left out."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield {key: each for key, each in document.items() if key != name}
            yield from ({**document, name: bad} for bad in spoiled(value))
        yield {**document, "unheard_of": 1}
    if isinstance(document, list):
        yield from ([bad, *document[1:]] for bad in spoiled(document[0]))
    yield from BAD


def test_whatever_is_wrong_with_the_form_of_a_message_is_said_in_chinese() -> None:
    seen = set()
    about: dict[str, Any] = {
        "schema_version": 1,
        "source": "bank",
        "fact_id": "F",
        "occurred_at": "2026-11-24T08:00:00Z",
    }
    bodies: list[tuple[Parse, Any]] = [(parse_order, body) for body in spoiled(submitted())]
    bodies += [(parse_fact, body) for fact in FACTS for body in spoiled(about | fact)]
    raws = [(parse, json.dumps(body).encode()) for parse, body in bodies]
    raws += [
        (parse, raw) for parse in (parse_order, parse_fact) for raw in (b"{", b"", b"\xff", b'{"\xff": 1}', b"[" * 99)
    ]
    for parse, raw in raws:
        try:
            parse(raw, LIMITS)
        except Refused as refused:
            for error in refused.errors:
                told = reason(error.code, error.reason, "zh")
                assert CHINESE.search(told), error
                assert reason(error.code, error.reason, "en") == error.reason
                seen.add(error.code)
    assert len(seen) > 25, seen


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("column No, line 3: no product P9", "列 No，第 3 行：没有商品 P9"),
        ("columns A, B, lines 2-14, 20: no product P9", "列 A, B，第 2-14, 20 行：没有商品 P9"),
        ("set by the map, lines 2, 4 and 7 more: no product P9", "由映射设定，第 2, 4 行等，另有 7 行：没有商品 P9"),
        ("line 7: no product P9", "第 7 行：没有商品 P9"),
        ("no product line 7: P9", "没有商品 line 7: P9"),
        ("something of old", "something of old"),
    ],
)  # fmt: skip
def test_a_reason_has_its_place_in_the_file_before_it(english: str, chinese: str) -> None:
    assert reason("unknown_product", english, "zh") == chinese


def test_a_place_is_said_in_chinese() -> None:
    assert place("orders.csv lines 2-3", "zh") == "orders.csv 第 2-3 行"
    assert place("orders.csv lines 2-3", "en") == "orders.csv lines 2-3"
    assert place("orders.submitted 1795572967671-26", "zh") == "orders.submitted 1795572967671-26"


def test_codes_in_a_reason_are_said_in_words() -> None:
    assert reason("not_returned", "SO-1 is shipped, not returned", "zh") == "SO-1 已发货，不是已退回"
    answered = answer("comment.not_needed", {"order": "SO-1", "state": "in_review"}, "en")
    assert reason("comment.not_needed", answered, "zh") == "SO-1 现为“审核中”，不需要处理意见"
    answered = answer("comment.role", {"person": "wei", "roles": "salesperson sales_manager"}, "en")
    assert reason("comment.role", answered, "zh").endswith("销售人员、销售经理")


@pytest.mark.parametrize(
    ("code", "fails"),
    [
        ("amount", lambda: to_minor(Decimal("1.005"), "CNY")),
        ("amount", lambda: to_minor(Decimal("Infinity"), "CNY")),
        ("amount", lambda: to_minor(Decimal(1), "cny")),
        ("unknown_currency", lambda: convert(1, "XXX", "CNY", {})),
        ("unknown_definition", lambda: select(definitions.load(), "domestic", date(2026, 1, 1), "d99")),
        ("unknown_definition", lambda: select(definitions.load(), "barter", date(2026, 1, 1))),
    ],
)
def test_what_money_and_definitions_say_is_said_in_chinese(code: str, fails: Callable[[], object]) -> None:
    with pytest.raises((MoneyError, DefinitionError)) as failed:
        fails()
    assert CHINESE.search(reason(code, str(failed.value), "zh"))
