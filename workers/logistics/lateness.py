"""Orders that have not left by the day that was promised (LOG-11): marked once, and told of."""

from collections.abc import Sequence
from datetime import date, datetime

from messages.orders import Order, read_order
from shared import notices
from shared.calendar import BUSINESS_ZONE
from shared.database import Session, columns
from shared.letters import LATE_NOTICE, Letter, write_letters
from shared.outbox import Announcement, announce, to_json


def mark(session: Session, now: datetime, limit: int) -> int:
    """Mark up to `limit` orders, once for each day that was promised: sales are told, the customer is written to, and
    subscribers have an event. The day itself is in time. Returns how many.
    """
    today = now.astimezone(BUSINESS_ZONE).date()
    late = [(read_order(row[0]), row[1], row[2]) for row in session.rows(_LATE, today, limit)]
    if not late:
        return 0
    session.write(_MARK, now, *columns([(order.id, day) for order, _, day in late], 2))
    notices.write(session, [each for order, _, day in late for each in _notices(order, day)], now)
    promised = [(order, round_, {"promised_date": day.isoformat()}) for order, round_, day in late]
    write_letters(
        session,
        [Letter(LATE_NOTICE, order, round_, now, day, day["promised_date"]) for order, round_, day in promised],
    )
    announce(session, [_event(order, day, now) for order, _, day in late])
    return len(late)


def _notices(order: Order, day: date) -> Sequence[notices.Notice]:
    text = to_json({"order": order.number, "promised_on": day})
    told = dict.fromkeys((order.creator, "department:sales_review", "department:logistics"))
    return [notices.Notice(f"{order.id}/late/{day}", each, order.id, notices.LATE, text) for each in told]


def _event(order: Order, day: date, now: datetime) -> Announcement:
    body = {"schema_version": 1, "order": order.number, "promised_on": day.isoformat()}
    return Announcement(f"{order.id}/late/{day}", "orderflow.shipment.late", order.number, now, body)


# Approved orders that are at work stand with people, wait, or are set aside: no index over all orders is needed.
_LATE = """
select d.document, o.round, late.day
from (
    select order_id from core.waits union select order_id from core.user_tasks where status = 'open'
    union select subject_id from core.dead_letters where kind = 'steps' and resolution is null
) w
join core.orders o on o.id = w.order_id and o.state in ('approved', 'reserved', 'prepared')
join core.order_headers h on h.order_id = o.id and h.document_kind = 'order'
join core.order_documents d on d.order_id = o.id and d.revision = o.revision
cross join lateral (
    select coalesce(
        (select p.promised_on from logistics.promises p where p.order_id = o.id and p.withdrawn_at is null),
        (select p.promised_date from logistics.plans p where p.order_id = o.id and p.withdrawn_at is null),
        h.delivery_date, h.requested_date
    ) as day
) late
where late.day < %s and not exists (
    select from logistics.late_orders l where l.order_id = o.id and l.promised_on = late.day
)
order by o.id limit %s for update of o skip locked
"""
_MARK = """
insert into logistics.late_orders (marked_at, order_id, promised_on)
select %s, * from unnest(%s::uuid[], %s::date[]) on conflict do nothing
"""
