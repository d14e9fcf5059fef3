"""Delivery notes (发货单) as departments read them: the stored document, one immutable revision of it."""

from datetime import datetime
from typing import Literal

import msgspec

from messages.orders import Customer, SaleType


class NoteLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to leave of one line of the order."""

    number: int
    product: str
    quantity: int


class DeliveryNote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A delivery note under approval (LOG-03). `order` is the number of the order that it delivers; amounts are minor
    units of `currency`. `creator` is who made it and may never approve it.
    """

    schema_version: Literal[1] = 1
    id: str
    number: str
    source: str
    external_id: str
    creator: str
    created_at: datetime
    order: str
    customer: Customer
    sale_type: SaleType
    currency: str
    total_minor: int
    total_base_minor: int
    lines: tuple[NoteLine, ...]
