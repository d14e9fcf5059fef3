"""after_sales, warehouse: cases, and goods that customers send back"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

RETURNED_GOODS = """
create view warehouse.returned_goods as
select case_number, line, quantity, condition, received_at from warehouse.customer_returns
"""
# Lines whose settlement waits, because the customer did not get them as ordered (AFT-03).
HELD_LINES = """
create view after_sales.held_lines as
select c.order_id, l.line, l.quantity, c.number as case_number
from after_sales.cases c join after_sales.case_lines l on l.number = c.number
where c.kind = 'exception' and c.closed_at is null
"""
OPEN_RETURNS = """
create view after_sales.open_returns as
select l.number as case_number, l.order_id, l.line, l.product, l.quantity
from after_sales.cases c join after_sales.case_lines l on l.number = c.number
where c.kind in ('return', 'exchange') and c.closed_at is null
"""
# What finance pays back: goods of returns that are here again (AFT-05).
REFUND_REQUESTS = """
create view after_sales.refund_requests as
select c.number as case_number, l.order_id, l.line, sum(g.quantity)::bigint as quantity,
    max(g.received_at) as goods_back_at
from after_sales.cases c join after_sales.case_lines l on l.number = c.number
join warehouse.returned_goods g on g.case_number = c.number and g.line = l.line
where c.kind = 'return' and c.outcome is distinct from 'rejected'
group by c.number, l.order_id, l.line
"""

KINDS = (
    "kind in ('opening', 'counted', 'received', 'issued', 'returned', 'taken_back', 'blocked', 'released', 'scrapped')"
)
SIGN = (
    "case when kind = 'issued' then quantity < 0 when kind in ('received', 'returned', 'taken_back') then quantity > 0"
    " when kind = 'blocked' then quantity = 0 and blocked > 0 when kind = 'released' then quantity = 0 and blocked < 0"
    " when kind = 'scrapped' then quantity < 0 and blocked = quantity else quantity <> 0 or blocked <> 0 end"
)


def upgrade() -> None:
    for name, condition in (("kind", KINDS), ("sign", SIGN)):
        op.drop_constraint(op.f(f"ck_stock_movements_{name}"), "stock_movements", schema="warehouse")
        op.create_check_constraint(op.f(f"ck_stock_movements_{name}"), "stock_movements", condition, schema="warehouse")
    op.create_table(
        "case_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=True, comment="null: the customer"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind in ('opened', 'assigned', 'handled', 'closed')", name=op.f("ck_case_entries_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_entries")),
        schema="after_sales",
        comment="what was done about cases, by whom and when",
    )
    op.create_index(op.f("ix_case_entries_number"), "case_entries", ["number"], unique=False, schema="after_sales")
    op.create_table(
        "cases",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("customer", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("exception", sa.Text(), nullable=True, comment="of a receipt exception: what is wrong"),
        sa.Column("product", sa.Text(), nullable=True, comment="what is to be repaired"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=True, comment="null: the customer"),
        sa.Column("source", sa.Text(), nullable=False, comment="through whom it was reported"),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True, comment="what the customer was told"),
        sa.Column("feedback", sa.Text(), nullable=True, comment="what the customer said of it"),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(kind = 'exception') = (exception is not null)", name=op.f("ck_cases_exception")),
        sa.CheckConstraint(
            "kind in ('exception', 'return', 'exchange', 'repair', 'support', 'complaint')", name=op.f("ck_cases_kind")
        ),
        sa.CheckConstraint("outcome in ('done', 'rejected')", name=op.f("ck_cases_outcome")),
        sa.CheckConstraint(
            "result <> '' and (kind <> 'complaint' or feedback <> '')", name=op.f("ck_cases_closed_with_a_result")
        ),
        sa.CheckConstraint(
            "num_nulls(outcome, result, feedback, closed_by, closed_at) in (0, 5)",
            name=op.f("ck_cases_closed_as_a_whole"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_cases")),
        schema="after_sales",
        comment="收货异常, 退货, 换货, 报修, 技术支持, 投诉",
    )
    op.create_index(
        "ix_cases_open",
        "cases",
        ["order_id"],
        unique=False,
        schema="after_sales",
        postgresql_where=sa.text("closed_at is null"),
    )
    op.create_index("ix_cases_order_id", "cases", ["order_id"], unique=False, schema="after_sales")
    op.create_table(
        "returned_lines",
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("delivered", sa.BigInteger(), nullable=False),
        sa.Column(
            "returned", sa.BigInteger(), nullable=False, comment="of returns and exchanges that were not rejected"
        ),
        sa.CheckConstraint(
            "returned between 0 and delivered", name=op.f("ck_returned_lines_returned_within_delivered")
        ),
        sa.PrimaryKeyConstraint("order_id", "line", name=op.f("pk_returned_lines")),
        schema="after_sales",
        comment="how much of each delivered line customers return: never more than was delivered",
    )
    op.create_table(
        "case_lines",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_case_lines_quantity")),
        sa.ForeignKeyConstraint(["number"], ["after_sales.cases.number"], name=op.f("fk_case_lines_number")),
        sa.PrimaryKeyConstraint("number", "line", name=op.f("pk_case_lines")),
        schema="after_sales",
        comment="what of the order a case is about",
    )
    op.create_table(
        "customer_returns",
        sa.Column("fact_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("case_number", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("received_by", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_customer_returns_quantity")),
        sa.CheckConstraint("condition in ('good', 'damaged')", name=op.f("ck_customer_returns_condition")),
        sa.PrimaryKeyConstraint("fact_id", "line", name=op.f("pk_customer_returns")),
        schema="warehouse",
        comment="退货入库: what came back of the returns and exchanges of after-sales",
    )
    op.create_index(
        "ix_customer_returns_case_number", "customer_returns", ["case_number"], unique=False, schema="warehouse"
    )

    for view in (RETURNED_GOODS, HELD_LINES, OPEN_RETURNS, REFUND_REQUESTS):
        op.execute(view)
