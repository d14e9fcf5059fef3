"""Suppliers, purchases and production plans as people look at them. Read only."""

import json
from typing import Any

from shared.database import Row, Session
from workers.warehouse.supplier_rules import hundredths
from workers.warehouse.suppliers import SUPPLIER, as_supplier


def suppliers(session: Session, product: str | None) -> list[dict[str, Any]]:
    """Every supplier, or those that have quoted a product, with the scores as they would count now (SUP-04)."""
    return [_supplier(row) for row in session.rows(_SUPPLIERS, product, product)]


def supplier(session: Session, code: str) -> dict[str, Any] | None:
    """One supplier with its evaluations and quotations."""
    found = [each for each in suppliers(session, None) if each["code"] == code]
    if not found:
        return None
    evaluations, quotations = session.together((_EVALUATIONS, (code,)), (_QUOTATIONS, (code,)))
    return found[0] | {
        "evaluations": _named(evaluations, "at", "method", "passed", "score", "quality_system", "remarks", "by"),
        "quotations": _named(
            quotations, "product", "valid_from", "valid_until", "minimum_quantity", "lead_time_days", "currency",
            "unit_price_minor",
        ),
    }  # fmt: skip


def purchases(
    session: Session, *, number: str | None, supplier: str | None, order: str | None, open_only: bool, limit: int
) -> list[dict[str, Any]]:
    """Purchases, the newest first; `comparison` says why this supplier (SUP-05)."""
    given = (number, number, supplier, supplier, order, order, open_only, limit)
    names = (
        "number", "order", "product", "quantity", "received", "supplier", "unit_price_minor", "currency", "needed_by",
        "expected_on", "placed_at", "status", "reason", "comparison",
    )  # fmt: skip
    found = _named(session.rows(_PURCHASES, *given), *names)
    return [each | {"comparison": json.loads(each["comparison"])} for each in found]


def plans(
    session: Session, *, number: str | None, order: str | None, open_only: bool, limit: int
) -> list[dict[str, Any]]:
    """Production plans, the newest first, with what they take, who has confirmed them, and what was reported."""
    names = (
        "number", "order", "product", "quantity", "unit", "starts_on", "finishes_on", "needed_by", "done", "good",
        "status", "wanted", "confirmed", "materials", "reports",
    )  # fmt: skip
    found = _named(session.rows(_PLANS, number, number, order, order, open_only, limit), *names)
    return [each | {name: json.loads(each[name]) for name in ("materials", "reports")} for each in found]


def _supplier(row: Row) -> dict[str, Any]:
    one, name = as_supplier(row[1:]), row[0]
    scores = {"quality": one.quality(), "delivery": one.delivery(), "service": one.service()}
    return {
        "code": one.code,
        "name": name,
        "active": one.active,
        "evaluation": None if one.evaluation is None else "passed" if one.evaluation.passed else "failed",
        **{f"{part}_hundredths": hundredths(score) for part, score in scores.items()},
        "receipts": one.record.receipts,
        "late": one.record.late,
        "delivered": one.record.delivered,
        "bad": one.record.bad,
    }


def _named(rows: list[Row], *names: str) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in rows]


_SUPPLIERS = f"""
select s.name, {SUPPLIER}
where %s::text is null
    or exists (select from warehouse.supplier_quotations q where q.supplier = s.code and q.product = %s)
order by s.code
"""  # noqa: S608 - a constant
_EVALUATIONS = """
select evaluated_at, method, passed, score, quality_system, remarks, recorded_by
from warehouse.supplier_evaluations where supplier = %s order by evaluated_at desc
"""
_QUOTATIONS = """
select product, valid_from, valid_until, minimum_quantity, lead_time_days, currency, unit_price_minor
from warehouse.supplier_quotations where supplier = %s order by product, valid_from desc
"""
_STATUS = "case when p.closed_at is null then 'open' when {gone} then 'cancelled' else 'done' end"
_PURCHASES = f"""
select p.number, h.number, p.product, p.quantity, p.received, p.supplier, p.unit_price_minor, p.currency, p.needed_by,
    p.expected_on, p.placed_at, {_STATUS.format(gone="p.cancelled")}, p.reason, p.comparison
from warehouse.purchases p join core.order_headers h on h.order_id = p.order_id
where (%s::text is null or p.number = %s) and (%s::text is null or p.supplier = %s)
    and (%s::text is null or h.number = %s) and not (%s and p.closed_at is not null)
order by p.number desc limit %s
"""  # noqa: S608 - a constant
_PLANS = f"""
select p.number, h.number, p.product, p.quantity, p.unit, p.starts_on, p.finishes_on, p.needed_by, p.done, p.good,
    {_STATUS.format(gone="p.good is null")}, p.wanted,
    array(select c.role from warehouse.production_confirmations c where c.number = p.number order by c.role),
    coalesce((
        select json_agg(json_build_object('material', m.material, 'needed', m.needed, 'available', m.available,
            'short_by', greatest(m.needed - m.available, 0)) order by m.material)
        from warehouse.production_materials m where m.number = p.number
    ), '[]'),
    coalesce((
        select json_agg(json_build_object('at', r.at, 'kind', r.kind, 'by', r.reported_by, 'done', r.done,
            'finishes_on', r.finishes_on, 'remarks', r.remarks) order by r.at)
        from warehouse.production_reports r where r.number = p.number
    ), '[]')
from warehouse.production_plans p join core.order_headers h on h.order_id = p.order_id
where (%s::text is null or p.number = %s) and (%s::text is null or h.number = %s)
    and not (%s and p.closed_at is not null)
order by p.number desc limit %s
"""  # noqa: S608 - a constant
