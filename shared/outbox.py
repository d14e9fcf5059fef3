"""Messages for the outside world, written in the transaction that they tell of. The relay sends them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from messages.events import EVENT_SOURCE
from shared.database import Session


class Announcement(msgspec.Struct, frozen=True):
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
    if announcements:
        # One row whatever their number: it is written, read and deleted whole. JSON has no line breaks of its own.
        session.write(_INSERT, "\n".join(map(_cloud_event, announcements)), len(announcements))


def _cloud_event(each: Announcement) -> str:
    event: dict[str, Any] = {"specversion": "1.0", "id": each.event_id, "source": EVENT_SOURCE, "type": each.type}
    if each.subject is not None:
        event["subject"] = each.subject
    event["time"] = each.time
    event["datacontenttype"] = "application/json"
    if each.sequence is not None:
        event["sequence"] = each.sequence
    event["data"] = each.data
    return to_json(event)


def to_json(value: Any) -> str:
    """Compact JSON with every script readable; dates and times in ISO 8601."""
    return _ENCODER.encode(value).decode()


_ENCODER = msgspec.json.Encoder()
_INSERT = "insert into core.outbox (events, count) values (%s, %s)"
