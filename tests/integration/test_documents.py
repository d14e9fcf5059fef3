"""The documents as processes: an order driven through each visits exactly that document's steps, in its order (PRC-02).

`DOCUMENTS` has every numbered step of every document: the steps that it is, or in words where it happens instead.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from shared import definitions
from shared.catalogue import gather
from shared.histories import explained
from shared.processes import Definition
from shared.search import Search, find_orders
from shared.states import State
from shared.tasks import AGREE, DISAGREE
from tests.support.company import raw
from tests.support.database import REPOSITORY
from tests.support.definitions import step
from tests.support.journey import CREATOR, Journey, hire
from tests.support.office import Office
from tests.support.orders import NOW
from tests.support.tables import sections

ENTRY = "the order's entry: handed in, checked, numbered"
BEFORE = "before there is an order: inquiries and quotations"
NOTICE = "the notice that follows every decision; on failure the return to the creator"

Place = tuple[str, ...] | str
"""Step ids, or where it happens."""

DOCUMENTS: dict[str, dict[str, Place]] = {
    "d01_order_handling": {
        "1.1 订单来源": ENTRY,
        "1.2 订单信息确认": ENTRY,
        "2.1 选择录入系统": ENTRY,
        "2.2 填写订单信息": ENTRY,
        "2.3 保存订单": ENTRY,
        "3.1 初审": ("first_check",),
        "3.2 复审": ("credit", "second_check"),
        "3.3 审核结果": NOTICE,
        "4.1 备货": ("release", "stock_taking", "reserve", "instruct"),
        "4.2 打包": ("materials", "pack"),
        "4.3 发货": ("carrier", "ship"),
        "5.1 确认收货": ("receipt", "exceptions"),
        "5.2 售后支持": ("returns", "survey"),
        "5.3 订单归档": ("archive",),
    },
    "d02_order_review": {
        "1 填写": ENTRY,
        "2 提交": ("sales",),
        "3 财务审核": ("finance",),
        "4 合规审核": ("compliance",),
        "5 库存确认": ("stock",),
        "6 审核结果通知": NOTICE,
        "7 异常处理": NOTICE,
    },
    "d03_sales_crm": {
        "1.1 客户查询及咨询": BEFORE,
        "1.2 订单录入": ENTRY,
        "1.3 客户确认及支付": ("customer", "payment_details", "payment"),
        "1.4 订单审核": ("review", "credit"),
        "1.5 订单处理及跟踪": ("reserve", "prepare", "plan", "ship", "track"),
        "1.6 订单交付及确认": ("arrange", "receipt", "feedback"),
        "1.7 订单结算及售后服务": ("settle", "support"),
        "2.1 客户分类": ("classify",),
        "2.2 客户信息管理": ("customer_record",),
    },
    "d04_sales_department": {
        "1 接收订单": ("thanks",),
        "2 订单审核与验证": ("review", "credit"),
        "3 库存检查": ("release", "stock"),
        "4 订单处理": ("enter", "confirmation"),
        "5 订单跟踪": ("track",),
        "6 订单交付与确认": ("prepare", "plan", "ship", "receipt", "satisfaction"),
        "7 订单结算与客户关系管理": ("settle", "relations"),
    },
    "d05_sales_purchasing": {
        "1.1 接收订单": ENTRY,
        "1.2 订单审核": ("review", "credit"),
        "1.3 确认交货期": ("promise", "confirm_date"),
        "1.4 配货准备": ("release", "reserve"),
        "1.5 产品发货": ("pack", "plan", "ship"),
        "1.6 订单跟踪": ("track",),
        "2.1 产品质量": "a factor by which suppliers are chosen, no step",
        "2.2 交货能力": "a factor by which suppliers are chosen, no step",
        "2.3 价格竞争力": "a factor by which suppliers are chosen, no step",
        "2.4 服务支持": "a factor by which suppliers are chosen, no step",
    },
    "d06_order_workflow": {
        "1.1 客户询价": BEFORE,
        "1.2 报价确认": BEFORE,
        "1.4 订单创建": ENTRY,
        "2.1 市场部审批": ("market",),
        "2.2 财务部审批": ("finance",),
        "2.3 审批通知": NOTICE,
        "3.1 库存检查": ("release", "stock"),
        "3.2 发货准备": ("prepare", "load"),
        "3.3 发货": ("plan", "ship"),
        "4.1 收款确认": ("receipt", "settle"),
        "4.2 销售凭证": "made by settle, in the same transaction",
        "4.3 发票开具": "made by settle, from that voucher",
        "4.4 结算统计": ("statistics",),
        "5.2 报修处理": ("repair",),
        "5.3 投诉处理": ("complaints",),
    },
    "d09_regulation": {
        "1.1 销售订单的生成": ENTRY,
        "1.2 销售订单的审核": ("review", "credit", "confirmation"),
        "2.1 销售订单的处理": ("enter", "release", "allocate", "promise", "confirm_date"),
        "2.2 销售订单的分配": ("assign",),
        "3.1 生产计划的制定": ("production_plan",),
        "3.2 生产过程的控制": ("production",),
        "3.3 产品交付": ("prepare", "inspect", "invoice", "plan", "ship"),
        "4.1 客户反馈的接收与处理": ("feedback",),
        "4.2 售后服务的改进": ("improve",),
    },
    "d10_outline": {
        "1 接收订单": ENTRY,
        "2 订单审核": ("review", "credit"),
        "3 订单处理": ("enter", "release", "stock", "production", "plan"),
        "4 订单确认": ("confirmation",),
        "5 订单交付": ("pack", "ship"),
        "6 订单结算": ("settle", "reconcile"),
    },
    "d11_approval": {
        "1 订单创建": ENTRY,
        "2 提交审批": ENTRY,
        "3a 销售部门审批": ("sales",),
        "3b 财务部门审批": ("finance",),
        "3c 供应链部门审批": ("supply",),
        "3d 高级管理层审批": ("senior",),
        "4 审批结果通知": NOTICE,
        "5 合同签订": ("contract",),
        "6 支付和交付": ("release", "reserve", "prepare", "plan", "ship", "settle"),
    },
}
CONDITIONAL = {"release", "senior"}
"""Left out where the terms are credit, and where nothing is special and the value is not high."""
FULL: dict[str, Any] = {"payment": {"method": "wire", "terms": "prepaid"}, "special_requirements": "加固包装"}
"""An order to which every step applies."""

SHIPPED = definitions.load()


def shipped(name: str) -> Definition:
    return SHIPPED.get(f"{name}@1")


def steps_of(name: str) -> list[str]:
    """The document's steps, in its order."""
    return [step for place in DOCUMENTS[name].values() if isinstance(place, tuple) for step in place]


