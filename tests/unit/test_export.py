"""Tables of reports in files: what stands in a cell comes out as it was, and is never run."""

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from workers.reports.export import Cell, write_csv, write_xlsx

HEADINGS = ("客户", "amount", "day", "at", "remarks")
ROWS: list[tuple[Cell, ...]] = [
    ("上海明珠", Decimal("-12.30"), date(2026, 11, 1), datetime(2026, 11, 1, 16, 0, tzinfo=UTC), '引号"逗号,换行\n'),
    ("=1+1", 7, None, None, ""),
]


def test_a_csv_opens_in_excel_with_its_chinese_and_exact_amounts(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    assert write_csv(path, HEADINGS, ROWS) == 2
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert [*csv.reader(file)] == [
            [*HEADINGS],
            ["上海明珠", "-12.30", "2026-11-01", "2026-11-02 00:00:00", '引号"逗号,换行\n'],
            ["'=1+1", "7", "", "", ""],
        ]


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_text_is_run_as_a_formula(tmp_path: Path, text: str) -> None:
    write_csv(tmp_path / "a.csv", ("x",), [(text,)])
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [*csv.reader(file)][1] == [f"'{text}"]
    write_xlsx(tmp_path / "a.xlsx", ("x",), [(text,)])
    cell = openpyxl.load_workbook(tmp_path / "a.xlsx").worksheets[0]["A2"]
    assert cell.data_type == "s"
    assert str(cell.value).replace("_x000D_", "\r").strip() == text.strip()


def test_a_sheet_has_numbers_days_and_text_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "report.xlsx"
    assert write_xlsx(path, HEADINGS, ROWS, "结算统计") == 2
    sheet = openpyxl.load_workbook(path)["结算统计"]
    assert [cell.value for cell in sheet[1]] == [*HEADINGS]
    assert [cell.value for cell in sheet[2]] == [
        "上海明珠",
        -12.3,
        datetime(2026, 11, 1),  # noqa: DTZ001 - a spreadsheet knows no zones
        datetime(2026, 11, 2),  # noqa: DTZ001
        '引号"逗号,换行\n',
    ]
    assert sheet["A3"].value == "=1+1"
    assert sheet["A3"].data_type == "s"


def test_what_the_format_cannot_hold_is_replaced(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "a.xlsx", ("x",), [("a\x00b",)])
    assert openpyxl.load_workbook(tmp_path / "a.xlsx").worksheets[0]["A2"].value == "a�b"


def test_an_empty_table_has_its_headings(tmp_path: Path) -> None:
    assert write_csv(tmp_path / "a.csv", HEADINGS, []) == 0
    assert (tmp_path / "a.csv").read_text(encoding="utf-8-sig").strip() == ",".join(HEADINGS)
