"""Where orders are, as customers and salespeople are told (TRK-02): state, expected date, and the goods on their way.

A customer sees the one order that a token is for, a salesperson all of their own, everybody else of the staff any.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from messages.orders import read_order
from shared.attempts import note_refused
from shared.authority import Refusal
from shared.database import Session, array

_SALESPERSON = "salesperson"
_GOODS = ("promised_date", "carrier", "tracking_number", "shipped_at", "delivered_at", "received_at")


def track(session: Session, number: str) -> dict[str, Any] | None:
    """What a customer may know of an order; None where there is no sales order of that number. Nothing of how it is
    decided, and nothing of anybody else's. Two round trips.
    """
    found = session.row(_ORDER, number)
    if found is None:
        return None
    order_id, state, document = found
    order = read_order(document)
    (goods,) = goods_of(session, [order_id]).values()
    expected: date = goods["promised_date"] or order.delivery_date or order.requested_date
    return {
        "order": number,
        "customer_order_number": order.customer_order_number,
        "state": state,
        "requested_date": order.requested_date,
        "expected_date": expected,
        **{name: goods[name] for name in _GOODS[1:]},
    }


def goods_of(session: Session, order_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Where the goods of each order are, by its id. One round trip."""
    rows = session.rows(_LOGISTICS, array(order_ids))
    return {row[0]: dict(zip(_GOODS, row[1:], strict=True)) for row in rows}


def may_not_track(session: Session, person: str, number: str, now: datetime) -> Refusal | None:
    """Why somebody of the staff is not shown the order: a salesperson sees the orders that they made."""
    row = session.row(_MAY, number, person)
    refused = None
    if row is None:
        refused = Refusal("person.unknown", {"person": person})
    elif row[1] == [_SALESPERSON] and row[0] != person:
        refused = Refusal("order.not_theirs", {"person": person, "order": number})
    if refused:
        note_refused(session, now, person, "order.track", number, refused)
    return refused


_ORDER = """
select o.id, o.state, d.document
from core.order_headers h join core.orders o on o.id = h.order_id
join core.order_documents d on d.order_id = o.id and d.revision = o.revision
where h.number = %s and h.document_kind = 'order'
"""
# Views of other departments are asked for one order at a time: joined, they might be read whole.
_LOGISTICS = """
select w.id, s.promised_date, s.carrier, s.tracking_number, s.shipped_at, s.delivered_at, r.confirmed_at
from unnest(%s::uuid[]) as w(id)
left join lateral (
    select * from logistics.shipment_status s where s.order_id = w.id order by s.shipped_at desc nulls last limit 1
) s on true
left join lateral (select * from after_sales.receipt_status r where r.order_id = w.id limit 1) r on true
"""
_MAY = """
select h.creator, s.roles from core.staff s left join core.order_headers h on h.number = %s
where s.id = %s and s.active
"""
