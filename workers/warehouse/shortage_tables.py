"""What this department keeps of orders that lack goods (WHS-04, WHS-05)."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Date, DateTime, Index, Integer, Table, Text, Uuid

from workers.warehouse.tables import metadata

_id = Uuid(as_uuid=False)
_time = DateTime(timezone=True)

shortages = Table(
    "shortages",
    metadata,
    Column("order_id", _id, primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("product", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False, comment="of the whole line, whatever of it is reserved by now"),
    Column("needed_by", Date, nullable=False, comment="when the customer expects it: the earliest is served first"),
    Column("number", Text, nullable=False, comment="of the order: it decides between those of one day"),
    Column("since", _time, nullable=False),
    Column("partial", Boolean, nullable=False, comment="whatever comes is taken; else all lines or none"),
    CheckConstraint("quantity > 0", name="quantity"),
    Index("ix_shortages_product", "product"),
    comment="all lines of orders that wait for goods; gone once they have them, or are taken back",
)

shortage_decisions = Table(
    "shortage_decisions",
    metadata,
    Column("order_id", _id, primary_key=True),
    Column("at", _time, primary_key=True),
    Column("remedy", Text, nullable=False),
    Column("new_date", Date),
    CheckConstraint("remedy in ('date', 'partial', 'cancel')", name="remedy"),
    CheckConstraint("(remedy = 'date') = (new_date is not null)", name="new_date"),
    comment="what people decided of shortages that nothing covers in time; the latest counts",
)
