"""core: folders of several kinds, links between them, and when a round began"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BEGUN = """
update core.orders o set submitted_at = e.at from (
    select order_id, max(at) as at from core.events where kind in ('received', 'resubmitted') group by order_id
) e where e.order_id = o.id
"""


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("orders", sa.Column("submitted_at", moment, comment="when this round began"), schema="core")
    op.execute(BEGUN)
    op.alter_column("orders", "submitted_at", nullable=False, schema="core")
    op.create_table_comment(
        "orders", "where every folder (order, contract, delivery note) stands; the fold of its events", schema="core"
    )
    op.add_column("user_tasks", sa.Column("submitted_at", moment, comment="when the round began"), schema="core")
    op.execute("update core.user_tasks t set submitted_at = o.submitted_at from core.orders o where o.id = t.order_id")
    op.alter_column("user_tasks", "submitted_at", nullable=False, schema="core")
    op.create_index(
        "ix_user_tasks_submitted_at",
        "user_tasks",
        ["submitted_at"],
        schema="core",
        postgresql_where=sa.text("status = 'open'"),
    )
    kind = sa.Column(
        "document_kind", sa.Text(), nullable=False, server_default="order", comment="messages.folders.DocumentKind"
    )
    op.add_column("order_headers", kind, schema="core")
    for column in ("channel", "requested_date"):
        op.alter_column("order_headers", column, nullable=True, comment="of orders", schema="core")
    op.create_check_constraint(
        op.f("ck_order_headers_orders_say_channel_and_date"),
        "order_headers",
        "document_kind <> 'order' or (channel is not null and requested_date is not null)",
        schema="core",
    )
    op.alter_column("order_documents", "document", comment="messages.folders.Document", schema="core")
    op.create_table(
        "links",
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="replaces, contract_of, note_of, …"),
        sa.Column("other_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.PrimaryKeyConstraint("order_id", "kind", "other_id", name=op.f("pk_links")),
        schema="core",
        comment="folders that belong together: order_id is what `kind` says of other_id",
    )
    op.create_index("ix_links_other_id", "links", ["other_id"], schema="core")
