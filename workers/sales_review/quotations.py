"""Quotations (报价, INT-03): made, accepted once, and found. The order made from one copies its prices."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from messages.events import FieldError
from messages.quotations import QuotationOffered
from shared.attempts import note_refused, without_role
from shared.authority import Refusal
from shared.calendar import BUSINESS_ZONE
from shared.database import Session, array, columns
from shared.money import MoneyError, from_minor, line_amount, to_minor
from shared.numbering import take
from shared.policy import Policy
from shared.roles import SALES


def make(
    session: Session, offer: QuotationOffered, person: str, policy: Policy, now: datetime
) -> tuple[str | None, list[FieldError], Refusal | None]:
    """A new quotation's number; or every bad field; or why this person may not make one."""
    refused = without_role(session, person, SALES)
    if refused:
        note_refused(session, now, person, "quotation.make", offer.customer, refused)
        return None, [], refused
    today = now.astimezone(BUSINESS_ZONE).date()
    faults = _faults(session, offer, today)
    if faults:
        return None, faults, None
    (number,) = take(session, "QT", now, 1)
    expires = offer.expires_on or today + timedelta(days=policy.quotation_validity_days)
    session.write(_INSERT, number, offer.customer, offer.currency, offer.description, person, now, expires)
    lines = [
        (place, line.product, line.quantity, to_minor(line.unit_price, offer.currency), line.description)
        for place, line in enumerate(offer.lines, 1)
    ]
    session.write(_INSERT_LINES, number, *columns(lines, 5))
    return number, [], None


def accept(session: Session, number: str, person: str, by: str, now: datetime) -> Refusal | None:
    """The customer accepts (`by`: who of them said so; `person` heard it): from now on its prices are agreed."""
    refused = _not_acceptable(session, number, person, now)
    if refused:
        note_refused(session, now, person, "quotation.accept", number, refused)
        return refused
    session.write(_ACCEPT, now, by or person, number)
    session.write(_DESCRIBE, number)
    return None


def agreed_prices(session: Session, numbers: Sequence[str]) -> dict[str, dict[str, int]]:
    """The agreed price of each product, by accepted quotation."""
    agreed: dict[str, dict[str, int]] = {}
    for number, product, price in session.rows(_AGREED, array(sorted({*numbers}))):
        agreed.setdefault(number, {})[product] = price
    return agreed


def find(
    session: Session, *, customer: str | None, status: str | None, today: date, limit: int
) -> list[dict[str, Any]]:
    """Quotations, the newest first. `status`: open, accepted, expired or ordered."""
    rows = session.rows(_FIND, today, customer, customer, status, status, limit)
    names = ("number", "customer", "currency", "description", "made_by", "expires_on", "accepted_at", "accepted_by")
    return [dict(zip((*names, "order", "status"), row, strict=True)) for row in rows]


def whole(session: Session, number: str, today: date) -> dict[str, Any] | None:
    """One quotation with its lines."""
    row = session.row(_ONE, today, number)
    if row is None:
        return None
    names = ("number", "customer", "currency", "description", "made_by", "expires_on", "accepted_at", "accepted_by")
    found = dict(zip((*names, "order", "status"), row, strict=True))
    lines = [
        {
            "product": product,
            "quantity": quantity,
            "unit_price": str(from_minor(price, found["currency"])),
            "description": description,
        }
        for product, quantity, price, description in session.rows(_LINES, number)
    ]
    return found | {"lines": lines}


