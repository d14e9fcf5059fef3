"""warehouse: stock, reservations, preparations with packing lists and inspection reports, and the views others read"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# A product of the list without stock is there with 0. Row by row, so that a reader who names products uses indexes.
AVAILABILITY = """
create view warehouse.availability as
select p.product, coalesce((
    select sum(s.on_hand - s.reserved - s.blocked)
    from warehouse.stock s where s.product = p.product and s.inspection <> 'failed'
), 0)::bigint as available
from sales_review.product_list p
"""
# Likewise per order. Preparing turns an order's reservations into the lines of its preparation.
READINESS = """
create view warehouse.readiness as
select o.id as order_id, true as reserved, p.picked_at, p.packed_at, i.inspected_at,
    coalesce(i.passed, false) as inspection_passed, p.packages, p.weight_grams
from core.orders o
left join warehouse.preparations p on p.order_id = o.id and p.cancelled_at is null
left join warehouse.inspection_reports i on i.number = p.number
where p.number is not null or exists (select from warehouse.reservations r where r.order_id = o.id)
"""


def upgrade() -> None:
    op.execute("create schema if not exists warehouse")
    op.create_table(
        "inspection_reports",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("inspected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("inspector", sa.Text(), nullable=False),
        sa.CheckConstraint("inspector in ('routine', 'person')", name=op.f("ck_inspection_reports_inspector")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_inspection_reports")),
        schema="warehouse",
        comment="quality inspection; what failed stands in the movements of this number",
    )
    op.create_index(
        "ix_inspection_reports_failed",
        "inspection_reports",
        ["order_id"],
        unique=False,
        schema="warehouse",
        postgresql_where=sa.text("not passed"),
    )
    op.create_table(
        "package_contents",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False, comment="in each of these packages"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_package_contents_quantity")),
        sa.PrimaryKeyConstraint("number", "first", "line", name=op.f("pk_package_contents")),
        schema="warehouse",
        comment="packing lists: what lies in the packages",
    )
    op.create_table(
        "packages",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False, comment="the packages from first to last are alike"),
        sa.Column("material", sa.Text(), nullable=False),
        sa.Column("weight_grams", sa.BigInteger(), nullable=False, comment="of each"),
        sa.CheckConstraint("material in ('carton', 'crate')", name=op.f("ck_packages_material")),
        sa.CheckConstraint("first >= 1 and last >= first", name=op.f("ck_packages_span")),
        sa.PrimaryKeyConstraint("number", "first", name=op.f("pk_packages")),
        schema="warehouse",
        comment="packing lists: the packages",
    )
    op.create_table(
        "preparation_lines",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False, comment="to be picked"),
        sa.Column("picked", sa.BigInteger(), nullable=True, comment="null: not picked yet"),
        sa.CheckConstraint("picked >= 0 and picked <= quantity", name=op.f("ck_preparation_lines_picked")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_preparation_lines_quantity")),
        sa.PrimaryKeyConstraint("number", "line", "location", name=op.f("pk_preparation_lines")),
        schema="warehouse",
        comment="what is fetched from where",
    )
    op.create_table(
        "preparations",
        sa.Column("number", sa.Text(), nullable=False, comment="also of its packing list and inspection report"),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("round", sa.SmallInteger(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("picked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("packed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True, comment="when the goods were put back"),
        sa.Column("packages", sa.BigInteger(), nullable=False),
        sa.Column("weight_grams", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "packed_at is null or picked_at <= packed_at", name=op.f("ck_preparations_picked_before_packed")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_preparations")),
        schema="warehouse",
        comment="preparation orders",
    )
    op.create_index(
        "ix_preparations_cancelled",
        "preparations",
        ["order_id"],
        unique=False,
        schema="warehouse",
        postgresql_where=sa.text("cancelled_at is not null"),
    )
    op.create_index(
        "uq_preparations_order_id",
        "preparations",
        ["order_id"],
        unique=True,
        schema="warehouse",
        postgresql_where=sa.text("cancelled_at is null"),
    )
    op.create_table(
        "reservations",
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_reservations_quantity")),
        sa.PrimaryKeyConstraint("order_id", "line", "location", name=op.f("pk_reservations")),
        schema="warehouse",
        comment="open reservations; preparing the order or releasing them deletes them",
    )
    op.create_table(
        "stock",
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column(
            "on_hand", sa.BigInteger(), server_default="0", nullable=False, comment="in pieces, as all quantities"
        ),
        sa.Column("reserved", sa.BigInteger(), server_default="0", nullable=False, comment="of those on hand"),
        sa.Column("blocked", sa.BigInteger(), server_default="0", nullable=False, comment="of those on hand"),
        sa.Column(
            "inspection",
            sa.Text(),
            server_default="routine",
            nullable=False,
            comment="how the goods here are inspected",
        ),
        sa.CheckConstraint("inspection in ('routine', 'person', 'failed')", name=op.f("ck_stock_inspection")),
        sa.CheckConstraint("blocked >= 0", name=op.f("ck_stock_blocked")),
        sa.CheckConstraint("reserved >= 0 and reserved <= on_hand - blocked", name=op.f("ck_stock_never_oversold")),
        sa.PrimaryKeyConstraint("product", "location", name=op.f("pk_stock")),
        schema="warehouse",
        comment="what is there; goods at a place whose inspection has failed are not given away",
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "stock_movements",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False, comment="change of on_hand"),
        sa.Column("blocked", sa.BigInteger(), nullable=False, comment="change of blocked"),
        sa.Column(
            "document", sa.Text(), nullable=True, comment="number of the preparation or inspection report that moved it"
        ),
        sa.Column("fact_id", sa.Uuid(as_uuid=False), nullable=True, comment="the reported arrival"),
        sa.CheckConstraint(
            "case when kind = 'issued' then quantity < 0 when kind in ('received', 'returned') then quantity > 0"
            " when kind = 'blocked' then quantity = 0 and blocked > 0 else quantity <> 0 or blocked <> 0 end",
            name=op.f("ck_stock_movements_sign"),
        ),
        sa.CheckConstraint(
            "kind in ('opening', 'counted', 'received', 'issued', 'returned', 'blocked')",
            name=op.f("ck_stock_movements_kind"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_movements")),
        schema="warehouse",
        comment="every change of on_hand and blocked; append-only",
    )
    op.create_index(
        "uq_stock_movements_fact_id",
        "stock_movements",
        ["fact_id"],
        unique=True,
        schema="warehouse",
        postgresql_where=sa.text("fact_id is not null"),
    )
    for view in (AVAILABILITY, READINESS):
        op.execute(view)
