"""The sample orders and the simulated people, by themselves: the same for the same day, and what the README says."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from messages.facts.compliance import ContractReceived
from messages.facts.finance import PaymentReceived
from messages.facts.sales_review import CustomerAnswered, OrderEntered, OrderResubmitted
from messages.orders import OrderSubmitted
from shared import policy
from shared.department import Visit
from shared.roles import ROLES
from shared.tasks import AGREE, DISAGREE, TRANSFER
from shared.words import known_findings
from tests.support.orders import an_order
from tests.support.tables import codes, counts, sections
from workers.demo import company, corrections, habits, malformed, sample, world
from workers.demo.scene import Noted, Question, Return, Standstill
from workers.sales_review.report_rules import differences
from workers.warehouse import remedy_rules
from workers.warehouse.remedy_rules import Remedy

DAY = date(2026, 6, 15)
README = sections(company.FOLDER / "README.md")
STAFF = {row["id"]: frozenset(row["roles"].split()) for row in company._read("staff")}


def well_formed(submissions: list[bytes]) -> list[OrderSubmitted]:
    orders = []
    for raw in submissions:
        try:
            orders.append(OrderSubmitted.model_validate_json(raw))
        except ValidationError:
            continue
    return orders


# -- the orders --------------------------------------------------------------------------------------------------------


def test_the_same_day_gives_the_same_orders() -> None:
    assert sample.sample_orders(DAY) == sample.sample_orders(DAY)
    assert len(sample.sample_orders(DAY)) == sum(kind.count for kind in sample.KINDS) == sample.SAMPLE_SIZE


def test_requested_dates_move_with_the_day() -> None:
    later = DAY + timedelta(days=100)
    for one, other in zip(
        well_formed(sample.sample_orders(DAY)), well_formed(sample.sample_orders(later)), strict=True
    ):
        assert other.requested_date - one.requested_date == later - DAY


def test_fewer_orders_are_the_beginning_and_more_are_other_orders() -> None:
    whole = sample.sample_orders(DAY)
    assert sample.sample_orders(DAY, 100) == whole[:100]
    more = well_formed(sample.sample_orders(DAY, 1_200))
    named = Counter((order.source, order.external_id) for order in more)
    copies = 3 * sum(kind.count for kind in sample.KINDS if kind.name in ("repeated", "conflicting"))
    assert len(more) - len(named) == copies


def test_a_hundred_orders_meet_every_kind_but_one() -> None:
    assert {kind.name for kind, _ in sample._mix()[:100]} == {kind.name for kind in sample.KINDS} - {"too_huge"}


def test_orders_ask_for_a_definition_by_name() -> None:
    orders = well_formed(sample.sample_orders(DAY, 60, "express"))
    assert {order.definition for order in orders if order.external_id} >= {"express"}
    assert {order.definition for order in well_formed(sample.sample_orders(DAY, 60))} == {None}


def test_goods_that_are_short_are_asked_for_once_each() -> None:
    short = Counter(
        line.product
        for order in well_formed(sample.sample_orders(DAY))
        for line in order.lines
        if line.product in company.company(DAY).short
    )
    assert len(short) == 9
    assert set(short.values()) == {1}


def test_only_meant_orders_are_large_for_a_new_customer() -> None:
    rates = {"CNY": Decimal(1), "USD": Decimal("7.1"), "EUR": Decimal("8.2")}
    large = [
        order.customer.code
        for order in well_formed(sample.sample_orders(DAY))
        if order.total * rates[order.currency] > 100_000
    ]
    assert sorted(large) == sorted([*sample.LARGE, *sample.HUGE, "C057"])


def test_most_orders_are_clean() -> None:
    ends = counts(README["End states"])
    assert ends["clean"] >= 0.6 * sample.SAMPLE_SIZE


@pytest.mark.requirement("ENT-01", "ENT-02")
def test_broken_orders_are_broken_in_one_way_each() -> None:
    unreadable = {"json_invalid", "missing", "greater_than"}
    good = json.loads(sample.sample_orders(DAY, 1)[0])
    for name, break_it in malformed.BREAKERS.items():
        raw = break_it(dict(good), DAY)
        if name not in unreadable:
            OrderSubmitted.model_validate_json(raw)
            continue
        with pytest.raises(ValidationError) as invalid:
            OrderSubmitted.model_validate_json(raw)
        assert [error["type"] for error in invalid.value.errors()] == [name]


# -- the README --------------------------------------------------------------------------------------------------------


def test_the_readme_accounts_for_every_finding() -> None:
    met, refused, never = (codes(README[each]) for each in ("Findings", "Refused facts", "Cannot occur"))
    known = {code for code in known_findings() if not code.startswith("finance.")}
    assert met | (refused - {"not_cancellable", "unmatched"}) | never == known
    assert not met & never
    assert min(counts(README["Findings"]).values()) >= 3
    assert min(counts(README["Refused facts"]).values()) >= 3


def test_the_readme_states_the_habits_and_ways() -> None:
    stated = [(*codes([row]), row[1], row[2], row[3]) for row in README["Habits of the simulated staff"]]
    choices = {AGREE: "同意 agree", DISAGREE: "不同意 disagree"}
    assert stated == [
        (
            *((each.code,) if each.code else ()),
            each.case or "一律 always",
            choices[each.choice] + (f"(先转签 after handing it to {each.handed_to})" if each.handed_to else ""),
            each.why,
        )
        for each in habits.HABITS
    ]
    assert {row[0].strip("`"): row[1] for row in README["The simulated outside world"]} == {
        customer: way.says for customer, way in world.WAYS.items()
    }


def test_every_role_is_held_and_those_that_approve_by_several() -> None:
    held = Counter(role for roles in STAFF.values() for role in roles)
    assert set(held) == set(ROLES)
    approving = ("sales_supervisor", "sales_manager", "senior_management", "finance_clerk", "finance_manager")
    assert all(held[role] > 1 for role in (*approving, "compliance_officer", "inspector", "logistics_clerk"))
    creators = {name for _, _, _, name in company._DESKS if name}
    assert all(STAFF[name] == {"salesperson"} for name in creators)


# -- habits ------------------------------------------------------------------------------------------------------------


def question(*findings: Noted, **changes: Any) -> Question:
    known: dict[str, Any] = {
        "task": "t",
        "order": "SO-1",
        "step": "finance",
        "roles": ("finance_clerk", "finance_manager"),
        "assignee": None,
        "creator": "li.na",
        "order_version": 3,
        "findings": findings,
        "total_base_minor": 500_000,
        "terms": "net_30",
        "special_requirements": "",
    }
    return Question(**(known | changes))


@pytest.mark.parametrize(
    ("finding", "changes", "choice"),
    [
        (Noted("discount.over_limit", "P1", {"actual_percent": "5.00"}), {}, AGREE),
        (Noted("discount.over_limit", "P1", {"actual_percent": "5.01"}), {"assignee": "shen.hong"}, DISAGREE),
        (Noted("credit.over_limit", "C1", {"over_minor": 199, "limit_minor": 1_000}), {"assignee": "han.bin"}, AGREE),
        (Noted("credit.over_limit", "C1", {"over_minor": 200, "limit_minor": 1_000}), {}, DISAGREE),
        (Noted("credit.overdue", "C1", {}), {"total_base_minor": 200_000}, AGREE),
        (Noted("credit.overdue", "C1", {}), {"total_base_minor": 200_001}, DISAGREE),
        (Noted("risk.new_customer", "C1", {"total_minor": 100_000_000}), {"assignee": "han.bin"}, AGREE),
        (Noted("risk.new_customer", "C1", {"total_minor": 100_000_001}), {}, DISAGREE),
        (Noted("customer.on_hold", "C1", {}), {"terms": "prepaid"}, AGREE),
        (Noted("customer.on_hold", "C1", {}), {}, DISAGREE),
        (Noted("carrier.none_in_time", "", {"requested": "2026-06-01", "earliest": "2026-06-11"}), {}, AGREE),
        (Noted("carrier.none_in_time", "", {"requested": "2026-06-01", "earliest": "2026-06-12"}), {}, DISAGREE),
        (Noted("something.new", "", {}), {}, AGREE),
        (habits.NO_FINDING, {"special_requirements": "独家供货"}, DISAGREE),
        (habits.NO_FINDING, {"special_requirements": "独家供货", "goods_gone": True}, AGREE),
        (habits.NO_FINDING, {"special_requirements": "加贴标签"}, AGREE),
    ],
)
def test_habits_at_their_boundaries(finding: Noted, changes: dict[str, Any], choice: str) -> None:
    wish = habits.answer(question(finding, **changes), STAFF)
    assert wish is not None
    assert wish.choice == choice
    assert habits.SIMULATED in wish.reason
    assert bool(wish.requested_change) == (choice == DISAGREE)


@pytest.mark.requirement("APR-03")
def test_one_finding_that_is_disagreed_with_decides_the_task() -> None:
    both = question(Noted("risk.near_limit", "C1", {}), Noted("restricted.party", "R1", {}))
    wish = habits.answer(both, STAFF)
    assert wish is not None
    assert wish.choice == DISAGREE
    assert wish == habits.answer(both, STAFF)


@pytest.mark.requirement("APR-05")
def test_what_is_for_the_manager_is_handed_over_and_then_decided() -> None:
    large = Noted("discount.over_limit", "P1", {"actual_percent": "12.00"})
    first = habits.answer(question(large), STAFF)
    assert first is not None
    assert first.choice == TRANSFER
    assert "finance_manager" in STAFF[first.to]
    assert "finance_manager" not in STAFF[first.person]
    then = habits.answer(question(large, assignee=first.to), STAFF)
    assert then is not None
    assert (then.person, then.choice) == (first.to, DISAGREE)


@pytest.mark.requirement("WHS-05")
def test_a_shortage_that_nothing_covers_is_put_off_by_a_choice_that_the_warehouse_understands() -> None:
    wish = habits.answer(question(Noted("shortage.uncovered", "P1", {"needed_by": "2026-06-20"})), STAFF)
    assert wish is not None
    visit = Visit(an_order(), 1, "reserve", {}, policy.load().get("standard@1"), NOW, agreed=True, reason=wish.reason)
    assert remedy_rules.named(visit, DAY) == Remedy(remedy_rules.DATE, date(2026, 7, 20))


def test_nobody_decides_what_nobody_may() -> None:
    alone = {"li.na": frozenset({"finance_clerk"})}
    assert habits.answer(question(), alone) is None
    assert habits.answer(question(), {}) is None


# -- creators and the world --------------------------------------------------------------------------------------------

NOW = datetime(2026, 6, 15, 2, 0, tzinfo=UTC)


@pytest.mark.requirement("APR-09")
def test_a_returned_order_is_corrected_once_and_then_given_up() -> None:
    order = an_order(payment={"method": "wire", "terms": "net_30"})
    over = (Noted("credit.over_limit", "C001", {"over_minor": 900, "limit_minor": 1_000}),)
    again = corrections.react(Return(order, 1, NOW, "standard", over))
    assert isinstance(again, OrderResubmitted)
    assert again.by == order.creator
    assert again.document.payment.terms == "prepaid"
    assert again.document.total == Decimal(order.total_minor) / 100
    assert corrections.react(Return(order, 2, NOW, "standard", over)) is None


def test_each_correction_satisfies_what_was_found() -> None:
    order, dearer = an_order(), Noted("price.above_list", "P001", {"listed_minor": 9_000})
    again = corrections.react(Return(order, 1, NOW, "d11_approval", (dearer,)))
    assert isinstance(again, OrderResubmitted)
    assert [str(line.unit_price) for line in again.document.lines] == ["90.00", "50.00"]
    assert (again.document.total, again.document.definition) == (Decimal("370.00"), "d11_approval")
    too_much = Noted("risk.new_customer", "C001", {"total_minor": 40_000, "limit_minor": 20_000})
    again = corrections.react(Return(order, 1, NOW, "standard", (too_much,)))
    assert isinstance(again, OrderResubmitted)
    assert again.document.total <= 200
    off = Noted("product.inactive", "P001", {})
    again = corrections.react(Return(order, 1, NOW, "standard", (off,)))
    assert isinstance(again, OrderResubmitted)
    assert [line.product for line in again.document.lines] == ["P002"]


def test_what_cannot_be_corrected_is_given_up_or_cancelled() -> None:
    order = an_order()
    assert corrections.react(Return(order, 1, NOW, "standard", (Noted("restricted.party", "R1", {}),))) is None
    nothing_allowed = Noted("payment.terms_not_allowed", "", {"allowed": "–"})
    assert corrections.react(Return(order, 1, NOW, "standard", (nothing_allowed,))) is None
    cancelled = corrections.react(Return(order, 1, NOW, "standard", (Noted("product.not_deliverable", "P1", {}),)))
    assert cancelled is not None
    assert cancelled.kind == "cancellation_requested"


def standstill(customer: str, *awaits: str, **changes: Any) -> Standstill:
    known: dict[str, Any] = {
        "order": "SO-1",
        "external_id": "S1",
        "customer": customer,
        "step": "settle",
        "awaits": frozenset(awaits),
        "since": NOW,
        "method": "wire",
        "currency": "CNY",
        "due_minor": 10_000,
        "paid_minor": 0,
        "tracking_number": "TRK-1",
        "findings": (),
    }
    return Standstill(**(known | changes))


def test_payments_come_to_what_is_due() -> None:
    parts = [
        fact
        for paid in (0, 6_000)
        for fact in world.react(standstill("C027", "payment", paid_minor=paid))
        if isinstance(fact, PaymentReceived)
    ]
    assert [fact.amount for fact in parts] == [Decimal("60.00"), Decimal("40.00")]
    assert len({fact.reference for fact in parts}) == 2


def test_the_world_says_the_same_again_when_asked_again() -> None:
    for customer in ("C001", *world.WAYS):
        for awaits in (("payment",), ("delivered", "receipt"), ("receipt",)):
            asked = standstill(customer, *awaits)
            assert world.react(asked)
            assert world.react(asked) == world.react(asked)
    short = (Noted("stock.short", "P117", {"short_by": 4}),)
    arrived = world.react(standstill("C001", "stock", findings=short))
    assert [(fact.product, fact.quantity) for fact in arrived if fact.kind == "goods_received"] == [
        ("XP117", 4),
        ("P117", 4),
    ]


def test_who_cancels_never_leaves_a_shipped_order_waiting() -> None:
    for customer in ("C036", "C037", "C038"):
        kinds = {fact.kind for fact in world.react(standstill(customer, "payment"))}
        assert "payment_received" in kinds


def test_what_was_reviewed_is_entered_as_it_was_and_the_customer_confirms_it() -> None:
    order = an_order()
    (entered,) = world.react(standstill("C001", "entered", document=order))
    assert isinstance(entered, OrderEntered)
    assert differences(order, entered) is None
    (first,) = world.react(standstill("C001", "answer"))
    (second,) = world.react(standstill("C001", "answer", round=2))
    assert isinstance(first, CustomerAnswered)
    assert first.answer == "confirmed"
    assert first.fact_id != second.fact_id  # each round is confirmed on its own


def test_a_contract_says_what_its_order_says_and_is_signed_once_the_other_side_is_known() -> None:
    order = an_order()
    (received,) = world.react(standstill("C001", "contract", document=order, registrar="you.jia"))
    assert isinstance(received, ContractReceived)
    assert received.by == "you.jia"
    document = received.document
    assert (document.order, document.total, len(document.lines)) == (order.number, Decimal("400.00"), 2)
    assert world.react(standstill("C001", "contract", document=order, contract="in_review")) == []
    assert [fact.kind for fact in world.react(standstill("C001", "contract", document=order, contract="returned"))] == [
        "cancellation_requested"
    ]
    assert [fact.kind for fact in world.react(standstill("C001", "signed"))] == ["counterparty_checked"]
    assert [fact.kind for fact in world.react(standstill("C001", "signed", checked=True))] == ["contract_signed"]
    assert [fact.kind for fact in world.react(standstill("C001", "handed_over"))] == ["paper_handed_over"]
