"""core: opinions in writing on contracts, and the clause that they are about"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    opinion: sa.Column[bool] = sa.Column(
        "opinion",
        sa.Boolean(),
        nullable=False,
        server_default=sa.text("false"),
        comment="the answer is an opinion in writing",
    )
    clause = sa.Column("clause", sa.Text(), comment="of the contract, that the opinion is about")
    op.add_column("user_tasks", opinion, schema="core")
    op.add_column("user_tasks", clause, schema="core")
    op.create_check_constraint(
        op.f("ck_user_tasks_opinion_is_specific"),
        "user_tasks",
        "not opinion or decision is null or"
        " (coalesce(reason, '') <> '' and (decision = 'agree' or coalesce(clause, '') <> ''))",
        schema="core",
    )
