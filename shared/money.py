"""Money in whole minor units of a currency (分), exact; every rounding is half up, away from zero (ENT-03)."""

from collections.abc import Mapping
from copy import copy
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from typing import Any

_WHOLE_BASIS_POINTS = 10_000
_MOST_DIGITS = 40  # of what comes in from outside: 1E+999999 is a short text and a long number

# ISO 4217: the currencies whose decimals are not two.
_NO_DECIMALS = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"}
    | {"RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


class MoneyError(ValueError):
    """An amount that cannot be: too many decimals, not a number, an unknown currency or rate."""


def exponent(currency: str) -> int:
    """How many decimals the currency has: JPY 0, CNY 2, KWD 3. Raises MoneyError for what is no currency code."""
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper()):
        raise MoneyError(f"'{currency}' is not a currency code such as CNY")
    if currency in _NO_DECIMALS:
        return 0
    return 3 if currency in _THREE_DECIMALS else 2


def to_minor(amount: Decimal, currency: str, *, rounding: bool = False) -> int:
    """Minor units of an amount. Raises MoneyError where it has more decimals than the currency, unless rounding."""
    if not amount.is_finite() or (amount and abs(amount.adjusted()) > _MOST_DIGITS):
        raise MoneyError(f"{amount} is not an amount")
    numerator, denominator = amount.as_integer_ratio()
    numerator *= 10 ** exponent(currency)
    if numerator % denominator and not rounding:
        raise MoneyError(f"{amount} has more decimals than the {exponent(currency)} of {currency}")
    return round_half_up(numerator, denominator)


def from_minor(minor: int, currency: str) -> Decimal:
    """The amount, with all decimals of its currency: 1050 of CNY is 10.50."""
    sign, digits = int(minor < 0), tuple(int(digit) for digit in str(abs(minor)))
    return Decimal((sign, digits, -exponent(currency)))


def round_half_up(numerator: int, denominator: int) -> int:
    """The whole number nearest to a fraction; a half goes away from zero, so that a credit note mirrors its invoice."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    magnitude = (2 * abs(numerator) + denominator) // (2 * denominator)
    return magnitude if numerator >= 0 else -magnitude


def share(amount_minor: int, basis_points: int) -> int:
    """So many hundredths of a percent of an amount, rounded half up."""
    return round_half_up(amount_minor * basis_points, _WHOLE_BASIS_POINTS)


def line_amount(quantity: int, unit_price_minor: int, discount_basis_points: int) -> int:
    """Quantity × unit price less discount, rounded half up to the minor unit (ENT-03)."""
    if not 0 <= discount_basis_points <= _WHOLE_BASIS_POINTS:
        raise MoneyError(f"a discount of {discount_basis_points} basis points is not from 0 to {_WHOLE_BASIS_POINTS}")
    return share(quantity * unit_price_minor, _WHOLE_BASIS_POINTS - discount_basis_points)


def convert(amount_minor: int, from_currency: str, to_currency: str, rates: Mapping[str, Decimal]) -> int:
    """The amount in the other currency, rounded half up once at the end.

    `rates` say what one unit of a currency is worth in one common currency. Raises MoneyError where one is missing.
    """
    if from_currency == to_currency:
        return amount_minor
    scale = Fraction(10) ** (exponent(to_currency) - exponent(from_currency))
    exact = amount_minor * _rate(from_currency, rates) / _rate(to_currency, rates) * scale
    return round_half_up(exact.numerator, exact.denominator)


def _rate(currency: str, rates: Mapping[str, Decimal]) -> Fraction:
    rate = rates.get(currency)
    if rate is None or not rate.is_finite() or rate <= 0:
        raise MoneyError(f"there is no rate for {currency}")
    return Fraction(rate)


def format_amount(minor: int, currency: str, locale: str) -> str:
    """The amount as people write it: ¥1,234.50 in "zh_CN", CN¥1,234.50 in "en"; always the currency's own decimals."""
    pattern = _pattern(locale, exponent(currency))
    with localcontext(prec=len(str(minor)) + 10):  # the usual precision would refuse amounts of more than 28 digits
        text: str = pattern.apply(from_minor(minor, currency), locale, currency=currency, currency_digits=False)
    return text


@lru_cache(maxsize=64)
def _pattern(locale: str, decimals: int) -> Any:
    """The locale's way of writing money, with so many decimals: its own table knows the daily use, not ISO 4217."""
    from babel import Locale  # loads locale data: workers that show nothing stay small

    pattern = copy(Locale.parse(locale).currency_formats["standard"])
    pattern.frac_prec = (decimals, decimals)
    return pattern


_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("仟", "佰", "拾", "")


def in_chinese_capitals(minor: int) -> str:
    """大写金额 of an amount in fen, as banks want it on documents: 105 is 壹元零伍分, 1000 is 壹拾元整."""
    yuan, cents = divmod(abs(minor), 100)
    jiao, fen = divmod(cents, 10)
    words = f"{_capitals(yuan)}元" if yuan or not cents else ""
    if jiao:
        words += f"{_DIGITS[jiao]}角"
    elif fen and yuan:
        words += "零"
    words += f"{_DIGITS[fen]}分" if fen else "整"
    return f"负{words}" if minor < 0 else words


def _capitals(number: int) -> str:
    """A whole number in capitals, split at 亿 and at 万; a gap of zeros between two parts is read as one 零."""
    for unit, size in (("亿", 10**8), ("万", 10**4)):
        if number >= size:
            high, low = divmod(number, size)
            gap = "零" if low and low < size // 10 else ""
            return f"{_capitals(high)}{unit}{gap}{_capitals(low) if low else ''}"
    if number == 0:
        return _DIGITS[0]
    words = ""
    for digit, place in zip(f"{number:04}", _PLACES, strict=True):
        if digit != "0":
            words += _DIGITS[int(digit)] + place
        elif words and not words.endswith(_DIGITS[0]):
            words += _DIGITS[0]
    return words.rstrip(_DIGITS[0])
