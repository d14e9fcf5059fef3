"""Exception tasks of finance: money for which nobody knows the order is assigned to one, or sent back (SET-02)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from messages.facts.finance import PaymentAssigned, PaymentReturned
from shared.database import Session, array, columns
from shared.department import Booked, ReportedFact
from shared.outbox import Announcement, announce
from workers.finance.books import recount
from workers.finance.payment_rules import Unmatched, task_fault
from workers.finance.people import allowed
from workers.finance.rules import payment_key

_OPEN = """
insert into finance.payment_tasks (payment, opened_at) select v.reference, %s from unnest(%s::text[]) as v(reference)
"""
_LOCK = """
select p.reference, p.amount_minor, p.currency, p.order_id is not null, t.decision
from unnest(%s::text[]) as w(reference)
join finance.payments p on p.reference = w.reference
left join finance.payment_tasks t on t.payment = p.reference
order by p.reference for update of p
"""
_ORDERS = """
select h.order_id, coalesce(r.customer, h.customer), coalesce(r.currency, h.currency)
from unnest(%s::uuid[]) as w(id) join core.order_headers h on h.order_id = w.id
left join finance.receivables r on r.order_id = h.order_id
"""
_DECIDE = """
update finance.payment_tasks t
set decision = v.decision, decided_by = v.by, decided_at = v.at, reason = v.reason
from unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::text[])
    as v(payment, decision, by, at, reason)
where t.payment = v.payment and t.decision is null
"""
_ASSIGN = """
update finance.payments p set order_id = v.order_id, customer = v.customer
from unnest(%s::text[], %s::uuid[], %s::text[]) as v(reference, order_id, customer)
where p.reference = v.reference and p.order_id is null
"""


def open_tasks(session: Session, payments: Sequence[tuple[Any, ...]], now: datetime) -> None:
    """A task for each payment that names no order of ours, announced."""
    if payments:
        session.write(_OPEN, now, array([row[0] for row in payments]))
        announce(session, [_unmatched(row, now) for row in payments])


def _unmatched(row: tuple[Any, ...], now: datetime) -> Announcement:
    reference, order, _, _, amount_minor, currency, method, *_ = row
    body = {"schema_version": 1, "payment": reference, "order": order, "amount_minor": amount_minor}
    body |= {"currency": currency, "method": str(method)}
    return Announcement(f"payment/{reference}", "orderflow.payment.unmatched", reference, now, body)


def book_assigned(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """The payments pay for their orders now, as if they had named them. Of two people the first one decides."""
    reports, refused = allowed(session, facts, PaymentAssigned, lambda body: body.by)
    ids = array(sorted({fact.order_id for fact, _ in reports if fact.order_id}))
    orders = {row[0]: row[1:] for row in session.rows(_ORDERS, ids)} if reports else {}
    known = _lock(session, {body.payment for _, body in reports})
    decided, assigned = [], []
    for fact, body in reports:
        customer, currency = orders[fact.order_id or ""]
        fault = task_fault(known.get(body.payment), body.payment, currency)
        if fault:
            refused[fact.id] = fault
            continue
        del known[body.payment]  # a second report in this batch finds nothing to assign
        decided.append((body.payment, "assign", body.by, fact.now, body.reason))
        assigned.append((body.payment, fact.order_id, customer))
    if assigned:
        session.write(_DECIDE, *columns(decided, 5))
        session.write(_ASSIGN, *columns(assigned, 3))
        recount(session, sorted({order_id for _, order_id, _ in assigned if order_id}), facts[0].now)
    return Booked([payment_key(order_id) for _, order_id, _ in assigned if order_id], refused)


def book_returned(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """The payments are no longer with us."""
    reports, refused = allowed(session, facts, PaymentReturned, lambda body: body.by)
    known = _lock(session, {body.payment for _, body in reports})
    decided = []
    for fact, body in reports:
        fault = task_fault(known.pop(body.payment, None), body.payment)
        if fault:
            refused[fact.id] = fault
        else:
            decided.append((body.payment, "return", body.by, fact.now, body.reason))
    session.write(_DECIDE, *columns(decided, 5))
    return Booked((), refused)


def _lock(session: Session, references: set[str]) -> dict[str, Unmatched]:
    if not references:
        return {}
    rows = session.rows(_LOCK, array(sorted(references)))
    return {row[0]: Unmatched(*row[1:]) for row in rows}
