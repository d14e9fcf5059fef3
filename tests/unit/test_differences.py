"""What two revisions of a document differ in."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.differences import Difference, differences

pytestmark = pytest.mark.requirement("AUD-01")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner),
    max_leaves=8,
)
ORDER: dict[str, Any] = {
    "customer": {"code": "C1", "name": "明远"},
    "lines": [{"number": 1, "product": "P1", "quantity": 2}, {"number": 2, "product": "P2", "quantity": 3}],
    "total_minor": 500,
    "tags": ["a", "b"],
}


def changed(**changes: Any) -> list[tuple[str, Any, Any]]:
    new = copy.deepcopy(ORDER) | changes
    return [(each.field, each.old, each.new) for each in differences(ORDER, new)]


def test_the_old_and_the_new_value_of_each_changed_field() -> None:
    assert changed() == []
    assert changed(total_minor=501) == [("total_minor", 500, 501)]
    assert changed(customer={"code": "C1", "name": "明珠"}) == [("customer.name", "明远", "明珠")]
    assert changed(tags=["a", "c"]) == [("tags.2", "b", "c")]


def test_lines_are_told_apart_by_their_number() -> None:
    first, second = ORDER["lines"]
    assert changed(lines=[second, first]) == []
    assert changed(lines=[first, second | {"quantity": 4}]) == [("lines.2.quantity", 3, 4)]
    assert changed(lines=[second]) == [("lines.1", first, None)]
    third = {"number": 3, "product": "P3", "quantity": 1}
    assert changed(lines=[first, second, third]) == [("lines.3", None, third)]


def test_what_came_and_what_went() -> None:
    assert changed(reply_date="2026-07-01") == [("reply_date", None, "2026-07-01")]
    assert [(d.field, d.old, d.new) for d in differences({"a": 1, "b": 2}, {"b": 2})] == [("a", 1, None)]


@pytest.mark.parametrize(("old", "new"), [(1, True), (0, False), (1, 1.0), ("1", 1), (None, 0), ([], {})])
def test_what_only_looks_alike_is_not_the_same(old: Any, new: Any) -> None:
    assert differences({"a": old}, {"a": new}) == [Difference("a", old, new)]


@given(JSON)
def test_nothing_differs_from_itself(value: Any) -> None:
    assert differences(value, copy.deepcopy(value)) == []


@given(JSON, JSON)
def test_there_is_a_difference_wherever_two_documents_are_not_the_same(old: Any, new: Any) -> None:
    if repr(old) != repr(new) and sorted(repr(old)) != sorted(repr(new)):
        assert differences({"a": old}, {"a": new})
