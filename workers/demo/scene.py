"""What the autopilot looks at before it acts: open tasks, orders that wait for the world, returned orders, staff.

It reads tables and views and changes nothing. Always the same few queries, however many orders there are.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from messages.orders import Order, read_order
from shared.database import Row, Session, array, columns

_AT_ONCE = 1_000

FactKey = tuple[str, str]
"""A fact's source and its id there."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A finding as it stands in a task or an event."""

    code: str
    subject: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """An open user task, with what of its order the habits of the staff look at. Amount in the base currency's minor
    units.
    """

    task: str
    order: str
    step: str
    roles: tuple[str, ...]
    assignee: str | None
    creator: str
    order_version: int
    findings: tuple[Noted, ...]
    total_base_minor: int
    terms: str
    special_requirements: str
    excluded: tuple[str, ...] = ()
    """Who decided the step that this one looks at again."""
    goods_gone: bool = False
    """Whether the order was shipped: then nothing is turned down that only an order on its way could change."""


@dataclass(frozen=True, slots=True)
class OpenPlan:
    """A production plan that is not finished: who has still to confirm it, and who may inspect what is made."""

    number: str
    quantity: int
    to_confirm: tuple[str, ...]
    inspector: str | None


@dataclass(frozen=True, slots=True)
class Standstill:
    """An order that waits for the world. `awaits` are the kinds of what it waits for: payment, stock, delivered,
    receipt, entered, handed_over, answer, contract; a contract for being signed. Amounts in minor units of `currency`;
    `paid_minor` is what has been booked so far.
    """

    order: str
    external_id: str
    customer: str
    step: str
    awaits: frozenset[str]
    since: datetime
    method: str
    currency: str
    due_minor: int
    paid_minor: int
    tracking_number: str | None
    findings: tuple[Noted, ...]
    round: int = 1
    document: Order | None = None
    """Of an order that waits to be entered, or for its contract: what was reviewed."""
    contract: str | None = None
    """Where the contract for an order stands, if there is one."""
    checked: bool = False
    """Of a contract: whether the other side was looked into."""
    plans: tuple[OpenPlan, ...] = ()
    """What is made for it and not finished."""
    purchases: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """What is bought for it: by product, the purchase and how much of it is open."""
    promised_on: date | None = None
    """The delivery date that is proposed."""
    salesperson: str = ""
    """Who speaks for sales and the customer about it."""
    registrar: str = ""
    """Who registers contracts."""


