"""What people chose for shortages that nothing covers (WHS-05): kept, announced, and told to the customer."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from shared.database import Session, array, columns
from shared.department import effects_of
from shared.letters import Letter, write_letters
from shared.outbox import Announcement, announce
from shared.words import LANGUAGES, sentence
from workers.warehouse.remedy_rules import Remedied


def agreed_dates(session: Session, orders: Collection[str]) -> dict[str, date]:
    """The latest new date of each order that has one. One round trip."""
    return dict(session.rows(_DATES, array(sorted({*orders}))))


def save(session: Session, effects: Sequence[Any]) -> None:
    """Record the choices; the customers get a letter, and subscribers an event."""
    chosen = effects_of(Remedied, effects)
    if not chosen:
        return
    rows = [(each.order.id, each.at, each.remedy.kind, each.remedy.new_date) for each in chosen]
    session.write(_DECIDED, *columns(rows, 4))
    announce(session, [_decided(each) for each in chosen])
    write_letters(session, [_letter(each) for each in chosen])


def _decided(each: Remedied) -> Announcement:
    number = each.order.number
    body = {
        "schema_version": 1,
        "order": number,
        "remedy": each.remedy.kind,
        "new_date": each.remedy.new_date,
        "products": [product.subject for product in each.short],
    }
    key = f"{each.order.id}/shortage/{each.at.isoformat()}"
    return Announcement(key, "orderflow.shortage.decided", number, each.at, body)


def _letter(each: Remedied) -> Letter:
    values = {"new_date": each.remedy.new_date.isoformat() if each.remedy.new_date else ""}
    outcome = {language: sentence("remedies", each.remedy.kind, values, language) for language in LANGUAGES}
    lines = "\n".join(f"{line.subject}  {line.values['available']} / {line.values['needed']}" for line in each.short)
    key = each.at.isoformat()
    return Letter("shortage", each.order, each.round, each.at, {"outcome": outcome, "short": lines}, key)


_DATES = """
select distinct on (d.order_id) d.order_id, d.new_date
from unnest(%s::uuid[]) as o(id) join warehouse.shortage_decisions d on d.order_id = o.id
where d.remedy = 'date' order by d.order_id, d.at desc
"""
_DECIDED = """
insert into warehouse.shortage_decisions (order_id, at, remedy, new_date)
select * from unnest(%s::uuid[], %s::timestamptz[], %s::text[], %s::date[])
"""
