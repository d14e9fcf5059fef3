"""What finance reads and keeps for settlement: vouchers (销售凭证), invoices (发票), and their reversal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from shared.database import Row, Session, array, columns
from shared.department import Visit, effects_of
from shared.letters import Letter, write_letters
from shared.money import format_amount
from shared.numbering import take
from shared.outbox import Announcement, announce
from shared.words import Language
from workers.finance.books import business_day, save_receivables, undo_review
from workers.finance.rules import ASK_FOR_CREDIT, Receivable
from workers.finance.settlement_rules import Billing, Deal, Delivery, InvoiceData, Settled


@dataclass(frozen=True, slots=True)
class Deals:
    """The orders of a batch at settlement."""

    today: date
    deals: Mapping[str, Deal]

    def absorb(self, effect: object) -> None:
        """Settling one order changes nothing for another."""


# Each table is asked for one order at a time: joined, the small index of a table that is still empty would be planned
# to be read whole, and stay so.
_DEALS = """
select w.id, coalesce(p.total, 0), p.paid_at, p.method, r.due_minor, r.invoiced_minor,
    coalesce(s.shipped, false), s.note, s.delivered_at, coalesce(s.parts, 0), a.invoice_title, a.tax_number,
    a.invoice_address, (select max(c.due) from compliance.contract_payments c where c.order_id = w.id),
    h.lines, h.case_number
from unnest(%s::uuid[], %s::text[], %s::text[]) as w(id, customer, currency)
left join lateral (
    select due_minor, invoiced_minor from finance.receivables
    where order_id = w.id and currency = w.currency limit 1
) r on true
left join lateral (
    select invoice_title, tax_number, invoice_address from finance.accounts where customer = w.customer limit 1
) a on true
left join lateral (
    select sum(amount_minor)::bigint as total, max(received_at) filter (where amount_minor > 0) as paid_at,
        (array_agg(method order by received_at desc, reference desc) filter (where amount_minor > 0))[1] as method
    from finance.payments where order_id = w.id and currency = w.currency
) p on true
left join lateral (
    select bool_and(shipped_at is not null) as shipped, max(delivered_at) as delivered_at,
        max(delivery_note) as note, max(parts) as parts
    from logistics.shipment_status where order_id = w.id
) s on true
left join lateral (
    select array_agg(line) as lines, min(case_number) as case_number from after_sales.held_lines where order_id = w.id
) h on true
"""


# Only for orders that left in parts.
_DELIVERIES = """
select d.order_id, d.note, d.value_minor, d.lines, d.delivered_at, exists (
    select from finance.vouchers v
    where v.order_id = d.order_id and v.delivery_note = d.note and v.reverses is null and v.reversed_at is null
)
from unnest(%s::uuid[]) as w(id) join finance.deliveries d on d.order_id = w.id
order by d.order_id, d.shipped_at, d.note
"""


def read_deals(session: Session, visits: Sequence[Visit]) -> Deals:
    """Payments, invoices, shipment, contract and invoice data of the orders. One round trip, and another one where
    orders left in parts; their own locks keep changes out.
    """
    if not visits:
        return Deals(date.min, {})
    wanted = [(visit.order.id, visit.order.customer.code, visit.order.currency) for visit in visits]
    rows = session.rows(_DEALS, *columns(wanted, 3))
    parted = sorted(row[0] for row in rows if row[9] > 1)
    deliveries = _read_deliveries(session, parted) if parted else {}
    deals = {row[0]: _deal(row, tuple(deliveries.get(row[0], ()))) for row in rows}
    return Deals(business_day(visits[0].now), deals)


def _read_deliveries(session: Session, order_ids: Sequence[str]) -> dict[str, list[Delivery]]:
    found: dict[str, list[Delivery]] = {}
    for order_id, note, value, lines, delivered_at, billed in session.rows(_DELIVERIES, array(order_ids)):
        delivery = Delivery(note, value, frozenset(lines), _day(delivered_at), billed)
        found.setdefault(order_id, []).append(delivery)
    return found


def _deal(row: Row, deliveries: tuple[Delivery, ...]) -> Deal:
    _, total, paid_at, method, due, invoiced, shipped, note, delivered_at, _, *rest = row
    title, tax_number, address, contract_due, held, case_number = rest
    return Deal(
        total,
        paid_at,
        method,
        due,
        invoiced,
        shipped,
        note if shipped else None,
        _day(delivered_at),
        deliveries,
        contract_due,
        frozenset(held or ()),
        case_number or "",
        InvoiceData(title or "", tax_number or "", address or ""),
    )


def _day(at: datetime | None) -> date | None:
    return None if at is None else business_day(at)


# -- keeping -----------------------------------------------------------------------------------------------------------

INVOICE_LETTER = "invoice"
VOUCHER, INVOICE = "SV", "INV"
"""Kinds of document numbers. Taken in this order, so that two settlements never wait for each other's."""

