"""Logistics decides: the carrier, the promised date, and whether goods may leave."""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from messages.orders import Line, Order
from shared import policy
from shared.department import Outcome, Passed, Referred, Visit, Waiting
from tests.support.orders import NOW, an_order
from workers.logistics.rules import (
    CHECKED_EVERY,
    Candidate,
    Papers,
    Payment,
    Plan,
    Rate,
    Readiness,
    Shipment,
    choose,
    compare,
    plan,
    ship,
)

POLICY = policy.load().get("standard@1")
TODAY = date(2026, 6, 15)
WEIGHTS = {"P001": 300, "P002": 50}
"""With the lines of `an_order`, exactly one kilogram."""
SLOW = Rate("SLOW", 1_000, 200, "CNY", 5)
FAST = Rate("FAST", 5_000, 900, "CNY", 1)
STANDARD = frozenset(
    {"finance.review", "sales_review.approve", "warehouse.reserve", "warehouse.prepare", "logistics.plan"}
)
READY = Papers(
    approved=True,
    planned=True,
    carrier="FAST",
    payment=Payment(40_000, 40_000),
    goods=Readiness(True, True, True, True, 2, 1_050),
)


def a_visit(order: Order | None = None, activities: Iterable[str] = STANDARD, now: datetime = NOW) -> Visit:
    return Visit(order or an_order(), 1, "step", {}, POLICY, now, frozenset(activities))


def planned(outcome: Outcome) -> Plan:
    assert isinstance(outcome, Passed | Referred)
    (effect,) = outcome.effects
    assert isinstance(effect, Plan)
    return effect


def carrier_of(outcome: Outcome) -> str | None:
    choice = planned(outcome).choice
    return choice.carrier if choice else None


def codes(outcome: Outcome) -> list[str]:
    assert isinstance(outcome, Referred | Waiting)
    return [each.code for each in outcome.findings]


def a_line(product: str, quantity: int) -> Line:
    return Line(
        number=1, product=product, quantity=quantity, unit_price_minor=100, discount_basis_points=0, amount_minor=100
    )


# -- the carrier -------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("LOG-01")
@pytest.mark.parametrize(
    ("days_allowed", "carrier", "in_time"),
    [(6, "SLOW", True), (5, "SLOW", True), (4, "FAST", True), (1, "FAST", True), (0, "FAST", False)],
)
def test_arriving_on_the_requested_day_is_in_time_and_a_day_later_is_not(
    days_allowed: int, carrier: str, in_time: bool
) -> None:
    order = an_order(requested_date=TODAY + timedelta(days=days_allowed))
    outcome = plan(a_visit(order), TODAY, WEIGHTS, [SLOW, FAST])
    assert carrier_of(outcome) == carrier
    assert isinstance(outcome, Passed) is in_time


@pytest.mark.requirement("LOG-01")
@pytest.mark.parametrize(
    ("rates", "carrier"),
    [
        ([replace(FAST, base_fee_minor=5_001), SLOW], "SLOW"),
        ([Rate("A", 1_000, 0, "CNY", 3), Rate("B", 999, 0, "CNY", 9)], "B"),
        ([Rate("A", 1_000, 0, "CNY", 3), Rate("B", 1_000, 0, "CNY", 2)], "B"),
        ([Rate("B", 1_000, 0, "CNY", 3), Rate("A", 1_000, 0, "CNY", 3)], "A"),
        ([Rate("A", 800, 201, "CNY", 3), Rate("B", 1_000, 0, "CNY", 3)], "B"),
        ([Rate("A", 800, 199, "CNY", 3), Rate("B", 1_000, 0, "CNY", 3)], "A"),
    ],
)
def test_the_cheapest_in_time_is_taken_then_the_faster_then_by_code(rates: Sequence[Rate], carrier: str) -> None:
    assert carrier_of(plan(a_visit(), TODAY, WEIGHTS, rates)) == carrier


@pytest.mark.requirement("LOG-01")
def test_every_carrier_is_kept_with_the_choice() -> None:
    order = an_order(requested_date=date(2026, 6, 17))
    effect = planned(plan(a_visit(order), TODAY, WEIGHTS, [SLOW, FAST]))
    assert effect.weight_grams == 1_000
    assert effect.comparison == (
        Candidate("SLOW", 1_200, 5, date(2026, 6, 20), False),
        Candidate("FAST", 5_900, 1, date(2026, 6, 16), True),
    )


@pytest.mark.requirement("LOG-01")
@pytest.mark.parametrize(("grams", "freight"), [(0, 1_000), (1, 1_200), (1_000, 1_200), (1_001, 1_400)])
def test_every_kilogram_begun_is_paid_for(grams: int, freight: int) -> None:
    (candidate,) = compare([SLOW], grams, TODAY, TODAY, "CNY", POLICY.rates)
    assert candidate.freight_minor == freight


