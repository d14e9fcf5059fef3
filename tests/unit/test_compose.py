"""Rows composed to orders: values as the map reads them, and faults that name field, column and line."""

import csv
import io
import json
import re
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.events import FieldError
from tests.support.maps import LINE, ORDER, a_map, replaced
from workers.intake.compose import Layout, as_text, compose, lay_out, lines_named, parse_number
from workers.intake.mapping import MapError, Numbers, parse_map
from workers.intake.parse import Limits, Refused, Submission, parse_submission
from workers.intake.sheets import Row, Sheet

pytestmark = pytest.mark.requirement("ENT-01", "ENT-02")

TODAY = date(2026, 11, 24)
HEADING = ("No", "Customer", "Name", "Address", "Product", "Quantity", "Price", "Extra")
FIRST = ["7", "C001", "上海明珠贸易有限公司", "世纪大道1号", "P001", "3", "100.00", ""]
LIMITS = Limits(1_000_000, 32)


def sheet(rows: Sequence[Sequence[Any]], heading: Sequence[str] = HEADING) -> Sheet:
    """A sheet whose heading is on line 1."""
    return Sheet("orders.csv", tuple(heading), lambda: (Row(line, list(cells)) for line, cells in enumerate(rows, 2)))


def laid_out(text: str, rows: Sequence[Sequence[Any]], heading: Sequence[str] = HEADING) -> Layout:
    return lay_out(parse_map(text, "m.toml"), sheet(rows, heading), TODAY)


def composed(text: str, *rows: Sequence[Any], heading: Sequence[str] = HEADING) -> Submission:
    """All rows as one order."""
    layout = laid_out(text, rows, heading)
    return compose(layout, list(layout.sheet.read()))


