"""What finance reads and keeps for review and release: accounts, receivables, credit holds (see tables.py).

Locks are taken in this order: order rows (the runtime has them), then accounts by customer. Everything else here
belongs to one order and is guarded by the order's own lock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from shared.calendar import BUSINESS_ZONE
from shared.database import Session, array, columns
from shared.department import Visit, effects_of
from workers.finance.invariants import INVARIANTS
from workers.finance.masterdata import MASTER
from workers.finance.rules import NOBODY, PREPAID, Account, Agreements, CreditHold, Overdue, Receivable, gives_discount

__all__ = ["INVARIANTS", "MASTER", "Credit", "Owed"]


@dataclass(frozen=True, slots=True)
class Credit:
    """What a review rests on. Absorbing a hold raises the exposure that the customer's next order finds."""

    today: date
    accounts: dict[str, Account]
    prices: Mapping[str, Mapping[str, int]]
    """Today's list prices by currency and product."""
    received: Mapping[tuple[str, str], int]
    """What came in, by order and currency."""
    held: dict[str, int]
    """Open holds of the orders themselves."""
    agreements: Mapping[str, Agreements]
    """Who has agreed, of the orders that give a discount."""

    def absorb(self, effect: object) -> None:
        if isinstance(effect, CreditHold):
            account = self.accounts.get(effect.customer) or Account(effect.customer, effect.currency)
            exposure = account.exposure_minor + effect.change_minor
            self.accounts[effect.customer] = replace(account, exposure_minor=exposure)
            self.held[effect.order_id] = effect.open_minor


@dataclass(frozen=True, slots=True)
class Owed:
    """By order, in its currency: what came in, and what its receivable says is due (None: it has none)."""

    received: Mapping[str, int]
    due: Mapping[str, int | None]

    def absorb(self, effect: object) -> None:
        """What one order owes is nothing to another."""


def business_day(now: datetime) -> date:
    """The day in the company's time zone: prices and due dates change at its midnight."""
    return now.astimezone(BUSINESS_ZONE).date()


# -- reading -----------------------------------------------------------------------------------------------------------

# Only the accounts that give credit are locked: an order paid in advance leaves the exposure as it is.
_ACCOUNTS = """
with locked as materialized (
    select a.customer, a.currency, a.limit_minor, a.exposure_minor, a.terms, a.methods, a.hold_reason
    from unnest(%s::text[]) as w(customer) join finance.accounts a on a.customer = w.customer
    order by a.customer for update of a
)
select l.*, late.reference, late.due_date from locked l
left join lateral (
    select o.reference, o.due_date from (
        (select i.reference, i.due_date from finance.open_items i
        where i.customer = l.customer and i.amount_minor > 0 and i.due_date < %s::date order by i.due_date limit 1)
        union all
        (select r.number, r.due_date from finance.receivables r
        where r.customer = l.customer and r.due_date < %s::date and r.settled_at is null
            and r.received_minor < r.due_minor order by r.due_date limit 1)
    ) o order by o.due_date limit 1
) late on true
union all
select a.customer, a.currency, a.limit_minor, a.exposure_minor, a.terms, a.methods, a.hold_reason, null, null
from unnest(%s::text[]) as w(customer) join finance.accounts a on a.customer = w.customer
"""
_ACCOUNTS_UNLOCKED = _ACCOUNTS.replace("for update of a", "")
_PRICES = """
select w.currency, w.product, p.unit_price_minor from unnest(%s::text[], %s::text[]) as w(product, currency)
cross join lateral (
    select l.unit_price_minor from sales_review.price_list l
    where l.product = w.product and l.currency = w.currency and l.effective_from <= %s::date
    order by l.effective_from desc limit 1
) p
"""
_RECEIVED = """
select p.order_id, p.currency, sum(p.amount_minor)::bigint
from unnest(%s::uuid[]) as w(id) join finance.payments p on p.order_id = w.id group by p.order_id, p.currency
"""
_OWED = """
select w.id, coalesce(p.total, 0), r.due_minor from unnest(%s::uuid[], %s::text[]) as w(id, currency)
left join lateral (
    select sum(amount_minor)::bigint as total from finance.payments where order_id = w.id and currency = w.currency
) p on true
left join lateral (
    select due_minor from finance.receivables where order_id = w.id and currency = w.currency limit 1
) r on true
"""
_HELD = """
select h.order_id, h.open_minor
from unnest(%s::uuid[]) as w(id) join finance.credit_holds h on h.order_id = w.id where h.open_minor > 0
"""

_AGREEMENTS = """
select t.order_id, s.roles, t.step = w.step, array(select f ->> 'code' from json_array_elements(t.findings) f),
    array(select f ->> 'subject' from json_array_elements(t.findings) f)
from unnest(%s::uuid[], %s::smallint[], %s::text[]) as w(id, round, step)
join core.user_tasks t on t.order_id = w.id and t.round = w.round and t.decision = 'agree'
join core.staff s on s.id = coalesce(t.decided_for, t.decided_by)
"""


