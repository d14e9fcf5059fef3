"""core: handling comments stay listed until their order is finished"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_handling_comments_open", "handling_comments", schema="core")
    op.create_index(
        "ix_handling_comments_open",
        "handling_comments",
        ["asked_at"],
        schema="core",
        postgresql_where=sa.text("closed_at is null"),
    )
    op.alter_column(
        "handling_comments",
        "closed_at",
        existing_type=sa.DateTime(timezone=True),
        comment="when the order was found to be finished",
        existing_comment="when the order was found to be finished without one",
        schema="core",
    )
