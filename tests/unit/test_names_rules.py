"""Screening of names: what is the same, what stands in a name, what is near it, and where each of these ends."""

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.compliance.characters_rules import SIMPLIFIED
from workers.compliance.names_rules import Degree, Hit, Match, comparable, compare, distance, fold, screen

NEAR = 85
pytestmark = pytest.mark.requirement("CMP-01")


def degree(name: str, entry: str, near_percent: int = NEAR) -> Degree | None:
    match = compare(comparable(name), comparable(entry), near_percent)
    return match.degree if match else None


def percent(name: str, entry: str, near_percent: int = 50) -> int:
    match = compare(comparable(name), comparable(entry), near_percent)
    return match.percent if match else 0


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("Acme Trading Co., Ltd.", "ACME TRADING"),
        ("Acme Trading Company Limited", "Acme Trading Inc"),
        ("\uff21\uff43\uff4d\uff45 Trading", "acme trading"),  # full width
        ("Acme-Trading", "Acme Trading"),
        ("Trading Acme", "Acme Trading"),
        ("AcmeTrading", "Acme Trading"),
        ("The Acme Trading Corp.", "Acme Trading"),
        ("Acme & Trading", "Acme and Trading"),
        ("Müller GmbH", "Muller"),
        ("Müller G.m.b.H.", "MÜLLER"),
        ("Straße KG", "Strasse"),
        ("Société Générale S.A.", "Societe Generale"),
        ("Lloyd\u2019s Trading", "LLOYDS TRADING LTD"),
        ("ООО Ромашка", "ооо ромашка"),
        ("OOO Romashka", "Romashka"),
        ("Acme (Shanghai) Co., Ltd. Pudong", "Acme Shanghai Pudong"),
        ("上海明珠贸易有限公司", "上海明珠贸易"),
        ("上海明珠贸易股份有限公司", "上海明珠贸易有限责任公司"),
        ("上海明珠贸易集团有限公司", "上海明珠贸易公司"),
        ("上海明珠貿易有限公司", "上海明珠贸易有限公司"),  # traditional
        ("臺灣電機股份有限公司", "台湾电机"),
        ("广州南海（电器）有限公司", "广州南海电器"),
        (" 上海 明珠\u3000贸易 ", "上海明珠贸易"),
        ("黑鳍Blackfin贸易", "黑鳍 blackfin 贸易"),
        ("株式会社明珠", "明珠"),
    ],
)
def test_what_makes_no_difference(name: str, entry: str) -> None:
    assert degree(name, entry) is Degree.SAME
    assert degree(entry, name) is Degree.SAME
    assert percent(name, entry) == 100


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("Acme Trading Shanghai", "Acme"),
        ("Acme Trading Co., Ltd. Shanghai Branch", "Acme Trading Ltd."),
        ("Shanghai Pearl Trading", "Trading Pearl"),
        ("Black Fin Shipping", "Blackfin"),
        ("上海明珠贸易有限公司浦东分公司", "明珠贸易有限公司"),
        ("黑鳍海运", "黑鳍"),
        ("黑鰭海運有限公司", "黑鳍"),
        ("上海Acme有限公司", "Acme"),
    ],
)
def test_a_listed_name_that_stands_in_a_name(name: str, entry: str) -> None:
    assert degree(name, entry) is Degree.PART
    assert percent(name, entry) == 100


