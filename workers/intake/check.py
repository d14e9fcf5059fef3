"""The rules of order entry (录单): pure checks of a submitted order against master data, and the stored document."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from messages.events import FieldError
from messages.orders import Customer, Line, Order, OrderSubmitted, PaymentTerms, Person, Place, write_order
from shared.money import MoneyError, convert, from_minor, line_amount, to_minor
from shared.policy import Policy


@dataclass(frozen=True, slots=True)
class Catalog:
    """The master data that a batch of submissions refers to."""

    customers: Mapping[str, tuple[str, bool]]
    """Known customers: class, and whether new (CRM-01, CRM-02)."""
    products: frozenset[str]


@dataclass(frozen=True, slots=True)
class Amounts:
    """A submission's lines in minor units, their total, and the total in the policy's base currency."""

    lines: tuple[Line, ...]
    total_minor: int
    total_base_minor: int


def content_hash(submitted: OrderSubmitted) -> bytes:
    """SHA-256 of the meaning of a submission: the same whatever the order of keys or the blanks in its JSON."""
    return hashlib.sha256(submitted.model_dump_json().encode()).digest()


def check(
    submitted: OrderSubmitted, catalog: Catalog, policy: Policy, today: date
) -> tuple[Amounts | None, list[FieldError]]:
    """Every fault of a well-formed submission at once (ENT-02, ENT-03); the amounts where there is none."""
    errors: list[FieldError] = []

    def fault(field: str, code: str, reason: str) -> None:
        errors.append(FieldError(field=field, code=code, reason=reason))

    if submitted.customer.code not in catalog.customers:
        fault("customer.code", "unknown_customer", f"no customer {submitted.customer.code}")
    if not (submitted.contact.phone or submitted.contact.email):
        fault("contact", "unreachable", "a phone number or an e-mail address is needed")
    if submitted.requested_date < today:
        fault("requested_date", "in_the_past", f"{submitted.requested_date} is before today, {today}")
    for index, line in enumerate(submitted.lines):
        if line.product not in catalog.products:
            fault(f"lines.{index}.product", "unknown_product", f"no product {line.product}")
    amounts = _amounts(submitted, policy, fault)
    return (None if errors else amounts), errors


def _amounts(submitted: OrderSubmitted, policy: Policy, fault: Any) -> Amounts | None:
    currency = submitted.currency
    lines: list[Line] = []
    total = 0
    try:
        total_stated = to_minor(submitted.total, currency)
    except MoneyError as error:
        fault("total", "amount", str(error))
        return None
    for index, line in enumerate(submitted.lines):
        try:
            price = to_minor(line.unit_price, currency)
        except MoneyError as error:
            fault(f"lines.{index}.unit_price", "amount", str(error))
            continue
        discount = int(line.discount_percent * 100)
        amount = line_amount(line.quantity, price, discount)
        total += amount
        lines.append(
            Line(
                number=index + 1,
                product=line.product,
                quantity=line.quantity,
                unit_price_minor=price,
                discount_basis_points=discount,
                amount_minor=amount,
            )
        )
    if len(lines) < len(submitted.lines):
        return None
    if total != total_stated:
        stated, summed = from_minor(total_stated, currency), from_minor(total, currency)
        fault("total", "total_differs", f"{stated} is stated, the lines come to {summed}")
    if total > _MOST:
        fault("total", "too_large", f"amounts above {from_minor(_MOST, currency)} {currency} are not taken")
        return None
    try:
        in_base = convert(total, currency, policy.base_currency, policy.rates)
    except MoneyError as error:
        fault("currency", "unknown_currency", str(error))
        return None
    return Amounts(tuple(lines), total, in_base)


_MOST = 10**15
"""Largest total in minor units: sums of thousands of orders still fit the database's bigint."""


def document(
    submitted: OrderSubmitted,
    amounts: Amounts,
    catalog: Catalog,
    *,
    order_id: str,
    number: str,
    created_at: datetime,
    creator: str,
) -> tuple[Order, str]:
    """The stored document, as departments will read it, and its JSON."""
    customer_class, new = catalog.customers[submitted.customer.code]
    customer, contact, delivery, payment = submitted.customer, submitted.contact, submitted.delivery, submitted.payment
    order = Order(
        id=order_id,
        number=number,
        source=submitted.source,
        external_id=submitted.external_id,
        creator=creator,
        created_at=created_at,
        customer=Customer(code=customer.code, name=customer.name),
        customer_class=customer_class,
        new_customer=new,
        contact=Person(name=contact.name, phone=contact.phone, email=contact.email),
        delivery=Place(address=delivery.address, country=delivery.country, region=delivery.region),
        channel=submitted.channel,
        sale_type=submitted.sale_type,
        entry_system=submitted.entry_system,
        currency=submitted.currency,
        lines=amounts.lines,
        total_minor=amounts.total_minor,
        total_base_minor=amounts.total_base_minor,
        requested_date=submitted.requested_date,
        payment=PaymentTerms(method=payment.method, terms=payment.terms),
        special_requirements=submitted.special_requirements,
        customer_order_number=submitted.customer_order_number,
    )
    return order, write_order(order)
