"""core, compliance: contracts in the ledger, checks of the other side, signatures, obligations"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TEXTS = ("seller", "seller_name", "buyer", "buyer_name", "currency")


def upgrade() -> None:
    identity, moment = sa.Uuid(as_uuid=False), sa.DateTime(timezone=True)
    texts: list[sa.Column[str]] = [sa.Column(name, sa.Text(), nullable=False) for name in TEXTS]
    op.create_table(
        "contract_headers",
        sa.Column("order_id", identity, nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("dated", sa.Date(), nullable=False),
        *texts,
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("order_number", sa.Text(), comment="of the order that it is for"),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_contract_headers")),
        sa.UniqueConstraint("number", name=op.f("uq_contract_headers_number")),
        schema="core",
        comment="合同台账: what people search contracts by",
    )
    for column in ("dated", "buyer", "seller", "total_minor", "order_number"):
        op.create_index(f"ix_contract_headers_{column}", "contract_headers", [column], schema="core")
    op.create_table(
        "counterparty_checks",
        sa.Column("fact_id", identity, nullable=False),
        sa.Column("contract_id", identity, nullable=False),
        sa.Column("checked_by", sa.Text(), nullable=False),
        sa.Column("reputation", sa.Text(), nullable=False),
        sa.Column("strength", sa.Text(), nullable=False),
        sa.Column("checked_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("fact_id", name=op.f("pk_counterparty_checks")),
        sa.CheckConstraint(
            "btrim(reputation) <> '' and btrim(strength) <> ''", name=op.f("ck_counterparty_checks_says_both")
        ),
        schema="compliance",
        comment="对方信誉、实力: looked into before signing (CMP-08)",
    )
    op.create_index("ix_counterparty_checks_contract_id", "counterparty_checks", ["contract_id"], schema="compliance")
    op.create_table(
        "signatures",
        sa.Column("contract_id", identity, nullable=False),
        sa.Column("round", sa.SmallInteger(), nullable=False, comment="of the version that was signed"),
        sa.Column("signing_head", sa.Text(), nullable=False),
        sa.Column("seal", sa.Text(), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("our_signature", sa.Text(), nullable=False),
        sa.Column("their_signature", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", moment, nullable=False),
        sa.Column(
            "attachments", postgresql.JSON(), nullable=False, comment="of messages.contracts.SubmittedAttachment"
        ),
        sa.PrimaryKeyConstraint("contract_id", "round", name=op.f("pk_signatures")),
        sa.CheckConstraint(
            "btrim(our_signature) <> '' and btrim(their_signature) <> ''", name=op.f("ck_signatures_both_sides")
        ),
        schema="compliance",
        comment="签字盖章 (CMP-08)",
    )
    op.create_table(
        "obligations",
        sa.Column("contract_id", identity, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), comment="in the contract's currency"),
        sa.Column("met_on", sa.Date()),
        sa.Column("met_by", sa.Text()),
        sa.Column("remarks", sa.Text()),
        sa.PrimaryKeyConstraint("contract_id", "number", name=op.f("pk_obligations")),
        sa.CheckConstraint("kind in ('delivery', 'payment')", name=op.f("ck_obligations_kind")),
        sa.CheckConstraint("(met_on is null) = (met_by is null)", name=op.f("ck_obligations_met_by_somebody")),
        schema="compliance",
        comment="what signed contracts oblige to, until it is met (CMP-11)",
    )
    op.create_index(
        "ix_obligations_due",
        "obligations",
        ["due"],
        schema="compliance",
        postgresql_where=sa.text("met_on is null"),
    )
