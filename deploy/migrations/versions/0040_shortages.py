"""warehouse: orders that lack goods, in the order in which they are served, and what people decided of them"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shortages",
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column(
            "quantity",
            sa.BigInteger(),
            nullable=False,
            comment="of the whole line, whatever of it is reserved by now",
        ),
        sa.Column(
            "needed_by",
            sa.Date(),
            nullable=False,
            comment="when the customer expects it: the earliest is served first",
        ),
        sa.Column("number", sa.Text(), nullable=False, comment="of the order: it decides between those of one day"),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("partial", sa.Boolean(), nullable=False, comment="whatever comes is taken; else all lines or none"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_shortages_quantity")),
        sa.PrimaryKeyConstraint("order_id", "line", name=op.f("pk_shortages")),
        schema="warehouse",
        comment="all lines of orders that wait for goods; gone once they have them, or are taken back",
    )
    op.create_index("ix_shortages_product", "shortages", ["product"], unique=False, schema="warehouse")
    op.create_table(
        "shortage_decisions",
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("new_date", sa.Date(), nullable=True),
        sa.CheckConstraint("remedy in ('date', 'partial', 'cancel')", name=op.f("ck_shortage_decisions_remedy")),
        sa.CheckConstraint("(remedy = 'date') = (new_date is not null)", name=op.f("ck_shortage_decisions_new_date")),
        sa.PrimaryKeyConstraint("order_id", "at", name=op.f("pk_shortage_decisions")),
        schema="warehouse",
        comment="what people decided of shortages that nothing covers in time; the latest counts",
    )
