"""What the simulated creators (制单人) do with a returned order: correct it once, cancel it, or give up."""

import json
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from messages.commands import Fact
from messages.facts.sales_review import CancellationRequested, OrderResubmitted
from messages.orders import Order, OrderSubmitted, write_order
from shared.money import from_minor
from workers.demo.company import Document, dated, total
from workers.demo.habits import NO_FINDING, SIMULATED
from workers.demo.scene import Noted, Return

CREATORS = "simulated-creators"
CANCELLED = frozenset({"product.not_deliverable"})
"""Findings after which an order is cancelled rather than corrected."""

Fix = Callable[[Document, Noted], Document | None]
"""The document changed so that the finding is gone; None: that cannot be done."""


def react(returned: Return) -> Fact | None:
    """Resubmit it, cancel it, or None: leave it where it is. Nobody corrects an order twice, so that this ends."""
    order = returned.order
    head: dict[str, Any] = {"source": CREATORS, "order": order.number, "occurred_at": returned.returned_at}
    if any(finding.code in CANCELLED for finding in returned.findings):
        reason = f"{SIMULATED}: 客户另购 bought elsewhere"
        return CancellationRequested(fact_id=f"cancel-{order.number}", reason=reason, **head)
    if returned.round > 1:
        return None
    document = submitted(order, returned.definition)
    corrected = document
    for finding in returned.findings or (NO_FINDING,):
        fix = FIXES.get(finding.code)
        corrected = (fix(corrected, finding) if fix else None) or corrected
    if corrected == document:
        return None
    corrected["total"] = total(corrected["lines"], order.currency)
    if order.delivery_date:
        corrected = dated(corrected)
    again = OrderSubmitted.model_validate(corrected, strict=False)
    return OrderResubmitted(fact_id=f"again-{order.number}", by=order.creator, document=again, **head)


def submitted(order: Order, definition: str) -> Document:
    """The order as it would be submitted today, by the same process."""
    document = json.loads(write_order(order))
    kept = {
        name: document[name]
        for name in (
            "source", "external_id", "customer", "contact", "delivery", "channel", "sale_type", "entry_system",
            "currency", "requested_date", "payment", "special_requirements", "customer_order_number", "creator",
        )
    }  # fmt: skip
    lines = [
        {
            "product": line.product,
            "quantity": line.quantity,
            "unit_price": str(from_minor(line.unit_price_minor, order.currency)),
            "discount_percent": str(Decimal(line.discount_basis_points) / 100),
        }
        for line in order.lines
    ]
    return {**kept, "lines": lines, "total": total(lines, order.currency), "definition": definition}


# -- one finding at a time ---------------------------------------------------------------------------------------------


def _prepaid(document: Document, _: Noted) -> Document:
    return document | {"payment": document["payment"] | {"terms": "prepaid"}}


def _allowed_method(document: Document, finding: Noted) -> Document | None:
    return _payment(document, "method", str(finding.values["allowed"]).split(", ")[0])


def _allowed_terms(document: Document, finding: Noted) -> Document | None:
    return _payment(document, "terms", str(finding.values["allowed"]).split(", ")[-1])


def _payment(document: Document, field: str, value: str) -> Document | None:
    if value == "–":
        return None  # nothing is allowed
    return document | {"payment": document["payment"] | {field: value}}


def _shorter_terms(document: Document, finding: Noted) -> Document:
    return document | {"payment": document["payment"] | {"terms": f"net_{finding.values['longest']}"}}


def _recorded_sale_type(document: Document, finding: Noted) -> Document:
    return document | {"sale_type": finding.values["expected"]}


def _at_home(document: Document, finding: Noted) -> Document:
    place = {"address": f"{document['customer']['name']} 境内收货点", "country": finding.values["expected"]}
    return document | {"delivery": place | {"region": ""}}


def _without(document: Document, finding: Noted) -> Document | None:
    others = [line for line in document["lines"] if line["product"] != finding.subject]
    return document | {"lines": others} if others else None


def _at_list_price(document: Document, finding: Noted) -> Document:
    price = str(from_minor(finding.values["listed_minor"], document["currency"]))
    listed = {"unit_price": price, "discount_percent": "0"}
    return document | {
        "lines": [line | listed if line["product"] == finding.subject else line for line in document["lines"]]
    }


def _smaller(document: Document, finding: Noted) -> Document:
    """So many pieces fewer that the order is within the limit, one of each at least."""
    total_minor, limit_minor = finding.values["total_minor"], finding.values["limit_minor"]
    return document | {
        "lines": [
            line | {"quantity": max(1, line["quantity"] * limit_minor // total_minor)} for line in document["lines"]
        ]
    }


def _later(document: Document, finding: Noted) -> Document:
    day = date.fromisoformat(finding.values["earliest"]) + timedelta(days=7)
    return document | {"requested_date": day.isoformat()}


def _nothing_special(document: Document, _: Noted) -> Document:
    return document | {"special_requirements": ""}


FIXES: Mapping[str, Fix] = MappingProxyType(
    {
        "customer.over_limit": _prepaid,
        "credit.over_limit": _prepaid,
        "credit.overdue": _prepaid,
        "sale_type.differs": _recorded_sale_type,
        "policy.delivered_abroad": _at_home,
        "policy.payment_method": _allowed_method,
        "policy.credit_days": _shorter_terms,
        "product.unknown": _without,
        "product.inactive": _without,
        "price.not_as_listed": _at_list_price,
        "price.above_list": _at_list_price,
        "discount.over_limit": _at_list_price,
        "payment.method_not_allowed": _allowed_method,
        "payment.terms_not_allowed": _allowed_terms,
        "risk.new_customer": _smaller,
        "carrier.none_in_time": _later,
        NO_FINDING.code: _nothing_special,
    }
)
"""What an order is corrected by. With a finding that is not here alone, its creator gives up."""
