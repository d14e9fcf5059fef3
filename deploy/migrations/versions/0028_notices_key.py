"""core: the key of notices is called as all keys are"""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table core.notices rename constraint uq_notices_event_key to uq_notices_event_key_recipient")
