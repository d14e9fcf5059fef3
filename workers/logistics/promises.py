"""What logistics reads and keeps of promised delivery dates (承诺交期, LOG-08): every date, and every answer."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from messages.facts.logistics import DateAnswered, DateProposed
from messages.orders import Order
from shared import calendar_days
from shared.calendar import BUSINESS_ZONE, Overrides, working_day_from
from shared.database import Session, array, columns
from shared.department import Booked, Finding, ReportedFact, Visit, effects_of, finding
from shared.letters import DATE_PROPOSAL, Letter, write_letters
from shared.outbox import Announcement, announce
from shared.roles import SALES
from workers.logistics.people import not_allowed, read_roles
from workers.logistics.promise_rules import (
    PARTIES,
    Answer,
    Asked,
    Outlook,
    Promise,
    Proposed,
    promise_key,
    refuse_answer,
)

PROPOSERS = ("logistics_clerk", "purchasing", "order_processor", "production_planner", "supply_chain", *SALES)
"""Who may propose another date."""


@dataclass(frozen=True, slots=True)
class Outlooks:
    """What the dates of a batch rest on, by order."""

    by_order: Mapping[str, Outlook]

    def absorb(self, effect: object) -> None:
        """A promised date takes no goods from the next order."""


@dataclass(frozen=True, slots=True)
class Stock:
    """What is there by product, what is expected for an order by (order, product), which orders have their goods
    reserved, how many days the fastest carrier takes by (country, region), and the company's own days.
    """

    today: date
    available: Mapping[str, int]
    expected: Mapping[tuple[str, str], date] = field(default_factory=dict)
    reserved: frozenset[str] = frozenset()
    transit: Mapping[tuple[str, str], int] = field(default_factory=dict)
    overrides: Overrides = field(default_factory=dict)


def read_outlooks(session: Session, visits: Sequence[Visit]) -> Outlooks:
    """Proposals, stock, what is expected, transit times and the calendar. Three round trips."""
    if not visits:
        return Outlooks({})
    last = read_last(session, [visit.order.id for visit in visits])
    stock = _read_stock(session, visits)
    outlooks = {}
    for visit in visits:
        arrival, transit = arrives(visit.order, stock)
        outlooks[visit.order.id] = Outlook(last.get(visit.order.id), arrival, transit)
    return Outlooks(outlooks)


def arrives(order: Order, stock: Stock) -> tuple[date | None, int]:
    """The working day on which the goods can be there, and how many days of that they travel: they leave on the first
    working day on which all of them are in stock. None: nobody expects what is short.
    """
    transit = stock.transit.get((order.delivery.country, order.delivery.region), 0)
    wanted: dict[str, int] = {}
    for line in order.lines:
        wanted[line.product] = wanted.get(line.product, 0) + line.quantity
    ready = stock.today
    for product, quantity in wanted.items() if order.id not in stock.reserved else ():
        if quantity <= stock.available.get(product, 0):
            continue
        day = stock.expected.get((order.id, product))
        if day is None:
            return None, transit
        ready = max(ready, day)
    return _there(ready, transit, stock.overrides), transit


def _there(ready: date, transit_days: int, overrides: Overrides) -> date:
    return working_day_from(working_day_from(ready, overrides) + timedelta(transit_days), overrides)


def _read_stock(session: Session, visits: Sequence[Visit]) -> Stock:
    orders = array([visit.order.id for visit in visits])
    products = array(sorted({line.product for visit in visits for line in visit.order.lines}))
    places = sorted({(visit.order.delivery.country, visit.order.delivery.region) for visit in visits})
    available, expected, reserved, transit = session.together(
        (_AVAILABLE, (products,)), (_EXPECTED, (orders,)), (_RESERVED, (orders,)), (_TRANSIT, (*columns(places, 2),))
    )
    return Stock(
        visits[0].now.astimezone(BUSINESS_ZONE).date(),
        dict(available),
        {(order, product): day for order, product, day in expected},
        frozenset([row[0] for row in reserved]),
        {(country, region): days for country, region, days in transit},
        {day: working for day, (working, _) in calendar_days.days(session).items()},
    )


def read_last(session: Session, orders: Collection[str]) -> dict[str, Promise]:
    """The last proposal of each order with its answers. One round trip."""
    found: dict[str, Promise] = {}
    answers: dict[str, dict[str, Answer]] = {}
    for row in session.rows(_LAST, array(sorted({*orders}))):
        order, number, day, parties, withdrawn, party, agreed, by, wanted = row
        mine = answers.setdefault(order, {})
        if party is not None:
            mine[party] = Answer(agreed, by, wanted)
        found[order] = Promise(number, day, tuple(parties.split()), withdrawn, mine)
    return found


def save(session: Session, effects: Sequence[object]) -> None:
    """Keep the dates that are proposed, and write to the customers who are to confirm one."""
    _propose(session, effects_of(Proposed, effects))
    write_letters(session, [_letter(each) for each in effects_of(Asked, effects)])


def _letter(asked: Asked) -> Letter:
    day = {"promised_date": asked.promised_on.isoformat()}
    return Letter(DATE_PROPOSAL, asked.order, asked.round, asked.at, day, str(asked.number))


def _propose(session: Session, proposed: Sequence[Proposed]) -> None:
    if not proposed:
        return
    session.write(_WITHDRAW, *columns([(each.order_id, each.at) for each in proposed], 2))
    rows = [
        (each.order_id, each.number, each.promised_on, " ".join(each.parties), each.at, each.by, each.reason,
         each.transit_days)
        for each in proposed
    ]  # fmt: skip
    session.write(_PROPOSE, *columns(rows, 8))
    announce(session, [_proposed(each) for each in proposed])


def _proposed(one: Proposed) -> Announcement:
    body = {"schema_version": 1, "order": one.order, "promised_on": one.promised_on.isoformat(), "number": one.number}
    body |= {"confirmed_by": list(one.parties), "by": one.by, "reason": one.reason}
    key = f"{one.order_id}/promise/{one.number}"
    return Announcement(key, "orderflow.delivery_date.proposed", one.order, one.at, body)


def withdraw(session: Session, visits: Sequence[Visit]) -> None:
    """The orders go back: the date is proposed anew. What was proposed and answered stays written."""
    session.write(_WITHDRAW, *columns([(visit.order.id, visit.now) for visit in visits], 2))


# -- what people report ------------------------------------------------------------------------------------------------


def book_proposals(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Somebody proposes another date; it takes the place of the one before, and is to be confirmed. Of several at once
    the last counts.
    """
    reports = [(fact, fact.body) for fact in facts if isinstance(fact.body, DateProposed)]
    roles = read_roles(session, {body.by for _, body in reports})
    orders = {fact.order_id for fact, _ in reports if fact.order_id}
    last = read_last(session, orders)
    shipped = {row[0] for row in session.rows(_SHIPPED, array(sorted(orders)))}
    refused: dict[str, Finding] = {}
    proposed: dict[str, Proposed] = {}
    for fact, body in reports:
        reason = not_allowed(body.by, roles, PROPOSERS)
        if fact.order_id in shipped:
            reason = reason or finding("promise.shipped", body.order)
        if reason or fact.order_id is None:
            refused[fact.id] = reason or finding("delivery.order_unknown", body.order)
            continue
        before = last.get(fact.order_id)
        number, parties = (before.number + 1, before.parties) if before else (1, PARTIES)
        proposed[fact.order_id] = Proposed(
            fact.order_id, body.order, number, body.promised_on, parties, fact.now, body.by, body.reason
        )
    _propose(session, list(proposed.values()))
    return Booked([promise_key(order) for order in proposed], refused)


