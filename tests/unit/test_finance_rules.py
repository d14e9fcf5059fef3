"""Finance decides: price, payment, risk, credit, release, and what payments can be booked."""

import re
import tomllib
from collections.abc import Collection
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from messages.facts.finance import PaymentReceived
from messages.orders import Line, Order, PaymentMethod
from shared import policy
from shared.department import Finding, Outcome, Passed, Referred, Returned, Visit, Waiting
from tests.support.orders import NOW, an_order
from workers.finance.rules import (
    Account,
    Agreements,
    CreditHold,
    Overdue,
    Receivable,
    credit,
    open_part,
    payment_fault,
    percent,
    release,
    repeat_fault,
    review,
)

POLICY = policy.load().get("standard@1")
TODAY = date(2026, 6, 15)
LISTED = {"P001": 10_000, "P002": 5_000}
ACCOUNT = Account(
    "C001", "CNY", limit_minor=1_000_000, terms=("prepaid", "net_30", "net_90"), methods=("wire", "online")
)
"""Lines of `an_order` at list price, 400.00 CNY in all, fit it easily."""
PREPAID = {"method": "wire", "terms": "prepaid"}


def a_visit(order: Order | None = None, **changes: Any) -> Visit:
    return structs.replace(Visit(order or an_order(), 1, "finance", {}, POLICY, NOW), **changes)


def an_item(price_minor: int, discount_basis_points: int = 0, product: str = "P001") -> Order:
    """An order of one piece. Its total is of no matter to the rules about prices."""
    line = Line(
        number=1,
        product=product,
        quantity=1,
        unit_price_minor=price_minor,
        discount_basis_points=discount_basis_points,
        amount_minor=price_minor,
    )
    return an_order(lines=(line,))


def codes(outcome: Outcome) -> list[str]:
    return [] if isinstance(outcome, Passed) else [each.code for each in outcome.findings]


def the_finding(outcome: Outcome) -> Finding:
    assert isinstance(outcome, Referred)
    (one,) = outcome.findings
    return one


def effect(outcome: Outcome, kind: type[Any]) -> Any:
    """The one effect of a kind; None where there is none."""
    assert isinstance(outcome, Passed | Referred | Waiting)
    found = [each for each in outcome.effects if isinstance(each, kind)]
    assert len(found) < 2
    return found[0] if found else None


# -- price and discount ------------------------------------------------------------------------------------------------


def allowing(basis_points: int) -> Visit:
    limits = {"salesperson": basis_points, "senior_management": 9_000}
    return a_visit(policy=replace(POLICY, discount_limits_basis_points=limits))


@pytest.mark.requirement("FIN-01")
@pytest.mark.parametrize(
    ("limit", "price", "discount", "found"),
    [
        (0, 10_000, 0, None),
        (0, 10_001, 0, "price.above_list"),
        (0, 9_999, 0, "discount.over_limit"),
        (0, 10_000, 1, "discount.over_limit"),
        (500, 10_000, 500, None),
        (500, 10_000, 501, "discount.over_limit"),
        (500, 9_500, 0, None),  # a price below the list is a discount too
        (500, 9_499, 0, "discount.over_limit"),
        (500, 9_600, 104, None),  # both together: 95.0016 of 100
        (500, 9_600, 105, "discount.over_limit"),  # 94.992 of 100
        (500, 12_500, 2_000, None),  # above the list, brought down to it
        (500, 12_500, 1_999, "price.above_list"),
    ],
)
def test_price_after_discount_is_held_against_list_and_limit(
    limit: int, price: int, discount: int, found: str | None
) -> None:
    visit = structs.replace(allowing(limit), document=an_item(price, discount))
    assert codes(review(visit, TODAY, ACCOUNT, LISTED)) == ([found] if found else [])


