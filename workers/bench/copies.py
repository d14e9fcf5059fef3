"""Copies of finished orders: the rows that an order leaves behind in every table, under a new id.

Which tables these are is read from the database's catalogue, so that a table more or less needs no change here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from shared.database import Database, Row, Session, array
from shared.ids import new_id

AT_ONCE = 256
_CHUNK = 20_000
_RENEWED = ("number", "external_id", "customer_order_number")
"""What names an order beside its id, and so must be another in every copy."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A table that has rows of every order: the column of the order's id, and all columns with their types."""

    table: str
    key: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that the model orders have in one table, every value as text; columns that hold nothing left out."""

    shape: Shape
    rows: Sequence[Row]
    insert: str


def finished_orders(session: Session) -> list[str]:
    """The models: as many finished orders as go into a batch."""
    return [row[0] for row in session.rows("select order_id from after_sales.archive limit %s", AT_ONCE)]


def shapes(session: Session, model: str) -> list[Shape]:
    """The tables that hold something of this order, now that it is finished."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for table, key, column, type_ in session.rows(_COLUMNS):
        found.setdefault((table, key), []).append((column, type_))
    every = [Shape(table, key, tuple(columns)) for (table, key), columns in found.items()]
    return [shape for shape in every if session.row(_EXISTS.format(shape.table, shape.key), model)]


# -- inserted by a client ----------------------------------------------------------------------------------------------


def read(session: Session, shape: Shape, models: Sequence[str]) -> Rows:
    """The models' rows of one table, and the statement that inserts such rows from one array per column."""
    listed = ", ".join(f"t.{column}::text" for column, _ in shape.columns)
    rows = session.rows(_READ.format(listed, shape.table, shape.key), array(models))
    full = [place for place, values in enumerate(zip(*rows, strict=True)) if any(value is not None for value in values)]
    kept = tuple(shape.columns[place] for place in full)
    names = ", ".join(column for column, _ in kept)
    cast = ", ".join(f"v.{column}::{type_}" for column, type_ in kept)
    arrays = ", ".join(["%s::text[]"] * len(kept))
    return Rows(
        Shape(shape.table, shape.key, kept),
        [tuple(row[place] for place in full) for row in rows],
        _INSERT.format(shape.table, names, cast, arrays),
    )


def renewed(rows: Rows, ids: dict[str, str], run: str) -> list[list[str | None]]:
    """The same rows for other orders, as columns: every id replaced, and every name that must be unique."""
    key = [column for column, _ in rows.shape.columns].index(rows.shape.key)
    columns: list[list[str | None]] = []
    for place, (column, _) in enumerate(rows.shape.columns):
        if column == rows.shape.key:
            columns.append([ids[row[key]] for row in rows.rows])
        elif column in _RENEWED:
            columns.append([f"{run}-{ids[row[key]]}" for row in rows.rows])
        else:
            columns.append([row[place] for row in rows.rows])
    return columns


def new_ids(models: Sequence[str]) -> dict[str, str]:
    """A new order for each model."""
    return {model: new_id() for model in models}


# -- made inside the database ------------------------------------------------------------------------------------------


def multiply(database: Database, count: int, told: Callable[[int], None]) -> int:
    """Add so many archived orders, older than all others, and bring the statistics up to date; returns how many there
    are then.

    The running totals (exposure, reserved stock, profiles) stay as they are: nothing that is measured adds them up.
    """
    with database.transaction() as session:
        models = finished_orders(session)
        tables = shapes(session, models[0])
    for first in range(0, count, _CHUNK):
        size = min(_CHUNK, count - first)
        with database.transaction() as session:
            session.write("set local statement_timeout = 0")
            session.write(_COPIES, f"{count - first} seconds", first, first + size - 1, array(models))
            for shape in tables:
                session.write(_multiplied(shape))
            session.write(_COMMITTED, AT_ONCE)
        told(first + size)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in ("set statement_timeout = 0", "vacuum (freeze, analyze)", "checkpoint"):
            connection.execute(text(statement))
    with database.transaction() as session:
        return int(session.rows("select count(*) from after_sales.archive")[0][0])


def _multiplied(shape: Shape) -> str:
    values = [
        "c.id" if column == shape.key else "'copy-' || c.serial" if column in _RENEWED else f"t.{column}"
        for column, _ in shape.columns
    ]
    names = ", ".join(column for column, _ in shape.columns)
    return _COPY.format(shape.table, shape.key, names, ", ".join(values))


_COLUMNS = """
select n.nspname || '.' || c.relname, k.attname, a.attname, format_type(a.atttypid, a.atttypmod)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
join pg_attribute k on k.attrelid = c.oid
    and k.attname = case when c.oid = 'core.orders'::regclass then 'id' else 'order_id' end
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attidentity = ''
where c.relkind = 'r' order by c.oid, a.attnum
"""
# Names of tables and columns come from the catalogue, never from outside.
_EXISTS = "select 1 from {0} where {1} = %s limit 1"
_READ = "select {0} from {1} t where t.{2} = any(%s::uuid[])"
_INSERT = "insert into {0} ({1}) select {2} from unnest({3}) as v({1})"
_COPY = "insert into {0} ({2}) select {3} from copies c join {0} t on t.{1} = c.model"
_COMMITTED = """
insert into core.commits (at, orders, seqs, heads)
select now(), array_agg(o.id order by o.id), array_agg(o.version order by o.id), array_agg(o.head order by o.id)
from copies c join core.orders o on o.id = c.id group by c.serial / %s
"""
_COPIES = """
create temp table copies on commit drop as
select uuidv7(serial * interval '1 second' - %s::interval - interval '1 day') as id, serial,
    models[1 + serial %% cardinality(models)] as model
from generate_series(%s::int, %s::int) serial, (values (%s::uuid[])) m(models)
"""
