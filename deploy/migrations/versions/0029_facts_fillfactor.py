"""core: a fact that is handled stays on its page"""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table core.facts set (fillfactor = 50)")
