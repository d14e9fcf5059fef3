"""Money: exact minor units, half up away from zero, the currency's own decimals, 大写金额."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.money import (
    MoneyError,
    convert,
    exponent,
    format_amount,
    from_minor,
    in_chinese_capitals,
    line_amount,
    round_half_up,
    share,
    to_minor,
)

CURRENCIES = st.sampled_from(["CNY", "USD", "JPY", "KWD"])
RATES = {"CNY": Decimal(1), "USD": Decimal("7.1"), "JPY": Decimal("0.047"), "KWD": Decimal("23.1")}


@pytest.mark.requirement("ENT-03")
@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("0", "CNY", 0),
        ("10.5", "CNY", 1050),
        ("10.500", "CNY", 1050),
        ("0.01", "CNY", 1),
        ("-0.01", "CNY", -1),
        ("1E+3", "CNY", 100_000),
        ("1234", "JPY", 1234),
        ("1.005", "KWD", 1005),
        ("0E-999999", "CNY", 0),
        ("123456789012345678901234567890.12", "CNY", 12345678901234567890123456789012),
    ],
)
def test_amounts_become_minor_units_exactly(amount: str, currency: str, minor: int) -> None:
    assert to_minor(Decimal(amount), currency) == minor


@pytest.mark.requirement("ENT-03")
@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("0.001", "CNY"),
        ("0.5", "JPY"),
        ("0.0001", "KWD"),
        ("NaN", "CNY"),
        ("Infinity", "CNY"),
        ("1E+999999", "CNY"),
        ("1E-999999", "CNY"),
        ("1", "cny"),
        ("1", "CN"),
        ("1", "元元元"),
        ("1", ""),
    ],
)
def test_what_is_no_amount_of_the_currency_is_refused(amount: str, currency: str) -> None:
    with pytest.raises(MoneyError):
        to_minor(Decimal(amount), currency)


@pytest.mark.requirement("ENT-03")
@pytest.mark.parametrize(
    ("amount", "minor"), [("0.004", 0), ("0.005", 1), ("0.015", 2), ("0.025", 3), ("-0.005", -1), ("-0.0049", 0)]
)
def test_rounding_is_half_up_when_asked_for(amount: str, minor: int) -> None:
    assert to_minor(Decimal(amount), "CNY", rounding=True) == minor


@pytest.mark.requirement("ENT-03")
@given(minor=st.integers(), currency=CURRENCIES)
def test_an_amount_comes_back_as_it_went(minor: int, currency: str) -> None:
    amount = from_minor(minor, currency)
    assert amount.as_tuple().exponent == -exponent(currency)
    assert Fraction(amount) * 10 ** exponent(currency) == minor


@pytest.mark.requirement("ENT-03")
@given(numerator=st.integers(), denominator=st.integers().filter(bool))
def test_half_up_is_the_nearest_and_the_same_on_both_sides_of_zero(numerator: int, denominator: int) -> None:
    rounded, exact = round_half_up(numerator, denominator), Fraction(numerator, denominator)
    assert abs(rounded - exact) <= Fraction(1, 2)
    if abs(rounded - exact) == Fraction(1, 2):
        assert abs(rounded) > abs(exact)
    assert round_half_up(-numerator, denominator) == -rounded


@pytest.mark.requirement("ENT-03")
@pytest.mark.parametrize(
    ("quantity", "price", "discount", "amount"),
    [
        (1, 100, 0, 100),
        (3, 333, 0, 999),
        (1, 100, 10_000, 0),
        (1, 1, 5000, 1),  # exactly half a fen goes up
        (1, 1, 5001, 0),  # a hair less does not
        (1, 3, 5000, 2),
        (7, 1999, 500, 13293),  # 13 293.35
        (-7, 1999, 500, -13293),
        (0, 1999, 500, 0),
        (10**9, 10**12, 1, 999_900_000_000_000_000_000),
    ],
)
def test_a_line_is_quantity_times_price_less_discount(quantity: int, price: int, discount: int, amount: int) -> None:
    assert line_amount(quantity, price, discount) == amount


@pytest.mark.requirement("ENT-03")
@pytest.mark.parametrize("discount", [-1, 10_001])
def test_a_discount_is_from_nothing_to_everything(discount: int) -> None:
    with pytest.raises(MoneyError):
        line_amount(1, 100, discount)


@pytest.mark.requirement("SET-03")
@pytest.mark.parametrize(
    ("amount", "points", "part"), [(10_000, 1300, 1300), (50, 100, 1), (49, 100, 0), (-50, 100, -1)]
)
def test_a_share_is_rounded_half_up(amount: int, points: int, part: int) -> None:
    assert share(amount, points) == part


@pytest.mark.requirement("APR-07")
@pytest.mark.parametrize(
    ("amount", "source", "target", "converted"),
    [
        (10_000, "USD", "CNY", 71_000),
        (1_000, "JPY", "CNY", 4_700),  # 1 000 yen at 0.047
        (4_700, "CNY", "JPY", 1_000),
        (1_000, "KWD", "CNY", 2_310),  # one dinar is 1000 fils
        (2_310, "CNY", "KWD", 1_000),
        (1, "JPY", "CNY", 5),  # 4.7 fen
        (5, "XXX", "XXX", 5),  # its own currency needs no rate
        (0, "USD", "KWD", 0),
    ],
)
def test_conversion_minds_the_decimals_of_both(amount: int, source: str, target: str, converted: int) -> None:
    assert convert(amount, source, target, RATES) == converted


@pytest.mark.requirement("APR-07")
@pytest.mark.parametrize("rates", [{}, {"CNY": Decimal(1)}, {"CNY": Decimal(1), "USD": Decimal(0)}])
def test_conversion_without_a_rate_is_refused(rates: dict[str, Decimal]) -> None:
    with pytest.raises(MoneyError, match="no rate for USD"):
        convert(100, "USD", "CNY", rates)


@pytest.mark.requirement("ENT-03")
@given(amount=st.integers(-(10**15), 10**15), source=CURRENCIES, target=CURRENCIES)
def test_conversion_is_off_by_half_a_minor_unit_at_most(amount: int, source: str, target: str) -> None:
    exact = Fraction(from_minor(amount, source)) * Fraction(RATES[source]) / Fraction(RATES[target])
    converted = convert(amount, source, target, RATES)
    assert abs(converted - exact * 10 ** exponent(target)) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("minor", "currency", "locale", "text"),
    [
        (123_450, "CNY", "zh_CN", "¥1,234.50"),
        (123_450, "CNY", "en", "CN¥1,234.50"),
        (-123_450, "USD", "en", "-$1,234.50"),
        (1_234, "JPY", "en", "¥1,234"),
        (1_500, "IQD", "en", "IQD1.500"),  # daily use has no decimals, the currency has three
        (0, "CNY", "zh_CN", "¥0.00"),
        (10**32, "CNY", "zh_CN", "¥1,000,000,000,000,000,000,000,000,000,000.00"),
    ],
)
def test_amounts_are_written_with_the_decimals_of_their_currency(
    minor: int, currency: str, locale: str, text: str
) -> None:
    assert format_amount(minor, currency, locale).replace("\xa0", "") == text


@pytest.mark.parametrize(
    ("minor", "words"),
    [
        (0, "零元整"),
        (5, "伍分"),
        (50, "伍角整"),
        (55, "伍角伍分"),
        (100, "壹元整"),
        (105, "壹元零伍分"),
        (150, "壹元伍角整"),
        (1000, "壹拾元整"),
        (32_504, "叁佰贰拾伍元零肆分"),
        (101_000, "壹仟零壹拾元整"),
        (168_032, "壹仟陆佰捌拾元叁角贰分"),
        (1_640_902, "壹万陆仟肆佰零玖元零贰分"),
        (10_700_053, "壹拾万柒仟元伍角叁分"),
        (10_000_100, "壹拾万零壹元整"),
        (1_001_000_000, "壹仟零壹万元整"),
        (10_001_000_100, "壹亿零壹万零壹元整"),
        (123_456_789_012_345, "壹万贰仟叁佰肆拾伍亿陆仟柒佰捌拾玖万零壹佰贰拾叁元肆角伍分"),
        (10**14, "壹万亿元整"),
        (10**18 + 1, "壹亿亿元零壹分"),
        (-105, "负壹元零伍分"),
    ],
)
def test_chinese_capitals(minor: int, words: str) -> None:
    assert in_chinese_capitals(minor) == words


def _value(words: str) -> int:
    """Reads capitals back, as fen."""
    yuan, _, rest = words.removeprefix("负").rpartition("元")
    digits = {digit: value for value, digit in enumerate("零壹贰叁肆伍陆柒捌玖")}
    total = part = digit = 0
    for word in yuan:
        if word in digits:
            digit = digits[word]
        elif word in "拾佰仟":
            part, digit = part + digit * 10 ** (1 + "拾佰仟".index(word)), 0
        else:  # 万 counts what stands before it since the last 亿, 亿 all that stands before it
            total, part, digit = (
                (total, (part + digit) * 10**4, 0) if word == "万" else ((total + part + digit) * 10**8, 0, 0)
            )
    cents = rest.removesuffix("整")
    jiao = digits[cents[cents.index("角") - 1]] if "角" in cents else 0
    fen = digits[cents[cents.index("分") - 1]] if "分" in cents else 0
    return ((total + part + digit) * 10 + jiao) * 10 + fen


@given(minor=st.integers(0, 10**24))
def test_chinese_capitals_say_the_amount_and_never_double_a_zero(minor: int) -> None:
    words = in_chinese_capitals(minor)
    assert _value(words) == minor
    assert "零零" not in words
    assert in_chinese_capitals(-minor) == (f"负{words}" if minor else words)
