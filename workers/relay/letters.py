"""The post: sends the letters to customers, one after the other, beside the relay's events.

A letter is marked as being sent before it goes out and as sent afterwards. Where neither is certain, because the
connection or this process ended between the two, it is left `uncertain` for a person: it is never sent twice by itself.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
import structlog

from shared.database import CommitUnknown, Database, Leadership
from shared.mail import Folder, Mail, Mailbox, NotSent, Outlet, Rejected, Uncertain
from shared.settings import Settings
from workers.documents.pdf import NotPrintable
from workers.process import Process, beside
from workers.relay.papers import About, attached

_PAUSE_SECONDS = 1.0
_FIRST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS = 10, 3_600

log = structlog.get_logger()


def retry_delay(attempt: int) -> timedelta:
    """How long to wait after the failed attempt of that number: doubled each time, at most an hour."""
    return timedelta(seconds=min(_FIRST_DELAY_SECONDS * 2 ** (attempt - 1), _LONGEST_DELAY_SECONDS))


def start(process: Process) -> threading.Thread:
    """Send letters in a thread of their own."""
    return beside(process, "letters", partial(_serve, process, outlet(process.settings)))


def outlet(settings: Settings) -> Outlet:
    """The mail server that is set, else a folder of the home folder."""
    if settings.smtp_url:
        return Mailbox(settings.smtp_url, settings.smtp_sender, settings.smtp_timeout_seconds)
    return Folder(settings.home / "mail", settings.smtp_sender)


def _serve(process: Process, mailbox: Outlet) -> None:
    while not process.stop.is_set():
        try:
            leadership = process.database.lead("letters")
            if leadership is not None:
                _lead(process, mailbox, leadership)
        except (psycopg.OperationalError, CommitUnknown) as error:
            log.warning("letters.database_away", error=repr(error))
        process.stop.wait(_PAUSE_SECONDS)


def _lead(process: Process, mailbox: Outlet, leadership: Leadership) -> None:
    try:
        leave_uncertain(process.database)
        while not process.stop.is_set() and leadership.holds():
            if not send_next(process.database, mailbox, process.settings.letter_attempts):
                process.stop.wait(_PAUSE_SECONDS)
    finally:
        leadership.resign()


def leave_uncertain(database: Database) -> None:
    """What an earlier sender was sending when it ended. Only for who leads: nobody else is sending then."""
    with database.transaction() as session:
        session.write(_LEAVE, "the sender ended while it was sending")


def send_next(
    database: Database, mailbox: Outlet, attempts: int, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> bool:
    """Send the letter that has been due the longest. False: none is due."""
    with database.transaction() as session:
        found = session.row(_CLAIM, now())
    if found is None:
        return False
    letter_id, recipient, subject, body, created_at, attempt, *about = found
    status, error, due = "sent", None, None
    try:
        papers = attached(database, About(letter_id, created_at, *about), now())
        mailbox.send(Mail(letter_id, recipient, subject, body, created_at, papers))
    except Uncertain as unknown:
        status, error = "uncertain", str(unknown)
    except (Rejected, NotPrintable) as refused:
        status, error = "failed", str(refused)
    except NotSent as failure:
        status, error, due = "pending", str(failure), now() + retry_delay(attempt)
        if attempt >= attempts:
            status, due = "failed", None
    if error:
        log.warning("letter.not_sent", letter=letter_id, status=status, error=error)
    with database.transaction() as session:
        sent = (now(), mailbox.name) if status == "sent" else (None, None)
        session.write(_SETTLE, status, error, due, *sent, letter_id)
    return True


_LEAVE = "update core.letters set status = 'uncertain', error = %s where status = 'sending'"
_CLAIM = """
update core.letters set status = 'sending', attempts = attempts + 1 where id = (
    select id from core.letters where status = 'pending' and due_at <= %s order by due_at, id limit 1
    for update skip locked
) returning id, recipient, subject, body, created_at, attempts, kind, order_id, number, revision, language
"""
_SETTLE = """
update core.letters set status = %s, error = %s, due_at = %s, sent_at = %s, via = %s
where id = %s and status = 'sending'
"""
