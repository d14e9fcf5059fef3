"""core: handling comments of overdue orders"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "handling_comments",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("requested_date", sa.Date(), nullable=False, comment="the date that it is late for"),
        sa.Column("asked_at", moment, nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False, comment="who is asked, beside the creator"),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("given_by", sa.Text(), nullable=True),
        sa.Column("given_at", moment, nullable=True),
        sa.Column("closed_at", moment, nullable=True, comment="when the order was found to be finished without one"),
        sa.CheckConstraint("comment ~ '\\S'", name=op.f("ck_handling_comments_says_something")),
        sa.CheckConstraint(
            "(comment is null) = (given_by is null) and (comment is null) = (given_at is null)",
            name=op.f("ck_handling_comments_given_by_somebody"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handling_comments")),
        sa.UniqueConstraint("order_id", "requested_date", name=op.f("uq_handling_comments_order_id")),
        schema="core",
        comment="what people say about orders unfinished long after their date (处理意见)",
    )
    op.create_index(
        "ix_handling_comments_open",
        "handling_comments",
        ["asked_at"],
        schema="core",
        postgresql_where=sa.text("comment is null and closed_at is null"),
    )
