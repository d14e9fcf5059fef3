"""Quotations (报价): the prices that are offered to a customer, and the form in which they are entered."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from messages.contract import Code, Contract, Text
from messages.orders import Currency, Money, Quantity

MAX_QUOTED = 500


class QuotedLine(Contract):
    """A product at a price. Without a description that of the product is taken."""

    product: Code
    quantity: Quantity
    unit_price: Money
    description: Text = ""


class QuotationOffered(Contract):
    """An offer to a customer (INT-03). Without `expires_on` it holds as long as the policy says."""

    schema_version: Literal[1] = 1
    customer: Code
    currency: Currency
    description: Text = ""
    lines: Annotated[tuple[QuotedLine, ...], Field(min_length=1, max_length=MAX_QUOTED)]
    expires_on: date | None = None