def document(text: str, *rows: Sequence[Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(composed(text, *rows).raw)
    return found


def reasons(submission: Submission) -> list[tuple[str, str, str]]:
    with pytest.raises(Refused) as refused:
        parse_submission(submission, LIMITS)
    return [(each.field, each.code, each.reason) for each in submission.placed(refused.value.errors)]


def changed(column: str, value: Any, row: Sequence[Any] = FIRST) -> list[Any]:
    return [value if name == column else cell for name, cell in zip(HEADING, row, strict=True)]


# -- orders that are right ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("ENT-03")
def test_rows_become_an_order_of_the_contract() -> None:
    second = ["7", "C001", "上海明珠贸易有限公司", "世纪大道1号", "P002", "2", "50.55", ""]
    submission = composed(a_map(line=LINE + 'discount_percent = "{Extra}"'), FIRST, changed("Extra", "12.5", second))
    assert submission.origin == "orders.csv lines 2-3"
    assert submission.lines == 2
    order = parse_submission(submission, LIMITS)
    assert (order.source, order.external_id) == ("shop", "7")
    assert (order.customer.code, order.customer.name) == ("C001", "上海明珠贸易有限公司")
    assert [(line.product, line.quantity, line.unit_price, line.discount_percent) for line in order.lines] == [
        ("P001", 3, Decimal("100.00"), Decimal(0)),
        ("P002", 2, Decimal("50.55"), Decimal("12.5")),
    ]
    assert order.total == Decimal("388.46")  # 300.00 and 88.4625
    assert order.requested_date == date(2026, 12, 1)


def test_what_an_order_has_once_may_stand_on_its_first_line_only() -> None:
    second = ["7", "", "", "", "P002", "2", "50", ""]
    assert document(a_map(), FIRST, second)["customer"] == {"code": "C001", "name": "上海明珠贸易有限公司"}
    assert document(a_map(), second, FIRST)["customer"] == {"code": "C001", "name": "上海明珠贸易有限公司"}


def test_templates_suffixes_defaults_and_translations() -> None:
    order = replaced("external_id", '"WEB-{No}"').replace(
        'customer = { code = "{Customer}", name = "{Name}" }',
        'customer.code = { from = "{Customer}", remove_suffix = ".0" }\n'
        'customer.name = { from = "{Name}", default = "walk-in" }',
    )
    order = order.replace(
        '"domestic"', '{ from = "{Extra}", translate = "t", otherwise = "foreign", default = "internal" }'
    )
    text = a_map(order, more='[translate.t]\n"UK" = "domestic"')
    row = changed("Name", " ", changed("Customer", "17850.0"))
    assert document(text, row)["external_id"] == "WEB-7"
    assert document(text, row)["customer"] == {"code": "17850", "name": "walk-in"}
    assert document(text, changed("Extra", " UK ", row))["sale_type"] == "domestic"
    assert document(text, changed("Extra", "France", row))["sale_type"] == "foreign"
    assert document(text, row)["sale_type"] == "internal"


def test_a_template_without_all_its_columns_has_no_value() -> None:
    text = a_map(ORDER + 'special_requirements = "{Extra}: {Name}"')
    assert document(text, changed("Extra", "x"))["special_requirements"] == "x: 上海明珠贸易有限公司"
    assert "special_requirements" not in document(text, FIRST)


@pytest.mark.parametrize(
    ("source", "cell", "day"),
    [
        ('"{Extra}"', "2026-12-24", "2026-12-24"),
        ('"{Extra}"', "2010-12-01 08:26:00", "2010-12-01"),
        ('"{Extra}"', "20261224", "2026-12-24"),
        (
            '"{Extra}"',
            datetime(2026, 12, 24, 23, 59),  # noqa: DTZ001 - as spreadsheets have them
            "2026-12-24",
        ),
        ('"{Extra}"', date(2026, 12, 24), "2026-12-24"),
        ('{ from = "{Extra}", plus_days = 14 }', "2026-12-24", "2027-01-07"),
        ('{ from = "{Extra}", plus_days = -1 }', date(2026, 3, 1), "2026-02-28"),
        ('{ from = "{Extra}", dates = ["%d.%m.%Y", "%Y年%m月%d日"] }', "24.12.2026", "2026-12-24"),
        ('{ from = "{Extra}", dates = ["%d.%m.%Y", "%Y年%m月%d日"] }', "2026年12月24日", "2026-12-24"),
        ('{ from = "{Extra}", default = 2026-12-31 }', "", "2026-12-31"),
        ('{ from = "today", plus_days = 0 }', "", "2026-11-24"),
    ],
)
def test_dates(source: str, cell: Any, day: str) -> None:
    assert document(a_map(replaced("requested_date", source)), changed("Extra", cell))["requested_date"] == day


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (17850.0, "17850"),
        (2.55, "2.55"),
        (0.1 + 0.2, "0.3"),
        (1e-7, "0.0000001"),
        (123456789012345.0, "123456789012345"),
        (True, "TRUE"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(3, 4), "03:04:00"),
        (" 007 ", "007"),
    ],
)
def test_cells_read_as_people_see_them(cell: Any, text: str) -> None:
    assert as_text(cell) == text


@pytest.mark.parametrize(
    ("text", "numbers", "value"),
    [
        ("1234.50", Numbers(), "1234.50"),
        ("-3", Numbers(), "-3"),
        ("+3", Numbers(), "3"),
        ("6.0", Numbers(), "6.0"),
        ("１２３", Numbers(), "123"),
        ("1,234,567.5", Numbers(thousands=","), "1234567.5"),
        ("1.234,50", Numbers(decimal=",", thousands="."), "1234.50"),
        ("¥1,699.00 元", Numbers(thousands=",", ignore=("¥", "元")), "1699.00"),
        ("1 234,5", Numbers(decimal=",", thousands=" "), "1234.5"),
    ],
)
def test_numbers_as_files_write_them(text: str, numbers: Numbers, value: str) -> None:
    assert parse_number(text, numbers) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1,234", Numbers()),
        ("1,5", Numbers(thousands=",")),
        ("12,34,567", Numbers(thousands=",")),
        ("1234,567", Numbers(thousands=",")),
        ("1.", Numbers()),
        (".5", Numbers()),
        ("--1", Numbers()),
        ("1-", Numbers()),
        ("(5)", Numbers()),
        ("1e5", Numbers()),
        ("NaN", Numbers()),
        ("£5", Numbers()),
        ("", Numbers()),
        ("9" * 31, Numbers()),
    ],
)
def test_what_is_no_number_is_not_guessed_at(text: str, numbers: Numbers) -> None:
    assert parse_number(text, numbers) is None


