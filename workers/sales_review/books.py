"""What sales review reads and keeps: the records that a check rests on, and the master data behind them (CRM-03)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from messages.contract import Code, Text
from messages.orders import Country, Currency, Email, Money, Order, Phone, SaleType
from shared.calendar import BUSINESS_ZONE
from shared.database import Session, array, columns
from shared.department import Visit
from shared.master import MasterFile, MasterRow
from shared.money import to_minor
from workers.sales_review.quotations import agreed_prices
from workers.sales_review.rules import Credit, Customer, Product
from workers.sales_review.strategy import NOTHING_RESTRICTED, Market, StrategyRow, read_market, save_strategy

# -- what a check rests on ---------------------------------------------------------------------------------------------

# Views of other departments may add up rows: asked for one key at a time they use an index, joined they would be
# computed whole.
_CUSTOMERS = """
select c.code, c.sale_type, c.country, k.currency, k.limit_minor, k.exposure_minor, k.on_hold_reason
from unnest(%s::text[]) as w(customer)
join sales_review.customers c on c.code = w.customer
left join lateral (
    select s.currency, s.limit_minor, s.exposure_minor, s.on_hold_reason from finance.credit_status s
    where s.customer = w.customer limit 1
) k on true
"""
_PRODUCTS = """
select w.currency, w.day, p.code, p.active, p.countries,
    (
        select l.unit_price_minor from sales_review.prices l
        where l.product = w.product and l.currency = w.currency and l.effective_from <= w.day
        order by l.effective_from desc limit 1
    ),
    (select a.available from warehouse.availability a where a.product = w.product)
from unnest(%s::text[], %s::text[], %s::date[]) as w(product, currency, day)
join sales_review.products p on p.code = w.product
"""


_RECORD = """
select name_zh, name_en, country, region, address, contact_name, phone, email, sale_type
from sales_review.customers where code = %s
"""
_AVAILABLE = """
select w.product, (select a.available from warehouse.availability a where a.product = w.product)
from unnest(%s::text[]) as w(product) join sales_review.products p on p.code = w.product
"""


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a batch: customers by code, products by currency and day, then by code."""

    customers: Mapping[str, Customer]
    products: Mapping[tuple[str, date], Mapping[str, Product]]
    preliminary: Market = NOTHING_RESTRICTED
    """What compliance restricts, where a step asks for a preliminary look at it (SAL-03)."""
    agreed: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """The agreed prices by accepted quotation, then by product (SAL-01)."""

    def agreed_for(self, order: Order) -> Mapping[str, int]:
        """The agreed prices of the quotation that the order was made from, by product."""
        return self.agreed.get(order.quotation, {}) if order.quotation else {}

    def absorb(self, effect: object) -> None:
        """A check changes nothing that the next one looks at."""


PRELIMINARY = "preliminary"
"""Option of the first check: whether it looks at compliance's restrictions too (D2 step 2)."""


def business_day(now: datetime) -> date:
    """The day in the company's time zone: price lists change at its midnight."""
    return now.astimezone(BUSINESS_ZONE).date()


def read_records(session: Session, visits: Sequence[Visit]) -> Records:
    """The customers and products that the orders name, as far as they are known. Two round trips, no locks."""
    if not visits:
        return Records({}, {})
    codes: set[str] = set()
    wanted: set[tuple[str, str, date]] = set()
    for visit in visits:
        order, day = visit.order, business_day(visit.now)
        codes.add(order.customer.code)
        wanted.update([(line.product, order.currency, day) for line in order.lines])
    customers = {
        code: Customer(sale_type, country, Credit(currency, *credit) if currency else None)
        for code, sale_type, country, currency, *credit in session.rows(_CUSTOMERS, array(sorted(codes)))
    }
    products: dict[tuple[str, date], dict[str, Product]] = {}
    for currency, day, code, active, countries, price, available in session.rows(
        _PRODUCTS, *columns(sorted(wanted), 3)
    ):
        products.setdefault((currency, day), {})[code] = Product(active, countries, price, available or 0)
    asking = [visit for visit in visits if visit.options.get(PRELIMINARY)]
    preliminary = read_market(session, asking) if asking else NOTHING_RESTRICTED
    quoted = [str(visit.order.quotation) for visit in visits if visit.order.quotation]
    return Records(customers, products, preliminary, agreed_prices(session, quoted) if quoted else {})


def customer_record(session: Session, code: str) -> dict[str, Any]:
    """The record of a customer who exists."""
    names = ("name_zh", "name_en", "country", "region", "address", "contact_name", "phone", "email", "sale_type")
    row = session.row(_RECORD, code)
    assert row is not None, "a quotation is made to a customer on record"
    return dict(zip(names, row, strict=True))


def availability(session: Session, products: Sequence[str]) -> dict[str, int]:
    """What of these products could be promised now; unknown ones are absent. Nothing is reserved (SAL-05)."""
    return {product: found or 0 for product, found in session.rows(_AVAILABLE, array(sorted({*products})))}


