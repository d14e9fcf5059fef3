"""core: delegations for an absence, and in whose name a task was decided"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "delegations",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("delegator", sa.Text(), nullable=False, comment="who is away"),
        sa.Column("delegate", sa.Text(), nullable=False, comment="who decides for them"),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False, comment="no longer from then on"),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), comment="null: all that the delegator holds"),
        sa.Column("cap_minor", sa.BigInteger(), comment="the largest order, in base currency; null: any"),
        sa.Column("currency", sa.Text(), comment="of the cap"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_by", sa.Text()),
        sa.CheckConstraint("delegator <> delegate", name=op.f("ck_delegations_two_people")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_delegations_starts_before_it_ends")),
        sa.CheckConstraint(r"reason ~ '\S'", name=op.f("ck_delegations_says_why")),
        sa.CheckConstraint(
            "(cap_minor is null) = (currency is null) and cap_minor > 0", name=op.f("ck_delegations_cap_is_money")
        ),
        sa.CheckConstraint(
            "(revoked_at is null) = (revoked_by is null)", name=op.f("ck_delegations_revoked_by_somebody")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegations")),
        schema="core",
        comment="who decides for whom, and when (代理)",
    )
    op.create_index(op.f("ix_delegations_delegate"), "delegations", ["delegate"], schema="core")
    op.create_index(op.f("ix_delegations_delegator"), "delegations", ["delegator"], schema="core")
    op.add_column(
        "user_tasks",
        sa.Column("decided_for", sa.Text(), comment="who was away, where a delegate decided"),
        schema="core",
    )
    op.create_check_constraint(
        op.f("ck_user_tasks_decided_for_another"),
        "user_tasks",
        "decided_for is null or (decided_by is not null and decided_for not in (creator, decided_by)"
        " and (excluded is null or decided_for <> all(excluded)))",
        schema="core",
    )
