"""Looking up letters to customers, and sending one again by a person's word."""

from datetime import datetime
from typing import Any

from shared.attempts import note, note_refused, stranger
from shared.authority import Refusal
from shared.database import Session

STATUSES = ("pending", "sending", "sent", "failed", "uncertain")
_AGAIN = ("failed", "uncertain")
_NAMES = (
    "id", "order", "kind", "key", "language", "recipient", "subject", "body", "created_at", "status", "attempts",
    "due_at", "sent_at", "error", "via",
)  # fmt: skip


def find_letters(session: Session, *, status: str | None, order: str | None, limit: int) -> list[dict[str, Any]]:
    """Letters, the newest first."""
    rows = session.rows(_FIND, status, status, order, order, limit)
    return [dict(zip(_NAMES, row, strict=True)) for row in rows]


def whole_letter(session: Session, letter: str) -> dict[str, Any] | None:
    """One letter, with the paper that went with it; None where there is none with that id."""
    found, papers = session.together((_ONE, (letter,)), (_PAPER, (letter,)))
    if not found:
        return None
    paper = dict(zip(("name", "sha256", "made_at"), papers[0], strict=True)) if papers else None
    return dict(zip(_NAMES, found[0], strict=True)) | {"paper": paper}


def kept_paper(session: Session, letter: str) -> tuple[str, bytes] | None:
    """Name and content of the paper that went with a letter, as it was sent (TRK-05); None where none did."""
    row = session.row(_CONTENT, letter)
    return (row[0], bytes(row[1])) if row else None


def resend(session: Session, letter: str, person: str, to: str | None, now: datetime) -> Refusal | None:
    """Have the relay send it once more, to another address if one is given. Refused where it is not known to have
    failed: who sends a letter twice does so knowingly, after `uncertain`.
    """
    row = session.row(_LOCK, letter)
    refused = _refusal(row, letter, person, to, session)
    if refused:
        note_refused(session, now, person, "letter.resend", letter, refused)
        return refused
    note(session, now, person, "letter.resend", letter, {"to": to})
    session.write(_RESEND, now, to, letter)
    return None


def _refusal(row: Any, letter: str, person: str, to: str | None, session: Session) -> Refusal | None:
    if row is None:
        return Refusal("letter.unknown", {"letter": letter})
    unknown = stranger(session, person)
    if unknown:
        return unknown
    status, recipient = row
    if status not in _AGAIN:
        return Refusal("letter.not_failed", {"status": status})
    if to is not None and ("@" not in to or any(sign.isspace() for sign in to)):
        return Refusal("letter.address", {"to": to})
    return None if to or recipient else Refusal("letter.no_address", {})


_COLUMNS = """id, number, kind, key, language, recipient, subject, body, created_at, status, attempts, due_at, sent_at,
    error, via"""
_FIND = f"""
select {_COLUMNS} from core.letters
where (%s::text is null or status = %s) and (%s::text is null or number = %s)
order by created_at desc, id desc limit %s
"""  # noqa: S608 - a constant
_ONE = f"select {_COLUMNS} from core.letters where id = %s"  # noqa: S608 - a constant
_PAPER = "select name, encode(sha256, 'hex'), made_at from core.letter_papers where letter_id = %s"
_CONTENT = "select name, content from core.letter_papers where letter_id = %s"
_LOCK = "select status, recipient from core.letters where id = %s for update"
_RESEND = """
update core.letters set status = 'pending', attempts = 0, due_at = %s, error = null,
    recipient = coalesce(%s, recipient) where id = %s
"""
