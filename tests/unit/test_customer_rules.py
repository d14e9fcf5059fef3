"""Classes by sales, at their cut-offs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.sales_review.customer_rules import classify

CUTOFFS = (8_000, 9_500)


@pytest.mark.requirement("CRM-01")
@pytest.mark.parametrize(
    ("sales", "classes"),
    [
        ({}, {}),
        ({"a": 5}, {"a": "A"}),
        ({"a": 0, "b": 0}, {"a": "C", "b": "C"}),
        ({"a": 80, "b": 15, "c": 5}, {"a": "A", "b": "B", "c": "C"}),  # exactly 80 % and 95 % before them
        ({"a": 79, "b": 15, "c": 6}, {"a": "A", "b": "A", "c": "B"}),  # a little less
        ({"b": 50, "a": 50}, {"a": "A", "b": "A"}),
        ({"z": 80, "y": 10, "x": 10}, {"z": "A", "x": "B", "y": "B"}),  # ties by code: 90 % before y
        ({"z": 85, "y": 10, "x": 10}, {"z": "A", "x": "B", "y": "B"}),
        ({"a": 100, "b": 0}, {"a": "A", "b": "C"}),
    ],
)
def test_the_share_of_those_before_decides(sales: dict[str, int], classes: dict[str, str]) -> None:
    assert classify(sales, CUTOFFS) == classes


@pytest.mark.requirement("CRM-01")
@given(st.dictionaries(st.text(min_size=1, max_size=3), st.integers(0, 10**12), max_size=30))
def test_more_sales_are_never_of_a_lower_class_and_a_covers_the_first_share(sales: dict[str, int]) -> None:
    classes = classify(sales, CUTOFFS)
    ranked = sorted(sales, key=lambda code: (-sales[code], code))
    assert "".join(classes[code] for code in ranked) == "".join(sorted(classes.values()))
    total = sum(sales.values())
    if total:
        assert 10_000 * sum(sales[code] for code in ranked if classes[code] == "A") >= CUTOFFS[0] * total
