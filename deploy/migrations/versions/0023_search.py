"""core: documents are found by product and by date, refused attempts by what they concerned"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    products = sa.text("jsonb_path_query_array(document::jsonb, '$.lines[*].product')")
    op.create_index("ix_order_documents_products", "order_documents", [products], schema="core", postgresql_using="gin")
    op.create_index("ix_order_headers_created_at", "order_headers", ["created_at"], schema="core")
    op.create_index("ix_audit_log_subject", "audit_log", ["subject"], schema="core")
    op.execute(
        "alter table core.handling_comments"
        " rename constraint uq_handling_comments_order_id to uq_handling_comments_order_id_requested_date"
    )
