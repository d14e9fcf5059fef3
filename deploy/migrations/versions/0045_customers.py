"""sales_review: customers are classified by their sales, or by a person"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

CUSTOMER_LIST = """
create or replace view sales_review.customer_list as
select code as customer, name_zh, name_en, country, region, sale_type, coalesce(class_override, class) as class, email,
    phone
from sales_review.customers
"""
ARCHIVED_SALES = """
create view after_sales.archived_sales as select customer, currency, total_minor, archived_at from after_sales.archive
"""
CUSTOMER_PROFILE = """
create view after_sales.customer_profile as
select customer, p.archived_orders, p.surveys_answered, p.score_total, coalesce(c.cases, 0) as cases,
    coalesce(c.open_cases, 0) as open_cases, coalesce(c.complaints, 0) as complaints
from after_sales.profiles p
full join (
    select customer, count(*) as cases, count(*) filter (where closed_at is null) as open_cases,
        count(*) filter (where kind = 'complaint') as complaints
    from after_sales.cases group by customer
) c using (customer)
"""
CUSTOMER_TERMS = """
create view finance.customer_terms as
select customer, limit_minor, currency, terms from finance.accounts
"""


def upgrade() -> None:
    for column in (
        sa.Column("class_override", sa.Text(), comment="by potential, as a person says; goes before `class`"),
        sa.Column("override_reason", sa.Text()),
        sa.Column("override_by", sa.Text()),
        sa.Column("override_at", sa.DateTime(timezone=True)),
    ):
        op.add_column("customers", column, schema="sales_review")
    op.alter_column("customers", "class", comment="A, B or C by sales; null: not classified yet", schema="sales_review")
    op.create_check_constraint(
        op.f("ck_customers_class_override"),
        "customers",
        "class_override in ('A', 'B', 'C')",
        schema="sales_review",
    )
    op.create_table(
        "classifications",
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_classifications")),
        schema="sales_review",
        comment="days of business on which customers were classified by their sales",
    )
    for view in (CUSTOMER_LIST, ARCHIVED_SALES, CUSTOMER_PROFILE, CUSTOMER_TERMS):
        op.execute(view)
