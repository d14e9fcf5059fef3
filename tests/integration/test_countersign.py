"""会签: everybody named must agree, against a real PostgreSQL and all departments."""

import pytest

from tests.support.definitions import step
from tests.support.desk import APPROVE, Desk, desk, steps

__all__ = ["desk"]

BOTH = step("both", sign="all", roles=["sales_manager", "purchasing"], **APPROVE)
LAST = step("last", roles=["finance_clerk"], reaches="approved", **APPROVE)


@steps(BOTH, LAST)
@pytest.mark.requirement("APR-06")
def test_the_next_step_opens_only_when_everybody_has_agreed(desk: Desk) -> None:
    (order,) = desk.open()
    assert desk.count("core.user_tasks", "status = 'open'") == 2
    refused = desk.agree(desk.task(order, "both.purchasing"), "max")
    assert refused
    assert refused.code == "task.role"
    assert desk.agree(desk.task(order, "both.sales_manager"), "max") is None
    assert desk.count("core.user_tasks", "step = 'last'") == 0
    assert desk.agree(desk.task(order, "both.purchasing"), "pia") is None
    assert desk.agree(desk.task(order, "last"), "fiona") is None
    assert desk.states().popitem()[1] == "archived"
    desk.assert_clean()


@steps(BOTH, LAST)
@pytest.mark.requirement("APR-06", "APR-08")
def test_one_disagreement_returns_the_order_and_closes_the_tasks_of_the_others(desk: Desk) -> None:
    (order,) = desk.open()
    other = desk.task(order, "both.purchasing")
    assert desk.disagree(desk.task(order, "both.sales_manager"), "max") is None
    assert desk.states().popitem()[1] == "returned"
    assert desk.count("core.user_tasks", "status = 'open'") == 0
    refused = desk.agree(other, "pia")
    assert refused
    assert refused.code == "task.closed"
    desk.assert_clean()
