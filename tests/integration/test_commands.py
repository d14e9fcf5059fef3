"""What the command line says, in both languages: headings, histories in words, and what is wrong with a command."""

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from shared.anchors import set_anchor
from shared.failures import bury_message
from shared.settings import settings
from shared.tasks import Wish, decide
from tests.support.commands import Run, squeezed
from tests.support.company import raw
from tests.support.office import Office
from tests.support.orders import NOW, submitted

CHINESE = re.compile("[一-鿿]")
RAW_NAME = re.compile(r"\b[a-z]+_(?:minor|grams|basis_points|at|list|checked|date|number|by_line)\b")

# -- histories in words ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("TRK-03")
def test_a_history_is_told_in_words_with_money_as_money(run: Run, office: Office) -> None:
    credit, short = raw("A"), raw("B", lines=[{"product": "P003", "quantity": 40, "unit_price": "10.00"}])
    prepaid = raw("C", payment={"method": "wire", "terms": "prepaid"})
    numbers = [receipt.number for receipt in office.take(credit, short, prepaid)]
    office.work()
    said = {
        language: [squeezed(run("show", each, "--lang", language).stdout) for each in numbers] for language in LANGUAGES
    }
    for language, words in EXPECTED.items():
        for one, expected in zip(said[language], words, strict=True):
            assert not RAW_NAME.search(one), one
            for phrase in expected:
                assert phrase in one, (phrase, one)


LANGUAGES = ("en", "zh")
EXPECTED: dict[str, list[Sequence[str]]] = {
    "en": [
        (
            "unit price", "CN¥400.00 standard@1 round 1", "CN¥100.00", "price list of 2026-06-15",
            "exposure CN¥400.00; credit limit CN¥900,000,000.00; risk low", "rules checked 1",
            "available P001: 1000000, P002: 1000000", "carrier SF; freight CN¥", "weight 26.4 kg", "packages 2",
        ),
        ("Product P003 is short: 40 needed", "available P003: 0", "stock of P003"),
        ("payment none yet; received CN¥0.00; due CN¥400.00",),
    ],
    "zh": [
        (
            "单价", "¥400.00 standard@1 第 1 轮", "¥100.00", "2026-06-15 的价目表",
            "敞口 ¥400.00；信用额度 ¥900,000,000.00；风险低", "已核对 1 条规则",
            "可用库存 P001：1000000、P002：1000000", "物流公司 SF；运费 ¥", "重量 26.4 kg", "2 件包裹",
        ),
        ("商品 P003 库存不足", "可用库存 P003：0"),
        ("付款状态 未付；已收 ¥0.00；应付 ¥400.00",),
    ],
}  # fmt: skip


# -- what was named and is not there -----------------------------------------------------------------------------------

NOBODY = "01a20ba8-1d4c-73a0-bfda-3a331dbf44df"
NAMED = {
    "orders --state bogus": (
        "There is no state 'bogus'; there are draft, in_review, returning, returned, approved,",
        "没有状态“bogus”；可选：draft 草稿、in_review 审核中、returning 退回中、",
    ),
    "orders --customer C999": ("There is no customer C999.", "没有客户 C999。"),
    "show SO-1": ("There is no order SO-1.", "没有订单 SO-1。"),
    "tasks --role cook": (
        "There is no role 'cook'; there are salesperson,",
        "没有角色“cook”；可选：salesperson 销售人员、",
    ),
    "tasks --order SO-1": ("There is no order SO-1.", "没有订单 SO-1。"),
    "decide --all --role cook agree --as wei": ("There is no role 'cook'; there are", "没有角色“cook”；可选："),
    "tasks --as nobody": ("There is no member of staff nobody.", "没有员工 nobody。"),
    "refusals --kind invoice": (
        "There is no kind 'invoice'; there are order, conflict, fact, fact_conflict",
        "没有类别“invoice”；可选：order 订单、conflict 订单冲突、",
    ),
    f"refusals {NOBODY}": (f"There is no refusal {NOBODY}.", f"没有被拒记录 {NOBODY}。"),
    f"dead show {NOBODY}": (f"There is no dead letter {NOBODY}.", f"没有死信 {NOBODY}。"),
    "dead replay 12 --as wei": ("'12' is no id", "“12”不是编号"),
    f"dead replay {NOBODY} --as wei": (f"There is no dead letter {NOBODY}.", f"没有死信 {NOBODY}。"),
    f"dead discard {NOBODY} --as nobody --reason x": ("There is no member of staff nobody.", "没有员工 nobody。"),
    "fact goods_lost --product P001": (
        "There is no kind of fact 'goods_lost'; there are receipt_confirmed,",
        "没有事实“goods_lost”；可选：receipt_confirmed ",
    ),
    "fact payment_received --order SO-1": ("There is no order SO-1.", "没有订单 SO-1。"),
    "worker kitchen": (
        "There is no department 'kitchen'; there are sales_review,",
        "没有部门“kitchen”；可选：sales_review 销售审核、",
    ),
    "bench --skip all": (
        "There is no part 'all'; there are latency, floor, naive",
        "没有部分“all”；可选：latency、floor、naive",
    ),
    "demo --definition d99": (
        "There is no process for orders named 'd99'; there are d0",
        "没有订单可用的流程“d99”；可选：d0",
    ),
}


