"""What must hold in the books of buying and making (SUP-01…05, PRD-01…04)."""

from shared.audit import Invariant

ALL = (
    Invariant(
        "warehouse.purchase_received",
        """
        select p.number, concat('received ', p.received, ' of ', p.quantity, ', receipts of ', coalesce(r.quantity, 0))
        from warehouse.purchases p
        left join (
            select number, sum(quantity) as quantity from warehouse.purchase_receipts group by number
        ) r using (number)
        where p.received <> coalesce(r.quantity, 0) or p.received > p.quantity
            or p.received = p.quantity and p.closed_at is null
        """,
    ),
    Invariant(
        "warehouse.supplier_eligible",
        """
        select p.number, concat('bought from ', p.supplier, ', which had not passed an evaluation')
        from warehouse.purchases p
        where (
            select e.passed from warehouse.supplier_evaluations e
            where e.supplier = p.supplier and e.evaluated_at <= p.placed_at order by e.evaluated_at desc limit 1
        ) is not true
        union all
        select p.number,
            concat('bought from ', p.supplier, ', the best was ', p.comparison->'candidates'->0->>'supplier')
        from warehouse.purchases p where p.comparison->'candidates'->0->>'supplier' is distinct from p.supplier
        union all
        select p.number, concat('expected on ', p.expected_on, ', needed by ', p.needed_by)
        from warehouse.purchases p where p.expected_on > p.needed_by
        """,
    ),
    Invariant(
        "warehouse.supplier_record",
        """
        select s.code, concat('counted ', s.receipts, ' receipts, ', s.delivered, ' pieces, ', s.bad, ' bad; really ',
            coalesce(r.receipts, 0), ', ', coalesce(r.delivered, 0), ', ', coalesce(r.bad, 0) + coalesce(b.bad, 0))
        from warehouse.suppliers s
        left join (
            select p.supplier, count(*) as receipts, sum(r.quantity + r.failed) as delivered, sum(r.failed) as bad
            from warehouse.purchase_receipts r join warehouse.purchases p using (number) group by p.supplier
        ) r on r.supplier = s.code
        left join (
            select p.supplier, sum(r.quantity) as bad
            from warehouse.purchase_returns r join warehouse.purchases p using (number) group by p.supplier
        ) b on b.supplier = s.code
        where (s.receipts, s.delivered, s.bad) <> (
            coalesce(r.receipts, 0), coalesce(r.delivered, 0), coalesce(r.bad, 0) + coalesce(b.bad, 0)
        )
        """,
    ),
    Invariant(
        "warehouse.committed_load",
        """
        select unit || ' on ' || day,
            concat(coalesce(d.committed, 0), ' of ', d.capacity, ' committed, plans take ', coalesce(s.quantity, 0))
        from warehouse.production_days d
        full join (
            select p.unit, s.day, sum(s.quantity) as quantity
            from warehouse.production_shares s join warehouse.production_plans p using (number)
            where p.closed_at is null group by p.unit, s.day
        ) s using (unit, day)
        where coalesce(d.committed, 0) <> coalesce(s.quantity, 0) or d.committed > d.capacity
        """,
    ),
    Invariant(
        "warehouse.production_started",
        """
        select p.number, concat(p.done, ' made, ', coalesce(p.good, 0), ' good, and not confirmed by ', w.role)
        from warehouse.production_plans p cross join lateral unnest(p.wanted) as w(role)
        where p.good is not null and not exists (
            select from warehouse.production_confirmations c where c.number = p.number and c.role = w.role
        )
        """,
    ),
    Invariant(
        "warehouse.supply_called_off",
        """
        select number, o.state || ', but goods are still expected for it'
        from (
            select number, order_id from warehouse.purchases where closed_at is null
            union all
            select number, order_id from warehouse.production_plans where closed_at is null
        ) expected
        join core.orders o on o.id = expected.order_id
        where o.state in ('returned', 'cancelled', 'purged', 'replaced')
        """,
    ),
)