# -- master data -------------------------------------------------------------------------------------------------------


class CustomerRow(MasterRow):
    """A customer (客户). One of the two names is enough; it then stands for both."""

    code: Code
    name_zh: Text = ""
    name_en: Text = ""
    country: Country
    region: Text = ""
    address: Text = ""
    contact_name: Text = ""
    phone: Phone | None = None
    email: Email | None = None
    sale_type: SaleType
    class_: Literal["A", "B", "C"] | None = Field(default=None, alias="class")
    language: Literal["zh", "en"] | None = None

    @model_validator(mode="after")
    def _has_a_name(self) -> Self:
        _need_a_name(self.name_zh, self.name_en)
        return self


class ProductRow(MasterRow):
    """A product (商品). One of the two names is enough. `countries` separated by spaces; empty: everywhere."""

    code: Code
    name_zh: Text = ""
    name_en: Text = ""
    category: Text = ""
    active: bool = True
    weight_grams: Annotated[int, Field(ge=0, le=1_000_000_000)]
    countries: Annotated[tuple[Country, ...] | None, BeforeValidator(lambda cell: cell.split() or None)] = None

    @model_validator(mode="after")
    def _has_a_name(self) -> Self:
        _need_a_name(self.name_zh, self.name_en)
        return self


class PriceRow(MasterRow):
    """A price from a day on (价格表)."""

    product: Code
    currency: Currency
    unit_price: Money
    effective_from: date

    @model_validator(mode="after")
    def _fits_the_currency(self) -> Self:
        to_minor(self.unit_price, self.currency)
        return self

    @property
    def unit_price_minor(self) -> int:
        return to_minor(self.unit_price, self.currency)


def _need_a_name(name_zh: str, name_en: str) -> None:
    if not (name_zh or name_en):
        raise ValueError("one of name_zh and name_en is needed")


_SAVE_CUSTOMERS = """
insert into sales_review.customers as c
    (code, name_zh, name_en, country, region, address, contact_name, phone, email, sale_type, class,
        language)
select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::text[], %s::text[], %s::text[], %s::text[])
on conflict (code) do update set
    name_zh = excluded.name_zh, name_en = excluded.name_en, country = excluded.country, region = excluded.region,
    address = excluded.address, contact_name = excluded.contact_name, phone = excluded.phone, email = excluded.email,
    sale_type = excluded.sale_type, class = coalesce(excluded.class, c.class),
    language = coalesce(excluded.language, c.language), reviewed_at = now()
"""
_SAVE_PRODUCTS = """
insert into sales_review.products (code, name_zh, name_en, category, active, weight_grams, countries)
select r.code, r.name_zh, r.name_en, r.category, r.active, r.weight_grams, r.countries::text[]
from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::boolean[], %s::bigint[], %s::text[])
    as r(code, name_zh, name_en, category, active, weight_grams, countries)
on conflict (code) do update set
    name_zh = excluded.name_zh, name_en = excluded.name_en, category = excluded.category, active = excluded.active,
    weight_grams = excluded.weight_grams, countries = excluded.countries
"""
_SAVE_PRICES = """
insert into sales_review.prices (product, currency, effective_from, unit_price_minor)
select * from unnest(%s::text[], %s::text[], %s::date[], %s::bigint[])
on conflict (product, currency, effective_from) do update set unit_price_minor = excluded.unit_price_minor
"""


def save_customers(session: Session, rows: Sequence[CustomerRow]) -> None:
    """Make or update customers. A code that stands twice is refused by the database (CRM-03); an empty class or
    language leaves the one that the customer has.
    """
    values = [
        (
            row.code,
            row.name_zh or row.name_en,
            row.name_en or row.name_zh,
            row.country,
            row.region,
            row.address,
            row.contact_name,
            row.phone,
            row.email,
            row.sale_type,
            row.class_,
            row.language,
        )
        for row in rows
    ]
    session.write(_SAVE_CUSTOMERS, *columns(values, 12))


def save_products(session: Session, rows: Sequence[ProductRow]) -> None:
    """Make or update products."""
    values = [
        (
            row.code,
            row.name_zh or row.name_en,
            row.name_en or row.name_zh,
            row.category,
            row.active,
            row.weight_grams,
            None if row.countries is None else array(row.countries),
        )
        for row in rows
    ]
    session.write(_SAVE_PRODUCTS, *columns(values, 7))


def save_prices(session: Session, rows: Sequence[PriceRow]) -> None:
    """Make or update prices, of products that exist."""
    values = [(row.product, row.currency, row.effective_from, row.unit_price_minor) for row in rows]
    session.write(_SAVE_PRICES, *columns(values, 4))


MASTER: tuple[MasterFile[Any], ...] = (
    MasterFile("customers", CustomerRow, save_customers),
    MasterFile("products", ProductRow, save_products),
    MasterFile("prices", PriceRow, save_prices),
    MasterFile("strategy", StrategyRow, save_strategy),
)
"""The master data files of sales review, in the order in which they are loaded."""