def read_credit(session: Session, visits: Sequence[Visit]) -> Credit:
    """Accounts (locked where credit is asked for), list prices, and what the orders have been paid: one round trip. For
    those that give a discount also who has agreed to it: one more.
    """
    credit = _read_credit(session, visits, _ACCOUNTS)
    giving = [visit for visit in visits if gives_discount(visit.order, credit.prices.get(visit.order.currency, {}))]
    return replace(credit, agreements=_read_agreements(session, giving)) if giving else credit


def look_at_credit(session: Session, visits: Sequence[Visit]) -> Credit:
    """The same without a lock, as if nobody had agreed to anything yet. One round trip."""
    return _read_credit(session, visits, _ACCOUNTS_UNLOCKED)


def _read_credit(session: Session, visits: Sequence[Visit], accounts_of: str) -> Credit:
    if not visits:
        return Credit(date.min, {}, {}, {}, {}, {})
    today = business_day(visits[0].now)
    asking: set[str] = set()
    others: set[str] = set()
    wanted: set[tuple[str, str]] = set()
    for visit in visits:
        order = visit.order
        (others if order.payment.terms == PREPAID else asking).add(order.customer.code)
        wanted.update([(line.product, order.currency) for line in order.lines])
    ids = _ids(visits)
    accounts, prices, received, held = session.together(
        (accounts_of, (array(sorted(asking)), today, today, array(sorted(others - asking)))),
        (_PRICES, (*columns(sorted(wanted), 2), today)),
        (_RECEIVED, (ids,)),
        (_HELD, (ids,)),
    )
    listed: dict[str, dict[str, int]] = {}
    for currency, product, price in prices:
        listed.setdefault(currency, {})[product] = price
    return Credit(
        today,
        {row[0]: _account(row) for row in accounts},
        listed,
        {(row[0], row[1]): row[2] for row in received},
        dict(held),
        {},
    )


def _read_agreements(session: Session, visits: Sequence[Visit]) -> dict[str, Agreements]:
    wanted = [(visit.order.id, visit.round, visit.step) for visit in visits]
    found: dict[str, Agreements] = {}
    for order_id, roles, here, codes, subjects in session.rows(_AGREEMENTS, *columns(wanted, 3)):
        so_far = found.get(order_id, NOBODY)
        seen = zip(codes, subjects, strict=True) if here else ()
        found[order_id] = Agreements(so_far.roles | {*roles}, so_far.seen | {*seen})
    return found


def read_owed(session: Session, visits: Sequence[Visit]) -> Owed:
    """What the orders owe and have been paid. One round trip; their own locks keep new payments out."""
    rows = session.rows(_OWED, *columns([(visit.order.id, visit.order.currency) for visit in visits], 2))
    return Owed({row[0]: row[1] for row in rows}, {row[0]: row[2] for row in rows})


def _account(row: tuple[Any, ...]) -> Account:
    customer, currency, limit, exposure, terms, methods, hold_reason, reference, due_date = row
    overdue = None if reference is None else Overdue(reference, due_date)
    return Account(customer, currency, limit, exposure, terms, methods, hold_reason, overdue)


def _ids(visits: Sequence[Visit]) -> str:
    return array([visit.order.id for visit in visits])


# -- keeping -----------------------------------------------------------------------------------------------------------

_SAVE_RECEIVABLES = """
insert into finance.receivables (order_id, number, customer, terms, currency, due_minor, received_minor)
select * from unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[])
on conflict (order_id) do update set number = excluded.number, customer = excluded.customer, terms = excluded.terms,
    currency = excluded.currency, due_minor = excluded.due_minor, received_minor = excluded.received_minor
"""
_OPEN_ACCOUNTS = """
insert into finance.accounts (customer, currency, terms, methods)
select v.customer, v.currency, array['prepaid'], array[]::text[]
from unnest(%s::text[], %s::text[]) as v(customer, currency)
on conflict (customer) do nothing
"""
_PLACE_HOLDS = """
insert into finance.credit_holds (order_id, customer, currency, amount_minor, open_minor, placed_at)
select * from unnest(%s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[])
on conflict (order_id) do update set customer = excluded.customer, currency = excluded.currency,
    amount_minor = excluded.amount_minor, open_minor = excluded.open_minor, placed_at = excluded.placed_at,
    released_at = null
"""
_RAISE_EXPOSURE = """
update finance.accounts a set exposure_minor = a.exposure_minor + v.change
from unnest(%s::text[], %s::bigint[]) as v(customer, change) where a.customer = v.customer
"""


