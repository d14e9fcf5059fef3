"""Suppliers, their quotations and evaluations (供应商, SUP-02…04): what is read to choose one, and how it is kept."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from messages.contract import Code, Text
from messages.facts.fact import Words
from messages.facts.warehouse import Score, SupplierEvaluated, SupplierQuoted
from messages.orders import Currency, Money
from shared.database import Row, Session, array, columns
from shared.department import Booked, Finding, ReportedFact, finding
from shared.master import MasterFile, MasterRow
from shared.money import MoneyError, to_minor
from workers.warehouse.people import not_allowed, read_roles
from workers.warehouse.rules import stock_key
from workers.warehouse.supplier_rules import Evaluation, Market, Quotation, Record, Supplier

SCORES = ("capacity", "punctuality", "coordination", "after_sales", "technical_support", "problem_solving")
"""As the table has them (SUP-04)."""
PURCHASING = "purchasing"
"""Who evaluates suppliers and records what they quote."""


def read_market(session: Session, products: Collection[str]) -> Market:
    """Everything that is offered of these products. One round trip."""
    wanted = array(sorted({*products}))
    quoted, known = session.together((_QUOTATIONS, (wanted,)), (_SUPPLIERS, (wanted,)))
    quotations: dict[str, list[Quotation]] = {}
    for row in quoted:
        quotations.setdefault(row[1], []).append(Quotation(*row))
    return Market(quotations, {row[0]: as_supplier(row) for row in known})


def as_supplier(row: Row) -> Supplier:
    """A row of the columns SUPPLIER."""
    passed, score, *record = row[8:]
    evaluation = None if passed is None else Evaluation(passed, score)
    scores = dict(zip(SCORES, row[2:8], strict=True))
    return Supplier(row[0], row[1], **scores, evaluation=evaluation, record=Record(*record))


# -- facts -------------------------------------------------------------------------------------------------------------


def book_evaluations(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Keep evaluations (SUP-03); the latest counts. Orders that lack what the supplier offers look again."""
    reports = [(fact, fact.body) for fact in facts if isinstance(fact.body, SupplierEvaluated)]
    refused = _refused(session, reports)
    rows = {}
    for fact, body in reports:
        if fact.id not in refused:
            found = (body.quality_system, body.method, body.passed, body.score, body.remarks, body.by)
            rows[body.supplier, body.occurred_at] = (body.supplier, body.occurred_at, *found)
    session.write(_EVALUATE, *columns(list(rows.values()), 8))
    offered = session.rows(_OFFERED, array(sorted({supplier for supplier, _ in rows})))
    return Booked({stock_key(product) for (product,) in offered}, refused)