@pytest.mark.requirement("FIN-01")
def test_excess_gives_line_limit_and_actual_figure() -> None:
    one = the_finding(review(structs.replace(allowing(250), document=an_item(9_600, 100)), TODAY, ACCOUNT, LISTED))
    assert (one.code, one.subject) == ("discount.over_limit", "P001")
    assert one.values == {
        "line": 1,
        "limit_percent": "2.50",
        "actual_percent": "4.96",
        "price_minor": 9_504,
        "listed_minor": 10_000,
        "currency": "CNY",
        "roles": "senior_management",
    }


def a_discount(basis_points: int, *agreed: str, seen: Collection[tuple[str, str]] = (), asked: bool = False) -> Outcome:
    """One piece with that discount; `agreed` are the roles of those who have."""
    visit = a_visit(an_item(10_000, basis_points), agreed=asked)
    agreements = Agreements(frozenset(agreed), frozenset(seen))
    return review(visit, TODAY, ACCOUNT, LISTED, agreements=agreements)


@pytest.mark.requirement("FIN-01")
@pytest.mark.parametrize(
    ("agreed", "granted"),
    [
        ((), 0),
        (("finance_manager", "finance_clerk"), 0),
        (("sales_supervisor",), 500),
        (("finance_clerk", "sales_manager"), 500),
        (("sales_supervisor", "senior_management"), 1_500),
    ],
)
def test_a_discount_is_granted_up_to_the_limit_of_the_highest_who_agreed(agreed: tuple[str, ...], granted: int) -> None:
    assert isinstance(a_discount(granted, *agreed), Passed)
    one = the_finding(a_discount(granted + 1, *agreed))
    assert one.code == "discount.over_limit"
    assert (one.values["limit_percent"], one.values["actual_percent"]) == (percent(granted), percent(granted + 1))


@pytest.mark.requirement("FIN-01")
@pytest.mark.parametrize(
    ("discount", "roles"),
    [
        (500, "sales_supervisor sales_manager senior_management"),
        (501, "senior_management"),
        (1_500, "senior_management"),
        (1_501, ""),
    ],
)
def test_finance_decides_first_then_somebody_who_may_grant_it(discount: int, roles: str) -> None:
    first = a_discount(discount)
    assert isinstance(first, Referred)
    assert (first.roles, the_finding(first).values["roles"]) == ((), roles)
    second = a_discount(discount, "finance_clerk", seen=[("discount.over_limit", "P001")], asked=True)
    if roles:
        assert isinstance(second, Referred)
        assert second.roles == tuple(roles.split())
    else:
        assert isinstance(second, Returned)  # nobody may grant it


@pytest.mark.requirement("FIN-01", "FIN-04")
def test_whoever_may_grant_a_discount_is_not_asked_about_credit_before_finance_has_agreed_to_it() -> None:
    visit = a_visit(an_item(10_000, 500), agreed=True)
    over = replace(ACCOUNT, exposure_minor=10**9)
    for seen, roles in (
        ([("discount.over_limit", "P001")], ()),
        ([("credit.over_limit", "C001")], ("sales_supervisor", "sales_manager", "senior_management")),
    ):
        agreements = Agreements(frozenset({"finance_clerk"}), frozenset(seen))
        outcome = review(visit, TODAY, over, LISTED, agreements=agreements)
        assert isinstance(outcome, Referred)
        assert outcome.roles == roles


@pytest.mark.requirement("FIN-01")
def test_product_without_list_price_goes_to_a_person() -> None:
    one = the_finding(review(a_visit(an_item(1, product="P404")), TODAY, ACCOUNT, LISTED))
    assert (one.code, one.subject) == ("price.no_list_price", "P404")


@pytest.mark.requirement("FIN-01")
def test_what_is_free_on_the_list_has_no_discount() -> None:
    assert codes(review(a_visit(an_item(0)), TODAY, ACCOUNT, {"P001": 0})) == []


@pytest.mark.requirement("FIN-01")
def test_role_that_the_policy_does_not_name_may_grant_nothing() -> None:
    visit = a_visit(an_item(9_999), policy=replace(POLICY, discount_limits_basis_points={"sales_manager": 500}))
    assert codes(review(visit, TODAY, ACCOUNT, LISTED)) == ["discount.over_limit"]


