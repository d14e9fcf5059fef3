"""From rows to orders: a map laid out over a sheet, cells read as values, and every fault with its column and line."""

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from difflib import get_close_matches
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Any

import pydantic_core

from messages.events import FieldError
from shared.money import MoneyError, from_minor, line_amount, to_minor
from workers.intake.mapping import Computed, Kind, Map, MapError, Numbers, Source
from workers.intake.parse import Submission
from workers.intake.sheets import Row, Sheet

_SHOWN_RANGES = 5
_SHOWN = 100  # characters of a cell
_MOST_DIGITS = 30
_EXACT = 10**15  # a spreadsheet keeps 15 digits of a number


class Unreadable(ValueError):
    """A cell that cannot be what its field wants."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


@dataclass(frozen=True)
class Layout:
    """A map over the columns of one sheet. `today` is the business day that the map's `today` means."""

    map: Map
    sheet: Sheet
    today: date

    @cached_property
    def place(self) -> dict[str, int]:
        """Where each column stands in a row."""
        return {column: self.sheet.heading.index(column) for column in self.map.columns}

    @cached_property
    def group(self) -> Callable[[Row], tuple[str, ...] | None]:
        """What a row's order is called; None where a part of it is empty."""
        places = [self.place[column] for column in self.map.group_by]

        def key(row: Row) -> tuple[str, ...] | None:
            parts = tuple([as_text(row.cells[place]) for place in places])
            return parts if all(parts) else None

        return key

    @cached_property
    def order_cells(self) -> Callable[[list[Any]], object]:
        """All cells of a row that an order has once: where they are those of the row before, nothing is new."""
        places = sorted({self.place[column] for source in self.map.order for column in source.columns})
        return itemgetter(*places) if places else lambda _: None

    @cached_property
    def fixed(self) -> dict[str, Any]:
        """Constants and today, by field."""
        days = {each.field: self.today + timedelta(each.plus_days) for each in self._computed(Computed.TODAY)}
        return {each.field: each.constant for each in self.map.order if each.constant is not None} | days

    @cached_property
    def sums(self) -> bool:
        """Whether the total is to be computed."""
        return bool(self._computed(Computed.SUM))

    def _computed(self, what: Computed) -> list[Source]:
        return [source for source in self.map.order if source.computed is what]

    @cached_property
    def bare(self) -> dict[str, int]:
        """Where the fields stand that are what one column holds, with nothing around it."""
        sources = (*self.map.order, *self.map.line)
        return {
            each.field: self.place[each.columns[0]]
            for each in sources
            if len(each.columns) == 1 and each.template[0] == each.template[2] == ""
        }

    def read(self, source: Source, cells: list[Any]) -> Any:
        """The value of a field in a row; None where there is none. Raises `Unreadable`."""
        if source.constant is not None:
            return source.constant
        place = self.bare.get(source.field)
        cell = self._filled_in(source, cells) if place is None else cells[place]
        if isinstance(cell, str):
            cell = cell.strip()
        if cell == "":
            return None
        return _READ[source.kind](source, cell, self.map.numbers)

    def _filled_in(self, source: Source, cells: list[Any]) -> str:
        texts = [as_text(cells[self.place[column]]) for column in source.columns]
        words = [*source.template]
        words[1::2] = texts
        return "".join(words) if all(texts) else ""


def lay_out(map_: Map, sheet: Sheet, today: date) -> Layout:
    """Raises `MapError` naming every column that the sheet has not or has twice, and constants that name a column."""
    faults = []
    columns = [column for column in sheet.heading if column]
    for column, place in map_.columns.items():
        if column not in columns:
            near = get_close_matches(column, columns, n=1)
            meant = f", perhaps '{near[0]}'" if near else ""
            faults.append(
                f"{map_.name}: {place}: {sheet.name} has no column '{column}'{meant}; it has {', '.join(columns)}"
            )
        elif columns.count(column) > 1:
            faults.append(f"{map_.name}: {place}: {sheet.name} has {columns.count(column)} columns '{column}'")
    faults += [
        f"{map_.name}: {each.field}: '{each.constant}' is a column of {sheet.name}; what stands in it is"
        f" '{{{each.constant}}}'"
        for each in (*map_.order, *map_.line)
        if each.kind is Kind.TEXT and each.constant in columns
    ]
    if faults:
        raise MapError(faults)
    return Layout(map_, sheet, today)


# -- cells as values ---------------------------------------------------------------------------------------------------


