"""The master data files of production: units with what they make, and what products are made of (PRD-01, PRD-02)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from messages.contract import Code, Text
from shared.calendar import BUSINESS_ZONE
from shared.database import Session, columns
from shared.master import MasterFile, MasterRow
from workers.warehouse.rules import stock_key

_words = BeforeValidator(lambda cell: cell.split() if isinstance(cell, str) else cell)


class UnitRow(MasterRow):
    """A production unit (生产部门): pieces on a working day, the products that it makes, who is told of new work."""

    code: Code
    name: Text
    capacity: Annotated[int, Field(ge=0, le=1_000_000_000)]
    products: Annotated[tuple[Code, ...], _words]
    manager: Code | None = None


class MaterialRow(MasterRow):
    """So many pieces of a material are needed for one piece of a product."""

    product: Code
    material: Code
    quantity: Annotated[int, Field(gt=0, le=1_000_000)]


def save_units(session: Session, rows: Sequence[UnitRow]) -> set[str]:
    """Make or update units; returns whom to wake. Raises ValueError for one given twice. A capacity below what is
    committed on a coming day is refused by the database.
    """
    _refuse_twice(row.code for row in rows)
    values = [(row.code, row.name, row.capacity, row.manager, " ".join(row.products)) for row in rows]
    today = datetime.now(UTC).astimezone(BUSINESS_ZONE).date()
    session.write(_SAVE_UNITS, *columns(values, 5))
    session.write(_SAVE_DAYS, *columns([(row.code, row.capacity) for row in rows], 2), today)
    return {stock_key(product) for row in rows for product in row.products}


def save_materials(session: Session, rows: Sequence[MaterialRow]) -> None:
    """The whole list of materials of each product that is named. Raises ValueError for a material given twice."""
    _refuse_twice(f"{row.product} {row.material}" for row in rows)
    values = columns([(row.product, row.material, row.quantity) for row in rows], 3)
    session.write(_FORGET, values[0])
    session.write(_SAVE_MATERIALS, *values)


def _refuse_twice(keys: Iterable[str]) -> None:
    twice = sorted(key for key, count in Counter(keys).items() if count > 1)
    if twice:
        raise ValueError(f"given twice: {', '.join(twice)}")


MASTER: tuple[MasterFile[Any], ...] = (
    MasterFile("production_units", UnitRow, save_units),
    MasterFile("bill_of_materials", MaterialRow, save_materials),
)

_SAVE_UNITS = """
insert into warehouse.production_units (code, name, capacity, manager, products)
select v.code, v.name, v.capacity, v.manager, string_to_array(v.products, ' ')
from unnest(%s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[]) as v(code, name, capacity, manager, products)
order by v.code
on conflict (code) do update set name = excluded.name, capacity = excluded.capacity, manager = excluded.manager,
    products = excluded.products
"""
_SAVE_DAYS = """
update warehouse.production_days d set capacity = v.capacity
from unnest(%s::text[], %s::bigint[]) as v(unit, capacity) where d.unit = v.unit and d.day > %s
"""
_FORGET = "delete from warehouse.bill_of_materials where product = any(%s::text[])"
_SAVE_MATERIALS = """
insert into warehouse.bill_of_materials (product, material, quantity)
select * from unnest(%s::text[], %s::text[], %s::bigint[])
"""
