"""Reminders to customers (TRK-03): of a payment that is due, and of goods whose receipt they have not confirmed.

Each is written where the order's definition names it, once for each cause: a payment shortly before it is due and again
once it is overdue, a receipt once.
"""

from datetime import date, datetime, timedelta
from typing import Any

from messages.orders import read_order
from shared.calendar import BUSINESS_ZONE
from shared.catalogue import Catalogue
from shared.database import Session, array
from shared.letters import PAYMENT_REMINDER, RECEIPT_REMINDER, Letter, write_letters
from shared.processes import Definition
from shared.words import LANGUAGES, money

BEFORE_DUE = timedelta(days=3)
AFTER_DELIVERY = timedelta(days=3)


def remind_of_payments(session: Session, definitions: Catalogue[Definition], now: datetime, limit: int) -> int:
    """Write up to `limit` reminders that are due; returns how many. Two round trips more where there are any."""
    today = now.astimezone(BUSINESS_ZONE).date()
    keys = _asking_for(PAYMENT_REMINDER, definitions)
    found = session.rows(_PAYMENTS, today, today + BEFORE_DUE, keys, limit) if keys else []
    write_letters(session, [_of_payment(now, *row) for row in found])
    return len(found)


def remind_of_receipts(session: Session, definitions: Catalogue[Definition], now: datetime, limit: int) -> int:
    """Likewise."""
    keys = _asking_for(RECEIPT_REMINDER, definitions)
    found = session.rows(_RECEIPTS, keys, now - AFTER_DELIVERY, limit) if keys else []
    write_letters(session, [_of_receipt(now, *row) for row in found])
    return len(found)


def _asking_for(kind: str, definitions: Catalogue[Definition]) -> Any:
    keys = sorted(key for key, each in definitions.entries.items() if kind in each.letters)
    return array(keys) if keys else None


def _of_payment(now: datetime, document: str, round_: int, key: str, due: date, open_minor: int) -> Letter:
    order = read_order(document)
    amount = {language: money(open_minor, order.currency, language) for language in LANGUAGES}
    return Letter(PAYMENT_REMINDER, order, round_, now, {"due_date": due.isoformat(), "open": amount}, key)


def _of_receipt(now: datetime, document: str, round_: int, tracking_number: str, delivered_at: datetime) -> Letter:
    order = read_order(document)
    on = f"{delivered_at.astimezone(BUSINESS_ZONE):%Y-%m-%d}"
    return Letter(RECEIPT_REMINDER, order, round_, now, {"tracking_number": tracking_number, "delivered_on": on}, "")


_PAYMENTS = """
select d.document, o.round, r.key, r.due_date, r.open_minor
from (
    select p.*, case when p.due_date < %s then 'overdue' else 'due' end as key
    from finance.open_receivables p where p.due_date <= %s
) r
join core.orders o on o.id = r.order_id and o.definition = any(%s::text[])
join core.order_documents d on d.order_id = o.id and d.revision = o.revision
where not exists (
    select from core.letters l where l.order_id = r.order_id and l.kind = 'payment_reminder' and l.key = r.key
)
order by r.due_date, o.id limit %s
"""
# The receipts that are waited for are few; of each of them the shipment is looked up.
_RECEIPTS = """
select d.document, o.round, s.tracking_number, s.delivered_at
from core.waits w
join core.orders o on o.id = w.order_id and o.definition = any(%s::text[])
join core.order_documents d on d.order_id = o.id and d.revision = o.revision
cross join lateral (
    select t.tracking_number, t.delivered_at from logistics.shipment_status t where t.order_id = o.id
    order by t.delivered_at desc nulls first limit 1
) s
where w.key = 'receipt:' || w.order_id and s.delivered_at <= %s and not exists (
    select from core.letters l where l.order_id = o.id and l.kind = 'receipt_reminder' and l.key = ''
)
order by s.delivered_at, o.id limit %s
"""