_VOUCHERS = """
insert into finance.vouchers (number, order_id, delivery_note, customer, currency, receivable_minor, revenue_minor,
    output_tax_minor, tax_basis_points, booked_at)
select * from unnest(%s::text[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[],
    %s::bigint[], %s::smallint[], %s::timestamptz[])
"""
_INVOICES = """
insert into finance.invoices (number, order_id, voucher, customer, title, tax_number, address, currency, amount_minor,
    tax_minor, issued_at, due_date)
select v.number, v.order_id, v.voucher, v.customer, v.title, nullif(v.tax_number, ''), v.address, v.currency,
    v.amount_minor, v.tax_minor, v.issued_at, v.due_date
from unnest(%s::text[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::bigint[], %s::bigint[], %s::timestamptz[], %s::date[])
    as v(number, order_id, voucher, customer, title, tax_number, address, currency, amount_minor, tax_minor, issued_at,
        due_date)
"""
_DUE = """
update finance.receivables r
set due_date = greatest(r.due_date, v.due_date), invoiced_minor = coalesce(r.invoiced_minor, 0) + v.amount_minor
from unnest(%s::uuid[], %s::date[], %s::bigint[]) as v(order_id, due_date, amount_minor) where r.order_id = v.order_id
"""
_SETTLE = """
update finance.receivables r set settled_at = v.at
from unnest(%s::uuid[], %s::timestamptz[]) as v(order_id, at) where r.order_id = v.order_id
"""


def save_settlement(session: Session, effects: Sequence[object]) -> None:
    """Keep receivables, vouchers and invoices (announced for mailing), and what is settled. Two round trips where
    documents are numbered, else none.
    """
    save_receivables(session, effects_of(Receivable, effects))
    billings = effects_of(Billing, effects)
    if billings:
        _bill(session, billings)
    settled = [(each.order_id, each.at) for each in effects_of(Settled, effects)]
    if settled:
        session.write(_SETTLE, *columns(settled, 2))


def _bill(session: Session, billings: Sequence[Billing]) -> None:
    vouchers = take(session, VOUCHER, billings[0].at, len(billings))
    invoices = take(session, INVOICE, billings[0].at, len(billings))
    numbered = list(zip(billings, vouchers, invoices, strict=True))
    session.write(_VOUCHERS, *columns([_voucher(billing, voucher) for billing, voucher, _ in numbered], 10))
    session.write(_INVOICES, *columns([_invoice(*each) for each in numbered], 12))
    session.write(_DUE, *columns(_invoiced(billings), 3))
    announce(session, [_issued(billing, invoice) for billing, _, invoice in numbered])
    write_letters(session, [_letter(billing, invoice) for billing, _, invoice in numbered if billing.mailed])


def _invoiced(billings: Sequence[Billing]) -> list[tuple[str, date, int]]:
    """A row for each order. What left in parts must be paid when the last of them must."""
    orders: dict[str, tuple[date, int]] = {}
    for billing in billings:
        due, amount = orders.get(billing.order_id, (billing.due_date, 0))
        orders[billing.order_id] = (max(due, billing.due_date), amount + billing.amount_minor)
    return [(order_id, *found) for order_id, found in orders.items()]


def _letter(b: Billing, number: str) -> Letter:
    assert b.mailed is not None, "only these are written"
    order, day = b.mailed.order, b.due_date.isoformat()
    zh, en = (format_amount(b.amount_minor, b.currency, locale) for locale in ("zh_CN", "en"))
    values: dict[str, str | Mapping[Language, str]] = {"invoice": number, "amount": {"zh": zh, "en": en}, "due": day}
    return Letter(INVOICE_LETTER, order, b.mailed.round, b.at, values, number)


def _voucher(b: Billing, number: str) -> tuple[str | int | datetime | None, ...]:
    return (
        number,
        b.order_id,
        b.note,
        b.customer,
        b.currency,
        b.amount_minor,
        b.revenue_minor,
        b.tax_minor,
        b.tax_basis_points,
        b.at,
    )


