"""What logistics reads and keeps of goods that leave: delivery notes (发货单), shipments (物流追踪单), deliveries."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from messages.facts.logistics import Delivered
from shared.database import Session, array, columns
from shared.department import Booked, Finding, ReportedFact, Visit, effects_of, finding
from shared.numbering import take
from shared.outbox import Announcement, announce
from workers.logistics import notes
from workers.logistics.rules import Shipment

_SAVE_NOTES = """
insert into logistics.delivery_notes
    (number, order_id, customer, customer_name, address, country, region, carrier, issued_at, part)
select * from unnest(%s::text[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::timestamptz[], %s::smallint[])
"""
_SAVE_NOTE_LINES = """
insert into logistics.delivery_note_lines (note, order_id, line, quantity, product)
select * from unnest(%s::text[], %s::uuid[], %s::int[], %s::bigint[], %s::text[])
"""
_SAVE_SHIPMENTS = """
insert into logistics.shipments
    (tracking_number, note, order_id, carrier, packages, weight_grams, quantity, shipped_at, rest,
    documents)
select * from unnest(%s::text[], %s::text[], %s::uuid[], %s::text[], %s::int[], %s::bigint[], %s::bigint[],
    %s::timestamptz[], %s::bigint[], %s::text[])
"""
_RECALL = """
with recalled as (
    update logistics.shipments s set recalled_at = w.at
    from (
        select s.tracking_number, v.at from unnest(%s::uuid[], %s::timestamptz[]) as v(order_id, at)
        cross join lateral (
            select s.tracking_number from logistics.shipments s
            where s.order_id = v.order_id and s.recalled_at is null and s.delivered_at is null offset 0
        ) s
    ) w
    where s.tracking_number = w.tracking_number
    returning s.note, s.recalled_at
), notes as (
    update logistics.delivery_notes n set recalled_at = r.recalled_at from recalled r where n.number = r.note
)
update logistics.ordered_lines o set noted = o.noted - l.quantity
from (
    select l.order_id, l.line, sum(l.quantity) as quantity
    from recalled r join logistics.delivery_note_lines l on l.note = r.note group by l.order_id, l.line
) l
where o.order_id = l.order_id and o.line = l.line
"""
_SHIPPED = """
select s.order_id, s.tracking_number, s.recalled_at is null from unnest(%s::text[]) as w(tracking_number)
join logistics.shipments s on s.tracking_number = w.tracking_number
"""
# The first report counts. The clocks of carriers differ from ours: a delivery is never earlier than its shipment.
_DELIVER = """
update logistics.shipments s set delivered_at = coalesce(s.delivered_at, greatest(w.at, s.shipped_at))
from unnest(%s::text[], %s::timestamptz[]) as w(tracking_number, at)
where s.tracking_number = w.tracking_number
"""


def save_shipments(session: Session, effects: Sequence[object]) -> Collection[str]:
    """Write delivery notes and tracking slips, and tell the carriers and everybody else who listens. Wakes the notes
    that were approved: their goods have left.
    """
    shipments = effects_of(Shipment, effects)
    if not shipments:
        return ()
    now = shipments[0].shipped_at
    numbers = iter(take(session, "DN", now, sum(each.note is None for each in shipments)))
    numbered = [each.note.number if each.note else next(numbers) for each in shipments]
    slips = take(session, "TRK", now, len(shipments))
    made = [pair for pair in zip(numbered, shipments, strict=True) if pair[1].note is None]
    if made:
        _save_notes(session, made)
    dispatched = list(zip(slips, numbered, shipments, strict=True))
    session.write(_SAVE_SHIPMENTS, *columns([_shipment_row(*each) for each in dispatched], 10))
    announce(session, [_dispatched(*each) for each in dispatched])
    return [f"shipped:{each.note.id}" for each in shipments if each.note]


def _save_notes(session: Session, made: Sequence[tuple[str, Shipment]]) -> None:
    sent = [(note, shipment.order, _quantities(shipment)) for note, shipment in made]
    lines = [
        (note, order.id, line.number, quantities[line.number], line.product)
        for note, order, quantities in sent
        for line in order.lines
        if line.number in quantities
    ]
    session.write(_SAVE_NOTES, *columns([_note_row(*each) for each in made], 10))
    notes.count(session, [(order, quantities) for _, order, quantities in sent])
    session.write(_SAVE_NOTE_LINES, *columns(lines, 5))


def _quantities(shipment: Shipment) -> Mapping[int, int]:
    if shipment.quantities is not None:
        return shipment.quantities
    return {line.number: line.quantity for line in shipment.order.lines}


def _note_row(number: str, shipment: Shipment) -> tuple[object, ...]:
    order = shipment.order
    place = (order.delivery.address, order.delivery.country, order.delivery.region)
    customer = (order.customer.code, order.customer.name)
    return (number, order.id, *customer, *place, shipment.carrier, shipment.shipped_at, shipment.part)


def _shipment_row(tracking_number: str, note: str, shipment: Shipment) -> tuple[object, ...]:
    quantity = sum(_quantities(shipment).values())
    goods = (shipment.carrier, shipment.packages, shipment.weight_grams, quantity)
    return (tracking_number, note, shipment.order.id, *goods, shipment.shipped_at, shipment.rest, shipment.documents)


def _dispatched(tracking_number: str, note: str, shipment: Shipment) -> Announcement:
    return Announcement(
        f"{shipment.order.id}/{tracking_number}",
        "orderflow.shipment.dispatched",
        shipment.order.number,
        shipment.shipped_at,
        {
            "schema_version": 1,
            "order": shipment.order.number,
            "delivery_note": note,
            "tracking_number": tracking_number,
            "carrier": shipment.carrier,
            "packages": shipment.packages,
        },
    )


def recall_shipments(session: Session, visits: Sequence[Visit]) -> None:
    """Call back what has not been delivered, with its delivery note; what was delivered stays delivered."""
    session.write(_RECALL, *columns([(visit.order.id, visit.now) for visit in visits], 2))


def book_deliveries(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Deliveries (送达): the time of the first report counts, a repeat changes nothing. Refused where the order has no
    shipment of that number under way.
    """
    reports = [(fact, fact.body) for fact in facts if isinstance(fact.body, Delivered)]
    underway = under_way(session, {body.tracking_number for _, body in reports})
    delivered: dict[str, datetime] = {}
    wake: set[str] = set()
    refused: dict[str, Finding] = {}
    for fact, body in reports:
        if fact.order_id is None:
            refused[fact.id] = finding("delivery.order_unknown", body.order)
        elif (fact.order_id, body.tracking_number) not in underway:
            refused[fact.id] = finding("delivery.no_such_shipment", body.tracking_number, order=body.order)
        else:
            delivered.setdefault(body.tracking_number, body.occurred_at)
            wake.add(f"delivered:{fact.order_id}")
    deliver(session, delivered)
    return Booked(wake, refused)


def under_way(session: Session, numbers: Collection[str]) -> set[tuple[str, str]]:
    """Those shipments with these numbers that were not recalled, as (order, number)."""
    rows = session.rows(_SHIPPED, array(sorted({*numbers})))
    return {(order, number) for order, number, not_recalled in rows if not_recalled}


def deliver(session: Session, delivered: Mapping[str, datetime]) -> None:
    """Note when these shipments were delivered; the first report counts."""
    session.write(_DELIVER, *columns(sorted(delivered.items()), 2))