@given(
    price=st.integers(0, 10**6), unit=st.integers(0, 10**6), off=st.integers(0, 10_000), limit=st.integers(0, 10_000)
)
def test_discount_is_compared_exactly(price: int, unit: int, off: int, limit: int) -> None:
    found = codes(
        review(structs.replace(allowing(limit), document=an_item(unit, off)), TODAY, ACCOUNT, {"P001": price})
    )
    net = Decimal(unit) * (10_000 - off) / 10_000
    if net > price:
        assert found == ["price.above_list"]
    else:
        assert found == ([] if price - net <= Decimal(price) * limit / 10_000 else ["discount.over_limit"])


# -- payment method and terms ------------------------------------------------------------------------------------------


@pytest.mark.requirement("FIN-02")
@pytest.mark.parametrize(
    ("method", "terms", "sale_type", "found"),
    [
        ("wire", "net_30", "domestic", []),
        ("wire", "prepaid", "domestic", []),
        ("cash", "net_30", "domestic", [("payment.method_not_allowed", "online, wire")]),
        ("online", "net_30", "internal", [("payment.method_not_allowed", "wire")]),
        ("wire", "net_60", "domestic", [("payment.terms_not_allowed", "prepaid, net_30, net_90")]),
        ("wire", "net_90", "domestic", []),  # the longest that the policy allows
        ("wire", "net_90", "foreign", [("payment.terms_not_allowed", "prepaid, net_30")]),
    ],
)
def test_method_and_terms_must_be_agreed_and_allowed(
    method: str, terms: str, sale_type: str, found: list[tuple[str, str]]
) -> None:
    order = an_order(payment={"method": method, "terms": terms}, sale_type=sale_type)
    outcome = review(a_visit(order), TODAY, ACCOUNT, LISTED)
    findings = outcome.findings if isinstance(outcome, Referred) else ()
    assert [(one.code, one.values["allowed"]) for one in findings] == found


@pytest.mark.requirement("FIN-02")
def test_account_without_methods_may_use_all_of_the_policy() -> None:
    order = an_order(payment={"method": "acceptance", "terms": "net_30"})
    assert codes(review(a_visit(order), TODAY, replace(ACCOUNT, methods=()), LISTED)) == []


@pytest.mark.requirement("FIN-02", "FIN-04")
def test_customer_without_account_pays_in_advance_or_asks_a_person() -> None:
    assert codes(review(a_visit(an_order(payment=PREPAID)), TODAY, None, LISTED)) == []
    outcome = review(a_visit(), TODAY, None, LISTED)
    assert codes(outcome) == ["payment.terms_not_allowed", "credit.over_limit"]
    assert effect(outcome, CreditHold).opens_account


# -- risk --------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("FIN-03")
@pytest.mark.parametrize(
    ("total", "new", "high"), [(10_000_000, True, False), (10_000_001, True, True), (10**9, False, False)]
)
def test_large_order_of_a_new_customer_is_of_high_risk(total: int, new: bool, high: bool) -> None:
    order = an_order(new_customer=new, total_base_minor=total, payment=PREPAID)
    outcome = review(a_visit(order), TODAY, ACCOUNT, LISTED)
    assert codes(outcome) == (["risk.new_customer"] if high else [])
    assert outcome.basis["risk"] == ("high" if high else "low")


@pytest.mark.requirement("FIN-03")
@pytest.mark.parametrize(("exposure", "found"), [(860_000, []), (860_001, ["risk.near_limit"])])
def test_exposure_above_the_share_of_the_limit_is_of_high_risk(exposure: int, found: list[str]) -> None:
    outcome = review(a_visit(), TODAY, replace(ACCOUNT, exposure_minor=exposure), LISTED)
    assert codes(outcome) == found
    assert outcome.basis["risk"] == ("high" if found else "low")


