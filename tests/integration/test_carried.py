"""After an amendment only those are asked again whose grounds have changed, where the definition says so."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.company import raw
from tests.support.definitions import step
from tests.support.facts import fact
from tests.support.office import Office, verdicts
from tests.support.orders import submitted

BOSS = ["senior_management"]


def follows(office: Office, asks_again: str | None = "changed") -> None:
    """Sales, finance, warehouse and management always ask a person; then the order waits for goods."""
    manual: Mapping[str, Any] = {"mode": "manual", "roles": BOSS}
    office.follows(
        step("check", activity="sales_review.check", **manual),
        step("finance", activity="finance.review", **manual),
        step("stock", activity="warehouse.confirm", **manual),
        step("boss", activity="sales_review.approve", reaches="approved", **manual),
        step("reserve", activity="warehouse.reserve", roles=["warehouse_keeper"]),
        ends_in="ended",
        asks_again=asks_again,
    )
    with office.database.transaction() as session:
        session.write("insert into core.staff (id, name, roles) values ('boss', '老板', '{senior_management}')")


SHORT = [{"product": "P003", "quantity": 2, "unit_price": "10.00"}]


def approved(office: Office) -> str:
    (receipt,) = office.take(raw("A", creator="sam", lines=SHORT, total="20.00", definition="sample"))
    for _ in range(4):
        office.work()
        office.decide("agree", "boss")
    office.work()
    assert office.states() == {"A": "approved"}
    return receipt.number or ""


def changed(**changes: Any) -> dict[str, Any]:
    """The order's document, changed."""
    return submitted("A", **{"creator": "sam", "lines": SHORT, "total": "20.00", "definition": "sample", **changes})


def amend(office: Office, number: str, **changes: Any) -> None:
    document = changed(**changes)
    assert verdicts(office.report(fact("order_amended", order=number, by="sam", document=document))) == ["accepted"]
    office.work()


def asked(office: Office) -> list[str]:
    return [row[0] for row in office.rows("select step from core.user_tasks where status = 'open' order by step")]


def finished(office: Office, round_: int) -> list[tuple[str, str]]:
    kinds = "('passed', 'agreed', 'carried')"
    sql = f"select step, kind from core.events where round = %s and kind in {kinds} order by seq"
    return [(row[0], row[1]) for row in office.rows(sql, round_)]


@pytest.mark.requirement("ENT-09")
def test_a_new_date_asks_the_warehouse_and_nobody_else(office: Office) -> None:
    follows(office)
    number = approved(office)
    amend(office, number, requested_date="2026-09-01")
    assert asked(office) == ["stock"]
    office.decide("agree", "boss")
    office.work()
    assert finished(office, 2) == [
        ("check", "carried"), ("finance", "carried"), ("stock", "agreed"), ("boss", "carried"),
    ]  # fmt: skip
    assert office.states() == {"A": "approved"}
    (row,) = office.rows("select actor, data->'carried' from core.events where kind = 'carried' and step = 'finance'")
    assert (row[0], json.loads(row[1])) == ("system", {"by": "boss", "round": 1})
    office.assert_clean()


@pytest.mark.requirement("ENT-09", "WHS-02")
def test_what_is_carried_over_is_a_word_and_never_an_effect(office: Office) -> None:
    """The credit hold of the first round is given back, and finance holds credit anew without asking anybody."""
    follows(office)
    number = approved(office)
    before = office.rows("select open_minor from finance.credit_holds")
    document = changed(requested_date="2026-09-01")
    office.report(fact("order_amended", order=number, by="sam", document=document))
    undone = 0
    while office.rows("select closing from core.orders") != [(None,)]:
        batch = office.queue.pop(0)
        office.departments[batch.department].handle(batch)
        undone += 1
    assert undone == 5
    assert office.count("finance.credit_holds", "open_minor > 0") == 0
    office.work()
    assert asked(office) == ["stock"]
    assert office.rows("select open_minor from finance.credit_holds") == before
    office.assert_clean()


