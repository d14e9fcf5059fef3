"""Inquiries (询价, 咨询; INT-02): what customers ask of product, price and delivery, answered within a working day."""

from datetime import datetime
from typing import Any

from shared.attempts import note_refused, without_role
from shared.authority import Refusal
from shared.calendar import Overrides, deadline
from shared.database import Session
from shared.numbering import take
from shared.policy import Policy
from shared.roles import SALES

ABOUT = ("product", "price", "delivery")
_NAMES = (
    "number", "customer", "about", "product", "question", "recorded_by", "asked_at", "due_at", "answer", "answered_by",
    "answered_at", "overdue",
)  # fmt: skip


def add(
    session: Session,
    *,
    customer: str,
    about: str,
    question: str,
    product: str | None,
    person: str,
    policy: Policy,
    overrides: Overrides,
    now: datetime,
) -> tuple[str | None, Refusal | None]:
    """Record a question; its number, or why not."""
    refused = without_role(session, person, SALES) or _no_question(customer, about, question)
    if refused:
        note_refused(session, now, person, "inquiry.add", customer, refused)
        return None, refused
    (number,) = take(session, "IQ", now, 1)
    due = deadline(now, policy.inquiry_deadline, overrides)
    session.write(_INSERT, number, customer, about, product, question, person, now, due)
    return number, None


def answer(session: Session, number: str, text: str, person: str, now: datetime) -> Refusal | None:
    """Record the answer and its time; the first one counts."""
    refused = without_role(session, person, SALES) or _not_answerable(session, number, text)
    if refused:
        note_refused(session, now, person, "inquiry.answer", number, refused)
    else:
        session.write(_ANSWER, text, person, now, number)
    return refused


def find(
    session: Session, *, now: datetime, unanswered: bool, overdue: bool, customer: str | None, limit: int
) -> list[dict[str, Any]]:
    """Inquiries, what is due first in front."""
    rows = session.rows(_FIND, now, unanswered or overdue, overdue, now, customer, customer, limit)
    return [dict(zip(_NAMES, row, strict=True)) for row in rows]


def _no_question(customer: str, about: str, question: str) -> Refusal | None:
    if about not in ABOUT:
        return Refusal("inquiry.about", {"about": about, "allowed": ", ".join(ABOUT)})
    return None if customer.strip() and question.strip() else Refusal("inquiry.empty", {})


def _not_answerable(session: Session, number: str, text: str) -> Refusal | None:
    row = session.row(_LOCK, number)
    if row is None:
        return Refusal("inquiry.unknown", {"inquiry": number})
    if row[0] is not None:
        return Refusal("inquiry.answered", {"inquiry": number, "by": row[0], "at": row[1].isoformat()})
    return None if text.strip() else Refusal("inquiry.no_answer", {})


_INSERT = """
insert into sales_review.inquiries (number, customer, about, product, question, recorded_by, asked_at, due_at)
values (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_LOCK = "select answered_by, answered_at from sales_review.inquiries where number = %s for update"
_ANSWER = "update sales_review.inquiries set answer = %s, answered_by = %s, answered_at = %s where number = %s"
_FIND = """
select number, customer, about, product, question, recorded_by, asked_at, due_at, answer, answered_by, answered_at,
    answered_at is null and due_at < %s
from sales_review.inquiries
where (not %s or answered_at is null) and (not %s or due_at < %s) and (%s::text is null or customer = %s)
order by answered_at is not null, due_at, number limit %s
"""
