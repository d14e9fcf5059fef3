"""core: histories can only be appended to; commits, and anchors over them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_REFUSE = """
create function core.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '%.% is append-only: what stands there is never changed or removed', tg_table_schema, tg_table_name
        using errcode = 'restrict_violation';
end $$
"""
_APPEND_ONLY = """
create trigger append_only before update or delete or truncate on core.{0}
for each statement execute function core.refuse_change()
"""
_COMMITS_APPEND_ONLY = """
create trigger append_only before update of id, at, orders, seqs, heads or delete or truncate on core.commits
for each statement execute function core.refuse_change()
"""
_ANCHORED_ONCE = """
create trigger anchored_once before update on core.commits
for each row when (old.anchor is not null) execute function core.refuse_change()
"""
# What hashes is not compressed for nothing.
_UNCOMPRESSED = """
alter table core.commits alter orders set storage external, alter seqs set storage external,
    alter heads set storage external
"""
# The histories that are there already, as they stand.
_HISTORIES = """
insert into core.commits (at, orders, seqs, heads)
select now(), array_agg(id order by id), array_agg(version order by id), array_agg(head order by id)
from (select id, version, head, row_number() over (order by id) / 256 as part from core.orders) o
group by part order by part
"""


def upgrade() -> None:
    op.create_table(
        "commits",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("orders", postgresql.ARRAY(sa.Uuid(as_uuid=False)), nullable=False, comment="that have new events"),
        sa.Column("seqs", postgresql.ARRAY(sa.Integer()), nullable=False, comment="the last event of each"),
        sa.Column("heads", postgresql.ARRAY(sa.LargeBinary()), nullable=False, comment="and its hash"),
        sa.Column("anchor", sa.Integer(), comment="the anchor that covers it; null: the next one will"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commits")),
        schema="core",
        comment="what each transaction added to the histories, so that nothing can be taken off their ends",
    )
    op.create_index(
        "ix_commits_unanchored", "commits", ["id"], schema="core", postgresql_where=sa.text("anchor is null")
    )
    op.create_table(
        "anchors",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False, comment="root of the anchor before"),
        sa.Column(
            "root",
            sa.LargeBinary(),
            nullable=False,
            comment="SHA-256 over previous, seq, at and the commits' contents",
        ),
        sa.Column("first", sa.BigInteger(), nullable=False, comment="lowest id of its commits"),
        sa.Column("last", sa.BigInteger(), nullable=False, comment="highest"),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.CheckConstraint("seq > 0 and count > 0 and first <= last", name=op.f("ck_anchors_covers_something")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_anchors")),
        sa.UniqueConstraint("previous", name=op.f("uq_anchors_previous")),
        schema="core",
        comment="roots over the commits, one on the other; announced, so that outsiders hold them",
    )
    op.execute(_UNCOMPRESSED)
    op.execute(_HISTORIES)
    op.execute(_REFUSE)
    for table in ("events", "anchors", "order_documents", "audit_log"):
        op.execute(_APPEND_ONLY.format(table))
    op.execute(_COMMITS_APPEND_ONLY)
    op.execute(_ANCHORED_ONCE)
