"""Tables of reports as CSV and XLSX. Text stays text: no cell that came from outside is run as a formula.

Chinese is UTF-8; the CSV begins with a byte order mark, without which Excel reads it as something else.
"""

import csv
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from shared.calendar import BUSINESS_ZONE

Cell = str | int | Decimal | date | datetime | bool | None

_RUN_AS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_csv(path: Path, headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    """Write the table; returns how many rows it has. Text that a spreadsheet would run begins with an apostrophe.

    Raises OSError where the file cannot be written.
    """
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(map(_plain, headings))
        for count, row in enumerate(rows, 1):  # noqa: B007 - the last number is the answer
            writer.writerow(map(_plain, row))
    return count


def write_xlsx(path: Path, headings: Sequence[str], rows: Iterable[Sequence[Cell]], title: str = "") -> int:
    """Write the table as one sheet; returns how many rows it has. Numbers are numbers, text is exactly what it was but
    for control characters, which the format cannot hold.

    Raises OSError where the file cannot be written.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31] or None)
    assert isinstance(sheet, WriteOnlyWorksheet), "the book is written only"
    sheet.freeze_panes = "A2"
    sheet.append([_typed(sheet, heading) for heading in headings])
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 - the last number is the answer
        sheet.append([_typed(sheet, cell) for cell in row])
    book.save(path)
    return count


def _plain(cell: Cell) -> str:
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(_RUN_AS_FORMULA) else cell
    if isinstance(cell, datetime):
        return cell.astimezone(BUSINESS_ZONE).strftime("%Y-%m-%d %H:%M:%S")
    return "" if cell is None else str(cell)


def _typed(sheet: WriteOnlyWorksheet, cell: Cell) -> object:
    if isinstance(cell, datetime):
        return cell.astimezone(BUSINESS_ZONE).replace(tzinfo=None)
    if not isinstance(cell, str):
        return cell
    text = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("�", cell))
    text.data_type = "s"  # a leading = would make it a formula
    return text
