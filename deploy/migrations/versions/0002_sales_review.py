"""sales_review: customers, products and prices, and the views that other departments read"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PRODUCT_LIST = """
create view sales_review.product_list as
select code as product, name_zh, name_en, category, active, weight_grams, countries from sales_review.products
"""
PRICE_LIST = """
create view sales_review.price_list as
select product, currency, unit_price_minor, effective_from from sales_review.prices
"""
CUSTOMER_LIST = """
create view sales_review.customer_list as
select code as customer, name_zh, name_en, country, region, sale_type, class, email, phone from sales_review.customers
"""


def upgrade() -> None:
    op.execute("create schema if not exists sales_review")
    op.create_table(
        "customers",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("contact_name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column(
            "sale_type", sa.Text(), nullable=False, comment="the only one that an order of this customer may have"
        ),
        sa.Column("class", sa.Text(), nullable=True, comment="A, B or C by importance; null: not classified yet"),
        sa.Column(
            "reviewed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the record was last loaded or confirmed",
        ),
        sa.CheckConstraint("class in ('A', 'B', 'C')", name=op.f("ck_customers_class")),
        sa.CheckConstraint("country ~ '^[A-Z]{2}$'", name=op.f("ck_customers_country")),
        sa.CheckConstraint("sale_type in ('domestic', 'foreign', 'internal')", name=op.f("ck_customers_sale_type")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_customers")),
        schema="sales_review",
        comment="who buys: identity, contacts, class",
    )
    op.create_table(
        "products",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("weight_grams", sa.BigInteger(), nullable=False, comment="of one unit, packed"),
        sa.Column(
            "countries",
            postgresql.ARRAY(sa.Text()),
            nullable=True,
            comment="where it may be delivered and is supported; null: everywhere",
        ),
        sa.CheckConstraint("countries <> '{}'", name=op.f("ck_products_countries")),
        sa.CheckConstraint("weight_grams >= 0", name=op.f("ck_products_weight_grams")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_products")),
        schema="sales_review",
        comment="what is sold",
    )
    op.create_table(
        "prices",
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False, comment="holds until the next later one"),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_prices_currency")),
        sa.CheckConstraint("unit_price_minor >= 0", name=op.f("ck_prices_unit_price_minor")),
        sa.ForeignKeyConstraint(["product"], ["sales_review.products.code"], name=op.f("fk_prices_product")),
        sa.PrimaryKeyConstraint("product", "currency", "effective_from", name=op.f("pk_prices")),
        schema="sales_review",
        comment="the price list",
    )
    for view in (PRODUCT_LIST, PRICE_LIST, CUSTOMER_LIST):
        op.execute(view)
