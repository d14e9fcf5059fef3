"""Drafts (草稿): orders that their creators save as far as they are filled in, and submit when they are whole (ENT-01).

A draft has its order's number from its first save on (ENT-05). Submitting is an action of its own, by the creator,
once: then it goes through the same intake as every other order (APR-01).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from messages.batch import Batch
from messages.events import FieldError
from shared.attempts import note, note_refused, stranger
from shared.authority import Refusal
from shared.database import Session
from shared.numbering import take
from shared.outbox import to_json
from shared.rulebook import Rulebook
from workers.intake.accept import Receipt, Verdict, accept_orders
from workers.intake.parse import Limits, Refused, Submission, parse_order

SOURCE = "draft"
_NEEDED = frozenset({"customer", "customer.code", "sale_type"})
"""What even a draft must say (ENT-01)."""
_OURS = ("source", "external_id", "creator")

Faults = Sequence[FieldError]


def save(
    session: Session,
    person: str,
    body: Mapping[str, Any],
    limits: Limits,
    now: datetime,
    number: str | None = None,
) -> tuple[str | None, Faults, Refusal | None]:
    """A new draft, or a new state of one: its number; or every bad field; or why this person may not."""
    refused = _may_not(session, person, number, "draft.save", now)
    if refused:
        return None, (), refused
    faults = _faults(session, body, limits)
    if faults:
        return None, faults, None
    row = (body["customer"]["code"], body["sale_type"], to_json(body), now)
    if number is None:
        (number,) = take(session, "SO", now, 1)
        session.write(_INSERT, number, person, *row, now)
    else:
        session.write(_UPDATE, *row, number)
    return number, (), None


def submit(
    session: Session, person: str, number: str, limits: Limits, rules: Rulebook, now: datetime
) -> tuple[Receipt | None, Refusal | None, list[Batch]]:
    """The draft becomes an order under its number; or the receipt names every missing and bad field, and it stays as
    it is. The batches are to be published after the commit.
    """
    refused = _may_not(session, person, number, "draft.submit", now)
    if refused:
        return None, refused, []
    found = session.row("select body from core.drafts where number = %s", number)
    assert found is not None, "it was locked just now"
    raw = to_json(json.loads(found[0]) | _identity(number, person)).encode()
    (receipt,), batches = accept_orders(
        session, [Submission(raw, f"draft {number}", number=number)], limits, rules, now
    )
    if receipt.verdict is Verdict.ACCEPTED:
        session.write(_SUBMITTED, now, number)
    return receipt, None, batches


def delete(session: Session, person: str, number: str, now: datetime) -> Refusal | None:
    """Throw a draft away; its number is used for nothing else (ENT-05)."""
    refused = _may_not(session, person, number, "draft.delete", now)
    if refused is None:
        session.write("delete from core.drafts where number = %s", number)
        note(session, now, person, "draft.delete", number, {})
    return refused


def find(session: Session, creator: str | None, limit: int) -> list[dict[str, Any]]:
    """Drafts that are not submitted, the latest first."""
    names = ("number", "creator", "customer", "sale_type", "created_at", "updated_at")
    return [dict(zip(names, row, strict=True)) for row in session.rows(_FIND, creator, creator, limit)]


def whole(session: Session, number: str) -> dict[str, Any] | None:
    """One draft as it stands, and what still keeps it from being submitted is for `submit` to say."""
    row = session.row(_WHOLE, number)
    if row is None:
        return None
    names = ("number", "creator", "created_at", "updated_at", "submitted_at", "body")
    found = dict(zip(names, row, strict=True))
    return found | {"body": json.loads(found["body"])}


def _identity(number: str, person: str) -> dict[str, str]:
    return {"source": SOURCE, "external_id": number, "creator": person}


def _faults(session: Session, body: Mapping[str, Any], limits: Limits) -> list[FieldError]:
    """What is wrong with what is there; missing are only what even a draft needs."""
    faults = [
        FieldError(field=name, code="not_yours", reason="it is set when the draft is submitted")
        for name in _OURS
        if name in body
    ]
    raw = to_json({**{name: value for name, value in body.items() if name not in _OURS}, **_identity("x", "x")})
    try:
        parse_order(raw.encode(), limits)
    except Refused as refused:
        faults += [each for each in refused.errors if each.code not in _INCOMPLETE or each.field in _NEEDED]
    code = _customer(body)
    if code and not session.row(_KNOWN, code):
        faults.append(FieldError(field="customer.code", code="unknown_customer", reason=f"no customer {code}"))
    return faults


def _customer(body: Mapping[str, Any]) -> str | None:
    customer = body.get("customer")
    code = customer.get("code") if isinstance(customer, dict) else None
    return code if isinstance(code, str) else None


_INCOMPLETE = frozenset({"missing", "too_short"})


def _may_not(session: Session, person: str, number: str | None, action: str, now: datetime) -> Refusal | None:
    """Why this person may not do it; the draft is locked. Refused attempts are recorded (AUD-01)."""
    refused = _refusal(session, person, number)
    if refused:
        note_refused(session, now, person, action, number, refused)
    return refused


def _refusal(session: Session, person: str, number: str | None) -> Refusal | None:
    unknown = stranger(session, person)
    if unknown or number is None:
        return unknown
    row = session.row(_LOCK, number)
    if row is None:
        return Refusal("draft.unknown", {"draft": number})
    creator, order_id = row
    if creator != person:
        return Refusal("draft.creator", {"draft": number, "creator": creator})
    if order_id is None:
        return None
    # A statement of its own: one that waited for the lock sees the draft as it is now, but not yet its order.
    state = session.row("select state from core.orders where id = %s", order_id)
    return Refusal("draft.submitted", {"draft": number, "state": state[0] if state else None})


_INSERT = """
insert into core.drafts (number, creator, customer, sale_type, body, created_at, updated_at)
values (%s, %s, %s, %s, %s::json, %s, %s)
"""
_UPDATE = "update core.drafts set customer = %s, sale_type = %s, body = %s::json, updated_at = %s where number = %s"
_LOCK = "select creator, order_id from core.drafts where number = %s for update"
_KNOWN = "select 1 from sales_review.customer_list where customer = %s"
_SUBMITTED = """
update core.drafts d set submitted_at = %s, order_id = h.order_id
from core.order_headers h where d.number = %s and h.number = d.number
"""
_FIND = """
select number, creator, customer, sale_type, created_at, updated_at from core.drafts
where submitted_at is null and (%s::text is null or creator = %s) order by updated_at desc, number desc limit %s
"""
_WHOLE = "select number, creator, created_at, updated_at, submitted_at, body from core.drafts where number = %s"