@pytest.mark.parametrize(
    ("name", "entry", "alike"),
    [
        ("Blackfim", "Blackfin", 87),  # 1 of 8
        ("Blakcfin", "Blackfin", 87),  # neighbours exchanged are one change
        ("Blackfn", "Blackfin", 87),
        ("Blackfin Tradig Shanghai", "Blackfin Trading", 93),  # every listed word, one misspelt
        ("上海明珠国际贸易", "上海明月国际贸易", 87),  # 1 of 8
        ("江苏上海明珠国际贸易中心", "上海明月国际贸易", 87),
        ("Blackfin Shipping", "Blackfin Shipping International", 55),  # shortened
        ("明珠贸易", "上海明珠贸易", 66),
        ("Pearl West Trading", "Pearl East Trading", 87),  # 2 of 16
    ],
)
def test_near_to_a_listed_name(name: str, entry: str, alike: int) -> None:
    assert degree(name, entry) is Degree.NEAR
    assert percent(name, entry, NEAR) == alike


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("Shanghai Pearl Trading", "Pearls"),  # 1 of 6 is too much
        ("上海明珠贸易", "上海明月贸易"),
        ("Cabcorp", "ab"),  # a part of a word is another word
        ("Acme", "Acne"),
        ("Acme", "Acme Trading Shanghai"),  # one word, and less than half
        ("Shanghai Trading", "Shanghai Pearl Trading International Holding"),
        ("明珠", "上海明珠贸易"),
        ("Pearl West Trading Shanghai", "Pearl East Trading"),  # each word on its own must be near
        ("Limited", "Ltd"),
        ("", "Acme"),
        ("有限公司", "Acme Co., Ltd."),
        ("---", "***"),
        ("Acme", ""),
    ],
)
def test_what_is_another_party(name: str, entry: str) -> None:
    assert degree(name, entry) is None


@pytest.mark.parametrize(
    ("letters", "wrong", "found"),
    [(20, 3, True), (20, 4, False), (7, 1, True), (6, 1, False), (13, 1, True), (13, 2, False), (14, 2, True)],
)
def test_exactly_the_limit_is_near_and_one_more_is_not(letters: int, wrong: int, found: bool) -> None:
    entry = "abcdefghijklmnopqrst"[:letters]
    name = "z" * wrong + entry[wrong:]
    assert percent(name, entry) == (letters - wrong) * 100 // letters
    assert (degree(name, entry) is Degree.NEAR) is found


@pytest.mark.parametrize(("near_percent", "found"), [(87, True), (88, False), (100, False)])
def test_the_limit_is_the_policys(near_percent: int, found: bool) -> None:
    assert (degree("Blackfim", "Blackfin", near_percent) is not None) is found


def test_a_name_of_nothing_but_a_legal_form_is_kept() -> None:
    assert comparable("有限公司").characters == "有限公司"
    assert comparable("Limited").words == ("limited",)
    assert comparable("Co., Ltd.").words == ("co",)


def test_a_legal_form_in_front_may_be_a_name() -> None:
    assert comparable("AS Roma").words == ("as", "roma")
    assert comparable("Co-op Trading").words == ("co", "op", "trading")


def test_every_traditional_character_of_the_table_becomes_one_simplified_that_stays() -> None:
    assert len(SIMPLIFIED) > 1_500
    assert all(fold(fold(chr(each))) == fold(chr(each)) for each in SIMPLIFIED)


def test_the_best_of_several_names_counts_and_each_listed_name_once() -> None:
    names = ("上海黑鳍", "Blackfin Trading", "Blackfin")
    assert screen(names, ("Blackfim", "blackfin", "灰岩", "黑鳍"), NEAR) == (
        Hit(0, "Blackfin Trading", Match(Degree.NEAR, 87)),
        Hit(1, "Blackfin", Match(Degree.SAME, 100)),
        Hit(3, "上海黑鳍", Match(Degree.PART, 100)),
    )


@given(st.text(max_size=30), st.text(max_size=30), st.integers(50, 100))
def test_whatever_comes_is_compared(name: str, entry: str, near_percent: int) -> None:
    match = compare(comparable(name), comparable(entry), near_percent)
    assert match is None or 0 < match.percent <= 100
    if comparable(name).text:
        assert degree(name, name, near_percent) is Degree.SAME


@given(st.text("abc", max_size=8), st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_the_distance_of_words_is_one(one: str, two: str, three: str) -> None:
    assert distance(one, one) == 0
    assert distance(one, two) == distance(two, one)
    assert abs(len(one) - len(two)) <= distance(one, two) <= max(len(one), len(two))
    assert distance(one + three, two + three) <= distance(one, two)


def test_a_name_seen_before_costs_next_to_nothing() -> None:
    entries = tuple(f"Restricted Party {number} Holding" for number in range(2_000))
    screen(("上海明珠贸易有限公司", "Shanghai Pearl"), entries, NEAR)
    began = perf_counter()
    for _ in range(100):
        assert screen(("上海明珠贸易有限公司", "Shanghai Pearl"), entries, NEAR) == ()
    assert perf_counter() - began < 1, "100 orders of a known customer"
