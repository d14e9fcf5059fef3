"""core: order ids are made in time's order, so that the newest are found by them"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_order_headers_created_at", "order_headers", schema="core")
    op.drop_index("ix_order_headers_customer_created_at", "order_headers", schema="core")
    op.create_index("ix_order_headers_customer_order_id", "order_headers", ["customer", "order_id"], schema="core")
