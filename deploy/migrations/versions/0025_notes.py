"""logistics: delivery notes that have an approval of their own"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    folder: sa.Column[str] = sa.Column(
        "folder_id", sa.Uuid(as_uuid=False), comment="what its own approval is kept under; null: it has none"
    )
    op.add_column("delivery_notes", folder, schema="logistics")
    op.create_index(
        "uq_delivery_notes_folder_id",
        "delivery_notes",
        ["folder_id"],
        unique=True,
        schema="logistics",
        postgresql_where=sa.text("folder_id is not null"),
    )
