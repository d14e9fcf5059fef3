"""logistics, warehouse: orders that are delivered in parts"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

# What is packed for orders and has not been put back; for one order the preparations' own index is used.
PREPARED = """
create view warehouse.prepared as
select p.order_id, p.number,
    (select sum(l.quantity) from warehouse.preparation_lines l where l.number = p.number)::bigint as quantity
from warehouse.preparations p where p.packed_at is not null and p.cancelled_at is null
"""
PREPARED_LINES = """
create view warehouse.prepared_lines as
select p.order_id, p.number, l.line, l.product, sum(l.quantity)::bigint as quantity
from warehouse.preparations p join warehouse.preparation_lines l on l.number = p.number
where p.packed_at is not null and p.cancelled_at is null
group by p.order_id, p.number, l.line, l.product
"""
# An order has left when nothing of it remains, and is delivered when all of its parts are.
SHIPMENT_STATUS = """
create or replace view logistics.shipment_status as
select s.order_id, s.delivery_note, s.tracking_number, s.carrier,
    case when p.withdrawn_at is null then p.promised_date end as promised_date, s.shipped_at, s.delivered_at
from (
    select order_id, max(note) as delivery_note, max(tracking_number) as tracking_number, max(carrier) as carrier,
        max(shipped_at) filter (where rest = 0) as shipped_at,
        case when bool_and(delivered_at is not null) and min(rest) = 0 then max(delivered_at) end as delivered_at
    from logistics.shipments where recalled_at is null group by order_id
) s
left join logistics.plans p on p.order_id = s.order_id
union all
select p.order_id, null, null, p.carrier, p.promised_date, null, null
from logistics.plans p
where p.withdrawn_at is null
    and not exists (select from logistics.shipments s where s.order_id = p.order_id and s.recalled_at is null)
"""
DELIVERIES = """
create view logistics.deliveries as
select s.order_id, s.note, l.line, l.quantity, s.shipped_at, s.delivered_at, s.recalled_at is not null as recalled
from logistics.shipments s join logistics.delivery_note_lines l on l.note = s.note
"""


def upgrade() -> None:
    part: sa.Column[int] = sa.Column("part", sa.SmallInteger(), nullable=False, server_default="1")
    op.add_column("delivery_notes", part, schema="logistics")
    op.alter_column("delivery_notes", "part", server_default=None, schema="logistics")
    op.drop_index("uq_delivery_notes_order_id", "delivery_notes", schema="logistics")
    op.create_index(
        "uq_delivery_notes_order_id_part",
        "delivery_notes",
        ["order_id", "part"],
        unique=True,
        schema="logistics",
        postgresql_where=sa.text("recalled_at is null"),
    )
    op.execute("comment on table logistics.delivery_notes is '发货单; several where an order leaves in parts'")
    rest: sa.Column[int] = sa.Column(
        "rest", sa.BigInteger(), nullable=False, server_default="0", comment="units of the order that have yet to leave"
    )
    op.add_column("shipments", rest, schema="logistics")
    op.alter_column("shipments", "rest", server_default=None, schema="logistics")
    op.create_check_constraint(op.f("ck_shipments_rest"), "shipments", "rest >= 0", schema="logistics")
    op.drop_index("uq_shipments_order_id", "shipments", schema="logistics")
    op.create_index(
        "ix_shipments_order_id",
        "shipments",
        ["order_id"],
        unique=False,
        schema="logistics",
        postgresql_where=sa.text("recalled_at is null"),
    )
    op.execute("comment on table logistics.shipments is '物流追踪单: what left, once per delivery note'")
    for view in (PREPARED, PREPARED_LINES, SHIPMENT_STATUS, DELIVERIES):
        op.execute(view)
