"""The schema of this department. Goods leave the stock when they are issued to packing: from then on they are no longer
on hand but on a preparation, which logistics ships. So `on_hand` is at any time the sum of the movements.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from shared.tables import NAMES

SCHEMA = "warehouse"

metadata = MetaData(schema=SCHEMA, naming_convention=NAMES)

_id = Uuid(as_uuid=False)
_time = DateTime(timezone=True)

stock = Table(
    "stock",
    metadata,
    Column("product", Text, primary_key=True),
    Column("location", Text, primary_key=True),
    Column("on_hand", BigInteger, nullable=False, server_default="0", comment="in pieces, as all quantities"),
    Column("reserved", BigInteger, nullable=False, server_default="0", comment="of those on hand"),
    Column("blocked", BigInteger, nullable=False, server_default="0", comment="of those on hand"),
    Column("inspection", Text, nullable=False, server_default="routine", comment="how the goods here are inspected"),
    CheckConstraint("blocked >= 0", name="blocked"),
    CheckConstraint("reserved >= 0 and reserved <= on_hand - blocked", name="never_oversold"),
    CheckConstraint("inspection in ('routine', 'person', 'failed')", name="inspection"),
    comment="what is there; goods at a place whose inspection has failed are not given away",
    # Every batch updates the same few rows: the new versions stay on their page.
    postgresql_with={"fillfactor": "50"},
)

reservations = Table(
    "reservations",
    metadata,
    Column("order_id", _id, primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("location", Text, primary_key=True),
    Column("product", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    CheckConstraint("quantity > 0", name="quantity"),
    comment="open reservations; preparing the order or releasing them deletes them",
)

stock_movements = Table(
    "stock_movements",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("at", _time, nullable=False),
    Column("kind", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False, comment="change of on_hand"),
    Column("blocked", BigInteger, nullable=False, comment="change of blocked"),
    Column("document", Text, comment="number of the preparation or inspection report that moved it"),
    Column("fact_id", _id, comment="the reported arrival"),
    CheckConstraint(
        "kind in ('opening', 'counted', 'received', 'issued', 'returned', 'taken_back', 'blocked', 'released',"
        " 'scrapped')",
        name="kind",
    ),
    CheckConstraint(
        "case when kind = 'issued' then quantity < 0"
        " when kind in ('received', 'returned', 'taken_back') then quantity > 0"
        " when kind = 'blocked' then quantity = 0 and blocked > 0"
        " when kind = 'released' then quantity = 0 and blocked < 0"
        " when kind = 'scrapped' then quantity < 0 and blocked = quantity else quantity <> 0 or blocked <> 0 end",
        name="sign",
    ),
    Index("uq_stock_movements_fact_id", "fact_id", unique=True, postgresql_where=text("fact_id is not null")),
    Index("ix_stock_movements_blocked", "document", postgresql_where=text("kind = 'blocked'")),
    comment="every change of on_hand and blocked; append-only",
)

preparations = Table(
    "preparations",
    metadata,
    Column("number", Text, primary_key=True, comment="also of its packing list and inspection report"),
    Column("order_id", _id, nullable=False),
    Column("round", SmallInteger, nullable=False),
    Column("issued_at", _time, nullable=False),
    Column("picked_at", _time),
    Column("packed_at", _time),
    Column("cancelled_at", _time, comment="when the goods were put back"),
    Column("packages", BigInteger, nullable=False),
    Column("weight_grams", BigInteger, nullable=False),
    CheckConstraint("packed_at is null or picked_at <= packed_at", name="picked_before_packed"),
    Index("uq_preparations_order_id", "order_id", unique=True, postgresql_where=text("cancelled_at is null")),
    Index("ix_preparations_cancelled", "order_id", postgresql_where=text("cancelled_at is not null")),
    comment="preparation orders",
)

preparation_lines = Table(
    "preparation_lines",
    metadata,
    Column("number", Text, primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("location", Text, primary_key=True),
    Column("product", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False, comment="to be picked"),
    Column("picked", BigInteger, comment="null: not picked yet"),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("picked >= 0 and picked <= quantity", name="picked"),
    comment="what is fetched from where",
)

packages = Table(
    "packages",
    metadata,
    Column("number", Text, primary_key=True),
    Column("first", BigInteger, primary_key=True),
    Column("last", BigInteger, nullable=False, comment="the packages from first to last are alike"),
    Column("material", Text, nullable=False),
    Column("weight_grams", BigInteger, nullable=False, comment="of each"),
    CheckConstraint("first >= 1 and last >= first", name="span"),
    CheckConstraint("material in ('carton', 'crate')", name="material"),
    comment="packing lists: the packages",
)

package_contents = Table(
    "package_contents",
    metadata,
    Column("number", Text, primary_key=True),
    Column("first", BigInteger, primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("product", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False, comment="in each of these packages"),
    CheckConstraint("quantity > 0", name="quantity"),
    comment="packing lists: what lies in the packages",
)

inspection_reports = Table(
    "inspection_reports",
    metadata,
    Column("number", Text, primary_key=True),
    Column("order_id", _id, nullable=False),
    Column("inspected_at", _time, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("inspector", Text, nullable=False),
    CheckConstraint("inspector in ('routine', 'person')", name="inspector"),
    Index("ix_inspection_reports_failed", "order_id", postgresql_where=text("not passed")),
    comment="quality inspection; what failed stands in the movements of this number",
)
