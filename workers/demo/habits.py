"""How the simulated staff decide (模拟审批习惯): stated habits, the same answer to the same question every time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from zlib import crc32

from shared.tasks import AGREE, DISAGREE, TRANSFER, Wish
from workers.demo.scene import Noted, Question

SIMULATED = "模拟 simulated"
"""Stands in every decision of the autopilot, so that nobody takes it for a person's."""

SMALL_DISCOUNT_PERCENT = Decimal(5)
SLIGHTLY_OVER_ONE_IN = 5
"""Less than a fifth over the credit limit is slight."""
SMALL_ORDER_MINOR = 200_000
LARGEST_FROM_A_STRANGER_MINOR = 100_000_000
"""2 000.00 and 1 000 000.00 CNY."""
BEARABLE_DELAY = timedelta(days=10)
PUT_OFF = timedelta(days=30)
"""By how much a delivery is put off whose goods nothing brings in time."""

When = Callable[[Question, Noted], bool]


@dataclass(frozen=True, slots=True)
class Habit:
    """What is done about a finding where `when` holds. `handed_to`: whoever of the roles gets the task first hands it
    to a holder of this one (转签). `case` says in words when; `why` is written into the decision, after what it `names`
    where agreeing alone settles nothing.
    """

    code: str
    case: str
    choice: str
    why: str
    when: When = lambda _question, _finding: True
    handed_to: str | None = None
    names: Callable[[Noted], str] = lambda _finding: ""


def _prepaid(question: Question, _finding: Noted) -> bool:
    return question.terms == "prepaid"


def _dearer(_question: Question, finding: Noted) -> bool:
    return bool(finding.values["price_minor"] > finding.values["listed_minor"])


def _small_discount(_question: Question, finding: Noted) -> bool:
    return Decimal(finding.values["actual_percent"]) <= SMALL_DISCOUNT_PERCENT


def _slightly_over(_question: Question, finding: Noted) -> bool:
    return bool(finding.values["over_minor"] * SLIGHTLY_OVER_ONE_IN < finding.values["limit_minor"])


def _small_order(question: Question, _finding: Noted) -> bool:
    return question.total_base_minor <= SMALL_ORDER_MINOR


def _not_too_large(_question: Question, finding: Noted) -> bool:
    return bool(finding.values["total_minor"] <= LARGEST_FROM_A_STRANGER_MINOR)


def _bearable(_question: Question, finding: Noted) -> bool:
    requested, earliest = (date.fromisoformat(finding.values[name]) for name in ("requested", "earliest"))
    return earliest - requested <= BEARABLE_DELAY


def _exclusive(question: Question, _finding: Noted) -> bool:
    return "独家" in question.special_requirements and not question.goods_gone


def _another_date(finding: Noted) -> str:
    return f"新交期 {date.fromisoformat(finding.values['needed_by']) + PUT_OFF} "


NO_FINDING = Noted("", "", {})
"""Stands for a task that was opened because the process demands a person, not because of a finding."""

