"""How shortages are covered, and what may be reported of purchases and plans. Exact at every boundary."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from messages.facts.warehouse import (
    ProductionConfirmed,
    ProductionDelayed,
    ProductionFinished,
    ProductionPlanned,
    ProductionProgress,
)
from messages.orders import Order
from shared import policy
from shared.department import Outcome, Passed, Referred, Returned, Unworkable, Value, Visit, Waiting
from tests.support.orders import NOW
from tests.support.warehouse import ordered
from workers.warehouse import remedy_rules
from workers.warehouse.plan_rules import (
    Making,
    Plan,
    Report,
    assign_production,
    control_production,
    plan_production,
    refuse,
)
from workers.warehouse.production_rules import Capacity, Unit
from workers.warehouse.remedy_rules import Remedied
from workers.warehouse.replenish_rules import Stores, is_covered, reserve
from workers.warehouse.rules import Lacking, Opened, Pick, Reserved, Shelves
from workers.warehouse.supplier_rules import Evaluation, Market, Quotation, Supplier
from workers.warehouse.supply_rules import (
    Assigned,
    Bought,
    Completed,
    Purchase,
    Sources,
    confirming_roles,
    earmark,
    needed_by,
    refuse_receipt,
    refuse_return,
    ways_of,
)

POLICY = policy.load().get("standard@1")
TODAY = NOW.date()
DAYS = [TODAY + timedelta(days=place) for place in range(1, 11)]
ORDER = ordered(("A", 5), ("B", 2), requested=DAYS[4])


def a_visit(order: Order = ORDER, agreed: bool = False, reason: str = "", **options: Value) -> Visit:
    return Visit(order, 1, "step", options, POLICY, NOW, agreed=agreed, reason=reason)


def a_supplier(code: str) -> Supplier:
    return Supplier(code, True, 50, 50, 50, 50, 50, 50, Evaluation(passed=True, score=80))


def a_market(*offers: tuple[str, int]) -> Market:
    """Suppliers of A as (code, price); each needs two days."""
    quotations = [Quotation(code, "A", TODAY, TODAY, 1, 2, "CNY", price) for code, price in offers]
    return Market({"A": quotations}, {code: a_supplier(code) for code, _ in offers})


def sources(market: Market | None = None, capacity: int = 0, **under_way: int) -> Sources:
    units = [Unit("U1", capacity, frozenset({"A"}))] if capacity else []
    begun = {(ORDER.id, product): pieces for product, pieces in under_way.items()}
    return Sources(TODAY, market or Market({}, {}), Capacity(units, DAYS), begun, {"A": {"M": 3}}, {"M": 7})


def stores(stock: Mapping[str, int], given: Sources, held: Sequence[Pick] = (), order: Order = ORDER) -> Stores:
    return Stores(Shelves({name: {"MAIN": pieces} for name, pieces in stock.items()}), {order.id: held}, given)


def making(stock: Mapping[str, int], given: Sources, held: Sequence[Pick] = (), plans: Sequence[Plan] = ()) -> Making:
    shelves = Shelves({name: {"MAIN": pieces} for name, pieces in stock.items()})
    return Making(shelves, {ORDER.id: held}, given, {ORDER.id: plans})


def codes(outcome: Outcome) -> list[str]:
    return [each.code for each in getattr(outcome, "findings", ())]


# -- reserving ---------------------------------------------------------------------------------------------------------


def test_only_orders_that_may_be_supplied_are_looked_at_more_closely() -> None:
    assert not is_covered(a_visit())
    assert is_covered(a_visit(ways="purchase"))
    made = Visit(ORDER, 1, "step", {}, POLICY, NOW, frozenset({"warehouse.plan_production"}))
    assert is_covered(made)


def test_what_came_for_the_order_is_counted_and_only_the_rest_reserved() -> None:
    held = (Pick(1, "A", "MAIN", 3),)
    found = reserve(a_visit(ways="purchase"), stores({"A": 2, "B": 2}, sources(), held))
    picks = [Pick(1, "A", "MAIN", 2), Pick(2, "B", "MAIN", 2)]
    assert found == Passed((Completed(ORDER.id, picks),), {"available": {"A": 2, "B": 2}})
    nothing_held = reserve(a_visit(ways="purchase"), stores({"A": 5, "B": 2}, sources()))
    assert isinstance(nothing_held, Passed)
    assert isinstance(nothing_held.effects[0], Reserved)


@pytest.mark.requirement("SUP-01", "SUP-02")
def test_a_shortage_is_bought_and_waited_for() -> None:
    given = sources(a_market(("S1", 900), ("S2", 800)))
    found = reserve(a_visit(ways="purchase"), stores({"A": 3, "B": 2}, given))
    assert isinstance(found, Waiting)
    assert found.keys == ("stock:A",)
    bought, _ = found.effects
    assert isinstance(bought, Bought)
    assert (bought.demand.quantity, bought.chosen.quotation.supplier, bought.reason) == (2, "S2", "highest_score")
    given.absorb(bought)  # it is under way: nothing is bought twice
    again = reserve(a_visit(ways="purchase"), stores({"A": 3, "B": 2}, given))
    assert isinstance(again, Waiting)
    assert [type(each) for each in again.effects] == [Lacking]
    more = reserve(a_visit(ways="purchase"), stores({"A": 2, "B": 2}, given))
    assert isinstance(more, Waiting)
    assert [each.demand.quantity for each in more.effects[:-1]] == [1]


@pytest.mark.requirement("SUP-02")
def test_one_quotation_needs_a_reason_and_an_agreement_without_is_none() -> None:
    there = stores({"A": 0, "B": 2}, sources(a_market(("S1", 900))))
    for visit in (a_visit(ways="purchase"), a_visit(agreed=True, reason=" ", ways="purchase")):
        asked = reserve(visit, there)
        assert isinstance(asked, Referred)
        assert (codes(asked), asked.roles, asked.effects) == (["supplier.few_quotations"], ("purchasing",), ())
    done = reserve(a_visit(agreed=True, reason="独家", ways="purchase"), there)
    assert isinstance(done, Waiting)
    assert [each.reason for each in done.effects[:-1]] == ["独家"]


@pytest.mark.requirement("PRD-01")
def test_each_way_covers_all_or_nothing_in_their_order() -> None:
    market = a_market(("S1", 900), ("S2", 800))
    for pieces, ways, kind in (
        (5, "production purchase", Assigned),
        (4, "production purchase", Bought),  # one piece a day too little
        (5, "purchase production", Bought),
        (4, "production", None),
    ):
        capacity = 1 if pieces == 5 else 0
        found = reserve(a_visit(ways=ways), stores({"A": 0, "B": 2}, sources(market, capacity)))
        if kind is None:
            assert isinstance(found, Referred)
            assert codes(found) == ["shortage.uncovered"]
        else:
            assert isinstance(found, Waiting)
            assert [type(each) for each in found.effects] == [kind, Lacking]
        assert found.basis["uncovered"] == ({} if kind else {"A": 5})


@pytest.mark.requirement("WHS-05")
@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("partial", "partial"),
        ("部分交货 先发现货", "partial"),
        ("cancel", "cancel"),
        ("取消", "cancel"),
        (f"date {TODAY.isoformat()}", "date"),
        (f"新交期 {TODAY.isoformat()} 客户已同意", "date"),
        (f"date {(TODAY - timedelta(days=1)).isoformat()}", None),
        ("date soon", None),
        ("whatever", None),
        ("", None),
    ],
)
def test_a_person_names_the_remedy_or_is_asked_again(reason: str, kind: str | None) -> None:
    visit = a_visit(agreed=True, reason=reason, ways="none")
    found = reserve(visit, stores({"A": 3, "B": 2}, sources()))
    if kind is None:
        assert isinstance(found, Referred)
        assert (codes(found), found.roles) == (["shortage.uncovered"], remedy_rules.DECIDES)
    elif kind == "date":
        assert isinstance(found, Waiting)
        assert [type(each) for each in found.effects] == [Remedied, Lacking]
    else:
        assert isinstance(found, Returned)
        assert (found.cancels, [type(each) for each in found.effects]) == (kind == "cancel", [Remedied])


@pytest.mark.requirement("WHS-05", "SUP-02")
def test_a_new_date_is_kept_before_purchasing_is_asked_for_its_reason() -> None:
    visit = a_visit(agreed=True, reason=f"date {TODAY + timedelta(days=3)}", ways="purchase")
    there = stores({"A": 3, "B": 2}, sources(a_market(("S1", 900))))
    found = reserve(visit, there)
    assert isinstance(found, Waiting)
    assert (found.until, [type(each) for each in found.effects]) == (NOW, [Remedied, Lacking])
    kept = replace(there, agreed_on={ORDER.id: TODAY + timedelta(days=3)})
    asked = reserve(a_visit(ways="purchase"), kept)
    assert isinstance(asked, Referred)
    assert codes(asked) == ["supplier.few_quotations"]


@pytest.mark.requirement("WHS-05")
@pytest.mark.parametrize(("days", "asked"), [(-1, True), (0, False), (1, False)])
def test_a_new_date_is_waited_for_and_once_it_is_over_a_person_is_asked_again(days: int, asked: bool) -> None:
    there = stores({"A": 3, "B": 2}, sources())
    there = replace(there, agreed_on={ORDER.id: TODAY + timedelta(days=days)})
    assert isinstance(reserve(a_visit(ways="none"), there), Referred if asked else Waiting)


def test_an_unknown_product_is_asked_about_and_then_opened() -> None:
    there = stores({"A": 5}, sources())
    asked = reserve(a_visit(ways="purchase"), there)
    assert codes(asked) == ["stock.unknown_product"]
    short = reserve(a_visit(agreed=True, ways="purchase"), there)
    assert codes(short) == ["shortage.uncovered"], "nobody sells it either"
    opened = reserve(a_visit(agreed=True, reason=f"date {TODAY}", ways="purchase"), there)
    assert isinstance(opened, Waiting)
    assert opened.effects[0] == Opened("B")


@pytest.mark.parametrize("ways", ["stealing", "", 7, "production stealing"])
def test_ways_that_there_are_not_are_unworkable(ways: Value) -> None:
    with pytest.raises(Unworkable):
        ways_of(ways, "step")


def test_goods_are_needed_the_days_earlier_that_they_travel() -> None:
    assert needed_by(a_visit()) == DAYS[4]
    assert needed_by(a_visit(transit_days=4)) == DAYS[0]


# -- receipts ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("SUP-01")
@pytest.mark.parametrize(
    ("received", "closed", "quantity", "code"),
    [
        (0, False, 10, None),
        (4, False, 6, None),
        (4, False, 7, "purchase.over_delivered"),
        (0, False, 11, "purchase.over_delivered"),
        (10, True, 0, "purchase.closed"),
    ],
)
def test_what_is_open_may_be_received_and_not_one_piece_more(
    received: int, closed: bool, quantity: int, code: str | None
) -> None:
    purchase = Purchase("PO-1", "o", "A", 10, "S1", TODAY, received, closed)
    found = refuse_receipt(purchase, "PO-1", quantity)
    assert (found.code if found else None) == code


@pytest.mark.requirement("SUP-04")
def test_no_more_may_go_back_than_came() -> None:
    purchase = Purchase("PO-1", "o", "A", 10, "S1", TODAY, 4, False)
    assert refuse_return(purchase, "PO-1", 4) is None
    found = [refuse_return(purchase, "PO-1", 5), refuse_return(None, "PO-1", 1), refuse_receipt(None, "PO-1", 1)]
    assert [each.code for each in found if each] == ["purchase.over_returned", "purchase.unknown", "purchase.unknown"]


@pytest.mark.requirement("SUP-01", "PRD-04")
def test_goods_go_to_the_lines_that_need_them_the_earlier_first() -> None:
    assert earmark([(1, 3), (2, 0), (3, 4)], 5) == {1: 3, 3: 2}
    assert earmark([(1, 3)], 5) == {1: 3}  # the rest is for everybody
    assert earmark([], 5) == {}


# -- production --------------------------------------------------------------------------------------------------------


def a_plan(**changes: Any) -> Plan:
    plan = Plan(
        "MO-1", ORDER.id, "A", 3, DAYS[4], "U1", DAYS[0], DAYS[1], ("purchasing",), (), ("M",), (9,), (7,), 0, False
    )
    return plan if not changes else replace(plan, **changes)


@pytest.mark.requirement("PRD-01")
def test_the_rest_is_assigned_with_what_it_takes() -> None:
    found = assign_production(a_visit(), making({"A": 2, "B": 2}, sources(capacity=1)))
    assert isinstance(found, Passed)
    completed, assigned = found.effects
    assert completed == Completed(ORDER.id, [Pick(1, "A", "MAIN", 2), Pick(2, "B", "MAIN", 2)])
    assert (assigned.allocation.quantity, assigned.allocation.finishes_on) == (3, DAYS[2])
    assert [(each.material, each.needed, each.short_by) for each in assigned.materials] == [("M", 9, 2)]
    nothing = assign_production(a_visit(), making({"A": 5, "B": 2}, sources()))
    assert nothing == Passed((Completed(ORDER.id, [Pick(1, "A", "MAIN", 5), Pick(2, "B", "MAIN", 2)]),))


@pytest.mark.requirement("PRD-01")
def test_nobody_in_time_is_a_question_with_the_earliest_date() -> None:
    order = ordered(("A", 6), requested=DAYS[4])
    facts = Making(Shelves({"A": {}}), {}, sources(capacity=1), {})
    asked = assign_production(a_visit(order), facts)
    assert isinstance(asked, Referred)
    (finding,) = asked.findings
    assert dict(finding.values) == {
        "quantity": 6,
        "needed_by": DAYS[4].isoformat(),
        "earliest": DAYS[5].isoformat(),
    }
    assert [each.allocation.finishes_on for each in asked.effects] == [DAYS[5]]
    nobody = assign_production(a_visit(order), Making(Shelves({"A": {}}), {}, sources(), {}))
    assert isinstance(nobody, Referred)
    assert (nobody.findings[0].values["earliest"], nobody.effects) == (None, ())


@pytest.mark.requirement("PRD-02")
def test_planning_waits_for_materials_and_for_every_department() -> None:
    held = (Pick(1, "A", "MAIN", 2), Pick(2, "B", "MAIN", 2))
    for plan, expected in (
        (a_plan(takes=(), takes_needed=(), takes_available=()), ["production.no_materials"]),
        (a_plan(), ["production.unconfirmed", "production.material_short"]),
        (a_plan(takes_available=(9,)), ["production.unconfirmed"]),
    ):
        found = plan_production(a_visit(), making({}, sources(A=3), held, [plan]))
        assert isinstance(found, Waiting)
        assert (found.keys, codes(found)) == ((f"plan:{ORDER.id}",), expected)
    confirmed = a_plan(confirmed=("purchasing",))
    assert plan_production(a_visit(), making({}, sources(A=3), held, [confirmed])) == Passed(())


@pytest.mark.requirement("PRD-03", "PRD-04")
def test_control_waits_for_open_plans_and_makes_again_what_fell_short() -> None:
    held = (Pick(1, "A", "MAIN", 2), Pick(2, "B", "MAIN", 2))
    waits = control_production(a_visit(), making({}, sources(A=3), held, [a_plan()]))
    assert isinstance(waits, Waiting)
    assert (waits.keys, waits.effects) == ((f"production:{ORDER.id}",), ())
    again = control_production(a_visit(), making({}, sources(capacity=1), held))
    assert isinstance(again, Waiting)
    assert [each.allocation.quantity for each in again.effects] == [3]
    asked = control_production(a_visit(), making({}, sources(), held))
    assert codes(asked) == ["production.no_capacity"]
    full = (Pick(1, "A", "MAIN", 5), Pick(2, "B", "MAIN", 2))
    assert control_production(a_visit(), making({}, sources(), full)) == Passed(())


def test_who_confirms_is_the_steps_option() -> None:
    assert confirming_roles(a_visit()) == ("production_planner", "purchasing", "warehouse_keeper")
    assert confirming_roles(a_visit(confirmed_by="inspector")) == ("inspector",)
    with pytest.raises(Unworkable):
        confirming_roles(a_visit(confirmed_by=" "))


HEAD: dict[str, Any] = {"source": "x", "fact_id": "1", "occurred_at": NOW, "plan": "MO-1", "by": "someone"}


def planned(quantity: int) -> ProductionPlanned:
    times = {"starts_on": DAYS[0], "finishes_on": DAYS[1], "materials": ({"material": "M", "quantity": 1},)}
    return ProductionPlanned.model_validate(HEAD | times | {"quantity": quantity})


def delayed(day: date) -> ProductionDelayed:
    return ProductionDelayed(**HEAD, finishes_on=day, reason="x")


READY = a_plan(confirmed=("purchasing",))
PLANNER, INSPECTOR = frozenset({"production_planner"}), frozenset({"inspector"})


@pytest.mark.requirement("PRD-02", "PRD-03", "PRD-04")
@pytest.mark.parametrize(
    ("plan", "report", "roles", "code"),
    [
        (None, planned(3), PLANNER, "production.unknown"),
        (a_plan(closed=True), planned(3), PLANNER, "production.closed"),
        (a_plan(), planned(3), PLANNER, None),
        (a_plan(), planned(3), INSPECTOR, "report.not_allowed"),
        (a_plan(), planned(4), PLANNER, "production.quantity_differs"),
        (a_plan(), ProductionConfirmed(**HEAD), frozenset({"purchasing"}), None),
        (a_plan(), ProductionConfirmed(**HEAD), PLANNER, "report.not_allowed"),
        (a_plan(takes=()), ProductionConfirmed(**HEAD), frozenset({"purchasing"}), "production.no_materials"),
        (a_plan(), ProductionProgress(**HEAD, done=1), PLANNER, "production.unconfirmed"),
        (READY, ProductionProgress(**HEAD, done=3), PLANNER, None),
        (READY, ProductionProgress(**HEAD, done=4), PLANNER, "production.too_many"),
        (READY, delayed(DAYS[0]), PLANNER, None),
        (READY, delayed(TODAY), PLANNER, "production.before_start"),
        (a_plan(), ProductionFinished(**HEAD, good=3), INSPECTOR, "production.unconfirmed"),
        (READY, ProductionFinished(**HEAD, good=3), INSPECTOR, None),
        (READY, ProductionFinished(**HEAD, good=0), INSPECTOR, None),
        (READY, ProductionFinished(**HEAD, good=4), INSPECTOR, "production.too_many"),
        (READY, ProductionFinished(**HEAD, good=3), PLANNER, "report.not_allowed"),
    ],
)
def test_what_may_be_reported_of_a_plan(
    plan: Plan | None, report: Report, roles: frozenset[str], code: str | None
) -> None:
    found = refuse(plan, report, roles)
    assert (found.code if found else None) == code


@pytest.mark.requirement("PRD-02")
@pytest.mark.parametrize("missing", ["quantity", "starts_on", "finishes_on", "materials"])
def test_a_plan_without_quantity_time_or_materials_is_a_field_error(missing: str) -> None:
    whole = planned(3).model_dump()
    ProductionPlanned.model_validate(whole)
    del whole[missing]
    with pytest.raises(ValueError, match=missing):
        ProductionPlanned.model_validate(whole)
    with pytest.raises(ValueError, match="at least 1"):
        ProductionPlanned.model_validate(planned(3).model_dump() | {"materials": ()})
