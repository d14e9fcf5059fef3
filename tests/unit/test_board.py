"""The live board fits the terminal, whatever its width and language."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from messages.batch import Department
from shared.words import LANGUAGES, Language, word
from workers.demo.board import COLUMNS, LESS_IMPORTANT, Board

STATES = {"archived": 1_204, "in_review": 37, "returned": 2, "reserved": 120, "shipped": 99, "cancelled": 1}


def departments(orders: int) -> dict[str, dict[str, Any]]:
    """As busy as may be: with so many orders in every column."""
    row = {
        "waiting": orders, "in_work": orders, "handled": orders, "people": orders, "world": orders, "dead": orders,
        "workers": 16, "oldest_at": datetime.now(UTC) - timedelta(seconds=orders),
    }  # fmt: skip
    return {name.value: row for name in Department}


def drawn(width: int, language: Language, orders: int) -> list[str]:
    """The lines on a terminal of so many columns."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None, legacy_windows=False)
    board = Board(2_000, language)
    with console.capture() as capture:
        console.print(board.draw(departments(orders), STATES, 1_466, width))
    return capture.get().splitlines()


@pytest.mark.parametrize("orders", [0, 9, 12_345, 999_999])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_it_fits_and_cuts_nothing(width: int, language: Language, orders: int) -> None:
    lines = drawn(width, language, orders)
    assert all(cell_len(line) <= width for line in lines), lines
    heading, *rows = lines[1:8]
    assert "…" not in "".join(lines)
    for name, row in zip(Department, rows, strict=True):
        assert row.startswith(word("departments", name, language))
        assert row.rstrip().count(str(orders)) >= (3 if orders else 0), "a number is cut"
    bar, done = lines[-2:]
    assert 0.5 < bar.count("━") / min(width, 80) < 0.65
    assert done.rstrip() == {"en": "1210 of 2000 done", "zh": "2000 份中已完成 1210 份"}[language]
    for column in ("department", "waiting", "people", "dead"):
        assert word("headings", column, language) in heading


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_least_important_columns_go_first(language: Language) -> None:
    shown = {
        width: [column for column in COLUMNS if word("headings", column, language) in drawn(width, language, 12_345)[1]]
        for width in range(50, 201, 10)
    }
    for width, columns in shown.items():
        assert columns == [column for column in COLUMNS if column not in LESS_IMPORTANT[: len(COLUMNS) - len(columns)]]
        assert len(columns) >= len(shown[max(width - 10, 50)])
    assert len(shown[200]) == len(COLUMNS)
    assert len(shown[50]) < len(COLUMNS)


def test_chinese_needs_no_more_than_eighty_columns() -> None:
    assert all(word("headings", column, "zh") in drawn(80, "zh", 999)[1] for column in COLUMNS)
