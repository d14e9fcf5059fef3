"""What must hold of orders that wait for goods (WHS-04)."""

from shared.audit import Invariant

ALL = (
    Invariant(
        "warehouse.waits_for_nothing",
        """
        select o.number || ' line ' || s.line, concat('waits for goods as ', r.state)
        from warehouse.shortages s
        join core.orders r on r.id = s.order_id join core.order_headers o on o.order_id = s.order_id
        where r.closing is null and r.state in ('returned', 'cancelled', 'purged', 'replaced', 'ended')
        """,
    ),
    Invariant(
        "warehouse.served",
        """
        select s.number || ' line ' || s.line, concat('lacks nothing: ', s.quantity, ' ordered, ', r.quantity, ' held')
        from warehouse.shortages s
        join (
            select order_id, line, sum(quantity) as quantity from warehouse.reservations group by order_id, line
        ) r on r.order_id = s.order_id and r.line = s.line
        where r.quantity > s.quantity
        """,
    ),
)
