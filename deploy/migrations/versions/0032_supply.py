"""warehouse: suppliers and purchases, production units and plans, and when goods are expected"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

# What is bought or made for an order, with the day on which the last of it is expected.
EXPECTED_DATES = """
create view warehouse.expected_dates as
select order_id, product, max(expected_on) as expected_on
from (
    select order_id, product, expected_on from warehouse.purchases where closed_at is null
    union all
    select order_id, product, finishes_on from warehouse.production_plans where closed_at is null
) expected
group by order_id, product
"""


def upgrade() -> None:
    op.create_table(
        "bill_of_materials",
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("material", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False, comment="for one piece"),
        sa.CheckConstraint("quantity > 0 and material <> product", name=op.f("ck_bill_of_materials_quantity")),
        sa.PrimaryKeyConstraint("product", "material", name=op.f("pk_bill_of_materials")),
        schema="warehouse",
        comment="what a product is made of",
    )
    op.create_table(
        "production_confirmations",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", "role", name=op.f("pk_production_confirmations")),
        schema="warehouse",
        comment="who has confirmed a plan, for which department",
    )
    op.create_table(
        "production_days",
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=False),
        sa.Column("committed", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("committed between 0 and capacity", name=op.f("ck_production_days_never_overbooked")),
        sa.PrimaryKeyConstraint("unit", "day", name=op.f("pk_production_days")),
        schema="warehouse",
        comment="what open plans take of a unit's days",
    )
    op.create_table(
        "production_materials",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("material", sa.Text(), nullable=False),
        sa.Column("needed", sa.BigInteger(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False, comment="when it was planned"),
        sa.CheckConstraint("needed > 0", name=op.f("ck_production_materials_needed")),
        sa.PrimaryKeyConstraint("number", "material", name=op.f("pk_production_materials")),
        schema="warehouse",
        comment="what a plan takes; without any it is no plan yet",
    )
    op.create_table(
        "production_plans",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False, comment="whose shortage it covers"),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("needed_by", sa.Date(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("finishes_on", sa.Date(), nullable=False, comment="as expected now"),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "wanted", sa.ARRAY(sa.Text()), nullable=False, comment="the roles that must confirm before work starts"
        ),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False, comment="as last reported"),
        sa.Column("good", sa.BigInteger(), nullable=True, comment="passed the inspection; null: not finished"),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("good is null or closed_at is not null", name=op.f("ck_production_plans_closed")),
        sa.CheckConstraint(
            "quantity > 0 and done between 0 and quantity and good between 0 and quantity",
            name=op.f("ck_production_plans_quantity"),
        ),
        sa.CheckConstraint("starts_on <= finishes_on", name=op.f("ck_production_plans_span")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_production_plans")),
        schema="warehouse",
        comment="production plans; closed without good pieces: called off",
    )
    op.create_index(
        "uq_production_plans_order_id",
        "production_plans",
        ["order_id", "product"],
        unique=True,
        schema="warehouse",
        postgresql_where=sa.text("closed_at is null"),
    )
    op.create_table(
        "production_reports",
        sa.Column("fact_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reported_by", sa.Text(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=True),
        sa.Column("finishes_on", sa.Date(), nullable=True),
        sa.Column("remarks", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind in ('planned', 'progress', 'delayed', 'finished')", name=op.f("ck_production_reports_kind")
        ),
        sa.PrimaryKeyConstraint("fact_id", name=op.f("pk_production_reports")),
        schema="warehouse",
        comment="what was reported of plans: changes, progress, delays, the end",
    )
    op.create_index("ix_production_reports_number", "production_reports", ["number"], unique=False, schema="warehouse")
    op.create_table(
        "production_shares",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_production_shares_quantity")),
        sa.PrimaryKeyConstraint("number", "day", name=op.f("pk_production_shares")),
        schema="warehouse",
        comment="what a plan takes of its unit's days",
    )
    op.create_table(
        "production_units",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=False, comment="pieces on a working day"),
        sa.Column(
            "manager", sa.Text(), nullable=True, comment="who is told; null: the holders of the role production_planner"
        ),
        sa.Column("products", sa.ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint("capacity >= 0", name=op.f("ck_production_units_capacity")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_production_units")),
        schema="warehouse",
        comment="production units, and what they make",
    )
    op.create_table(
        "purchase_receipts",
        sa.Column("fact_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False, comment="taken into stock"),
        sa.Column("failed", sa.BigInteger(), nullable=False, comment="failed the inspection and went back at once"),
        sa.Column("location", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "quantity >= 0 and failed >= 0 and quantity + failed > 0", name=op.f("ck_purchase_receipts_quantity")
        ),
        sa.PrimaryKeyConstraint("fact_id", name=op.f("pk_purchase_receipts")),
        schema="warehouse",
        comment="what arrived against purchases",
    )
    op.create_index("ix_purchase_receipts_number", "purchase_receipts", ["number"], unique=False, schema="warehouse")
    op.create_table(
        "purchase_returns",
        sa.Column("fact_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_purchase_returns_quantity")),
        sa.PrimaryKeyConstraint("fact_id", name=op.f("pk_purchase_returns")),
        schema="warehouse",
        comment="pieces that turned out bad after they were taken; they count against the supplier",
    )
    op.create_index("ix_purchase_returns_number", "purchase_returns", ["number"], unique=False, schema="warehouse")
    op.create_table(
        "purchases",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False, comment="whose shortage it covers"),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("needed_by", sa.Date(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("expected_on", sa.Date(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, comment="why this supplier: a code, or what a person said"),
        sa.Column(
            "comparison", sa.JSON(), nullable=False, comment="the candidates with their scores, and who was excluded"
        ),
        sa.Column("received", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint("closed_at is not null or received < quantity", name=op.f("ck_purchases_closed")),
        sa.CheckConstraint("not cancelled or closed_at is not null", name=op.f("ck_purchases_cancelled")),
        sa.CheckConstraint(
            "quantity > 0 and received between 0 and quantity", name=op.f("ck_purchases_never_over_delivered")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_purchases")),
        schema="warehouse",
        comment="purchase requests, each placed with the supplier that was selected",
    )
    op.create_index(
        "uq_purchases_order_id",
        "purchases",
        ["order_id", "product"],
        unique=True,
        schema="warehouse",
        postgresql_where=sa.text("closed_at is null"),
    )
    op.create_table(
        "supplier_evaluations",
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("evaluated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quality_system", sa.Text(), nullable=False, comment="how it was assessed, in words"),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("score", sa.SmallInteger(), nullable=False),
        sa.Column("remarks", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint("method in ('sample_test', 'site_visit')", name=op.f("ck_supplier_evaluations_method")),
        sa.CheckConstraint("score between 0 and 100", name=op.f("ck_supplier_evaluations_score")),
        sa.PrimaryKeyConstraint("supplier", "evaluated_at", name=op.f("pk_supplier_evaluations")),
        schema="warehouse",
        comment="quality evaluations; the latest counts",
    )
    op.create_table(
        "supplier_quotations",
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("minimum_quantity", sa.BigInteger(), nullable=False),
        sa.Column("lead_time_days", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "minimum_quantity > 0 and lead_time_days >= 0 and unit_price_minor > 0",
            name=op.f("ck_supplier_quotations_figures"),
        ),
        sa.CheckConstraint("valid_until >= valid_from", name=op.f("ck_supplier_quotations_span")),
        sa.PrimaryKeyConstraint("product", "supplier", "valid_from", name=op.f("pk_supplier_quotations")),
        schema="warehouse",
        comment="what suppliers ask for a piece; of one supplier the one that began last counts",
    )
    op.create_table(
        "suppliers",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("capacity", sa.SmallInteger(), nullable=False, comment="0 to 100"),
        sa.Column("punctuality", sa.SmallInteger(), nullable=False, comment="0 to 100"),
        sa.Column("coordination", sa.SmallInteger(), nullable=False, comment="0 to 100"),
        sa.Column("after_sales", sa.SmallInteger(), nullable=False, comment="0 to 100"),
        sa.Column("technical_support", sa.SmallInteger(), nullable=False, comment="0 to 100"),
        sa.Column("problem_solving", sa.SmallInteger(), nullable=False, comment="0 to 100"),
        sa.Column("receipts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("late", sa.BigInteger(), server_default="0", nullable=False, comment="of the receipts"),
        sa.Column(
            "delivered",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="pieces, those that failed included",
        ),
        sa.Column(
            "bad", sa.BigInteger(), server_default="0", nullable=False, comment="of those: failed, or sent back later"
        ),
        sa.CheckConstraint("after_sales between 0 and 100", name=op.f("ck_suppliers_after_sales")),
        sa.CheckConstraint("capacity between 0 and 100", name=op.f("ck_suppliers_capacity")),
        sa.CheckConstraint("coordination between 0 and 100", name=op.f("ck_suppliers_coordination")),
        sa.CheckConstraint(
            "late between 0 and receipts and bad between 0 and delivered", name=op.f("ck_suppliers_record")
        ),
        sa.CheckConstraint("problem_solving between 0 and 100", name=op.f("ck_suppliers_problem_solving")),
        sa.CheckConstraint("punctuality between 0 and 100", name=op.f("ck_suppliers_punctuality")),
        sa.CheckConstraint("technical_support between 0 and 100", name=op.f("ck_suppliers_technical_support")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_suppliers")),
        schema="warehouse",
        comment="whom we buy from, with their scores and what really came of it",
    )
    op.execute(EXPECTED_DATES)
