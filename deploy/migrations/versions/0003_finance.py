"""finance: accounts, receivables and credit holds, payments, vouchers and invoices, and the views of them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PAYMENT_STATUS = """
create view finance.payment_status as
select order_id, terms, due_minor, least(received_minor, due_minor) as paid_minor, currency, settled_at
from finance.receivables
"""
CREDIT_STATUS = """
create view finance.credit_status as
select customer, currency, limit_minor, exposure_minor, hold_reason as on_hold_reason from finance.accounts
"""
UNMATCHED_PAYMENTS = """
create view finance.unmatched_payments as
select reference, order_number, amount_minor, currency, method, received_at, booked_at
from finance.payments where order_id is null
"""


def upgrade() -> None:
    op.execute("create schema if not exists finance")
    op.create_table(
        "accounts",
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False, comment="of limit and exposure"),
        sa.Column("limit_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "exposure_minor", sa.BigInteger(), server_default="0", nullable=False, comment="open holds and open items"
        ),
        sa.Column(
            "terms", postgresql.ARRAY(sa.Text()), nullable=False, comment="payment terms agreed with the customer"
        ),
        sa.Column(
            "methods", postgresql.ARRAY(sa.Text()), nullable=False, comment="payment methods agreed with the customer"
        ),
        sa.Column("hold_reason", sa.Text(), nullable=True, comment="why every order of this customer goes to a person"),
        sa.Column("tax_number", sa.Text(), nullable=True),
        sa.Column("invoice_title", sa.Text(), nullable=True),
        sa.Column("invoice_address", sa.Text(), nullable=True),
        sa.CheckConstraint("hold_reason <> ''", name=op.f("ck_accounts_hold_says_why")),
        sa.CheckConstraint("exposure_minor >= 0", name=op.f("ck_accounts_exposure")),
        sa.CheckConstraint("limit_minor >= 0", name=op.f("ck_accounts_limit")),
        sa.PrimaryKeyConstraint("customer", name=op.f("pk_accounts")),
        schema="finance",
        comment="what is agreed with each customer, and the running total of what they owe or will owe",
        postgresql_with={"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.05"},
    )
    op.create_table(
        "credit_holds",
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False, comment="the account's"),
        sa.Column(
            "amount_minor", sa.BigInteger(), nullable=False, comment="the order's total at the rate of its review"
        ),
        sa.Column("open_minor", sa.BigInteger(), nullable=False, comment="the unpaid part of it; counts as exposure"),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True, comment="paid, or undone"),
        sa.CheckConstraint("open_minor between 0 and amount_minor", name=op.f("ck_credit_holds_open")),
        sa.CheckConstraint("released_at is null or open_minor = 0", name=op.f("ck_credit_holds_released_is_closed")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_credit_holds")),
        schema="finance",
        comment="the ledger of credit given to orders, one row each",
        postgresql_with={"fillfactor": "80"},
    )
    op.create_table(
        "customer_credits",
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False, comment="that the money was paid for"),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_customer_credits_amount")),
        sa.PrimaryKeyConstraint("order_id", "currency", name=op.f("pk_customer_credits")),
        schema="finance",
        comment="money that customers have with us: payments beyond what their orders owe",
    )
    op.create_index("ix_customer_credits_customer", "customer_credits", ["customer"], unique=False, schema="finance")
    op.create_table(
        "payments",
        sa.Column("reference", sa.Text(), nullable=False, comment="names the payment for ever"),
        sa.Column("order_number", sa.Text(), nullable=False, comment="as reported"),
        sa.Column(
            "order_id", sa.Uuid(as_uuid=False), nullable=True, comment="null: unmatched, no order has that number"
        ),
        sa.Column("customer", sa.Text(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(order_id is null) = (customer is null)", name=op.f("ck_payments_matched_has_customer")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payments_amount")),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_payments")),
        schema="finance",
        comment="money that came in, each payment once",
    )
    op.create_index("ix_payments_order_id", "payments", ["order_id"], unique=False, schema="finance")
    op.create_index(
        "ix_payments_unmatched",
        "payments",
        ["booked_at"],
        unique=False,
        schema="finance",
        postgresql_where=sa.text("order_id is null"),
    )
    op.create_table(
        "receivables",
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Text(), nullable=False, comment="of the order"),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("due_minor", sa.BigInteger(), nullable=False, comment="the order's total"),
        sa.Column(
            "received_minor",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="all payments in its currency",
        ),
        sa.Column("due_date", sa.Date(), nullable=True, comment="when it must be paid; from the invoice on"),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("due_minor >= 0 and received_minor >= 0", name=op.f("ck_receivables_amounts")),
        sa.CheckConstraint(
            "settled_at is null or received_minor >= due_minor", name=op.f("ck_receivables_settled_is_paid")
        ),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_receivables")),
        schema="finance",
        comment="what each reviewed order owes and has been paid, in its own currency",
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(
        "ix_receivables_unsettled",
        "receivables",
        ["customer", "due_date"],
        unique=False,
        schema="finance",
        postgresql_where=sa.text("due_date is not null and settled_at is null"),
    )
    op.create_table(
        "vouchers",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("receivable_minor", sa.BigInteger(), nullable=False, comment="debit 应收账款"),
        sa.Column("revenue_minor", sa.BigInteger(), nullable=False, comment="credit 主营业务收入"),
        sa.Column("output_tax_minor", sa.BigInteger(), nullable=False, comment="credit 销项税额"),
        sa.Column("tax_basis_points", sa.SmallInteger(), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reverses", sa.Text(), nullable=True, comment="the voucher it takes back"),
        sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "case when reverses is null then least(revenue_minor, output_tax_minor) >= 0"
            " else greatest(revenue_minor, output_tax_minor) <= 0 end",
            name=op.f("ck_vouchers_sign"),
        ),
        sa.CheckConstraint("receivable_minor = revenue_minor + output_tax_minor", name=op.f("ck_vouchers_balanced")),
        sa.ForeignKeyConstraint(["reverses"], ["finance.vouchers.number"], name=op.f("fk_vouchers_reverses")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_vouchers")),
        sa.UniqueConstraint("reverses", name=op.f("uq_vouchers_reverses")),
        schema="finance",
        comment="sales vouchers; corrected only by reversal",
    )
    op.create_index(
        "uq_vouchers_order_id",
        "vouchers",
        ["order_id"],
        unique=True,
        schema="finance",
        postgresql_where=sa.text("reverses is null and reversed_at is null"),
    )
    op.create_table(
        "invoices",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("voucher", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("tax_number", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False, comment="with tax"),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("corrects", sa.Text(), nullable=True, comment="the one it takes back (红字)"),
        sa.Column("corrected_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("title <> '' and address <> ''", name=op.f("ck_invoices_addressed")),
        sa.ForeignKeyConstraint(["corrects"], ["finance.invoices.number"], name=op.f("fk_invoices_corrects")),
        sa.ForeignKeyConstraint(["voucher"], ["finance.vouchers.number"], name=op.f("fk_invoices_voucher")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_invoices")),
        sa.UniqueConstraint("corrects", name=op.f("uq_invoices_corrects")),
        sa.UniqueConstraint("voucher", name=op.f("uq_invoices_voucher")),
        schema="finance",
        comment="invoices; taken back only by a red-letter one",
    )
    op.create_index(
        "uq_invoices_order_id",
        "invoices",
        ["order_id"],
        unique=True,
        schema="finance",
        postgresql_where=sa.text("corrects is null and corrected_at is null"),
    )
    op.create_table(
        "open_items",
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False, comment="in the account's currency"),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_open_items_amount")),
        sa.ForeignKeyConstraint(["customer"], ["finance.accounts.customer"], name=op.f("fk_open_items_customer")),
        sa.PrimaryKeyConstraint("customer", "reference", name=op.f("pk_open_items")),
        schema="finance",
        comment="receivables that stood open before the system started",
    )
    for view in (PAYMENT_STATUS, CREDIT_STATUS, UNMATCHED_PAYMENTS):
        op.execute(view)
