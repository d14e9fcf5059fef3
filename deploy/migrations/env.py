"""Alembic environment: the core schema and one schema per department, in one line of revisions."""

import importlib
from pathlib import Path

from alembic import context
from sqlalchemy import Connection, text

from messages.batch import Department
from shared import tables

ROOT = Path(__file__).parents[2]
for path in (*ROOT.glob("shared/*_tables.py"), *ROOT.glob("workers/*/*_tables.py")):
    importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
connection: Connection = context.config.attributes["connection"]
metadata = [tables.metadata, *(importlib.import_module(f"workers.{name}.tables").metadata for name in Department)]
schemas = {each.schema for each in metadata}


def _ours(name: str | None, kind: str, _parents: object) -> bool:
    return name in schemas if kind == "schema" else True


context.configure(
    connection=connection,
    target_metadata=metadata,
    include_schemas=True,
    include_name=_ours,
    version_table_schema=tables.SCHEMA,
    compare_type=True,
)
with context.begin_transaction():
    # Two processes that migrate at once take turns.
    connection.execute(text("select pg_advisory_xact_lock(20260101)"))
    connection.execute(text(f"create schema if not exists {tables.SCHEMA}"))
    context.run_migrations()