@pytest.mark.requirement("FIN-03")
def test_high_risk_names_its_reasons() -> None:
    held = replace(ACCOUNT, hold_reason="争议", limit_minor=0)
    outcome = review(a_visit(), TODAY, held, LISTED)
    assert outcome.basis["risk"] == "high"
    assert outcome.basis["reasons"] == ["credit.on_hold", "credit.over_limit"]


@pytest.mark.requirement("FIN-03", "SAL-04")
def test_account_on_hold_goes_to_a_person_whatever_the_terms() -> None:
    held = replace(ACCOUNT, hold_reason="争议")
    for order in (an_order(), an_order(payment=PREPAID)):
        one = the_finding(review(a_visit(order), TODAY, held, LISTED))
        assert (one.code, one.values) == ("credit.on_hold", {"reason": "争议"})


# -- credit ------------------------------------------------------------------------------------------------------------


def near(limit: int, exposure: int) -> Account:
    return replace(ACCOUNT, limit_minor=limit, exposure_minor=exposure)


def without_risk_share() -> Visit:
    return a_visit(policy=replace(POLICY, high_risk_exposure_basis_points=10_000))


@pytest.mark.requirement("FIN-04")
@pytest.mark.parametrize(
    ("limit", "exposure", "received", "found"),
    [
        (40_000, 0, 0, []),  # equality passes
        (39_999, 0, 0, ["credit.over_limit"]),
        (100_000, 60_000, 0, []),
        (100_000, 60_001, 0, ["credit.over_limit"]),
        (100_000, 70_000, 10_000, []),  # what is paid already needs no credit
        (100_000, 70_000, 9_999, ["credit.over_limit"]),
        (0, 0, 40_000, []),
        (0, 0, 50_000, []),
        (0, 0, 39_999, ["credit.over_limit"]),
    ],
)
def test_exposure_with_the_order_stays_within_the_limit(
    limit: int, exposure: int, received: int, found: list[str]
) -> None:
    outcome = review(without_risk_share(), TODAY, near(limit, exposure), LISTED, received)
    assert codes(outcome) == found
    hold = effect(outcome, CreditHold)
    assert hold.amount_minor == 40_000
    assert hold.open_minor == hold.change_minor == max(40_000 - received, 0)


@pytest.mark.requirement("FIN-04")
def test_over_the_limit_says_what_would_satisfy_it() -> None:
    one = the_finding(review(a_visit(), TODAY, near(100_000, 75_000), LISTED))
    assert one.values == {"exposure_minor": 115_000, "limit_minor": 100_000, "over_minor": 15_000, "currency": "CNY"}


@pytest.mark.requirement("FIN-04")
def test_an_orders_own_hold_is_not_counted_twice() -> None:
    outcome = review(without_risk_share(), TODAY, near(40_000, 40_000), LISTED, held_minor=40_000)
    assert codes(outcome) == []
    assert effect(outcome, CreditHold).change_minor == 0


@pytest.mark.requirement("FIN-04")
def test_prepaid_needs_no_credit() -> None:
    broke = replace(near(0, 0), overdue=Overdue("SO-1", date(2026, 1, 1)))
    outcome = review(a_visit(an_order(payment=PREPAID)), TODAY, broke, LISTED)
    assert codes(outcome) == []
    assert effect(outcome, CreditHold) is None
    assert effect(outcome, Receivable).due_minor == 40_000


@pytest.mark.requirement("FIN-04")
@pytest.mark.parametrize(
    ("allowed", "due", "found"),
    [
        (0, date(2026, 6, 15), []),
        (0, date(2026, 6, 14), ["credit.overdue"]),
        (10, date(2026, 6, 5), []),
        (10, date(2026, 6, 4), ["credit.overdue"]),
    ],
)
def test_receivable_overdue_beyond_the_allowed_days_stops_credit(allowed: int, due: date, found: list[str]) -> None:
    visit = a_visit(policy=replace(POLICY, allowed_overdue_days=allowed))
    outcome = review(visit, TODAY, replace(ACCOUNT, overdue=Overdue("SO-1", due)), LISTED)
    assert codes(outcome) == found
    if found:
        assert the_finding(outcome).values["reference"] == "SO-1"


