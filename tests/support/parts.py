"""What the warehouse has packed, said by the test: partial preparations are the warehouse's own affair."""

from collections.abc import Mapping

from messages.orders import Order
from shared.database import Database
from tests.support.fulfilment import stand_in
from tests.support.orders import NOW

VIEWS = ("warehouse.prepared", "warehouse.prepared_lines", "warehouse.packing_papers", "warehouse.readiness")


def warehouse_says(database: Database) -> None:
    """From now on only what `pack` says is packed."""
    with database.transaction() as session:
        for view in VIEWS:
            stand_in(session, view)


def pack(database: Database, order: Order, number: str, quantities: Mapping[int, int]) -> None:
    """One package of a kilogram with these units by line, inspected."""
    with database.transaction() as session:
        total = sum(quantities.values())
        session.write("insert into warehouse.prepared values (%s, %s, %s)", order.id, number, total)
        for line, quantity in quantities.items():
            session.write(
                "insert into warehouse.prepared_lines (order_id, number, line, product, quantity)"
                " values (%s, %s, %s, 'P', %s)",
                order.id,
                number,
                line,
                quantity,
            )
        session.write("insert into warehouse.packing_papers values (%s, %s, %s, 1, 1000)", number, order.id, NOW)
        session.write(
            "insert into warehouse.readiness (order_id, reserved, packed_at, inspected_at, inspection_passed, packages,"
            " weight_grams) values (%s, true, %s, %s, true, 1, 1000)",
            order.id,
            NOW,
            NOW,
        )
