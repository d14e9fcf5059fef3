"""What people are asked: their open tasks, in their own name and for those who are away (PLT-05, APR-17). Read only."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shared.database import Session, array
from shared.money import format_amount
from shared.overdue import open_questions

_LOCALE = "en"


def open_tasks(
    session: Session,
    *,
    now: datetime,
    person: str | None = None,
    role: str | None = None,
    order: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """User tasks and comments asked for, the earliest deadline first, with what a person needs to know at a glance; of
    `person` those that are for them.
    """
    found = user_tasks(session, now=now, person=person, role=role, order=order, limit=limit)
    for each in open_questions(session, person, role, order, limit):
        found.append(_shown(each | {"on_behalf_of": None}))
    return sorted(found, key=lambda task: (task["due_at"], task["id"]))[:limit]


def user_tasks(
    session: Session,
    *,
    now: datetime,
    person: str | None = None,
    role: str | None = None,
    order: str | None = None,
    ids: Sequence[str] | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Open user tasks, the earliest deadline first; of `person` those that they may decide, and in whose name."""
    named = None if ids is None else array(sorted(ids))
    rows = session.rows(_TASKS, person, person, now, now, person, role, role, order, order, named, named, limit)
    names = (
        "id", "order", "customer", "customer_name", "total_minor", "currency", "round", "step", "department", "roles",
        "assignee", "creator", "order_version", "findings", "opened_at", "due_at", "overdue", "on_behalf_of",
        "questions", "special_requirements", "basis",
    )  # fmt: skip
    return [_shown(dict(zip(names, row, strict=True))) for row in rows]


def _shown(task: dict[str, Any]) -> dict[str, Any]:
    total = format_amount(task["total_minor"], task["currency"], _LOCALE)
    questions = json.loads(task["questions"]) if task.get("questions") else []
    return task | {
        "findings": json.loads(task["findings"]),
        "total": total,
        "questions": questions,
        "special_requirements": task.get("special_requirements") or "",
        "basis": json.loads(task.get("basis") or "{}"),
    }


# In which names the person may act; `authority` decides in the end, by the same rules.
_TASKS = """
with names as (
    select id, roles, null::bigint as cap_minor, 0 as place from core.staff where id = %s and active
    union all
    select s.id, case when d.roles is null then s.roles else array(
            select unnest(s.roles) intersect select unnest(d.roles)
        ) end, d.cap_minor, 1
    from core.delegations d join core.staff s on s.id = d.delegator and s.active
    where d.delegate = %s and d.revoked_at is null and d.starts_at <= %s and d.ends_at > %s
)
select t.id, h.number, h.customer, h.customer_name, h.total_minor, h.currency, t.round, t.step, t.department, t.roles,
    t.assignee, t.creator, t.order_version, t.findings, t.opened_at, t.due_at, t.overdue_at is not null,
    case when n.place = 1 then n.id end,
    (
        select json_agg(json_build_object('question', q.question, 'asked_by', q.asked_by, 'answer', q.answer,
            'answered_at', q.answered_at) order by q.id)
        from core.questions q where q.order_id = t.order_id and q.answer is not null
    ),
    (
        select d.document->>'special_requirements' from core.orders o
        join core.order_documents d on d.order_id = o.id and d.revision = o.revision where o.id = t.order_id
    ),
    (select e.data->'basis' from core.events e where e.order_id = t.order_id and e.seq = t.order_version)
from (select %s::text as person) p
cross join core.user_tasks t join core.order_headers h on h.order_id = t.order_id
left join lateral (
    select * from names where names.roles && t.roles and (t.assignee is null or t.assignee = names.id)
        and t.creator not in (names.id, p.person)
        and not coalesce(names.id = any(t.excluded) or p.person = any(t.excluded), false)
        and (names.cap_minor is null or h.total_base_minor <= names.cap_minor)
    order by place, id limit 1
) n on p.person is not null
where t.status = 'open' and (p.person is null or n.id is not null) and (%s::text is null or %s = any(t.roles))
    and (%s::text is null or h.number = %s) and (%s::uuid[] is null or t.id = any(%s::uuid[]))
order by t.due_at, t.id limit %s
"""
