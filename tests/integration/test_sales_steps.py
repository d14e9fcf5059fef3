"""The steps of sales review beside the first check: second review, market, formal entry, paper, the customer's word."""

import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from shared.inbox import open_tasks
from shared.rulebook import rulebook
from shared.tasks import Refusal, Wish, decide, transfer
from tests.support.company import raw
from tests.support.definitions import step
from tests.support.office import Office, verdicts
from tests.support.orders import NOW
from workers.intake.accept import Verdict

CHECK = step("check", activity="sales_review.check", mode="manual", roles=["sales_supervisor", "sales_manager"])
SECOND = CHECK | {"id": "second", "activity": "sales_review.second_check", "options": {"not_by": "check"}}
STAFF = "insert into core.staff (id, name, roles) values (%s, %s, %s)"


@pytest.fixture
def sales(office: Office) -> Office:
    """The company with two supervisors, a manager and a market manager."""
    with office.database.transaction() as session:
        for person, role in (("lin", "sales_supervisor"), ("mei", "sales_supervisor"), ("bo", "sales_manager")):
            session.write(STAFF, person, person, [role])
        session.write(STAFF, "hua", "hua", ["market_manager"])
    return office


def answer(office: Office, person: str, choice: str = "agree", **more: Any) -> str | None:
    """One person's answer to the only open task; why it was refused, or None."""
    ((task,),) = office.rows("select id from core.user_tasks where status = 'open'")
    with office.database.transaction() as session:
        (refused,), batches = decide(session, [Wish(task, person, choice, **more)], office.now)
    office.queue += batches
    office.work()
    return refused.code if refused else None


def findings(office: Office) -> set[str]:
    """What is put in front of whoever decides the only open task."""
    ((found,),) = office.rows("select findings from core.user_tasks where status = 'open'")
    return {each["code"] for each in json.loads(found)}


def reported(office: Office, kind: str, number: str | None, fact_id: str = "F-1", **body: Any) -> list[str]:
    """Report a fact of an order; the codes of the facts that its department refused so far."""
    fact = {
        "schema_version": 1,
        "kind": kind,
        "source": "crm",
        "fact_id": fact_id,
        "occurred_at": NOW.isoformat(),
        "order": number,
    }
    assert verdicts(office.report(json.dumps(fact | body).encode())) == [Verdict.ACCEPTED]
    office.work()
    return [row[0] for row in office.rows("select refused->0->>'code' from core.facts where refused is not null")]


def taken(office: Office, **changes: Any) -> str:
    (receipt,) = office.take(raw(definition="sample", **changes))
    assert receipt.number, receipt.errors
    office.work()
    return receipt.number


def standing(office: Office) -> list[tuple[Any, ...]]:
    return office.rows("select state, open from core.orders")


# -- second review -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("SAL-02")
def test_who_did_the_first_check_never_does_the_second(sales: Office) -> None:
    sales.follows(CHECK, SECOND)
    taken(sales)
    assert answer(sales, "lin") is None
    assert standing(sales) == [("in_review", ["second"])]
    assert answer(sales, "lin") == "task.excluded"
    ((task,),) = sales.rows("select id from core.user_tasks where status = 'open'")
    with sales.database.transaction() as session:
        wish = Wish(task, "mei", "transfer", to="lin")
        (refused,) = transfer(session, [wish], sales.definitions, rulebook().policies, sales.now)
    assert isinstance(refused, Refusal)
    assert refused.code == "task.excluded"
    assert answer(sales, "mei") is None
    assert standing(sales) == [("archived", [])]
    assert sales.count("core.audit_log", "data->>'refused' = 'task.excluded'") == 2
    sales.assert_clean()


@pytest.mark.requirement("SAL-02")
def test_the_database_itself_keeps_the_first_checker_out(sales: Office) -> None:
    sales.follows(CHECK, SECOND)
    taken(sales)
    answer(sales, "lin")
    for change in ("status = 'decided', decision = 'agree', decided_by = 'lin'", "assignee = 'lin'"):
        with pytest.raises(psycopg.errors.CheckViolation), sales.database.transaction() as session:
            session.write(f"update core.user_tasks set {change} where status = 'open'")


@pytest.mark.requirement("SAL-02")
def test_only_the_last_rounds_first_checker_is_kept_out(sales: Office) -> None:
    sales.follows(CHECK, SECOND)
    number = taken(sales)
    answer(sales, "lin")
    answer(sales, "mei", "disagree", reason="价格不明", requested_change="说明价格")
    again = {"by": "shop", "document": json.loads(raw(definition="sample"))}
    assert reported(sales, "order_resubmitted", number, **again) == []
    assert answer(sales, "mei") is None  # the first check of this round
    assert answer(sales, "mei") == "task.excluded"
    assert answer(sales, "lin") is None
    assert standing(sales) == [("archived", [])]


