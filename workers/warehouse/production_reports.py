"""What is reported of production plans (生产进度, PRD-02…04): how they are changed, confirmed, delayed and finished."""

from collections.abc import Sequence
from datetime import date
from typing import Generic, NamedTuple, TypeVar

from messages.facts.warehouse import (
    ProductionConfirmed,
    ProductionDelayed,
    ProductionFinished,
    ProductionPlanned,
    ProductionProgress,
)
from shared import notices
from shared.database import Session, array, columns
from shared.department import Booked, Finding, ReportedFact, finding
from shared.outbox import Announcement, announce, to_json
from workers.warehouse.earmarks import Arrival, take_in
from workers.warehouse.people import Roles, read_roles
from workers.warehouse.plan_rules import Plan, plan_key, production_key, promise_key, refuse
from workers.warehouse.production import close
from workers.warehouse.production_rules import delays_promise
from workers.warehouse.rules import stock_key
from workers.warehouse.sources import PLAN

B = TypeVar("B", ProductionPlanned, ProductionConfirmed, ProductionProgress, ProductionDelayed, ProductionFinished)


class Taken(NamedTuple, Generic[B]):
    """A fact that is not refused, with its body, and the plan that it is about."""

    fact: ReportedFact
    body: B
    plan: Plan


def book_plans(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """A planner says what a plan takes, and when (PRD-02); whoever has confirmed it before is asked again."""
    taken, refused, _ = _sort_out(session, facts, ProductionPlanned)
    newest = {plan.number: body for _, body, plan in taken}
    numbers = array(sorted(newest))
    session.write(_FORGET_MATERIALS, numbers)
    session.write(_FORGET_CONFIRMATIONS, numbers)
    session.write(
        _PLANNED, *columns([(number, body.starts_on, body.finishes_on) for number, body in newest.items()], 3)
    )
    needed = {(number, each.material): each.quantity for number, body in newest.items() for each in body.materials}
    session.write(_TAKES, *columns([(*key, quantity) for key, quantity in needed.items()], 3))
    _keep(session, [(fact, "planned", None, body.finishes_on, body.remarks, body.by) for fact, body, _ in taken])
    late = _tell_delays(session, [(each.fact, each.plan, each.body.finishes_on, each.body.remarks) for each in taken])
    return Booked({*late, *(plan_key(plan.order_id) for _, _, plan in taken)}, refused)


def book_confirmations(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Departments confirm plans (PRD-02); an order whose plans are all confirmed goes on."""
    taken, refused, roles = _sort_out(session, facts, ProductionConfirmed)
    rows = {
        (plan.number, role): (plan.number, role, body.by, fact.now)
        for fact, body, plan in taken
        for role in plan.wanted
        if role in roles[body.by]
    }
    session.write(_CONFIRM, *columns(list(rows.values()), 4))
    return Booked({plan_key(plan.order_id) for _, _, plan in taken}, refused)


def book_progress(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """How far plans have come (PRD-03); the last report counts, all are kept."""
    taken, refused, _ = _sort_out(session, facts, ProductionProgress)
    done = {plan.number: body.done for _, body, plan in taken}
    session.write(_DONE, *columns(sorted(done.items()), 2))
    _keep(session, [(fact, "progress", body.done, None, body.remarks, body.by) for fact, body, _ in taken])
    return Booked((), refused)


def book_delays(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Another day (PRD-03): past the promised one, sales and logistics are told, and the promise is looked at again."""
    taken, refused, _ = _sort_out(session, facts, ProductionDelayed)
    days = {plan.number: body.finishes_on for _, body, plan in taken}
    session.write(_DELAY, *columns(sorted(days.items()), 2))
    _keep(session, [(fact, "delayed", None, body.finishes_on, body.reason, body.by) for fact, body, _ in taken])
    told = [(each.fact, each.plan, each.body.finishes_on, each.body.reason) for each in taken]
    return Booked(_tell_delays(session, told), refused)


def book_ends(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Finished goods go into stock, for the order that lacked them (PRD-04); what fell short is short again."""
    taken, refused, _ = _sort_out(session, facts, ProductionFinished)
    ends: dict[str, Taken[ProductionFinished]] = {}
    for each in taken:
        if ends.setdefault(each.plan.number, each) is not each:
            refused[each.fact.id] = finding("production.closed", each.plan.number)
    if not ends:
        return Booked((), refused)
    now, finished = facts[0].now, list(ends.values())
    close(session, now, [(plan.number, body.good) for _, body, plan in finished])
    _keep(session, [(fact, "finished", body.good, None, body.remarks, body.by) for fact, body, _ in finished])
    goods = [
        Arrival(plan.order_id, plan.product, body.location, body.good, plan.number, fact.id)
        for fact, body, plan in finished
        if body.good
    ]
    keys = {key for each in finished for key in (stock_key(each.plan.product), production_key(each.plan.order_id))}
    return Booked(keys | take_in(session, now, goods), refused)


def _sort_out(
    session: Session, facts: Sequence[ReportedFact], kind: type[B]
) -> tuple[list[Taken[B]], dict[str, Finding], Roles]:
    """What can be taken and what not, the plans locked after their orders, as everybody locks."""
    reports = [(fact, fact.body) for fact in facts if isinstance(fact.body, kind)]
    roles = read_roles(session, {body.by for _, body in reports})
    wanted = array(sorted({body.plan for _, body in reports}))
    session.write(_LOCK_ORDERS, wanted)
    session.write(_LOCK, wanted)
    plans = {row[0]: Plan(*row) for row in session.rows(_PLANS, wanted)}
    taken, refused = [], {}
    for fact, body in reports:
        plan = plans.get(body.plan)
        reason = refuse(plan, body, roles.get(body.by, frozenset()))
        if reason:
            refused[fact.id] = reason
        else:
            assert plan is not None, "an unknown one is refused"
            taken.append(Taken(fact, body, plan))
    return taken, refused, roles


def _keep(session: Session, reports: Sequence[tuple[ReportedFact, str, int | None, date | None, str, str]]) -> None:
    rows = [
        (fact.id, fact.body.plan, kind, fact.body.occurred_at, by, done, day, remarks)  # type: ignore[union-attr]
        for fact, kind, done, day, remarks, by in reports
    ]
    session.write(_REPORT, *columns(rows, 8))


def _tell_delays(session: Session, told: Sequence[tuple[ReportedFact, Plan, date, str]]) -> set[str]:
    """Tell sales and logistics of plans that are now finished after the day they are needed; the promises to look at
    again.
    """
    late = [each for each in told if each[2] > each[1].finishes_on and delays_promise(each[2], each[1].needed_by)]
    if not late:
        return set()
    heads = {row[0]: row[1:] for row in session.rows(_HEADS, array(sorted({plan.order_id for _, plan, _, _ in late})))}
    notes, events = [], []
    for fact, plan, day, reason in late:
        number, creator = heads[plan.order_id]
        body = {"plan": plan.number, "order": number, "product": plan.product, "needed_by": plan.needed_by}
        body |= {"finishes_on": day, "reason": reason}
        key = f"{plan.number}/delayed/{fact.id}"
        events.append(
            Announcement(key, "orderflow.production.delayed", plan.number, fact.now, {"schema_version": 1, **body})
        )
        notes += [
            notices.Notice(key, each, plan.order_id, "production_delayed", to_json(body))
            for each in dict.fromkeys((creator, "department:sales_review", "department:logistics"))
        ]
    announce(session, events)
    notices.write(session, notes, late[0][0].now)
    return {promise_key(plan.order_id) for _, plan, _, _ in late}


_LOCK_ORDERS = """
select from core.orders where id in (
    select p.order_id from unnest(%s::text[]) as k(number) join warehouse.production_plans p on p.number = k.number
) order by id for update
"""
_LOCK = """
select from warehouse.production_plans p where p.number = any(%s::text[]) order by p.number for update
"""
_PLANS = f"""
select {PLAN} from unnest(%s::text[]) as k(number) join warehouse.production_plans p on p.number = k.number
"""  # noqa: S608 - a constant
_FORGET_MATERIALS = "delete from warehouse.production_materials where number = any(%s::text[])"
_FORGET_CONFIRMATIONS = "delete from warehouse.production_confirmations where number = any(%s::text[])"
_PLANNED = """
update warehouse.production_plans p set starts_on = v.starts_on, finishes_on = v.finishes_on
from unnest(%s::text[], %s::date[], %s::date[]) as v(number, starts_on, finishes_on) where p.number = v.number
"""
_TAKES = """
insert into warehouse.production_materials (number, material, needed, available)
select v.number, v.material, v.needed, coalesce((
    select sum(s.on_hand - s.reserved - s.blocked) from warehouse.stock s
    where s.product = v.material and s.inspection <> 'failed'
), 0)
from unnest(%s::text[], %s::text[], %s::bigint[]) as v(number, material, needed)
"""
_CONFIRM = """
insert into warehouse.production_confirmations (number, role, person, at)
select * from unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[]) on conflict (number, role) do nothing
"""
_DONE = """
update warehouse.production_plans p set done = v.done
from unnest(%s::text[], %s::bigint[]) as v(number, done) where p.number = v.number
"""
_DELAY = """
update warehouse.production_plans p set finishes_on = v.day
from unnest(%s::text[], %s::date[]) as v(number, day) where p.number = v.number
"""
_REPORT = """
insert into warehouse.production_reports (fact_id, number, kind, at, reported_by, done, finishes_on, remarks)
select * from unnest(%s::uuid[], %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::bigint[], %s::date[],
    %s::text[])
"""
_HEADS = """
select h.order_id, h.number, h.creator from unnest(%s::uuid[]) as o(id) join core.order_headers h on h.order_id = o.id
"""
