"""core: definitions and policies published while the system runs, and the company's own working days"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

REFUSE_CHANGE = """
create function core.rulebook_never_changes() returns trigger language plpgsql as $$
begin
    raise exception 'a published version never changes: publish the next one'
        using errcode = 'integrity_constraint_violation';
end $$
"""
NEVER_CHANGES = """
create trigger rulebook_never_changes before update or delete on core.rulebook
    for each row execute function core.rulebook_never_changes()
"""
NEVER_EMPTIED = """
create trigger rulebook_never_emptied before truncate on core.rulebook
    for each statement execute function core.rulebook_never_changes()
"""


def upgrade() -> None:
    op.create_table(
        "rulebook",
        sa.Column("kind", sa.Text(), nullable=False, comment="process or policy"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False, comment="TOML"),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.CheckConstraint("kind in ('process', 'policy')", name=op.f("ck_rulebook_kind")),
        sa.CheckConstraint("version > 0", name=op.f("ck_rulebook_version")),
        sa.PrimaryKeyConstraint("kind", "name", "version", name=op.f("pk_rulebook")),
        schema="core",
        comment="definitions and policies published while the system runs, on top of those that are shipped;"
        " never changed",
    )
    op.execute(REFUSE_CHANGE)
    op.execute(NEVER_CHANGES)
    op.execute(NEVER_EMPTIED)
    op.create_table(
        "calendar_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("working", sa.Boolean(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_calendar_days")),
        schema="core",
        comment="days whose nature the company sets itself; they win over the public calendar",
    )
    op.create_table(
        "edition",
        sa.Column("one", sa.Boolean(), nullable=False, server_default=sa.text("true")),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("one", name=op.f("ck_edition_one_row")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_edition")),
        schema="core",
        comment="goes up whenever rulebook or calendar_days change, so that running processes see at a glance",
    )
    op.execute("insert into core.edition (number) values (0)")
