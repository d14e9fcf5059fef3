"""sales_review, core: quotations and the orders made from them, inquiries, drafts"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

QUOTATION_LIST = """
create view sales_review.quotation_list as
select number, customer, currency, expires_on, accepted_at is not null as accepted from sales_review.quotations
"""


def upgrade() -> None:
    op.create_table(
        "quotations",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "expires_on", sa.Date(), nullable=False, comment="the last day on which it may be accepted and ordered from"
        ),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "accepted_by",
            sa.Text(),
            nullable=True,
            comment="who of the customer said so, or the salesperson who heard it",
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_quotations_currency")),
        sa.CheckConstraint(
            "(accepted_at is null) = (accepted_by is null)", name=op.f("ck_quotations_accepted_by_somebody")
        ),
        sa.ForeignKeyConstraint(["customer"], ["sales_review.customers.code"], name=op.f("fk_quotations_customer")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_quotations")),
        schema="sales_review",
        comment="报价: prices offered to a customer",
    )
    op.create_index("ix_quotations_customer", "quotations", ["customer"], unique=False, schema="sales_review")
    op.create_table(
        "quotation_lines",
        sa.Column("quotation", sa.Text(), nullable=False),
        sa.Column("line", sa.SmallInteger(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False, comment="of the product, as agreed"),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_quotation_lines_quantity")),
        sa.CheckConstraint("unit_price_minor >= 0", name=op.f("ck_quotation_lines_unit_price_minor")),
        sa.ForeignKeyConstraint(["product"], ["sales_review.products.code"], name=op.f("fk_quotation_lines_product")),
        sa.ForeignKeyConstraint(
            ["quotation"], ["sales_review.quotations.number"], name=op.f("fk_quotation_lines_quotation")
        ),
        sa.PrimaryKeyConstraint("quotation", "line", name=op.f("pk_quotation_lines")),
        sa.UniqueConstraint("quotation", "product", name=op.f("uq_quotation_lines_quotation_product")),
        schema="sales_review",
        comment="what a quotation offers; agreed once it is accepted, and unchanged from then on",
    )
    op.create_table(
        "inquiries",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column(
            "customer", sa.Text(), nullable=False, comment="a code, or the name of somebody who is no customer yet"
        ),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=True),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, comment="overdue after that, unless answered"),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("about in ('product', 'price', 'delivery')", name=op.f("ck_inquiries_about")),
        sa.CheckConstraint("answer <> ''", name=op.f("ck_inquiries_answer_says_something")),
        sa.CheckConstraint("question <> ''", name=op.f("ck_inquiries_asks_something")),
        sa.CheckConstraint(
            "num_nonnulls(answer, answered_by, answered_at) in (0, 3)", name=op.f("ck_inquiries_answered_whole")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_inquiries")),
        schema="sales_review",
        comment="询价, 咨询: what customers asked, and what they were answered",
    )
    op.create_index(
        "ix_inquiries_unanswered",
        "inquiries",
        ["due_at"],
        unique=False,
        schema="sales_review",
        postgresql_where=sa.text("answered_at is null"),
    )
    op.create_table(
        "quotation_uses",
        sa.Column("quotation", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("quotation", name=op.f("pk_quotation_uses")),
        sa.UniqueConstraint("order_id", name=op.f("uq_quotation_uses_order_id")),
        schema="core",
        comment="which order was made from an accepted quotation: one",
    )
    op.create_table(
        "drafts",
        sa.Column("number", sa.Text(), nullable=False, comment="that the order keeps"),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("sale_type", sa.Text(), nullable=False),
        sa.Column(
            "body",
            postgresql.JSON(astext_type=sa.Text()),
            nullable=False,
            comment="messages.orders.OrderSubmitted, as far as it is filled in",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True, comment="since when it is an order"),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.CheckConstraint("(submitted_at is null) = (order_id is null)", name=op.f("ck_drafts_submitted_is_an_order")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_drafts")),
        schema="core",
        comment="orders that their creators have not submitted yet",
    )
    op.create_index(
        "ix_drafts_creator",
        "drafts",
        ["creator"],
        unique=False,
        schema="core",
        postgresql_where=sa.text("submitted_at is null"),
    )
    op.execute(QUOTATION_LIST)
