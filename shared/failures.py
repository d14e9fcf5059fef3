"""What becomes of a batch that failed: split until the culprit stands alone, then retried, then set aside."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from pydantic import ValidationError

from messages.batch import Batch, BatchKind
from shared.anchors import COMMIT
from shared.batches import Ref, write_batches
from shared.catalogue import DefinitionError
from shared.database import Database, Row, Session, columns
from shared.department import Unworkable
from shared.history import SYSTEM, Kind, link, microseconds
from shared.ids import new_id
from shared.journal import IllegalMove
from shared.outbox import to_json

log = structlog.get_logger()

_HOPELESS = (Unworkable, ValidationError, msgspec.ValidationError, DefinitionError, IllegalMove)
_DETAIL = 2_000


def retry_after(attempt: int, error: BaseException) -> timedelta | None:
    """How long to wait before the next try of a lone order, after `attempt` failures; None: it can never succeed."""
    if isinstance(error, _HOPELESS):
        return None
    return timedelta(seconds=min(300.0, 0.5 * 4.0 ** (attempt - 1)))


def record_failure(database: Database, batch: Batch, error: Exception, limit: int, now: datetime) -> list[Batch]:
    """Split the batch, schedule its next try, or make it a dead letter; returns what to publish. (PLT-04)"""
    with database.transaction() as session:
        row = session.row(_LOCK, batch.id)
        if row is None:
            return []
        ids, rounds, steps, tasks, attempts = row
        refs = [Ref(*each) for each in zip(ids, rounds, steps, tasks or [None] * len(ids), strict=True)]
        if len(refs) > 1:
            return split(session, batch, refs, now, 2)
        attempts += 1
        delay = retry_after(attempts, error)
        if delay is None or attempts >= limit:
            bury(session, batch, refs[0], attempts, type(error).__name__, str(error), now)
        else:
            session.write(_RETRY, attempts, now + delay, _shown(error), batch.id)
        return []


def split(session: Session, batch: Batch, refs: Sequence[Ref], now: datetime, parts: int) -> list[Batch]:
    """Up to so many batches instead of one, in this transaction. None has an attempt yet: which of them is to blame
    shows once it fails alone, and its neighbours are never counted what it did.
    """
    session.write("delete from core.batches where id = %s", batch.id)
    size = -(-len(refs) // parts)
    messages = []
    for begin in range(0, len(refs), size):
        messages += write_batches(session, {(batch.department, batch.kind): list(refs[begin : begin + size])}, now)
    return messages


def bury(session: Session, batch: Batch, ref: Ref, attempts: int, reason: str, detail: str, now: datetime) -> None:
    """Make a lone order's step, or a fact, a dead letter with its reason; nothing is left to publish."""
    session.write("delete from core.batches where id = %s", batch.id)
    if batch.kind is BatchKind.STEPS:
        found = session.row(_STANDING, ref.id)
        if found is None or found[1] != ref.round or ref.step not in found[2]:
            return
        _note_death(session, ref, found, reason, attempts, now)
    round_, step = (ref.round, ref.step) if batch.kind is BatchKind.STEPS else (None, None)
    session.write(
        _BURY, new_id(), now, batch.department, batch.kind, ref.id, round_, step, ref.task, reason, detail[:_DETAIL],
        attempts,
    )  # fmt: skip
    log.error("dead letter", department=batch.department, subject=ref.id, step=step, reason=reason)


def bury_message(database: Database, department: str, raw: bytes, reason: str, now: datetime) -> None:
    """Keep a message that could not be read, with its bytes. It names no order, so no order is held up by it."""
    with database.transaction() as session:
        session.write(_BURY_RAW, new_id(), now, department, reason[:_DETAIL], raw)
    log.error("unreadable message set aside", department=department, reason=reason, size=len(raw))


def _note_death(session: Session, ref: Ref, found: Row, reason: str, attempts: int, now: datetime) -> None:
    version, round_, _, state, head = found
    data: dict[str, Any] = {"reason_code": reason, "attempts": attempts}
    text = to_json(data)
    words = (Kind.DEAD_LETTERED, ref.step, SYSTEM, state)
    head = link(head, ref.id, version + 1, microseconds(now), words, round_, text)
    line = (ref.id, version + 1, now, Kind.DEAD_LETTERED, round_, ref.step, SYSTEM, state, text, head)
    session.write(_EVENT, *columns([line], 10))
    session.write(_MOVE, ref.id, version + 1, head, now)


def _shown(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:_DETAIL]


_LOCK = "select ids, rounds, steps, tasks, attempts from core.batches where id = %s for update"
_RETRY = "update core.batches set attempts = %s, due_at = %s, error = %s where id = %s"
_STANDING = "select version, round, open, state, head from core.orders where id = %s for update"
_EVENT = """
insert into core.events (order_id, seq, at, kind, round, step, actor, state, data, hash)
select * from unnest(%s::uuid[], %s::int[], %s::timestamptz[], %s::text[], %s::smallint[], %s::text[], %s::text[],
    %s::text[], %s::json[], %s::bytea[])
"""
_MOVE = f"""
with v as materialized (select %s::uuid as id, %s::int as version, %s::bytea as head), moved as (
    update core.orders o set version = v.version, head = v.head from v where o.id = v.id
)
{COMMIT}
"""  # noqa: S608 - a constant
_BURY = """
insert into core.dead_letters
    (id, at, department, kind, subject_id, round, step, task_id, reason, detail, attempts)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_BURY_RAW = """
insert into core.dead_letters (id, at, department, kind, reason, detail, attempts, raw)
values (%s, %s, %s, 'message', 'unreadable', %s, 0, %s)
"""
