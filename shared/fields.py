"""Reading a TOML table field by field: a fault is noted with its place and reading goes on, so that all are told."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import TypeVar

from shared.calendar import Deadline, parse_deadline

T = TypeVar("T")

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_KINDS: Mapping[type, str] = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    date: "a date such as 2026-01-01",
    list: "a list",
    dict: "a table",
}


@dataclass(slots=True)
class Fields:
    """A table, where it stands, and the list that its faults are added to. A faulty field reads as a neutral value."""

    table: Mapping[str, object]
    place: str
    faults: list[str]
    _seen: set[str] = field(default_factory=set)

    def fault(self, words: str) -> None:
        self.faults.append(f"{self.place}: {words}")

    def has(self, key: str) -> bool:
        return key in self.table

    def text(self, key: str) -> str:
        value = self._take(key, str, "")
        if value == "" and self.table.get(key) == "":
            self.fault(f"'{key}' is empty")
        return value

    def name(self, key: str) -> str:
        """A code that things are known by."""
        name = self.text(key)
        if name and not _NAME.fullmatch(name):
            self.fault(f"'{key}' is '{name}'; it takes small letters, digits and _")
        return name

    def title(self, key: str) -> Mapping[str, str]:
        """Words in Chinese and English."""
        table = self.inner(key)
        words = {language: table.text(language) for language in ("zh", "en")}
        table.refuse_others()
        return MappingProxyType(words)

    def choice(self, key: str, words: Collection[str]) -> str:
        """One word out of a closed list; empty where it is faulty."""
        value = self.text(key)
        if value and value not in words:
            self.fault(f"'{key}' is '{value}', not one of {', '.join(words)}")
        return value if value in words else ""

    def number(self, key: str, least: int = 0, most: int | None = None) -> int:
        """A whole number within limits, both included."""
        value = self._take(key, int, least)
        if value < least or (most is not None and value > most):
            limits = f"at least {least}" if most is None else f"from {least} to {most}"
            self.fault(f"'{key}' is {value} and must be {limits}")
        return value

    def day(self, key: str) -> date:
        return self._take(key, date, date.min)

    def duration(self, key: str) -> Deadline:
        """A deadline such as "1 working day"."""
        text = self.text(key)
        try:
            return parse_deadline(text) if text else Deadline(1, "working_day")
        except ValueError as error:
            self.fault(f"'{key}': {error}")
            return Deadline(1, "working_day")

    def texts(self, key: str, words: Collection[str] | None = None) -> tuple[str, ...]:
        """A list of different texts, each out of a closed list where one is given."""
        values = self._take(key, list, [])
        for value in values:
            if type(value) is not str or not value:
                self.fault(f"'{key}' holds {value!r}, which is not text")
            elif words is not None and value not in words:
                self.fault(f"'{key}' holds '{value}', not one of {', '.join(words)}")
        texts = tuple(value for value in values if type(value) is str)
        for value in dict.fromkeys(texts):
            if texts.count(value) > 1:
                self.fault(f"'{key}' holds '{value}' twice")
        return texts

    def decimal(self, key: str) -> Decimal:
        """A positive fraction; a whole number is one too."""
        value = self.table.get(key)
        if type(value) is int:
            value = Decimal(value)
        self._seen.add(key)
        if not isinstance(value, Decimal) or not value.is_finite() or value <= 0:
            self.fault(f"'{key}' must be a number above 0, not {self.table.get(key)!r}")
            return Decimal(1)
        return value

    def span(self, key: str, most: int) -> tuple[int, int]:
        """Two whole numbers from 0 to `most`, the second above the first."""
        values = self._take(key, list, [0, most])
        if len(values) == 2 and all(type(value) is int for value in values) and 0 <= values[0] < values[1] <= most:
            return values[0], values[1]
        self.fault(f"'{key}' must be two whole numbers from 0 to {most}, the second above the first, not {values!r}")
        return 0, most

    def inner(self, key: str) -> "Fields":
        """A table inside this one."""
        return Fields(self._take(key, dict, {}), f"{self.place}: {key}", self.faults)

    def tables(self, key: str) -> list[dict[str, object]]:
        """An array of tables ([[key]]); empty where it is missing."""
        values = self._take(key, list, []) if self.has(key) else []
        for value in values:
            if type(value) is not dict:
                self.fault(f"'{key}' holds {value!r}, which is not a table")
        return [value for value in values if type(value) is dict]

    def refuse_others(self) -> None:
        """Notes every key that nothing has asked for."""
        for key in self.table:
            if key not in self._seen:
                self.fault(f"unknown key '{key}'; known are {', '.join(sorted(self._seen))}")

    def _take(self, key: str, kind: type[T], neutral: T) -> T:
        self._seen.add(key)
        if key not in self.table:
            self.fault(f"'{key}' is missing")
            return neutral
        value = self.table[key]
        if type(value) is not kind:  # exactly: True is no number, a time of day is no date
            self.fault(f"'{key}' must be {_KINDS[kind]}, not {value!r}")
            return neutral
        return value
