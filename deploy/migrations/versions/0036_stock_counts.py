"""warehouse: stock-taking, and blocked goods that are released or scrapped"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

KINDS = "kind in ('opening', 'counted', 'received', 'issued', 'returned', 'blocked', 'released', 'scrapped')"
SIGN = (
    "case when kind = 'issued' then quantity < 0 when kind in ('received', 'returned') then quantity > 0"
    " when kind = 'blocked' then quantity = 0 and blocked > 0 when kind = 'released' then quantity = 0 and blocked < 0"
    " when kind = 'scrapped' then quantity < 0 and blocked = quantity else quantity <> 0 or blocked <> 0 end"
)


def upgrade() -> None:
    op.create_table(
        "stock_counts",
        sa.Column("number", sa.Text(), nullable=False, comment="of the sheet, as those who counted gave it"),
        sa.Column("counted_by", sa.Text(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("remarks", sa.Text(), nullable=False),
        sa.Column(
            "closed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="null: a difference waits for somebody's approval",
        ),
        sa.Column("decided_by", sa.Text(), nullable=True, comment="null: nothing differed, or nobody has decided yet"),
        sa.Column("approved", sa.Boolean(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("(decided_by is null) = (approved is null)", name=op.f("ck_stock_counts_decided")),
        sa.CheckConstraint("decided_by <> counted_by", name=op.f("ck_stock_counts_not_by_the_counter")),
        sa.CheckConstraint("decided_by is null or closed_at is not null", name=op.f("ck_stock_counts_closed")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_stock_counts")),
        schema="warehouse",
        comment="sheets of stock-taking",
    )
    op.create_table(
        "stock_count_lines",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("counted", sa.BigInteger(), nullable=False),
        sa.Column("book", sa.BigInteger(), nullable=False, comment="on hand by the books at the moment of counting"),
        sa.CheckConstraint("counted >= 0", name=op.f("ck_stock_count_lines_counted")),
        sa.PrimaryKeyConstraint("number", "product", "location", name=op.f("pk_stock_count_lines")),
        schema="warehouse",
        comment="what was counted at each place; the difference to the books adjusts them once it is approved",
    )
    for name, condition in (("kind", KINDS), ("sign", SIGN)):
        op.drop_constraint(op.f(f"ck_stock_movements_{name}"), "stock_movements", schema="warehouse")
        op.create_check_constraint(op.f(f"ck_stock_movements_{name}"), "stock_movements", condition, schema="warehouse")
