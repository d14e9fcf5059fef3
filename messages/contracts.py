"""Sales contracts (合同): as they are received, and as departments read them under review."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from pydantic import Field, StringConstraints

from messages.contract import Code, Contract, Name, Text
from messages.orders import MAX_LINES, Currency, Customer, Line, Money, Party, SaleType, SubmittedLine

MAX_CONTRACT_TEXT = 200_000

ELEMENTS = ("parties", "subject", "quantity", "quality", "price", "period", "liability")
"""主体, 标的, 数量, 质量, 价款, 履行期限, 违约责任: what a contract must say (CMP-03)."""
TERMS = ("delivery", "payment", "warranty")
"""交付条款, 付款条款, 保修条款: what one for an order must hold too (CMP-09)."""
OBLIGATIONS = ("delivery", "payment")
"""What is followed after signing (CMP-11)."""

ContractText = Annotated[str, StringConstraints(min_length=1, max_length=MAX_CONTRACT_TEXT, pattern=r"\S")]


class SubmittedElements(Contract):
    """What the contract says of each element; empty where it says nothing, which the preliminary check finds."""

    parties: Text = ""
    subject: Text = ""
    quantity: Text = ""
    quality: Text = ""
    price: Text = ""
    period: Text = ""
    liability: Text = ""


class SubmittedTerms(Contract):
    """Its delivery, payment and warranty terms."""

    delivery: Text = ""
    payment: Text = ""
    warranty: Text = ""


class SubmittedObligation(Contract):
    """What one side must do by a day: deliver, or pay. `amount` in the contract's currency where it is money."""

    kind: Literal["delivery", "payment"]
    what: Name
    due: date
    amount: Money | None = None


class SubmittedAttachment(Contract):
    """A paper that belongs to it: where it is kept, and the SHA-256 of its content in hexadecimal."""

    name: Name
    location: Name
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ContractSubmitted(Contract):
    """A contract as it is received (合同收文, CMP-02): `dated` is the day written on it, `order` our number of the
    order that it is for. `lines` are its goods as far as it lists them; `total` is checked against them.
    """

    schema_version: Literal[1] = 1
    dated: date
    seller: Party
    buyer: Party
    text: ContractText
    sale_type: SaleType
    currency: Currency
    lines: Annotated[tuple[SubmittedLine, ...], Field(max_length=MAX_LINES)] = ()
    total: Money
    order: Code | None = None
    elements: SubmittedElements = SubmittedElements()
    terms: SubmittedTerms = SubmittedTerms()
    obligations: Annotated[tuple[SubmittedObligation, ...], Field(max_length=MAX_LINES)] = ()
    attachments: Annotated[tuple[SubmittedAttachment, ...], Field(max_length=100)] = ()
    definition: Code | None = None


# -- the stored document -----------------------------------------------------------------------------------------------


class Elements(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The elements (ELEMENTS) of a stored contract."""

    parties: str = ""
    subject: str = ""
    quantity: str = ""
    quality: str = ""
    price: str = ""
    period: str = ""
    liability: str = ""


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The terms (TERMS) of a stored contract."""

    delivery: str = ""
    payment: str = ""
    warranty: str = ""


class Obligation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An obligation of a stored contract; numbered from 1."""

    number: int
    kind: str
    what: str
    due: date
    amount_minor: int | None = None


class Attachment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A paper that belongs to a stored contract."""

    name: str
    location: str
    sha256: str


class SalesContract(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A contract under review (合同评审). Amounts are minor units of `currency`; `total_base_minor` is the total in the
    policy's base currency. `customer` is the buyer; `order` the number of the order that it is for. `creator` is who
    registered it and may never approve it.
    """

    schema_version: Literal[1] = 1
    id: str
    number: str
    source: str
    external_id: str
    creator: str
    created_at: datetime
    dated: date
    seller: Customer
    customer: Customer
    sale_type: SaleType
    currency: str
    lines: tuple[Line, ...] = ()
    total_minor: int
    total_base_minor: int
    order: str | None = None
    elements: Elements = Elements()
    terms: Terms = Terms()
    obligations: tuple[Obligation, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    text: str