# -- orders that are not -----------------------------------------------------------------------------------------------


def test_every_bad_cell_is_named_with_field_column_and_line() -> None:
    rows = [
        changed("Quantity", "three", changed("Customer", "")),
        changed("Quantity", "2.5"),
        changed("Price", "1.2.3", changed("Product", "")),
        changed("Quantity", "-4"),
    ]
    assert sorted(reasons(composed(a_map(), *rows))) == sorted(
        [
            ("lines.0.quantity", "not_a_number", "column Quantity, line 2: 'three' is not a number"),
            ("lines.1.quantity", "not_whole", "column Quantity, line 3: 2.5 is not a whole number"),
            ("lines.2.product", "missing", "column Product, line 4: no value"),
            ("lines.2.unit_price", "not_a_number", "column Price, line 4: '1.2.3' is not a number"),
            ("lines.3.quantity", "greater_than", "column Quantity, line 5: Input should be greater than 0"),
        ]
    )


def test_a_negative_order_is_refused_for_its_quantities_alone() -> None:
    rows = [changed("Quantity", "-8"), changed("Quantity", "-1")]
    assert [field for field, _, _ in reasons(composed(a_map(), *rows))] == ["lines.0.quantity", "lines.1.quantity"]


def test_what_an_order_has_once_is_named_with_all_its_lines() -> None:
    rows = [changed("Customer", ""), changed("Customer", " ")]
    assert reasons(composed(a_map(), *rows)) == [("customer.code", "missing", "column Customer, lines 2-3: no value")]


def test_lines_that_contradict_each_other_refuse_the_order() -> None:
    assert reasons(composed(a_map(), FIRST, FIRST, changed("Customer", "C002"))) == [
        ("customer.code", "differs", "column Customer, lines 2-4: 'C002' on line 4, but 'C001' on a line before")
    ]


def test_what_differs_only_in_what_is_not_asked_for_is_the_same() -> None:
    text = a_map(replaced("requested_date", '"{Extra}"'))
    rows = [changed("Extra", "2026-12-24 08:26:00"), changed("Extra", "2026-12-24 08:27:00")]
    assert document(text, *rows)["requested_date"] == "2026-12-24"


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("yesterday", "column Extra, line 2: 'yesterday' is not a date like 2026-12-31"),
        ("31.12.2026", "column Extra, line 2: '31.12.2026' is not a date like 2026-12-31"),
        (40513.0, "column Extra, line 2: '40513' is not a date like 2026-12-31"),
        (date(9999, 12, 31), "column Extra, line 2: 9999-12-31 is too far away to count days from"),
    ],
)
def test_bad_dates(cell: Any, reason: str) -> None:
    text = a_map(replaced("requested_date", '{ from = "{Extra}", plus_days = 1 }'))
    assert reasons(composed(text, changed("Extra", cell))) == [("requested_date", "not_a_date", reason)]


def test_a_word_without_translation_is_named() -> None:
    text = a_map(replaced("channel", '{ from = "{Extra}", translate = "c" }'), more='[translate.c]\n"传真" = "fax"')
    assert document(text, changed("Extra", "传真"))["channel"] == "fax"
    assert reasons(composed(text, changed("Extra", "鸽子"))) == [
        ("channel", "untranslated", "column Extra, line 2: '鸽子' is not among what the map translates")
    ]


def test_more_cells_than_headings_are_a_fault_unless_they_are_empty() -> None:
    assert document(a_map(), [*FIRST, "", " "])["external_id"] == "7"
    assert reasons(composed(a_map(), [*FIRST, "shifted"])) == [
        ("lines.0", "ragged", "line 2: 9 cells under a heading of 8")
    ]


