"""The company that is measured: master data with plenty of stock and credit, and orders that every rule passes."""

import csv
import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

CUSTOMERS, PRODUCTS = 60, 120
_LINES = 3
_PLENTY = "1000000000000"
_REGIONS = ("上海", "浙江", "江苏", "广东", "四川", "湖北")
_CARRIERS = (("SLOW", "12.00", "1.20", 4), ("FAST", "25.00", "3.50", 1), ("SAFE", "18.00", "2.00", 2))


def write_files(folder: Path) -> None:
    """Its master data as CSV files, for `workers.masterdata.load_folder`."""
    customers = [_customer(place) for place in range(CUSTOMERS)]
    products = range(PRODUCTS)
    files: dict[str, Sequence[dict[str, object]]] = {
        "customers": customers,
        "accounts": [
            {
                "customer": each["code"],
                "currency": "CNY",
                "credit_limit": _PLENTY,
                "terms": "prepaid net_30",
                "tax_number": f"91310000MA1K{place:05}X",
                "invoice_title": each["name_zh"],
                "invoice_address": each["address"],
            }
            for place, each in enumerate(customers)
        ],
        "products": [
            {"code": _product(place), "name_en": f"Product {place}", "category": "office", "weight_grams": 250 + place}
            for place in products
        ],
        "prices": [
            {"product": _product(place), "currency": "CNY", "unit_price": _price(place), "effective_from": "2020-01-01"}
            for place in products
        ],
        "stock": [{"product": _product(place), "location": "MAIN", "on_hand": _PLENTY} for place in products],
        "carriers": [{"code": code, "name_en": code, "active": True} for code, *_ in _CARRIERS],
        "carrier_rates": [
            {
                "carrier": code,
                "country": "CN",
                "base_fee": base,
                "per_kg_fee": per_kg,
                "currency": "CNY",
                "transit_days": days,
            }
            for code, base, per_kg, days in _CARRIERS
        ],
        "compliance_rules": [
            {"code": "R-1", "kind": "product", "value": "NOT-SOLD", "name_en": "a product that nobody orders"},
            {"code": "R-2", "kind": "party", "value": "Nobody Trading", "name_en": "a party that never orders"},
        ],
    }
    for name, rows in files.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def orders(run: str, count: int, today: date, definition: str = "express") -> list[bytes]:
    """So many different orders for a process, by itself the approval route, of about 1 KB each, as upstream publishes
    them.
    """
    random = Random(run)
    made = [_order(run, serial, random, today) | {"definition": definition} for serial in range(count)]
    return [json.dumps(order, ensure_ascii=False).encode() for order in made]


def _order(run: str, serial: int, random: Random, today: date) -> dict[str, Any]:
    customer = _customer(random.randrange(CUSTOMERS))
    places = random.sample(range(PRODUCTS), _LINES)
    quantities = [random.randint(1, 20) for _ in places]
    fen = sum((1_000 + 37 * place) * quantity for place, quantity in zip(places, quantities, strict=True))
    return {
        "schema_version": 1,
        "source": "bench",
        "external_id": f"{run}-{serial}",
        "customer": {"code": customer["code"], "name": customer["name_zh"]},
        "contact": {"name": customer["contact_name"], "phone": customer["phone"], "email": customer["email"]},
        "delivery": {"address": customer["address"], "country": "CN", "region": customer["region"]},
        "channel": "online",
        "sale_type": "domestic",
        "entry_system": "ERP",
        "currency": "CNY",
        "lines": [
            {
                "product": _product(place),
                "quantity": quantity,
                "unit_price": _price(place),
                "discount_percent": "0",
            }
            for place, quantity in zip(places, quantities, strict=True)
        ],
        "total": f"{fen // 100}.{fen % 100:02}",
        "requested_date": (today + timedelta(days=30)).isoformat(),
        "payment": {"method": "wire", "terms": "net_30"},
        "customer_order_number": f"{run}-PO-{serial}",
        "creator": "bench.clerk",
    }


def _customer(place: int) -> dict[str, object]:
    return {
        "code": f"C{place:03}",
        "name_zh": f"第{place}号商贸有限公司",
        "name_en": f"Trading Company No. {place}",
        "country": "CN",
        "region": _REGIONS[place % len(_REGIONS)],
        "address": f"{_REGIONS[place % len(_REGIONS)]}人民路{place + 1}号 {place + 1} Renmin Road",
        "contact_name": f"联系人 {place}",
        "phone": f"+86 21 5550 {place:04}",
        "email": f"buyer{place}@example.com",
        "sale_type": "domestic",
    }


def _product(place: int) -> str:
    return f"P{place:03}"


def _price(place: int) -> str:
    fen = 1_000 + 37 * place
    return f"{fen // 100}.{fen % 100:02}"
