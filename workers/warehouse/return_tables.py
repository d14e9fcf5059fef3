"""What this department keeps of goods that customers send back."""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Index, Integer, Table, Text, Uuid

from workers.warehouse.tables import metadata

customer_returns = Table(
    "customer_returns",
    metadata,
    Column("fact_id", Uuid(as_uuid=False), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("case_number", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("condition", Text, nullable=False),
    Column("received_by", Text, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("condition in ('good', 'damaged')", name="condition"),
    Index("ix_customer_returns_case_number", "case_number"),
    comment="退货入库: what came back of the returns and exchanges of after-sales",
)
