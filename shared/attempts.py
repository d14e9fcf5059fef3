"""What people did or tried beside an order's own history: who they are, and a line in the audit log (AUD-01)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.authority import Refusal
from shared.database import Session
from shared.outbox import to_json


def note(
    session: Session, now: datetime, person: str, action: str, subject: str | None, data: Mapping[str, Any]
) -> None:
    """Record what somebody did."""
    session.write(_NOTE, now, person, action, subject, to_json(data))


def note_refused(
    session: Session, now: datetime, person: str, action: str, subject: str | None, refused: Refusal
) -> None:
    """Record what somebody tried and may not do."""
    note(session, now, person, action, subject, {"refused": refused.code, **refused.values})


def stranger(session: Session, person: str) -> Refusal | None:
    """Why nothing is done for somebody who is no active member of staff."""
    known = session.row("select 1 from core.staff where id = %s and active", person)
    return None if known else Refusal("person.unknown", {"person": person})


_NOTE = "insert into core.audit_log (at, actor, action, subject, data) values (%s, %s, %s, %s, %s::json)"
