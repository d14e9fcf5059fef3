"""core: the outbox holds a transaction's events in one row, ready to be sent"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# What was not sent yet stays in its order, an event to a row.
CONVERT = """
insert into core.outbox (id, events, count)
select id, jsonb_strip_nulls(jsonb_build_object('specversion', '1.0', 'id', event_id, 'source', '/orderflow',
    'type', type, 'subject', subject, 'time', (to_jsonb(time at time zone 'UTC')#>>'{}') || 'Z',
    'datacontenttype', 'application/json', 'sequence', sequence)) || jsonb_build_object('data', data), 1
from core.outbox_before
"""
LINES = """
create view core.outbox_events as
select o.id, line.event->>'id' as event_id, line.event->>'type' as type, line.event->>'subject' as subject,
    (line.event->>'sequence')::integer as sequence, line.event->'data' as data
from core.outbox o
cross join lateral (select text::json as event from regexp_split_to_table(o.events, E'\\n') as text) as line
"""


def upgrade() -> None:
    op.rename_table("outbox", "outbox_before", schema="core")
    op.execute("alter table core.outbox_before rename constraint pk_outbox to pk_outbox_before")
    op.execute("alter sequence core.outbox_id_seq rename to outbox_before_id_seq")
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("events", sa.Text(), nullable=False, comment="CloudEvents in JSON, one on each line"),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        schema="core",
        comment="messages for the outside world, written with what they tell of; a row for each transaction",
        postgresql_with={"autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "500"},
    )
    op.execute(CONVERT)
    op.execute("select setval('core.outbox_id_seq', coalesce((select max(id) from core.outbox), 0) + 1, false)")
    op.drop_table("outbox_before", schema="core")
    op.execute(LINES)
