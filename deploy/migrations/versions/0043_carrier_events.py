"""logistics: what carriers report of shipments under way"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "carrier_events",
        sa.Column("tracking_number", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("remarks", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "event in ('in_transit', 'failed_delivery', 'delivered')", name=op.f("ck_carrier_events_event")
        ),
        sa.ForeignKeyConstraint(
            ["tracking_number"],
            ["logistics.shipments.tracking_number"],
            name=op.f("fk_carrier_events_tracking_number"),
        ),
        sa.PrimaryKeyConstraint("tracking_number", "at", "event", name=op.f("pk_carrier_events")),
        schema="logistics",
        comment="what carriers reported, kept with the tracking slip",
    )