def test_what_is_named_and_not_there_is_said_so(run: Run) -> None:
    for command, words in NAMED.items():
        for language, expected in zip(LANGUAGES, words, strict=True):
            result = run(*command.split(), "--lang", language)
            listed = "; there are" in words[0] or "is no id" in words[0]
            assert (result.exit_code, result.stdout) == (2 if listed else 1, ""), command
            assert expected in squeezed(result.stderr)


def test_what_is_there_and_has_nothing_is_an_empty_table(run: Run) -> None:
    for arguments in (
        ("orders", "--customer", "C002", "--state", "draft"),
        ("tasks", "--role", "inspector"),
        ("refusals", "--kind", "fact"),
    ):
        result = run(*arguments)
        assert (result.exit_code, len(result.stdout.splitlines())) == (0, 1)


# -- wrong usage -------------------------------------------------------------------------------------------------------

WRONG = {
    "orders --bogus": ("There is no option --bogus.", "没有选项 --bogus。"),
    "orders --limit 0": ("--limit: Input should be greater than or equal to 1", "--limit：不得小于 1"),
    "orders --limit many": ("--limit: Input should be a valid integer", "--limit：须为整数"),
    "orders --json=x": ("Option '--json' does not take a value.", "选项 --json 不带值。"),
    "orders one": ("Got unexpected extra argument(s) (one)", "多余的参数：one"),
    "show": ("ORDER is missing.", "缺少 ORDER。"),
    "ordres": ("No such command 'ordres'. Did you mean", "没有命令“ordres”。是否指"),
    "dead bury": ("No such command 'bury'.", "没有命令“bury”。"),
    "load /nowhere": ("FOLDER: dir '/nowhere' does not exist.", "FOLDER：“/nowhere”不存在"),
    "submit x.csv --today noon": ("--today: 'noon' does not match the formats", "--today：“noon”不是 '%Y-%m-%d' 形式"),
    "submit x.csv --source web": ("--source goes with --map", "--source 须与 --map 同用"),
    "submit x.csv": ("There is no file x.csv.", "没有文件 x.csv。"),
}


def test_what_is_wrong_with_a_command_is_said_in_the_language_asked_for(run: Run) -> None:
    for command, words in WRONG.items():
        for language, expected in zip(LANGUAGES, words, strict=True):
            name, *rest = command.split()
            for asking in ([*rest, "--lang", language], [f"--lang={language}", *rest]):
                if name == "dead" and asking[0] != "bury":
                    continue  # a group itself has no options
                result = run(name, *asking)
                assert (result.exit_code, result.stdout) == (2, ""), asking
                assert expected in squeezed(result.stderr)


def test_a_language_that_is_none_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("orders", "--lang", "fr")
    assert (result.exit_code, "--lang: 'fr' is not one of 'zh', 'en'." in result.stderr) == (2, True)
    monkeypatch.setenv("ORDERFLOW_LANGUAGE", "fr")
    settings.cache_clear()
    result = run("orders")
    assert (result.exit_code, "ORDERFLOW_LANGUAGE cannot be used" in result.stderr) == (2, True)


# -- everything in Chinese ---------------------------------------------------------------------------------------------


