"""logistics: orders that have not left by the promised day, and documents that go with the goods"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

# What was marked and has not left altogether yet.
LATE = """
create view logistics.late as
select l.order_id, l.promised_on, l.marked_at from logistics.late_orders l
join core.orders o on o.id = l.order_id and o.state in ('approved', 'reserved', 'prepared')
"""


def upgrade() -> None:
    op.create_table(
        "late_orders",
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("promised_on", sa.Date(), nullable=False),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "promised_on", name=op.f("pk_late_orders")),
        schema="logistics",
        comment="orders that had not left by the day that was promised, once for each",
    )
    op.execute(LATE)
    op.add_column(
        "shipments",
        sa.Column("documents", sa.Text(), nullable=True, comment="that went with the goods, separated by blanks"),
        schema="logistics",
    )
