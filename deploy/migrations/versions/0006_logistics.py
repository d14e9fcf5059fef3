"""logistics: carriers and their rates, plans, delivery notes and shipments"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# A row for every order that is planned or shipped; what has not happened yet is null.
SHIPMENT_STATUS = """
create view logistics.shipment_status as
select s.order_id, s.note as delivery_note, s.tracking_number, s.carrier,
    case when p.withdrawn_at is null then p.promised_date end as promised_date, s.shipped_at, s.delivered_at
from logistics.shipments s
left join logistics.plans p on p.order_id = s.order_id
where s.recalled_at is null
union all
select p.order_id, null, null, p.carrier, p.promised_date, null, null
from logistics.plans p
where p.withdrawn_at is null
    and not exists (select from logistics.shipments s where s.order_id = p.order_id and s.recalled_at is null)
"""
ORDER_APPROVAL = """
create view logistics.order_approval as
select id as order_id, state in ('approved', 'reserved', 'prepared', 'shipped', 'received', 'settled') as approved
from core.orders
"""


def upgrade() -> None:
    op.execute("create schema if not exists logistics")
    op.create_table(
        "carriers",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_carriers")),
        schema="logistics",
        comment="who carries goods for us",
    )
    op.create_table(
        "delivery_notes",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("customer_name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=True, comment="null: arranged by hand"),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recalled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_delivery_notes")),
        schema="logistics",
        comment="发货单; one per order that is not recalled",
    )
    op.create_index(
        "uq_delivery_notes_order_id",
        "delivery_notes",
        ["order_id"],
        unique=True,
        schema="logistics",
        postgresql_where=sa.text("recalled_at is null"),
    )
    op.create_table(
        "ordered_lines",
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("ordered", sa.BigInteger(), nullable=False),
        sa.Column("noted", sa.BigInteger(), nullable=False, comment="on delivery notes that are not recalled"),
        sa.CheckConstraint("noted between 0 and ordered", name=op.f("ck_ordered_lines_noted_within_ordered")),
        sa.PrimaryKeyConstraint("order_id", "line", name=op.f("pk_ordered_lines")),
        schema="logistics",
        comment="how much of each order line stands on delivery notes: never more than was ordered",
    )
    op.create_table(
        "plans",
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=True, comment="null: a person arranges the transport by hand"),
        sa.Column("freight_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True, comment="of the freight: the policy's base currency"),
        sa.Column("arrival", sa.Date(), nullable=True, comment="when the carrier is expected to arrive"),
        sa.Column(
            "promised_date",
            sa.Date(),
            nullable=True,
            comment="承诺交期; null: none, because the transport is arranged by hand",
        ),
        sa.Column("weight_grams", sa.BigInteger(), nullable=False),
        sa.Column(
            "comparison",
            postgresql.JSON(astext_type=sa.Text()),
            nullable=False,
            comment="every carrier as [code, freight_minor, days, arrival, in time]; freight null: no exchange rate",
        ),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "withdrawn_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the order was returned or cancelled",
        ),
        sa.CheckConstraint(
            "num_nulls(carrier, freight_minor, currency, arrival, promised_date) in (0, 5)",
            name=op.f("ck_plans_carrier_or_by_hand"),
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_plans")),
        schema="logistics",
        comment="the chosen carrier of every order, with the comparison it was chosen from",
    )
    op.create_table(
        "carrier_rates",
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column(
            "region", sa.Text(), nullable=False, comment="empty: the whole country; a region's own rate goes before it"
        ),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("base_fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("per_kg_fee_minor", sa.BigInteger(), nullable=False, comment="for every kilogram begun"),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("transit_days", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("country ~ '^[A-Z]{2}$'", name=op.f("ck_carrier_rates_country")),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_carrier_rates_currency")),
        sa.CheckConstraint("base_fee_minor >= 0 and per_kg_fee_minor >= 0", name=op.f("ck_carrier_rates_fees")),
        sa.CheckConstraint("transit_days >= 0", name=op.f("ck_carrier_rates_transit_days")),
        sa.ForeignKeyConstraint(["carrier"], ["logistics.carriers.code"], name=op.f("fk_carrier_rates_carrier")),
        sa.PrimaryKeyConstraint("country", "region", "carrier", name=op.f("pk_carrier_rates")),
        schema="logistics",
        comment="what a carrier takes to a place, and how long it is on the way",
    )
    op.create_table(
        "delivery_note_lines",
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_delivery_note_lines_quantity")),
        sa.ForeignKeyConstraint(
            ["note"], ["logistics.delivery_notes.number"], name=op.f("fk_delivery_note_lines_note")
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "line"],
            ["logistics.ordered_lines.order_id", "logistics.ordered_lines.line"],
            name=op.f("fk_delivery_note_lines_order_id_line"),
        ),
        sa.PrimaryKeyConstraint("note", "line", name=op.f("pk_delivery_note_lines")),
        schema="logistics",
        comment="what a delivery note sends",
    )
    op.create_table(
        "shipments",
        sa.Column("tracking_number", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=True, comment="null: arranged by hand"),
        sa.Column("packages", sa.BigInteger(), nullable=True, comment="null: the warehouse did not pack them"),
        sa.Column("weight_grams", sa.BigInteger(), nullable=True, comment="null: the warehouse did not weigh them"),
        sa.Column("quantity", sa.BigInteger(), nullable=False, comment="units of all lines"),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recalled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("delivered_at >= shipped_at", name=op.f("ck_shipments_delivered_after_shipped")),
        sa.CheckConstraint(
            "delivered_at is null or recalled_at is null", name=op.f("ck_shipments_delivered_or_recalled")
        ),
        sa.ForeignKeyConstraint(["note"], ["logistics.delivery_notes.number"], name=op.f("fk_shipments_note")),
        sa.PrimaryKeyConstraint("tracking_number", name=op.f("pk_shipments")),
        sa.UniqueConstraint("note", name=op.f("uq_shipments_note")),
        schema="logistics",
        comment="物流追踪单: what left with which carrier, once per delivery note and per order",
    )
    op.create_index(
        "uq_shipments_order_id",
        "shipments",
        ["order_id"],
        unique=True,
        schema="logistics",
        postgresql_where=sa.text("recalled_at is null"),
    )
    for view in (SHIPMENT_STATUS, ORDER_APPROVAL):
        op.execute(view)
