"""Sales contracts (合同) as departments read them: the stored document, one immutable revision of it."""

from datetime import datetime
from typing import Literal

import msgspec

from messages.orders import Customer, SaleType


class SalesContract(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A contract under review (合同评审). Amounts are minor units of `currency`; `total_base_minor` is the total in the
    policy's base currency. `creator` is who registered it and may never approve it.
    """

    schema_version: Literal[1] = 1
    id: str
    number: str
    source: str
    external_id: str
    creator: str
    created_at: datetime
    customer: Customer
    sale_type: SaleType
    currency: str
    total_minor: int
    total_base_minor: int
    text: str
