"""Six days of a real shop's invoices (Online Retail, 2010), read from a folder beside the repository, never copied into
it: the shop as a company folder, the map, and what must become of every invoice, counted here without our own code.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path

from tests.support.database import REPOSITORY

FOLDER = REPOSITORY.parent / "shared" / "data" / "online-retail"
HOME = "United Kingdom"
COUNTRIES = {
    HOME: "GB", "Germany": "DE", "EIRE": "IE", "France": "FR", "Lithuania": "LT", "Portugal": "PT", "Italy": "IT",
    "Australia": "AU", "Netherlands": "NL", "Norway": "NO", "Switzerland": "CH", "Spain": "ES", "Poland": "PL",
    "Belgium": "BE", "Japan": "JP", "Iceland": "IS",
}  # fmt: skip

MAP = f"""
group_by = "InvoiceNo"

[order]
source = "online-retail"
external_id = "{{InvoiceNo}}"
customer.code = {{ from = "{{CustomerID}}", remove_suffix = ".0" }}
customer.name = {{ from = "Customer {{CustomerID}}", remove_suffix = ".0" }}
contact.name = "Customer service"
contact.email = "orders@shop.example"
delivery.address = "Customer's address, {{Country}}"
delivery.country = {{ from = "{{Country}}", translate = "country" }}
channel = "online"
sale_type = {{ from = "{{Country}}", translate = "sale_type", otherwise = "foreign" }}
entry_system = "CRM"
currency = "GBP"
requested_date = {{ from = "today", plus_days = 30 }}
payment.method = "online"
payment.terms = "prepaid"
total = "sum"

[line]
product = "{{StockCode}}"
quantity = "{{Quantity}}"
unit_price = "{{UnitPrice}}"

[translate.sale_type]
"{HOME}" = "domestic"

