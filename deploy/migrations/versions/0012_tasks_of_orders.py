"""core: the tasks of an order are found by it"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_user_tasks_order_id", "user_tasks", ["order_id"], schema="core")
