"""What the market step reads (SAL-07): strategy, restrictions of compliance, goods; and the strategy's master data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from messages.contract import Code, Text
from messages.orders import Country
from shared.calendar import BUSINESS_ZONE
from shared.database import Session, columns
from shared.department import Visit
from shared.master import MasterRow
from workers.sales_review.strategy_rules import Good, Restriction, Strategy

_RESTRICTIONS = "select code, kind, value, name_zh, name_en from compliance.restriction_list order by code"
_STRATEGIES = """
select code, customer_class, category, country, region, least_price_basis_points, name_zh, name_en
from sales_review.strategy where active order by code
"""
_GOODS = """
select w.currency, p.code, p.category, (
    select l.unit_price_minor from sales_review.prices l
    where l.product = w.product and l.currency = w.currency and l.effective_from <= %s::date
    order by l.effective_from desc limit 1
)
from unnest(%s::text[], %s::text[]) as w(product, currency)
join sales_review.products p on p.code = w.product
"""


@dataclass(frozen=True, slots=True)
class Market:
    """What a batch's market step rests on; goods by currency, then by product."""

    strategies: Sequence[Strategy]
    restrictions: Sequence[Restriction]
    goods: Mapping[str, Mapping[str, Good]]

    def absorb(self, effect: object) -> None:
        """An approval changes nothing that the next one looks at."""


NOTHING_RESTRICTED = Market((), (), {})


def read_market(session: Session, visits: Sequence[Visit]) -> Market:
    """All rules, and the goods of the orders. One round trip, no locks."""
    if not visits:
        return NOTHING_RESTRICTED
    today: date = visits[0].now.astimezone(BUSINESS_ZONE).date()
    wanted = sorted({(line.product, visit.order.currency) for visit in visits for line in visit.order.lines})
    strategies, restrictions, found = session.together(
        (_STRATEGIES, ()), (_RESTRICTIONS, ()), (_GOODS, (today, *columns(wanted, 2)))
    )
    goods: dict[str, dict[str, Good]] = {}
    for currency, product, category, listed in found:
        goods.setdefault(currency, {})[product] = Good(category, listed)
    return Market([Strategy(*row) for row in strategies], [Restriction(*row) for row in restrictions], goods)


class StrategyRow(MasterRow):
    """A rule of market strategy (市场策略). Without `least_price_basis_points` what it is about is not sold at all."""

    code: Code
    customer_class: Literal["A", "B", "C"] | None = None
    category: Text | None = None
    country: Country | None = None
    region: Text | None = None
    least_price_basis_points: Annotated[int, Field(ge=1, le=100_000)] | None = None
    name_zh: Text = ""
    name_en: Text = ""
    active: bool = True

    @model_validator(mode="after")
    def _says_what_it_is_about(self) -> Self:
        if not (self.name_zh or self.name_en):
            raise ValueError("one of name_zh and name_en is needed")
        if not (self.customer_class or self.category or self.country or self.region):
            raise ValueError("one of customer_class, category, country and region is needed")
        return self


_SAVE = """
insert into sales_review.strategy
    (code, customer_class, category, country, region, least_price_basis_points, name_zh, name_en, active)
select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[], %s::text[], %s::text[],
    %s::boolean[])
on conflict (code) do update set
    customer_class = excluded.customer_class, category = excluded.category, country = excluded.country,
    region = excluded.region, least_price_basis_points = excluded.least_price_basis_points,
    name_zh = excluded.name_zh, name_en = excluded.name_en, active = excluded.active
"""


def save_strategy(session: Session, rows: Sequence[StrategyRow]) -> None:
    """Make or change rules. One that is no longer wanted is loaded as inactive."""
    values = [
        (
            row.code,
            row.customer_class,
            row.category,
            row.country,
            row.region,
            row.least_price_basis_points,
            row.name_zh or row.name_en,
            row.name_en or row.name_zh,
            row.active,
        )
        for row in rows
    ]
    session.write(_SAVE, *columns(values, 9))
