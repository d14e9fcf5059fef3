"""What logistics reads and keeps: carriers and plans. Delivery notes and shipments are in shipping.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from messages.contract import Code, Text
from messages.orders import Country, Currency, Money
from shared.audit import Invariant
from shared.calendar import BUSINESS_ZONE
from shared.database import Session, array, columns
from shared.department import Visit, effects_of
from shared.master import MasterFile, MasterRow
from shared.money import to_minor
from shared.outbox import to_json
from workers.logistics.rules import Plan, Rate

# -- what a plan rests on ----------------------------------------------------------------------------------------------

_WEIGHTS = """
select p.product, p.weight_grams from unnest(%s::text[]) as w(product)
join sales_review.product_list p on p.product = w.product
"""
# An empty region sorts first, so that the region's own rate is the one kept of each carrier.
_RATES = """
select distinct on (w.country, w.region, r.carrier) w.country, w.region,
    r.carrier, r.base_fee_minor, r.per_kg_fee_minor, r.currency, r.transit_days
from unnest(%s::text[], %s::text[]) as w(country, region)
join logistics.carrier_rates r on r.country = w.country and r.region in ('', w.region)
join logistics.carriers c on c.code = r.carrier and c.active
order by w.country, w.region, r.carrier, r.region desc
"""
_SAVE_PLANS = """
insert into logistics.plans as p (order_id, carrier, freight_minor, currency, arrival, promised_date, weight_grams,
    comparison, planned_at)
select * from unnest(%s::uuid[], %s::text[], %s::bigint[], %s::text[], %s::date[], %s::date[], %s::bigint[], %s::json[],
    %s::timestamptz[])
on conflict (order_id) do update set
    carrier = excluded.carrier, freight_minor = excluded.freight_minor, currency = excluded.currency,
    arrival = excluded.arrival, promised_date = excluded.promised_date, weight_grams = excluded.weight_grams,
    comparison = excluded.comparison, planned_at = excluded.planned_at, withdrawn_at = null
"""
# No condition beside the key: without statistics `is null` looks rarer than one row, and the table would be read whole.
_WITHDRAW_PLANS = """
update logistics.plans p set withdrawn_at = coalesce(p.withdrawn_at, w.at)
from unnest(%s::uuid[], %s::timestamptz[]) as w(order_id, at)
where p.order_id = w.order_id
"""


@dataclass(frozen=True, slots=True)
class Rates:
    """The weights and carriers of a batch: grams by product, rates by country and region in the order of carriers."""

    weights: Mapping[str, int]
    by_place: Mapping[tuple[str, str], Sequence[Rate]]

    def absorb(self, effect: object) -> None:
        """A plan changes nothing that the next order's plan looks at."""


def business_day(now: datetime) -> date:
    """The day in the company's time zone on which goods leave."""
    return now.astimezone(BUSINESS_ZONE).date()


def read_rates(session: Session, visits: Sequence[Visit]) -> Rates:
    """Weights of the products and rates for the places that the orders name. Two round trips, no locks."""
    if not visits:
        return Rates({}, {})
    products = {line.product for visit in visits for line in visit.order.lines}
    places = {(visit.order.delivery.country, visit.order.delivery.region) for visit in visits}
    weights: dict[str, int] = dict(session.rows(_WEIGHTS, array(sorted(products))))
    by_place: dict[tuple[str, str], list[Rate]] = {}
    for country, region, *rate in session.rows(_RATES, *columns(sorted(places), 2)):
        by_place.setdefault((country, region), []).append(Rate(*rate))
    return Rates(weights, by_place)


def save_plans(session: Session, effects: Sequence[object]) -> None:
    """Keep the choice and the comparison it was made from (LOG-01); a later round's plan replaces the earlier one."""
    session.write(_SAVE_PLANS, *columns([_plan_row(plan) for plan in effects_of(Plan, effects)], 9))


