"""core: the delivery date that was promised stands in the header, as lateness counts from it"""

from datetime import date

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_OF_ORDERS = """
update core.order_headers h
set delivery_date = coalesce(d.document ->> 'planned_ship_date', d.document ->> 'reply_date')::date
from core.orders o join core.order_documents d on d.order_id = o.id and d.revision = o.revision
where o.id = h.order_id and h.document_kind = 'order'
    and coalesce(d.document ->> 'planned_ship_date', d.document ->> 'reply_date') is not null
"""


def upgrade() -> None:
    column: sa.Column[date] = sa.Column("delivery_date", sa.Date, comment="回复交期, 预发货日期; null: none is set")
    op.add_column("order_headers", column, schema="core")
    op.execute(_OF_ORDERS)
