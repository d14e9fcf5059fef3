"""What people look up in the books of finance: payments, and what customers owe. Read only."""

from datetime import date
from typing import Any

from shared.database import Session

STATUSES = ("matched", "unmatched", "returned")
_PAYMENT = (
    "payment", "kind", "status", "order", "order_given", "customer", "amount_minor", "currency", "method",
    "received_at", "booked_at", "decided_by", "decided_at", "reason",
)  # fmt: skip
_RECEIVABLE = (
    "order", "customer", "terms", "status", "currency", "due_minor", "paid_minor", "open_minor", "paid_at", "method",
    "due_date", "days_overdue",
)  # fmt: skip


def payments(
    session: Session, *, status: str | None = None, order: str | None = None, payment: str | None = None, limit: int
) -> list[dict[str, Any]]:
    """Payments, the newest first: those that wait for a person are `unmatched` (SET-02)."""
    rows = session.rows(_PAYMENTS, payment, payment, order, order, order, status, status, limit)
    return [dict(zip(_PAYMENT, row, strict=True)) for row in rows]


def receivables(
    session: Session, today: date, *, customer: str | None, overdue: bool, limit: int
) -> list[dict[str, Any]]:
    """What is not paid yet, the first due first (SET-07): orders by their due dates, and what was open before."""
    rows = session.rows(_RECEIVABLES, today, today, customer, customer, overdue, today, limit)
    return [dict(zip(_RECEIVABLE, row, strict=True)) for row in rows]


def payment_of_order(session: Session, order: str) -> dict[str, Any] | None:
    """收款确认: whether an order is paid, with amount, date and method (SET-01); None: finance does not know it."""
    names = ("order", "status", "currency", "due_minor", "paid_minor", "paid_at", "method", "due_date", "settled_at")
    row = session.row(_STATUS, order)
    return dict(zip(names, row, strict=True)) if row else None


_PAYMENTS = """
select * from (
    select p.reference, p.kind, case when p.order_id is not null then 'matched' when t.decision = 'return'
        then 'returned' else 'unmatched' end as status,
        h.number, p.order_number, p.customer, p.amount_minor, p.currency, p.method, p.received_at, p.booked_at,
        t.decided_by, t.decided_at, t.reason
    from finance.payments p left join core.order_headers h on h.order_id = p.order_id
    left join finance.payment_tasks t on t.payment = p.reference
    where (%s::text is null or p.reference = %s)
) l
where (%s::text is null or %s in (l.number, l.order_number) or l.number = %s) and (%s::text is null or l.status = %s)
order by l.booked_at desc, l.reference limit %s
"""
_RECEIVABLES = """
select * from (
    select s.number, s.customer, s.terms, s.status, s.currency, s.due_minor, s.paid_minor,
        s.due_minor - s.paid_minor as open_minor, s.paid_at, s.method, s.due_date, greatest(%s::date - s.due_date, 0)
    from finance.payment_status s where s.paid_minor < s.due_minor
    union all
    select i.reference, i.customer, null, 'unpaid', i.currency, i.amount_minor, 0, i.amount_minor, null, null,
        i.due_date, greatest(%s::date - i.due_date, 0)
    from finance.open_items i where i.amount_minor > 0
) r
where (%s::text is null or r.customer = %s) and (not %s or r.due_date < %s::date)
order by r.due_date nulls last, r.number limit %s
"""
_STATUS = """
select number, status, currency, due_minor, paid_minor, paid_at, method, due_date, settled_at
from finance.payment_status where order_id = (select order_id from core.order_headers where number = %s)
"""