@pytest.mark.requirement("SAL-02", "SAL-04", "SAL-05")
def test_shortage_and_credit_are_put_in_front_of_the_second_reviewer_by_name(sales: Office) -> None:
    sales.follows(CHECK | {"mode": "auto", "options": {"shortage": "note"}}, SECOND)
    lines = [{"product": "P001", "quantity": 1_000_001, "unit_price": "100.00"}]
    taken(sales, customer={"code": "C002", "name": "南海"}, lines=lines, total="100000100.00")
    assert findings(sales) == {"customer.over_limit"}  # the first check only notes a shortage here
    assert answer(sales, "lin") is None
    assert findings(sales) == {"availability.short", "customer.over_limit"}


@pytest.mark.requirement("SAL-04")
@pytest.mark.parametrize(("quantity", "total", "over"), [(1, "60.00", False), (1, "60.01", True)])
def test_without_a_finance_review_the_order_itself_counts_against_the_limit(
    sales: Office, quantity: int, total: str, over: bool
) -> None:
    sales.follows(CHECK | {"mode": "auto"})
    with sales.database.transaction() as session:
        session.write(
            "update sales_review.prices set unit_price_minor = %s where product = 'P001'", int(float(total) * 100)
        )
    lines = [{"product": "P001", "quantity": quantity, "unit_price": total}]
    taken(sales, customer={"code": "C002", "name": "南海"}, lines=lines, total=total)
    assert standing(sales) == ([("in_review", ["check"])] if over else [("archived", [])])


@pytest.mark.requirement("INT-07", "SAL-05", "PRC-09")
@pytest.mark.parametrize("activity", ["sales_review.check", "sales_review.second_check"])
def test_special_requirements_and_availability_are_shown_to_every_reviewer(sales: Office, activity: str) -> None:
    sales.follows(CHECK | {"activity": activity})
    taken(sales, special_requirements="木箱包装")
    with sales.database.transaction() as session:
        (task,) = open_tasks(session, now=sales.now)
    assert task["special_requirements"] == "木箱包装"
    assert task["basis"]["available"] == {"P001": 1_000_000, "P002": 1_000_000}


# -- preliminary compliance, market ------------------------------------------------------------------------------------


@pytest.mark.requirement("SAL-03")
def test_the_first_check_names_the_compliance_rule_that_an_order_would_break(sales: Office) -> None:
    with sales.database.transaction() as session:
        session.write("update compliance.rules set kind = 'party', value = '明珠' where code = 'R-1'")
    sales.follows(CHECK | {"mode": "auto"}, ends_in="ended")
    taken(sales)
    assert standing(sales) == [("ended", [])]  # only where the step asks for it
    sales.follows(CHECK | {"mode": "auto", "options": {"preliminary": True}})
    taken(sales, external_id="X-2")
    ((found,),) = sales.rows("select findings from core.user_tasks where status = 'open'")
    (one,) = json.loads(found)
    assert (one["code"], one["subject"], one["values"]["name_en"]) == (
        "restricted.preliminary",
        "R-1",
        "restricted goods",
    )


MARKET = step("market", activity="sales_review.market", roles=["market_manager"])
STRATEGY = """
insert into sales_review.strategy
    (code, customer_class, category, country, region, least_price_basis_points, name_zh, name_en, active)
values (%s, %s, %s, %s, %s, %s, '策略', 'strategy', %s)
"""


@pytest.mark.requirement("SAL-07")
@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (("S", "A", None, None, None, None, True), {"strategy.not_sold"}),
        (("S", "B", None, None, None, None, True), set()),
        (("S", None, "office", "CN", "上海", None, True), {"strategy.not_sold"}),
        (("S", None, "office", "CN", "北京", None, True), set()),
        (("S", None, "office", None, None, None, False), set()),
        (("S", None, "office", None, None, 10_000, True), set()),
        (("S", None, "office", None, None, 10_001, True), {"strategy.below_price"}),
    ],
)
def test_the_market_step_passes_what_agrees_with_strategy_and_refers_what_does_not(
    sales: Office, rule: tuple[object, ...], found: set[str]
) -> None:
    with sales.database.transaction() as session:
        session.write(STRATEGY, *rule)
    sales.follows(MARKET)
    taken(sales)
    if not found:
        assert standing(sales) == [("archived", [])]
        return
    assert findings(sales) == found
    assert answer(sales, "lin") == "task.role"
    assert answer(sales, "hua") is None
    assert standing(sales) == [("archived", [])]


@pytest.mark.requirement("SAL-07")
def test_the_market_step_looks_at_legality(sales: Office) -> None:
    with sales.database.transaction() as session:
        session.write("update compliance.rules set kind = 'country', value = 'cn' where code = 'R-1'")
    sales.follows(MARKET)
    taken(sales)
    assert findings(sales) == {"restricted.preliminary"}


# -- formal entry ------------------------------------------------------------------------------------------------------

ENTER = step("enter", activity="sales_review.enter", roles=["salesperson"])
LINES = [
    {"product": "P001", "quantity": 3, "unit_price": "100.00"},
    {"product": "P002", "quantity": 2, "unit_price": "50"},
]


def entered(**changes: Any) -> dict[str, Any]:
    return {"by": "sam", "document": {"customer": "C001", "currency": "CNY", "lines": LINES} | changes}


