"""What must hold in the warehouse's books, whatever was killed, repeated or reordered."""

from shared.audit import Invariant
from workers.warehouse import count_invariants, shortage_invariants, supply_invariants

ALL = (
    Invariant(
        "warehouse.oversold",
        """
        select product || ' at ' || location,
            concat(reserved, ' reserved, ', on_hand, ' on hand, ', blocked, ' blocked')
        from warehouse.stock where reserved < 0 or blocked < 0 or reserved > on_hand - blocked
        """,
    ),
    Invariant(
        "warehouse.reserved",
        """
        select product || ' at ' || location,
            concat(coalesce(s.reserved, 0), ' reserved, but reservations of ', coalesce(r.quantity, 0))
        from warehouse.stock s
        full join (
            select product, location, sum(quantity) as quantity from warehouse.reservations group by product, location
        ) r using (product, location)
        where coalesce(s.reserved, 0) <> coalesce(r.quantity, 0)
        """,
    ),
    Invariant(
        "warehouse.on_hand",
        """
        select product || ' at ' || location,
            concat(coalesce(s.on_hand, 0), ' on hand and ', coalesce(s.blocked, 0), ' blocked, but movements of ',
                coalesce(m.quantity, 0), ' and ', coalesce(m.blocked, 0))
        from warehouse.stock s
        full join (
            select product, location, sum(quantity) as quantity, sum(blocked) as blocked
            from warehouse.stock_movements group by product, location
        ) m using (product, location)
        where coalesce(s.on_hand, 0) <> coalesce(m.quantity, 0) or coalesce(s.blocked, 0) <> coalesce(m.blocked, 0)
        """,
    ),
    Invariant(
        "warehouse.issued",
        """
        select number || ' ' || product || ' at ' || location,
            concat('prepared ', coalesce(l.quantity, 0), ', issued ', coalesce(m.quantity, 0))
        from (
            select l.number, l.product, l.location,
                sum(case when p.cancelled_at is null then l.quantity else 0 end) as quantity
            from warehouse.preparation_lines l left join warehouse.preparations p on p.number = l.number
            group by l.number, l.product, l.location
        ) l
        full join (
            select document as number, product, location, -sum(quantity) as quantity
            from warehouse.stock_movements where kind in ('issued', 'returned') group by document, product, location
        ) m using (number, product, location)
        where coalesce(l.quantity, 0) <> coalesce(m.quantity, 0)
        """,
    ),
    Invariant(
        "warehouse.packed",
        """
        select coalesce(picked.number, packed.number) || ' line ' || coalesce(picked.line, packed.line),
            concat('picked ', coalesce(picked.quantity, 0), ' of ', coalesce(picked.wanted, 0), ', packed ',
                coalesce(packed.quantity, 0))
        from (
            select l.number, l.line, sum(l.quantity) as wanted, sum(l.picked) as quantity
            from warehouse.preparation_lines l
            join warehouse.preparations p on p.number = l.number and p.packed_at is not null
            group by l.number, l.line
        ) picked
        full join (
            select c.number, c.line, sum(c.quantity * (p.last - p.first + 1)) as quantity
            from warehouse.package_contents c join warehouse.packages p on p.number = c.number and p.first = c.first
            group by c.number, c.line
        ) packed on packed.number = picked.number and packed.line = picked.line
        where picked.quantity is distinct from packed.quantity or picked.quantity is distinct from picked.wanted
        """,
    ),
    Invariant(
        "warehouse.inspected",
        """
        select p.number, 'packed without a passed inspection report'
        from warehouse.preparations p
        left join warehouse.inspection_reports r on r.number = p.number
        where p.packed_at is not null and r.passed is not true
        """,
    ),
    Invariant(
        "warehouse.as_ordered",
        """
        select o.id::text || ' line ' || lines.line,
            concat('ordered ', coalesce(lines.ordered, 0), ', prepared ', coalesce(lines.prepared, 0))
        from warehouse.preparations p
        join core.orders o on o.id = p.order_id
        join core.order_documents d on d.order_id = o.id and d.revision = o.revision
        cross join lateral (
            select line, ordered.quantity as ordered, prepared.quantity as prepared
            from (
                select number as line, product, quantity
                from json_to_recordset(d.document->'lines') as each(number int, product text, quantity bigint)
            ) ordered
            full join (
                select l.line, l.product, sum(l.quantity) as quantity
                from warehouse.preparation_lines l where l.number = p.number group by l.line, l.product
            ) prepared using (line, product)
        ) lines
        where p.cancelled_at is null and lines.ordered is distinct from lines.prepared
        """,
    ),
    Invariant(
        "warehouse.released",
        """
        select o.id::text, o.state || ', but still holds goods'
        from core.orders o
        where o.state in ('returned', 'cancelled', 'purged', 'replaced') and (
            exists (select from warehouse.reservations r where r.order_id = o.id)
            or exists (select from warehouse.preparations p where p.order_id = o.id and p.cancelled_at is null)
        )
        """,
    ),
    Invariant(
        "warehouse.shipped",
        """
        select s.order_id::text, concat('shipped with ', s.delivery_note, ', but its goods were never issued')
        from logistics.shipment_status s
        where s.shipped_at is not null and not exists (
            select from warehouse.preparations p where p.order_id = s.order_id and p.cancelled_at is null
        )
        """,
    ),
    *count_invariants.ALL,
    *shortage_invariants.ALL,
    *supply_invariants.ALL,
)
