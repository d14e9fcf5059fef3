"""The rules of order entry (录单): pure checks of a submitted order against master data, and the stored document."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from msgspec import UNSET

from messages.contracts import ContractSubmitted
from messages.events import FieldError
from messages.orders import (
    DELIVERY_DATE_FIELD,
    Customer,
    Line,
    Order,
    OrderSubmitted,
    PaymentTerms,
    Person,
    Place,
    SaleType,
    write_order,
)
from shared.money import MoneyError, convert, from_minor, line_amount, to_minor
from shared.policy import Policy
from shared.processes import DELIVERY_DATE
from workers.intake.parse import Partial

Fault = Callable[[str, str, str], None]
"""Notes a bad field, the code of what is wrong with it, and that in words."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quotation as intake looks at it (INT-03). `used_by`: the id of the order that was made from it."""

    customer: str
    currency: str
    expires_on: date
    accepted: bool
    used_by: str | None


@dataclass(frozen=True, slots=True)
class Catalog:
    """The master data that a batch of submissions refers to."""

    customers: Mapping[str, tuple[str, bool, str]]
    """Known customers: class, whether new (CRM-01, CRM-02), and the sale type on record."""
    products: frozenset[str]
    quotations: Mapping[str, Quoted] = field(default_factory=dict)
    """The quotations that the submissions name, by number."""


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
    submitted: OrderSubmitted | Partial,
    catalog: Catalog,
    policy: Policy,
    today: date,
    requires: Sequence[str] = (),
    order_id: str | None = None,
) -> tuple[Amounts | None, list[FieldError]]:
    """Every fault of a submission at once (ENT-02, ENT-03); the amounts where there is none. Of a malformed one what
    can be read is checked. `requires`: by its definition. `order_id`: of an order that comes back changed.
    """
    errors: list[FieldError] = []

    def fault(field: str, code: str, reason: str) -> None:
        errors.append(FieldError(field=field, code=code, reason=reason))

    _check_fields(submitted, catalog, today, fault)
    if submitted.reply_date or submitted.planned_ship_date or requires:
        _check_required(submitted, today, requires, fault)
    if submitted.quotation:
        _check_quotation(submitted, submitted.quotation, catalog, today, order_id, fault)
    counted = amounts(submitted, policy, fault)
    return (None if errors else counted), errors


def _check_fields(submitted: OrderSubmitted | Partial, catalog: Catalog, today: date, fault: Fault) -> None:
    customer, contact = submitted.customer, submitted.contact
    if customer and customer.code not in catalog.customers:
        fault("customer.code", "unknown_customer", f"no customer {customer.code}")
    elif customer and submitted.sale_type == SaleType.DOMESTIC:
        # As a domestic one it would go the wrong way from the first step on (PRC-05, 外销及其他销售不要选择内销).
        *_, recorded = catalog.customers[customer.code]
        if recorded != SaleType.DOMESTIC:
            reason = f"customer {customer.code} is {recorded}, not domestic, by its record: {recorded} is expected"
            fault("sale_type", "differs", reason)
    if contact and not (contact.phone or contact.email):
        fault("contact", "unreachable", "a phone number or an e-mail address is needed")
    if submitted.requested_date and submitted.requested_date < today:
        fault("requested_date", "in_the_past", f"{submitted.requested_date} is before today, {today}")
    for index, line in enumerate(submitted.lines):
        if line and line.product not in catalog.products:
            fault(f"lines.{index}.product", "unknown_product", f"no product {line.product}")


def _check_required(submitted: OrderSubmitted | Partial, today: date, requires: Sequence[str], fault: Fault) -> None:
    """回复交期 of domestic sales, 预发货日期 of foreign ones: the wrong one is a fault, and a missing one where the
    process needs it (ENT-06).
    """
    for name in requires:
        if name != DELIVERY_DATE and getattr(submitted, name) is None:
            fault(name, "missing", f"orders of this process need {name}")
    if submitted.sale_type is None:
        return
    right = DELIVERY_DATE_FIELD.get(submitted.sale_type)
    for name in DELIVERY_DATE_FIELD.values():
        value = getattr(submitted, name)
        if value is None:
            if name == right and DELIVERY_DATE in requires:
                fault(name, "missing", f"a {submitted.sale_type} order of this process needs its delivery date here")
        elif name != right:
            instead = f"; {right} is the field for it" if right else ""
            fault(name, "wrong_date_field", f"a {submitted.sale_type} order has no {name}{instead}")
        elif value < today:
            fault(name, "in_the_past", f"{value} is before today, {today}")


def _check_quotation(
    submitted: OrderSubmitted | Partial, number: str, catalog: Catalog, today: date, order_id: str | None, fault: Fault
) -> None:
    """Only an accepted quotation to this customer that has not expired becomes an order, and only one (INT-03)."""
    quoted = catalog.quotations.get(number)
    if quoted is None or (submitted.customer and submitted.customer.code != quoted.customer):
        fault("quotation", "unknown_quotation", f"there is no quotation {number} to this customer")
        return
    if not quoted.accepted:
        fault("quotation", "not_accepted", f"quotation {number} has not been accepted")
    if quoted.used_by not in (None, order_id):
        fault("quotation", "already_used", f"an order was made from quotation {number} already")
    if quoted.expires_on < today and quoted.used_by is None:
        fault("quotation", "expired", f"quotation {number} expired on {quoted.expires_on}")
    if submitted.currency and submitted.currency != quoted.currency:
        fault("currency", "not_as_quoted", f"quotation {number} is in {quoted.currency}")


def amounts(submitted: OrderSubmitted | Partial | ContractSubmitted, policy: Policy, fault: Fault) -> Amounts | None:
    """What the lines come to, where all that it needs is there. Tells `fault` of everything that is wrong."""
    currency = submitted.currency
    if currency is None or submitted.total is None or not submitted.lines or None in submitted.lines:
        return None
    lines: list[Line] = []
    total = 0
    try:
        total_stated = to_minor(submitted.total, currency)
    except MoneyError as error:
        fault("total", "amount", str(error))
        return None
    for index, line in enumerate(submitted.lines):
        assert line is not None, "with a bad line nothing is added up"
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
    customer_class, new, _ = catalog.customers[submitted.customer.code]
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
        reply_date=submitted.reply_date or UNSET,
        planned_ship_date=submitted.planned_ship_date or UNSET,
        quotation=submitted.quotation or UNSET,
    )
    return order, write_order(order)
