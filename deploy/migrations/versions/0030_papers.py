"""core, sales_review: the company itself, the language of customers, and letters with their papers as they were sent"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

LANGUAGES = """
create view sales_review.customer_languages as
select code as customer, language from sales_review.customers where language is not null
"""
# The moment and the address are part of the evidence once a letter has gone out (TRK-05).
_SENT = """
create trigger as_sent before update on core.letters
for each row when (old.status = 'sent') execute function core.refuse_change()
"""
_PAPERS = """
create trigger append_only before update or delete or truncate on core.letter_papers
for each statement execute function core.refuse_change()
"""


def upgrade() -> None:
    op.add_column(
        "customers",
        sa.Column(
            "language", sa.Text(), nullable=True, comment="that they are written to in; null: by where the goods go"
        ),
        schema="sales_review",
    )
    op.create_check_constraint(
        op.f("ck_customers_language"), "customers", "language in ('zh', 'en')", schema="sales_review"
    )
    op.execute(LANGUAGES)
    op.add_column(
        "letters",
        sa.Column(
            "revision", sa.SmallInteger(), nullable=True, comment="of the order's document that it was made from"
        ),
        schema="core",
    )
    op.add_column(
        "letters",
        sa.Column("via", sa.Text(), nullable=True, comment="mail server or folder that it was handed to"),
        schema="core",
    )
    op.create_table(
        "letter_papers",
        sa.Column("letter_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="of the attached file"),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="PDF"),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("sha256 = sha256(content)", name=op.f("ck_letter_papers_hash")),
        sa.ForeignKeyConstraint(["letter_id"], ["core.letters.id"], name=op.f("fk_letter_papers_letter_id")),
        sa.PrimaryKeyConstraint("letter_id", name=op.f("pk_letter_papers")),
        schema="core",
        comment="what is attached to letters, kept as it was sent",
    )
    op.execute(_SENT)
    op.execute(_PAPERS)
    op.create_table(
        "company",
        sa.Column("one", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("name_zh", "name_en", "address_zh", "address_en")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("tax_number", "phone", "email", "website")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("bank_zh", "bank_en", "account")),
        sa.CheckConstraint("one", name=op.f("ck_company_one_row")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_company")),
        schema="core",
        comment="our own name, address and bank, as documents show them",
    )