@pytest.mark.requirement("ENT-07")
def test_an_entry_that_equals_what_was_reviewed_moves_the_order_on(sales: Office) -> None:
    sales.follows(ENTER)
    number = taken(sales)
    assert standing(sales) == [("in_review", ["enter"])]
    assert reported(sales, "order_entered", number, **entered()) == []
    assert standing(sales) == [("archived", [])]
    assert sales.rows("select kind, by, at from sales_review.reports") == [("entered", "sam", NOW)]
    sales.assert_clean()


@pytest.mark.requirement("ENT-07")
@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"customer": "C002"}, "customer"),
        ({"currency": "USD"}, "currency"),
        ({"lines": LINES[:1]}, "lines"),
        ({"lines": [LINES[0] | {"product": "P003"}, LINES[1]]}, "lines.0.product"),
        ({"lines": [LINES[0] | {"quantity": 4}, LINES[1]]}, "lines.0.quantity"),
        ({"lines": [LINES[0], LINES[1] | {"unit_price": "50.01"}]}, "lines.1.unit_price"),
        ({"lines": [LINES[0], LINES[1] | {"discount_percent": "1"}]}, "lines.1.discount_percent"),
        ({"customer": "C002", "lines": [LINES[0] | {"quantity": 1}, LINES[1]]}, "customer, lines.0.quantity"),
    ],
)
def test_an_entry_that_differs_is_refused_with_the_fields_named(
    sales: Office, changes: dict[str, Any], fields: str
) -> None:
    sales.follows(ENTER)
    number = taken(sales)
    assert reported(sales, "order_entered", number, **entered(**changes)) == ["entry.differs"]
    assert sales.rows("select refused->0->'values'->>'fields' from core.facts") == [(fields,)]
    assert standing(sales) == [("in_review", ["enter"])]
    assert reported(sales, "order_entered", number, "F-2", **entered()) == ["entry.differs"]
    assert standing(sales) == [("archived", [])]


@pytest.mark.requirement("ENT-07")
def test_an_entry_that_nobody_waits_for_is_refused(sales: Office) -> None:
    sales.follows(CHECK, ENTER)
    number = taken(sales)
    assert reported(sales, "order_entered", number, **entered()) == ["report.not_waited_for"]
    assert sales.count("sales_review.reports") == 0


# -- paper -------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("ENT-08")
def test_the_paper_is_handed_over_with_person_and_time(sales: Office) -> None:
    sales.follows(step("paper", activity="sales_review.hand_over", roles=["salesperson"]))
    number = taken(sales)
    assert standing(sales) == [("in_review", ["paper"])]
    sales.now += timedelta(hours=1)
    assert reported(sales, "paper_handed_over", number, by="sam", to="fiona") == []
    assert standing(sales) == [("archived", [])]
    assert sales.rows('select by, "to", at from sales_review.reports') == [("sam", "fiona", NOW)]
    basis = sales.rows("select data->'basis'->>'to' from core.events where kind = 'passed'")
    assert basis == [("fiona",)]


# -- the customer's word -----------------------------------------------------------------------------------------------

ASK = step("ask", activity="sales_review.confirm_with_customer", roles=["salesperson"])


@pytest.mark.requirement("INT-05")
def test_what_the_customer_confirms_moves_on_and_silence_waits(sales: Office) -> None:
    sales.follows(ASK)
    number = taken(sales)
    sales.now += timedelta(days=60)
    sales.work()
    assert standing(sales) == [("in_review", ["ask"])]
    assert sales.count("core.waits", "split_part(key, ':', 1) = 'answer'") == 1
    assert reported(sales, "customer_answered", number, answer="confirmed", by="王芳") == []
    assert standing(sales) == [("archived", [])]


@pytest.mark.requirement("INT-05")
def test_a_customer_who_wants_a_change_returns_the_order_to_its_creator(sales: Office) -> None:
    sales.follows(ASK)
    number = taken(sales)
    assert reported(sales, "customer_answered", number, answer="change", by="王芳", remarks="数量改为 5") == []
    assert standing(sales) == [("returned", [])]
    told = sales.rows("select data->'findings'->0->'values'->>'remarks' from core.events where kind = 'returned'")
    assert told == [("数量改为 5",)]
    again = {"by": "shop", "document": json.loads(raw(definition="sample"))}
    assert reported(sales, "order_resubmitted", number, "F-2", **again) == []
    assert standing(sales) == [("in_review", ["ask"])]  # the new round asks again
    assert reported(sales, "customer_answered", number, "F-3", answer="confirmed", by="王芳") == []
    assert standing(sales) == [("archived", [])]
    sales.assert_clean()


@pytest.mark.requirement("INT-05")
def test_a_change_says_what_the_customer_wants(sales: Office) -> None:
    sales.follows(ASK)
    number = taken(sales)
    fact = {"kind": "customer_answered", "source": "crm", "fact_id": "F", "occurred_at": NOW.isoformat()}
    body = fact | {"order": number, "answer": "change", "by": "王芳"}
    assert verdicts(sales.report(json.dumps(body).encode())) == [Verdict.REFUSED]
