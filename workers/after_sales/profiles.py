"""The archive (订单归档) and the customer profiles (客户档案) that are made of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.audit import Invariant
from shared.database import Session, array, columns
from shared.department import Visit, effects_of
from workers.after_sales.rules import Archived, Closing

_CLOSINGS = """
select w.id, a.order_id is not null, q.score, coalesce(
    (select string_agg(c.number, ' ' order by c.number) from after_sales.cases c
    where c.order_id = w.id and c.closed_at is null), '')
from unnest(%s::uuid[]) as w(id)
left join after_sales.archive a on a.order_id = w.id
left join after_sales.surveys q on q.order_id = w.id
"""
_SETTLED = """
select w.id from unnest(%s::uuid[]) as w(id)
cross join lateral (select p.settled_at from finance.payment_status p where p.order_id = w.id limit 1) p
where p.settled_at is not null
"""
_SAVE_ARCHIVE = """
insert into after_sales.archive (order_id, customer, currency, total_minor, archived_at)
select * from unnest(%s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[])
"""
# The rows come in key order, and so do their locks: two batches with the same customers take turns.
_SAVE_PROFILES = """
insert into after_sales.profiles as p
    (customer, archived_orders, first_archived_at, last_archived_at, surveys_answered, score_total)
select v.customer, v.orders, v.at, v.at, v.surveys, v.score
from unnest(%s::text[], %s::bigint[], %s::timestamptz[], %s::bigint[], %s::bigint[])
    as v(customer, orders, at, surveys, score)
on conflict (customer) do update set
    archived_orders = p.archived_orders + excluded.archived_orders,
    first_archived_at = least(p.first_archived_at, excluded.first_archived_at),
    last_archived_at = greatest(p.last_archived_at, excluded.last_archived_at),
    surveys_answered = p.surveys_answered + excluded.surveys_answered,
    score_total = p.score_total + excluded.score_total
"""
_SAVE_AMOUNTS = """
insert into after_sales.profile_amounts as p (customer, currency, orders, total_minor)
select * from unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[])
on conflict (customer, currency) do update set
    orders = p.orders + excluded.orders, total_minor = p.total_minor + excluded.total_minor
"""
_LOCK_PROFILES = "select from after_sales.profiles where customer = any(%s::text[]) order by customer for update"
_ADD_SCORES = """
update after_sales.profiles p
set surveys_answered = p.surveys_answered + v.surveys, score_total = p.score_total + v.score
from unnest(%s::text[], %s::bigint[], %s::bigint[]) as v(customer, surveys, score) where p.customer = v.customer
"""


@dataclass(frozen=True, slots=True)
class Closings:
    """What is known of the orders of a batch, by order."""

    by_order: Mapping[str, Closing]

    def absorb(self, effect: object) -> None:
        """Closing one order does not hinder another."""


def read_closings(session: Session, visits: Sequence[Visit]) -> Closings:
    """Questionnaires, and settlement for the orders whose definition has one. No locks: profiles only ever add up."""
    if not visits:
        return Closings({})
    to_settle = [visit.order.id for visit in visits if "finance.settle" in visit.activities]
    settled = {order for (order,) in session.rows(_SETTLED, array(to_settle))} if to_settle else set()
    rows = session.rows(_CLOSINGS, array([visit.order.id for visit in visits]))
    return Closings(
        {order: Closing(archived, order in settled, score, cases) for order, archived, score, cases in rows}
    )


def save_archive(session: Session, effects: Sequence[object]) -> None:
    """Archive the orders and add them to their customers' profiles (CRM-04), which makes old customers of new ones
    (老客户, CRM-02).
    """
    closed = effects_of(Archived, effects)
    if not closed:
        return
    rows = [(e.order.id, e.order.customer.code, e.order.currency, e.order.total_minor, e.at) for e in closed]
    session.write(_SAVE_ARCHIVE, *columns(rows, 5))
    tallies: dict[str, list[int]] = {}
    amounts: dict[tuple[str, str], list[int]] = {}
    for one in closed:
        order = one.order
        tally = tallies.setdefault(order.customer.code, [0, 0, 0])
        tally[0] += 1
        if one.score is not None:
            tally[1] += 1
            tally[2] += one.score
        amount = amounts.setdefault((order.customer.code, order.currency), [0, 0])
        amount[0] += 1
        amount[1] += order.total_minor
    at = closed[0].at
    counted = [(customer, orders, at, *answers) for customer, (orders, *answers) in sorted(tallies.items())]
    session.write(_SAVE_PROFILES, *columns(counted, 5))
    session.write(_SAVE_AMOUNTS, *columns([(*key, *amount) for key, amount in sorted(amounts.items())], 4))


def add_scores(session: Session, scores: Iterable[tuple[str, int]]) -> None:
    """Add late answers, (customer, score), of orders that are archived already."""
    tallies: dict[str, list[int]] = {}
    for customer, score in scores:
        tally = tallies.setdefault(customer, [0, 0])
        tally[0] += 1
        tally[1] += score
    if tallies:
        session.write(_LOCK_PROFILES, array(sorted(tallies)))
        session.write(_ADD_SCORES, *columns([(customer, *tally) for customer, tally in sorted(tallies.items())], 3))


PROFILES_HOLD: tuple[Invariant, ...] = (
    Invariant(
        "after_sales.archived_orders_are_closed",
        """
        select h.number, concat('in the archive, but ', o.state)
        from after_sales.archive a join core.orders o on o.id = a.order_id
        join core.order_headers h on h.order_id = a.order_id
        where o.state <> 'archived'
        """,
    ),
    Invariant(
        "after_sales.profiles_add_up",
        """
        select customer, concat(p.archived_orders, ' orders and ', p.surveys_answered, ' answers of ', p.score_total,
            ' in the profile; ', a.orders, ' orders and ', a.surveys, ' answers of ', a.score, ' in the archive')
        from after_sales.profiles p
        full join (
            select a.customer, count(*) as orders, count(q.score) as surveys, coalesce(sum(q.score), 0) as score
            from after_sales.archive a left join after_sales.surveys q on q.order_id = a.order_id
            group by a.customer
        ) a using (customer)
        where (p.archived_orders, p.surveys_answered, p.score_total) is distinct from (a.orders, a.surveys, a.score)
        """,
    ),
    Invariant(
        "after_sales.amounts_add_up",
        """
        select customer, concat(currency, ': ', p.orders, ' orders of ', p.total_minor, ' in the profile; ',
            a.orders, ' orders of ', a.total_minor, ' in the archive')
        from after_sales.profile_amounts p
        full join (
            select customer, currency, count(*) as orders, sum(total_minor) as total_minor
            from after_sales.archive group by customer, currency
        ) a using (customer, currency)
        where (p.orders, p.total_minor) is distinct from (a.orders, a.total_minor)
        """,
    ),
)