@pytest.mark.requirement("ENT-09")
def test_a_new_price_asks_all_whom_it_concerns(office: Office) -> None:
    follows(office)
    number = approved(office)
    amend(office, number, lines=[{"product": "P003", "quantity": 3, "unit_price": "10.00"}], total="30.00")
    for expected in ("check", "finance", "stock", "boss"):
        assert asked(office) == [expected]
        office.decide("agree", "boss")
        office.work()
    assert office.states() == {"A": "approved"}
    assert [kind for _, kind in finished(office, 2)] == ["agreed"] * 4


@pytest.mark.requirement("ENT-09")
def test_by_default_everybody_is_asked_again(office: Office) -> None:
    follows(office, asks_again=None)
    number = approved(office)
    assert office.count("core.events", "data->>'grounds' is not null") == 0, "and nothing is reckoned for it"
    amend(office, number, requested_date="2026-09-01")
    assert asked(office) == ["check"]


@pytest.mark.requirement("ENT-09")
def test_other_findings_are_another_question(office: Office) -> None:
    """The order is the same to sales, but the price list is not: what the person agreed to is not what is found now."""
    follows(office)
    number = approved(office)
    with office.database.transaction() as session:
        session.write("update sales_review.prices set unit_price_minor = 1100 where product = 'P003'")
    amend(office, number, requested_date="2026-09-01")
    assert asked(office) == ["check"]
    (row,) = office.rows("select findings->0->>'code' from core.user_tasks where status = 'open'")
    assert row[0].startswith("price.")


@pytest.mark.requirement("APR-09")
def test_a_resubmission_after_a_return_carries_nothing(office: Office) -> None:
    follows(office)
    (receipt,) = office.take(raw("A", creator="sam", lines=SHORT, total="20.00", definition="sample"))
    office.work()
    office.decide("agree", "boss")
    office.work()
    office.decide("disagree", "boss", reason="later please", requested_change="another date")
    office.work()
    document = changed(requested_date="2026-09-01")
    office.report(fact("order_resubmitted", order=receipt.number, by="sam", document=document))
    office.work()
    assert asked(office) == ["check"]
    assert office.count("core.events", "kind = 'carried'") == 0
    office.assert_clean()


@pytest.mark.requirement("ENT-09")
def test_an_agreement_is_carried_on_through_several_amendments_and_keeps_its_name(office: Office) -> None:
    follows(office)
    number = approved(office)
    for day in ("2026-09-01", "2026-10-01"):
        amend(office, number, requested_date=day)
        office.decide("agree", "boss")
        office.work()
        assert office.states() == {"A": "approved"}
    (row,) = office.rows("select round, data->'carried' from core.events where kind = 'carried' and step = 'finance'"
                         " order by seq desc limit 1")  # fmt: skip
    assert (row[0], json.loads(row[1])) == (3, {"by": "boss", "round": 1})
    office.assert_clean()


@pytest.mark.requirement("ENT-09")
def test_what_a_later_disagreement_asks_again_is_asked(office: Office) -> None:
    """In the round that the amendment opened, boss sends the order back to finance: its old word no longer counts."""
    manual: Mapping[str, Any] = {"mode": "manual", "roles": BOSS}
    follows(office)  # for its people
    office.follows(
        step("finance", activity="finance.review", **manual),
        step("stock", activity="warehouse.confirm", on_disagree="finance", **manual),
        step("boss", activity="sales_review.approve", reaches="approved", **manual),
        step("reserve", activity="warehouse.reserve", roles=["warehouse_keeper"]),
        ends_in="ended",
        asks_again="changed",
    )
    (receipt,) = office.take(raw("A", creator="sam", lines=SHORT, total="20.00", definition="sample"))
    for _ in range(3):
        office.work()
        office.decide("agree", "boss")
    office.work()
    amend(office, receipt.number or "", requested_date="2026-09-01")
    assert asked(office) == ["stock"]
    office.decide("disagree", "boss", reason="not by then", requested_change="finance must look")
    office.work()
    assert asked(office) == ["finance"]
    office.assert_clean()
