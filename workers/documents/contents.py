"""What each kind of document is made of, as it stands in the departments' books."""

from dataclasses import dataclass
from datetime import date, datetime

from messages.contracts import SalesContract
from messages.orders import Order


@dataclass(frozen=True, slots=True)
class OfOrder:
    """The sales order itself, or its confirmation: `dated` is when it was confirmed, where it was."""

    order: Order
    dated: datetime | None = None


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """One line of a quotation; the price in minor units of its currency."""

    product: str
    quantity: int
    unit_price_minor: int
    description: str


@dataclass(frozen=True, slots=True)
class Quotation:
    """报价. `names` of the customer, in Chinese and English."""

    number: str
    customer: str
    names: tuple[str, str]
    address: str
    contact: str
    phone: str | None
    email: str | None
    currency: str
    description: str
    made_by: str
    made_at: datetime
    expires_on: date
    accepted_at: datetime | None
    lines: tuple[QuotedLine, ...]


@dataclass(frozen=True, slots=True)
class Carrier:
    """Who carries the goods; empty: the transport is arranged by hand."""

    code: str | None
    name_zh: str | None
    name_en: str | None


@dataclass(frozen=True, slots=True)
class Goods:
    """So much of one line of the order."""

    line: int
    product: str
    quantity: int


@dataclass(frozen=True, slots=True)
class DeliveryNote:
    """发货单."""

    number: str
    order: Order
    address: str
    carrier: Carrier
    issued_at: datetime
    lines: tuple[Goods, ...]


@dataclass(frozen=True, slots=True)
class Packed:
    """What lies in each of the packages from `first` to `last`, which are alike; the weight is that of each."""

    first: int
    last: int
    material: str
    weight_grams: int
    goods: Goods


@dataclass(frozen=True, slots=True)
class PackingList:
    """装箱单."""

    number: str
    order: Order
    packed_at: datetime
    packages: int
    weight_grams: int
    lines: tuple[Packed, ...]


@dataclass(frozen=True, slots=True)
class TrackingSlip:
    """物流追踪单."""

    number: str
    order: Order
    note: str
    address: str
    carrier: Carrier
    packages: int | None
    weight_grams: int | None
    quantity: int
    shipped_at: datetime
    delivered_at: datetime | None
    promised_date: date | None


@dataclass(frozen=True, slots=True)
class Inspected:
    """Goods of one place that were looked at."""

    line: int
    product: str
    location: str
    quantity: int


@dataclass(frozen=True, slots=True)
class InspectionReport:
    """质量检验报告. What failed is blocked in stock; what passed was packed."""

    number: str
    order: Order
    inspected_at: datetime
    passed: bool
    inspector: str
    lines: tuple[Inspected, ...]


@dataclass(frozen=True, slots=True)
class Invoice:
    """发票; one that takes another back (红字) has amounts below zero."""

    number: str
    order: Order
    voucher: str
    title: str
    tax_number: str | None
    address: str
    currency: str
    amount_minor: int
    tax_minor: int
    tax_basis_points: int
    issued_at: datetime
    due_date: date
    corrects: str | None


@dataclass(frozen=True, slots=True)
class Movement:
    """What made the order owe something, or paid it; in minor units of its own currency."""

    kind: str
    number: str
    at: datetime
    currency: str
    owed_minor: int
    paid_minor: int


@dataclass(frozen=True, slots=True)
class Statement:
    """结算单 of one order."""

    order: Order
    settled_at: datetime | None
    movements: tuple[Movement, ...]


@dataclass(frozen=True, slots=True)
class Contract:
    """合同封面: the contract as it was last received, and when it was signed."""

    contract: SalesContract
    signed_on: date | None
