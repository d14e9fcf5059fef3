"""Money that comes in (收款, SET-02): each payment once, matched by our order number, the rest left to people."""

from collections.abc import Sequence
from typing import Any

from messages.facts.finance import PaymentReceived
from shared.database import Row, Session, array, columns
from shared.department import Booked, Finding, ReportedFact
from shared.money import to_minor
from workers.finance.books import recount
from workers.finance.payment_tasks import open_tasks
from workers.finance.rules import payment_fault, payment_key, repeat_fault

_ORDERS = """
select h.order_id, coalesce(r.customer, h.customer), coalesce(r.currency, h.currency)
from unnest(%s::uuid[]) as w(id) join core.order_headers h on h.order_id = w.id
left join finance.receivables r on r.order_id = h.order_id
"""
_INSERT = """
insert into finance.payments
    (reference, order_number, order_id, customer, amount_minor, currency, method, received_at, booked_at)
select * from unnest(%s::text[], %s::text[], %s::uuid[], %s::text[], %s::bigint[], %s::text[], %s::text[],
    %s::timestamptz[], %s::timestamptz[])
on conflict (reference) do nothing returning reference
"""
_BOOKED = """
select p.reference, p.order_number, p.amount_minor, p.currency
from unnest(%s::text[]) as w(reference) join finance.payments p on p.reference = w.reference
"""


def book(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Book payments. An order owes what it owes: a short payment leaves the rest open, what is too much or comes after
    a cancellation is kept as customer credit, and what names no order of ours is a task for a person in finance.
    """
    orders = {row[0]: row for row in session.rows(_ORDERS, array(sorted({f.order_id for f in facts if f.order_id})))}
    refused: dict[str, Finding] = {}
    first: dict[str, ReportedFact] = {}
    repeats: list[ReportedFact] = []
    for fact in facts:
        payment = _payment(fact)
        order = orders.get(fact.order_id or "")
        fault = payment_fault(payment, order[2] if order else None)
        if fault:
            refused[fact.id] = fault
        elif payment.reference in first:
            repeats.append(fact)
        else:
            first[payment.reference] = fact
    rows = [_row(first[reference], orders) for reference in sorted(first)]
    new = {row[0] for row in session.rows(_INSERT, *columns(rows, 9))} if rows else set()
    repeats += [fact for reference, fact in first.items() if reference not in new]
    refused |= _contradictions(session, repeats)
    paid = sorted({row[2] for row in rows if row[0] in new and row[2]})
    if paid:
        recount(session, paid, facts[0].now)
    open_tasks(session, [row for row in rows if row[0] in new and not row[2]], facts[0].now)
    return Booked([payment_key(order_id) for order_id in paid], refused)


def _contradictions(session: Session, repeats: Sequence[ReportedFact]) -> dict[str, Finding]:
    """Repeats that say something else than what was booked under their reference."""
    if not repeats:
        return {}
    references = array(sorted({_payment(fact).reference for fact in repeats}))
    booked = {row[0]: row[1:] for row in session.rows(_BOOKED, references)}
    faults = {fact.id: repeat_fault(_payment(fact), booked[_payment(fact).reference]) for fact in repeats}
    return {fact_id: fault for fact_id, fault in faults.items() if fault}


def _row(fact: ReportedFact, orders: dict[str, Row]) -> tuple[Any, ...]:
    payment = _payment(fact)
    order = orders.get(fact.order_id or "")
    return (
        payment.reference,
        payment.order,
        order[0] if order else None,
        order[1] if order else None,
        to_minor(payment.amount, payment.currency),
        payment.currency,
        payment.method,
        payment.occurred_at,
        fact.now,
    )


def _payment(fact: ReportedFact) -> PaymentReceived:
    assert isinstance(fact.body, PaymentReceived), "the runtime sorts facts by kind"
    return fact.body
