"""Purchases (采购, SUP-01, SUP-04): placed for an order's shortage, received, sent back, called off with the order."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from messages.facts.warehouse import PurchaseReceived, PurchaseReturned
from shared.calendar import BUSINESS_ZONE
from shared.database import Session, array, columns
from shared.department import Booked, Finding, ReportedFact
from shared.numbering import take
from shared.outbox import Announcement, announce, to_json
from workers.warehouse.earmarks import Arrival, take_in
from workers.warehouse.people import not_allowed, read_roles
from workers.warehouse.supplier_rules import Record
from workers.warehouse.suppliers import PURCHASING
from workers.warehouse.supply_rules import Bought, Purchase, refuse_receipt, refuse_return

DOCUMENTS = "PO"
"""What purchases are numbered by."""


def place(session: Session, bought: Sequence[Bought]) -> None:
    """Place purchases with the suppliers that were selected, and announce them. One round trip, for the numbers."""
    if not bought:
        return
    numbers = take(session, DOCUMENTS, bought[0].at, len(bought))
    rows = [_row(number, each) for number, each in zip(numbers, bought, strict=True)]
    session.write(_PLACE, *columns(rows, 12))
    announce(session, [_placed(number, each) for number, each in zip(numbers, bought, strict=True)])


def _row(number: str, each: Bought) -> tuple[object, ...]:
    demand, quotation = each.demand, each.chosen.quotation
    return (
        number,
        each.order_id,
        demand.product,
        demand.quantity,
        demand.needed_by,
        quotation.supplier,
        quotation.currency,
        quotation.unit_price_minor,
        each.chosen.expected_on,
        each.at,
        each.reason,
        to_json(each.comparison.as_data()),
    )


def _placed(number: str, each: Bought) -> Announcement:
    demand, quotation = each.demand, each.chosen.quotation
    body: Mapping[str, Any] = {
        "schema_version": 1,
        "purchase": number,
        "order": each.order_number,
        "supplier": quotation.supplier,
        "product": demand.product,
        "quantity": demand.quantity,
        "unit_price_minor": quotation.unit_price_minor,
        "currency": quotation.currency,
        "needed_by": demand.needed_by,
        "expected_on": each.chosen.expected_on,
    }
    return Announcement(f"{number}/placed", "orderflow.purchase.placed", number, each.at, body)


def call_off(session: Session, orders: Collection[str], now: datetime) -> None:
    """Cancel what is still open of these orders' purchases, and announce it: what arrives all the same is refused."""
    cancelled = session.rows(_CALL_OFF, now, array(sorted({*orders})))
    announce(
        session,
        [
            Announcement(
                f"{number}/cancelled",
                "orderflow.purchase.cancelled",
                number,
                now,
                {"schema_version": 1, "purchase": number, "supplier": supplier, "product": product, "quantity": open_},
            )
            for number, supplier, product, open_ in sorted(cancelled)
        ],
    )


# -- facts -------------------------------------------------------------------------------------------------------------


