"""core: what a customer was written is never changed or removed"""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_KEPT = """
create trigger word_for_word
before update of id, order_id, number, kind, key, language, subject, body, created_at or delete or truncate
on core.letters for each statement execute function core.refuse_change()
"""


def upgrade() -> None:
    op.execute(_KEPT)
