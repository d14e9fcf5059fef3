"""结算统计 (RPT-01): what was settled in a period, from vouchers and invoices, by customer, sale type or month.

Amounts of different currencies are never added up: each group has a line for each currency.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from shared.calendar import BUSINESS_ZONE
from shared.database import Session
from shared.money import from_minor
from shared.rulebook import Rulebook
from workers.reports.report import Line, Period, Report

GROUPS = ("customer", "sale_type", "month")
AMOUNTS = ("receivable", "revenue", "tax", "invoiced")


def by(group: str) -> Callable[..., Report]:
    """The report by one of GROUPS."""
    return partial(read, group=group)


def read(session: Session, _rules: Rulebook, period: Period, _now: datetime, *, group: str) -> Report:
    """The vouchers of the period, reversals below zero, each with the amount of its invoice."""
    session.write("set local statement_timeout = 0")  # it reads every voucher of the period
    since, until = period.bounds()
    documents = [_document(row, group) for row in session.rows(_VOUCHERS, since, since, until, until)]
    return Report(documents, _totals(documents), "count")


def _document(row: tuple[Any, ...], group: str) -> Line:
    number, invoice, order, customer, sale_type, at, currency, *amounts = row
    grouped = {"customer": customer, "sale_type": sale_type, "month": f"{at.astimezone(BUSINESS_ZONE):%Y-%m}"}
    named = {name: from_minor(minor, currency) for name, minor in zip(AMOUNTS, amounts, strict=True)}
    base = {"group": grouped[group], "voucher": number, "invoice": invoice, "order": order, "booked": at}
    return base | {"currency": currency} | named


def _totals(documents: list[Line]) -> list[Line]:
    found: dict[tuple[str, str], Line] = {}
    for each in documents:
        key = each["group"], each["currency"]
        nothing = dict.fromkeys(AMOUNTS, Decimal(0))
        total = found.setdefault(key, {"group": key[0], "currency": key[1], "count": 0, **nothing})
        total["count"] += 1
        for name in AMOUNTS:
            total[name] += each[name]
    return [found[key] for key in sorted(found)]


_VOUCHERS = """
select v.number, i.number, h.number, v.customer, h.sale_type, v.booked_at, v.currency, v.receivable_minor,
    v.revenue_minor, v.output_tax_minor, i.amount_minor
from finance.vouchers v join finance.invoices i on i.voucher = v.number
join core.order_headers h on h.order_id = v.order_id
where (%s::timestamptz is null or v.booked_at >= %s) and (%s::timestamptz is null or v.booked_at < %s)
order by v.number
"""
