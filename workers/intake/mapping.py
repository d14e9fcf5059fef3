"""Maps: which column of a file is which field of an order. Every upstream's file is different; a map is a small TOML.

    group_by = "Invoice"                     # lines with the same value are one order, wherever they stand; or a list

    [order]                                  # one value per order: the fields of `messages.orders.OrderSubmitted`
    source = "webshop"                       # a text without braces is a constant
    external_id = "WEB-{Invoice}"            # {…} is a column of the file; no value where the column is empty
    customer.code = { from = "{Customer}", remove_suffix = ".0" }
    contact.phone = { from = "{Phone}", default = "+44 20 7946 0000" }          # where the column is empty
    sale_type = { from = "{Country}", translate = "sale_type", otherwise = "foreign" }
    requested_date = { from = "{Date}", dates = ["%d/%m/%Y"], plus_days = 14 }  # without `dates`: ISO 8601
    total = "sum"                            # of the lines; and a date may come from = "today"

    [line]                                   # one value per line: product, quantity, unit_price, discount_percent
    quantity = "{Qty}"

    [translate.sale_type]                    # without `otherwise`, a value that is not here refuses the order
    "United Kingdom" = "domestic"

    [numbers]                                # how the file writes numbers; unless said as in 1234.50
    decimal = ","
    thousands = "."
    ignore = ["EUR", "元"]

    [file]                                   # unless said: found out; the first sheet, and its first line
    encoding = "cp1252"
    delimiter = ";"
    sheet = "Orders"
    heading_line = 3

What an order has once is taken from its first line that has a value; lines that contradict each other refuse the order.
"""

import codecs
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import pydantic_core
from pydantic import BaseModel, TypeAdapter, ValidationError

from messages.orders import OrderSubmitted, SubmittedLine
from shared.catalogue import DefinitionError, read_toml
from shared.fields import Fields
from workers.intake.sheets import Shape


