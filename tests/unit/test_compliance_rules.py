"""The compliance check: what hits a rule, what does not, and that each hit names its rule in words."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from shared import money
from shared.department import Finding, Outcome, Passed, Referred
from tests.support.orders import an_order
from workers.compliance.books import RuleRow
from workers.compliance.rules import Kind, Party, Restriction, check, normal, rulebook

WORDS = tomllib.loads(
    (Path(money.__file__).parent / "locale" / "findings" / "compliance.toml").read_text(encoding="utf-8")
)
NEAR = 85
CATEGORIES = {"P001": "照明", "P002": "Tools"}
RECORD = Party(("上海明珠贸易有限公司", "Shanghai Pearl Trading Co., Ltd."), "CN", "上海市")


def rule(kind: Kind, value: str, code: str = "R1") -> Restriction:
    return Restriction(code, kind, value, "受限", "Restricted")


def outcome_of(*rules: Restriction, record: Party | None = RECORD, **changes: Any) -> Outcome:
    return check(an_order(**changes), rulebook(rules), CATEGORIES, record, NEAR)


def matched(outcome: Outcome) -> dict[str, str]:
    """Rule by rule what it met; none when the order passes. Each finding must have words in both languages."""
    if isinstance(outcome, Passed):
        return {}
    assert isinstance(outcome, Referred)
    for found in outcome.findings:
        assert found.values["rule"] == found.subject
        for words in ("zh", "en", "remedy_zh", "remedy_en"):
            assert WORDS[found.code][words].format_map({**found.values, "subject": found.subject})
    return {found.subject: str(found.values["matched"]) for found in outcome.findings}


@pytest.mark.requirement("CMP-01")
def test_an_order_that_hits_nothing_passes_and_says_how_many_rules_were_asked() -> None:
    outcome = outcome_of(rule(Kind.PRODUCT, "P003"), rule(Kind.COUNTRY, "KP", "R2"))
    assert outcome == Passed(basis={"rules_checked": 2})
    assert outcome_of() == Passed(basis={"rules_checked": 0})


@pytest.mark.requirement("CMP-01")
def test_a_hit_names_its_rule_and_needs_a_person() -> None:
    outcome = outcome_of(Restriction("EXP-7", Kind.PRODUCT, "P002", "两用物项", "Dual-use goods"))
    values = {"rule": "EXP-7", "name_zh": "两用物项", "name_en": "Dual-use goods", "matched": "P002"}
    found = Finding("restricted.product", "EXP-7", values)
    assert outcome == Referred((found,), basis={"rules_checked": 1})


@pytest.mark.requirement("CMP-01")
def test_two_rules_about_one_thing_are_two_findings() -> None:
    both = outcome_of(rule(Kind.PRODUCT, "P001", "LAW"), rule(Kind.PRODUCT, "P001", "HOUSE"))
    assert matched(both) == {"LAW": "P001", "HOUSE": "P001"}


@pytest.mark.requirement("CMP-01")
@pytest.mark.parametrize("value", ["P001", "p001", "\uff30\uff10\uff10\uff11", " P001 "])
def test_codes_are_compared_without_case_and_width(value: str) -> None:
    assert matched(outcome_of(rule(Kind.PRODUCT, value))) == {"R1": "P001"}


@pytest.mark.requirement("CMP-01")
@pytest.mark.parametrize("value", ["P00", "P0011", "001"])
def test_a_part_of_a_product_code_is_another_product(value: str) -> None:
    assert matched(outcome_of(rule(Kind.PRODUCT, value))) == {}


@pytest.mark.requirement("CMP-01")
def test_a_category_names_the_products_that_are_of_it() -> None:
    assert matched(outcome_of(rule(Kind.CATEGORY, "TOOLS"), rule(Kind.CATEGORY, "照明", "R2"))) == {
        "R1": "P002",
        "R2": "P001",
    }
    assert matched(outcome_of(rule(Kind.CATEGORY, "明"))) == {}
    same = check(an_order(), rulebook((rule(Kind.CATEGORY, "x"),)), {"P001": "X", "P002": "x"}, RECORD, NEAR)
    assert matched(same) == {"R1": "P001, P002"}


@pytest.mark.requirement("CMP-01")
def test_a_product_that_is_unknown_has_no_category_but_has_a_code() -> None:
    outcome = check(an_order(), rulebook((rule(Kind.CATEGORY, ""), rule(Kind.PRODUCT, "P001", "R2"))), {}, None, NEAR)
    assert matched(outcome) == {"R2": "P001"}


@pytest.mark.requirement("CMP-01")
@pytest.mark.parametrize(
    ("delivered_to", "customer_in", "expected"),
    [("IR", "CN", {"R1": "IR"}), ("CN", "IR", {"R1": "IR"}), ("IR", "IR", {"R1": "IR"}), ("CN", "CN", {})],
)
def test_a_country_counts_where_the_goods_go_and_where_the_customer_is(
    delivered_to: str, customer_in: str, expected: dict[str, str]
) -> None:
    delivery = {"address": "x", "country": delivered_to}
    outcome = outcome_of(rule(Kind.COUNTRY, "ir"), record=Party(("x",), customer_in, ""), delivery=delivery)
    assert matched(outcome) == expected


@pytest.mark.requirement("CMP-01")
@pytest.mark.parametrize(
    ("region", "expected"),
    [("广东", {"R1": "广东"}), ("广东省", {"R1": "广东省"}), ("广 东", {"R1": "广 东"}), ("广西", {}), ("", {})],
)
def test_a_region_is_met_by_a_part_of_its_name(region: str, expected: dict[str, str]) -> None:
    delivery = {"address": "x", "country": "CN", "region": region}
    assert matched(outcome_of(rule(Kind.REGION, "广东"), delivery=delivery)) == expected


@pytest.mark.requirement("CMP-01")
def test_the_customers_own_region_counts_too() -> None:
    outcome = outcome_of(rule(Kind.REGION, "Crimea"), record=Party(("x",), "UA", "CRIMEA"))
    assert matched(outcome) == {"R1": "CRIMEA"}


@pytest.mark.requirement("CMP-01")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("C001", {"R1": "C001"}),
        ("\uff43\uff10\uff10\uff11", {"R1": "C001"}),
        ("C00", {}),
        ("明珠贸易", {"R1": "上海明珠贸易有限公司"}),
        ("PEARL trading", {"R1": "Shanghai Pearl Trading Co., Ltd."}),
        ("Pearls", {}),
    ],
)
def test_a_party_is_met_by_its_code_or_a_part_of_a_name(value: str, expected: dict[str, str]) -> None:
    assert matched(outcome_of(rule(Kind.PARTY, value))) == expected


@pytest.mark.requirement("CMP-01")
def test_the_name_written_on_the_order_counts_also_without_a_record() -> None:
    outcome = outcome_of(rule(Kind.PARTY, "acme"), record=None, customer={"code": "C9", "name": "The ACME Co."})
    assert matched(outcome) == {"R1": "The ACME Co."}


@pytest.mark.requirement("CMP-01")
def test_a_party_rule_does_not_reach_across_two_names() -> None:
    assert matched(outcome_of(rule(Kind.PARTY, "ab"), record=Party(("xa", "bx"), "CN", ""))) == {}


@pytest.mark.requirement("CMP-01")
def test_a_party_that_is_met_shows_the_entry_its_list_and_how_much_of_it_and_names_its_rule() -> None:
    listed = Restriction("SAN-9", Kind.PARTY, "Blackfin Shipping", "制裁", "Sanctioned", "UN-1718")
    values = {
        "rule": "SAN-9",
        "name_zh": "制裁",
        "name_en": "Sanctioned",
        "entry": "Blackfin Shipping",
        "list": "UN-1718",
    }
    for name, code, percent in (
        ("Blackfin Shipping Co., Ltd.", "restricted.party", 100),
        ("Blackfim Shipping", "restricted.party_near", 93),
    ):
        outcome = outcome_of(listed, record=None, customer={"code": "C9", "name": name})
        found = Finding(code, "SAN-9", values | {"matched": name, "percent": percent})
        assert outcome == Referred((found,), basis={"rules_checked": 1})
        assert matched(outcome) == {"SAN-9": name}


@pytest.mark.requirement("CMP-01")
def test_a_rule_is_found_once_and_at_its_surest() -> None:
    near = {"code": "C9", "name": "Shanghai Perl Trading Shanghai"}
    outcome = outcome_of(rule(Kind.PARTY, "Shanghai Pearl Trading"), customer=near)
    assert matched(outcome) == {"R1": "Shanghai Pearl Trading Co., Ltd."}, "the record's own name is the same"
    assert isinstance(outcome, Referred)
    assert [found.code for found in outcome.findings] == ["restricted.party"]
    both = (rule(Kind.PARTY, "C001"), rule(Kind.PARTY, "明珠", "R2"), rule(Kind.COUNTRY, "CN", "R3"))
    assert matched(outcome_of(*both)) == {"R1": "C001", "R2": "上海明珠贸易有限公司", "R3": "CN"}


@pytest.mark.requirement("CMP-01")
def test_case_width_and_blanks_make_no_difference() -> None:
    assert normal("\u3000\uff21\uff23\uff2d\uff25 Co. 有限") == normal("acmeco.有限")
    assert normal("STRASSE") == normal("Straße")
    assert normal("ｶﾅ") == normal("カナ")


@pytest.mark.requirement("CMP-01")
@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({}, False),
        ({"kind": "country", "value": "ir"}, False),
        ({"kind": "country", "value": "Iran"}, True),
        ({"kind": "weather"}, True),
        ({"value": " "}, True),
        ({"name_zh": ""}, True),
    ],
)
def test_a_rule_that_could_never_match_is_refused_when_it_is_read(changes: dict[str, str], refused: bool) -> None:
    cells = {"code": "R1", "kind": "party", "value": "acme", "name_zh": "受限", "active": "true"} | changes
    if refused:
        with pytest.raises(ValueError, match="validation error"):
            RuleRow.model_validate(cells)
    else:
        assert RuleRow.model_validate(cells).active
