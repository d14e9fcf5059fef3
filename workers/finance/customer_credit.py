"""Customer credit (客户余额) is used: it pays for another order of the customer, or is paid back (SET-02).

Both are lines of the payments, below zero where the money leaves: all sums stay sums of one table.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from messages.facts.finance import CreditApplied, CreditPaidBack
from shared.database import Session, array, columns
from shared.department import Booked, Finding, ReportedFact, finding
from workers.finance.books import recount
from workers.finance.payment_rules import Credit, amount_minor, credit_fault
from workers.finance.people import allowed
from workers.finance.rules import payment_key

_LOCK_GIVERS = """
select o.id from core.orders o join core.order_headers h on h.order_id = o.id
where h.number = any(%s::text[]) order by o.id for update of o
"""
_CREDITS = """
select h.number, h.order_id, c.customer, c.currency, c.amount_minor
from core.order_headers h join finance.customer_credits c on c.order_id = h.order_id
where h.number = any(%s::text[]) order by h.number, c.currency
"""
_TAKERS = """
select h.order_id, coalesce(r.customer, h.customer), coalesce(r.currency, h.currency)
from unnest(%s::uuid[]) as w(id) join core.order_headers h on h.order_id = w.id
left join finance.receivables r on r.order_id = h.order_id
"""
_MOVE = """
insert into finance.payments
    (reference, kind, order_number, order_id, customer, amount_minor, currency, method, received_at, booked_at)
select * from unnest(%s::text[], %s::text[], %s::text[], %s::uuid[], %s::text[], %s::bigint[], %s::text[], %s::text[],
    %s::timestamptz[], %s::timestamptz[])
on conflict (reference) do nothing returning reference
"""
BY_CREDIT = "credit"
"""How an order was paid whose customer had money with us."""


def book_applied(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Credit from one order pays for another one, as far as it is there."""
    reports, refused = allowed(session, facts, CreditApplied, lambda body: body.by)
    known = _lock_credits(session, {body.from_order for _, body in reports})
    ids = array(sorted({fact.order_id for fact, _ in reports if fact.order_id}))
    takers = {row[0]: row[1:] for row in session.rows(_TAKERS, ids)} if reports else {}
    rows: list[tuple[Any, ...]] = []
    for fact, body in reports:
        customer, currency = takers[fact.order_id or ""]
        giver, credit = _credit(known, body.from_order, currency)
        fault = credit_fault(credit, body.from_order, body.amount, customer, currency)
        if fault or credit is None or body.from_order == body.order:
            refused[fact.id] = fault or finding("credit.of_another", body.from_order)
            continue
        minor = amount_minor(body.amount, currency) or 0
        known[body.from_order, currency] = giver, _less(credit, minor)
        moved = (currency, BY_CREDIT, body.occurred_at, fact.now)
        rows.append((f"{fact.id}/out", "moved", body.from_order, giver, customer, -minor, *moved))
        rows.append((f"{fact.id}/in", "moved", body.order, fact.order_id, customer, minor, *moved))
    return Booked(_keep(session, rows, facts[0].now), refused)


def book_paid_back(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Credit went back to the customer. A reference counts once."""
    reports, refused = allowed(session, facts, CreditPaidBack, lambda body: body.by)
    known = _lock_credits(session, {body.order for _, body in reports})
    rows: dict[str, tuple[Any, ...]] = {}
    facts_of: dict[str, str] = {}
    for fact, body in reports:
        giver, credit = _credit(known, body.order, None)
        fault = credit_fault(credit, body.order, body.amount, None, None)
        if fault or credit is None or body.reference in rows:
            refused[fact.id] = fault or finding("payment.reference_used", body.order, reference=body.reference)
            continue
        minor = amount_minor(body.amount, credit.currency) or 0
        known[body.order, credit.currency] = giver, _less(credit, minor)
        paid = (credit.currency, body.method, body.occurred_at, fact.now)
        rows[body.reference] = (body.reference, "paid_back", body.order, giver, credit.customer, -minor, *paid)
        facts_of[body.reference] = fact.id
    new = insert(session, list(rows.values()))
    refused |= used_already(facts_of, new, rows)
    _recount(session, [row for row in rows.values() if row[0] in new], facts[0].now)
    return Booked((), refused)


def insert(session: Session, rows: Sequence[tuple[Any, ...]]) -> set[str]:
    """Keep lines of the payments; the references of those that are new."""
    return {row[0] for row in session.rows(_MOVE, *columns(sorted(rows), 10))} if rows else set()


def used_already(facts_of: dict[str, str], new: set[str], rows: dict[str, tuple[Any, ...]]) -> dict[str, Finding]:
    """Why facts are refused whose reference was there, by fact."""
    return {
        fact_id: finding("payment.reference_used", rows[reference][2], reference=reference)
        for reference, fact_id in facts_of.items()
        if reference not in new
    }


def _keep(session: Session, rows: Sequence[tuple[Any, ...]], now: datetime) -> list[str]:
    insert(session, rows)
    return [payment_key(order_id) for order_id in _recount(session, rows, now)]


def _recount(session: Session, rows: Sequence[tuple[Any, ...]], now: datetime) -> list[str]:
    concerned = sorted({row[3] for row in rows})
    if concerned:
        recount(session, concerned, now)
    return concerned


def _lock_credits(session: Session, numbers: set[str]) -> dict[tuple[str, str], tuple[str, Credit]]:
    """By order number and currency: the order, and its customer's credit; the orders are locked."""
    if not numbers:
        return {}
    session.write(_LOCK_GIVERS, array(sorted(numbers)))
    rows = session.rows(_CREDITS, array(sorted(numbers)))
    return {(row[0], row[3]): (row[1], Credit(row[2], row[3], row[4])) for row in rows}


def _credit(
    known: dict[tuple[str, str], tuple[str, Credit]], order: str, currency: str | None
) -> tuple[str, Credit | None]:
    """The credit from an order, of this currency, else whichever there is."""
    found = [each for (number, _), each in known.items() if number == order]
    return known.get((order, currency or "")) or (found[0] if found else ("", None))


def _less(credit: Credit, minor: int) -> Credit:
    return Credit(credit.customer, credit.currency, credit.amount_minor - minor)