def in_dollars(**changes: Any) -> Order:
    return an_order(currency="USD", total_minor=10_000, total_base_minor=71_000, **changes)


@pytest.mark.requirement("FIN-04")
@pytest.mark.parametrize(("limit", "found"), [(71_000, []), (70_999, ["credit.over_limit"])])
def test_credit_is_counted_in_the_accounts_currency(limit: int, found: list[str]) -> None:
    visit = structs.replace(without_risk_share(), document=in_dollars())
    outcome = review(visit, TODAY, near(limit, 0), LISTED)
    assert codes(outcome) == found
    hold = effect(outcome, CreditHold)
    assert (hold.amount_minor, hold.currency) == (71_000, "CNY")


@pytest.mark.requirement("FIN-04")
def test_yen_have_no_cents() -> None:
    order = an_order(currency="JPY", total_minor=1_001, total_base_minor=4_705)
    hold = effect(review(structs.replace(without_risk_share(), document=order), TODAY, ACCOUNT, LISTED), CreditHold)
    assert hold.amount_minor == 4_705  # 1001 × 0.047 = 47.047


@pytest.mark.requirement("FIN-04")
def test_without_a_rate_a_person_decides_and_no_hold_is_counted() -> None:
    outcome = review(a_visit(), TODAY, replace(ACCOUNT, currency="THB"), LISTED)
    assert codes(outcome) == ["credit.no_rate"]
    assert effect(outcome, CreditHold) is None


@given(
    amount=st.integers(0, 10**12),
    due=st.integers(1, 10**12),
    first=st.integers(0, 10**12),
    second=st.integers(0, 10**12),
)
def test_open_part_only_falls_and_ends_at_nothing(amount: int, due: int, first: int, second: int) -> None:
    assert open_part(amount, due, 0) == amount
    assert 0 <= open_part(amount, due, first + second) <= open_part(amount, due, first) <= amount
    assert open_part(amount, due, due) == 0


def test_percent_keeps_both_decimals() -> None:
    assert [percent(one) for one in (0, 5, 250, 10_000)] == ["0.00", "0.05", "2.50", "100.00"]


# -- credit alone ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("FIN-04", "SAL-04")
@pytest.mark.parametrize(
    ("limit", "exposure", "found"),
    [(100_000, 60_000, []), (100_000, 60_001, ["credit.over_limit"]), (0, 0, ["credit.over_limit"])],
)
def test_credit_alone_goes_by_the_limit_and_holds_the_order(limit: int, exposure: int, found: list[str]) -> None:
    outcome = credit(a_visit(), TODAY, near(limit, exposure))
    assert codes(outcome) == found
    assert effect(outcome, CreditHold).change_minor == 40_000
    assert effect(outcome, Receivable).due_minor == 40_000
    assert outcome.basis["exposure_minor"] == exposure + 40_000


@pytest.mark.requirement("FIN-04", "SAL-04")
def test_credit_alone_asks_of_holds_and_overdue_receivables_and_nothing_of_whoever_pays_first() -> None:
    late = replace(ACCOUNT, hold_reason="争议", overdue=Overdue("SO-1", date(2026, 6, 14)))
    assert codes(credit(a_visit(), TODAY, late)) == ["credit.on_hold", "credit.overdue"]
    paying = credit(a_visit(an_order(payment=PREPAID)), TODAY, late)
    assert codes(paying) == ["credit.on_hold"]
    assert effect(paying, CreditHold) is None
    assert codes(credit(a_visit(), TODAY, None)) == ["credit.over_limit"]  # no account: limit 0
    assert codes(credit(a_visit(), TODAY, replace(ACCOUNT, currency="THB"))) == ["credit.no_rate"]


