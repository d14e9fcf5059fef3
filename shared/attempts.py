"""What people did or tried beside an order's history: who they are, and the one writer of the audit log (AUD-01)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.authority import Refusal
from shared.database import Session, array, columns
from shared.outbox import to_json

Line = tuple[str, str, str | None, Mapping[str, Any]]
"""Who, what, about what, and all that is to be known of it."""


def note(
    session: Session, now: datetime, person: str, action: str, subject: str | None, data: Mapping[str, Any]
) -> None:
    """Record what somebody did."""
    note_all(session, now, [(person, action, subject, data)])


def note_refused(
    session: Session, now: datetime, person: str, action: str, subject: str | None, refused: Refusal
) -> None:
    """Record what somebody tried and may not do."""
    note_all(session, now, [(person, action, subject, as_refused(refused))])


def note_all(session: Session, now: datetime, lines: Iterable[Line]) -> None:
    """Record all of it, in their order."""
    rows = [(person, action, subject, to_json(data)) for person, action, subject, data in lines]
    if rows:
        session.write(_NOTE, now, *columns(rows, 4))


def as_refused(refused: Refusal) -> dict[str, Any]:
    """As the audit log keeps it."""
    return {"refused": refused.code, **refused.values}


def stranger(session: Session, person: str) -> Refusal | None:
    """Why nothing is done for somebody who is no active member of staff."""
    known = session.row("select 1 from core.staff where id = %s and active", person)
    return None if known else Refusal("person.unknown", {"person": person})


def without_role(session: Session, person: str, roles: Sequence[str]) -> Refusal | None:
    """Why nothing is done for somebody who holds none of these roles, or is no active member of staff."""
    return all_without_role(session, {person}, roles).get(person)


def all_without_role(session: Session, people: Collection[str], roles: Sequence[str]) -> dict[str, Refusal]:
    """The same for many, by person; those who may are not in it."""
    held: dict[str, bool] = dict(session.rows(_HELD, array(roles), array(sorted(people)))) if people else {}
    refusals = {}
    for person in people:
        if person not in held:
            refusals[person] = Refusal("person.unknown", {"person": person})
        elif not held[person]:
            refusals[person] = Refusal("person.role", {"person": person, "roles": " ".join(roles)})
    return refusals


_HELD = "select id, roles && %s::text[] from core.staff where id = any(%s::text[]) and active"
_NOTE = """
insert into core.audit_log (at, actor, action, subject, data)
select %s, v.* from unnest(%s::text[], %s::text[], %s::text[], %s::json[]) as v
"""
