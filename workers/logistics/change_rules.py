"""Changes of approved delivery notes (发货单变更, LOG-05), pure: who is asked, and what becomes of the note."""

from dataclasses import dataclass
from datetime import date, datetime

from messages.delivery_notes import DeliveryNote
from shared.department import Finding, Outcome, Passed, Referred, Visit, Waiting, finding
from workers.logistics.note_rules import Approved, leave

DATE, CARRIER, END = "date", "carrier", "end"
DECIDERS = ("sales_supervisor", "finance_clerk", "finance_manager")
"""主管或财务处: only their agreement changes a note or ends it."""


@dataclass(frozen=True, slots=True)
class Change:
    """A request that nobody has answered yet: another day to leave, another carrier, or the note's end."""

    number: int
    change: str
    by: str
    reason: str
    ships_on: date | None = None
    carrier: str | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """Effect: supervisor or finance agreed to the change."""

    note: DeliveryNote
    change: Change
    at: datetime


def change_key(folder_id: str) -> str:
    """What an approved note waits for beside its goods to leave."""
    return f"change:{folder_id}"


def at_work(visit: Visit, document: DeliveryNote, shipped: str | None, change: Change | None) -> Outcome:
    """An approved note stays at work until its goods have left (LOG-04), or supervisor and finance agree to its end."""
    outcome = leave(document, shipped)
    if not isinstance(outcome, Waiting):
        return outcome
    keys = (*outcome.keys, change_key(document.id))
    if change is None:
        return Waiting(keys, effects=(Approved(document),))
    if not visit.agreed:
        return Referred((_asked(document, change),), roles=DECIDERS)
    agreed = (Changed(document, change, visit.now),)
    return Passed(agreed) if change.change == END else Waiting(keys, effects=agreed)


def _asked(document: DeliveryNote, change: Change) -> Finding:
    if change.change == DATE:
        day = change.ships_on.isoformat() if change.ships_on else ""
        return finding("note.date_change", document.number, ships_on=day, by=change.by, reason=change.reason)
    if change.change == CARRIER:
        return finding(
            "note.carrier_change", document.number, carrier=change.carrier, by=change.by, reason=change.reason
        )
    return finding("note.end_requested", document.number, by=change.by, reason=change.reason)