@pytest.fixture
def busy(run: Run, office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A system with orders, tasks, refusals and dead letters, which is asked for Chinese by the environment."""
    office.take(raw("A"), raw("B", customer={"code": "C002", "name": "广州南海电器有限公司"}), raw("C", total="1.00"))
    office.work()
    bury_message(office.database, "finance", b"\xff", "malformed", NOW)
    monkeypatch.setenv("ORDERFLOW_LANGUAGE", "zh")
    settings.cache_clear()
    return run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("orders",), "订单 客户 金额 状态 轮次 所在步骤 创建时间"),
        (("tasks",), "待办 订单 客户 金额 步骤 角色 已转签给 代谁 期限 发现"),
        (("refusals",), "编号 时间 类别 来处 来源系统 对方编号 说明"),
        (("dead", "list"), "编号 时间 部门 订单 步骤 原因 次数 处理"),
        (("overdue",), "超期审核 待办 订单 步骤 角色 期限"),
        (("audit",), "条不变量：审计通过。"),
        (("load", "company"), "文件 行数"),
    ],
    ids=str,
)
def test_headings_and_summaries_are_chinese(busy: Run, arguments: Sequence[str], words: str) -> None:
    result = busy(*arguments)
    assert result.exit_code == 0, result.output
    assert words in squeezed(result.stdout)
    assert words not in squeezed(busy(*arguments, "--lang", "en").stdout)


def test_what_is_shown_whole_has_chinese_names(busy: Run) -> None:
    (letter,) = json.loads(busy("dead", "list", "--json").stdout)
    (refusal,) = json.loads(busy("refusals", "--json").stdout)
    for result in (busy("dead", "show", letter["id"]), busy("refusals", refusal["id"])):
        names = [line.split()[0] for line in result.stdout.splitlines()[:6]]
        assert all(map(CHINESE.match, names)), names
    assert "总额写的是 1.00，各行合计 400.00" in busy("refusals", refusal["id"]).stdout
    assert "总额写的是 1.00，各行合计 400.00" in squeezed(busy("refusals").stdout)


def test_an_answer_to_a_person_names_roles_and_choices_in_words(busy: Run) -> None:
    task = json.loads(busy("tasks", "--json").stdout)[0]
    refused = busy("decide", task["id"], "agree", "--as", "wei")
    assert (refused.exit_code, "财务人员、财务经理" in refused.stderr) == (1, True)
    assert busy("decide", task["id"], "transfer", "--as", "fiona", "--to", "sam").exit_code == 0
    assert "转给 sam" in busy("show", task["order"]).stdout
    assert busy("decide", task["id"], "agree", "--as", "sam").stdout == "同意：1 项。\n"
    assert "sam 已作出决定（同意）" in busy("decide", task["id"], "disagree", "--as", "sam").stderr


def test_changes_are_answered_in_chinese(busy: Run) -> None:
    number = json.loads(busy("orders", "--state", "in_review", "--json").stdout)[0]["number"]
    refused = busy("withdraw", number, "--as", "fiona")
    assert (refused.exit_code, "只有制单人 shop 可以撤回" in refused.stderr) == (1, True)
    fact = busy("fact", "withdrawal-requested", "--order", number, "--by", "fiona", "--reason", "x")
    assert (fact.exit_code, "只有制单人 shop 可以撤回" in squeezed(fact.stdout)) == (1, True)
    assert busy("withdraw", number, "--as", "shop").stdout == "已撤回。\n"


def test_a_file_is_judged_in_chinese(busy: Run, tmp_path: Path) -> None:
    bad = submitted("X", channel="pigeon", lines=[{"product": "P404", "quantity": 0, "unit_price": "1.00"}])
    (tmp_path / "orders.jsonl").write_text(json.dumps(bad) + "\n[]\n", encoding="utf-8")
    result = busy("submit", "orders.jsonl", "--report", "report.csv")
    said = squeezed(result.stdout)
    assert result.exit_code == 1
    for words in (
        "位置 编号 字段 原因", "orders.jsonl 第 1 行 X channel 须为 'phone'、'email'、'online'、'visit'、'fax' 之一",
        "lines.0.quantity 须大于 0", "orders.jsonl 第 2 行 须为对象", "2 张订单，2 行，",
    ):  # fmt: skip
        assert words in said, said
    assert "须大于 0" in (tmp_path / "report.csv").read_text(encoding="utf-8-sig")
    (tmp_path / "orders.csv").write_text("No\n", encoding="utf-8")
    assert "orders.csv：须有映射文件" in busy("submit", "orders.csv").stderr
    assert "survey_answered：--score：缺少该字段" in busy("fact", "survey_answered", "--order", "SO-1").stderr


# -- histories, searching, auditing ------------------------------------------------------------------------------------


@pytest.mark.requirement("AUD-01")
@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("zh", ["按流程 standard@1、规则参数 standard@1", "费欧娜", "所见：版本", "被拒：同意", "信用额度"]),
        ("en", ["by process standard@1 and policy standard@1", "费欧娜", "saw version", "refused: agreeing"]),
    ],
)
def test_a_history_is_told_whole_in_either_language(run: Run, office: Office, language: str, told: list[str]) -> None:
    nanhai = {"code": "C002", "name": "广州南海电器有限公司"}
    (receipt,) = office.take(raw("A", creator="sam", customer=nanhai))
    office.work()
    with office.database.transaction() as session:
        ((task,),) = session.rows("select id from core.user_tasks where status = 'open'")
        decide(session, [Wish(task, "sam", "agree")], office.now)
    office.decide("agree")
    office.work()
    shown = squeezed(run("show", receipt.number, "--lang", language).stdout)
    assert [each for each in told if each not in shown] == []
    data = json.loads(run("show", receipt.number, "--json").stdout)
    assert [each["action"] for each in data["attempts"]] == ["task.agree"]
    assert {"definition", "policy", "saw", "changes", "name", "on_behalf_of"} <= data["events"][0].keys()


@pytest.mark.requirement("AUD-02")
def test_orders_are_found_by_everything_that_they_have(run: Run, office: Office) -> None:
    office.take(raw("A", creator="sam"), raw("B", creator="sam", sale_type="domestic"))
    numbers = [each["number"] for each in json.loads(run("orders", "--json").stdout)]
    assert len(numbers) == 2

    def found(*options: str) -> int:
        done = run("orders", *options, "--json")
        assert done.exit_code == 0, done.stderr
        return len(json.loads(done.stdout))

    assert found("--number", numbers[0]) == found("--external-id", "A") == 1
    assert found("--product", "P001") == found("--customer", "C001") == found("--sale-type", "domestic") == 2
    assert found("--product", "P003") == found("--state", "archived") == found("--kind", "contract") == 0
    assert found("--since", "2026-06-15", "--until", "2026-06-15") == 2
    assert found("--since", "2026-06-16") == found("--until", "2026-06-14") == 0
    assert found("--at-least", "1.00") == 2
    assert found("--at-most", "1.00") == found("--at-least", "1.00", "--currency", "USD") == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--sale-type", "barter"), "没有销售类型“barter”"),
        (("--kind", "letter"), "没有类别“letter”"),
        (("--state", "lost"), "没有状态“lost”"),
        (("--at-least", "much"), "“much”不是 CNY 金额"),
        (("--at-least", "1.005"), "“1.005”不是 CNY 金额"),
        (("--since", "yesterday"), "yesterday"),
    ],
)
def test_what_cannot_be_looked_for_is_said(run: Run, options: tuple[str, ...], told: str) -> None:
    done = run("orders", *options, "--lang", "zh")
    assert done.exit_code == 2
    assert told in squeezed(done.stderr)


@pytest.mark.requirement("AUD-02")
def test_the_audit_says_whether_a_kept_root_is_still_there(run: Run, office: Office) -> None:
    office.take(raw("A", creator="sam"))
    with office.database.transaction() as session:
        anchor = set_anchor(session, office.now, timedelta(seconds=60))
    assert anchor
    done = run("audit", "--anchor", anchor.root.hex(), "--lang", "zh")
    assert done.exit_code == 0, done.stdout
    assert "所留的根属于锚定 1" in done.stdout
    assert json.loads(run("audit", "--anchor", anchor.root.hex(), "--json").stdout)["kept_anchor"] == 1
    gone = run("audit", "--anchor", "00" * 32)
    assert gone.exit_code == 1
    assert "no anchor has this root" in squeezed(gone.stdout)
    assert run("audit", "--anchor", "abc").exit_code == 2
