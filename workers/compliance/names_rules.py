"""Screening of names (当事人筛查, CMP-01), pure: is this the party of a restricted list, a part of it, or nearly it?

What makes no difference: width, case, accents, traditional or simplified characters, punctuation, blanks, the order of
words, and the legal form (有限公司, Co., Ltd., GmbH …).
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from workers.compliance.characters_rules import SIMPLIFIED

_HAN = "㐀-鿿豈-﫿\U00020000-\U0003ffff〇"
_WORDS = re.compile(f"[{_HAN}]+|[^\\W_{_HAN}]+")
_IS_HAN = re.compile(f"[{_HAN}]")
_ACCENTS = re.compile("[\u0300-\u036f]")
_APOSTROPHES = re.compile("['\u2018\u2019`]")

# The longer before those that they contain.
_FORMS_ZH = re.compile("股份有限公司|有限责任公司|株式会社|有限会社|有限公司|股份公司|集团公司|公司|集团")
_EVERYWHERE = """
    bhd co company corp corporation gmbh inc incorporated limited llc llp ltd plc pte pty pvt sarl sdn srl
"""
_LAST = """
    ab ag as asa aps bv cv doo ek eg eurl jsc kft kg kgaa kk lda lp ltda mbh nv oao ohg ojsc ooo oy oyj pjsc private
    sa sas se spa sro ug zao zrt
"""
_FORMS = frozenset(_EVERYWHERE.split())
"""Legal forms wherever they stand but in front."""
_FORMS_AT_THE_END = _FORMS | frozenset(_LAST.split())
"""And those that are words, or initials, elsewhere."""
_FORMS_IN_FRONT = frozenset(("the", "ooo", "oao", "zao", "pao", "pt"))
_FILLERS = frozenset(("and", "of", "und", "et", "y"))

_LEAST_WORDS, _LEAST_CHARACTERS, _LEAST_SHARE_PERCENT = 2, 4, 50
"""What a shortened name must still have: words or characters, and its share of the listed name."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it is compared: its words in other scripts than Chinese in their order, and its Chinese characters."""

    words: tuple[str, ...]
    characters: str

    @property
    def text(self) -> str:
        return self.characters + "".join(self.words)


class Degree(IntEnum):
    """How a name matches: the larger the surer."""

    NEAR = 1
    """Misspelt or shortened."""
    PART = 2
    """The listed name stands in it whole."""
    SAME = 3


@dataclass(frozen=True, slots=True, order=True)
class Match:
    """`percent`: how much of the listed name is there."""

    degree: Degree
    percent: int


@dataclass(frozen=True, slots=True)
class Hit:
    """The listed name with this index, and the name that matched it best."""

    entry: int
    name: str
    match: Match


@lru_cache(maxsize=8_192)
def screen(names: tuple[str, ...], entries: tuple[str, ...], near_percent: int) -> tuple[Hit, ...]:
    """Every listed name that one of `names` matches, in the order of the list, each with its best match."""
    hits = []
    for place, entry in enumerate(entries):
        found = [
            Hit(place, name, match)
            for name in names
            if (match := compare(comparable(name), comparable(entry), near_percent))
        ]
        if found:
            hits.append(max(found, key=lambda hit: hit.match))
    return tuple(hits)


@lru_cache(maxsize=65_536)
def comparable(name: str) -> Name:
    """The name without what makes no difference. A name of nothing else is kept whole."""
    found: list[str] = _WORDS.findall(_APOSTROPHES.sub("", fold(name)))
    characters = "".join([each for each in found if _IS_HAN.match(each)])
    words = _joined_letters([each for each in found if not _IS_HAN.match(each)])
    return Name(tuple(_without_forms(words)), _FORMS_ZH.sub("", characters) or characters)


