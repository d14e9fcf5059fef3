"""logistics: changes of approved delivery notes"""

from datetime import date

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    ships_on: sa.Column[date] = sa.Column("ships_on", sa.Date(), comment="the day that was agreed to, where it changed")
    op.add_column("delivery_notes", ships_on, schema="logistics")
    op.create_table(
        "note_changes",
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("ships_on", sa.Date(), nullable=True),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True, comment="null: nobody has answered yet"),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("change in ('date', 'carrier', 'end')", name=op.f("ck_note_changes_change")),
        sa.CheckConstraint("answer in ('agreed', 'refused')", name=op.f("ck_note_changes_answer")),
        sa.CheckConstraint("(answer is null) = (answered_at is null)", name=op.f("ck_note_changes_answered")),
        sa.CheckConstraint(
            "(change = 'date') = (ships_on is not null) and (change = 'carrier') = (carrier is not null)",
            name=op.f("ck_note_changes_what"),
        ),
        sa.ForeignKeyConstraint(["note"], ["logistics.delivery_notes.number"], name=op.f("fk_note_changes_note")),
        sa.PrimaryKeyConstraint("note", "number", name=op.f("pk_note_changes")),
        schema="logistics",
        comment="变更申请 of approved delivery notes; one at a time is open",
    )
    op.create_index(
        "uq_note_changes_note",
        "note_changes",
        ["note"],
        unique=True,
        schema="logistics",
        postgresql_where=sa.text("answer is null"),
    )
