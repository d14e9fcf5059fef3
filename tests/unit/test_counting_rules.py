"""What a count changes, and why it may not: all boundaries."""

import json

import pytest
from pydantic import ValidationError

from messages.commands import FACT
from workers.warehouse.counting_rules import Level, Sheet, refuse_decision, refuse_sheet

PLACE = ("P001", "MAIN")


def a_sheet(difference: int, closed: bool = False) -> Sheet:
    return Sheet("PD-1", "wei", closed, {PLACE: difference})


@pytest.mark.requirement("WHS-06")
@pytest.mark.parametrize(
    ("difference", "left"),
    [(-4, None), (-5, 5), (0, None), (10, None), (-10, 0)],
)
def test_what_is_left_must_cover_what_is_reserved_and_blocked(difference: int, left: int | None) -> None:
    found = refuse_decision(a_sheet(difference), "PD-1", "lin", True, {PLACE: Level(10, 4, 2)})
    assert [each.values["left"] for each in found] == ([] if left is None else [left])
    assert refuse_decision(a_sheet(difference), "PD-1", "lin", False, {PLACE: Level(10, 4, 2)}) == []


@pytest.mark.requirement("WHS-06")
@pytest.mark.parametrize(
    ("sheet", "person", "code"),
    [
        (None, "lin", "count.unknown"),
        (a_sheet(1, closed=True), "lin", "count.closed"),
        (a_sheet(1), "wei", "count.own"),
    ],
)
def test_nobody_decides_their_own_count_or_one_that_is_closed(sheet: Sheet | None, person: str, code: str) -> None:
    (found,) = refuse_decision(sheet, "PD-1", person, True, {PLACE: Level(0, 0, 0)})
    assert found.code == code


@pytest.mark.requirement("WHS-06")
def test_a_sheet_is_taken_once_and_names_known_products() -> None:
    assert refuse_sheet("PD-1", (), [PLACE], ["P001"]) == []
    assert [each.code for each in refuse_sheet("PD-1", ["PD-1"], [PLACE], ["P001"])] == ["count.taken_already"]
    assert [each.subject for each in refuse_sheet("PD-1", (), [PLACE, ("X", "A")], ["P001"])] == ["X"]


@pytest.mark.requirement("WHS-06")
@pytest.mark.parametrize("counted", [-1, 1.5, "3"])
def test_a_count_that_cannot_be_is_an_error_of_its_field(counted: object) -> None:
    body = {
        "kind": "stock_counted",
        "source": "hall",
        "fact_id": "1",
        "occurred_at": "2026-06-15T02:00:00Z",
        "sheet": "PD-1",
        "by": "wei",
        "places": [{"product": "P001", "counted": 1}, {"product": "P002", "counted": counted}],
    }
    with pytest.raises(ValidationError) as refused:
        FACT.validate_json(json.dumps(body))
    assert refused.value.errors()[0]["loc"][-3:] == ("places", 1, "counted")
