"""logistics: promised delivery dates, and what was answered"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "promises",
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("promised_on", sa.Date(), nullable=False),
        sa.Column("parties", sa.Text(), nullable=False, comment="who must confirm it, separated by blanks"),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=True, comment="null: reckoned from stock, production and way"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("transit_days", sa.SmallInteger(), nullable=False),
        sa.Column(
            "withdrawn_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when another one took its place, or its order went back",
        ),
        sa.CheckConstraint("number >= 1", name=op.f("ck_promises_number")),
        sa.CheckConstraint("transit_days >= 0", name=op.f("ck_promises_transit_days")),
        sa.PrimaryKeyConstraint("order_id", "number", name=op.f("pk_promises")),
        schema="logistics",
        comment="承诺交期: every delivery date that was proposed; one at a time is open",
    )
    op.create_index(
        "uq_promises_order_id",
        "promises",
        ["order_id"],
        unique=True,
        schema="logistics",
        postgresql_where=sa.text("withdrawn_at is null"),
    )
    op.create_table(
        "promise_answers",
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("agreed", sa.Boolean(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wanted", sa.Date(), nullable=True, comment="the day that is wanted instead"),
        sa.Column("remarks", sa.Text(), nullable=False),
        sa.CheckConstraint("party in ('sales', 'customer')", name=op.f("ck_promise_answers_party")),
        sa.CheckConstraint("wanted is null or not agreed", name=op.f("ck_promise_answers_wanted_instead")),
        sa.ForeignKeyConstraint(
            ["order_id", "number"],
            ["logistics.promises.order_id", "logistics.promises.number"],
            name=op.f("fk_promise_answers_order_id_number"),
        ),
        sa.PrimaryKeyConstraint("order_id", "number", "party", name=op.f("pk_promise_answers")),
        schema="logistics",
        comment="what sales and the customer said to each date",
    )
