"""One delivery of submissions: committed, then published. What cannot be stored is found by halving, and set aside."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import psycopg
import structlog

from messages.batch import Batch
from messages.events import FieldError
from shared.database import Database, Session, database_is_away
from shared.outbox import announce
from shared.rulebook import Rulebook
from workers.intake.accept import Receipt, Verdict
from workers.intake.parse import Limits, Submission
from workers.intake.refusals import Refusal, record

log = structlog.get_logger()

Accept = Callable[[Session, Sequence[Submission], Limits, Rulebook, datetime], tuple[list[Receipt], list[Batch]]]

_CONFLICTS = 5
_CONTENTION = (
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.LockNotAvailable,
)


def take(
    database: Database,
    publish: Callable[[Sequence[Batch]], None],
    accept: Accept,
    submissions: Sequence[Submission],
    limits: Limits,
    rules: Rulebook,
) -> list[Receipt]:
    """Accept all of them; returns their receipts. Raises only what says that the database is away or contended: then
    deliver them again.

    Whatever else goes wrong is one submission's doing: the others are accepted, that one is kept as a refusal.
    """
    try:
        receipts, batches = _accept(database, accept, submissions, limits, rules)
    except Exception as error:
        if database_is_away(error):
            raise
        if len(submissions) == 1 and isinstance(error, _CONTENTION):
            raise  # no doing of its own: it is delivered again after a while
        if len(submissions) == 1:
            return [_set_aside(database, submissions[0], error)]
        middle = len(submissions) // 2
        return [
            receipt
            for half in (submissions[:middle], submissions[middle:])
            for receipt in take(database, publish, accept, half, limits, rules)
        ]
    publish(batches)
    return receipts


def _accept(
    database: Database, accept: Accept, submissions: Sequence[Submission], limits: Limits, rules: Rulebook
) -> tuple[list[Receipt], list[Batch]]:
    for attempt in range(_CONFLICTS):
        try:
            with database.transaction() as session:
                return accept(session, submissions, limits, rules, datetime.now(UTC))
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
            if attempt == _CONFLICTS - 1:
                raise
    raise AssertionError("the loop ends by returning or raising")


def _set_aside(database: Database, submission: Submission, error: Exception) -> Receipt:
    log.error("submission.failed", origin=submission.origin, error=repr(error))
    fault = FieldError(field="", code="failed", reason=f"it could not be stored: {type(error).__name__}")
    now = datetime.now(UTC)
    with database.transaction() as session:
        announce(session, record(session, [Refusal("order", submission, None, None, (fault,))], now))
    return Receipt(Verdict.REFUSED, None, (fault,))
