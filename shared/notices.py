"""Notices: what people and departments are told of an order's way, each once for every event (APR-10, APR-03, APR-12).

They are written in the transaction of the move that they tell of. An order that passes by itself tells nobody anything.
A recipient is a person (`sam`), the holders of a role (`role:finance_clerk`) or a department (`department:finance`).
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from messages.orders import Order
from shared.calendar import Overrides
from shared.database import Session, array, columns, json_list
from shared.history import SYSTEM, Kind
from shared.ids import new_id
from shared.outbox import to_json
from shared.policy import valid_until
from shared.roles import DEPARTMENT_OF
from shared.standings import Standing
from shared.states import State, forward

RESULTS = frozenset(
    {
        Kind.AGREED,
        Kind.OPINION,
        Kind.DISAGREED,
        Kind.RETURNED,
        Kind.PURGED,
        Kind.LAPSED,
        Kind.INFORMATION_REQUESTED,
        Kind.INFORMATION_GIVEN,
        Kind.HELD,
        Kind.RESUMED,
    }
)
"""Told to the creator and the departments concerned."""
QUESTIONS = frozenset({Kind.REFERRED, Kind.TRANSFERRED, Kind.URGED})
"""Told to those who are to decide."""
TOLD = RESULTS | QUESTIONS
ENDS = frozenset({State.APPROVED, State.RETURNED})
"""How a round ends, which is told whatever brought the order there."""
OVERDUE = "overdue"
LATE = "late"
"""That an order has not left by the day that was promised (LOG-11)."""
PRODUCTION = frozenset({"production_assigned", "production_delayed"})
"""What the warehouse tells of production: to the unit that makes it; of delays to sales and logistics (PRD-01, 03)."""

_SAID = ("reason", "requested_change", "clause", "on_behalf_of", "task", "question", "answer")
"""What a notice repeats of its event."""


class Notice(Struct, frozen=True):
    """One to be written. `by_people`: only where somebody has decided about the order in this round."""

    event_key: str
    recipient: str
    order_id: str
    kind: str
    data: str
    round: int = 0
    by_people: bool = False


class Happening(Struct, frozen=True):
    """An event of an order; `reached`: the end of a round that it came to."""

    kind: Kind
    step: str | None
    actor: str
    reached: State | None
    data: Mapping[str, Any]


def reached(before: State, after: State) -> State | None:
    """The end of its round that an order has come to. Past the last approval it may go further in the same move."""
    if after is State.RETURNED:
        return after
    return State.APPROVED if before is State.IN_REVIEW and forward(before, after) else None


def of(standing: Standing, happening: Happening, now: datetime, overrides: Overrides) -> list[Notice]:
    """One notice for each recipient of the order's last event."""
    ends = happening.reached
    kind = ends if ends and happening.kind not in (Kind.DISAGREED, Kind.RETURNED) else happening.kind
    data: dict[str, Any] = {"order": standing.document.number, "step": happening.step, "by": happening.actor}
    data |= {name: happening.data[name] for name in _SAID if happening.data.get(name)}
    if ends is State.APPROVED:
        data |= _approval(standing, now, overrides)
    text = to_json(data)
    by_people = ends is State.APPROVED and happening.kind not in TOLD
    key = f"{standing.id}/{standing.version}"
    return [
        Notice(key, each, standing.id, kind, text, standing.round, by_people)
        for each in dict.fromkeys(_recipients(standing, happening, ends))
    ]


def _approval(standing: Standing, now: datetime, overrides: Overrides) -> dict[str, Any]:
    """有效期 and 交付日期 (APR-11)."""
    document = standing.document
    until = valid_until(now, standing.policy, overrides)
    delivery = document.expected_date if isinstance(document, Order) else None
    return {"valid_until": until, "delivery_date": delivery}


def _recipients(standing: Standing, happening: Happening, ends: State | None) -> Iterator[str]:
    data, definition = happening.data, standing.definition
    if happening.kind is Kind.REFERRED:
        step = definition.step(happening.step or "")
        yield from (f"role:{role}" for role in data.get("roles", step.roles))
        return
    if happening.kind in QUESTIONS:
        yield from ([data["to"]] if isinstance(data["to"], str) else data["to"])
        return
    if happening.kind is not Kind.WITHDRAWN:  # that was the creator's own doing
        yield standing.document.creator
    if ends is State.APPROVED:
        steps: Collection[str] = [step.id for step in definition.steps]
    elif happening.kind in (Kind.HELD, Kind.RESUMED):
        steps = standing.open
    elif happening.kind in RESULTS:
        steps = [*filter(None, [happening.step]), *data.get("undo", ()), *data.get("opened", ())]
    else:  # it is back with its creator once all is undone; the departments know what they have undone
        return
    yield from (f"department:{definition.step(one.removeprefix('undo:')).department}" for one in steps)


