"""Steps of after-sales in processes: nobody is asked while no case is open, and nothing goes on while one is."""

from datetime import timedelta
from typing import Any

import pytest

from tests.integration.test_cases import CLERK, closed, delivered, opened, shipped, state
from tests.support.definitions import step
from tests.support.journey import hire
from tests.support.office import Office
from tests.support.supply import tell

ONE = [{"line": 1, "quantity": 1}]
KEEPER = ["warehouse_keeper"]


def company(office: Office, activity: str) -> Office:
    """Goods are shipped and received; then comes the step."""
    hire(office)
    clerk: dict[str, Any] = {"roles": ["after_sales_clerk"], "on_disagree": "repeat"}
    office.follows(
        step("reserve", activity="warehouse.reserve", roles=KEEPER, reaches="reserved"),
        step("prepare", activity="warehouse.prepare", roles=KEEPER, reaches="prepared"),
        step("plan", activity="logistics.plan", roles=["logistics_clerk"]),
        step("ship", activity="logistics.ship", roles=["logistics_clerk"], reaches="shipped"),
        step("receipt", activity="after_sales.receipt", reaches="received", **clerk),
        step("handling", activity=f"after_sales.{activity}", **clerk),
        ends_in="ended",
    )
    return office


@pytest.mark.parametrize(
    ("activity", "kind", "more", "end"),
    [
        pytest.param(
            "receipt_exceptions", "exception", {"exception": "damaged", "lines": ONE}, {},
            marks=pytest.mark.requirement("AFT-03"),
        ),
        pytest.param(
            "returns", "return", {"lines": ONE}, {"outcome": "rejected"}, marks=pytest.mark.requirement("AFT-04")
        ),
        pytest.param("repair", "repair", {"product": "P003"}, {}, marks=pytest.mark.requirement("AFT-06")),
        pytest.param("support", "support", {}, {}, marks=pytest.mark.requirement("AFT-06")),
        pytest.param(
            "complaints", "complaint", {}, {"feedback": "客户接受"}, marks=pytest.mark.requirement("AFT-07")
        ),
    ],
)  # fmt: skip
def test_an_order_waits_at_the_step_for_cases_of_its_kind_and_for_no_others(
    office: Office, activity: str, kind: str, more: dict[str, Any], end: dict[str, str]
) -> None:
    company(office, activity)
    number, quiet, other = shipped(office), shipped(office), shipped(office)
    for each in (number, quiet, other):
        delivered(office, each)
    case = opened(office, number, kind, **more)
    opened(office, other, "support" if kind == "complaint" else "complaint")
    for each in (number, quiet, other):
        assert tell(office, "receipt_confirmed", order=each) == []
    assert [state(office, each) for each in (number, quiet, other)] == ["received", "ended", "ended"]
    assert office.rows("select step, split_part(key, ':', 1) from core.waits") == [("handling", "case")]
    assert office.rows("select from core.user_tasks where status = 'open'") == []
    assert closed(office, case, **end) == []
    assert state(office, number) == "ended"
    office.assert_clean()


@pytest.mark.requirement("AFT-02")
def test_what_the_customer_says_on_the_phone_is_kept_with_the_receipt(office: Office) -> None:
    company(office, "complaints")
    number, at = shipped(office), office.now
    ((slip,),) = office.rows("select tracking_number from logistics.shipments")
    office.now += timedelta(days=8)
    assert tell(office, "delivered", order=number, tracking_number=slip, occurred_at=at.isoformat()) == []
    office.decide("agree", CLERK, reason="王芳:货物齐全,包装很好")
    office.work()
    assert office.rows("select reported_by, remarks from after_sales.receipts") == [(None, "王芳:货物齐全,包装很好")]
    office.assert_clean()