@dataclass(frozen=True, slots=True)
class Return:
    """A returned order, as it was when it was disagreed with, and what with."""

    order: Order
    round: int
    returned_at: datetime
    definition: str
    findings: tuple[Noted, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """All of it at one moment. `booked`: of the facts asked for, those that have been dealt with."""

    questions: tuple[Question, ...]
    standstills: tuple[Standstill, ...]
    returns: tuple[Return, ...]
    staff: Mapping[str, frozenset[str]]
    booked: frozenset[FactKey]


def look(session: Session, given_up: Collection[str], told: Iterable[FactKey]) -> Scene:
    """Look once, in one round trip. Returned orders whose ids are in `given_up` are passed over."""
    asked, waiting, returned, staff, booked = session.together(
        (_QUESTIONS, (_AT_ONCE,)),
        (_STANDSTILLS, (_AT_ONCE,)),
        (_RETURNS, (array(sorted(given_up)), _AT_ONCE)),
        (_STAFF, ()),
        (_BOOKED, tuple(columns(sorted(told), 2) * 2)),
    )
    return Scene(
        tuple(_question(row) for row in asked),
        tuple(_standstill(row) for row in waiting),
        tuple(_return(row) for row in returned),
        {person: frozenset(roles) for person, roles in staff},
        frozenset((source, fact_id) for source, fact_id in booked),
    )


def _question(row: Row) -> Question:
    task, order, step, roles, assignee, creator, excluded, version, findings, total, terms, special, gone = row
    return Question(
        task, order, step, tuple(roles), assignee, creator, version, _noted(findings), total, terms, special or "",
        tuple(excluded), gone,
    )  # fmt: skip


def _standstill(row: Row) -> Standstill:
    (
        order,
        external_id,
        customer,
        step,
        keys,
        since,
        method,
        currency,
        due,
        paid,
        tracking_number,
        findings,
        round_,
        document,
        contract,
        checked,
        plans,
        purchases,
        promised_on,
        salesperson,
        registrar,
    ) = row
    awaits = frozenset(key.partition(":")[0] for key in keys)
    return Standstill(
        order, external_id, customer, step, awaits, since, method, currency, due or 0, paid or 0, tracking_number,
        _noted(findings), round_, read_order(document) if document else None, contract, checked,
        tuple(OpenPlan(number, pieces, tuple(who), by) for number, pieces, who, by in json.loads(plans or "[]")),
        {product: (number, open_) for product, number, open_ in json.loads(purchases or "[]")},
        promised_on, salesperson or "", registrar or "",
    )  # fmt: skip


def _return(row: Row) -> Return:
    document, round_, at, definition, findings = row
    return Return(read_order(document), round_, at, definition.partition("@")[0], _noted(findings))


def _noted(text: str | None) -> tuple[Noted, ...]:
    return tuple(Noted(each["code"], each["subject"], each["values"]) for each in json.loads(text or "[]"))


_QUESTIONS = """
select t.id, h.number, t.step, t.roles, t.assignee, t.creator, coalesce(t.excluded, '{}'), t.order_version, t.findings,
    h.total_base_minor, d.document -> 'payment' ->> 'terms', d.document ->> 'special_requirements',
    o.state in ('shipped', 'received', 'settled', 'ended')
from core.user_tasks t
join core.order_headers h on h.order_id = t.order_id
join core.orders o on o.id = t.order_id
join core.order_documents d on d.order_id = o.id and d.revision = o.revision
where t.status = 'open' order by t.due_at, t.id limit %s
"""
# The views of the departments are asked for one order at a time, so that they use their indexes.
_STANDSTILLS = """
select h.number, h.external_id, h.customer, w.step, w.keys, w.since, d.document -> 'payment' ->> 'method', h.currency,
    p.due_minor, p.paid_minor, s.tracking_number, e.findings, o.round,
    case when array['entered:' || w.order_id, 'contract:' || w.order_id] && w.keys then d.document end, c.state,
    exists (select from compliance.counterparty_checks k where k.contract_id = w.order_id),
    (select json_agg(json_build_array(m.number, m.quantity, array(
        select distinct min(f.id) from unnest(m.wanted) as r(role)
        join core.staff f on f.active and r.role = any(f.roles)
        where not exists (
            select from warehouse.production_confirmations n where n.number = m.number and n.role = r.role
        ) group by r.role
    ), (select min(f.id) from core.staff f where f.active and 'inspector' = any(f.roles))) order by m.number)
    from warehouse.production_plans m where m.order_id = w.order_id and m.closed_at is null),
    (select json_agg(json_build_array(b.product, b.number, b.quantity - b.received))
    from warehouse.purchases b where b.order_id = w.order_id and b.closed_at is null),
    (select r.promised_on from logistics.promises r where r.order_id = w.order_id and r.withdrawn_at is null),
    (select min(f.id) from core.staff f where f.active and 'salesperson' = any(f.roles)),
    (select min(f.id) from core.staff f where f.active and 'contract_manager' = any(f.roles))
from (
    select order_id, step, array_agg(key order by key) as keys, min(since) as since
    from core.waits where key like '%%:%%' group by order_id, step order by min(since), order_id limit %s
) w
join core.order_headers h on h.order_id = w.order_id
join core.orders o on o.id = w.order_id
join core.order_documents d on d.order_id = o.id and d.revision = o.revision
left join lateral (select * from finance.payment_status v where v.order_id = w.order_id limit 1) p on true
left join lateral (select * from logistics.shipment_status v where v.order_id = w.order_id limit 1) s on true
left join lateral (
    select v.data -> 'findings' as findings from core.events v
    where v.order_id = w.order_id and v.kind = 'waiting' and v.step = w.step order by v.seq desc limit 1
) e on true
left join lateral (
    select co.state from core.links l join core.orders co on co.id = l.order_id
    where l.other_id = w.order_id and l.kind = 'contract_of' order by co.id desc limit 1
) c on true
"""
_RETURNS = """
select d.document, o.round, o.updated_at, o.definition, coalesce(t.findings, e.data -> 'findings')
from core.orders o
join core.order_headers h on h.order_id = o.id
join core.order_documents d on d.order_id = o.id and d.revision = o.revision
left join lateral (
    select v.data from core.events v
    where v.order_id = o.id and v.round = o.round and v.kind in ('disagreed', 'returned') order by v.seq desc limit 1
) e on true
left join core.user_tasks t on t.id = (e.data ->> 'task')::uuid
where o.state = 'returned' and h.document_kind = 'order' and o.id <> all(%s::uuid[]) order by o.id limit %s
"""
_STAFF = "select id, roles from core.staff where active order by id"
_BOOKED = """
select f.source, f.fact_id from unnest(%s::text[], %s::text[]) as k(source, fact_id)
join core.facts f on f.source = k.source and f.fact_id = k.fact_id where f.handled_at is not null
union
select r.source, r.external_id from unnest(%s::text[], %s::text[]) as k(source, fact_id)
join core.refusals r on r.source = k.source and r.external_id = k.fact_id and r.kind = 'fact'
"""