@pytest.mark.requirement("LOG-01")
@pytest.mark.parametrize(("dollars_minor", "carrier"), [(140, "ABROAD"), (141, "HOME")])
def test_freight_is_compared_in_one_currency(dollars_minor: int, carrier: str) -> None:
    rates = [Rate("HOME", 1_000, 0, "CNY", 3), Rate("ABROAD", dollars_minor, 0, "USD", 3)]
    effect = planned(plan(a_visit(), TODAY, WEIGHTS, rates))
    assert effect.choice is not None
    assert (effect.choice.carrier, effect.choice.currency) == (carrier, "CNY")
    assert effect.choice.freight_minor == {"ABROAD": 994, "HOME": 1_000}[carrier]


@pytest.mark.requirement("LOG-01")
def test_a_freight_without_exchange_rate_is_shown_but_never_chosen() -> None:
    strange = Rate("STRANGE", 1, 0, "XYZ", 1)
    effect = planned(plan(a_visit(), TODAY, WEIGHTS, [strange, SLOW]))
    assert [one.freight_minor for one in effect.comparison] == [None, 1_200]
    assert effect.choice is not None
    assert effect.choice.carrier == "SLOW"
    assert codes(plan(a_visit(), TODAY, WEIGHTS, [strange])) == ["carrier.none_serves"]


@pytest.mark.requirement("LOG-01", "LOG-08")
def test_where_none_is_in_time_a_person_is_told_the_earliest_date_and_agreeing_takes_the_fastest() -> None:
    order = an_order(requested_date=TODAY)
    outcome = plan(a_visit(order), TODAY, WEIGHTS, [SLOW, FAST, replace(FAST, carrier="DEAR", base_fee_minor=9_000)])
    assert isinstance(outcome, Referred)
    (told,) = outcome.findings
    assert told.code == "carrier.none_in_time"
    assert told.values == {"requested": "2026-06-15", "earliest": "2026-06-16", "carrier": "FAST"}
    choice = planned(outcome).choice
    assert choice is not None
    assert (choice.carrier, choice.arrival, choice.promised_date) == ("FAST", date(2026, 6, 16), date(2026, 6, 16))


@pytest.mark.requirement("LOG-01")
def test_where_none_serves_the_place_agreeing_arranges_it_by_hand() -> None:
    outcome = plan(a_visit(), TODAY, WEIGHTS, [])
    assert isinstance(outcome, Referred)
    assert outcome.findings[0].values == {"country": "CN", "region": "上海"}
    effect = planned(outcome)
    assert (effect.choice, effect.comparison, effect.weight_grams) == (None, (), 1_000)


@pytest.mark.requirement("LOG-08")
def test_the_requested_date_is_promised_although_the_goods_come_earlier() -> None:
    choice = planned(plan(a_visit(), TODAY, WEIGHTS, [FAST])).choice
    assert choice is not None
    assert (choice.arrival, choice.promised_date) == (date(2026, 6, 16), date(2026, 7, 15))


@pytest.mark.requirement("LOG-01")
def test_an_unknown_weight_goes_to_a_person_once_per_product_and_the_rest_is_weighed() -> None:
    order = an_order(lines=(a_line("P001", 10), a_line("P404", 1), a_line("P404", 2)))
    outcome = plan(a_visit(order), TODAY, WEIGHTS, [SLOW])
    assert isinstance(outcome, Referred)
    assert [(each.code, each.subject) for each in outcome.findings] == [("weight.unknown", "P404")]
    assert planned(outcome).weight_grams == 3_000
    assert carrier_of(outcome) == "SLOW"


CANDIDATES = st.lists(
    st.builds(
        Candidate,
        st.sampled_from("ABCDEF"),
        st.none() | st.integers(0, 5),
        st.integers(0, 3),
        st.just(TODAY),
        st.booleans(),
    ),
    unique_by=lambda one: one.carrier,
)


@pytest.mark.requirement("LOG-01")
@given(CANDIDATES)
def test_nothing_better_is_ever_left_standing(comparison: list[Candidate]) -> None:
    best = choose(comparison)
    known = [one for one in comparison if one.freight_minor is not None]
    if best is None:
        assert not known
        return
    assert best in known
    rivals = [one for one in known if one.in_time] or known
    assert best in rivals
    if best.in_time:
        assert all((best[1], best[2], best[0]) <= (one[1], one[2], one[0]) for one in rivals)
    else:
        assert all((best[2], best[1], best[0]) <= (one[2], one[1], one[0]) for one in rivals)
    assert choose(comparison[::-1]) == best


# -- the shipment ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("LOG-06")
def test_a_ready_order_leaves_with_carrier_time_and_packages() -> None:
    visit = a_visit()
    outcome = ship(visit, READY)
    assert isinstance(outcome, Passed)
    assert outcome.effects == (Shipment(visit.order, "FAST", 2, 1_050, NOW),)


@pytest.mark.requirement("LOG-06")
def test_what_has_left_does_not_leave_again() -> None:
    outcome = ship(a_visit(), Papers(tracking_number="TRK-20260615-000001"))
    assert isinstance(outcome, Passed)
    assert outcome.effects == ()


