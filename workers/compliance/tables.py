"""The schema of this department: the rules that orders are checked against (CMP-01)."""

from sqlalchemy import Boolean, CheckConstraint, Column, MetaData, Table, Text

from shared.tables import NAMES

SCHEMA = "compliance"

metadata = MetaData(schema=SCHEMA, naming_convention=NAMES)

rules = Table(
    "rules",
    metadata,
    Column("code", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("value", Text, nullable=False, comment="the code, a part of the region's name, the party's name"),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("source", Text, nullable=False, server_default="", comment="the list that it was taken from"),
    Column("active", Boolean, nullable=False),
    CheckConstraint("kind in ('product', 'category', 'country', 'region', 'party')", name="kind"),
    CheckConstraint("btrim(value) <> ''", name="value"),
    comment="what law or company policy restricts",
)
