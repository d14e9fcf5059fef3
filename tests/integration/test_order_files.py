"""Reading files of orders: encodings, delimiters, XLSX, JSON, and what is refused before it can do harm."""

import gzip
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from shared.settings import Settings
from tests.support.maps import a_map
from workers.intake.files import open_file
from workers.intake.json_files import json_lines, open_json
from workers.intake.mapping import parse_map
from workers.intake.parse import Submission
from workers.intake.sheets import FileRefused, Row, Shape, Sheet, open_sheet

TODAY = date(2026, 11, 24)
HEADING = ["订单号", "客户", "数量"]
ROWS = [["D-1", "上海明珠贸易有限公司", "3"], ["D-2", "𠮷野家 Ünïted", "-2"]]


def text(rows: Sequence[Sequence[str]], delimiter: str = ",") -> str:
    return "\r\n".join(delimiter.join(row) for row in rows) + "\r\n"


def opened(path: Path, shape: Shape = Shape(), wanted: Sequence[str] = HEADING, **limits: int) -> Sheet:  # noqa: B008
    return open_sheet(path, shape, wanted, Settings(**limits))  # type: ignore[arg-type]


def cells(sheet: Sheet) -> list[list[Any]]:
    return [row.cells for row in sheet.read()]


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str, bytes], Path]:
    def write(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


File = Callable[[str, bytes], Path]

# -- CSV ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "，"])
def test_encoding_and_delimiter_are_found_out(file: File, encoding: str, delimiter: str) -> None:
    sheet = opened(file("orders.csv", text([HEADING, *ROWS], delimiter).encode(encoding)))
    assert sheet.heading == tuple(HEADING)
    assert list(sheet.read()) == [Row(2, ROWS[0]), Row(3, ROWS[1])]
    assert list(sheet.read()) == [Row(2, ROWS[0]), Row(3, ROWS[1])], "it is read anew"


def test_the_map_may_say_what_the_file_is(file: File) -> None:
    path = file("orders.csv", "Exported 2026\n\nNo:Price\n7:£5\n".encode("cp1252"))
    sheet = opened(path, Shape(heading_line=3, encoding="cp1252", delimiter=":"), ["No"])
    assert list(sheet.read()) == [Row(4, ["7", "£5"])]
    with pytest.raises(FileRefused, match="not ascii text"):
        cells(opened(path, Shape(encoding="ascii")))


def test_what_is_no_text_is_refused(file: File) -> None:
    with pytest.raises(FileRefused, match="neither UTF-8 nor GB18030"):
        opened(file("orders.csv", b"No,Name\n1,\xff\xff\xff\n"))


def test_cells_with_line_breaks_stand_on_the_line_where_they_begin(file: File) -> None:
    sheet = opened(file("orders.csv", b'No,Text\n1,"a\nb"\n\n ,\n2,"say ""yes"", now"\n3\n'), wanted=["No"])
    assert list(sheet.read()) == [Row(2, ["1", "a\nb"]), Row(6, ["2", 'say "yes", now']), Row(7, ["3", ""])]


def test_a_quotation_mark_that_is_not_closed_is_told_with_its_line(file: File) -> None:
    sheet = opened(file("orders.csv", b'No,Text\n1,x\n2,"' + b"a\n" * 100_000), wanted=["No"])
    with pytest.raises(FileRefused, match=r"orders\.csv line 3: .*is a quotation mark not closed"):
        cells(sheet)


def test_files_and_rows_have_limits(file: File) -> None:
    path = file("orders.csv", b"No\n" + b"1\n" * 1000)
    assert len(cells(opened(path, max_file_rows=1000))) == 1000
    with pytest.raises(FileRefused, match="more than 999 rows"):
        cells(opened(path, max_file_rows=999))
    with pytest.raises(FileRefused, match="has 2003 bytes; at most 2002 are taken"):
        opened(path, max_file_bytes=2002)


def test_an_empty_file_has_no_columns(file: File) -> None:
    sheet = opened(file("orders.csv", b""))
    assert (sheet.heading, cells(sheet)) == ((), [])


# -- XLSX --------------------------------------------------------------------------------------------------------------


def workbook(rows: Sequence[Sequence[Any]], title: str = "Orders", at: tuple[int, int] = (1, 1)) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = title
    for number, row in enumerate(rows, at[0]):
        for place, cell in enumerate(row, at[1]):
            sheet.cell(number, place).value = cell
    return book


def saved(book: openpyxl.Workbook) -> bytes:
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def repacked(content: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """The same archive with other parts."""
    stream = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return stream.getvalue()


def test_cells_of_every_kind(file: File) -> None:
    moment = datetime(2026, 11, 2, 8, 26)  # noqa: DTZ001 - as spreadsheets have them
    rows: list[list[Any]] = [
        ["订单号", "日期", "价", "n"],
        ["007", moment, 2.55, 17850],
        ["8", date(2026, 11, 3), -1, True],
    ]
    sheet = opened(file("orders.xlsx", saved(workbook(rows))))
    assert sheet.heading == ("订单号", "日期", "价", "n")
    assert cells(sheet) == [["007", moment, 2.55, 17850.0], ["8", date(2026, 11, 3), -1.0, True]]


def test_rows_keep_their_numbers_wherever_the_table_stands(file: File) -> None:
    book = workbook([["Title"], [], ["No", "Qty"], ["1", 2], [], ["3", 4]], at=(2, 3))
    sheet = opened(file("orders.xlsx", saved(book)), Shape(heading_line=4), ["No"])
    assert sheet.heading == ("No", "Qty")
    assert list(sheet.read()) == [Row(5, ["1", 2.0]), Row(7, ["3", 4.0])]


def test_a_formula_is_what_it_came_to_and_never_itself(file: File) -> None:
    content = saved(workbook([["No", "Qty"], ["1", "=1+1"], ["2", "=1+1"]]))

    def calculated(name: str, part: bytes) -> bytes:
        return part.replace(b"<f>1+1</f><v />", b"<f>1+1</f><v>2</v>", 1) if name.endswith("sheet1.xml") else part

    sheet = opened(file("orders.xlsx", repacked(content, calculated)), wanted=["No"])
    assert cells(sheet) == [["1", 2.0], ["2", ""]]


def test_the_first_sheet_that_can_be_seen_unless_one_is_named(file: File) -> None:
    book = workbook([["No"], ["hidden"]], "Old")
    book.worksheets[0].sheet_state = "hidden"
    for title in ("Orders", "订单"):
        book.create_sheet(title).append(["No"])
        book[title].append([title])
    path = file("orders.xlsx", saved(book))
    assert cells(opened(path)) == [["Orders"]]
    assert cells(opened(path, Shape(sheet="订单"))) == [["订单"]]
    with pytest.raises(FileRefused, match="has no sheet 'Prices'; its sheets are Old, Orders, 订单"):
        opened(path, Shape(sheet="Prices"))


@pytest.mark.parametrize("content", [b"", b"No,Qty\n1,2\n", b"PK\x03\x04 cut off", b"\xd0\xcf\x11\xe0 encrypted"])
def test_what_is_no_workbook_is_refused(file: File, content: bytes) -> None:
    with pytest.raises(FileRefused, match=r"orders\.xlsx is not an XLSX file that can be read"):
        opened(file("orders.xlsx", content))


def test_an_archive_that_is_no_workbook_is_refused(file: File) -> None:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(FileRefused, match=r"orders\.xlsx cannot be read as XLSX"):
        opened(file("orders.xlsx", stream.getvalue()))


def bomb(name: str, part: bytes) -> bytes:
    return part + b" " * 60_000_000 if name.endswith("sheet1.xml") else part


def test_a_file_that_unpacks_to_a_multiple_of_itself_is_refused_before_it_is_opened(file: File) -> None:
    path = file("orders.xlsx", repacked(saved(workbook([["No"], ["1"]])), bomb))
    assert path.stat().st_size < 100_000
    with pytest.raises(FileRefused, match="unpacks to more than 1000000000 bytes, or to more than 200 times its size"):
        opened(path)
    with pytest.raises(FileRefused, match="unpacks to more than 1000000 bytes"):
        opened(path, max_unpacked_bytes=1_000_000, max_unpacked_ratio=10_000)


def test_sizes_that_an_archive_states_of_itself_are_not_believed(file: File) -> None:
    content = repacked(saved(workbook([["No"], ["1"]])), bomb)
    true = next(each for each in zipfile.ZipFile(BytesIO(content)).infolist() if each.file_size > 60_000_000).file_size
    path = file("orders.xlsx", content.replace(true.to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    assert max(each.file_size for each in zipfile.ZipFile(path).infolist()) < 100_000
    with pytest.raises(FileRefused, match="unpacks to more than"):
        opened(path)


def test_two_cells_in_opposite_corners_are_no_sheet(file: File) -> None:
    book = workbook([["No"], ["1"]])
    book.worksheets[0].cell(1_048_576, 16_384).value = "far away"
    path = file("orders.xlsx", saved(book))
    assert path.stat().st_size < 10_000
    with pytest.raises(FileRefused, match="has a sheet of 17179869184 cells"):
        opened(path)
    assert len(cells(opened(file("small.xlsx", saved(workbook([["No"], ["1"]] * 5))), max_sheet_cells=10))) == 9
    with pytest.raises(FileRefused, match="has a sheet of 10 cells"):
        opened(file("small.xlsx", saved(workbook([["No"], ["1"]] * 5))), max_sheet_cells=9)


# -- from rows to submissions ------------------------------------------------------------------------------------------

COLUMNS = "No,Customer,Name,Address,Product,Quantity,Price\n"


def submissions(path: Path, **limits: int) -> list[Submission]:
    return list(open_file(path, parse_map(a_map(), "m.toml"), TODAY, Settings(**limits)).submissions)  # type: ignore[arg-type]


def test_lines_of_an_order_need_not_stand_together(file: File) -> None:
    rows = "".join(f"{no},C001,上海,1号,P{line},{line},10\n" for line, no in enumerate("AABCABC", 2))
    found = open_file(file("o.csv", (COLUMNS + rows).encode()), parse_map(a_map(), "m.toml"), TODAY, Settings())
    assert found.lines == 7
    orders = {json.loads(each.raw)["external_id"]: each for each in found.submissions}
    assert {no: each.origin for no, each in orders.items()} == {
        "A": "o.csv lines 2-3, 6",
        "B": "o.csv lines 4, 7",
        "C": "o.csv lines 5, 8",
    }
    assert [line["product"] for line in json.loads(orders["A"].raw)["lines"]] == ["P2", "P3", "P6"]
    assert json.loads(orders["A"].raw)["total"] == "110.00"


def test_lines_of_no_order_are_refused_one_by_one(file: File) -> None:
    rows = ",C001,上海,1号,P1,1,10\nA,C001,上海,1号,P1,1,10\n ,C001,上海,1号,P2,1,10\n"
    found = submissions(file("o.csv", (COLUMNS + rows).encode()))
    assert [(each.origin, bool(each.paper and each.paper.faults)) for each in found] == [
        ("o.csv line 2", True),
        ("o.csv line 3", False),
        ("o.csv line 4", True),
    ]


def test_numbers_in_cells_name_the_same_order_as_their_text(file: File) -> None:
    texts = ["7", "C1", "n", "a", "85123A", 1, 2.55]
    rows: list[list[Any]] = [COLUMNS.strip().split(","), [7, "C1", "n", "a", 22752, 2, 7.65], texts]
    (order,) = submissions(file("o.xlsx", saved(workbook(rows))))
    assert order.origin == "o.xlsx lines 2-3"
    assert [line["product"] for line in json.loads(order.raw)["lines"]] == ["22752", "85123A"]
    assert json.loads(order.raw)["total"] == "17.85"


def test_tables_need_a_map_and_json_takes_none(file: File) -> None:
    with pytest.raises(FileRefused, match=r"o\.csv: a map is needed"):
        open_file(file("o.csv", b"No\n1\n"), None, TODAY, Settings())
    with pytest.raises(FileRefused, match=r"o\.jsonl: a map is for \.csv"):
        open_file(file("o.jsonl", b"{}\n"), parse_map(a_map(), "m.toml"), TODAY, Settings())
    with pytest.raises(FileRefused, match=r"o\.pdf: files of orders end in \.jsonl"):
        open_file(file("o.pdf", b""), None, TODAY, Settings())


# -- JSON --------------------------------------------------------------------------------------------------------------


def taken(path: Path, **limits: int) -> list[tuple[bytes, str, int]]:
    contents = open_json(path, Settings(**limits))  # type: ignore[arg-type]
    return [(each.raw, each.origin, each.lines) for each in contents.submissions]


def test_every_line_is_a_submission_of_its_own(file: File) -> None:
    content = '\ufeff{"a": "订单"}\r\n\n  {"b": 2}  \nnot json\n{"c": 3}'.encode()
    assert taken(file("o.jsonl", content)) == [
        ('{"a": "订单"}'.encode(), "o.jsonl line 1", 1),
        (b'{"b": 2}', "o.jsonl line 3", 1),
        (b"not json", "o.jsonl line 4", 1),
        (b'{"c": 3}', "o.jsonl line 5", 1),
    ]


def test_a_line_that_is_too_long_is_cut_and_its_neighbours_go_on(file: File) -> None:
    content = b'{"a": 1}\n' + b"x" * 50_000 + b'\n{"b": 2}\n'
    found = taken(file("o.jsonl", content), max_body_bytes=1_000)
    assert [(len(raw), origin) for raw, origin, _ in found] == [
        (8, "o.jsonl line 1"),
        (1_001, "o.jsonl line 2"),
        (8, "o.jsonl line 3"),
    ]


def test_lines_have_a_limit(file: File) -> None:
    with pytest.raises(FileRefused, match="has 3 lines; at most 2 are taken"):
        taken(file("o.jsonl", b"{}\n" * 3), max_file_rows=2)
    stream = json_lines(BytesIO(b"{}\n" * 3), "stdin", Settings(max_file_rows=2))

    def two_and_then() -> Iterator[Submission]:
        yield next(stream)
        yield next(stream)

    assert [each.origin for each in two_and_then()] == ["stdin line 1", "stdin line 2"]
    with pytest.raises(FileRefused, match="stdin has more than 2 lines"):
        next(stream)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'{"a": 1}', [(b'{"a": 1}', "o.json line 1", 1)]),
        (b"[]", []),
        (
            b'\n[\n  {"a": 1.0},\n  {\n    "b": "]"\n  }\n]\n',
            [(b'{"a": 1.0}', "o.json line 3", 1), (b'{\n    "b": "]"\n  }', "o.json lines 4-6", 3)],
        ),
        (b"7", [(b"7", "o.json line 1", 1)]),
    ],
)
def test_an_object_or_an_array_of_them_as_they_stand_there(
    file: File, content: bytes, found: list[tuple[bytes, str, int]]
) -> None:
    assert taken(file("o.json", content)) == found


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "line 1 column 1: Expecting value"),
        (b'{"a": 1}\n{"b": 2}\n', "line 2 column 1: Extra data"),
        (b'[{"a": 1}, ]', "line 1 column 12: Expecting value"),
        (b'[{"a": 1} {"b": 2}]', "line 1 column 11: Expecting ',' or ']'"),
        (b'[{"a": 1}', "line 1 column 10: Expecting ',' or ']'"),
        (b'[{"a": 1}] x', "line 1 column 12: Extra data"),
        (b'[{"a": 1,}]', "line 1 column 10: Expecting property name"),
        (b'["\xff"]', "is not UTF-8"),
        (b"[" + b"[" * 200_000, "is nested too deeply"),
    ],
)
def test_a_document_that_is_not_json_is_refused_whole(file: File, content: bytes, fault: str) -> None:
    with pytest.raises(FileRefused) as refused:
        taken(file("o.json", content))
    assert fault in str(refused.value)


def test_only_files_of_json_hold_facts(file: File) -> None:
    with pytest.raises(FileRefused, match=r"o\.jsonl\.gz: files of JSON end in \.jsonl, \.ndjson, \.json"):
        taken(file("o.jsonl.gz", gzip.compress(b"{}")))
