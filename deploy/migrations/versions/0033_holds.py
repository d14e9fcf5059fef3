"""core: orders on hold, whose next move waits"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    held: sa.Column[str] = sa.Column("held_by", sa.Text, comment="who put it on hold; null: it is not")
    task: sa.Column[str] = sa.Column("task_id", sa.Uuid(as_uuid=False), comment="decided, and not followed yet")
    op.add_column("orders", held, schema="core")
    op.add_column("waits", task, schema="core")
