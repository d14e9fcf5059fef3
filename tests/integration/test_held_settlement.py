"""Lines with an open receipt exception: their order is neither billed nor settled until the case is closed."""

import pytest

from tests.integration.test_cases import closed, delivered, opened, order_id, shipped, state
from tests.support.definitions import step
from tests.support.journey import hire
from tests.support.office import Office
from tests.support.supply import tell

CLERK = {"roles": ["after_sales_clerk"], "on_disagree": "repeat"}
BILLED = "select count(*) from finance.invoices"
WAITS = "select key from core.waits order by key"


@pytest.fixture
def company(office: Office) -> Office:
    """Everybody is there; what the customer has got is settled."""
    hire(office)
    office.follows(
        step("reserve", activity="warehouse.reserve", roles=["warehouse_keeper"], reaches="reserved"),
        step("prepare", activity="warehouse.prepare", roles=["warehouse_keeper"], reaches="prepared"),
        step("plan", activity="logistics.plan", roles=["logistics_clerk"]),
        step("ship", activity="logistics.ship", roles=["logistics_clerk"], reaches="shipped"),
        step("receipt", activity="after_sales.receipt", reaches="received", **CLERK),
        step("settle", activity="finance.settle", roles=["finance_clerk"], on_disagree="repeat", reaches="settled"),
        step("archive", activity="after_sales.archive", reaches="archived", **CLERK),
        ends_in="archived",
    )
    return office


@pytest.mark.requirement("AFT-03", "SET-08")
def test_an_open_exception_holds_the_settlement_and_closing_its_case_releases_it(company: Office) -> None:
    number = shipped(company)
    delivered(company, number)
    case = opened(company, number, "exception", exception="damaged", lines=[{"line": 1, "quantity": 2}])
    assert tell(company, "receipt_confirmed", order=number) == []
    id_ = order_id(company, number)
    assert company.rows(WAITS) == [(f"case:{id_}",), (f"payment:{id_}",)]
    told = (
        "select data->'findings' from core.events where kind = 'waiting' and step = 'settle' order by seq desc limit 1"
    )
    ((findings,),) = company.rows(told)
    assert "settlement.held" in str(findings)
    assert case in str(findings)

    paid = {"order": number, "reference": "R-1", "amount": "50.00", "currency": "CNY", "method": "wire"}
    assert tell(company, "payment_received", **paid) == []
    assert (company.rows(WAITS), company.rows(BILLED)) == ([(f"case:{id_}",)], [(0,)])
    assert state(company, number) == "received"

    assert closed(company, case) == []
    assert (company.rows(WAITS), company.rows(BILLED)) == ([], [(1,)])
    assert company.rows("select settled_at is not null from finance.receivables") == [(True,)]
    assert state(company, number) == "archived"
    company.assert_clean()
