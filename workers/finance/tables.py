"""The schema of this department.

Exposure is one ledger. A credit hold is placed when an order on credit terms passes review (or, in a process without
one, the look at its credit) and stays until the order is paid or undone; its open part falls with every payment, also
one in advance. Shipping and invoicing move nothing: an order that is approved, shipped or invoiced is owed for just the
same (FIN-04). Money beyond what an order owes is the customer's own and widens no limit. So at any time, for every
account,

    accounts.exposure_minor = Σ credit_holds.open_minor + Σ open_items.amount_minor

all in the account's currency. What an order owes and has been paid, in the order's own currency, is its receivable.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from shared.tables import NAMES

metadata = MetaData(schema="finance", naming_convention=NAMES)

_id = Uuid(as_uuid=False)
_time = DateTime(timezone=True)

accounts = Table(
    "accounts",
    metadata,
    Column("customer", Text, primary_key=True),
    Column("currency", Text, nullable=False, comment="of limit and exposure"),
    Column("limit_minor", BigInteger, nullable=False, server_default="0"),
    Column("exposure_minor", BigInteger, nullable=False, server_default="0", comment="open holds and open items"),
    Column("terms", ARRAY(Text), nullable=False, comment="payment terms agreed with the customer"),
    Column("methods", ARRAY(Text), nullable=False, comment="payment methods agreed with the customer"),
    Column("hold_reason", Text, comment="why every order of this customer goes to a person"),
    Column("tax_number", Text),
    Column("invoice_title", Text),
    Column("invoice_address", Text),
    CheckConstraint("limit_minor >= 0", name="limit"),
    CheckConstraint("exposure_minor >= 0", name="exposure"),
    CheckConstraint("hold_reason <> ''", name="hold_says_why"),
    comment="what is agreed with each customer, and the running total of what they owe or will owe",
    # One row takes an update for every order of the customer: they stay on their page and touch no index.
    postgresql_with={"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.05"},
)

open_items = Table(
    "open_items",
    metadata,
    Column("customer", Text, ForeignKey("finance.accounts.customer"), primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("amount_minor", BigInteger, nullable=False, comment="in the account's currency"),
    Column("currency", Text, nullable=False),
    Column("due_date", Date, nullable=False),
    CheckConstraint("amount_minor >= 0", name="amount"),
    comment="receivables that stood open before the system started",
)

receivables = Table(
    "receivables",
    metadata,
    Column("order_id", _id, primary_key=True),
    Column("number", Text, nullable=False, comment="of the order"),
    Column("customer", Text, nullable=False),
    Column("terms", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("due_minor", BigInteger, nullable=False, comment="the order's total"),
    Column("received_minor", BigInteger, nullable=False, server_default="0", comment="all payments in its currency"),
    Column("invoiced_minor", BigInteger, comment="invoices less red-letter ones; null: none is in force"),
    Column("due_date", Date, comment="when it must be paid; from the invoice on"),
    Column("settled_at", _time),
    CheckConstraint("due_minor >= 0 and received_minor >= 0", name="amounts"),
    CheckConstraint("invoiced_minor between 0 and due_minor", name="invoiced_within_due"),
    CheckConstraint("settled_at is null or received_minor >= due_minor", name="settled_is_paid"),
    Index(
        "ix_receivables_unsettled",
        "customer",
        "due_date",
        postgresql_where=text("due_date is not null and settled_at is null"),
    ),
    comment="what each reviewed order owes and has been paid, in its own currency",
    postgresql_with={"fillfactor": "80"},
)

credit_holds = Table(
    "credit_holds",
    metadata,
    Column("order_id", _id, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("currency", Text, nullable=False, comment="the account's"),
    Column("amount_minor", BigInteger, nullable=False, comment="the order's total at the rate of its review"),
    Column("open_minor", BigInteger, nullable=False, comment="the unpaid part of it; counts as exposure"),
    Column("placed_at", _time, nullable=False),
    Column("released_at", _time, comment="paid, or undone"),
    CheckConstraint("open_minor between 0 and amount_minor", name="open"),
    CheckConstraint("released_at is null or open_minor = 0", name="released_is_closed"),
    comment="the ledger of credit given to orders, one row each",
    postgresql_with={"fillfactor": "80"},
)

payments = Table(
    "payments",
    metadata,
    Column("reference", Text, primary_key=True, comment="names the payment for ever"),
    Column("kind", Text, nullable=False, server_default="received"),
    Column("order_number", Text, nullable=False, comment="as reported"),
    Column("order_id", _id, comment="null: unmatched, no order has that number"),
    Column("customer", Text),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("received_at", _time, nullable=False),
    Column("booked_at", _time, nullable=False),
    CheckConstraint(
        "case kind when 'received' then amount_minor > 0 when 'moved' then amount_minor <> 0"
        " when 'paid_back' then amount_minor < 0 else false end",
        name="amount",
    ),
    CheckConstraint("(order_id is null) = (customer is null)", name="matched_has_customer"),
    Index("ix_payments_order_id", "order_id"),
    Index("ix_payments_unmatched", "booked_at", postgresql_where=text("order_id is null")),
    comment="money that came in, each payment once; below zero what went out again, or to another order",
)

payment_tasks = Table(
    "payment_tasks",
    metadata,
    Column("payment", Text, ForeignKey("finance.payments.reference"), primary_key=True),
    Column("opened_at", _time, nullable=False),
    Column("decision", Text, comment="null: open"),
    Column("decided_by", Text),
    Column("decided_at", _time),
    Column("reason", Text),
    CheckConstraint("decision in ('assign', 'return')", name="decision"),
    CheckConstraint("num_nulls(decision, decided_by, decided_at, reason) in (0, 4)", name="decided_by_somebody"),
    Index("ix_payment_tasks_open", "opened_at", postgresql_where=text("decision is null")),
    comment="exception tasks of finance: to which order an unmatched payment belongs, or whether it goes back",
)

customer_credits = Table(
    "customer_credits",
    metadata,
    Column("order_id", _id, primary_key=True, comment="that the money was paid for"),
    Column("currency", Text, primary_key=True),
    Column("customer", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("updated_at", _time, nullable=False),
    CheckConstraint("amount_minor > 0", name="amount"),
    Index("ix_customer_credits_customer", "customer"),
    comment="money that customers have with us: payments beyond what their orders owe",
)

vouchers = Table(
    "vouchers",
    metadata,
    Column("number", Text, primary_key=True),
    Column("order_id", _id, nullable=False),
    Column("delivery_note", Text, comment="that it is over; null: the whole order"),
    Column("customer", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("receivable_minor", BigInteger, nullable=False, comment="debit 应收账款"),
    Column("revenue_minor", BigInteger, nullable=False, comment="credit 主营业务收入"),
    Column("output_tax_minor", BigInteger, nullable=False, comment="credit 销项税额"),
    Column("tax_basis_points", SmallInteger, nullable=False),
    Column("booked_at", _time, nullable=False),
    Column("reverses", Text, ForeignKey("finance.vouchers.number"), unique=True, comment="the voucher it takes back"),
    Column("reversed_at", _time),
    CheckConstraint("receivable_minor = revenue_minor + output_tax_minor", name="balanced"),
    CheckConstraint(
        "case when reverses is null then least(revenue_minor, output_tax_minor) >= 0"
        " else greatest(revenue_minor, output_tax_minor) <= 0 end",
        name="sign",
    ),
    Index(
        "uq_vouchers_order_id_delivery_note",
        "order_id",
        text("coalesce(delivery_note, '')"),
        unique=True,
        postgresql_where=text("reverses is null and reversed_at is null"),
    ),
    comment="sales vouchers; corrected only by reversal",
)

invoices = Table(
    "invoices",
    metadata,
    Column("number", Text, primary_key=True),
    Column("order_id", _id, nullable=False),
    Column("voucher", Text, ForeignKey("finance.vouchers.number"), nullable=False, unique=True),
    Column("customer", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("tax_number", Text),
    Column("address", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False, comment="with tax"),
    Column("tax_minor", BigInteger, nullable=False),
    Column("issued_at", _time, nullable=False),
    Column("due_date", Date, nullable=False),
    Column(
        "corrects", Text, ForeignKey("finance.invoices.number"), unique=True, comment="the one it takes back (红字)"
    ),
    Column("corrected_at", _time),
    CheckConstraint("title <> '' and address <> ''", name="addressed"),
    Index("ix_invoices_order_id", "order_id"),
    comment="invoices; taken back only by a red-letter one",
)

payment_accounts = Table(
    "payment_accounts",
    metadata,
    Column("method", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("details_zh", Text, nullable=False),
    Column("details_en", Text, nullable=False),
    CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
    comment="where customers can pay us: one way for each method and currency",
)

payment_notices = Table(
    "payment_notices",
    metadata,
    Column("fact_id", _id, primary_key=True),
    Column("order_id", _id, nullable=False, index=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("reference", Text),
    Column("paid_at", _time, nullable=False, comment="as the customer says"),
    CheckConstraint("amount_minor >= 0", name="amount"),
    comment="付款通知: what customers say that they have paid; the bank's word is in payments",
)
