"""How goods come into the books: reported arrivals (到货) and the stock file."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from messages.contract import Code
from messages.facts.warehouse import GoodsReceived
from shared.database import Session, columns
from shared.department import Booked, ReportedFact, finding
from shared.master import MasterRow
from workers.warehouse import shortages
from workers.warehouse.rules import totals
from workers.warehouse.stock import Movement, change_stock, make_room, record


def book_arrivals(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Raise the stock by what has arrived, once per fact, and give it to those who wait (WHS-04). The place may be new;
    the product must be known.
    """
    arrived = [(fact, fact.body) for fact in facts if isinstance(fact.body, GoodsReceived)]
    make_room(session, [(body.product, body.location) for _, body in arrived])
    known = {row[0] for row in shortages.lock(session, {body.product for _, body in arrived})}
    refused = {
        fact.id: finding("stock.unknown_product", body.product) for fact, body in arrived if body.product not in known
    }
    accepted = [(fact, body) for fact, body in arrived if body.product in known]
    change_stock(session, on_hand=totals([((body.product, body.location), body.quantity) for _, body in accepted]))
    record(
        session,
        [
            Movement(fact.now, "received", body.product, body.location, body.quantity, fact_id=fact.id)
            for fact, body in accepted
        ],
    )
    return Booked(shortages.give_out(session, {body.product for _, body in accepted}, known), refused)


# -- the stock file ----------------------------------------------------------------------------------------------------

_Pieces = Annotated[int, Field(ge=0, le=1_000_000_000_000)]


class StockRow(MasterRow):
    """What was counted at a place (库存): pieces on hand, and how many of them are blocked. What was issued to packing
    is no longer on hand. `inspection` says how goods from there are inspected: `routine`, by a `person`, or `failed`.
    """

    product: Code
    location: Code = "MAIN"
    on_hand: _Pieces
    blocked: _Pieces = 0
    inspection: Literal["routine", "person", "failed"] = "routine"

    @model_validator(mode="after")
    def _blocks_what_is_there(self) -> Self:
        if self.blocked > self.on_hand:
            raise ValueError(f"{self.blocked} blocked of only {self.on_hand} on hand")
        return self


class StockRefused(ValueError):
    """The stock file cannot be saved; the message has a line for every reason."""


_SET = """
with counted as (
    select * from unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::boolean[])
        as c(product, location, on_hand, blocked, inspection, new)
), moved as (
    insert into warehouse.stock_movements (at, kind, product, location, quantity, blocked)
    select now(), case when c.new then 'opening' else 'counted' end, c.product, c.location,
        c.on_hand - s.on_hand, c.blocked - s.blocked
    from counted c join warehouse.stock s on s.product = c.product and s.location = c.location
    where c.on_hand <> s.on_hand or c.blocked <> s.blocked
)
update warehouse.stock s set on_hand = c.on_hand, blocked = c.blocked, inspection = c.inspection
from counted c where s.product = c.product and s.location = c.location
"""
_MAKE = """
insert into warehouse.stock (product, location)
select * from unnest(%s::text[], %s::text[]) on conflict do nothing
returning product, location
"""


def save_stock(session: Session, rows: Sequence[StockRow]) -> set[str]:
    """Bring places to what was counted, each difference with a movement; reservations stay. Places not named stay too.
    Returns the keys of those who wait for these products.

    Raises `StockRefused` where a place is named twice or has more reserved than would be left.
    """
    counted = {(row.product, row.location): row for row in sorted(rows, key=lambda row: (row.product, row.location))}
    places = columns(list(counted), 2)
    new = {(product, location) for product, location in session.rows(_MAKE, *places)}
    products = {product for product, _ in counted}
    stocked = shortages.lock(session, products)
    reserved = {(row[0], row[1]): row[3] for row in stocked}
    times = totals([((row.product, row.location), 1) for row in rows])
    faults = [f"{product} at {location}: named {n} times" for (product, location), n in times.items() if n > 1]
    for (product, location), row in counted.items():
        left, needed = row.on_hand - row.blocked, reserved[product, location]
        if left < needed:
            faults.append(f"{product} at {location}: {left} on hand and not blocked, but {needed} are reserved")
    if faults:
        raise StockRefused("\n".join(faults))
    values = [(*place, row.on_hand, row.blocked, row.inspection, place in new) for place, row in counted.items()]
    session.write(_SET, *columns(values, 6))
    return shortages.give_out(session, products, {row[0] for row in stocked})