def _invoice(b: Billing, voucher: str, number: str) -> tuple[str | int | datetime | date, ...]:
    return (
        number,
        b.order_id,
        voucher,
        b.customer,
        b.data.title,
        b.data.tax_number,
        b.data.address,
        b.currency,
        b.amount_minor,
        b.tax_minor,
        b.at,
        b.due_date,
    )


def _issued(b: Billing, number: str) -> Announcement:
    body: dict[str, Any] = {
        "schema_version": 1,
        "invoice": number,
        "order": b.order_number,
        "customer": b.customer,
        "title": b.data.title,
        "tax_number": b.data.tax_number,
        "address": b.data.address,
        "amount_minor": b.amount_minor,
        "tax_minor": b.tax_minor,
        "currency": b.currency,
        "due_date": b.due_date,
    }
    return Announcement(f"{b.order_id}/{number}", "orderflow.invoice.issued", b.order_number, b.at, body)


# -- taking back -------------------------------------------------------------------------------------------------------

_LIVE = """
select v.order_id, v.number, i.number
from finance.vouchers v join finance.invoices i on i.voucher = v.number
where v.order_id = any(%s::uuid[]) and v.reverses is null and v.reversed_at is null
order by v.order_id, v.number
"""
_REVERSE_VOUCHERS = """
with marked as (
    update finance.vouchers v set reversed_at = w.at
    from unnest(%s::text[], %s::text[], %s::timestamptz[]) as w(number, reversal, at) where v.number = w.number
    returning v.*, w.reversal
)
insert into finance.vouchers (number, order_id, delivery_note, customer, currency, receivable_minor, revenue_minor,
    output_tax_minor, tax_basis_points, booked_at, reverses)
select reversal, order_id, delivery_note, customer, currency, -receivable_minor, -revenue_minor, -output_tax_minor,
    tax_basis_points, reversed_at, number from marked
"""
_CORRECT_INVOICES = """
with marked as (
    update finance.invoices i set corrected_at = w.at
    from unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[]) as w(number, red, voucher, at)
    where i.number = w.number
    returning i.*, w.red, w.voucher as red_voucher
)
insert into finance.invoices (number, order_id, voucher, customer, title, tax_number, address, currency, amount_minor,
    tax_minor, issued_at, due_date, corrects)
select red, order_id, red_voucher, customer, title, tax_number, address, currency, -amount_minor, -tax_minor,
    corrected_at, due_date, number from marked
"""
_REOPEN = """
update finance.receivables set due_date = null, settled_at = null, invoiced_minor = null
where order_id = any(%s::uuid[]) and (due_date is not null or settled_at is not null)
"""


def undo_invoices(session: Session, visits: Sequence[Visit]) -> None:
    """Take invoices back that were made before the goods left; orders that only the invoice said to owe owe nothing."""
    undo_settlement(session, visits)
    undo_review(session, [visit for visit in visits if not visit.activities & ASK_FOR_CREDIT])


def undo_settlement(session: Session, visits: Sequence[Visit]) -> None:
    """Take vouchers and invoices back by reversal and red-letter invoice (红字发票); nothing is deleted (SET-03)."""
    if not visits:
        return
    now, numbers = visits[0].now, {visit.order.id: visit.order.number for visit in visits}
    ids = array(sorted(numbers))
    live = session.rows(_LIVE, ids)
    session.write(_REOPEN, ids)
    if not live:
        return
    reversals = take(session, VOUCHER, now, len(live))
    reds = take(session, INVOICE, now, len(live))
    back = [(*row, reversal, red) for row, reversal, red in zip(live, reversals, reds, strict=True)]
    session.write(_REVERSE_VOUCHERS, *columns([(voucher, reversal, now) for _, voucher, _, reversal, _ in back], 3))
    session.write(_CORRECT_INVOICES, *columns([(inv, red, reversal, now) for _, _, inv, reversal, red in back], 4))
    announce(session, [_corrected(numbers[row[0]], row, now) for row in back])


def _corrected(order_number: str, row: Row, now: datetime) -> Announcement:
    order_id, _, invoice, _, red = row
    body = {"schema_version": 1, "invoice": red, "corrects": invoice, "order": order_number}
    return Announcement(f"{order_id}/{red}", "orderflow.invoice.corrected", order_number, now, body)