def book_answers(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Sales, and the customer through them, confirm a date or refuse it; the first answer of each counts."""
    reports = [(fact, fact.body) for fact in facts if isinstance(fact.body, DateAnswered)]
    roles = read_roles(session, {body.by for _, body in reports})
    last = read_last(session, {fact.order_id for fact, _ in reports if fact.order_id})
    refused: dict[str, Finding] = {}
    rows: dict[tuple[str, str], tuple[object, ...]] = {}
    events = []
    for fact, body in reports:
        present = last.get(fact.order_id or "")
        reason = not_allowed(body.by, roles, SALES) or refuse_answer(present, body.party, body.promised_on)
        if reason is None and (fact.order_id, body.party) in rows:
            reason = finding("promise.answered", body.by, promised=body.promised_on.isoformat())
        if reason or present is None or fact.order_id is None:
            refused[fact.id] = reason or finding("promise.none")
            continue
        agreed = body.answer == "confirmed"
        answer = (body.party, agreed, body.by, body.occurred_at, body.wanted, body.remarks)
        rows[fact.order_id, body.party] = (fact.order_id, present.number, *answer)
        events.append(_answered(fact.order_id, present.number, body, fact.now))
    if rows:
        session.write(_ANSWER, *columns(list(rows.values()), 8))
    announce(session, events)
    return Booked([promise_key(order) for order, _ in rows], refused)


def _answered(order_id: str, number: int, body: DateAnswered, now: datetime) -> Announcement:
    told = {"schema_version": 1, "order": body.order, "promised_on": body.promised_on.isoformat(), "number": number}
    told |= {"party": body.party, "answer": body.answer, "wanted": body.wanted.isoformat() if body.wanted else None}
    key = f"{order_id}/promise/{number}/{body.party}"
    return Announcement(key, "orderflow.delivery_date.answered", body.order, now, told)


# -- what time brings --------------------------------------------------------------------------------------------------


def reopen(session: Session, now: datetime, limit: int) -> list[str]:
    """Propose the date anew for up to `limit` orders whose goods are expected too late for it (PRD-03). Returns the
    keys to wake.
    """
    found = session.rows(_DELAYED, limit)
    if not found:
        return []
    overrides = {day: working for day, (working, _) in calendar_days.days(session).items()}
    proposed = [
        Proposed(
            order_id, order, number + 1, _there(expected, transit, overrides), tuple(parties.split()), now, None,
            "delayed", transit,
        )
        for order_id, order, number, parties, transit, expected in found
    ]  # fmt: skip
    _propose(session, proposed)
    return [promise_key(each.order_id) for each in proposed]


_LAST = """
select w.id, p.number, p.promised_on, p.parties, p.withdrawn_at is not null, a.party, a.agreed, a.by, a.wanted
from unnest(%s::uuid[]) as w(id)
cross join lateral (
    select * from logistics.promises p where p.order_id = w.id order by p.number desc limit 1
) p
left join logistics.promise_answers a on a.order_id = p.order_id and a.number = p.number
order by w.id, a.at, a.party
"""
_AVAILABLE = """
select w.product, a.available from unnest(%s::text[]) as w(product)
cross join lateral (select available from warehouse.availability a where a.product = w.product limit 1) a
"""
_EXPECTED = "select order_id, product, expected_on from warehouse.expected_dates where order_id = any(%s::uuid[])"
_RESERVED = """
select w.id from unnest(%s::uuid[]) as w(id)
cross join lateral (select g.reserved from warehouse.readiness g where g.order_id = w.id limit 1) g where g.reserved
"""
_TRANSIT = """
select w.country, w.region, min(r.transit_days) from unnest(%s::text[], %s::text[]) as w(country, region)
join logistics.carrier_rates r on r.country = w.country and r.region in ('', w.region)
join logistics.carriers c on c.code = r.carrier and c.active
group by w.country, w.region
"""
_WITHDRAW = """
update logistics.promises p set withdrawn_at = w.at from unnest(%s::uuid[], %s::timestamptz[]) as w(order_id, at)
where p.order_id = w.order_id and p.withdrawn_at is null
"""
_PROPOSE = """
insert into logistics.promises (order_id, number, promised_on, parties, proposed_at, by, reason, transit_days)
select * from unnest(%s::uuid[], %s::smallint[], %s::date[], %s::text[], %s::timestamptz[], %s::text[], %s::text[],
    %s::smallint[])
"""
_ANSWER = """
insert into logistics.promise_answers (order_id, number, party, agreed, by, at, wanted, remarks)
select * from unnest(%s::uuid[], %s::smallint[], %s::text[], %s::boolean[], %s::text[], %s::timestamptz[], %s::date[],
    %s::text[])
"""
_SHIPPED = """
select w.id from unnest(%s::uuid[]) as w(id)
cross join lateral (
    select from logistics.shipments s where s.order_id = w.id and s.recalled_at is null and s.rest = 0 limit 1
) s
"""
# Only what is made or bought can be late, and of that there is little.
_DELAYED = """
select o.id, h.number, p.number, p.parties, p.transit_days, e.expected_on
from (select order_id, max(expected_on) as expected_on from warehouse.expected_dates group by order_id) e
join core.orders o on o.id = e.order_id and o.state in ('in_review', 'approved', 'reserved', 'prepared')
join core.order_headers h on h.order_id = o.id
cross join lateral (
    select * from logistics.promises p where p.order_id = e.order_id order by p.number desc limit 1
) p
where p.withdrawn_at is null and e.expected_on + p.transit_days > p.promised_on
order by o.id limit %s for update of o skip locked
"""
