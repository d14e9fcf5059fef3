"""Delivery notes (发货单) as departments read them: the stored document, one immutable revision of it."""

from datetime import datetime
from typing import Literal

import msgspec

from messages.orders import Customer, Place, SaleType


class NoteLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to leave of one line of the order."""

    number: int
    product: str
    quantity: int


class DeliveryNote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A delivery note under approval (LOG-03). `order` is the number of the order that it delivers, `order_id` its id;
    `carrier` None: the transport is arranged by hand. Amounts are minor units of `currency`. `creator` is the order's
    (制单人), who may never approve it.
    """

    schema_version: Literal[1] = 1
    id: str
    number: str
    source: str
    external_id: str
    creator: str
    created_at: datetime
    order: str
    order_id: str
    customer: Customer
    delivery: Place
    carrier: str | None = None
    remarks: str = ""
    sale_type: SaleType
    currency: str
    total_minor: int
    total_base_minor: int
    lines: tuple[NoteLine, ...]
