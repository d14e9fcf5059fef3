"""Choosing a supplier: who may be chosen, what the scores are, who wins. Exact at every boundary."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import policy
from workers.warehouse.supplier_rules import (
    Candidate,
    Comparison,
    Demand,
    Evaluation,
    Quotation,
    Record,
    Supplier,
    compare,
    few_quotations,
    hundredths,
)

POLICY = policy.load().get("standard@1")
TODAY = date(2026, 6, 15)
NEEDED = date(2026, 7, 1)
DEMAND = Demand("P1", 100, NEEDED)
GOOD = Evaluation(passed=True, score=90)


def a_supplier(code: str = "S1", **changes: Any) -> Supplier:
    return replace(Supplier(code, True, 80, 80, 80, 60, 60, 60, GOOD), **changes)


def a_quotation(supplier: str = "S1", **changes: Any) -> Quotation:
    one = Quotation(supplier, "P1", TODAY - timedelta(days=10), NEEDED, 1, 7, "CNY", 1_000)
    return replace(one, **changes)


def compared(*quotations: Quotation, suppliers: tuple[Supplier, ...] | None = None) -> Comparison:
    known = suppliers or tuple(a_supplier(code) for code in {each.supplier for each in quotations})
    return compare(
        DEMAND, quotations, {one.code: one for one in known}, TODAY, POLICY.supplier_weights, POLICY.rates, "CNY"
    )


def order_of(comparison: Comparison) -> list[str]:
    return [each.quotation.supplier for each in comparison.candidates]


@pytest.mark.requirement("SUP-02", "SUP-04")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"valid_from": TODAY, "valid_until": TODAY}, None),
        ({"valid_until": TODAY - timedelta(days=1)}, "expired"),
        ({"minimum_quantity": 100}, None),
        ({"minimum_quantity": 101}, "below_minimum"),
        ({"lead_time_days": 16}, None),  # arrives on the very day
        ({"lead_time_days": 17}, "too_late"),
        ({"currency": "XXX"}, "no_rate"),
    ],
)
def test_a_quotation_counts_while_it_is_valid_large_enough_and_in_time(
    changes: dict[str, Any], reason: str | None
) -> None:
    found = compared(a_quotation(**changes))
    assert dict(found.excluded) == ({"S1": reason} if reason else {})
    assert order_of(found) == ([] if reason else ["S1"])


def test_a_quotation_that_has_not_begun_or_is_of_another_product_is_not_there() -> None:
    tomorrow = TODAY + timedelta(days=1)
    found = compared(a_quotation(valid_from=tomorrow), a_quotation("S2", product="P2"))
    assert (order_of(found), dict(found.excluded)) == ([], {})


def test_of_two_quotations_of_one_supplier_the_later_counts() -> None:
    newer = a_quotation(valid_from=TODAY, unit_price_minor=900)
    (one,) = compared(newer, a_quotation()).candidates
    assert one.quotation == newer


@pytest.mark.requirement("SUP-03")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"evaluation": None}, "not_evaluated"),
        ({"evaluation": Evaluation(passed=False, score=100)}, "not_evaluated"),
        ({"active": False}, "inactive"),
    ],
)
def test_without_a_passed_evaluation_a_supplier_cannot_be_selected(changes: dict[str, Any], reason: str) -> None:
    assert dict(compared(a_quotation(), suppliers=(a_supplier(**changes),)).excluded) == {"S1": reason}


def test_who_is_not_known_cannot_be_selected() -> None:
    assert dict(compared(a_quotation("S9"), suppliers=(a_supplier(),)).excluded) == {"S9": "inactive"}


@pytest.mark.requirement("SUP-04")
def test_scores_follow_what_really_happened() -> None:
    fresh = a_supplier(evaluation=Evaluation(passed=True, score=90), punctuality=50)
    assert [fresh.quality(), fresh.delivery(), fresh.service()] == [90, 70, 60]
    seen = replace(fresh, record=Record(receipts=4, late=1, delivered=200, bad=20))
    assert seen.quality() == 81  # 90 less a tenth
    assert seen.delivery() == Fraction(80 + 75 + 80, 3)  # three of four came in time
    assert replace(fresh, record=Record(receipts=3, late=3, delivered=5, bad=9)).quality() == 0
    assert replace(fresh, evaluation=None).quality() == 0


@pytest.mark.requirement("SUP-05")
def test_the_score_is_the_weighted_sum_and_price_is_lowest_over_this() -> None:
    cheap, dear = a_quotation("S1", unit_price_minor=900), a_quotation("S2", unit_price_minor=1_200)
    suppliers = (a_supplier("S1"), a_supplier("S2", evaluation=Evaluation(passed=True, score=100)))
    first, second = compared(cheap, dear, suppliers=suppliers).candidates
    assert first.quotation.supplier == "S1"
    assert [first.price, second.price] == [100, 75]
    assert first.total == Fraction(40 * 90 + 25 * 80 + 20 * 100 + 15 * 60, 100)
    assert second.total == Fraction(40 * 100 + 25 * 80 + 20 * 75 + 15 * 60, 100)
    assert first.total - second.total == 1
    assert first.as_data() == {
        "supplier": "S1",
        "cost_minor": 90_000,
        "quality_hundredths": 9_000,
        "delivery_hundredths": 8_000,
        "price_hundredths": 10_000,
        "service_hundredths": 6_000,
        "total_hundredths": 8_500,
    }


@pytest.mark.requirement("SUP-05")
def test_ties_go_to_the_lower_price_then_to_the_code() -> None:
    # 20 points of price make up for 2 of quality at 40: S2 is dearer by a tenth and better by exactly as much.
    cheap, dear = a_quotation("S1", unit_price_minor=900), a_quotation("S2", unit_price_minor=1_000)
    suppliers = (
        a_supplier("S1", evaluation=Evaluation(passed=True, score=90)),
        a_supplier("S2", evaluation=Evaluation(passed=True, score=95)),
    )
    found = compared(dear, cheap, suppliers=suppliers)
    assert found.candidates[0].total == found.candidates[1].total
    assert order_of(found) == ["S1", "S2"]
    assert found.reason() == "lower_price"
    assert order_of(compared(a_quotation("S2"), a_quotation("S1"))) == ["S1", "S2"]


@pytest.mark.requirement("SUP-02")
def test_prices_are_compared_in_the_base_currency() -> None:
    dollars = a_quotation("S1", currency="USD", unit_price_minor=140)  # 1.40 USD × 7.1 = 9.94 CNY
    yen = a_quotation("S2", currency="JPY", unit_price_minor=212)  # 212 JPY × 0.047 = 9.964 CNY
    found = compared(dollars, yen)
    assert [each.cost_minor for each in found.candidates] == [99_400, 99_640]
    assert found.candidates[1].price == Fraction(99_400 * 100, 99_640)


@pytest.mark.requirement("SUP-02")
def test_fewer_than_two_need_a_reason() -> None:
    alone = compared(a_quotation("S1"), a_quotation("S2", lead_time_days=60))
    assert alone.too_few
    assert few_quotations(DEMAND, alone).values == {"quantity": 100, "supplier": "S1"}
    assert (alone.reason(), alone.reason(" 独家供应 ")) == ("only_one", "独家供应")
    two = compared(a_quotation("S1"), a_quotation("S2", unit_price_minor=2_000))
    assert not two.too_few
    assert two.reason() == "highest_score"


def test_scores_are_kept_rounded_half_up() -> None:
    assert [hundredths(Fraction(200, 3)), hundredths(Fraction(1, 200)), hundredths(Fraction(1, 201))] == [6667, 1, 0]


_scores = st.integers(0, 100)
_PARTS = ("capacity", "punctuality", "coordination", "after_sales", "technical_support", "problem_solving")


@st.composite
def suppliers_and_quotations(draw: st.DrawFn) -> list[tuple[Supplier, Quotation]]:
    found = []
    for place in range(draw(st.integers(1, 6))):
        code = f"S{place}"
        delivered, receipts = draw(st.integers(0, 50)), draw(st.integers(0, 9))
        record = Record(receipts, draw(st.integers(0, receipts)), delivered, draw(st.integers(0, delivered)))
        parts = {name: draw(_scores) for name in _PARTS}
        evaluation = draw(st.none() | st.builds(Evaluation, st.booleans(), _scores))
        supplier = a_supplier(code, evaluation=evaluation, record=record, **parts)
        price = draw(st.integers(1, 10_000))
        quotation = a_quotation(code, unit_price_minor=price, lead_time_days=draw(st.integers(0, 20)))
        found.append((supplier, quotation))
    return found


@pytest.mark.requirement("SUP-05")
@given(suppliers_and_quotations())
def test_nobody_better_is_passed_over_whatever_the_order(
    given_: list[tuple[Supplier, Quotation]],
) -> None:
    suppliers, quotations = zip(*given_, strict=True)
    found = compared(*quotations, suppliers=suppliers)
    assert {*order_of(found), *found.excluded} == {one.code for one in suppliers}
    assert not {*order_of(found)} & {*found.excluded}
    for each in found.candidates:
        assert 0 <= each.total <= 100
        assert 0 < each.price <= 100
    assert all(_not_worse(one, other) for one, other in zip(found.candidates, found.candidates[1:], strict=False))
    assert compared(*reversed(quotations), suppliers=suppliers) == found


def _not_worse(one: Candidate, other: Candidate) -> bool:
    return (-one.total, one.cost_minor) <= (-other.total, other.cost_minor)


@pytest.mark.requirement("SUP-05")
def test_quality_weighs_most_and_the_weights_make_a_hundred() -> None:
    assert dict(POLICY.supplier_weights) == {"quality": 40, "delivery": 25, "price": 20, "service": 15}
    assert sum(POLICY.supplier_weights.values()) == 100
    assert POLICY.rates["CNY"] == Decimal(1)
