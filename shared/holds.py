"""Putting an order on hold (暂停) and resuming it: until then it makes no move forward, whatever anybody does.

Its next move waits at its step and is made when it is resumed. What takes it out of work (a withdrawal, a cancellation,
the purge, whose clock does not stop) goes on and ends the hold. Refused while a handling comment is owed (APR-16).
"""

from datetime import datetime

from messages.batch import Batch
from shared import comments
from shared.attempts import note_refused, without_role
from shared.authority import Refusal
from shared.database import Session
from shared.history import Kind
from shared.journal import Journal, hold_key
from shared.outbox import Announcement
from shared.roles import SALES
from shared.rulebook import Rulebook
from shared.runtime import wake_orders
from shared.standings import Standing, lock_standings
from shared.states import FINAL, WITH_CREATOR

MAY = SALES
"""Who may, beside the document's creator."""


def hold(session: Session, number: str, person: str, reason: str, rules: Rulebook, now: datetime) -> Refusal | None:
    """Put it on hold, or record why not (AUD-01)."""
    folder = _locked(session, number, rules)
    if folder is None:
        return Refusal("order.unknown", {"order": number})
    refusal = _may_not(session, folder, person) or _not_holdable(session, folder, reason, rules, now)
    if refusal:
        note_refused(session, now, person, "order.hold", number, refusal)
        return refusal
    session.write(_HOLD, person, folder.id)
    _tell(session, folder, Kind.HELD, person, reason, now)
    return None


def resume(
    session: Session, number: str, person: str, reason: str, rules: Rulebook, now: datetime
) -> tuple[Refusal | None, list[Batch]]:
    """Go on where it stands. The batches are to be published after the commit."""
    folder = _locked(session, number, rules)
    if folder is None:
        return Refusal("order.unknown", {"order": number}), []
    refusal = _may_not(session, folder, person)
    if refusal is None and folder.held_by is None:
        refusal = Refusal("hold.none", {"order": number, "state": folder.state})
    if refusal:
        note_refused(session, now, person, "order.resume", number, refusal)
        return refusal, []
    session.write(_HOLD, None, folder.id)
    _tell(session, folder, Kind.RESUMED, person, reason, now)
    return None, wake_orders(session, [hold_key(folder.id)], now)


def _locked(session: Session, number: str, rules: Rulebook) -> Standing | None:
    found = session.row("select order_id from core.order_headers where number = %s", number)
    folders = lock_standings(session, {found[0]} if found else set(), rules.definitions, rules.policies)
    return next(iter(folders.values()), None)


def _may_not(session: Session, folder: Standing, person: str) -> Refusal | None:
    return None if person == folder.document.creator else without_role(session, person, MAY)


def _not_holdable(session: Session, folder: Standing, reason: str, rules: Rulebook, now: datetime) -> Refusal | None:
    named = {"order": folder.document.number, "state": folder.state}
    if not reason.strip():
        return Refusal("hold.reason", named)
    if folder.state in FINAL | WITH_CREATOR or folder.closing is not None:
        return Refusal("hold.state", named)
    if folder.held_by is not None:
        return Refusal("hold.already", named | {"by": folder.held_by})
    if comments.uncommented(session, [folder], now, rules.overrides):
        return Refusal("comment.needed", named)
    return None


def _tell(session: Session, folder: Standing, kind: Kind, person: str, reason: str, now: datetime) -> None:
    journal, said = Journal(now), reason.strip()
    journal.note(folder, kind, None, person, {"reason": said} if said else {})
    body = {"schema_version": 1, "order": folder.document.number, "by": person, "reason": said or None}
    key = f"{folder.id}/{folder.version}"
    journal.announcements.append(Announcement(key, f"orderflow.order_{kind}", folder.document.number, now, body))
    journal.write(session)


_HOLD = "update core.orders set held_by = %s where id = %s"
