"""What is attached to letters: made once, before the letter goes out, and kept as it was sent (TRK-05)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from types import MappingProxyType

from shared.database import Database, Session
from shared.letters import CONFIRMATION, PAYMENT_REMINDER, SHIPPING_NOTICE
from shared.words import Language
from workers.documents.books import Selection, confirmed, papers
from workers.documents.paper import Paper
from workers.documents.pdf import to_pdf

PAPERS: Mapping[str, str] = MappingProxyType(
    {
        CONFIRMATION: "confirmation",
        SHIPPING_NOTICE: "delivery_note",
        PAYMENT_REMINDER: "statement",
        "invoice": "invoice",
    }
)
"""Which kind of document goes with which letter."""


@dataclass(frozen=True, slots=True)
class About:
    """What a letter is about; `revision` of the order's document that it was made from."""

    letter_id: str
    written_at: datetime
    kind: str
    order_id: str
    number: str
    revision: int | None
    language: Language


def attached(database: Database, letter: About, now: datetime) -> tuple[tuple[str, bytes], ...]:
    """The papers that go with the letter, by name: those that were kept, where it is tried again.

    Raises `NotPrintable`.
    """
    if letter.kind not in PAPERS:
        return ()
    with database.transaction() as session:
        kept = session.row(_KEPT, letter.letter_id)
        paper = None if kept else _paper(session, letter)
    if kept:
        return ((kept[0], bytes(kept[1])),)
    if paper is None:
        return ()
    name, content = f"{paper.title} {paper.number}.pdf", to_pdf(paper)
    with database.transaction() as session:
        session.write(_KEEP, letter.letter_id, name, content, sha256(content).digest(), now)
    return ((name, content),)


def _paper(session: Session, letter: About) -> Paper | None:
    """The newest of its kind; None where the order has none (its goods left without a note of ours, say)."""
    if letter.kind == CONFIRMATION:
        if letter.revision is None:
            return None
        return confirmed(session, letter.order_id, letter.revision, letter.written_at, letter.language)
    found = papers(session, PAPERS[letter.kind], Selection((letter.number,)), (letter.language,))
    return found[-1] if found else None


_KEPT = "select name, content from core.letter_papers where letter_id = %s"
_KEEP = "insert into core.letter_papers (letter_id, name, content, sha256, made_at) values (%s, %s, %s, %s, %s)"
