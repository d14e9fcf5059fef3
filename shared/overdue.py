"""The overdue list (RPT-02): reviews past their deadline, documents near their purge, and what is late altogether."""

import json
from datetime import datetime, timedelta
from typing import Any

from shared.calendar import NO_OVERRIDES, Overrides, begun_before, deadline
from shared.catalogue import Catalogue
from shared.database import Session, array, columns
from shared.policy import Policy
from shared.states import FINAL

NEAR = timedelta(days=2)


def overdue(
    session: Session,
    policies: Catalogue[Policy],
    now: datetime,
    limit: int,
    overrides: Overrides = NO_OVERRIDES,
    near: timedelta = NEAR,
) -> dict[str, list[dict[str, Any]]]:
    """All of it, the most urgent first, up to `limit` of each: `reviews`, `near_purge` (what will be purged within
    `near`), `late` with and without the comment that they need, and `not_shipped` by the day that was promised.
    """
    begun = {key: begun_before(now + near, each.purge_after, overrides) for key, each in policies.entries.items()}
    reviews, purges, late, unshipped = session.together(
        (_REVIEWS, (now, limit)),
        (_NEAR_PURGE, (*columns([*begun.items()], 2), limit)),
        (_LATE, (array(sorted(FINAL)), limit)),
        (_NOT_SHIPPED, (limit,)),
    )
    return {
        "reviews": _named(("task", "order", "step", "roles", "assignee", "due_at"), reviews),
        "near_purge": [
            {"order": number, "submitted_at": submitted, "purged_after": deadline(submitted, allowed, overrides)}
            for number, submitted, policy in purges
            for allowed in [policies.get(policy).purge_after]
        ],
        "late": _named(("order", "kind", "state", "date", "asked_at", "comment", "given_by", "given_at"), late),
        "not_shipped": _named(("order", "state", "promised_on", "marked_at"), unshipped),
    }


def open_questions(
    session: Session, person: str | None, role: str | None, order: str | None, limit: int
) -> list[dict[str, Any]]:
    """The comments that are asked for, as the inbox shows them beside user tasks."""
    found = session.rows(_QUESTIONS, person, person, person, role, role, order, order, limit)
    questions = _named(
        ("id", "order", "customer", "customer_name", "total_minor", "currency", "round", "department", "roles",
         "creator", "order_version", "opened_at", "date"), found,
    )  # fmt: skip
    for question in questions:
        told = {"code": "document.overdue", "subject": "", "values": {"date": question.pop("date").isoformat()}}
        question |= {"step": "comment", "assignee": None, "findings": json.dumps([told]), "overdue": True}
        question["due_at"] = question["opened_at"]
    return questions


def _named(names: tuple[str, ...], rows: list[Any]) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in rows]


_REVIEWS = """
select t.id, h.number, t.step, t.roles, t.assignee, t.due_at
from core.user_tasks t join core.order_headers h on h.order_id = t.order_id
where t.status = 'open' and t.due_at < %s order by t.due_at, t.id limit %s
"""
_NEAR_PURGE = """
select distinct h.number, o.submitted_at, o.policy
from core.user_tasks t join core.orders o on o.id = t.order_id join core.order_headers h on h.order_id = o.id
join unnest(%s::text[], %s::timestamptz[]) as p(key, begun) on p.key = o.policy
where t.status = 'open' and o.submitted_at < p.begun and o.state = 'in_review' and o.closing is null
order by o.submitted_at, h.number limit %s
"""
_LATE = """
select h.number, h.document_kind, o.state, c.requested_date, c.asked_at, c.comment, c.given_by, c.given_at
from core.handling_comments c join core.orders o on o.id = c.order_id join core.order_headers h on h.order_id = o.id
where c.closed_at is null and o.state <> all(%s::text[])
order by c.comment is not null, c.requested_date, h.number limit %s
"""
_NOT_SHIPPED = """
select h.number, o.state, l.promised_on, l.marked_at
from logistics.late l join core.orders o on o.id = l.order_id join core.order_headers h on h.order_id = l.order_id
order by l.promised_on, h.number limit %s
"""
_QUESTIONS = """
select c.id, h.number, h.customer, h.customer_name, h.total_minor, h.currency, o.round, 'sales_review', c.roles,
    h.creator, o.version, c.asked_at, c.requested_date
from core.handling_comments c join core.orders o on o.id = c.order_id join core.order_headers h on h.order_id = o.id
where c.closed_at is null and c.comment is null
    and (%s::text is null or h.creator = %s or exists (
        select from core.staff s where s.id = %s and s.active and s.roles && c.roles
    ))
    and (%s::text is null or %s = any(c.roles))
    and (%s::text is null or h.number = %s)
order by c.asked_at, c.id limit %s
"""