def _plan_row(plan: Plan) -> tuple[object, ...]:
    one = plan.choice
    # Dates as text: this is the largest document of the hot path, and the encoder would call back for each.
    comparison = to_json([(*each[:3], each.arrival.isoformat(), each.in_time) for each in plan.comparison])
    chosen = (one.carrier, one.freight_minor, one.currency, one.arrival, one.promised_date) if one else (None,) * 5
    return (plan.order_id, *chosen, plan.weight_grams, comparison, plan.planned_at)


def withdraw_plans(session: Session, visits: Sequence[Visit]) -> None:
    """The orders were returned or cancelled: their plans no longer hold."""
    session.write(_WITHDRAW_PLANS, *columns([(visit.order.id, visit.now) for visit in visits], 2))


# -- master data -------------------------------------------------------------------------------------------------------


class CarrierRow(MasterRow):
    """A carrier (物流公司). One of the two names is enough; one that is not active is never chosen."""

    code: Code
    name_zh: Text = ""
    name_en: Text = ""
    active: bool = True

    @model_validator(mode="after")
    def _has_a_name(self) -> Self:
        if not (self.name_zh or self.name_en):
            raise ValueError("one of name_zh and name_en is needed")
        return self


class CarrierRateRow(MasterRow):
    """What a carrier takes to a country, or to one region of it: a fee, and one more for every kilogram begun."""

    carrier: Code
    country: Country
    region: Text = ""
    base_fee: Money
    per_kg_fee: Money
    currency: Currency
    transit_days: Annotated[int, Field(ge=0, le=365)]

    @model_validator(mode="after")
    def _fits_the_currency(self) -> Self:
        to_minor(self.base_fee, self.currency)
        to_minor(self.per_kg_fee, self.currency)
        return self


_SAVE_CARRIERS = """
insert into logistics.carriers (code, name_zh, name_en, active)
select * from unnest(%s::text[], %s::text[], %s::text[], %s::boolean[])
on conflict (code) do update set name_zh = excluded.name_zh, name_en = excluded.name_en, active = excluded.active
"""
_SAVE_RATES = """
insert into logistics.carrier_rates (country, region, carrier, base_fee_minor, per_kg_fee_minor, currency, transit_days)
select * from unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::smallint[])
on conflict (country, region, carrier) do update set
    base_fee_minor = excluded.base_fee_minor, per_kg_fee_minor = excluded.per_kg_fee_minor,
    currency = excluded.currency, transit_days = excluded.transit_days
"""


def save_carriers(session: Session, rows: Sequence[CarrierRow]) -> None:
    """Make or update carriers."""
    values = [(row.code, row.name_zh or row.name_en, row.name_en or row.name_zh, row.active) for row in rows]
    session.write(_SAVE_CARRIERS, *columns(values, 4))


def save_carrier_rates(session: Session, rows: Sequence[CarrierRateRow]) -> None:
    """Make or update rates, of carriers that exist. A rate that a file no longer has stays until it is overwritten."""
    values = [
        (
            row.country,
            row.region,
            row.carrier,
            to_minor(row.base_fee, row.currency),
            to_minor(row.per_kg_fee, row.currency),
            row.currency,
            row.transit_days,
        )
        for row in rows
    ]
    session.write(_SAVE_RATES, *columns(values, 7))


MASTER: tuple[MasterFile[CarrierRow] | MasterFile[CarrierRateRow], ...] = (
    MasterFile("carriers", CarrierRow, save_carriers),
    MasterFile("carrier_rates", CarrierRateRow, save_carrier_rates),
)
"""The master data files of logistics, in the order in which they are loaded."""

# -- what must hold ----------------------------------------------------------------------------------------------------

INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        "logistics.shipped_within_ordered",
        """
        select h.number, concat(s.shipped, ' shipped, ', s.rest, ' to come, ', o.ordered, ' ordered')
        from (
            select order_id, sum(quantity) as shipped, min(rest) as rest
            from logistics.shipments where recalled_at is null group by order_id
        ) s
        join core.order_headers h on h.order_id = s.order_id
        left join (
            select order_id, sum(ordered) as ordered from logistics.ordered_lines group by order_id
        ) o on o.order_id = s.order_id
        where s.shipped + s.rest is distinct from o.ordered
        """,
    ),
    Invariant(
        "logistics.notes_within_order",
        """
        select h.number, concat('line ', o.line, ': ', sum(l.quantity), ' on notes, ', o.ordered, ' ordered')
        from logistics.ordered_lines o
        join core.order_headers h on h.order_id = o.order_id
        join logistics.delivery_note_lines l on l.order_id = o.order_id and l.line = o.line
        join logistics.delivery_notes n on n.number = l.note and n.recalled_at is null
        group by h.number, o.line, o.ordered having sum(l.quantity) > o.ordered
        """,
    ),
    Invariant(
        "logistics.noted_is_sum_of_notes",
        """
        select h.number, concat('line ', o.line, ': ', o.noted, ' counted, ', coalesce(sum(n.quantity), 0), ' on notes')
        from logistics.ordered_lines o
        join core.order_headers h on h.order_id = o.order_id
        left join (
            select l.order_id, l.line, l.quantity
            from logistics.delivery_note_lines l join logistics.delivery_notes n on n.number = l.note
            where n.recalled_at is null
        ) n on n.order_id = o.order_id and n.line = o.line
        group by h.number, o.line, o.noted having o.noted <> coalesce(sum(n.quantity), 0)
        """,
    ),
    Invariant(
        "logistics.ordered_as_in_document",
        """
        select h.number, concat('line ', o.line, ': ', o.ordered, ' here, ', d.quantity, ' in the order')
        from logistics.ordered_lines o
        join core.order_headers h on h.order_id = o.order_id
        left join (
            select c.id, (l->>'number')::int as line, (l->>'quantity')::bigint as quantity
            from core.orders c
            join core.order_documents d on d.order_id = c.id and d.revision = c.revision
            cross join lateral json_array_elements(d.document->'lines') l
        ) d on d.id = o.order_id and d.line = o.line
        where o.noted > 0 and o.ordered is distinct from d.quantity
        """,
    ),
    Invariant(
        "logistics.shipment_carries_its_note",
        """
        select h.number, concat(n.number, ': ', coalesce(s.tracking_number, 'no shipment'))
        from logistics.delivery_notes n
        join core.order_headers h on h.order_id = n.order_id
        left join logistics.shipments s on s.note = n.number
        where (s.note is not null or n.folder_id is null) and (
            s.note is null or s.order_id <> n.order_id or s.recalled_at is distinct from n.recalled_at
            or s.quantity is distinct from (
                select sum(l.quantity) from logistics.delivery_note_lines l where l.note = n.number
            )
        )
        """,
    ),
    Invariant(
        "logistics.nothing_leaves_on_an_unapproved_note",
        """
        select h.number, concat(n.number, ': ', o.state)
        from logistics.delivery_notes n
        join core.order_headers h on h.order_id = n.order_id
        join core.orders o on o.id = n.folder_id
        join logistics.shipments s on s.note = n.number and s.recalled_at is null
        where o.state not in ('approved', 'archived')
        """,
    ),
    Invariant(
        "logistics.closed_orders_hold_nothing",
        """
        select h.number, concat(o.state, ', but planned or on its way')
        from core.orders o join core.order_headers h on h.order_id = o.id
        where o.state in ('returned', 'cancelled', 'purged', 'replaced') and (
            exists (select from logistics.plans p where p.order_id = o.id and p.withdrawn_at is null)
            or exists (
                select from logistics.shipments s
                where s.order_id = o.id and s.recalled_at is null and s.delivered_at is null
            )
        )
        """,
    ),
)
"""What `orderflow audit` proves of these books."""
