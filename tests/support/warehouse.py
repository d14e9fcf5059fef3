"""Builders for tests of the warehouse."""

from datetime import date

from messages.orders import Line, Order
from tests.support.orders import an_order


def ordered(*lines: tuple[str, int], order_id: str | None = None, requested: date = date(2026, 7, 15)) -> Order:
    """An order of these products and quantities."""
    numbered = tuple(
        Line(
            number=number,
            product=product,
            quantity=quantity,
            unit_price_minor=100,
            discount_basis_points=0,
            amount_minor=100 * quantity,
        )
        for number, (product, quantity) in enumerate(lines, 1)
    )
    return an_order(order_id, lines=numbered, requested_date=requested)