def save_review(session: Session, effects: Sequence[object]) -> None:
    """Keep receivables and holds; the exposure of the accounts moves with them. No round trip of its own."""
    save_receivables(session, effects_of(Receivable, effects))
    holds = effects_of(CreditHold, effects)
    if not holds:
        return
    changes: dict[str, int] = {}
    for hold in holds:
        changes[hold.customer] = changes.get(hold.customer, 0) + hold.change_minor
    opened = sorted({(hold.customer, hold.currency) for hold in holds if hold.opens_account})
    if opened:
        session.write(_OPEN_ACCOUNTS, *columns(opened, 2))
    rows = [(h.order_id, h.customer, h.currency, h.amount_minor, h.open_minor, h.at) for h in holds]
    session.write(_PLACE_HOLDS, *columns(rows, 6))
    session.write(_RAISE_EXPOSURE, *columns(sorted(changes.items()), 2))


def save_receivables(session: Session, receivables: Sequence[Receivable]) -> None:
    """Keep what orders owe. What they had been paid too much, or before they owed anything, is credited anew."""
    if not receivables:
        return
    rows = [(r.order_id, r.number, r.customer, r.terms, r.currency, r.due_minor, r.received_minor) for r in receivables]
    session.write(_SAVE_RECEIVABLES, *columns(rows, 7))
    paid = [receivable.order_id for receivable in receivables if receivable.received_minor]
    if paid:
        _credit_customers(session, array(paid))


# -- the ledger after money or an order has come or gone ---------------------------------------------------------------

_LOCK_ACCOUNTS = """
select 1 from finance.accounts where customer in (
    select h.customer from unnest(%s::uuid[]) as w(id) join finance.credit_holds h on h.order_id = w.id
) order by customer for update
"""
_COUNT_RECEIVED = """
update finance.receivables r set received_minor = coalesce((
    select sum(p.amount_minor) from finance.payments p where p.order_id = r.order_id and p.currency = r.currency
), 0) where r.order_id = any(%s::uuid[])
"""
# An order without a receivable owes nothing, so that its hold closes. A hold never opens again by itself.
_CLOSE_HOLDS = """
with counted as materialized (
    select h.order_id, h.customer, h.open_minor as before, coalesce(round(
        h.amount_minor::numeric * greatest(r.due_minor - r.received_minor, 0) / nullif(r.due_minor, 0)
    ), 0)::bigint as after
    from unnest(%s::uuid[]) as w(id) join finance.credit_holds h on h.order_id = w.id
    left join finance.receivables r on r.order_id = h.order_id
    where h.released_at is null
), closed as (
    update finance.credit_holds h
    set open_minor = c.after, released_at = case when c.after = 0 then %s::timestamptz end
    from counted c where h.order_id = c.order_id
)
update finance.accounts a set exposure_minor = a.exposure_minor + v.change
from (select customer, sum(after - before)::bigint as change from counted group by customer) v
where a.customer = v.customer and v.change <> 0
"""
_DROP_CREDITS = "delete from finance.customer_credits where order_id = any(%s::uuid[])"
_KEEP_CREDITS = """
insert into finance.customer_credits (order_id, currency, customer, amount_minor, updated_at)
select p.order_id, p.currency, p.customer, p.total - coalesce(r.due_minor, 0), p.booked_at
from (
    select order_id, currency, max(customer) as customer, sum(amount_minor)::bigint as total,
        max(booked_at) as booked_at
    from finance.payments where order_id = any(%s::uuid[]) group by order_id, currency
) p
left join finance.receivables r on r.order_id = p.order_id and r.currency = p.currency
where p.total > coalesce(r.due_minor, 0)
"""
_DROP_RECEIVABLES = "delete from finance.receivables where order_id = any(%s::uuid[])"


def recount(session: Session, order_ids: Sequence[str], now: datetime) -> None:
    """Bring receivables, holds, exposure and customer credit of these orders in line with their payments."""
    ids = array(order_ids)
    session.write(_LOCK_ACCOUNTS, ids)
    session.write(_COUNT_RECEIVED, ids)
    session.write(_CLOSE_HOLDS, ids, now)
    _credit_customers(session, ids)


def undo_review(session: Session, visits: Sequence[Visit]) -> None:
    """The orders owe nothing any more: holds close, and what was paid for them is the customer's credit."""
    if visits:
        session.write(_DROP_RECEIVABLES, _ids(visits))
        recount(session, [visit.order.id for visit in visits], visits[0].now)


def undo_release(session: Session, visits: Sequence[Visit]) -> None:
    """What was to be paid in advance is no longer due; a review or settlement to come says so anew."""
    undo_review(session, [visit for visit in visits if visit.order.payment.terms == PREPAID])


def _credit_customers(session: Session, ids: str) -> None:
    session.write(_DROP_CREDITS, ids)
    session.write(_KEEP_CREDITS, ids)