def fold(text: str) -> str:
    """Neither width (全角半角), nor case, nor accents, nor traditional characters make a difference."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", plain)).translate(SIMPLIFIED)


def _joined_letters(words: Sequence[str]) -> list[str]:
    """Single letters in a row are one word: S. A. R. L., A & B."""
    joined: list[str] = []
    growing = False
    for word in words:
        single = len(word) == 1 and word.isalpha()
        if single and growing:
            joined[-1] += word
        else:
            joined.append(word)
        growing = single
    return joined


def _without_forms(words: Sequence[str]) -> Sequence[str]:
    first, last = 0, len(words)
    while first < last - 1 and words[first] in _FORMS_IN_FRONT:
        first += 1
    while last > first + 1 and words[last - 1] in _FORMS_AT_THE_END:
        last -= 1
    kept = words[first:last]
    return [word for place, word in enumerate(kept) if place == 0 or word not in _FORMS | _FILLERS]


def compare(name: Name, entry: Name, near_percent: int) -> Match | None:
    """How a name matches one of the list: the same, with the whole of it inside, or near it (CMP-01).

    Near is: so alike that `near_percent` of the letters are the same, every listed word there though misspelt so
    little, or a shortened form of at least half the listed name.
    """
    if not entry.text:
        return None
    if name.text == entry.text or (name.characters == entry.characters and sorted(name.words) == sorted(entry.words)):
        return Match(Degree.SAME, 100)
    if _within(entry, name):
        return Match(Degree.PART, 100)
    alike = max(_likeness(name.text, entry.text, near_percent), _misspelt(name, entry, near_percent))
    if alike >= near_percent:
        return Match(Degree.NEAR, alike)
    if _distinctive(name) and _within(name, entry):
        share = len(name.text) * 100 // len(entry.text)
        return Match(Degree.NEAR, share) if share >= _LEAST_SHARE_PERCENT else None
    return None


def _distinctive(name: Name) -> bool:
    return len(name.words) >= _LEAST_WORDS or len(name.characters) >= _LEAST_CHARACTERS


def _within(part: Name, whole: Name) -> bool:
    """Whether all that `part` has stands in `whole`: characters side by side, words as words (or written apart)."""
    words = set(part.words) <= set(whole.words) or _in_a_row(whole.words, "".join(part.words))
    return words and part.characters in whole.characters


def _in_a_row(words: Sequence[str], text: str) -> bool:
    """Whether neighbours among the words make the text: Black Fin, Blackfin."""
    for first in range(len(words)):
        rest = text
        for word in words[first:]:
            if not rest.startswith(word):
                break
            rest = rest[len(word) :]
            if not rest:
                return True
    return False


def _misspelt(name: Name, entry: Name, near_percent: int) -> int:
    """How much of the listed name is there when every word may be misspelt a little; 0 where one is missing."""
    found = 0
    for word in entry.words:
        best = max((_likeness(each, word, near_percent) for each in name.words), default=0)
        if best < near_percent:
            return 0
        found += best * len(word)
    if entry.characters:
        size = len(entry.characters)
        percent = (size - _distance_within(entry.characters, name.characters)) * 100 // size
        if percent < near_percent:
            return 0
        found += percent * size
    return found // len(entry.text)


def _likeness(one: str, other: str, near_percent: int) -> int:
    """The share of the longer that need not be changed; 0 without looking where the lengths alone differ too much."""
    longer = max(len(one), len(other))
    if not longer or abs(len(one) - len(other)) * 100 > longer * (100 - near_percent):
        return 0
    return (longer - distance(one, other)) * 100 // longer


def distance(one: str, other: str) -> int:
    """How many letters to insert, leave out, replace, or exchange with their neighbour, to make one of the other."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        now = [row]
        for column, each in enumerate(other, 1):
            cost = min(last[column] + 1, now[-1] + 1, last[column - 1] + (letter != each))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == each:
                cost = min(cost, before[column - 2] + 1)
            now.append(cost)
        before, last = last, now
    return last[-1]


def _distance_within(part: str, text: str) -> int:
    """How many characters to change so that `part` stands somewhere in `text`."""
    last = [0] * (len(text) + 1)
    for row, letter in enumerate(part, 1):
        now = [row]
        for column, each in enumerate(text, 1):
            now.append(min(last[column] + 1, now[-1] + 1, last[column - 1] + (letter != each)))
        last = now
    return min(last)
