"""finance: what payments are for, vouchers per delivery"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)

PAYMENT_STATUS = """
create or replace view finance.payment_status as
select r.order_id, r.terms, r.due_minor, least(r.received_minor, r.due_minor) as paid_minor, r.currency, r.settled_at,
    r.number, r.customer,
    case when r.received_minor >= r.due_minor then 'paid' when r.received_minor > 0 then 'part_paid' else 'unpaid' end
        as status,
    (select p.received_at from finance.payments p where p.order_id = r.order_id and p.currency = r.currency
        and p.amount_minor > 0 order by p.received_at desc, p.reference desc limit 1) as paid_at,
    (select p.method from finance.payments p where p.order_id = r.order_id and p.currency = r.currency
        and p.amount_minor > 0 order by p.received_at desc, p.reference desc limit 1) as method,
    r.due_date
from finance.receivables r
"""
UNMATCHED_PAYMENTS = """
create or replace view finance.unmatched_payments as
select p.reference, p.order_number, p.amount_minor, p.currency, p.method, p.received_at, p.booked_at
from finance.payments p join finance.payment_tasks t on t.payment = p.reference
where p.order_id is null and t.decision is null
"""
OPEN_TASKS = """
insert into finance.payment_tasks (payment, opened_at) select reference, booked_at from finance.payments
where order_id is null
"""
# What leaves in parts is worth its share of each line; the parts of a line add up to it, to the cent.
DELIVERED = """
create view finance.deliveries as
with parts as (
    select d.order_id, d.note, d.shipped_at, d.delivered_at, d.line, d.quantity,
        sum(d.quantity) over (partition by d.order_id, d.line order by d.shipped_at, d.note) as upto
    from logistics.deliveries d where not d.recalled
), lines as (
    select o.id as order_id, h.number, h.customer, h.currency, h.sale_type, (l ->> 'number')::int as line,
        (l ->> 'quantity')::numeric as ordered, (l ->> 'amount_minor')::numeric as amount
    from core.orders o
    join core.order_headers h on h.order_id = o.id
    join core.order_documents d on d.order_id = o.id and d.revision = o.revision
    cross join lateral json_array_elements(d.document -> 'lines') l
    where h.document_kind = 'order'
)
select p.order_id, l.number as order_number, l.customer, l.currency, p.note, min(p.shipped_at) as shipped_at,
    max(p.delivered_at) as delivered_at, array_agg(p.line) as lines,
    sum(round(l.amount * p.upto / l.ordered) - round(l.amount * (p.upto - p.quantity) / l.ordered))::bigint
        as value_minor
from parts p join lines l on l.order_id = p.order_id and l.line = p.line
group by p.order_id, l.number, l.customer, l.currency, p.note
"""
# How many parts an order left in, for who bills them.
SHIPMENT_STATUS = """
create or replace view logistics.shipment_status as
select s.order_id, s.delivery_note, s.tracking_number, s.carrier,
    case when p.withdrawn_at is null then p.promised_date end as promised_date, s.shipped_at, s.delivered_at, s.parts
from (
    select order_id, max(note) as delivery_note, max(tracking_number) as tracking_number, max(carrier) as carrier,
        max(shipped_at) filter (where rest = 0) as shipped_at,
        case when bool_and(delivered_at is not null) and min(rest) = 0 then max(delivered_at) end as delivered_at,
        count(*)::int as parts
    from logistics.shipments where recalled_at is null group by order_id
) s
left join logistics.plans p on p.order_id = s.order_id
union all
select p.order_id, null, null, p.carrier, p.promised_date, null, null, 0
from logistics.plans p
where p.withdrawn_at is null
    and not exists (select from logistics.shipments s where s.order_id = p.order_id and s.recalled_at is null)
"""
# 付款条款 of signed contracts: when the order that a contract is for must be paid.
CONTRACT_PAYMENTS = """
create view compliance.contract_payments as
select l.other_id as order_id, b.due, b.amount_minor
from core.links l join compliance.obligations b on b.contract_id = l.order_id
where l.kind = 'contract_of' and b.kind = 'payment'
"""


def upgrade() -> None:
    _accounts_and_payments()
    _documents()
    for view in (
        PAYMENT_STATUS,
        OPEN_TASKS,
        UNMATCHED_PAYMENTS,
        SHIPMENT_STATUS,
        DELIVERED,
        CONTRACT_PAYMENTS,
    ):
        op.execute(view)


def _add(table: str, column: "sa.Column[str] | sa.Column[int]") -> None:
    op.add_column(table, column, schema="finance")


def _check(table: str, name: str, condition: str) -> None:
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition, schema="finance")


def _accounts_and_payments() -> None:
    _add(
        "receivables",
        sa.Column("invoiced_minor", sa.BigInteger(), comment="invoices less red-letter ones; null: none is in force"),
    )
    op.execute(
        "update finance.receivables r set invoiced_minor = i.amount_minor from finance.invoices i"
        " where i.order_id = r.order_id and i.corrects is null and i.corrected_at is null"
    )
    _check("receivables", "invoiced_within_due", "invoiced_minor between 0 and due_minor")
    _add("payments", sa.Column("kind", sa.Text(), server_default="received", nullable=False))
    op.drop_constraint("ck_payments_amount", "payments", schema="finance")
    _check(
        "payments",
        "amount",
        "case kind when 'received' then amount_minor > 0 when 'moved' then amount_minor <> 0"
        " when 'paid_back' then amount_minor < 0 else false end",
    )
    op.execute(
        "comment on table finance.payments is 'money that came in, each payment once; below zero what went out again,"
        " or to another order'"
    )
    op.create_table(
        "payment_tasks",
        sa.Column("payment", sa.Text(), nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("decision", sa.Text(), comment="null: open"),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decided_at", MOMENT),
        sa.Column("reason", sa.Text()),
        sa.PrimaryKeyConstraint("payment", name=op.f("pk_payment_tasks")),
        sa.ForeignKeyConstraint(
            ["payment"], ["finance.payments.reference"], name=op.f("fk_payment_tasks_payment_payments")
        ),
        sa.CheckConstraint("decision in ('assign', 'return')", name=op.f("ck_payment_tasks_decision")),
        sa.CheckConstraint(
            "num_nulls(decision, decided_by, decided_at, reason) in (0, 4)",
            name=op.f("ck_payment_tasks_decided_by_somebody"),
        ),
        schema="finance",
        comment="exception tasks of finance: to which order an unmatched payment belongs, or whether it goes back",
    )
    op.create_index(
        "ix_payment_tasks_open",
        "payment_tasks",
        ["opened_at"],
        schema="finance",
        postgresql_where=sa.text("decision is null"),
    )


def _documents() -> None:
    _add("vouchers", sa.Column("delivery_note", sa.Text(), comment="that it is over; null: the whole order"))
    op.drop_index("uq_vouchers_order_id", "vouchers", schema="finance")
    op.create_index(
        "uq_vouchers_order_id_delivery_note",
        "vouchers",
        ["order_id", sa.text("coalesce(delivery_note, '')")],
        unique=True,
        schema="finance",
        postgresql_where=sa.text("reverses is null and reversed_at is null"),
    )
    op.drop_index("uq_invoices_order_id", "invoices", schema="finance")
    op.create_index("ix_invoices_order_id", "invoices", ["order_id"], schema="finance")
