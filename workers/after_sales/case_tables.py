"""What this department keeps of cases."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
)
from sqlalchemy import text as sql

from workers.after_sales.tables import metadata

_id = Uuid(as_uuid=False)
_time = DateTime(timezone=True)

cases = Table(
    "cases",
    metadata,
    Column("number", Text, primary_key=True),
    Column("order_id", _id, nullable=False),
    Column("order_number", Text, nullable=False),
    Column("customer", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("exception", Text, comment="of a receipt exception: what is wrong"),
    Column("product", Text, comment="what is to be repaired"),
    Column("reason", Text, nullable=False),
    Column("opened_at", _time, nullable=False),
    Column("opened_by", Text, comment="null: the customer"),
    Column("source", Text, nullable=False, comment="through whom it was reported"),
    Column("assignee", Text),
    Column("outcome", Text),
    Column("result", Text, comment="what the customer was told"),
    Column("feedback", Text, comment="what the customer said of it"),
    Column("closed_by", Text),
    Column("closed_at", _time),
    CheckConstraint("kind in ('exception', 'return', 'exchange', 'repair', 'support', 'complaint')", name="kind"),
    CheckConstraint("(kind = 'exception') = (exception is not null)", name="exception"),
    CheckConstraint("num_nulls(outcome, result, feedback, closed_by, closed_at) in (0, 5)", name="closed_as_a_whole"),
    CheckConstraint("result <> '' and (kind <> 'complaint' or feedback <> '')", name="closed_with_a_result"),
    CheckConstraint("outcome in ('done', 'rejected')", name="outcome"),
    Index("ix_cases_order_id", "order_id"),
    # For who asks of every order whether a case is open: of the many that are closed it holds none.
    Index("ix_cases_open", "order_id", postgresql_where=sql("closed_at is null")),
    comment="收货异常, 退货, 换货, 报修, 技术支持, 投诉",
)

case_lines = Table(
    "case_lines",
    metadata,
    Column("number", Text, ForeignKey("after_sales.cases.number"), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("order_id", _id, nullable=False),
    Column("product", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    CheckConstraint("quantity > 0", name="quantity"),
    comment="what of the order a case is about",
)

returned_lines = Table(
    "returned_lines",
    metadata,
    Column("order_id", _id, primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("delivered", BigInteger, nullable=False),
    Column("returned", BigInteger, nullable=False, comment="of returns and exchanges that were not rejected"),
    CheckConstraint("returned between 0 and delivered", name="returned_within_delivered"),
    comment="how much of each delivered line customers return: never more than was delivered",
)

case_entries = Table(
    "case_entries",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("number", Text, nullable=False, index=True),
    Column("by", Text, comment="null: the customer"),
    Column("kind", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("at", _time, nullable=False),
    CheckConstraint("kind in ('opened', 'assigned', 'handled', 'closed')", name="kind"),
    comment="what was done about cases, by whom and when",
)
