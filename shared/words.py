"""The words of codes: findings, states, events, roles and answers, in Chinese and English."""

import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

from shared.money import format_amount
from shared.numbering import BUSINESS_ZONE

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
FOLDER = Path(__file__).parent / "locale"
_LOCALE: Mapping[Language, str] = {"zh": "zh_CN", "en": "en"}


def word(kind: str, code: str, language: Language) -> str:
    """The word for a code of `shared/locale/words.toml`; the code itself where there is none."""
    entry = _words().get(kind, {}).get(code)
    return entry[language] if entry else code


def explain(finding: Mapping[str, Any], language: Language) -> str:
    """A finding in a sentence: what does not hold, with its figures."""
    return _sentence(finding, language, "")


def remedy(finding: Mapping[str, Any], language: Language) -> str:
    """What would satisfy the rule; empty where nothing is known to."""
    return _sentence(finding, language, "remedy_")


def sentence(kind: str, code: str, values: Mapping[str, Any], language: Language) -> str:
    """A sentence with its values."""
    return _fill(word(kind, code, language), values, language)


def answer(code: str, values: Mapping[str, Any], language: Language) -> str:
    """An answer to a person, such as why they may not decide a task."""
    entry = _words().get("answers", {}).get(code)
    return _fill(entry[language], values, language) if entry else code


def notice(kind: str, data: Mapping[str, Any], language: Language) -> str:
    """A notice in a sentence; what an event did not say is left out."""
    entry = _words()["notices"].get(kind)
    moments = {name: datetime.fromisoformat(data[name]) for name in _MOMENTS if data.get(name)}
    return _fill(entry[language], {**_UNSAID, **data, **moments}, language) if entry else kind


_MOMENTS = ("due", "valid_until")
_UNSAID = dict.fromkeys(("reason", "requested_change", "delivery_date", "step"), "–")


def remark(code: str, values: Mapping[str, Any], language: Language) -> str:
    """What is said beside an answer, such as how many tasks were decided."""
    return _fill(_words()["remarks"][code][language], values, language)


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
        return format_amount(value, values["currency"], _LOCALE[language])
    if name in ("roles", "held") and isinstance(value, str):
        return ", ".join(word("roles", role, language) for role in value.split()) or "–"
    if name in _KINDS and isinstance(value, str):
        return word(_KINDS[name], value, language)
    if isinstance(value, datetime):
        return moment(value)
    return "" if value is None else str(value)


_KINDS = {"state": "states", "decision": "choices"}
"""Values that are codes themselves, and the kind of word that each is."""


class _Lenient(dict[str, str]):
    """A value that an old finding does not have is shown by its name rather than hiding the whole sentence."""

    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"


@cache
def _findings() -> dict[str, dict[str, str]]:
    return {
        code: entry
        for path in sorted((FOLDER / "findings").glob("*.toml"))
        for code, entry in tomllib.loads(path.read_text(encoding="utf-8")).items()
    }


@cache
def _words() -> dict[str, dict[str, dict[str, str]]]:
    return tomllib.loads((FOLDER / "words.toml").read_text(encoding="utf-8"))
