"""The words of codes, in Chinese and English: findings, states, events, roles, and what the command line says."""

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

from shared.calendar import BUSINESS_ZONE
from shared.money import format_amount

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
FOLDER = Path(__file__).parent / "locale"
_LOCALE: Mapping[Language, str] = {"zh": "zh_CN", "en": "en"}
_LISTED: Mapping[Language, str] = {"zh": "、", "en": ", "}


def word(kind: str, code: str, language: Language) -> str:
    """The word for a code of `shared/locale/*.toml`; the code itself where there is none."""
    entry = _words().get(kind, {}).get(code)
    return entry[language] if entry else code


def words(kind: str) -> Mapping[str, Mapping[str, str]]:
    """All words of a kind: by code and language."""
    return _words()[kind]


def explain(finding: Mapping[str, Any], language: Language) -> str:
    """A finding in a sentence: what does not hold, with its figures."""
    return _sentence(finding, language, "")


def remedy(finding: Mapping[str, Any], language: Language) -> str:
    """What would satisfy the rule; empty where nothing is known to."""
    return _sentence(finding, language, "remedy_")


def sentence(kind: str, code: str, values: Mapping[str, Any], language: Language) -> str:
    """A sentence with its values; the code itself where there is none."""
    entry = _words().get(kind, {}).get(code)
    return _fill(entry[language], values, language) if entry else code


def answer(code: str, values: Mapping[str, Any], language: Language) -> str:
    """An answer to a person, such as why they may not decide a task."""
    return sentence("answers", code, values, language)


def money(minor: int, currency: str, language: Language) -> str:
    """An amount with its currency."""
    return format_amount(minor, currency, _LOCALE[language])


def grounds(basis: Mapping[str, Any], language: Language) -> list[str]:
    """What a decision rested on, a phrase for each figure that is known."""
    phrases = []
    for name, value in basis.items():
        if name not in TOLD_ELSEWHERE and value not in (None, {}):
            shown = _figure(name, value, basis, language)
            entry = _words()["basis"].get(name)
            phrases.append(_fill(entry[language], {"value": shown}, language) if entry else f"{name} {shown}")
    return phrases


TOLD_ELSEWHERE = frozenset({"currency", "reasons"})
"""Of a basis: the currency stands with its amounts, and the reasons are findings of the same event."""


def notice(kind: str, data: Mapping[str, Any], language: Language) -> str:
    """A notice in a sentence; what an event did not say is left out."""
    entry = _words()["notices"].get(kind)
    moments = {name: datetime.fromisoformat(data[name]) for name in _MOMENTS if data.get(name)}
    return _fill(entry[language], {**_UNSAID, **data, **moments}, language) if entry else kind


_MOMENTS = ("due", "valid_until")
_UNSAID = dict.fromkeys(("reason", "requested_change", "delivery_date", "step"), "–")


def moment(at: datetime) -> str:
    """A moment as people here read it."""
    return f"{at.astimezone(BUSINESS_ZONE):%Y-%m-%d %H:%M}"


def known_findings() -> frozenset[str]:
    """Every code that has words."""
    return frozenset(_findings())


def _sentence(finding: Mapping[str, Any], language: Language, prefix: str) -> str:
    entry = _findings().get(finding["code"])
    if entry is None:
        return "" if prefix else f"{finding['code']} {finding.get('subject', '')} {dict(finding['values'])}".strip()
    return _fill(
        entry.get(prefix + language, ""), {"subject": finding.get("subject", ""), **finding["values"]}, language
    )


def _fill(text: str, values: Mapping[str, Any], language: Language) -> str:
    shown = {name: _shown(name, value, values, language) for name, value in values.items()}
    return text.format_map(_Lenient(shown))


def _shown(name: str, value: Any, values: Mapping[str, Any], language: Language) -> str:
    if name.endswith("_minor") and isinstance(value, int) and "currency" in values:
        return money(value, values["currency"], language)
    if name in _KINDS and isinstance(value, str):
        return _LISTED[language].join(word(_KINDS[name], code, language) for code in value.split()) or "–"
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, str) and (name == "at" or name.endswith("_at")):  # as it was kept
        return _kept_moment(value)
    return "" if value is None else str(value)


def _kept_moment(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment(at) if at.tzinfo else text


_KINDS = {"state": "states", "decision": "choices", "roles": "roles", "held": "roles"}
"""Values that are codes themselves, or several, and the kind of word that each is."""


class _Lenient(dict[str, str]):
    """A value that an old finding does not have is shown by its name rather than hiding the whole sentence."""

    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"


def _figure(name: str, value: Any, basis: Mapping[str, Any], language: Language) -> str:
    """A value of a basis as people read it; its name says what it is."""
    if isinstance(value, dict):
        return _LISTED[language].join(_named(name, key, each, basis, language) for key, each in value.items())
    if isinstance(value, list):
        return _LISTED[language].join(_figure(name.removesuffix("s"), each, basis, language) for each in value)
    if name.endswith("_minor") and "currency" in basis:
        return money(value, basis["currency"], language)
    if name.endswith("_basis_points"):
        return f"{value / 100:g} %"
    if name.endswith("_grams"):
        return f"{Decimal(value) / 1000:,f} kg"
    if name == "at" or name.endswith("_at"):
        return f"{datetime.fromisoformat(value).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    code, _, days = str(value).partition("_") if name == "terms" else (str(value), "", "")
    entry = _words()["basis_values"].get(f"{name}.{code}")
    return _fill(entry[language], {"days": days}, language) if entry else str(value)


def _named(name: str, key: str, value: Any, basis: Mapping[str, Any], language: Language) -> str:
    """A value that has a key beside it: a product, a line, or what it counts."""
    entry = _words()["basis_values"].get(f"{name}.{key}")
    shown = _figure(name, value, basis, language)
    if isinstance(value, dict):
        return f"{key}（{shown}）" if language == "zh" else f"{key} ({shown})"
    if entry:
        return f"{entry[language]} {shown}"
    return f"{key}：{shown}" if language == "zh" else f"{key}: {shown}"


@cache
def _findings() -> dict[str, dict[str, str]]:
    return {
        code: entry
        for path in sorted((FOLDER / "findings").glob("*.toml"))
        for code, entry in tomllib.loads(path.read_text(encoding="utf-8")).items()
    }


@cache
def _words() -> dict[str, dict[str, dict[str, str]]]:
    files = (tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.toml")))
    return {kind: words for file in files for kind, words in file.items()}
