"""Withdrawal (撤回): the creator takes a document back before anybody has decided about it in this round."""

from collections.abc import Collection, Mapping
from datetime import datetime

from messages.batch import Batch
from shared.attempts import note_refused
from shared.catalogue import Catalogue
from shared.database import Session, array
from shared.history import Kind
from shared.journal import Journal
from shared.policy import Policy
from shared.processes import Definition
from shared.standings import Standing, lock_standings
from shared.states import State
from shared.tasks import Refusal

Decided = Mapping[str, str]
"""By order, who has decided something about it since it was handed in."""


def withdraw(
    session: Session,
    number: str,
    person: str,
    reason: str,
    definitions: Catalogue[Definition],
    policies: Catalogue[Policy],
    now: datetime,
) -> tuple[Refusal | None, list[Batch]]:
    """Follow the creator's wish, or record why not (AUD-01). The batches are to be published after the commit."""
    found = session.row("select order_id from core.order_headers where number = %s", number)
    folders = lock_standings(session, {found[0]} if found else set(), definitions, policies)
    if not folders:
        return Refusal("order.unknown", {"order": number}), []
    folder = next(iter(folders.values()))
    refusal = refused(folder, person, who_decided(session, folders))
    journal = Journal(now)
    if refusal:
        note_refused(session, now, person, "order.withdraw", number, refusal)
    else:
        take_back(journal, folder, person, reason)
    return refusal, journal.write(session)


def take_back(journal: Journal, folder: Standing, person: str, reason: str) -> None:
    """Back to the creator, once what was obtained is undone."""
    journal.send_back(folder, Kind.WITHDRAWN, person, {"reason": reason.strip() or "withdrawn"})


def refused(folder: Standing, person: str, decided: Decided) -> Refusal | None:
    """Why the document cannot be withdrawn: by another than its creator, after a decision, or not in review."""
    number = folder.document.number
    if person != folder.document.creator:
        return Refusal("withdrawal.creator", {"order": number, "creator": folder.document.creator})
    if folder.state is not State.IN_REVIEW or folder.closing:
        return Refusal("withdrawal.state", {"order": number, "state": folder.state})
    if folder.id in decided:
        return Refusal("withdrawal.decided", {"order": number, "by": decided[folder.id]})
    return None


def who_decided(session: Session, ids: Collection[str]) -> Decided:
    """Of orders locked by this transaction. A decision that is being written is waited for, and no other can begin."""
    wanted = array(sorted(ids))
    session.write(_LOCK_OPEN, wanted)
    return dict(session.rows(_DECIDED, wanted))


_LOCK_OPEN = """
select 1 from core.user_tasks where order_id = any(%s::uuid[]) and status = 'open' order by id for update
"""
_DECIDED = """
select t.order_id, min(t.decided_by) from core.user_tasks t join core.orders o on o.id = t.order_id
where t.order_id = any(%s::uuid[]) and t.status = 'decided' and t.submitted_at = o.submitted_at
group by t.order_id
"""
