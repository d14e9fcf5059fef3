"""What was not accepted: kept with its bytes and every reason, and told to whoever listens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from messages.events import FieldError
from shared.database import Session, columns
from shared.ids import new_id
from shared.outbox import Announcement, to_json
from workers.intake.parse import Submission


@dataclass(frozen=True, slots=True)
class Refusal:
    """`kind`: order or conflict (the same order with other content), fact or fact_conflict."""

    kind: str
    submission: Submission
    source: str | None
    external_id: str | None
    errors: tuple[FieldError, ...]


def record(session: Session, refusals: Sequence[Refusal], now: datetime) -> list[Announcement]:
    """Store all of them; returns the events that tell of them."""
    rows, told = [], []
    for refusal in refusals:
        refusal_id = new_id()
        errors = [error.model_dump() for error in refusal.errors]
        rows.append(
            (
                refusal_id,
                now,
                refusal.kind,
                refusal.submission.origin,
                refusal.source,
                refusal.external_id,
                to_json(errors),
                refusal.submission.kept,
            )
        )
        data = {
            "schema_version": 1,
            "source": refusal.source,
            "external_id": refusal.external_id,
            "refusal": refusal_id,
            "errors": errors,
        }
        told.append(Announcement(refusal_id, f"orderflow.{_SUBJECT[refusal.kind]}.refused", None, now, data))
    if rows:
        session.write(_REFUSALS, *columns(rows, 8))
    return told


_SUBJECT = {"order": "submission", "conflict": "submission", "fact": "fact", "fact_conflict": "fact"}
KINDS = tuple(_SUBJECT)
"""Of refusals."""

_REFUSALS = """
insert into core.refusals (id, at, kind, origin, source, external_id, errors, raw)
select * from unnest(%s::uuid[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::text[], %s::json[],
    %s::bytea[])
"""
