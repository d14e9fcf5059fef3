"""What people look up of logistics: shipments with what they carry, delivery notes with changes asked for, promises."""

import json
from collections.abc import Sequence
from typing import Any

from shared.database import Row, Session


def shipments(session: Session, *, number: str | None, order: str | None, limit: int) -> list[dict[str, Any]]:
    """Tracking slips (物流追踪单), the newest first; `rest` units of the order had yet to leave."""
    names = ("number", "order", "note", "carrier", "packages", "weight_grams", "quantity", "rest", "shipped_at",
             "delivered_at", "recalled_at", "documents", "lines")  # fmt: skip
    rows = session.rows(_SHIPMENTS, number, number, order, order, limit)
    return [_read(names, row) for row in rows]


def notes(session: Session, *, number: str | None, order: str | None, limit: int) -> list[dict[str, Any]]:
    """Delivery notes (发货单), the newest first. `state` of their own approval, null where they need none."""
    names = ("number", "order", "part", "carrier", "ships_on", "issued_at", "recalled_at", "state", "lines", "changes")
    rows = session.rows(_NOTES, number, number, order, order, limit)
    return [_read(names, row) for row in rows]


def promises(session: Session, order: str) -> list[dict[str, Any]]:
    """Every delivery date that was proposed for the order, in order, with what was answered."""
    names = ("number", "promised_on", "parties", "by", "reason", "proposed_at", "withdrawn_at", "answers")
    return [_read(names, row) for row in session.rows(_PROMISES, order)]


def _read(names: Sequence[str], row: Row) -> dict[str, Any]:
    """A row by its names; what is a list in it is written as JSON."""
    found = dict(zip(names, row, strict=True))
    return found | {name: [json.loads(each) for each in found[name]] for name in _LISTS if name in found}


_LISTS = ("lines", "changes", "answers")


_LINES = """array(
    select json_build_object('line', l.line, 'product', l.product, 'quantity', l.quantity)
    from logistics.delivery_note_lines l where l.note = n.number order by l.line
)"""
_SHIPMENTS = f"""
select s.tracking_number, h.number, s.note, s.carrier, s.packages, s.weight_grams, s.quantity, s.rest, s.shipped_at,
    s.delivered_at, s.recalled_at, s.documents, {_LINES}
from logistics.shipments s join logistics.delivery_notes n on n.number = s.note
join core.order_headers h on h.order_id = s.order_id
where (%s::text is null or s.tracking_number = %s) and (%s::text is null or h.number = %s)
order by s.shipped_at desc, s.tracking_number desc limit %s
"""  # noqa: S608 - a constant
_NOTES = f"""
select n.number, h.number, n.part, n.carrier, n.ships_on, n.issued_at, n.recalled_at, o.state, {_LINES}, array(
    select json_build_object('number', c.number, 'change', c.change, 'ships_on', c.ships_on, 'carrier', c.carrier,
        'reason', c.reason, 'by', c.by, 'answer', c.answer)
    from logistics.note_changes c where c.note = n.number order by c.number
)
from logistics.delivery_notes n join core.order_headers h on h.order_id = n.order_id
left join core.orders o on o.id = n.folder_id
where (%s::text is null or n.number = %s) and (%s::text is null or h.number = %s)
order by n.issued_at desc, n.number desc limit %s
"""  # noqa: S608 - a constant
_PROMISES = """
select p.number, p.promised_on, p.parties, p.by, p.reason, p.proposed_at, p.withdrawn_at, array(
    select json_build_object('party', a.party, 'agreed', a.agreed, 'by', a.by, 'wanted', a.wanted, 'at', a.at)
    from logistics.promise_answers a where a.order_id = p.order_id and a.number = p.number order by a.at, a.party
)
from logistics.promises p join core.order_headers h on h.order_id = p.order_id
where h.number = %s order by p.number
"""