@pytest.fixture
def company(office: Office) -> Office:
    hire(office)
    return office


@pytest.mark.requirement("PRC-02")
@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_order_visits_exactly_the_documents_steps_in_its_order(company: Office, name: str) -> None:
    journey = Journey.begin(company, name, **FULL)
    journey.go_on()
    assert journey.visited() == steps_of(name)
    assert journey.state() == shipped(name).ends_in
    for step_id, actor in journey.steps():
        step = shipped(name).step(step_id)
        holds = actor.partition(".")[0]
        assert (holds in step.roles) if step.mode == "manual" else (holds in {"system", *step.roles}), step_id
    company.assert_clean()


@pytest.mark.requirement("PRC-02", "FIN-05", "APR-07")
@pytest.mark.parametrize("name", DOCUMENTS)
def test_steps_that_do_not_apply_are_passed_over_and_no_others(company: Office, name: str) -> None:
    journey = Journey.begin(company, name)  # on credit, nothing special
    journey.go_on()
    assert journey.visited() == [step for step in steps_of(name) if step not in CONDITIONAL]
    assert journey.state() == shipped(name).ends_in
    company.assert_clean()


@pytest.mark.requirement("PRC-02", "APR-08", "APR-09")
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_refused_order_goes_back_is_corrected_and_begins_again(company: Office, name: str) -> None:
    """The price of one line is not the list's: whoever is asked first disagrees, and the creator corrects it."""
    wrong = [{"product": "P001", "quantity": 3, "unit_price": "99.00"}]
    journey = Journey.begin(company, name, **FULL, lines=wrong, total="297.00")
    journey.go_to_a_person()
    before = journey.visited()
    assert before == steps_of(name)[: len(before)]
    journey.decide(DISAGREE)
    company.work()
    assert journey.state() == "returned"
    assert company.count("finance.credit_holds", "open_minor > 0") == 0
    assert company.count("core.waits") == company.count("core.batches") == 0
    again = raw(creator=CREATOR, definition=name, **FULL, lines=[wrong[0] | {"unit_price": "100.00"}], total="300.00")
    journey.resubmit(again)
    assert journey.round() == 2
    journey.go_on()
    assert journey.visited(2) == steps_of(name)  # from the first step on, whatever had been agreed to before
    assert journey.state() == shipped(name).ends_in
    assert {"disagreed", "resubmitted"} <= {*journey.history()}
    company.assert_clean()


@pytest.mark.requirement("PRC-02")
def test_every_numbered_step_has_its_place_and_every_step_its_number() -> None:
    for name, document in DOCUMENTS.items():
        assert all(document.values()), name
        assert [step.id for step in shipped(name).steps] == steps_of(name), name
        conditional = {step.id for step in shipped(name).steps if step.when is not None}
        assert conditional == CONDITIONAL & {*steps_of(name)}, name


def test_the_readme_lists_every_process_with_its_document_and_number_of_steps() -> None:
    rows = sections(REPOSITORY / "README.md")["processes 流程"]
    listed = {row[0].strip("`"): (row[1], int(row[2])) for row in rows if row[0].startswith("`")}
    for name, (document, steps) in listed.items():
        definition = shipped(name)
        assert document.partition(" (")[0] in (definition.title["zh"], "–"), name
        assert len(definition.steps) == steps, name
    assert listed.keys() == {*SHIPPED.names()}