[translate.country]
""" + "".join(f'"{name}" = "{code}"\n' for name, code in COUNTRIES.items())


MOST_THAT_IS_GRANTED, GRANTED_BY_SALES = Decimal("0.15"), Decimal("0.05")
"""What senior management may grant, and what the supervisor who agreed first may."""


@dataclass(frozen=True)
class Invoice:
    """All lines of one invoice."""

    number: str
    file: str
    lines: Sequence[Mapping[str, str]]

    @property
    def customer(self) -> str:
        return self.lines[0]["CustomerID"].removesuffix(".0")

    @property
    def country(self) -> str:
        return self.lines[0]["Country"]

    @property
    def total(self) -> Decimal:
        return sum((int(line["Quantity"]) * Decimal(line["UnitPrice"]) for line in self.lines), Decimal(0))

    @cached_property
    def faults(self) -> Counter[str]:
        """Why it cannot be an order: how often each field is at fault."""
        found = Counter({"lines.*.quantity": sum(int(line["Quantity"]) <= 0 for line in self.lines)})
        if not self.customer:
            found.update(("customer.code", "customer.name"))
        return +found


@dataclass(frozen=True)
class Shop:
    """The invoices, and what follows from them."""

    files: Sequence[Path]
    invoices: Mapping[str, Invoice]

    @cached_property
    def orders(self) -> dict[str, Invoice]:
        """The invoices that can be orders."""
        return {number: invoice for number, invoice in self.invoices.items() if not invoice.faults}

    @cached_property
    def usual_prices(self) -> dict[str, Decimal]:
        """Of every product, the price at which most orders take it; the lowest where that is a tie."""
        prices: dict[str, Counter[Decimal]] = defaultdict(Counter)
        for invoice in self.orders.values():
            for line in invoice.lines:
                prices[line["StockCode"]][Decimal(line["UnitPrice"])] += 1
        return {code: min(counts, key=lambda price: (-counts[price], price)) for code, counts in prices.items()}

    def at_usual_prices(self, invoice: Invoice) -> bool:
        return all(Decimal(line["UnitPrice"]) == self.usual_prices[line["StockCode"]] for line in invoice.lines)

    def largest_discount(self, invoice: Invoice) -> Decimal:
        """The largest share of its usual price by which a line is cheaper; below 0 where all are dearer."""
        usual = [(self.usual_prices[line["StockCode"]], Decimal(line["UnitPrice"])) for line in invoice.lines]
        return max((price - paid) / price if price else Decimal(0) for price, paid in usual)

    def too_cheap(self, invoice: Invoice) -> bool:
        """Whether a line is cheaper than anybody may grant."""
        return self.largest_discount(invoice) > MOST_THAT_IS_GRANTED

    @cached_property
    def sold(self) -> Counter[str]:
        """Pieces of every product in all orders that somebody may let pass."""
        pieces: Counter[str] = Counter()
        for invoice in [invoice for invoice in self.orders.values() if not self.too_cheap(invoice)]:
            for line in invoice.lines:
                pieces[line["StockCode"]] += int(line["Quantity"])
        return pieces


def read_shop(folder: Path = FOLDER) -> Shop:
    """Read the days."""
    files = sorted(folder.glob("*.csv"))
    lines: dict[str, list[dict[str, str]]] = defaultdict(list)
    at: dict[str, str] = {}
    for file in files:
        with file.open(encoding="utf-8", newline="") as stream:
            for line in csv.DictReader(stream):
                lines[line["InvoiceNo"]].append(line)
                at.setdefault(line["InvoiceNo"], file.name)
    return Shop(files, {number: Invoice(number, at[number], found) for number, found in lines.items()})


def write_company(shop: Shop, folder: Path, short: Mapping[str, int]) -> None:
    """The shop's master data: customers, products at their usual prices, stock for all that is sold but what is `short`
    by so many pieces, accounts that pay in advance, two carriers that go everywhere, staff in the roles that are asked.
    """
    customers = {invoice.customer: invoice.country for invoice in shop.invoices.values() if invoice.customer}
    codes = sorted(shop.usual_prices)
    _write(
        folder / "customers.csv",
        ("code", "name_en", "country", "sale_type"),
        [
            (code, f"Customer {code}", COUNTRIES[country], "domestic" if country == HOME else "foreign")
            for code, country in sorted(customers.items())
        ],
    )
    _write(
        folder / "accounts.csv",
        ("customer", "currency", "terms", "tax_number", "invoice_title", "invoice_address"),
        [(code, "GBP", "prepaid", f"GB{code}", f"Customer {code}", country) for code, country in customers.items()],
    )
    named = sorted({line["StockCode"] for invoice in shop.invoices.values() for line in invoice.lines})
    _write(folder / "products.csv", ("code", "name_en", "weight_grams"), [(code, code, 250) for code in named])
    _write(
        folder / "prices.csv",
        ("product", "currency", "unit_price", "effective_from"),
        [(code, "GBP", shop.usual_prices[code], "2010-12-01") for code in codes],
    )
    _write(
        folder / "stock.csv", ("product", "on_hand"), [(code, shop.sold[code] - short.get(code, 0)) for code in codes]
    )
    _write(folder / "carriers.csv", ("code", "name_en"), [("POST", "Post"), ("SWIFT", "Swift Parcels")])
    _write(
        folder / "carrier_rates.csv",
        ("carrier", "country", "base_fee", "per_kg_fee", "currency", "transit_days"),
        [
            (carrier, country, *rate, "GBP", days)
            for country in sorted(set(COUNTRIES.values()))
            for carrier, rate, days in (("POST", ("2.00", "0.50"), 5), ("SWIFT", ("6.00", "0.90"), 2))
        ],
    )
    _write(
        folder / "staff.csv",
        ("id", "name", "roles"),
        [
            ("sue", "Sue", "sales_supervisor"),
            ("fay", "Fay", "finance_clerk"),
            ("una", "Una", "finance_manager"),
            ("ann", "Ann", "senior_management"),
        ],
    )


def _write(path: Path, heading: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([heading, *rows])
