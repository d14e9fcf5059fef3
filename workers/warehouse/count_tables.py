"""What this department keeps of stock-taking (库存盘点, WHS-06)."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, DateTime, Table, Text

from workers.warehouse.tables import metadata

_time = DateTime(timezone=True)

stock_counts = Table(
    "stock_counts",
    metadata,
    Column("number", Text, primary_key=True, comment="of the sheet, as those who counted gave it"),
    Column("counted_by", Text, nullable=False),
    Column("counted_at", _time, nullable=False),
    Column("remarks", Text, nullable=False),
    Column("closed_at", _time, comment="null: a difference waits for somebody's approval"),
    Column("decided_by", Text, comment="null: nothing differed, or nobody has decided yet"),
    Column("approved", Boolean),
    Column("reason", Text),
    CheckConstraint("decided_by <> counted_by", name="not_by_the_counter"),
    CheckConstraint("(decided_by is null) = (approved is null)", name="decided"),
    CheckConstraint("decided_by is null or closed_at is not null", name="closed"),
    comment="sheets of stock-taking",
)

stock_count_lines = Table(
    "stock_count_lines",
    metadata,
    Column("number", Text, primary_key=True),
    Column("product", Text, primary_key=True),
    Column("location", Text, primary_key=True),
    Column("counted", BigInteger, nullable=False),
    Column("book", BigInteger, nullable=False, comment="on hand by the books at the moment of counting"),
    CheckConstraint("counted >= 0", name="counted"),
    comment="what was counted at each place; the difference to the books adjusts them once it is approved",
)
