"""Allocating production: which unit, on which days, with which load. Exact at every boundary."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.warehouse.production_rules import (
    Allocation,
    Capacity,
    Material,
    Share,
    Unit,
    allocate,
    delays_promise,
    materials,
    missing_materials,
    shortfall,
    unconfirmed,
)

MONDAY = date(2026, 6, 15)
DAYS = [MONDAY + timedelta(days=place) for place in range(5)]
BOTH = frozenset({"P1", "P2"})


def units(*capacities: int) -> list[Unit]:
    return [Unit(f"U{place}", capacity, BOTH) for place, capacity in enumerate(capacities, 1)]


def allocated(quantity: int, needed_by: date, capacity: Capacity, product: str = "P1") -> Allocation:
    found = allocate(product, quantity, needed_by, capacity)
    assert found is not None
    return found


@pytest.mark.requirement("PRD-01")
def test_the_unit_with_the_lowest_load_afterwards_makes_it() -> None:
    capacity = Capacity(units(10, 20), DAYS, committed={("U2", MONDAY): 20})
    found = allocated(10, DAYS[1], capacity)
    # U1: 10 of 20; U2: 20 + 10 of 40.
    assert (found.unit, found.load, found.shares) == ("U1", Fraction(1, 2), (Share(MONDAY, 10),))
    more = allocated(11, DAYS[1], capacity)
    # U1: 11 of 20; U2: 31 of 40.
    assert (more.unit, more.load) == ("U1", Fraction(11, 20))
    capacity.committed["U2", MONDAY] = 0
    assert allocated(11, DAYS[1], capacity).unit == "U2"


@pytest.mark.requirement("PRD-01")
def test_ties_go_to_the_earlier_finish_then_to_the_code() -> None:
    # Both are at three quarters afterwards; U2 has its first day free and is ready sooner.
    capacity = Capacity(units(10, 10), DAYS, committed={("U1", DAYS[0]): 10, ("U2", DAYS[1]): 10})
    found = allocated(5, DAYS[1], capacity)
    assert (found.unit, found.finishes_on, found.load) == ("U2", DAYS[0], Fraction(3, 4))
    assert allocated(5, DAYS[1], Capacity(units(10, 10), DAYS)).unit == "U1"


@pytest.mark.requirement("PRD-01")
def test_a_hundred_percent_is_allowed_and_not_one_piece_more() -> None:
    capacity = Capacity(units(10), DAYS, committed={("U1", MONDAY): 5})
    full = allocated(15, DAYS[1], capacity)
    assert full.shares == (Share(DAYS[0], 5), Share(DAYS[1], 10))
    assert full.in_time
    assert full.load == 1
    over = allocated(16, DAYS[1], capacity)
    assert (over.in_time, over.finishes_on) == (False, DAYS[2])


@pytest.mark.requirement("PRD-01")
def test_where_nobody_is_in_time_the_earliest_feasible_date_is_known() -> None:
    capacity = Capacity(units(10, 15), DAYS)
    late = allocated(40, DAYS[0], capacity)
    assert (late.unit, late.finishes_on, late.in_time) == ("U2", DAYS[2], False)
    assert allocate("P1", 76, DAYS[4], capacity) is None  # more than all days that are planned
    assert allocate("P9", 1, DAYS[4], capacity) is None  # nobody makes it
    assert allocate("P1", 1, DAYS[0], Capacity(units(10), [])) is None


@pytest.mark.requirement("PRD-01")
def test_a_day_whose_capacity_was_set_apart_keeps_it() -> None:
    capacity = Capacity(units(10), DAYS, capacity={("U1", MONDAY): 4})
    assert allocated(5, DAYS[1], capacity).shares == (Share(DAYS[0], 4), Share(DAYS[1], 1))
    assert allocated(5, DAYS[1], capacity).load == Fraction(5, 14)


@pytest.mark.requirement("PRD-01")
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 4)), max_size=12),
)
def test_no_day_is_ever_overbooked_and_no_lower_load_passed_over(
    capacities: list[int], demands: list[tuple[int, int]]
) -> None:
    capacity = Capacity(units(*capacities), DAYS)
    for quantity, day in demands:
        found = allocate("P1", quantity, DAYS[day], capacity)
        if found is None:
            assert all(_free(unit, capacity) < quantity for unit in capacity.units)
            continue
        assert sum(share.quantity for share in found.shares) == quantity
        if found.in_time:
            assert found.load <= 1
            for unit in capacity.units:
                alone = allocate("P1", quantity, DAYS[day], Capacity([unit], DAYS, {}, capacity.committed))
                assert alone is None or not alone.in_time or found.load <= alone.load
        capacity.take(found)
        assert all(capacity.free(unit, each) >= 0 for unit in capacity.units for each in DAYS)


def _free(unit: Unit, capacity: Capacity) -> int:
    return sum(capacity.free(unit, day) for day in capacity.days)


@pytest.mark.requirement("PRD-02")
def test_a_plan_shows_what_material_is_short() -> None:
    needed = materials(10, {"M2": 3, "M1": 1}, {"M1": 10, "M2": 29})
    assert needed == (Material("M1", 10, 10), Material("M2", 30, 29))
    (found,) = missing_materials("MO-1", needed)
    assert (found.code, found.subject) == ("production.material_short", "M2")
    assert found.values == {"plan": "MO-1", "needed": 30, "short_by": 1}


@pytest.mark.requirement("PRD-02")
def test_work_starts_once_every_department_has_confirmed() -> None:
    wanted = ("production_planner", "purchasing", "warehouse_keeper")
    assert unconfirmed(wanted, {"purchasing"}) == ("production_planner", "warehouse_keeper")
    assert unconfirmed(wanted, wanted) == ()


@pytest.mark.requirement("PRD-03", "PRD-04")
def test_boundaries_of_delay_and_shortfall() -> None:
    assert not delays_promise(MONDAY, MONDAY)
    assert delays_promise(DAYS[1], MONDAY)
    assert [shortfall(10, good) for good in (9, 10, 11)] == [1, 0, 0]
