"""Master data: CSV files of a company folder, each owned by a department or the core, checked whole before saving."""

import csv
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.database import Session

M = TypeVar("M", bound="MasterRow")


class MasterRow(BaseModel):
    """One line of a master data file. Values arrive as text and are converted; unknown columns are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class MasterFile(Generic[M]):
    """`<name>.csv`: how a line reads, and the set-based upsert that saves all of them and may return waits to wake."""

    name: str
    model: type[M]
    save: Callable[[Session, Sequence[M]], Collection[str] | None]


@dataclass(frozen=True, slots=True)
class MasterError:
    """One bad value: file, line in the file (the heading is line 1), column, reason and its code."""

    file: str
    line: int
    column: str
    reason: str
    code: str = "master"


def read(path: Path, file: MasterFile[Any]) -> tuple[list[MasterRow], list[MasterError]]:
    """Read one CSV (UTF-8, with or without BOM). An empty cell is an absent value: the column's default applies."""
    rows: list[MasterRow] = []
    errors: list[MasterError] = []
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for line, cells in enumerate(csv.DictReader(stream), start=2):
            given = {name: value for name, value in cells.items() if value not in (None, "")}
            try:
                rows.append(file.model.model_validate(given))
            except ValidationError as invalid:
                errors += [
                    MasterError(path.name, line, ".".join(map(str, each["loc"])), *_reason(each["type"], each["msg"]))
                    for each in invalid.errors(include_url=False)
                ]
    return rows, errors


def _reason(code: str, words: str) -> tuple[str, str]:
    """What a check of ours said stands by itself; pydantic's own faults have codes of their own."""
    return (words.removeprefix("Value error, "), "master") if code == "value_error" else (words, code)