# -- release -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("FIN-05")
@pytest.mark.parametrize(
    ("received", "status"), [(0, "unpaid"), (39_999, "part_paid"), (40_000, "paid"), (40_001, "paid")]
)
def test_prepaid_order_waits_until_it_is_paid_in_full(received: int, status: str) -> None:
    order = an_order(payment=PREPAID)
    outcome = release(order, received, 40_000)
    assert outcome.basis["payment"] == status
    if status == "paid":
        assert isinstance(outcome, Passed)
    else:
        assert isinstance(outcome, Waiting)
        assert outcome.keys == (f"payment:{order.id}",)


@pytest.mark.requirement("FIN-05")
def test_credit_terms_need_no_payment_first() -> None:
    assert isinstance(release(an_order(), 0, None), Passed)


# -- payments ----------------------------------------------------------------------------------------------------------


def a_payment(**changes: Any) -> PaymentReceived:
    fields: dict[str, Any] = {
        "source": "bank",
        "fact_id": "F-1",
        "occurred_at": NOW,
        "reference": "R-1",
        "order": "SO-1",
        "amount": Decimal("400.00"),
        "currency": "CNY",
        "method": PaymentMethod.WIRE,
    }
    return PaymentReceived.model_validate(fields | changes)


@pytest.mark.requirement("SET-02")
@pytest.mark.parametrize(
    ("changes", "currency", "found"),
    [
        ({}, "CNY", None),
        ({}, None, None),  # an unknown order: kept as unmatched
        ({}, "USD", "payment.wrong_currency"),
        ({"amount": Decimal("0.01")}, "CNY", None),
        ({"amount": Decimal(0)}, "CNY", "payment.bad_amount"),
        ({"amount": Decimal("0.001")}, "CNY", "payment.bad_amount"),
        ({"amount": Decimal("0.001"), "currency": "KWD"}, "KWD", None),
        ({"amount": Decimal("1.5"), "currency": "JPY"}, None, "payment.bad_amount"),
        ({"amount": Decimal(10**15)}, "CNY", None),
        ({"amount": Decimal(10**15) + 1}, "CNY", "payment.bad_amount"),
    ],
)
def test_payment_must_be_a_proper_amount_in_the_orders_currency(
    changes: dict[str, Any], currency: str | None, found: str | None
) -> None:
    fault = payment_fault(a_payment(**changes), currency)
    assert (fault.code if fault else None) == found


@pytest.mark.requirement("SET-02")
def test_a_reference_that_says_something_else_contradicts_the_first() -> None:
    assert repeat_fault(a_payment(), ("SO-1", 40_000, "CNY")) is None
    for booked in (("SO-2", 40_000, "CNY"), ("SO-1", 39_999, "CNY"), ("SO-1", 40_000, "USD")):
        fault = repeat_fault(a_payment(), booked)
        assert fault is not None
        assert fault.code == "payment.reference_used"


# -- words -------------------------------------------------------------------------------------------------------------

RULES = ("payment_rules", "rules", "settlement_rules", "payment_details_rules")
AREAS = {"price", "discount", "payment", "payment_details", "payment_notice", "credit", "risk", "invoice", "settlement"}


def test_every_finding_has_its_words_in_both_languages() -> None:
    root = Path(__file__).parents[2]
    words: dict[str, dict[str, str]] = tomllib.loads(
        (root / "shared/locale/findings/finance.toml").read_text(encoding="utf-8")
    )
    source = "".join((root / f"workers/finance/{name}.py").read_text("utf-8") for name in RULES)
    told = {code for code in re.findall(r'"([a-z_]+\.[a-z_]+)"', source) if code.split(".")[0] in AREAS}
    breaches = set(re.findall(r'"(finance\.[a-z_]+)"', (root / "workers/finance/invariants.py").read_text("utf-8")))
    assert told | breaches == set(words)
    assert all(set(words[code]) == {"zh", "en", "remedy_zh", "remedy_en"} for code in told)
    for code in told:
        placeholders = [set(re.findall(r"\{(\w+)\}", text)) for text in words[code].values()]
        assert placeholders[0] == placeholders[1], code
        assert placeholders[2] == placeholders[3], code
