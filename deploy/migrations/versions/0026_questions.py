"""core: questions to customers, and their answers"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "questions",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("round", sa.SmallInteger(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Uuid(as_uuid=False), nullable=False, comment="that was open when it was asked"),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_for", sa.Text(), comment="who was away, where a delegate asked"),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("answer", sa.Text()),
        sa.Column("answered_by", sa.Text(), comment="who reported the answer"),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
        sa.Column("fact_id", sa.Uuid(as_uuid=False)),
        sa.CheckConstraint("status in ('open', 'answered', 'set aside')", name=op.f("ck_questions_status")),
        sa.CheckConstraint(r"question ~ '\S'", name=op.f("ck_questions_asks_something")),
        sa.CheckConstraint(
            r"(status = 'answered') = (coalesce(answer, '') ~ '\S')"
            " and (status = 'answered') = (num_nonnulls(answered_by, answered_at, fact_id) = 3)",
            name=op.f("ck_questions_answered_by_somebody"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_questions")),
        sa.UniqueConstraint("task_id", name=op.f("uq_questions_task_id")),
        schema="core",
        comment="what customers were asked instead of deciding a task",
    )
    op.create_index(op.f("ix_questions_order_id"), "questions", ["order_id"], schema="core")
    op.create_index(
        "uq_questions_open",
        "questions",
        ["order_id"],
        unique=True,
        schema="core",
        postgresql_where=sa.text("status = 'open'"),
    )
