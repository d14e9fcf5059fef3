"""What logistics reads and keeps: carriers and plans. Delivery notes and shipments are in shipping.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
from workers.logistics import invariants
from workers.logistics.promise_rules import PROMISE
from workers.logistics.promises import read_last
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
    """The weights and carriers of a batch: grams by product, rates by country and region in the order of carriers, and
    the dates that were promised by order.
    """

    weights: Mapping[str, int]
    by_place: Mapping[tuple[str, str], Sequence[Rate]]
    promised: Mapping[str, date] = field(default_factory=dict)

    def absorb(self, effect: object) -> None:
        """A plan changes nothing that the next order's plan looks at."""


def business_day(now: datetime) -> date:
    """The day in the company's time zone on which goods leave."""
    return now.astimezone(BUSINESS_ZONE).date()


def read_rates(session: Session, visits: Sequence[Visit]) -> Rates:
    """Weights of the products and rates for the places that the orders name. One round trip, no locks, and one more
    where the process has dates promised before.
    """
    if not visits:
        return Rates({}, {})
    products = {line.product for visit in visits for line in visit.order.lines}
    places = {(visit.order.delivery.country, visit.order.delivery.region) for visit in visits}
    weights, rates = session.together(
        (_WEIGHTS, (array(sorted(products)),)), (_RATES, tuple(columns(sorted(places), 2)))
    )
    by_place: dict[tuple[str, str], list[Rate]] = {}
    for country, region, *rate in rates:
        by_place.setdefault((country, region), []).append(Rate(*rate))
    dated = [visit.order.id for visit in visits if PROMISE in visit.activities]
    last = read_last(session, dated) if dated else {}
    promised = {order: each.promised_on for order, each in last.items() if not each.withdrawn}
    return Rates(dict(weights), by_place, promised)


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

INVARIANTS: tuple[Invariant, ...] = invariants.ALL
"""What `orderflow audit` proves of these books."""