@pytest.mark.requirement("PRC-09")
def test_recorded_work_is_never_skipped_and_says_who_did_it_and_when(company: Office) -> None:
    """Also in mode `auto`: no rule can tell that somebody did it."""
    counting = step("counting", activity="warehouse.stock_taking", mode="auto", roles=["warehouse_keeper"])
    company.follows(counting, ends_in="ended")
    journey = Journey.begin(company, "sample")
    journey.go_to_a_person()
    company.decide("agree", "warehouse_keeper.2", reason="两处货位已盘点,账实相符")
    company.work()
    assert journey.state() == "ended"
    row = "select actor, at, data ->> 'reason' from core.events where kind = 'agreed' and step = 'counting'"
    assert company.rows(row) == [("warehouse_keeper.2", NOW, "两处货位已盘点,账实相符")]


@pytest.mark.requirement("PRC-10")
def test_a_review_that_ends_early_goes_on_as_the_process_that_it_names(company: Office) -> None:
    company.follows(
        step("reserve", activity="warehouse.reserve", roles=["warehouse_keeper"], reaches="reserved"),
        step("counting", activity="warehouse.stock_taking", roles=["warehouse_keeper"]),
    )
    review = replace(
        shipped("d02_order_review"), version=2, effective_from=NOW.date(), ends_in=State.APPROVED, then="sample"
    )
    company.definitions = gather([*company.definitions.entries.values(), review])
    journey = Journey.begin(company, "d02_order_review")
    journey.go_to_a_person()
    for _ in range(4):
        journey.decide(AGREE)
        company.work()
    assert (journey.state(), journey.visited()) == ("reserved", [*steps_of("d02_order_review"), "reserve"])
    keys = company.rows("select definition from core.orders")
    assert keys == [("d02_order_review@2+sample@1",)]
    journey.decide(DISAGREE)  # everything is undone, also what the first process obtained
    company.work()
    assert journey.state() == "returned"
    assert company.count("finance.credit_holds", "open_minor > 0") == 0
    journey.resubmit(raw(creator=CREATOR, definition="d02_order_review"))
    journey.go_on()
    assert (journey.state(), journey.visited(2)) == ("archived", [*steps_of("d02_order_review"), "reserve", "counting"])
    company.assert_clean()


@pytest.mark.requirement("PRC-10", "AUD-01")
def test_the_history_of_an_order_that_goes_on_names_its_departments(company: Office) -> None:
    journey = Journey.begin(company, "d08_u8_domestic", reply_date="2026-07-10")
    journey.go_to_a_person()
    journey.decide(AGREE)
    company.work()
    with company.database.transaction() as session:
        ((order_id, definition, policy),) = session.rows("select id, definition, policy from core.orders")
        events = explained(session, order_id, definition, policy)
    assert definition == "d08_u8_domestic@1+d08_delivery@1"
    assert [(each["step"], each["department"]) for each in events if each["kind"] == "agreed"] == [
        ("supervisor", "sales_review")
    ]


@pytest.mark.requirement("PRC-10")
def test_a_review_that_ends_early_stays_in_its_end_state_and_in_the_lists(company: Office) -> None:
    journey = Journey.begin(company, "d02_order_review")
    journey.go_on()
    with company.database.transaction() as session:
        (found,) = find_orders(session, Search(state="ended"), limit=10)
    assert (found["number"], found["open"]) == (journey.number, [])


@pytest.mark.requirement("FIN-04", "SAL-04")
@pytest.mark.parametrize("name", DOCUMENTS)
def test_credit_is_counted_whatever_the_process(company: Office, name: str) -> None:
    """A customer with a limit of 60.00 orders for 60.00, which just fits, and then for 10.00 more."""
    for place, pieces in enumerate((6, 1)):
        lines = [{"product": "P003", "quantity": pieces, "unit_price": "10.00"}]
        customer = {"code": "C002", "name": "广州南海电器有限公司"}
        order: dict[str, Any] = {"external_id": f"X-{place}", "customer": customer, "lines": lines}
        journey = Journey.begin(company, name, **order, total=f"{pieces * 10}.00")
        journey.go_on(until=partial(approved_or_over, journey))
        assert company.rows("select exposure_minor from finance.credit_status where customer = 'C002'") == [(6_000,)]
        assert over_limit(company) == ([journey.number] if place else [])


def approved_or_over(journey: Journey) -> bool:
    return journey.state() == "approved" or bool(over_limit(journey.office))


def over_limit(company: Office) -> list[str]:
    """The orders about whose credit somebody is asked."""
    rows = company.rows(
        "select h.number from core.user_tasks t join core.order_headers h using (order_id),"
        " json_array_elements(t.findings) f where t.status = 'open' and f ->> 'code' = 'credit.over_limit'"
    )
    return [row[0] for row in rows]
