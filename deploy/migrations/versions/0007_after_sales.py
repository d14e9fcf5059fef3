"""after_sales: receipts, questionnaires, the archive and customer profiles"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

READ_ONLY = """
create function after_sales.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the archive is read-only' using errcode = 'restrict_violation';
end $$
"""
ARCHIVE_IS_READ_ONLY = """
create trigger archive_is_read_only before update or delete on after_sales.archive
for each statement execute function after_sales.refuse_change()
"""
RECEIPT_STATUS = """
create view after_sales.receipt_status as select order_id, confirmed_at from after_sales.receipts
"""
CUSTOMER_HISTORY = """
create view after_sales.customer_history as
select customer, archived_orders, first_archived_at, last_archived_at from after_sales.profiles
"""


def upgrade() -> None:
    op.execute("create schema if not exists after_sales")
    op.create_table(
        "archive",
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_archive")),
        schema="after_sales",
        comment="订单归档: closed orders; rows are never changed or removed",
    )
    op.create_table(
        "profile_amounts",
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("orders > 0", name=op.f("ck_profile_amounts_orders")),
        sa.PrimaryKeyConstraint("customer", "currency", name=op.f("pk_profile_amounts")),
        schema="after_sales",
        comment="the totals of a customer's archived orders in each currency",
        postgresql_with={"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.05"},
    )
    op.create_table(
        "profiles",
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("archived_orders", sa.BigInteger(), nullable=False),
        sa.Column("first_archived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_archived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("surveys_answered", sa.BigInteger(), nullable=False, comment="of archived orders"),
        sa.Column("score_total", sa.BigInteger(), nullable=False, comment="sum of their scores"),
        sa.CheckConstraint("archived_orders > 0", name=op.f("ck_profiles_archived_orders")),
        sa.CheckConstraint("surveys_answered between 0 and archived_orders", name=op.f("ck_profiles_surveys_answered")),
        sa.PrimaryKeyConstraint("customer", name=op.f("pk_profiles")),
        schema="after_sales",
        comment="客户档案: what the archived orders tell of each customer; a customer without a row is new (新客户)",
        postgresql_with={"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.05"},
    )
    op.create_table(
        "receipts",
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "reported_by",
            sa.Text(),
            nullable=True,
            comment="the source of the report; null: a clerk asked the customer",
        ),
        sa.Column("remarks", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_receipts")),
        schema="after_sales",
        comment="the customer's confirmation that the goods have come",
    )
    op.create_table(
        "surveys",
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lowest", sa.SmallInteger(), nullable=False, comment="the scale that the customer was asked on"),
        sa.Column("highest", sa.SmallInteger(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("score", sa.SmallInteger(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.CheckConstraint("lowest < highest", name=op.f("ck_surveys_scale")),
        sa.CheckConstraint("num_nulls(answered_at, score, comment) in (0, 3)", name=op.f("ck_surveys_answered")),
        sa.CheckConstraint("score between lowest and highest", name=op.f("ck_surveys_score_on_scale")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_surveys")),
        schema="after_sales",
        comment="满意度问卷: issued once per order, answered once at most",
    )
    for statement in (READ_ONLY, ARCHIVE_IS_READ_ONLY, RECEIPT_STATUS, CUSTOMER_HISTORY):
        op.execute(statement)
