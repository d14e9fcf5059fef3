"""A document as PDF on A4, by typst. What people wrote goes in as data and comes out as text, never as markup."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from workers.documents.paper import Paper

_TEMPLATE = Path(__file__).parent / "paper.typ"
_LONGEST_WORD = 24
# What steers the direction of text could show a name as another one.
_STEERING = dict.fromkeys(
    (*range(10), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
)


class NotPrintable(Exception):
    """It cannot be set, whoever tries."""


def to_pdf(paper: Paper) -> bytes:
    """The file. The same document gives the same bytes. Raises `NotPrintable`."""
    import typst

    content = msgspec.to_builtins(paper)
    data = msgspec.json.encode(_shown(content)).decode()
    try:
        made: bytes = _compiler().compile(format="pdf", sys_inputs={"paper": data}, timestamp=0)
    except typst.TypstError as error:
        raise NotPrintable(f"{paper.title} {paper.number}: {error}") from error
    return made


@cache
def _compiler() -> Any:
    """One for the process: it keeps the font, and of the template what does not change."""
    import pylopdf_fonts_zh_cn
    import typst

    fonts = Path(pylopdf_fonts_zh_cn.__file__).parent
    return typst.Compiler(str(_TEMPLATE), font_paths=[str(fonts)], ignore_system_fonts=True)


def _shown(value: Any) -> Any:
    """The same with every text as it can be set: nothing that cannot be seen, no word wider than a column."""
    if isinstance(value, str):
        return " ".join(_breakable(word) for word in value.translate(_STEERING).split(" "))
    if isinstance(value, dict):
        return {name: _shown(each) for name, each in value.items()}
    return [_shown(each) for each in value] if isinstance(value, list | tuple) else value


def _breakable(word: str) -> str:
    if len(word) <= _LONGEST_WORD or not word.isascii():
        return word
    return "\u200b".join(word[place : place + _LONGEST_WORD] for place in range(0, len(word), _LONGEST_WORD))