def test_a_line_of_no_order_says_so() -> None:
    layout = laid_out(a_map(), [changed("No", "")])
    (row,) = layout.sheet.read()
    assert layout.group(row) is None
    assert reasons(compose(layout, [row], grouped=False)) == [
        ("lines.0", "no_order", "line 2: belongs to no order, because No is empty"),
        ("external_id", "missing", "column No, line 2: no value"),
    ]


def test_constants_are_said_to_come_from_the_map() -> None:
    text = a_map(replaced("currency", '"XXX"'))
    submission = composed(text, FIRST)
    assert submission.paper is not None
    assert submission.paper.place("currency") == "set by the map, line 2"
    assert submission.paper.place("customer") == "columns Customer, Name, line 2"
    assert submission.paper.place("lines.0.quantity") == "column Quantity, line 2"
    assert submission.paper.place("lines") == submission.paper.place("") == "line 2"


def test_what_is_kept_of_a_refused_order_can_be_submitted_again() -> None:
    row = changed("Quantity", 'x,\n"y"', changed("Name", "=cmd"))
    submission = composed(a_map(), row, FIRST)
    assert list(csv.reader(io.StringIO(submission.kept.decode()))) == [list(HEADING), row, FIRST]


# -- laying a map over a file ------------------------------------------------------------------------------------------


def test_every_column_that_is_not_there_is_named() -> None:
    heading = ["No", "Customers", "Name", "Address", "Product", "Quantity", "Quantity"]
    with pytest.raises(MapError) as refused:
        laid_out(a_map(), [], heading)
    assert refused.value.faults == (
        "m.toml: order.customer.code: orders.csv has no column 'Customer', perhaps 'Customers'; it has No, Customers,"
        " Name, Address, Product, Quantity, Quantity",
        "m.toml: line.quantity: orders.csv has 2 columns 'Quantity'",
        "m.toml: line.unit_price: orders.csv has no column 'Price'; it has No, Customers, Name, Address, Product,"
        " Quantity, Quantity",
    )


def test_a_constant_that_is_a_column_is_taken_for_a_slip() -> None:
    with pytest.raises(MapError, match=r"'Name' is a column of orders\.csv; what stands in it is '\{Name\}'"):
        laid_out(a_map(ORDER.replace('name = "{Name}"', 'name = "Name"')), [])


def test_groups_may_have_several_columns() -> None:
    layout = laid_out(a_map(group_by='group_by = ["No", "Customer"]'), [FIRST, changed("Customer", 5.0)])
    assert [layout.group(row) for row in layout.sheet.read()] == [("7", "C001"), ("7", "5")]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([7], "line 7"),
        ([2, 3, 4], "lines 2-4"),
        ([9, 2, 3, 7], "lines 2-3, 7, 9"),
        (range(2, 40, 2), "lines 2, 4, 6, 8, 10 and 14 more"),
    ],
)
def test_lines_in_words(lines: Sequence[int], words: str) -> None:
    assert lines_named(lines) == words


NUMBERS = st.one_of(st.floats(), st.integers(-(10**20), 10**20), st.booleans())
CELLS = st.one_of(st.text(max_size=20), NUMBERS, st.dates(), st.datetimes(), st.times())


@given(st.lists(st.lists(CELLS, min_size=8, max_size=9), min_size=1, max_size=3))
def test_whatever_stands_in_the_cells_is_an_order_or_a_refusal(rows: list[list[Any]]) -> None:
    text = a_map(replaced("requested_date", '{ from = "{Extra}", plus_days = 3660 }'))
    submission = composed(text, *rows)
    errors: Sequence[FieldError] = ()
    try:
        parse_submission(submission, LIMITS)
    except Refused as refused:
        errors = submission.placed(refused.errors)
    assert all(re.search(r"\blines? [2-4]", each.reason) for each in errors)
    assert submission.kept.decode().startswith("No,Customer,")