HABITS: tuple[Habit, ...] = (
    Habit(
        "customer.on_hold", "预付款 prepaid", AGREE, "货款先付，不占用信用 it pays first and needs no credit", _prepaid
    ),
    Habit("customer.on_hold", "赊销 on credit", DISAGREE, "解除冻结后再下单 order again once the hold is lifted"),
    Habit("customer.over_limit", "", DISAGREE, "改为预付款 pay in advance"),
    Habit("sale_type.differs", "", DISAGREE, "按客户档案更正 use the one on record"),
    Habit("policy.delivered_abroad", "", DISAGREE, "改为境内交货 deliver at home"),
    Habit("policy.payment_method", "", DISAGREE, "改用允许的付款方式 use an allowed method"),
    Habit("policy.credit_days", "", DISAGREE, "缩短账期 shorter terms"),
    Habit("customer.unknown", "", DISAGREE, "先建立客户档案 make the customer record first"),
    Habit("product.unknown", "", DISAGREE, "去掉该商品 take it off"),
    Habit("product.inactive", "", DISAGREE, "去掉停售商品 take it off"),
    Habit("product.not_deliverable", "", DISAGREE, "该商品不能出口 it cannot be sent there"),
    Habit("price.not_listed", "", AGREE, "已与客户议定价格 the price was agreed with the customer"),
    Habit("price.not_as_listed", "高于价目表 above the list", AGREE, "交财务审核 finance decides", _dearer),
    Habit("price.not_as_listed", "低于价目表 below the list", DISAGREE, "改为价目表价格 use the list price"),
    Habit("price.no_list_price", "", AGREE, "接受议定价格 the agreed price is accepted"),
    Habit("price.above_list", "", DISAGREE, "改为价目表价格 use the list price"),
    Habit("discount.over_limit", "≤ 5 %", AGREE, "小额折扣 a small discount", _small_discount),
    Habit("discount.over_limit", "> 5 %", DISAGREE, "取消折扣 no discount", handed_to="finance_manager"),
    Habit("payment.method_not_allowed", "", DISAGREE, "改用允许的付款方式 use an allowed method"),
    Habit("payment.terms_not_allowed", "", DISAGREE, "改用约定的付款条件 use agreed terms"),
    Habit("credit.on_hold", "预付款 prepaid", AGREE, "款到发货 nothing leaves before it is paid", _prepaid),
    Habit("credit.on_hold", "赊销 on credit", DISAGREE, "解除冻结后再下单 order again once the hold is lifted"),
    Habit(
        "credit.over_limit",
        "超出不到 20 % less than 20 % over",
        AGREE,
        "略超额度，予以放行 slightly over, let it pass",
        _slightly_over,
        handed_to="finance_manager",
    ),
    Habit("credit.over_limit", "超出 20 % 以上 20 % over or more", DISAGREE, "改为预付款 pay in advance"),
    Habit("credit.overdue", "订单不超过 2 000 元 up to CNY 2,000", AGREE, "小额订单 a small order", _small_order),
    Habit("credit.overdue", "订单超过 2 000 元 above CNY 2,000", DISAGREE, "改为预付款 pay in advance"),
    Habit("credit.no_rate", "", AGREE, "人工核对敞口 the exposure is watched by hand"),
    Habit("risk.near_limit", "", AGREE, "仍在额度之内 still within the limit"),
    Habit(
        "risk.new_customer",
        "不超过 1 000 000 元 up to CNY 1,000,000",
        AGREE,
        "资信已核实 its standing was checked",
        _not_too_large,
        handed_to="finance_manager",
    ),
    Habit(
        "risk.new_customer", "超过 1 000 000 元 above CNY 1,000,000", DISAGREE, "首单减量 begin with a smaller order"
    ),
    Habit("restricted.product", "", AGREE, "已核对许可证 its permit was checked"),
    Habit("restricted.category", "", AGREE, "已核对经营许可 its licence was checked"),
    Habit("restricted.country", "", DISAGREE, "不得向该国销售 no sales to this country"),
    Habit("restricted.region", "", AGREE, "报关资料齐备 the customs papers are there"),
    Habit("restricted.party", "", DISAGREE, "不与该客户交易 no dealings with this party"),
    Habit("stock.unknown_product", "", DISAGREE, "去掉该商品 take it off"),
    Habit(
        "shortage.uncovered", "", AGREE, "另定交期,客户可以等 another date; the customer can wait", names=_another_date
    ),
    Habit("inspection.required", "", AGREE, "检验合格 inspected and passed"),
    Habit("inspection.failed", "", AGREE, "确认不合格，换货 confirmed; replace them"),
    Habit("pick.product_differs", "", DISAGREE, "重新处理 start afresh"),
    Habit("pick.quantity_differs", "", DISAGREE, "重新处理 start afresh"),
    Habit("carrier.none_in_time", "晚到不超过 10 天 up to 10 days late", AGREE, "客户可以等 it can wait", _bearable),
    Habit("carrier.none_in_time", "晚到 10 天以上 more than 10 days late", DISAGREE, "另议交期 settle another date"),
    Habit("carrier.none_serves", "", AGREE, "人工安排运输 transport is arranged by hand"),
    Habit("invoice.data_missing", "", AGREE, "按订单名称地址开票 invoiced to the name on the order"),
    Habit(
        "",
        "发货前要求独家供货 exclusive supply is asked for, before goods leave",
        DISAGREE,
        "不接受独家条款 no exclusivity",
        _exclusive,
    ),
)
"""In this order: the first that fits a finding counts. What is not in the table is agreed with. One finding that is
disagreed with suffices for the whole task.
"""

_AGREED = Habit("", "", AGREE, "无异议 no objection")


def habit(question: Question, finding: Noted) -> Habit:
    """What is done about one finding."""
    return next((each for each in HABITS if each.code == finding.code and each.when(question, finding)), _AGREED)


def answer(question: Question, staff: Mapping[str, frozenset[str]]) -> Wish | None:
    """What becomes of a task, and who decides it; None where nobody may: then it is left alone."""
    findings = question.findings or (NO_FINDING,)
    habits = [habit(question, finding) for finding in findings]
    deciding = next((each for each in habits if each.choice == DISAGREE), habits[0])
    handed_to = next((each.handed_to for each in habits if each.handed_to), None)
    person = question.assignee or _somebody(question, staff, set(question.roles) - {handed_to})
    if person is None:
        return None
    if handed_to and question.assignee is None and handed_to not in staff[person]:
        to = _somebody(question, staff, {handed_to} & set(question.roles))
        if to is not None:
            return Wish(question.task, person, TRANSFER, f"{SIMULATED}: 请定夺 for you to decide", to=to)
    if deciding.choice == DISAGREE:
        why = f"{SIMULATED}: {deciding.code or question.step}"
        return Wish(question.task, person, DISAGREE, why, deciding.why, seen_version=question.order_version)
    why = f"{deciding.names(findings[0])}{SIMULATED}: {deciding.why}"
    return Wish(question.task, person, AGREE, why, seen_version=question.order_version)


def _somebody(question: Question, staff: Mapping[str, frozenset[str]], roles: set[str]) -> str | None:
    """Holders take turns by order; never its creator."""
    holders = sorted(
        person
        for person, held in staff.items()
        if held & roles and person not in (question.creator, *question.excluded)
    )
    return holders[crc32(question.order.encode()) % len(holders)] if holders else None