@pytest.mark.requirement("LOG-07")
@pytest.mark.parametrize(
    ("goods", "missing"),
    [
        (replace(READY.goods, packed=False), ["ship.not_packed"]),
        (replace(READY.goods, inspected=False), ["ship.not_inspected"]),
        (replace(READY.goods, inspection_passed=False), ["ship.inspection_failed"]),
        (Readiness(), ["ship.not_packed", "ship.not_inspected"]),
    ],
)
def test_unfinished_warehouse_work_is_named_and_agreeing_ships(goods: Readiness, missing: list[str]) -> None:
    outcome = ship(a_visit(), replace(READY, goods=goods))
    assert isinstance(outcome, Referred)
    assert codes(outcome) == missing
    assert [type(effect) for effect in outcome.effects] == [Shipment]


@pytest.mark.requirement("LOG-07", "SET-01")
@pytest.mark.parametrize(("paid", "leaves"), [(40_001, True), (40_000, True), (39_999, False), (0, False)])
def test_prepaid_goods_leave_once_the_last_minor_unit_is_paid(paid: int, leaves: bool) -> None:
    order = an_order(payment={"method": "wire", "terms": "prepaid"})
    outcome = ship(a_visit(order), replace(READY, payment=Payment(40_000, paid)))
    if leaves:
        assert isinstance(outcome, Passed)
        return
    assert isinstance(outcome, Waiting)
    assert outcome.keys == (f"payment:{order.id}",)
    assert outcome.findings[0].values["missing_minor"] == 40_000 - paid
    assert outcome.effects == ()


@pytest.mark.requirement("LOG-07")
def test_a_prepaid_order_that_finance_does_not_know_counts_as_unpaid() -> None:
    order = an_order(payment={"method": "wire", "terms": "prepaid"})
    outcome = ship(a_visit(order), replace(READY, payment=None))
    assert codes(outcome) == ["ship.unpaid"]


@pytest.mark.requirement("LOG-07")
def test_goods_on_credit_leave_unpaid() -> None:
    assert isinstance(ship(a_visit(), replace(READY, payment=Payment(40_000, 0))), Passed)


@pytest.mark.requirement("LOG-07")
def test_an_unapproved_order_waits_whoever_agrees() -> None:
    outcome = ship(structs.replace(a_visit(), agreed=True), replace(READY, approved=False))
    assert isinstance(outcome, Waiting)
    assert codes(outcome) == ["ship.not_approved"]
    assert (outcome.keys, outcome.until) == ((), NOW + CHECKED_EVERY)


@pytest.mark.requirement("LOG-07")
def test_everything_missing_is_named_at_once() -> None:
    order = an_order(payment={"method": "wire", "terms": "prepaid"})
    assert codes(ship(a_visit(order), Papers())) == [
        "ship.not_approved",
        "ship.unpaid",
        "ship.not_packed",
        "ship.not_inspected",
        "ship.no_carrier",
    ]


@pytest.mark.requirement("LOG-07")
@pytest.mark.parametrize("terms", ["prepaid", "net_30"])
def test_only_what_the_definition_has_is_demanded(terms: str) -> None:
    visit = a_visit(an_order(payment={"method": "wire", "terms": terms}), activities=["logistics.ship"])
    outcome = ship(visit, Papers(approved=True))
    assert isinstance(outcome, Passed)
    assert outcome.effects == (Shipment(visit.order, None, None, None, NOW),)


@pytest.mark.requirement("LOG-07")
@pytest.mark.parametrize(("reserved", "missing"), [(True, []), (False, ["ship.not_reserved"])])
def test_without_preparation_a_reservation_is_enough(reserved: bool, missing: list[str]) -> None:
    visit = a_visit(activities=["warehouse.reserve", "logistics.ship"])
    outcome = ship(visit, Papers(approved=True, goods=Readiness(reserved=reserved)))
    assert missing == (codes(outcome) if isinstance(outcome, Referred) else [])


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("department", ["logistics", "after_sales"])
def test_every_finding_has_its_words_in_both_languages(department: str) -> None:
    root = Path(__file__).parents[2]
    words: dict[str, dict[str, Any]] = tomllib.loads(
        (root / f"shared/locale/findings/{department}.toml").read_text(encoding="utf-8")
    )
    source = "".join(file.read_text(encoding="utf-8") for file in (root / "workers" / department).glob("*.py"))
    told = {code for code in re.findall(r'"([a-z]+\.[a-z_]+)"', source) if code.split(".")[0] in AREAS}
    assert told == set(words)
    assert all(set(entry) == {"zh", "en", "remedy_zh", "remedy_en"} for entry in words.values())


AREAS = {
    "carrier", "case", "weight", "ship", "delivery", "receipt", "survey", "archive", "promise", "person", "note",
    "rest",
}  # fmt: skip
