"""core: notices, who has read them, and when a task was urged"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column(
            "event_key", sa.Text(), nullable=False, comment="<order id>/<seq of its event>, or <task id>/overdue"
        ),
        sa.Column("recipient", sa.Text(), nullable=False, comment="a person, role:<role> or department:<department>"),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="its words are in shared/locale"),
        sa.Column("data", postgresql.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("event_key", "recipient", name=op.f("uq_notices_event_key")),
        schema="core",
        comment="what people are told, once for each event and recipient",
    )
    op.create_index(op.f("ix_notices_recipient"), "notices", ["recipient", "at"], schema="core")
    op.create_table(
        "notice_reads",
        sa.Column("notice_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("notice_id", "person", name=op.f("pk_notice_reads")),
        schema="core",
        comment="who has read which notice",
    )
    op.add_column(
        "user_tasks",
        sa.Column("urged_at", sa.DateTime(timezone=True), comment="when somebody last asked for a decision (催办)"),
        schema="core",
    )
