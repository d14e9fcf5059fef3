"""Orders that wait for their contract (D11, 5. 合同签订): one that says what the order says, signed by both sides."""

import json
import threading
from typing import Any

import pytest

from messages.batch import Batch
from messages.batch import Department as Name
from shared.tasks import AGREE
from tests.support.company import raw
from tests.support.contracts import SIGNED, Review
from tests.support.facts import fact
from tests.support.journey import CREATOR, Journey, hire
from tests.support.office import Office

CHECKED = {"by": "legal_counsel.1", "reputation": "无失信记录", "strength": "注册资本 500 万元"}


@pytest.fixture
def company(office: Office) -> Office:
    hire(office)
    return office


def awaiting_contract(company: Office, external_id: str = "X-1") -> Journey:
    """An order that is approved, and at its contract."""
    journey = Journey.begin(company, "d11_approval", external_id=external_id)
    journey.go_on(until=lambda: journey.state() == "approved")
    return journey


def ready_to_sign(company: Office, **changes: Any) -> Review:
    review = Review.begin(company, **changes)
    review.approve()
    review.tell("counterparty_checked", **CHECKED)
    return review


@pytest.mark.requirement("PRC-02", "CMP-09")
def test_an_approved_order_waits_until_a_contract_that_fits_it_is_signed(company: Office) -> None:
    journey = awaiting_contract(company)
    waits = "select w.step, w.key like 'contract:%%' from core.waits w join core.order_headers h using (order_id)"
    assert company.rows(f"{waits} where number = %s", journey.number) == [("contract", True)]
    other = ready_to_sign(company)  # one for no order wakes nobody
    other.tell("contract_signed", **SIGNED)
    assert (other.state(), journey.visited()[-1]) == ("archived", "supply")
    journey.report()
    assert "contract" in journey.visited()
    (basis,) = company.rows(
        "select data -> 'basis' ->> 'contract' from core.events where step = 'contract' and kind = 'passed'"
    )
    assert basis == ("CT-20260615-000002",)
    company.assert_clean()


@pytest.mark.requirement("CMP-09", "ENT-09")
def test_a_contract_that_no_longer_fits_its_order_does_not_count(company: Office) -> None:
    """The order is amended after signing: it waits for another contract, and says in what the signed one differs."""
    prepaid = {"method": "wire", "terms": "prepaid"}
    journey = Journey.begin(company, "d11_approval", payment=prepaid)
    journey.go_on(until=lambda: "contract" in journey.visited())
    more = [{"product": "P001", "quantity": 5, "unit_price": "100.00"}]
    amended = raw(creator=CREATOR, definition="d11_approval", payment=prepaid, lines=more, total="500.00")
    journey.tell("order_amended", by=CREATOR, document=json.loads(amended))
    journey.go_on(until=lambda: journey.state() == "approved")
    assert journey.visited(2)[-1] == "supply"
    (waiting,) = company.rows("select data from core.events where step = 'contract' and kind = 'waiting' and round = 2")
    assert {each["subject"] for each in json.loads(waiting[0])["findings"]} >= {"quantity of P001", "total_minor"}
    journey.report()
    assert "contract" in journey.visited(2)
    company.assert_clean()


@pytest.mark.requirement("CMP-09", "PLT-02")
def test_a_signature_and_the_step_that_waits_for_it_never_miss_each_other(company: Office) -> None:
    """Order and signature come to compliance at the same time, in two workers, for many orders."""
    journeys = [awaiting_last_approval(company, f"X-{place}") for place in range(8)]
    steps, signatures = [], []
    for journey in journeys:
        journey.decide(AGREE)
        steps += at_compliance(company)
        review = ready_to_sign(company, order=journey.number)
        report = fact("contract_signed", contract=review.number, **SIGNED)
        assert [receipt.verdict for receipt in company.report(report)] == ["accepted"]
        signatures += at_compliance(company)
    assert (len(steps), len(signatures)) == (8, 8)
    start = threading.Barrier(2)

    def handle(batches: list[Batch]) -> None:
        runtime = company.runtime(Name.COMPLIANCE)
        start.wait(10)
        for batch in batches:
            runtime.handle(batch)

    workers = [threading.Thread(target=handle, args=(batches,)) for batches in (steps, signatures)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    company.work()
    assert company.count("core.facts", "refused is not null") == 0
    assert company.count("core.waits", "step = 'contract'") == 0
    assert all("contract" in journey.visited() for journey in journeys)
    company.assert_clean()


def awaiting_last_approval(company: Office, external_id: str) -> Journey:
    journey = Journey.begin(company, "d11_approval", external_id=external_id)
    journey.go_on(until=lambda: journey.visited()[-1:] == ["finance"])
    return journey


def at_compliance(company: Office) -> list[Batch]:
    """Everything is worked on but what compliance is to do next, which is taken out of the queue."""
    taken = []
    while company.queue:
        batch = company.queue.pop(0)
        if batch.department is Name.COMPLIANCE:
            taken.append(batch)
        else:
            company.departments[batch.department].handle(batch)
    return taken
