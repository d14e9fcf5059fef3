"""Rows of CSV and XLSX files: encoding and delimiter found out, and what is too large refused before it is opened."""

import codecs
import csv
import re
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from shared.settings import Settings

DELIMITERS = ",;\t|，"
_CHUNK = 1 << 20
_CELL = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{1,3})([0-9]{1,7})["']""")
_LONGEST_REFERENCE = 40
_ENDLESS = 1 << 62


class FileRefused(ValueError):
    """The file as a whole cannot be taken; the message is one sentence that says why."""


class Row(NamedTuple):
    """One row; `line` is where it begins in the file, the first being 1. XLSX cells may be numbers, dates or truths."""

    line: int
    cells: list[Any]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file's rows under their heading. `read` begins anew at each call; rows with nothing in them are left out."""

    name: str
    heading: tuple[str, ...]
    read: Callable[[], Iterator[Row]]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a map says about the file itself. None: to be found out."""

    heading_line: int = 1
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None


def open_sheet(path: Path, shape: Shape, wanted: Collection[str], settings: Settings) -> Sheet:
    """Open a CSV or XLSX file. `wanted` are the columns that will be asked for: they tell which delimiter is right.

    Raises `FileRefused` for what cannot be read, and (then, or while its rows are read) for what exceeds a limit.
    """
    check_size(path, settings)
    if path.suffix.lower() in {".xlsx", ".xlsm"}:
        return _open_xlsx(path, shape, settings)
    return _open_csv(path, shape, wanted, settings)


def check_size(path: Path, settings: Settings) -> None:
    """Raises `FileRefused` for a file above `max_file_bytes`."""
    size = path.stat().st_size
    if size > settings.max_file_bytes:
        raise FileRefused(f"{path.name} has {size} bytes; at most {settings.max_file_bytes} are taken.")


def _bounded(name: str, rows: Iterator[Row], width: int, settings: Settings) -> Iterator[Row]:
    """The rows that have something in them, as wide as the heading at least, and not too many of them."""
    count = 0
    for row in rows:
        if not "".join(map(str, row.cells)).strip():
            continue
        count += 1
        if count > settings.max_file_rows:
            raise FileRefused(f"{name} has more than {settings.max_file_rows} rows, which is the most that is taken.")
        if len(row.cells) < width:
            row.cells.extend([""] * (width - len(row.cells)))
        yield row


# -- CSV ---------------------------------------------------------------------------------------------------------------


def _open_csv(path: Path, shape: Shape, wanted: Collection[str], settings: Settings) -> Sheet:
    encoding = shape.encoding or _encoding(path)
    headings = {
        delimiter: _names(next(_csv_rows(path, encoding, delimiter, shape.heading_line), Row(0, [])).cells)
        for delimiter in (shape.delimiter or DELIMITERS)
    }
    delimiter = max(headings, key=lambda each: len(set(wanted) & set(headings[each])))
    heading = headings[delimiter]

    def read() -> Iterator[Row]:
        rows = islice(_csv_rows(path, encoding, delimiter, shape.heading_line), 1, None)
        return _bounded(path.name, rows, len(heading), settings)

    return Sheet(path.name, heading, read)


def _csv_rows(path: Path, encoding: str, delimiter: str, first: int) -> Iterator[Row]:
    """The rows from line `first` on. A row with line breaks in its cells stands where it begins."""
    line = first
    try:
        with path.open(encoding=encoding, newline="") as stream:
            for _ in islice(stream, first - 1):
                pass
            reader = csv.reader(stream, delimiter=delimiter)
            for cells in reader:
                yield Row(line, cells)
                line = first + reader.line_num
    except UnicodeError as error:
        raise FileRefused(
            f"{path.name} is not {encoding} text: {error}. The map's `encoding` says what it is."
        ) from error
    except csv.Error as error:
        raise FileRefused(f"{path.name} line {line}: {error}; is a quotation mark not closed?") from error


def _encoding(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(4)
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for name in ("utf-8", "gb18030"):
        if _decodes(path, name):
            return name
    raise FileRefused(f"{path.name} is neither UTF-8 nor GB18030 text. The map's `encoding` can say what it is.")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as stream:
        try:
            while chunk := stream.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _names(cells: Collection[Any]) -> tuple[str, ...]:
    return tuple([str(cell).strip() for cell in cells])


# -- XLSX --------------------------------------------------------------------------------------------------------------


def _open_xlsx(path: Path, shape: Shape, settings: Settings) -> Sheet:
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    _check_archive(path, settings)
    try:
        workbook = CalamineWorkbook.from_path(path)
        visible = [
            each.name
            for each in workbook.sheets_metadata
            if each.visible == SheetVisibleEnum.Visible and each.typ == SheetTypeEnum.WorkSheet
        ]
        name = shape.sheet or next(iter(visible), "")
        if name not in workbook.sheet_names:
            raise FileRefused(f"{path.name} has no sheet '{name}'; its sheets are {', '.join(workbook.sheet_names)}.")
        sheet = workbook.get_sheet_by_name(name)
    except CalamineError as error:
        raise FileRefused(f"{path.name} cannot be read as XLSX: {error}") from error

    def rows() -> Iterator[Row]:
        numbered = enumerate(sheet.iter_rows(), start=1)  # from the sheet's first row, whether or not it is empty
        return (Row(line, list(cells)) for line, cells in islice(numbered, shape.heading_line - 1, None))

    heading = _names(next(rows(), Row(0, [])).cells)
    return Sheet(path.name, heading, lambda: _bounded(path.name, islice(rows(), 1, None), len(heading), settings))


def _check_archive(path: Path, settings: Settings) -> None:
    """Unpack once, keeping nothing: the sizes and dimensions that a file states of itself are not believed.

    A workbook is read as a full rectangle: two cells in opposite corners of a sheet would ask for gigabytes.
    """
    most = min(settings.max_unpacked_bytes, settings.max_unpacked_ratio * path.stat().st_size)
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                entry.file_size = _ENDLESS  # so that reading goes on to the true end
                with archive.open(entry) as part:
                    unpacked, cells = _measure(part, most)  # type: ignore[arg-type]
                most -= unpacked
                if most < 0:
                    raise FileRefused(
                        f"{path.name} unpacks to more than {settings.max_unpacked_bytes} bytes, or to more than"
                        f" {settings.max_unpacked_ratio} times its size."
                    )
                if cells > settings.max_sheet_cells:
                    raise FileRefused(
                        f"{path.name} has a sheet of {cells} cells up to its last row and column, used or not;"
                        f" at most {settings.max_sheet_cells} are taken."
                    )
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise FileRefused(f"{path.name} is not an XLSX file that can be read: {error}.") from error


def _measure(part: BinaryIO, most: int) -> tuple[int, int]:
    """How many bytes unpacked (hardly more than `most`), and how many cells the rectangle around all cells has."""
    size = last_row = 0
    columns: set[bytes] = set()
    tail = b""
    while size <= most and (chunk := part.read(_CHUNK)):
        size += len(chunk)
        found = _CELL.findall(tail + chunk)
        if found:
            letters, numbers = zip(*found, strict=True)
            columns.update(letters)
            last_row = max(last_row, *map(int, set(numbers)))
        tail = chunk[-_LONGEST_REFERENCE:]
    return size, last_row * max(map(_column_number, columns), default=0)


def _column_number(letters: bytes) -> int:
    """A is 1, Z is 26, AA is 27."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
