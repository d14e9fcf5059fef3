"""finance: what is invoiced and not paid, for reminders"""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

OPEN_RECEIVABLES = """
create view finance.open_receivables as
select order_id, customer, currency, due_date, due_minor - received_minor as open_minor
from finance.receivables
where due_date is not null and settled_at is null and received_minor < due_minor
"""


def upgrade() -> None:
    op.execute(OPEN_RECEIVABLES)
