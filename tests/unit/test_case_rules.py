"""What is refused about cases, to the piece."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from messages.facts.after_sales import CaseClosed, CaseOpened
from shared.department import Passed, Waiting
from tests.support.fulfilment import visit
from tests.support.orders import an_order
from workers.after_sales.case_rules import Case, Gone, Sold, refuse_closing, refuse_opening, refuse_person, refuse_work
from workers.after_sales.rules import Closing, archive

NOW = datetime(2026, 6, 20, tzinfo=UTC)
HEAD: dict[str, Any] = {"source": "shop", "fact_id": "f", "occurred_at": NOW}
ORDER = an_order()
LINE = ORDER.lines[0]


def opened(kind: str, **said: Any) -> CaseOpened:
    if kind == "exception":
        said = {"exception": "short", **said}
    return CaseOpened(order=ORDER.number, case_kind=kind, reason="坏了", **HEAD, **said)  # type: ignore[arg-type]


def closed(**said: Any) -> CaseClosed:
    return CaseClosed(case="CS-1", by="xu.jing", **{"outcome": "done", "result": "ok", **HEAD, **said})


def sold(delivered: int = 5, returned: int = 0, shipped: bool = True) -> Sold:
    return Sold(ORDER, 1, shipped, {LINE.number: Gone(delivered, returned)})


def lines(quantity: int, number: int = LINE.number) -> tuple[dict[str, int], ...]:
    return ({"line": number, "quantity": quantity},)


@pytest.mark.requirement("AFT-04")
@pytest.mark.parametrize("kind", ["return", "exchange"])
@pytest.mark.parametrize(("quantity", "returned", "found"), [(5, 0, []), (3, 2, []), (4, 2, ["case.beyond_delivered"])])
def test_what_goes_back_was_delivered_and_is_not_back_already(
    kind: str, quantity: int, returned: int, found: list[str]
) -> None:
    reasons = refuse_opening(opened(kind, lines=lines(quantity)), sold(returned=returned))
    assert [each.code for each in reasons] == found
    assert all(each.values["most"] == 5 - returned for each in reasons)


@pytest.mark.requirement("AFT-04")
def test_a_line_that_was_not_delivered_does_not_go_back_and_all_faults_are_named() -> None:
    nothing = Sold(ORDER, 1, True, {})
    both = (*lines(1), {"line": 99, "quantity": 1})
    assert [each.code for each in refuse_opening(opened("return", lines=both), nothing)] == [
        "case.beyond_delivered",
        "case.line_unknown",
    ]


@pytest.mark.requirement("AFT-03")
def test_a_receipt_exception_is_about_goods_that_left_and_not_more_than_ordered() -> None:
    said = opened("exception", lines=lines(LINE.quantity))
    assert refuse_opening(said, sold()) == []
    assert [each.code for each in refuse_opening(said, sold(shipped=False))] == ["case.not_shipped"]
    more = opened("exception", lines=lines(LINE.quantity + 1))
    assert [each.code for each in refuse_opening(more, sold())] == ["case.beyond_ordered"]


@pytest.mark.requirement("AFT-04", "AFT-06")
@pytest.mark.parametrize(
    "said",
    [
        {"case_kind": "return"},
        {"case_kind": "exception", "lines": lines(1)},
        {"case_kind": "support", "exception": "late"},
        {"case_kind": "repair"},
        {"case_kind": "exchange", "lines": (*lines(1), *lines(2))},
        {"case_kind": "return", "lines": lines(1), "reason": "  "},
        {"case_kind": "return", "lines": lines(0)},
    ],
)
def test_what_a_kind_of_case_needs_is_a_field_error(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CaseOpened(order="SO-1", **{"reason": "x", **HEAD, **said})


@pytest.mark.requirement("AFT-06")
def test_only_what_was_ordered_is_repaired() -> None:
    assert refuse_opening(opened("repair", product=LINE.product), sold()) == []
    assert [each.code for each in refuse_opening(opened("repair", product="X9"), sold())] == [
        "case.product_not_ordered"
    ]


@pytest.mark.requirement("AFT-07")
@pytest.mark.parametrize(
    ("kind", "said", "found"),
    [
        ("complaint", {"result": "换新", "feedback": "满意"}, []),
        ("complaint", {"result": "换新", "feedback": " "}, ["case.no_feedback"]),
        ("complaint", {"result": ""}, ["case.no_result", "case.no_feedback"]),
        ("repair", {"result": ""}, ["case.no_result"]),
        ("repair", {"result": "换了电池"}, []),
    ],
)
def test_a_case_is_closed_with_a_result_and_a_complaint_with_feedback(
    kind: str, said: dict[str, str], found: list[str]
) -> None:
    case = Case("CS-1", ORDER.id, kind, True, 0)
    assert [each.code for each in refuse_closing(closed(**said), case)] == found


@pytest.mark.requirement("AFT-05")
def test_a_return_is_done_once_its_goods_are_back() -> None:
    waiting = Case("CS-1", ORDER.id, "return", True, 1)
    assert [each.code for each in refuse_closing(closed(), waiting)] == ["case.goods_not_back"]
    assert refuse_closing(closed(outcome="rejected"), waiting) == []
    assert refuse_closing(closed(), Case("CS-1", ORDER.id, "return", True, 0)) == []


def test_only_open_cases_are_worked_on_and_only_by_those_who_may() -> None:
    case = Case("CS-1", ORDER.id, "repair", True, 0)
    assert refuse_work(case, "CS-1") is None
    assert [found.code for found in (refuse_work(None, "CS-1"),) if found] == ["case.unknown"]
    over = refuse_work(Case("CS-1", ORDER.id, "repair", False, 0), "CS-1")
    assert over is not None
    assert over.code == "case.closed_already"
    assert refuse_person("xu.jing", ["after_sales_clerk"], ("after_sales_clerk",)) is None
    stranger = refuse_person("chu.yi", ["finance_clerk"], ("after_sales_clerk",))
    assert stranger is not None
    assert stranger.code == "case.not_allowed"
    assert refuse_person("gone", None, ("after_sales_clerk",)) is not None


@pytest.mark.requirement("AFT-09")
def test_an_order_with_an_open_case_is_not_archived() -> None:
    waiting = archive(visit(ORDER), Closing(open_cases="CS-1 CS-2"))
    assert isinstance(waiting, Waiting)
    assert waiting.keys == (f"case:{ORDER.id}",)
    assert waiting.findings[0].values == {"cases": "CS-1 CS-2"}
    assert isinstance(archive(visit(ORDER), Closing()), Passed)
