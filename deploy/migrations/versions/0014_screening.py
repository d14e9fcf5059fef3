"""compliance: the list that a restriction was taken from"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    source: sa.Column[str] = sa.Column(
        "source", sa.Text(), nullable=False, server_default="", comment="the list that it was taken from"
    )
    op.add_column("rules", source, schema="compliance")
    op.alter_column(
        "rules", "value", comment="the code, a part of the region's name, the party's name", schema="compliance"
    )
