"""Orders: as an upstream system submits them, and as the departments read them."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Literal, TypeVar

import msgspec
from pydantic import Field, StringConstraints

from messages.contract import Code, Contract, Name, Text

MAX_LINES = 2_000


class SaleType(StrEnum):
    """Sale type (销售类型, PRC-03): 国内, 国外, 自主."""

    DOMESTIC = "domestic"
    FOREIGN = "foreign"
    INTERNAL = "internal"


class Channel(StrEnum):
    """Where an order came from (订单来源, INT-01)."""

    PHONE = "phone"
    EMAIL = "email"
    ONLINE = "online"
    VISIT = "visit"
    FAX = "fax"


class EntrySystem(StrEnum):
    """The system that the order was entered in (录入系统, ENT-04)."""

    ERP = "ERP"
    CRM = "CRM"


class PaymentMethod(StrEnum):
    """How the customer pays (付款方式, INT-06)."""

    ONLINE = "online"
    WIRE = "wire"
    ACCEPTANCE = "acceptance"
    CASH = "cash"


Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Terms = Annotated[str, StringConstraints(pattern=r"^(prepaid|net_(0|[1-9][0-9]{0,2}))$")]
"""Payment terms: `prepaid`, or `net_N`: due N days after delivery."""
Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Phone = Annotated[str, StringConstraints(max_length=40, pattern=r"^\+?[0-9][0-9 ()./-]{4,}$")]
Quantity = Annotated[int, Field(gt=0, le=1_000_000_000)]
Money = Annotated[Decimal, Field(ge=0, max_digits=18, allow_inf_nan=False)]
Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=2)]


class Party(Contract):
    """The buying customer (客户): its code with us, and its name as written on the order."""

    code: Code
    name: Name


class Contact(Contract):
    """Whom to ask about the order (联系方式). At least one way of reaching them is checked at intake."""

    name: Name
    phone: Phone | None = None
    email: Email | None = None


class Delivery(Contract):
    """The delivery place (交货地点). `region` is the province or state where it matters for a rule."""

    address: Name
    country: Country = "CN"
    region: Text = ""


class Payment(Contract):
    """How and when the customer means to pay (付款方式与付款条件)."""

    method: PaymentMethod
    terms: Terms


class SubmittedLine(Contract):
    """One line as submitted. `unit_price` in the order's currency; `discount_percent` is taken off the line."""

    product: Code
    quantity: Quantity
    unit_price: Money
    discount_percent: Percent = Decimal(0)


_T = TypeVar("_T")
_Later = Annotated[_T | None, Field(exclude_if=lambda value: value is None)]
"""A field that version 1 did not have from the beginning: left out where it has no value, so that what is read and
written, and its hash, stay those of before.
"""

DELIVERY_DATE_FIELD: Mapping[SaleType, str] = MappingProxyType(
    {SaleType.DOMESTIC: "reply_date", SaleType.FOREIGN: "planned_ship_date"}
)
"""Where the real delivery date stands, by sale type (ENT-06): 回复交期, 预发货日期. Internal orders have neither."""


class OrderSubmitted(Contract):
    """A sales order as an upstream system publishes it, version 1 (ENT-01).

    `source` and `external_id` together name the order for ever: the same pair with the same content is a repeat,
    with other content a conflict. `total` is checked against the lines (ENT-03). Of `reply_date` (回复交期) and
    `planned_ship_date` (预发货日期) the sale type allows one (ENT-06). `quotation`: our number of an accepted one, the
    prices of which the order has (INT-03).
    """

    schema_version: Literal[1] = 1
    source: Code
    external_id: Code
    customer: Party
    contact: Contact
    delivery: Delivery
    channel: Channel
    sale_type: SaleType
    entry_system: EntrySystem
    currency: Currency
    lines: Annotated[tuple[SubmittedLine, ...], Field(min_length=1, max_length=MAX_LINES)]
    total: Money
    requested_date: date
    payment: Payment
    special_requirements: Text = ""
    customer_order_number: Code | None = None
    creator: Code | None = None
    definition: Code | None = None
    reply_date: _Later[date] = None
    planned_ship_date: _Later[date] = None
    quotation: _Later[Code] = None


# What follows is the stored document. It was checked when it came in and is read at every hop of every order, where
# reading is most of the work: so it is decoded by msgspec, in a third of pydantic's time.


class Customer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The customer on a stored order."""

    code: str
    name: str


class Person(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to ask about a stored order."""

    name: str
    phone: str | None = None
    email: str | None = None


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The delivery place of a stored order."""

    address: str
    country: str
    region: str = ""


class PaymentTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The agreed payment of a stored order."""

    method: PaymentMethod
    terms: str


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line as departments read it; amounts in minor units of the order's currency."""

    number: int
    product: str
    quantity: int
    unit_price_minor: int
    discount_basis_points: int
    amount_minor: int


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The order as departments read it: the stored document, one immutable revision of it.

    Amounts are minor units of `currency`; `total_base_minor` is the total in the policy's base currency, fixed when
    the revision was accepted. `creator` is the person (制单人) who may never approve it.
    """

    schema_version: Literal[1] = 1
    id: str
    number: str
    source: str
    external_id: str
    creator: str
    created_at: datetime
    customer: Customer
    customer_class: str = ""
    new_customer: bool = False
    contact: Person
    delivery: Place
    channel: Channel
    sale_type: SaleType
    entry_system: EntrySystem
    currency: str
    lines: tuple[Line, ...]
    total_minor: int
    total_base_minor: int
    requested_date: date
    payment: PaymentTerms
    special_requirements: str = ""
    customer_order_number: str | None = None
    reply_date: date | msgspec.UnsetType = msgspec.UNSET
    planned_ship_date: date | msgspec.UnsetType = msgspec.UNSET
    quotation: str | msgspec.UnsetType = msgspec.UNSET
    """These three are left out of the document where there is none."""

    @property
    def delivery_date(self) -> date | None:
        """The real delivery date, by whichever name the sale type gives it (ENT-06)."""
        found = self.planned_ship_date if self.sale_type is SaleType.FOREIGN else self.reply_date
        return None if found is msgspec.UNSET else found

    @property
    def expected_date(self) -> date:
        """When the customer expects the goods: on the real delivery date, else on the one that they asked for."""
        return self.delivery_date or self.requested_date


_DECODER = msgspec.json.Decoder(Order)
_ENCODER = msgspec.json.Encoder()


def read_order(document: str | bytes) -> Order:
    """The order in a stored document. Raises `msgspec.ValidationError` for what is none of this version."""
    return _DECODER.decode(document)


def write_order(order: Order) -> str:
    """The document to store."""
    return _ENCODER.encode(order).decode()