def book_receipts(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Goods against purchases (SUP-01): into stock, for the order that lacked them; the supplier's record goes on."""
    reports = [(fact, fact.body) for fact in facts if isinstance(fact.body, PurchaseReceived)]
    known = _lock(session, {body.purchase for _, body in reports})
    refused: dict[str, Finding] = {}
    taken: list[tuple[ReportedFact, PurchaseReceived, Purchase]] = []
    received: dict[str, int] = {}
    for fact, body in reports:
        purchase = known.get(body.purchase)
        so_far = received.get(body.purchase, 0)
        reason = refuse_receipt(purchase, body.purchase, so_far + body.quantity)
        if reason:
            refused[fact.id] = reason
            continue
        assert purchase is not None, "an unknown one is refused"
        received[body.purchase] = so_far + body.quantity
        taken.append((fact, body, purchase))
    if not taken:
        return Booked((), refused)
    now = facts[0].now
    session.write(_RECEIVE, now, *columns(sorted(received.items()), 2))
    session.write(_RECEIPT, *columns([_receipt(fact, body) for fact, body, _ in taken], 6))
    _count(session, [(purchase.supplier, _record(body, purchase)) for _, body, purchase in taken])
    arrived = [
        Arrival(purchase.order_id, purchase.product, body.location, body.quantity, purchase.number, fact.id)
        for fact, body, purchase in taken
        if body.quantity
    ]
    return Booked(take_in(session, now, arrived), refused)


def book_returns(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """What turned out bad later counts against the supplier (SUP-04)."""
    reports = [(fact, fact.body) for fact in facts if isinstance(fact.body, PurchaseReturned)]
    roles = read_roles(session, {body.by for _, body in reports})
    known = _lock(session, {body.purchase for _, body in reports})
    returned: dict[str, int] = dict(session.rows(_RETURNED, array(sorted(known))))
    refused: dict[str, Finding] = {}
    rows = []
    for fact, body in reports:
        reason = not_allowed(body.by, roles, PURCHASING, "inspector")
        total = returned.get(body.purchase, 0) + body.quantity
        reason = reason or refuse_return(known.get(body.purchase), body.purchase, total)
        if reason:
            refused[fact.id] = reason
        else:
            returned[body.purchase] = total
            rows.append((fact.id, body.purchase, body.quantity, body.reason, body.by))
    session.write(_RETURN, *columns(rows, 5))
    _count(session, [(known[number].supplier, Record(bad=quantity)) for _, number, quantity, _, _ in rows])
    return Booked((), refused)


def _lock(session: Session, numbers: Collection[str]) -> dict[str, Purchase]:
    """The purchases by number, locked after their orders, as everybody locks."""
    wanted = array(sorted({*numbers}))
    session.write(_LOCK_ORDERS, wanted)
    return {row[0]: Purchase(*row) for row in session.rows(_LOCK, wanted)}


def _receipt(fact: ReportedFact, body: PurchaseReceived) -> tuple[object, ...]:
    day = body.occurred_at.astimezone(BUSINESS_ZONE).date()
    return fact.id, body.purchase, day, body.quantity, body.failed, body.location


def _record(body: PurchaseReceived, purchase: Purchase) -> Record:
    """What a receipt adds to the supplier's record."""
    day = body.occurred_at.astimezone(BUSINESS_ZONE).date()
    return Record(1, int(day > purchase.expected_on), body.quantity + body.failed, body.failed)


def _count(session: Session, records: Sequence[tuple[str, Record]]) -> None:
    rows = [(supplier, each.receipts, each.late, each.delivered, each.bad) for supplier, each in records]
    session.write(_COUNT, *columns(rows, 5))


_PLACE = """
insert into warehouse.purchases (number, order_id, product, quantity, needed_by, supplier, currency, unit_price_minor,
    expected_on, placed_at, reason, comparison)
select * from unnest(%s::text[], %s::uuid[], %s::text[], %s::bigint[], %s::date[], %s::text[], %s::text[],
    %s::bigint[], %s::date[], %s::timestamptz[], %s::text[], %s::json[])
"""
_CALL_OFF = """
update warehouse.purchases p set closed_at = %s, cancelled = true
from unnest(%s::uuid[]) as o(id) where p.order_id = o.id and p.closed_at is null
returning p.number, p.supplier, p.product, p.quantity - p.received
"""
_LOCK_ORDERS = """
select from core.orders where id in (
    select p.order_id from unnest(%s::text[]) as k(number) join warehouse.purchases p on p.number = k.number
) order by id for update
"""
_LOCK = """
select p.number, p.order_id, p.product, p.quantity, p.supplier, p.expected_on, p.received, p.closed_at is not null
from unnest(%s::text[]) as k(number) join warehouse.purchases p on p.number = k.number
order by p.number for update of p
"""
_RECEIVE = """
with given as (select %s::timestamptz as at, v.* from unnest(%s::text[], %s::bigint[]) as v(number, quantity))
update warehouse.purchases p set received = p.received + g.quantity,
    closed_at = case when p.received + g.quantity = p.quantity then g.at end
from given g where p.number = g.number
"""
_RECEIPT = """
insert into warehouse.purchase_receipts (fact_id, number, received_on, quantity, failed, location)
select * from unnest(%s::uuid[], %s::text[], %s::date[], %s::bigint[], %s::bigint[], %s::text[])
"""
_RETURNED = """
select r.number, sum(r.quantity)::bigint
from unnest(%s::text[]) as k(number) join warehouse.purchase_returns r on r.number = k.number group by r.number
"""
_RETURN = """
insert into warehouse.purchase_returns (fact_id, number, quantity, reason, recorded_by)
select * from unnest(%s::uuid[], %s::text[], %s::bigint[], %s::text[], %s::text[])
"""
_COUNT = """
with counted as (
    select supplier as code, sum(receipts) as receipts, sum(late) as late, sum(delivered) as delivered, sum(bad) as bad
    from unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
        as v(supplier, receipts, late, delivered, bad)
    group by supplier order by supplier
)
update warehouse.suppliers s set receipts = s.receipts + c.receipts, late = s.late + c.late,
    delivered = s.delivered + c.delivered, bad = s.bad + c.bad
from counted c where s.code = c.code
"""