def book_quotations(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Keep quotations (SUP-02); orders that lack the product look again."""
    reports = [(fact, fact.body) for fact in facts if isinstance(fact.body, SupplierQuoted)]
    refused = _refused(session, reports)
    rows = {}
    for fact, body in reports:
        if fact.id in refused:
            continue
        price = _price(body)
        if isinstance(price, Finding):
            refused[fact.id] = price
        else:
            span = (body.valid_from, body.valid_until, body.minimum_quantity, body.lead_time_days)
            key = (body.product, body.supplier)
            rows[(*key, body.valid_from)] = (*key, *span, body.currency, price)
    session.write(_QUOTE, *columns(list(rows.values()), 8))
    return Booked({stock_key(product) for product, _, _ in rows}, refused)


def _price(body: SupplierQuoted) -> int | Finding:
    try:
        price = to_minor(body.unit_price, body.currency)
    except MoneyError:
        price = 0
    return price or finding("supplier.bad_price", body.supplier, price=str(body.unit_price), currency=body.currency)


def _refused(
    session: Session, reports: Iterable[tuple[ReportedFact, SupplierEvaluated | SupplierQuoted]]
) -> dict[str, Finding]:
    """What is reported by somebody who may not, or of a supplier that we do not have."""
    reports = list(reports)
    roles = read_roles(session, {body.by for _, body in reports})
    known = {row[0] for row in session.rows(_KNOWN, array(sorted({body.supplier for _, body in reports})))}
    refused = {}
    for fact, body in reports:
        reason = not_allowed(body.by, roles, PURCHASING)
        if reason is None and body.supplier not in known:
            reason = finding("supplier.unknown", body.supplier)
        if reason:
            refused[fact.id] = reason
    return refused


# -- master data -------------------------------------------------------------------------------------------------------


class SupplierRow(MasterRow):
    """A supplier; scores from 0 to 100. What really came of buying from it is counted, and is not in the file."""

    code: Code
    name: Text
    active: bool = True
    capacity: Score = 50
    punctuality: Score = 50
    coordination: Score = 50
    after_sales: Score = 50
    technical_support: Score = 50
    problem_solving: Score = 50


class QuotationRow(MasterRow):
    """What a supplier asks for a piece of a product, from when until when."""

    supplier: Code
    product: Code
    valid_from: date
    valid_until: date
    minimum_quantity: Annotated[int, Field(gt=0)] = 1
    lead_time_days: Annotated[int, Field(ge=0, le=3_650)]
    currency: Currency
    unit_price: Money

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.valid_until < self.valid_from:
            raise ValueError(f"valid until {self.valid_until}, which is before {self.valid_from}")
        if not to_minor(self.unit_price, self.currency):
            raise ValueError("the price is 0")
        return self


class EvaluationRow(MasterRow):
    """A quality evaluation of a supplier on a day."""

    supplier: Code
    evaluated_on: date
    quality_system: Words
    method: Literal["sample_test", "site_visit"]
    passed: bool
    score: Score
    remarks: Text = ""
    recorded_by: Code


def save_suppliers(session: Session, rows: Sequence[SupplierRow]) -> None:
    """Make or update suppliers. Raises ValueError for one given twice."""
    _refuse_twice([row.code for row in rows])
    session.write(_SAVE, *columns([tuple(row.model_dump().values()) for row in rows], 9))


def save_quotations(session: Session, rows: Sequence[QuotationRow]) -> set[str]:
    """Make or update quotations; returns whom to wake. Raises ValueError for one given twice or of nobody we know."""
    _refuse_twice([f"{row.supplier} {row.product} {row.valid_from}" for row in rows])
    _refuse_unknown(session, {row.supplier for row in rows})
    values = [
        (
            row.product,
            row.supplier,
            row.valid_from,
            row.valid_until,
            row.minimum_quantity,
            row.lead_time_days,
            row.currency,
            to_minor(row.unit_price, row.currency),
        )
        for row in rows
    ]
    session.write(_QUOTE, *columns(values, 8))
    return {stock_key(row.product) for row in rows}


def save_evaluations(session: Session, rows: Sequence[EvaluationRow]) -> None:
    """Make or update evaluations. Raises ValueError for one given twice or of nobody we know."""
    _refuse_twice([f"{row.supplier} {row.evaluated_on}" for row in rows])
    _refuse_unknown(session, {row.supplier for row in rows})
    session.write(_EVALUATE, *columns([tuple(row.model_dump().values()) for row in rows], 8))


def _refuse_twice(keys: Iterable[str]) -> None:
    twice = sorted(key for key, count in Counter(keys).items() if count > 1)
    if twice:
        raise ValueError(f"given twice: {', '.join(twice)}")


def _refuse_unknown(session: Session, suppliers: Collection[str]) -> None:
    known = {row[0] for row in session.rows(_KNOWN, array(sorted(suppliers)))}
    if strange := sorted({*suppliers} - known):
        raise ValueError(f"no such supplier: {', '.join(strange)}")


MASTER: tuple[MasterFile[Any], ...] = (
    MasterFile("suppliers", SupplierRow, save_suppliers),
    MasterFile("supplier_quotations", QuotationRow, save_quotations),
    MasterFile("supplier_evaluations", EvaluationRow, save_evaluations),
)

_QUOTATIONS = """
select q.supplier, q.product, q.valid_from, q.valid_until, q.minimum_quantity, q.lead_time_days, q.currency,
    q.unit_price_minor
from unnest(%s::text[]) as w(product) join warehouse.supplier_quotations q on q.product = w.product
order by q.product, q.supplier, q.valid_from
"""
SUPPLIER = """s.code, s.active, s.capacity, s.punctuality, s.coordination, s.after_sales, s.technical_support,
    s.problem_solving, e.passed, e.score, s.receipts, s.late, s.delivered, s.bad
from warehouse.suppliers s
left join lateral (
    select passed, score from warehouse.supplier_evaluations e where e.supplier = s.code
    order by e.evaluated_at desc limit 1
) e on true"""
"""The columns of a `Supplier`, and where they come from."""
_SUPPLIERS = f"""
select {SUPPLIER}
where s.code in (
    select q.supplier
    from unnest(%s::text[]) as w(product) join warehouse.supplier_quotations q on q.product = w.product
)
"""  # noqa: S608 - a constant
_KNOWN = "select s.code from unnest(%s::text[]) as k(code) join warehouse.suppliers s on s.code = k.code"
_OFFERED = "select distinct product from warehouse.supplier_quotations where supplier = any(%s::text[])"
_EVALUATE = """
insert into warehouse.supplier_evaluations
    (supplier, evaluated_at, quality_system, method, passed, score, remarks, recorded_by)
select * from unnest(%s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::boolean[], %s::smallint[], %s::text[],
    %s::text[])
on conflict (supplier, evaluated_at) do update set quality_system = excluded.quality_system, method = excluded.method,
    passed = excluded.passed, score = excluded.score, remarks = excluded.remarks, recorded_by = excluded.recorded_by
"""
_QUOTE = """
insert into warehouse.supplier_quotations
    (product, supplier, valid_from, valid_until, minimum_quantity, lead_time_days, currency, unit_price_minor)
select v.*
from unnest(%s::text[], %s::text[], %s::date[], %s::date[], %s::bigint[], %s::int[], %s::text[], %s::bigint[])
    as v(product, supplier, valid_from, valid_until, minimum_quantity, lead_time_days, currency, unit_price_minor)
order by v.product, v.supplier, v.valid_from
on conflict (product, supplier, valid_from) do update set valid_until = excluded.valid_until,
    minimum_quantity = excluded.minimum_quantity, lead_time_days = excluded.lead_time_days,
    currency = excluded.currency, unit_price_minor = excluded.unit_price_minor
"""
_SAVE = """
insert into warehouse.suppliers (code, name, active, capacity, punctuality, coordination, after_sales,
    technical_support, problem_solving)
select v.* from unnest(%s::text[], %s::text[], %s::boolean[], %s::smallint[], %s::smallint[], %s::smallint[],
    %s::smallint[], %s::smallint[], %s::smallint[])
    as v(code, name, active, capacity, punctuality, coordination, after_sales, technical_support, problem_solving)
order by v.code
on conflict (code) do update set name = excluded.name, active = excluded.active, capacity = excluded.capacity,
    punctuality = excluded.punctuality, coordination = excluded.coordination, after_sales = excluded.after_sales,
    technical_support = excluded.technical_support, problem_solving = excluded.problem_solving
"""
