"""Messages for the outside world, written in the transaction that they tell of. The relay sends them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pydantic_core

from shared.database import Session, columns

_INSERT = """
insert into core.outbox (event_id, type, subject, sequence, time, data)
select * from unnest(%s::text[], %s::text[], %s::text[], %s::int[], %s::timestamptz[], %s::json[])
"""


@dataclass(frozen=True, slots=True)
class Announcement:
    """One CloudEvent to be. `event_id` must be the same whenever the same thing is announced; `sequence` counts the
    events of one order and is None for what belongs to no order's history.
    """

    event_id: str
    type: str
    subject: str | None
    time: datetime
    data: Mapping[str, Any]
    sequence: int | None = None


def announce(session: Session, announcements: Sequence[Announcement]) -> None:
    """Queue announcements; nothing is sent unless the transaction commits."""
    if not announcements:
        return
    rows = [
        (each.event_id, each.type, each.subject, each.sequence, each.time, to_json(each.data)) for each in announcements
    ]
    session.write(_INSERT, *columns(rows, 6))


def to_json(value: Any) -> str:
    """Compact JSON with every script readable; dates and times in ISO 8601."""
    return pydantic_core.to_json(value).decode()
