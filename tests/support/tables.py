"""Reading the tables of a README: `code | … | number` under a heading, and whether a row stands there."""

import re
from pathlib import Path

_CODE = re.compile(r"`([^`]*)`")


def sections(path: Path) -> dict[str, list[list[str]]]:
    """The rows of every table, as cells, by the English part of the heading that they stand under."""
    found: dict[str, list[list[str]]] = {}
    heading = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ").partition(" ")[2]
        elif line.startswith("|") and not line.startswith("|---"):
            found.setdefault(heading, []).append([cell.strip() for cell in line.strip("|").split("|")])
    return {heading: rows[1:] for heading, rows in found.items()}


def counts(rows: list[list[str]]) -> dict[str, int]:
    """The number in the last column by the code in the first."""
    return {_CODE.findall(row[0])[0]: int(row[-1]) for row in rows}


def codes(rows: list[list[str]]) -> set[str]:
    """Every code in the first column."""
    return {code for row in rows for code in _CODE.findall(row[0])}
