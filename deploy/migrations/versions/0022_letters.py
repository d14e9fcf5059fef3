"""core, finance: letters to customers, where they can pay us, and what they say that they have paid"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "letters",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("number", sa.Text(), nullable=False, comment="of the order"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "key",
            sa.Text(),
            nullable=False,
            comment="the round, for letters of which there is one for each; else empty",
        ),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False, comment="an e-mail address; empty: the order has none"),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="word for word"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True, comment="when to send it, or to try again"),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True, comment="why it has not been sent"),
        sa.CheckConstraint("(status = 'sent') = (sent_at is not null)", name=op.f("ck_letters_sent_at_a_time")),
        sa.CheckConstraint(
            "status in ('pending', 'sending', 'sent', 'failed', 'uncertain')", name=op.f("ck_letters_status")
        ),
        sa.CheckConstraint(
            "status not in ('pending', 'sending') or recipient <> ''", name=op.f("ck_letters_goes_to_somebody")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letters")),
        sa.UniqueConstraint("order_id", "kind", "key", name=op.f("uq_letters_order_id_kind_key")),
        schema="core",
        comment="what customers are written, once each; sent by the relay",
    )
    op.create_index(
        "ix_letters_due",
        "letters",
        ["due_at"],
        unique=False,
        schema="core",
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_letters_not_sent",
        "letters",
        ["status"],
        unique=False,
        schema="core",
        postgresql_where=sa.text("status <> 'sent'"),
    )
    op.create_table(
        "payment_accounts",
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("details_zh", sa.Text(), nullable=False),
        sa.Column("details_en", sa.Text(), nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_payment_accounts_currency")),
        sa.PrimaryKeyConstraint("method", "currency", name=op.f("pk_payment_accounts")),
        schema="finance",
        comment="where customers can pay us: one way for each method and currency",
    )
    op.create_table(
        "payment_notices",
        sa.Column("fact_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=False, comment="as the customer says"),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_payment_notices_amount")),
        sa.PrimaryKeyConstraint("fact_id", name=op.f("pk_payment_notices")),
        schema="finance",
        comment="付款通知: what customers say that they have paid; the bank's word is in payments",
    )
    op.create_index(
        op.f("ix_payment_notices_order_id"), "payment_notices", ["order_id"], unique=False, schema="finance"
    )
    op.add_column(
        "user_tasks",
        sa.Column(
            "customer_must_change",
            sa.Boolean(),
            nullable=False,
            server_default=sa.text("false"),
            comment="and is told so",
        ),
        schema="core",
    )
