"""What carriers report of shipments under way (LOG-06): kept with the tracking slip."""

from collections.abc import Sequence
from datetime import datetime

from messages.facts.logistics import CarrierReported
from shared.database import Session, columns
from shared.department import Booked, Finding, ReportedFact, finding
from workers.logistics.shipping import deliver, under_way

DELIVERED = "delivered"


def book(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Keep what is reported, once for each moment; a delivery counts as one that was reported on its own. Refused where
    the order has no shipment of that number under way.
    """
    reports = [(fact, fact.body) for fact in facts if isinstance(fact.body, CarrierReported)]
    known = under_way(session, {body.tracking_number for _, body in reports})
    refused: dict[str, Finding] = {}
    kept: list[tuple[ReportedFact, CarrierReported]] = []
    for fact, body in reports:
        if (fact.order_id, body.tracking_number) in known:
            kept.append((fact, body))
        else:
            refused[fact.id] = finding("delivery.no_such_shipment", body.tracking_number, order=body.order)
    rows = [(body.tracking_number, body.occurred_at, body.event, body.place, body.remarks) for _, body in kept]
    if rows:
        session.write(_KEEP, *columns(rows, 5))
    arrived = [(fact, body) for fact, body in kept if body.event == DELIVERED]
    deliver(session, {body.tracking_number: body.occurred_at for _, body in reversed(arrived)})
    return Booked([f"delivered:{fact.order_id}" for fact, _ in arrived], refused)


def of(session: Session, tracking_number: str) -> list[tuple[datetime, str, str, str]]:
    """Moment, event, place and remarks of one slip, in order."""
    return [(at, event, place, remarks) for at, event, place, remarks in session.rows(_READ, tracking_number)]


_KEEP = """
insert into logistics.carrier_events (tracking_number, at, event, place, remarks)
select * from unnest(%s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::text[]) on conflict do nothing
"""
_READ = """
select at, event, place, remarks from logistics.carrier_events where tracking_number = %s order by at, event
"""