def order_from(quotation: Mapping[str, Any], customer: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The order that is made from an accepted quotation, as it is submitted: products, quantities and prices copied."""
    currency = quotation["currency"]
    lines = [{name: line[name] for name in ("product", "quantity", "unit_price")} for line in quotation["lines"]]
    total = sum(
        line_amount(line["quantity"], to_minor(Decimal(line["unit_price"]), currency), 0) for line in quotation["lines"]
    )
    return {
        "schema_version": 1,
        "source": "quotation",
        "external_id": quotation["number"],
        "customer": {"code": quotation["customer"], "name": customer["name_zh"]},
        "sale_type": customer["sale_type"],
        "currency": currency,
        "lines": lines,
        "total": str(from_minor(total, currency)),
        "quotation": quotation["number"],
        **more,
    }


def _faults(session: Session, offer: QuotationOffered, today: date) -> list[FieldError]:
    faults = []
    known, products = session.together(
        (_CUSTOMER, (offer.customer,)), (_PRODUCTS, (array(sorted({line.product for line in offer.lines})),))
    )
    if not known:
        faults.append(_fault("customer", "unknown_customer", f"no customer {offer.customer}"))
    if offer.expires_on and offer.expires_on < today:
        faults.append(_fault("expires_on", "in_the_past", f"{offer.expires_on} is before today, {today}"))
    times = Counter(line.product for line in offer.lines)
    for place, line in enumerate(offer.lines):
        if (line.product,) not in products:
            faults.append(_fault(f"lines.{place}.product", "unknown_product", f"no product {line.product}"))
        elif times[line.product] > 1:
            faults.append(_fault(f"lines.{place}.product", "twice", f"{line.product} is quoted twice"))
        try:
            to_minor(line.unit_price, offer.currency)
        except MoneyError as error:
            faults.append(_fault(f"lines.{place}.unit_price", "amount", str(error)))
    return faults


def _fault(field: str, code: str, reason: str) -> FieldError:
    return FieldError(field=field, code=code, reason=reason)


def _not_acceptable(session: Session, number: str, person: str, now: datetime) -> Refusal | None:
    refused = without_role(session, person, SALES)
    if refused:
        return refused
    row = session.row(_LOCK, number)
    if row is None:
        return Refusal("quotation.unknown", {"quotation": number})
    expires_on, accepted_at, accepted_by = row
    if accepted_at is not None:
        return Refusal("quotation.accepted", {"quotation": number, "by": accepted_by, "at": accepted_at.isoformat()})
    if expires_on < now.astimezone(BUSINESS_ZONE).date():
        return Refusal("quotation.expired", {"quotation": number, "expires_on": expires_on.isoformat()})
    return None


_CUSTOMER = "select 1 from sales_review.customers where code = %s"
_PRODUCTS = """
select p.code from unnest(%s::text[]) as w(code) join sales_review.products p on p.code = w.code and p.active
"""
_INSERT = """
insert into sales_review.quotations (number, customer, currency, description, made_by, made_at, expires_on)
values (%s, %s, %s, %s, %s, %s, %s)
"""
_INSERT_LINES = """
insert into sales_review.quotation_lines (quotation, line, product, quantity, unit_price_minor, description)
select %s, v.* from unnest(%s::smallint[], %s::text[], %s::int[], %s::bigint[], %s::text[]) as v
"""
_LOCK = "select expires_on, accepted_at, accepted_by from sales_review.quotations where number = %s for update"
_ACCEPT = "update sales_review.quotations set accepted_at = %s, accepted_by = %s where number = %s"
# The product's data as they are on the day of the agreement; a description that was quoted stays.
_DESCRIBE = """
update sales_review.quotation_lines l set description = p.name_zh || ' / ' || p.name_en
from sales_review.products p where l.quotation = %s and p.code = l.product and l.description = ''
"""
_AGREED = """
select q.number, l.product, l.unit_price_minor
from unnest(%s::text[]) as w(number) join sales_review.quotations q on q.number = w.number
join sales_review.quotation_lines l on l.quotation = q.number where q.accepted_at is not null
"""
_STATUS = """
    select q.number, q.customer, q.currency, q.description, q.made_by, q.expires_on, q.accepted_at, q.accepted_by,
        h.number as "order", case
            when u.order_id is not null then 'ordered'
            when q.expires_on < %s then 'expired'
            when q.accepted_at is not null then 'accepted'
            else 'open'
        end as status
    from sales_review.quotations q left join core.quotation_uses u on u.quotation = q.number
    left join core.order_headers h on h.order_id = u.order_id
"""
_FIND = f"""
select * from ({_STATUS}) as s
where (%s::text is null or s.customer = %s) and (%s::text is null or s.status = %s) order by s.number desc limit %s
"""  # noqa: S608 - a constant
_ONE = f"select * from ({_STATUS}) as s where s.number = %s"  # noqa: S608 - a constant
_LINES = """
select product, quantity, unit_price_minor, description from sales_review.quotation_lines
where quotation = %s order by line
"""