def about_overdue(task: str, order_id: str, recipients: Iterable[str], data: Mapping[str, Any]) -> list[Notice]:
    """The reminder of a task that nobody has decided in time, to those who may (APR-12)."""
    text = to_json({"task": task, "by": SYSTEM, **data})
    return [Notice(f"{task}/{OVERDUE}", each, order_id, OVERDUE, text) for each in recipients]


def write(session: Session, notices: Sequence[Notice], now: datetime) -> None:
    """Write them down, each once: what is told again by a message that came twice is there already."""
    if not notices:
        return
    rows = [(new_id(), n.event_key, n.recipient, n.order_id, n.kind, n.round, n.by_people) for n in notices]
    session.write(_WRITE, now, *columns(rows, 7), json_list([n.data for n in notices]))


# -- reading -----------------------------------------------------------------------------------------------------------


def inbox(session: Session, person: str, now: datetime, *, unread: bool, limit: int) -> list[dict[str, Any]]:
    """What a person was told, in their own name and for those who are away, the newest first."""
    names = ("id", "at", "order", "kind", "recipient", "data", "read_at")
    addresses = array(_addresses(session, person, now))
    rows = session.rows(_INBOX, person, addresses, person, addresses, unread, limit)
    return [dict(zip(names, row, strict=True)) | {"data": json.loads(row[5])} for row in rows]


def mark_read(session: Session, person: str, notices: Sequence[str] | None, now: datetime) -> int:
    """Note that a person has read these notices, or all; returns how many were theirs and not read yet."""
    named = None if notices is None else array(sorted(notices))
    addresses = array(_addresses(session, person, now))
    (row,) = session.rows(_READ, addresses, named, named, person, now)
    return int(row[0])


def _addresses(session: Session, person: str, now: datetime) -> list[str]:
    """Everything that a person is addressed by."""
    roles = sorted({role for row in session.rows(_ROLES, person, person, now, now) for role in row[0]})
    departments = sorted({DEPARTMENT_OF[role] for role in roles if role in DEPARTMENT_OF})
    return [person, *(f"role:{role}" for role in roles), *(f"department:{each}" for each in departments)]


_WRITE = """
insert into core.notices (at, id, event_key, recipient, order_id, kind, data)
select %s, v.id, v.event_key, v.recipient, v.order_id, v.kind, v.data
from rows from (
    unnest(%s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::text[], %s::int[], %s::boolean[]),
    json_array_elements(%s::json)
) as v(id, event_key, recipient, order_id, kind, round, by_people, data)
where not v.by_people or exists (
    select from core.events e
    where e.order_id = v.order_id and e.round = v.round and e.kind in ('agreed', 'opinion', 'carried')
)
on conflict (event_key, recipient) do nothing
"""
_ROLES = """
select roles from core.staff where id = %s and active
union all
select case when d.roles is null then s.roles else array(select unnest(s.roles) intersect select unnest(d.roles)) end
from core.delegations d join core.staff s on s.id = d.delegator and s.active
where d.delegate = %s and d.revoked_at is null and d.starts_at <= %s and d.ends_at > %s
"""
# Nobody is asked to decide what they have made themselves. What reaches a person in several ways (by name, as the
# holder of a role, in their department) they see once.
_INBOX = """
select n.id, n.at, h.number, n.kind, n.recipient, n.data, r.at
from (select %s::text as person) p cross join core.notices n
join core.order_headers h on h.order_id = n.order_id
left join core.notice_reads r on r.notice_id = n.id and r.person = p.person
where n.recipient = any(%s::text[]) and not (h.creator = %s and n.recipient ~ '^role:')
    and not exists (
        select from core.notices o where o.event_key = n.event_key and o.recipient = any(%s::text[])
            and (o.recipient ~ ':', o.recipient) < (n.recipient ~ ':', n.recipient)
    )
    and not (%s and r.at is not null)
order by n.at desc, n.id desc limit %s
"""
_READ = """
with meant as (
    select n.id, n.event_key from core.notices n where n.recipient = any(%s::text[]) and (
        %s::uuid[] is null or n.event_key in (select event_key from core.notices where id = any(%s::uuid[]))
    )
), marked as (
    insert into core.notice_reads (notice_id, person, at) select id, %s, %s from meant
    on conflict do nothing returning notice_id
)
select count(distinct event_key) from meant join marked on notice_id = id
"""
