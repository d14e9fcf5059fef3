"""Facts that the warehouse 仓储 books."""

from typing import Literal

from messages.contract import Code
from messages.facts.fact import BaseFact
from messages.orders import Quantity


class GoodsReceived(BaseFact):
    """Stock arrived at a location (到货, WHS-04)."""

    kind: Literal["goods_received"] = "goods_received"
    product: Code
    quantity: Quantity
    location: Code = "MAIN"


WarehouseFact = GoodsReceived
