"""The sample company (样例公司): its master data files, and the orders that its customers write."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from messages.orders import DELIVERY_DATE_FIELD
from shared.money import from_minor, line_amount, to_minor

FOLDER = Path(__file__).parents[2] / "deploy" / "sample_company"
"""Its master data: what `orderflow load` takes."""

Document = dict[str, Any]
"""An order in its wire form, as `messages.orders.OrderSubmitted` reads it."""

_PLENTY = 1_000


@dataclass(frozen=True, slots=True)
class Company:
    """What its sample orders are made from. Lists are in the order of the files."""

    customers: Mapping[str, Mapping[str, str]]
    prices: Mapping[str, Mapping[str, Decimal]]
    """Today's list price by currency and product."""
    everyday: Sequence[str]
    """Sold everywhere, without restriction, in plenty, inspected by routine."""
    inactive: Sequence[str]
    short: Sequence[str]
    inspected: Sequence[str]
    restricted: Mapping[str, Sequence[str]]
    """Products that a rule of compliance names, by the kind of the rule."""
    deliverable: Mapping[str, Sequence[str]]
    """Products that go to some countries only, and which."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line to be: `price` None is the list price."""

    product: str
    quantity: int
    price: Decimal | None = None
    discount_percent: Decimal = Decimal(0)


@cache
def company(today: date) -> Company:
    """The sample company on one day: prices change with time."""
    products, stock = _read("products"), _read("stock")
    rules = [rule for rule in _read("compliance_rules") if rule["active"] == "true"]
    restricted = {
        "product": [rule["value"] for rule in rules if rule["kind"] == "product"],
        "category": [
            each["code"]
            for each in products
            if each["category"] in {rule["value"] for rule in rules if rule["kind"] == "category"}
        ],
    }
    on_hand: dict[str, int] = {}
    for row in stock:
        if row["inspection"] != "failed":
            on_hand[row["product"]] = on_hand.get(row["product"], 0) + int(row["on_hand"]) - int(row["blocked"])
    inspected = [row["product"] for row in stock if row["inspection"] == "person"]
    active = {each["code"]: each["countries"].split() for each in products if each["active"] == "true"}
    special = {code for codes in restricted.values() for code in codes} | set(inspected)
    return Company(
        customers={row["code"]: row for row in _read("customers")},
        prices=_prices(today),
        everyday=[
            code
            for code, countries in active.items()
            if not countries and code not in special and on_hand[code] >= _PLENTY
        ],
        inactive=[each["code"] for each in products if each["active"] == "false"],
        short=[code for code in active if on_hand[code] < _PLENTY],
        inspected=inspected,
        restricted=restricted,
        deliverable={code: countries for code, countries in active.items() if countries},
    )


def goods(company: Company, currency: str, worth: int, random: Random) -> list[Item]:
    """Everyday goods for `worth` in whole units of the currency, or less by less than the cheapest of them."""
    prices = company.prices[currency]
    listed = {code: prices[code] for code in company.everyday if code in prices}
    cheapest = min(listed, key=listed.__getitem__)
    items: list[Item] = []
    left = Decimal(worth)
    for part in (3, 2, 1, 1):
        budget, chosen = left / part, {cheapest, *[item.product for item in items]}
        lowest, highest = budget / 200, budget / 2
        fitting = [code for code, price in listed.items() if lowest <= price <= highest and code not in chosen]
        if fitting:
            code = random.choice(fitting)
            items.append(Item(code, int(budget / listed[code])))
            left -= items[-1].quantity * listed[code]
    pieces = int(left / listed[cheapest])
    return [*items, Item(cheapest, pieces)] if pieces or not items else items


def document(
    company: Company, today: date, serial: int, customer: str, items: Sequence[Item], days: int, **changes: Any
) -> Document:
    """A complete order of a customer, requested in so many days; top-level fields may be replaced."""
    who = company.customers[customer]
    source, entry_system, channel, creator = _DESKS[serial % len(_DESKS)]
    currency = changes.get("currency", "CNY")
    lines = [_line(item, company.prices[currency]) for item in items]
    return {
        "schema_version": 1,
        "source": source,
        "external_id": f"S{serial:06}",
        "customer": {"code": customer, "name": who["name_zh"] if who["country"] == "CN" else who["name_en"]},
        "contact": {"name": who["contact_name"], "phone": who["phone"], "email": who["email"]},
        "delivery": {"address": who["address"], "country": who["country"], "region": who["region"]},
        "channel": channel,
        "sale_type": who["sale_type"],
        "entry_system": entry_system,
        "currency": currency,
        "lines": lines,
        "total": total(lines, currency),
        "requested_date": (today + timedelta(days=days)).isoformat(),
        "payment": {"method": "wire", "terms": "net_30"},
        "customer_order_number": f"PO-{serial:06}",
        **({"creator": creator} if creator else {}),
        **changes,
    }


def total(lines: Sequence[Mapping[str, Any]], currency: str) -> str:
    """What lines in their wire form come to."""
    minor = sum(
        line_amount(
            line["quantity"],
            to_minor(Decimal(line["unit_price"]), currency),
            int(Decimal(line.get("discount_percent", "0")) * 100),
        )
        for line in lines
    )
    return str(from_minor(minor, currency))


def _line(item: Item, listed: Mapping[str, Decimal]) -> dict[str, Any]:
    price = listed[item.product] if item.price is None else item.price
    line: dict[str, Any] = {"product": item.product, "quantity": item.quantity, "unit_price": str(price)}
    if item.discount_percent:
        line["discount_percent"] = str(item.discount_percent)
    return line


_DESKS = (
    ("sample-erp", "ERP", "phone", "li.na"),
    ("sample-shop", "CRM", "online", None),
    ("sample-crm", "CRM", "visit", "zhang.min"),
    ("sample-erp", "ERP", "email", "wang.lei"),
    ("sample-shop", "CRM", "online", None),
    ("sample-crm", "CRM", "phone", "liu.yan"),
    ("sample-erp", "ERP", "fax", "chen.jie"),
    ("sample-crm", "CRM", "email", "amy.ross"),
)
"""Where orders are written: source, entry system, channel, creator (制单人; none: the shop itself)."""


def _prices(today: date) -> dict[str, dict[str, Decimal]]:
    prices: dict[str, dict[str, Decimal]] = {}
    for row in sorted(_read("prices"), key=lambda row: row["effective_from"]):
        if row["effective_from"] <= today.isoformat():
            prices.setdefault(row["currency"], {})[row["product"]] = Decimal(row["unit_price"])
    return prices


def _read(name: str) -> list[dict[str, str]]:
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def dated(order: Document) -> Document:
    """The same with its real delivery date where the sale type has it, as some processes ask (ENT-06)."""
    field = DELIVERY_DATE_FIELD.get(order["sale_type"])
    others = {name: value for name, value in order.items() if name not in DELIVERY_DATE_FIELD.values()}
    return others | {field: order["requested_date"]} if field else others
