"""Why something from outside is refused, in Chinese. Contracts and the database keep the sentence in English, which is
for programmers of other systems as well; its figures are read out of it again, with the templates of `locale/errors`.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from string import Formatter

from shared.words import FOLDER, Language, words

ERRORS = FOLDER / "errors"
_PLACED = re.compile(r"((?:.+?, )?lines? [0-9][0-9, -]*(?: and [0-9]+ more)?): (.*)", re.DOTALL)
"""A reason after its place in a file."""


_A_PLACE = re.compile(r"\S+|(?:step|group) '[^']*'")
"""A file, a key, a table, a step or a group, before what is wrong there."""


def reason(code: str, english: str, language: Language) -> str:
    """Why a field, a file or a command line is refused, by its code; what no template fits stays in English."""
    if language == "en":
        return english
    placed = _PLACED.fullmatch(english)
    if placed and code != "file":
        return f"{place(placed[1], language)}：{_chinese(code, placed[2])}"
    return _chinese(code, english)


def place(english: str, language: Language) -> str:
    """Where in a file something stands."""
    return english if language == "en" else _chinese("place", english)


def fault(english: str, language: Language) -> str:
    """A fault of a definition, a policy or a map, with its places before it."""
    if language == "en":
        return english
    where, colon, what = english.partition(": ")
    if not (colon and _A_PLACE.fullmatch(where)):
        whole = _chinese("rule", english)
        if whole != english or not colon:
            return whole
    return f"{_chinese('rule_place', where)}：{fault(what, language)}"


def _chinese(code: str, english: str) -> str:
    for pattern, chinese in _templates().get(code, ()):
        found = pattern.fullmatch(english)
        if found:
            return chinese.format_map(
                {name: _IN_WORDS.get(name, str)(text) for name, text in found.groupdict().items()}
            )
    return english


_IN_WORDS: Mapping[str, Callable[[str], str]] = {
    "expected": lambda text: text.replace(" or ", ", ").replace(", ", "、"),
    "roles": lambda text: "、".join(_in_chinese("roles", each) for each in text.split(", ")),
    "sale_type": lambda text: _in_chinese("sale_types", text),
    "state": lambda text: _in_chinese("states", text),
}
"""Values that are words themselves."""


def _in_chinese(kind: str, text: str) -> str:
    """A word that stands there as its code or in English."""
    return next((entry["zh"] for code, entry in words(kind).items() if text in (code, entry["en"])), text)


def as_pattern(template: str) -> re.Pattern[str]:
    """What the template has made: its text, with anything at its {names}, and the same at the same name."""
    pattern, seen = "", set[str]()
    for text, name, *_ in Formatter().parse(template):
        pattern += re.escape(text)
        if name:
            pattern += f"(?P={name})" if name in seen else f"(?P<{name}>.*)"
            seen.add(name)
    return re.compile(pattern, re.DOTALL)


@cache
def templates() -> Mapping[str, Mapping[str, str]]:
    """By code: English templates and their Chinese. What a person is answered may be the reason, too."""
    files = [tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(ERRORS.glob("*.toml"))]
    answers = {code: {entry["en"]: entry["zh"]} for code, entry in words("answers").items()}
    return {code: entries for file in (*files, answers) for code, entries in file.items()}


@cache
def _templates() -> Mapping[str, list[tuple[re.Pattern[str], str]]]:
    return {
        code: [(as_pattern(english), chinese) for english, chinese in entries.items()]
        for code, entries in templates().items()
    }
