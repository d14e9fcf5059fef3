"""Dead letters: what was set aside, and what a person does about it, which is recorded (PLT-04, PLT-06)."""

from collections.abc import Sequence
from datetime import datetime

from messages.batch import Batch, BatchKind
from messages.folders import size_of
from shared.attempts import note
from shared.batches import Ref
from shared.catalogue import Catalogue
from shared.database import Session, array
from shared.history import Kind
from shared.journal import Journal
from shared.policy import Policy
from shared.processes import Definition
from shared.standings import lock_standings


def replay(
    session: Session,
    ids: Sequence[str],
    person: str,
    definitions: Catalogue[Definition],
    policies: Catalogue[Policy],
    now: datetime,
) -> tuple[int, list[Batch]]:
    """Put the steps and facts of these dead letters back into their departments' queues; returns how many.

    A message that could not be read names nothing to be done: it can only be discarded.
    """
    rows = session.rows(_LOCK, array(sorted(set(ids))))
    subjects = {row[3] for row in rows if row[2] == BatchKind.STEPS}
    folders = lock_standings(session, subjects, definitions, policies)
    journal = Journal(now)
    replayed = []
    for letter, department, kind, subject, round_, step, task in rows:
        if kind == BatchKind.FACTS:
            journal.send(department, Ref(subject, 0, "replay"), BatchKind.FACTS)
        elif kind == BatchKind.STEPS and subject in folders:
            folder = folders[subject]
            if folder.round != round_ or step not in folder.open:
                continue
            journal.note(folder, Kind.REPLAYED, step, person, {"dead_letter": letter})
            journal.send(department, Ref(subject, round_, step, task, size_of(folder.document)))
        else:
            continue
        replayed.append(letter)
    _resolve(session, replayed, "replayed", person, now)
    return len(replayed), journal.write(session)


def discard(session: Session, ids: Sequence[str], person: str, reason: str, now: datetime) -> int:
    """Give up unreadable messages and facts. An order's step is never discarded: the order would be without an owner;
    cancel the order instead. Returns how many were discarded.
    """
    rows = session.rows(_LOCK, array(sorted(set(ids))))
    given_up = [row[0] for row in rows if row[2] != BatchKind.STEPS]
    _resolve(session, given_up, "discarded", person, now, reason)
    return len(given_up)


def _resolve(
    session: Session, ids: Sequence[str], resolution: str, person: str, now: datetime, reason: str = ""
) -> None:
    if not ids:
        return
    session.write(_RESOLVE, resolution, now, person, array(ids))
    note(session, now, person, f"dead_letter.{resolution}", None, {"ids": list(ids), "reason": reason})


_LOCK = """
select id, department, kind, subject_id, round, step, task_id from core.dead_letters
where id = any(%s::uuid[]) and resolution is null order by id for update
"""
_RESOLVE = """
update core.dead_letters set resolution = %s, resolved_at = %s, resolved_by = %s where id = any(%s::uuid[])
"""
