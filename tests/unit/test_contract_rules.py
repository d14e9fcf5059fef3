"""Contract review, pure: what is missing, what differs from the order, when it may be signed."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from messages.contracts import SalesContract
from messages.orders import Line
from shared import policy
from shared.department import Outcome, Passed, Referred, Returned, Visit, Waiting
from shared.words import explain, remedy
from tests.support.contracts import ELEMENTS, TERMS, a_contract
from tests.support.orders import NOW, an_order
from workers.compliance.contract_rules import (
    Archived,
    Opinion,
    Signature,
    Signing,
    archive,
    differences,
    met,
    preliminary,
    refused,
    review,
    sign,
)
from workers.compliance.rules import Kind, Restriction, rulebook

TODAY = NOW.date()
NOBODY = rulebook(())


def subjects(outcome: Outcome) -> list[str]:
    """What the findings are about; each has words in both languages."""
    assert isinstance(outcome, Returned | Referred)
    for found in outcome.findings:
        data = {"code": found.code, "subject": found.subject, "values": dict(found.values)}
        for language in ("zh", "en"):
            assert "{" not in explain(data, language) + remedy(data, language)
    return [found.subject for found in outcome.findings]


@pytest.mark.requirement("CMP-03")
@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize("said", ["", " \n\u3000"])
def test_each_of_the_seven_elements_is_missed(element: str, said: str) -> None:
    lacking = preliminary(a_contract(elements=ELEMENTS | {element: said}), NOBODY, 85)
    assert isinstance(lacking, Returned)
    assert subjects(lacking) == [element]


@pytest.mark.requirement("CMP-03")
def test_all_that_is_missing_is_listed_at_once() -> None:
    assert subjects(preliminary(a_contract(elements={}, obligations=[]), NOBODY, 85)) == [
        *ELEMENTS,
        "delivery",
        "payment",
    ]


@pytest.mark.requirement("CMP-03")
def test_a_contract_that_lacks_nothing_goes_to_the_departments() -> None:
    assert preliminary(a_contract(), NOBODY, 85) == Passed(basis={"rules_checked": 0})


@pytest.mark.requirement("CMP-01")
@pytest.mark.parametrize(
    ("name", "code"),
    [("明珠贸易", "restricted.party"), ("东方贸易", "restricted.party"), ("上海明珠国际贸易", None)],
)
def test_both_parties_of_a_contract_are_screened(name: str, code: str | None) -> None:
    book = rulebook([Restriction("R1", Kind.PARTY, name, "受限", "Restricted", "L1")])
    outcome = preliminary(a_contract(), book, 85)
    assert isinstance(outcome, Referred if code else Passed)
    assert [found.code for found in getattr(outcome, "findings", ())] == ([code] if code else [])


@pytest.mark.requirement("CMP-04", "CMP-06")
def test_who_reviews_sees_every_opinion() -> None:
    opinions = (
        Opinion("sales", "chu", True, "可以", "", ""),
        Opinion("finance", "fiona", False, "账期过长", "第三条", "30 日"),
    )
    outcome = review(opinions)
    assert subjects(outcome) == ["sales", "finance"]
    assert isinstance(outcome, Referred)
    assert [found.code for found in outcome.findings] == ["opinion.agreed", "opinion.change"]
    assert outcome.findings[1].values == {"by": "fiona", "said": "账期过长", "clause": "第三条", "change": "30 日"}
    assert review(()) == Passed()


# -- signing -----------------------------------------------------------------------------------------------------------


def signing(contract: SalesContract | None = None, **changes: Any) -> Signing:
    ready = Signing(contract or a_contract(order="SO-1"), "approved", True, False, an_order(), True)
    return replace(ready, **changes)


def reasons(one: Signing, signed_on: date = TODAY) -> list[str]:
    found = refused(one, signed_on, TODAY)
    if found:
        subjects(Referred(found))
    return [f"{each.code.removeprefix('contract.')} {each.subject}" for each in found]


NUMBER = a_contract().number


@pytest.mark.requirement("CMP-08", "CMP-09")
def test_a_contract_that_equals_its_approved_order_may_be_signed() -> None:
    assert reasons(signing()) == []
    assert reasons(signing(a_contract(), order=None, order_approved=False)) == []


@pytest.mark.requirement("CMP-08")
@pytest.mark.parametrize("state", ["in_review", "returning", "returned", "archived", "cancelled"])
def test_nothing_is_signed_before_the_leaders_approval(state: str) -> None:
    assert reasons(signing(state=state)) == [f"not_approved {NUMBER}"]


@pytest.mark.requirement("CMP-08")
def test_nothing_is_signed_before_the_other_side_was_looked_into() -> None:
    assert reasons(signing(counterparty_checked=False)) == [f"counterparty_unchecked {NUMBER}"]
    both = signing(counterparty_checked=False, state="in_review")
    assert reasons(both) == [f"not_approved {NUMBER}", f"counterparty_unchecked {NUMBER}"]


@pytest.mark.requirement("CMP-08")
def test_a_contract_is_signed_once_and_not_in_the_future() -> None:
    assert reasons(signing(already_signed=True)) == [f"signed_already {NUMBER}"]
    assert reasons(signing(), TODAY) == []
    assert reasons(signing(), TODAY + timedelta(days=1)) == [f"in_the_future {NUMBER}"]


@pytest.mark.requirement("CMP-09")
@pytest.mark.parametrize("term", TERMS)
def test_a_contract_for_an_order_needs_each_term(term: str) -> None:
    without = TERMS | {term: "  "}
    assert reasons(signing(a_contract(order="SO-1", terms=without))) == [f"term_missing {term}"]
    assert reasons(signing(a_contract(terms=without), order=None)) == [], "one that is for no order need not have it"


@pytest.mark.requirement("CMP-09")
def test_its_order_must_be_approved() -> None:
    assert reasons(signing(order_approved=False)) == [f"order_not_approved {NUMBER}"]
    assert reasons(signing(order=None)) == [f"order_not_approved {NUMBER}"]


def lines(*given: tuple[str, int, int, int]) -> tuple[Line, ...]:
    return tuple(
        Line(
            number=place,
            product=product,
            quantity=quantity,
            unit_price_minor=price,
            discount_basis_points=discount,
            amount_minor=quantity * price,
        )
        for place, (product, quantity, price, discount) in enumerate(given, 1)
    )


SAME = (("P001", 3, 10_000, 0), ("P002", 2, 5_000, 0))


@pytest.mark.requirement("CMP-09")
@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"lines": lines(*SAME)}, []),
        ({"lines": lines(*reversed(SAME))}, []),  # whatever the order of the lines
        ({"lines": lines(("P001", 1, 10_000, 0), ("P001", 2, 10_000, 0), SAME[1])}, []),  # or how they are split
        ({"customer": {"code": "C001", "name": "上海明珠貿易公司"}}, []),  # or how the name is written
        ({"customer": {"code": "C002", "name": "上海明珠贸易有限公司"}}, ["buyer.code"]),
        ({"customer": {"code": "C001", "name": "上海明月贸易有限公司"}}, ["buyer.name"]),
        ({"currency": "USD"}, ["currency"]),
        ({"lines": lines(("P001", 4, 10_000, 0), SAME[1])}, ["quantity of P001"]),
        ({"lines": lines(("P001", 3, 10_001, 0), SAME[1])}, ["price of P001"]),
        ({"lines": lines(("P001", 3, 10_000, 1), SAME[1])}, ["price of P001"]),
        ({"lines": lines(SAME[0])}, ["goods"]),
        ({"lines": lines(*SAME, ("P003", 1, 1, 0))}, ["goods"]),
        ({"lines": ()}, ["goods"]),
        ({"total_minor": 40_001}, ["total_minor"]),
        (
            {"customer": {"code": "C9", "name": "别人"}, "lines": lines(("P001", 4, 1, 0), SAME[1])},
            ["buyer.code", "buyer.name", "quantity of P001", "price of P001"],
        ),
    ],
)
def test_what_differs_from_the_order_is_named_field_by_field(changes: dict[str, Any], fields: list[str]) -> None:
    contract = a_contract(order="SO-1", **msgspec.to_builtins(changes))
    assert [found.subject for found in differences(contract, an_order())] == fields
    assert reasons(signing(contract)) == [f"differs {field}" for field in fields]


@pytest.mark.requirement("CMP-08")
def test_the_signing_step_waits_for_the_signature_and_keeps_it_as_its_basis() -> None:
    contract = a_contract()
    visit = Visit(contract, 1, "sign", {}, policy.load().get("standard@1"), NOW)
    assert sign(visit, None) == Waiting((f"signed:{contract.id}",))
    assert sign(visit, Signature("李总", "合同专用章", TODAY)) == Passed(
        basis={"signing_head": "李总", "seal": "合同专用章", "signed_on": TODAY.isoformat()}
    )


@pytest.mark.requirement("CMP-10", "CMP-11")
def test_an_archived_contract_leaves_its_obligations_to_be_followed() -> None:
    contract = a_contract()
    assert archive(contract) == Passed((Archived(contract.id, contract.obligations),), {"obligations": 2})


@pytest.mark.requirement("CMP-11")
@pytest.mark.parametrize(
    ("known", "met_on", "code"),
    [
        (None, TODAY, "contract.obligation_unknown"),
        ((None,), TODAY, None),
        ((None,), TODAY + timedelta(days=1), "contract.in_the_future"),
        ((TODAY,), TODAY, None),
        ((TODAY,), TODAY - timedelta(days=1), "contract.obligation_met_already"),
    ],
)
def test_an_obligation_is_met_once(known: tuple[date | None] | None, met_on: date, code: str | None) -> None:
    reason = met(known, NUMBER, 1, met_on, TODAY)
    assert (reason.code if reason else None) == code
