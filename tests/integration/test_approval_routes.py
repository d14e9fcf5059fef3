"""Whom an order is shown to: by amount and special requirements (APR-07), by mode (PRC-09), one after another or all
together (APR-06); over the whole company.
"""

import json
from typing import Any

import pytest

from shared.inbox import user_tasks
from shared.tasks import AGREE, DISAGREE
from tests.support.company import raw
from tests.support.definitions import step
from tests.support.journey import CREATOR, Journey, hire
from tests.support.office import Office


@pytest.fixture
def company(office: Office) -> Office:
    hire(office)
    return office


def worth(total: str, currency: str = "CNY", **more: Any) -> dict[str, Any]:
    """An order of that total, in one piece of one product."""
    lines = [{"product": "P001", "quantity": 1, "unit_price": total}]
    return {
        "lines": lines,
        "total": total,
        "currency": currency,
        "creator": CREATOR,
        "definition": "d11_approval",
        **more,
    }


def asked(journey: Journey) -> list[str]:
    """The steps at which somebody is asked until it is approved: whoever is asked agrees."""
    steps: list[str] = []
    while True:
        journey.office.work()
        if journey.state() != "in_review":
            return steps
        steps += journey.office.rows("select step from core.user_tasks where status = 'open'")[0]
        journey.decide(AGREE)


def distinct(steps: list[str]) -> list[str]:
    return list(dict.fromkeys(steps))


@pytest.mark.requirement("APR-07", "INT-07")
@pytest.mark.parametrize(
    ("order", "senior"),
    [
        (worth("499999.99"), False),
        (worth("500000.00"), True),  # reached means: equal is enough
        (worth("500000.01"), True),
        (worth("70422.53", "USD"), False),  # × 7.1 = 499,999.963
        (worth("70422.54", "USD"), True),  # × 7.1 = 500,000.034
        (worth("100.00", special_requirements="独家供货"), True),
        (worth("100.00", special_requirements="   "), False),
    ],
)
def test_senior_management_is_asked_from_the_threshold_on_or_for_special_requirements(
    company: Office, order: dict[str, Any], senior: bool
) -> None:
    (receipt,) = company.take(raw(**order))
    assert receipt.number
    journey = Journey(company, receipt.number)
    assert distinct(asked(journey)) == ["sales", "finance", "supply", *(["senior"] if senior else [])]


@pytest.mark.requirement("APR-07")
@pytest.mark.parametrize(("first", "second"), [("500000.00", "499999.99"), ("499999.99", "500000.00")])
def test_the_threshold_is_looked_at_anew_with_each_submission(company: Office, first: str, second: str) -> None:
    (receipt,) = company.take(raw(**worth(first)))
    assert receipt.number
    journey = Journey(company, receipt.number)
    journey.go_to_a_person()
    journey.decide(DISAGREE)
    company.work()
    journey.resubmit(raw(**worth(second)))
    assert ("senior" in asked(journey)) == (second == "500000.00")


@pytest.mark.requirement("PRC-09")
def test_a_person_is_shown_the_same_rule_results_in_either_mode(company: Office) -> None:
    """An order over its customer's limit, at a step where rules decide and at one where a person always does."""
    shown = []
    for mode in ("auto", "manual"):
        company.follows(step("finance", mode=mode, roles=["finance_clerk"]))
        over: dict[str, Any] = {"customer": {"code": "C002", "name": "广州南海电器有限公司"}, "external_id": mode}
        (receipt,) = company.take(raw(definition="sample", creator=CREATOR, **over))
        assert receipt.number
        company.work()
        with company.database.transaction() as session:
            (task,) = user_tasks(session, now=company.now, person="finance_clerk.1", order=receipt.number)
        shown.append((task["findings"], task["basis"]))
    assert shown[0] == shown[1]
    (one,) = [each for each in shown[0][0] if each["code"] == "credit.over_limit"]
    assert (one["values"]["exposure_minor"], one["values"]["limit_minor"]) == (40_000, 6_000)
    assert shown[0][1]["risk"] == "high"


@pytest.mark.requirement("PRC-09", "FIN-03")
def test_what_rules_find_nothing_in_passes_alone_only_where_they_decide(company: Office) -> None:
    for mode, state in (("auto", "archived"), ("manual", "in_review")):
        company.follows(step("finance", mode=mode, roles=["finance_clerk"]))
        (receipt,) = company.take(raw(mode, definition="sample", creator=CREATOR))
        assert receipt.number
        company.work()
        assert company.states()[mode] == state
        (data,) = company.rows(
            "select data from core.events join core.order_headers using (order_id)"
            " where number = %s and kind in ('passed', 'referred')",
            receipt.number,
        )[0]
        assert json.loads(data)["basis"]["risk"] == "low"


@pytest.mark.requirement("APR-06")
def test_a_step_opens_once_the_one_before_it_has_agreed_and_a_group_opens_together(company: Office) -> None:
    reviews = {"mode": "manual", "activity": "sales_review.approve"}
    company.follows(
        step("first", roles=["sales_supervisor"], **reviews),
        step("left", roles=["purchasing"], group="both", **reviews),
        step("right", roles=["supply_chain"], group="both", **reviews),
        step("last", roles=["senior_management"], reaches="approved", **reviews),
        ends_in="ended",
    )
    open_steps = "select step from core.user_tasks where status = 'open' order by step"
    (receipt,) = company.take(raw(definition="sample", creator=CREATOR))
    assert receipt.number
    journey = Journey(company, receipt.number)
    company.work()
    assert company.rows(open_steps) == [("first",)]
    journey.decide(AGREE)
    company.work()
    assert company.rows(open_steps) == [("left",), ("right",)]
    journey.decide(AGREE)
    company.work()
    assert (company.rows(open_steps), journey.state()) == ([("right",)], "in_review")  # one of two is not enough
    journey.decide(DISAGREE)
    company.work()
    assert (company.rows(open_steps), journey.state()) == ([], "returned")
    journey.resubmit(raw(definition="sample", creator=CREATOR, special_requirements="改"))
    assert company.rows(open_steps) == [("first",)]
    journey.go_on()
    assert sorted(journey.visited(2)) == ["first", "last", "left", "right"]
    company.assert_clean()