class MapError(ValueError):
    """A map is refused, or does not fit the file. `faults` has one sentence for every fault, each with its place."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(faults))


class Kind(StrEnum):
    """What a field holds."""

    TEXT = "text"
    NUMBER = "number"
    WHOLE = "whole number"
    DATE = "date"


class Computed(StrEnum):
    """Values that come from no column."""

    SUM = "sum"
    TODAY = "today"


@dataclass(frozen=True, slots=True)
class Source:
    """Where the value of a field comes from: a constant, a computation, or the columns of a template."""

    field: str
    kind: Kind
    required: bool
    constant: Any = None
    computed: Computed | None = None
    template: tuple[str, ...] = ()
    """Texts at even places, columns between them."""
    default: Any = None
    remove_suffix: str = ""
    translate: Mapping[str, str] | None = None
    otherwise: str | None = None
    dates: tuple[str, ...] = ()
    plus_days: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        return self.template[1::2]


@dataclass(frozen=True, slots=True)
class Numbers:
    """How the file writes numbers: decimal mark, thousands mark or none, and words that are passed over."""

    decimal: str = "."
    thousands: str = ""
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Map:
    """A map that is right in itself; whether a file has its columns is seen when it is laid out over one."""

    name: str
    group_by: tuple[str, ...]
    order: tuple[Source, ...]
    line: tuple[Source, ...]
    numbers: Numbers
    shape: Shape

    @property
    def columns(self) -> Mapping[str, str]:
        """Every column that the map names, and where it does so first."""
        named = dict.fromkeys(self.group_by, "group_by")
        for place, sources in (("order", self.order), ("line", self.line)):
            for source in sources:
                for column in source.columns:
                    named.setdefault(column, f"{place}.{source.field}")
        return named


def load_map(path: Path, source: str | None = None) -> Map:
    """Read a map; `source` replaces the one that it names. Raises `MapError` with every fault."""
    try:
        return parse_map(path.read_text(encoding="utf-8-sig"), path.name, source)
    except UnicodeDecodeError as error:
        raise MapError([f"{path.name}: not UTF-8: {error.reason} at byte {error.start}"]) from error


def parse_map(text: str, name: str, source: str | None = None) -> Map:
    """The same from the text of a map."""
    faults: list[str] = []
    try:
        fields = Fields(read_toml(text, name), name, faults)
    except DefinitionError as error:
        raise MapError(error.faults) from error
    _only(fields, ("group_by", "order", "line", "translate", "numbers", "file"))
    order = fields.inner("order")
    if source is not None:
        order.table = {**order.table, "source": source}
    tables = _translations(fields)
    found = Map(
        name,
        fields.texts("group_by") if isinstance(fields.table.get("group_by"), list) else (fields.text("group_by"),),
        tuple(_sources(order, _ORDER, tables)),
        tuple(_sources(fields.inner("line"), _LINE, tables)),
        _numbers(fields.inner("numbers")) if fields.has("numbers") else Numbers(),
        _shape(fields.inner("file")) if fields.has("file") else Shape(),
    )
    if not found.group_by:
        fields.fault("'group_by' names no column")
    if any(each.field == "external_id" and each.constant is not None for each in found.order):
        order.fault("external_id names no column: every order would have the same")
    if faults:
        raise MapError(faults)
    return found


# -- the fields of an order --------------------------------------------------------------------------------------------


class _Leaf(NamedTuple):
    kind: Kind
    required: bool
    adapter: TypeAdapter[Any]


def _leaves(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, _Leaf]]:
    for name, info in model.model_fields.items():
        kind: Any = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _leaves(kind, f"{prefix}{name}.")
        elif name not in {"schema_version", "lines"}:
            adapter: TypeAdapter[Any] = TypeAdapter(info.rebuild_annotation())
            yield f"{prefix}{name}", _Leaf(_KINDS.get(kind, Kind.TEXT), info.is_required(), adapter)


_KINDS: Mapping[Any, Kind] = {Decimal: Kind.NUMBER, int: Kind.WHOLE, date: Kind.DATE}
_SCALARS: Mapping[Kind, tuple[type, ...]] = {
    Kind.TEXT: (str,),
    Kind.NUMBER: (int, Decimal),
    Kind.WHOLE: (int,),
    Kind.DATE: (date,),
}
_ORDER = dict(_leaves(OrderSubmitted))
_LINE = dict(_leaves(SubmittedLine))

# -- reading a map -----------------------------------------------------------------------------------------------------

_TAKES: Mapping[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("from", "default", "remove_suffix", "translate", "otherwise"),
    Kind.NUMBER: ("from", "default"),
    Kind.WHOLE: ("from", "default"),
    Kind.DATE: ("from", "default", "dates", "plus_days"),
}
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]+)\}|[{}]|[^{}]+")


def _only(fields: Fields, known: Collection[str], what: str = "") -> None:
    for key in fields.table:
        if key not in known:
            fields.fault(f"unknown key '{key}'{what}; known are {', '.join(known)}")


def _sources(fields: Fields, leaves: Mapping[str, _Leaf], tables: Mapping[str, Mapping[str, str]]) -> Iterator[Source]:
    """A source for every field that the table names; all required ones must be among them."""
    given = dict(_flat(fields, fields.table, leaves))
    for name, leaf in leaves.items():
        if name in given:
            value = given[name]
            table = value if isinstance(value, dict) else {"from": value}
            yield _source(name, leaf, Fields(table, f"{fields.place}: {name}", fields.faults), tables)
        elif leaf.required:
            fields.fault(f"{name} is missing; a constant or a column is needed")


def _flat(
    fields: Fields, table: Mapping[str, object], leaves: Mapping[str, _Leaf], prefix: str = ""
) -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        name = f"{prefix}{key}"
        if name in leaves:
            yield name, value
        elif isinstance(value, dict) and any(leaf.startswith(f"{name}.") for leaf in leaves):
            yield from _flat(fields, value, leaves, f"{name}.")
        else:
            fields.fault(f"there is no field {name}; the fields are {', '.join(leaves)}")


def _source(name: str, leaf: _Leaf, said: Fields, tables: Mapping[str, Mapping[str, str]]) -> Source:
    origin = said.table.get("from")
    if name == "total" and origin == Computed.SUM:
        _only(said, ("from",), " beside a sum")
        return Source(name, leaf.kind, leaf.required, computed=Computed.SUM)
    if leaf.kind is Kind.DATE and origin == Computed.TODAY:
        _only(said, ("from", "plus_days"), " beside today")
        return Source(name, leaf.kind, leaf.required, computed=Computed.TODAY, plus_days=_plus_days(said))
    template = _template(said, origin) if isinstance(origin, str) else ()
    if len(template) < 2:
        _only(said, ("from",), " beside a constant")
        return Source(name, leaf.kind, leaf.required, constant=_scalar(said, "from", leaf, "".join(template) or origin))
    _only(said, _TAKES[leaf.kind], f" of a {leaf.kind} field")
    translate, otherwise = _translate(said, leaf, tables)
    return Source(
        name,
        leaf.kind,
        leaf.required,
        template=template,
        default=_scalar(said, "default", leaf, said.table["default"]) if said.has("default") else None,
        remove_suffix=said.text("remove_suffix") if said.has("remove_suffix") else "",
        translate=translate,
        otherwise=otherwise,
        dates=said.texts("dates") if said.has("dates") else (),
        plus_days=_plus_days(said),
    )


def _template(said: Fields, text: str) -> tuple[str, ...]:
    pieces = [""]
    for found in _PIECE.finditer(text):
        column, piece = found.group(1), found.group()
        if column:
            pieces += [column.strip(), ""]
        elif piece in ("{", "}"):
            said.fault(f"'{text}' has a brace without its partner; a brace itself is written twice")
        else:
            pieces[-1] += piece[0] if piece in ("{{", "}}") else piece
    return tuple(pieces)


def _scalar(said: Fields, key: str, leaf: _Leaf, value: object) -> object:
    """A constant or default, which the contract must take."""
    if type(value) not in _SCALARS[leaf.kind]:
        said.fault(f"'{key}' must be a {leaf.kind}, or name a column such as {{Column}}; not {value!r}")
        return value
    try:
        leaf.adapter.validate_json(pydantic_core.to_json(value))
    except ValidationError as invalid:
        said.fault(f"'{key}' is {str(value)!r}: {invalid.errors(include_url=False)[0]['msg']}")
    return value


def _translate(
    said: Fields, leaf: _Leaf, tables: Mapping[str, Mapping[str, str]]
) -> tuple[Mapping[str, str] | None, str | None]:
    if not said.has("translate"):
        if said.has("otherwise"):
            said.fault("'otherwise' is for what 'translate' does not have")
        return None, None
    table = tables.get(said.choice("translate", tables), {})
    for word in dict.fromkeys(table.values()):
        _scalar(said, "translate", leaf, word)
    return table, str(_scalar(said, "otherwise", leaf, said.table["otherwise"])) if said.has("otherwise") else None


def _plus_days(said: Fields) -> int:
    return said.number("plus_days", least=-3_660, most=3_660) if said.has("plus_days") else 0


def _translations(fields: Fields) -> dict[str, dict[str, str]]:
    if not fields.has("translate"):
        return {}
    tables = fields.inner("translate")
    named = {name: tables.inner(name) for name in tables.table}
    return {name: {word.strip(): words.text(word) for word in words.table} for name, words in named.items()}


def _numbers(fields: Fields) -> Numbers:
    _only(fields, ("decimal", "thousands", "ignore"))
    decimal = fields.choice("decimal", (".", ",")) if fields.has("decimal") else "."
    thousands = fields.choice("thousands", (",", ".", "'", " ", "\u00a0")) if fields.has("thousands") else ""
    if decimal == thousands:
        fields.fault(f"'decimal' and 'thousands' are both '{decimal}'")
    return Numbers(decimal, thousands, fields.texts("ignore") if fields.has("ignore") else ())


def _shape(fields: Fields) -> Shape:
    _only(fields, ("encoding", "delimiter", "sheet", "heading_line"))
    encoding, delimiter, sheet = (
        fields.text(key) if fields.has(key) else None for key in ("encoding", "delimiter", "sheet")
    )
    try:
        codecs.lookup(encoding or "utf-8")
    except LookupError:
        fields.fault(f"'encoding' is '{encoding}', which is not known")
    if delimiter and len(delimiter) > 1:
        fields.fault(f"'delimiter' is '{delimiter}' and must be one character")
    heading_line = fields.number("heading_line", least=1) if fields.has("heading_line") else 1
    return Shape(heading_line, encoding, delimiter, sheet)
