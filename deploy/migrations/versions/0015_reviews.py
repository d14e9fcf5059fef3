"""core, sales_review: who may not decide a second check; market strategy, and what was reported of an order's entry"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# What other departments check in advance; the rules stay those of compliance.
RESTRICTION_LIST = """
create view compliance.restriction_list as
select code, kind, value, name_zh, name_en from compliance.rules where active
"""


def upgrade() -> None:
    op.add_column(
        "user_tasks",
        sa.Column(
            "excluded",
            postgresql.ARRAY(sa.Text()),
            nullable=True,
            comment="who may not decide: they decided the step that this one looks at again",
        ),
        schema="core",
    )
    op.create_check_constraint(
        op.f("ck_user_tasks_excluded_never_decides"),
        "user_tasks",
        "not (decided_by = any(excluded) or assignee = any(excluded))",
        schema="core",
    )
    op.execute(RESTRICTION_LIST)
    op.create_table(
        "strategy",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("customer_class", sa.Text(), nullable=True, comment="null: every class"),
        sa.Column("category", sa.Text(), nullable=True, comment="of products; null: every one"),
        sa.Column("country", sa.Text(), nullable=True, comment="where the goods go; null: everywhere"),
        sa.Column("region", sa.Text(), nullable=True, comment="likewise"),
        sa.Column(
            "least_price_basis_points",
            sa.Integer(),
            nullable=True,
            comment="the smallest share of the list price after discount; null: not sold at all",
        ),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("customer_class in ('A', 'B', 'C')", name=op.f("ck_strategy_customer_class")),
        sa.CheckConstraint(
            "least_price_basis_points between 1 and 100000", name=op.f("ck_strategy_least_price_basis_points")
        ),
        sa.CheckConstraint(
            "num_nonnulls(customer_class, category, country, region) > 0", name=op.f("ck_strategy_is_about_something")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_strategy")),
        schema="sales_review",
        comment="market strategy: what is not sold to whom, or not below which share of the list price",
    )
    op.create_table(
        "reports",
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("round", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False, comment="who entered, handed over, answered"),
        sa.Column("to", sa.Text(), nullable=True, comment="who took the paper"),
        sa.Column("remarks", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind in ('entered', 'handed_over', 'confirmed', 'change_wanted')", name=op.f("ck_reports_kind")
        ),
        sa.CheckConstraint(
            "(kind = 'handed_over') = (\"to\" is not null)", name=op.f("ck_reports_paper_goes_to_somebody")
        ),
        sa.PrimaryKeyConstraint("order_id", "round", "kind", name=op.f("pk_reports")),
        schema="sales_review",
        comment="what steps of an order waited for and people reported: formal entry, paper, the customer's word",
    )
