"""Policies: the figures of the checklist, read whole, every fault named, the right version chosen."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from shared import policy
from shared.calendar import Deadline
from shared.catalogue import DefinitionError, gather
from shared.conditions import NAMES
from shared.money import convert

TEXT = (policy.FOLDER / "standard.toml").read_text(encoding="utf-8")
STANDARD = policy.parse(TEXT, "standard.toml")


@pytest.mark.requirement("APR-07", "APR-11", "APR-12", "APR-14", "AFT-02", "FIN-01", "FIN-04")
def test_the_shipped_policy_has_the_figures_of_the_checklist() -> None:
    assert STANDARD.key == "standard@1"
    assert STANDARD.base_currency == "CNY"
    assert STANDARD.senior_threshold_minor == 500_000_00
    assert STANDARD.discount_limits_basis_points["salesperson"] == 0
    assert STANDARD.discount_limits_basis_points["sales_supervisor"] == 500
    assert STANDARD.discount_limits_basis_points["senior_management"] == 1500
    assert STANDARD.review_deadline == Deadline(1, "working_day")
    assert (STANDARD.purge_after, STANDARD.order_comment_after) == (Deadline(1, "week"), Deadline(1, "month"))
    assert (STANDARD.approval_validity_days, STANDARD.quotation_validity_days) == (30, 30)
    assert (STANDARD.receipt_wait_days, STANDARD.allowed_overdue_days) == (7, 0)
    assert STANDARD.supplier_weights == {"quality": 40, "delivery": 25, "price": 20, "service": 15}
    assert (STANDARD.class_cutoffs_basis_points, STANDARD.class_months) == ((8000, 9500), 12)
    assert policy.verify(STANDARD) == []


@pytest.mark.requirement("APR-07")
def test_rates_convert_into_the_base_currency_exactly() -> None:
    assert STANDARD.rates["CNY"] == 1
    assert STANDARD.rates["USD"] == Decimal("7.1")  # as written, not as a binary fraction
    assert convert(100_00, "USD", STANDARD.base_currency, STANDARD.rates) == 710_00


def test_a_policy_gives_conditions_values_that_they_know() -> None:
    assert set(STANDARD.condition_values()) <= set(NAMES)
    assert STANDARD.condition_values()["senior_threshold"] == STANDARD.senior_threshold_minor


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('base_currency = "CNY"', 'base_currency = "yuan"', "rates: 'yuan' is not a currency code"),
        ("USD = 7.1000", "USD = 0", "rates: 'USD' must be a number above 0, not 0"),
        ("USD = 7.1000", "USD = nan", "rates: 'USD' must be a number above 0"),
        ("USD = 7.1000", "USD = true", "rates: 'USD' must be a number above 0, not True"),
        ("USD = 7.1000", "CNY = 2", "rates: 'CNY' is the base currency and is worth 1"),
        ("senior_threshold_minor = 50_000_000", "", "'senior_threshold_minor' is missing"),
        ("= 50_000_000", "= 500000.00", "'senior_threshold_minor' must be a whole number"),
        ("= 50_000_000", "= -1", "'senior_threshold_minor' is -1 and must be at least 0"),
        ("= 1300", "= 10_001", "'tax_rate_basis_points' is 10001 and must be from 0 to 10000"),
        ('"1 working day"', '"one day"', "'review_deadline': 'one day' is not a deadline"),
        ("approval_validity_days = 30", "approval_validity_days = 0", "'approval_validity_days' is 0"),
        ("salesperson = 0", "salesperson = 20_000", "discount_limits_basis_points: 'salesperson' is 20000"),
        ('internal = ["wire"]', 'internal = ["gold"]', "payment_methods: 'internal' holds 'gold'"),
        ('internal = ["wire"]', "", "payment_methods: 'internal' is missing"),
        ("internal = 120", "export = 120", "longest_credit_days: 'internal' is missing"),
        ("internal = 120", "export = 120", "longest_credit_days: unknown key 'export'"),
        ("quality = 40", "quality = 41", "'supplier_weights' make 101 together and must make 100"),
        (
            "quality = 40\ndelivery = 25\nprice = 20",
            "quality = 30\ndelivery = 30\nprice = 25",
            "quality must weigh most",
        ),
        ("[8000, 9500]", "[9500, 8000]", "'class_cutoffs_basis_points' must be two whole numbers from 0 to 10000"),
        ("[1, 5]", "[1]", "'survey_scale' must be two whole numbers"),
        ("class_months = 12", "class_months = 12\nmax_retries = 3", "unknown key 'max_retries'"),
    ],
)
def test_a_faulty_policy_is_refused_with_the_place(old: str, new: str, fault: str) -> None:
    assert old in TEXT
    with pytest.raises(DefinitionError) as refused:
        policy.parse(TEXT.replace(old, new, 1), "standard.toml")
    assert any(fault in told for told in refused.value.faults), refused.value.faults
    assert all(told.startswith("standard.toml: ") for told in refused.value.faults)


def test_an_unknown_role_is_named() -> None:
    changed = policy.parse(TEXT.replace("salesperson = 0", "king = 9000"), "standard.toml")
    assert policy.verify(changed) == ["standard@1: discount_limits_basis_points: unknown role 'king'"]


@pytest.mark.requirement("PRC-06")
def test_the_newest_version_in_force_is_chosen() -> None:
    newer = TEXT.replace("version = 1", "version = 2").replace("2020-01-01", "2026-07-01")
    catalogue = gather([STANDARD, policy.parse(newer, "newer.toml")])
    assert policy.select(catalogue, date(2026, 6, 30)).key == "standard@1"
    assert policy.select(catalogue, date(2026, 7, 1)).key == "standard@2"
    with pytest.raises(DefinitionError, match="no such policy in force on 2019-12-31"):
        policy.select(catalogue, date(2019, 12, 31))
    with pytest.raises(DefinitionError, match="strict: no such policy"):
        policy.select(catalogue, date(2026, 7, 1), "strict")


def test_a_folder_of_policies_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(TEXT, encoding="utf-8")
    (tmp_path / "b.toml").write_text(TEXT.replace('"standard"', '"strict"'), encoding="utf-8")
    assert policy.load(tmp_path).names() == ("standard", "strict")
    assert policy.load().get("standard@1") == STANDARD
