"""The schema of this department: receipts (确认收货), questionnaires, the archive and customer profiles (客户档案)."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
)

from shared.tables import NAMES

SCHEMA = "after_sales"

metadata = MetaData(schema=SCHEMA, naming_convention=NAMES)

_id = Uuid(as_uuid=False)
_time = DateTime(timezone=True)
_UPDATED_IN_PLACE = {"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.05"}

receipts = Table(
    "receipts",
    metadata,
    Column("order_id", _id, primary_key=True),
    Column("confirmed_at", _time, nullable=False),
    Column("reported_by", Text, comment="the source of the report; null: a clerk asked the customer"),
    Column("remarks", Text, nullable=False),
    comment="the customer's confirmation that the goods have come",
)

surveys = Table(
    "surveys",
    metadata,
    Column("order_id", _id, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("issued_at", _time, nullable=False),
    Column("lowest", SmallInteger, nullable=False, comment="the scale that the customer was asked on"),
    Column("highest", SmallInteger, nullable=False),
    Column("answered_at", _time),
    Column("score", SmallInteger),
    Column("comment", Text),
    CheckConstraint("lowest < highest", name="scale"),
    CheckConstraint("score between lowest and highest", name="score_on_scale"),
    CheckConstraint("num_nulls(answered_at, score, comment) in (0, 3)", name="answered"),
    comment="满意度问卷: issued once per order, answered once at most",
)

archive = Table(
    "archive",
    metadata,
    Column("order_id", _id, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("archived_at", _time, nullable=False),
    comment="订单归档: closed orders; rows are never changed or removed",
)

profiles = Table(
    "profiles",
    metadata,
    Column("customer", Text, primary_key=True),
    Column("archived_orders", BigInteger, nullable=False),
    Column("first_archived_at", _time, nullable=False),
    Column("last_archived_at", _time, nullable=False),
    Column("surveys_answered", BigInteger, nullable=False, comment="of archived orders"),
    Column("score_total", BigInteger, nullable=False, comment="sum of their scores"),
    CheckConstraint("archived_orders > 0", name="archived_orders"),
    CheckConstraint("surveys_answered between 0 and archived_orders", name="surveys_answered"),
    comment="客户档案: what the archived orders tell of each customer; a customer without a row is new (新客户)",
    postgresql_with=_UPDATED_IN_PLACE,
)

profile_amounts = Table(
    "profile_amounts",
    metadata,
    Column("customer", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("orders", BigInteger, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    CheckConstraint("orders > 0", name="orders"),
    comment="the totals of a customer's archived orders in each currency",
    postgresql_with=_UPDATED_IN_PLACE,
)