def as_text(cell: Any) -> str:
    """A cell as people see it: whole numbers without a fraction, dates in ISO 8601, no blanks at the ends."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return f"{_decimal(cell):f}"
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell)


def _decimal(cell: float) -> Decimal:
    return Decimal(int(cell)) if cell.is_integer() and abs(cell) < _EXACT else Decimal(f"{cell:.15g}")


def _read_text(source: Source, cell: Any, _: Numbers) -> str:
    text = as_text(cell)
    if source.remove_suffix:
        text = text.removesuffix(source.remove_suffix).rstrip()
    if source.translate is None:
        return text
    found = source.translate.get(text, source.otherwise)
    if found is None:
        raise Unreadable("untranslated", f"'{text[:_SHOWN]}' is not among what the map translates")
    return found


def _read_number(_: Source, cell: Any, numbers: Numbers) -> Decimal:
    if isinstance(cell, int | float) and not isinstance(cell, bool) and math.isfinite(cell):
        return _decimal(float(cell))
    number = parse_number(cell, numbers) if isinstance(cell, str) else None
    if number is None:
        raise Unreadable("not_a_number", f"'{as_text(cell)[:_SHOWN]}' is not a number")
    return number


def _read_whole(source: Source, cell: Any, numbers: Numbers) -> int:
    number = _read_number(source, cell, numbers)
    if number != number.to_integral_value():
        raise Unreadable("not_whole", f"{number} is not a whole number")
    return int(number)


def _read_date(source: Source, cell: Any, _: Numbers) -> date:
    try:
        return _day(source, cell) + timedelta(source.plus_days)
    except OverflowError as error:
        raise Unreadable("not_a_date", f"{as_text(cell)} is too far away to count days from") from error


def _day(source: Source, cell: Any) -> date:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    text = as_text(cell)
    for pattern in source.dates or (None,):
        try:
            # The day as it was written: what the upstream's clock or zone makes of it is not for us to move.
            return (datetime.strptime(text, pattern) if pattern else datetime.fromisoformat(text)).date()  # noqa: DTZ007
        except ValueError:
            continue
    raise Unreadable("not_a_date", f"'{text[:_SHOWN]}' is not a date like {' or '.join(source.dates) or '2026-12-31'}")


_READ: dict[Kind, Callable[[Source, Any, Numbers], Any]] = {
    Kind.TEXT: _read_text,
    Kind.NUMBER: _read_number,
    Kind.WHOLE: _read_whole,
    Kind.DATE: _read_date,
}


def parse_number(text: str, numbers: Numbers) -> Decimal | None:
    """None for what is not a number written as the map says; a thousands mark in the wrong place is not passed over."""
    for word in numbers.ignore:
        text = text.replace(word, "")
    whole, mark, fraction = text.strip().partition(numbers.decimal)
    sign = "-" if whole.startswith("-") else ""
    digits = whole[1:] if whole[:1] in ("+", "-") else whole
    if numbers.thousands and numbers.thousands in digits:
        first, *groups = digits.split(numbers.thousands)
        if not (1 <= len(first) <= 3 and all(len(group) == 3 for group in groups)):
            return None
        digits = first + "".join(groups)
    if not digits.isdecimal() or (mark and not fraction.isdecimal()) or len(digits) + len(fraction) > _MOST_DIGITS:
        return None
    return Decimal(f"{sign}{digits}.{fraction}" if mark else f"{sign}{digits}")


# -- rows as an order --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a file that a submission was put together from, and what was wrong with them."""

    layout: Layout
    rows: Sequence[Row]
    faults: tuple[FieldError, ...] = ()

    def place(self, field: str) -> str:
        """Where a field stands: "column Quantity, line 17"."""
        first, index, name = [*field.split(".", 2), "", ""][:3]
        if first == "lines" and index.isdigit() and int(index) < len(self.rows):
            where, sources = f"line {self.rows[int(index)].line}", self.layout.map.line
        else:
            where, sources, name = lines_named(row.line for row in self.rows), self.layout.map.order, field
        concerned = (
            [each for each in sources if each.field == name or each.field.startswith(f"{name}.")] if name else []
        )
        columns = list(dict.fromkeys(column for each in concerned for column in each.columns))
        if columns:
            return f"{'column' if len(columns) == 1 else 'columns'} {', '.join(columns)}, {where}"
        if any(each.constant is not None for each in concerned):
            return f"set by the map, {where}"
        return where

    def copy(self) -> bytes:
        """The lines under their heading, as CSV in UTF-8: corrected, they can be submitted with the same map."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.layout.sheet.heading)
        writer.writerows([[as_text(cell) for cell in row.cells] for row in self.rows])
        return text.getvalue().encode()


def compose(layout: Layout, rows: Sequence[Row], *, grouped: bool = True) -> Submission:
    """One order out of its rows, in the form in which upstream systems publish orders.

    What is wrong with the cells is noted beside it, so that intake refuses the order with all of it.
    `grouped` False: a row of which it cannot be told to which order it belongs.
    """
    faults: dict[str, FieldError] = {}

    def fault(field: str, code: str, reason: str) -> None:
        faults.setdefault(field, FieldError(field=field, code=code, reason=reason))

    if not grouped:
        fault("lines.0", "no_order", f"belongs to no order, because {' or '.join(layout.map.group_by)} is empty")
    lines = [_line(layout, index, row, fault) for index, row in enumerate(rows)]
    values = _once(layout, rows, fault)
    if layout.sums:
        values["total"] = _sum(lines, values.get("currency"))
    document: dict[str, Any] = {"schema_version": 1, "lines": lines}
    for field, value in values.items():
        *parents, name = field.split(".")
        table = document
        for parent in parents:
            table = table.setdefault(parent, {})
        table[name] = value
    origin = f"{layout.sheet.name} {lines_named(row.line for row in rows)}"
    paper = Lines(layout, rows, tuple(faults.values()))
    return Submission(pydantic_core.to_json(document), origin, len(rows), paper)


_Fault = Callable[[str, str, str], None]


def _line(layout: Layout, index: int, row: Row, fault: _Fault) -> dict[str, Any]:
    width = len(layout.sheet.heading)
    if len(row.cells) > width and any(as_text(cell) for cell in row.cells[width:]):
        fault(f"lines.{index}", "ragged", f"{len(row.cells)} cells under a heading of {width}")
    line = {}
    for source in layout.map.line:
        try:
            value = layout.read(source, row.cells)
        except Unreadable as unreadable:
            fault(f"lines.{index}.{source.field}", unreadable.code, unreadable.reason)
            continue
        value = source.default if value is None else value
        if value is not None:
            line[source.field] = value
        elif source.required:
            fault(f"lines.{index}.{source.field}", "missing", "no value")
    return line


def _once(layout: Layout, rows: Sequence[Row], fault: _Fault) -> dict[str, Any]:
    """The fields that an order has once, each from the first row that has a value; the others may not contradict it."""
    values: dict[str, Any] = dict(layout.fixed)
    sources = [source for source in layout.map.order if source.columns]
    unread = set()
    before: object = None
    for row in rows:
        cells = layout.order_cells(row.cells)
        if cells == before:
            continue
        before = cells
        for source in sources:
            field = source.field
            try:
                value = layout.read(source, row.cells)
            except Unreadable as unreadable:
                unread.add(field)
                fault(field, unreadable.code, unreadable.reason)
                continue
            if value is not None and values.setdefault(field, value) != value:
                fault(field, "differs", f"'{value}' on line {row.line}, but '{values[field]}' on a line before")
    for source in sources:
        if source.field not in values and source.default is not None:
            values[source.field] = source.default
        elif source.field not in values and source.required and source.field not in unread:
            fault(source.field, "missing", "no value")
    return values


def _sum(lines: Iterable[dict[str, Any]], currency: object) -> Decimal:
    """Of the lines that are orderly, each rounded as intake does it; the others refuse the order on their own."""
    total = 0
    try:
        for line in lines:
            quantity, price = line.get("quantity", 0), line.get("unit_price", Decimal(0))
            discount = line.get("discount_percent", Decimal(0))
            if quantity > 0 and price > 0 and 0 <= discount <= 100:
                total += line_amount(quantity, to_minor(price, str(currency), rounding=True), int(discount * 100))
        return from_minor(total, str(currency))
    except MoneyError:
        return Decimal(0)


def lines_named(lines: Iterable[int]) -> str:
    """Line numbers in few words: "line 7", "lines 2-14, 20"; many separate ones are counted."""
    runs = [list(run) for run in _runs(sorted(lines))]
    shown = [f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs[:_SHOWN_RANGES]]
    left = sum(map(len, runs[_SHOWN_RANGES:]))
    more = f" and {left} more" if left else ""
    return f"{'line' if sum(map(len, runs)) == 1 else 'lines'} {', '.join(shown)}{more}"


def _runs(lines: Sequence[int]) -> Iterator[list[int]]:
    for _, run in groupby(enumerate(lines), key=lambda pair: pair[1] - pair[0]):
        yield [line for _, line in run]
