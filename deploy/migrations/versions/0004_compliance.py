"""compliance: the rules that orders are checked against"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create schema if not exists compliance")
    op.create_table(
        "rules",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "value", sa.Text(), nullable=False, comment="the code, or for regions and parties a part of the name"
        ),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("kind in ('product', 'category', 'country', 'region', 'party')", name=op.f("ck_rules_kind")),
        sa.CheckConstraint("btrim(value) <> ''", name=op.f("ck_rules_value")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_rules")),
        schema="compliance",
        comment="what law or company policy restricts",
    )
