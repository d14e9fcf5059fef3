"""Finding orders, contracts and delivery notes, finished ones included (AUD-02): by what stands in their headers, by
their products, by where they are. Read only, and by index: no table is read whole while orders move through it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from shared.calendar import BUSINESS_ZONE
from shared.database import Session
from shared.money import format_amount
from shared.tables import PRODUCTS


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; None is anything. Days are days of business, both included, of when it came in. Amounts are
    minor units, both included: of `currency`, or without one of the base currency.
    """

    number: str | None = None
    external_id: str | None = None
    customer: str | None = None
    product: str | None = None
    state: str | None = None
    kind: str | None = None
    sale_type: str | None = None
    creator: str | None = None
    since: date | None = None
    until: date | None = None
    currency: str | None = None
    at_least_minor: int | None = None
    at_most_minor: int | None = None


def find_orders(session: Session, search: Search, limit: int) -> list[dict[str, Any]]:
    """What was looked for, the newest first."""
    # A whole table is read faster only as long as nobody else works on it.
    for setting in NO_WHOLE_TABLES:
        session.write(setting)
    sql, values = query(search, limit)
    found = [dict(zip(_NAMES, row, strict=True)) for row in session.rows(sql, *values)]
    for each in found:
        each["total"] = format_amount(each["total_minor"], each["currency"], "en")
    return found


def query(search: Search, limit: int) -> tuple[str, list[object]]:
    """The statement and its values: only what is looked for is part of it, so that the indexes for that are used."""
    conditions = _conditions(search)
    where = " and ".join(condition for condition, _ in conditions) or "true"
    # Ids are made in the order of time, too; but only of the time itself is its index known to be in order.
    newest = "h.created_at" if search.since or search.until else "h.order_id"
    return _FIND.format(where, newest), [*(value for _, value in conditions), limit]


def _conditions(search: Search) -> Sequence[tuple[str, object]]:
    amount = "h.total_minor" if search.currency else "h.total_base_minor"
    possible = (
        ("h.number = %s", search.number),
        (_BY_EXTERNAL_ID, search.external_id),
        ("h.customer = %s", search.customer),
        (_BY_PRODUCT, search.product),
        ("o.state = %s", search.state),
        ("h.document_kind = %s", search.kind),
        ("h.sale_type = %s", search.sale_type),
        ("h.creator = %s", search.creator),
        ("h.created_at >= %s", search.since and _beginning(search.since)),
        ("h.created_at < %s", search.until and _beginning(search.until + timedelta(days=1))),
        ("h.currency = %s", search.currency),
        (f"{amount} >= %s", search.at_least_minor),
        (f"{amount} <= %s", search.at_most_minor),
    )
    return [(condition, value) for condition, value in possible if value is not None]


def _beginning(day: date) -> datetime:
    return datetime.combine(day, time(), BUSINESS_ZONE)


NO_WHOLE_TABLES = tuple(f"set local {way} = off" for way in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin"))
_NAMES = (
    "id", "document_kind", "number", "source", "external_id", "customer", "customer_name", "sale_type", "total_minor",
    "currency", "state", "round", "open", "definition", "version", "created_at", "updated_at",
)  # fmt: skip
# The conditions are those above; what is looked for is never part of them.
_FIND = """
select o.id, h.document_kind, h.number, h.source, h.external_id, h.customer, h.customer_name, h.sale_type,
    h.total_minor, h.currency, o.state, o.round, o.open, o.definition, o.version, h.created_at, o.updated_at
from core.order_headers h join core.orders o on o.id = h.order_id
where {}
order by {} desc limit %s
"""
_BY_PRODUCT = f"(o.id, o.revision) in (select order_id, revision from core.order_documents where {PRODUCTS} ? %s)"  # noqa: S608
# There are few sources, and each finds its own id by the key (source, external_id).
_BY_EXTERNAL_ID = """(h.source, h.external_id) in (
    with recursive sources as (
        select min(source) as source from core.order_headers
        union all
        select (select min(n.source) from core.order_headers n where n.source > s.source) from sources s
        where s.source is not null
    )
    select source, %s from sources where source is not null
)"""
