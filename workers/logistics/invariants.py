"""What must hold of the books of logistics, whatever was killed, repeated or reordered."""

from shared.audit import Invariant

ALL = (
    Invariant(
        "logistics.shipped_within_ordered",
        """
        select h.number, concat(s.shipped, ' shipped, ', s.rest, ' to come, ', o.ordered, ' ordered')
        from (
            select order_id, sum(quantity) as shipped, min(rest) as rest
            from logistics.shipments where recalled_at is null group by order_id
        ) s
        join core.order_headers h on h.order_id = s.order_id
        left join (
            select order_id, sum(ordered) as ordered from logistics.ordered_lines group by order_id
        ) o on o.order_id = s.order_id
        where s.shipped + s.rest is distinct from o.ordered
        """,
    ),
    Invariant(
        "logistics.notes_within_order",
        """
        select h.number, concat('line ', o.line, ': ', sum(l.quantity), ' on notes, ', o.ordered, ' ordered')
        from logistics.ordered_lines o
        join core.order_headers h on h.order_id = o.order_id
        join logistics.delivery_note_lines l on l.order_id = o.order_id and l.line = o.line
        join logistics.delivery_notes n on n.number = l.note and n.recalled_at is null
        group by h.number, o.line, o.ordered having sum(l.quantity) > o.ordered
        """,
    ),
    Invariant(
        "logistics.noted_is_sum_of_notes",
        """
        select h.number, concat('line ', o.line, ': ', o.noted, ' counted, ', coalesce(sum(n.quantity), 0), ' on notes')
        from logistics.ordered_lines o
        join core.order_headers h on h.order_id = o.order_id
        left join (
            select l.order_id, l.line, l.quantity
            from logistics.delivery_note_lines l join logistics.delivery_notes n on n.number = l.note
            where n.recalled_at is null
        ) n on n.order_id = o.order_id and n.line = o.line
        group by h.number, o.line, o.noted having o.noted <> coalesce(sum(n.quantity), 0)
        """,
    ),
    Invariant(
        "logistics.ordered_as_in_document",
        """
        select h.number, concat('line ', o.line, ': ', o.ordered, ' here, ', d.quantity, ' in the order')
        from logistics.ordered_lines o
        join core.order_headers h on h.order_id = o.order_id
        left join (
            select c.id, (l->>'number')::int as line, (l->>'quantity')::bigint as quantity
            from core.orders c
            join core.order_documents d on d.order_id = c.id and d.revision = c.revision
            cross join lateral json_array_elements(d.document->'lines') l
        ) d on d.id = o.order_id and d.line = o.line
        where o.noted > 0 and o.ordered is distinct from d.quantity
        """,
    ),
    Invariant(
        "logistics.shipment_carries_its_note",
        """
        select h.number, concat(n.number, ': ', coalesce(s.tracking_number, 'no shipment'))
        from logistics.delivery_notes n
        join core.order_headers h on h.order_id = n.order_id
        left join logistics.shipments s on s.note = n.number
        where (s.note is not null or n.folder_id is null) and (
            s.note is null or s.order_id <> n.order_id or s.recalled_at is distinct from n.recalled_at
            or s.quantity is distinct from (
                select sum(l.quantity) from logistics.delivery_note_lines l where l.note = n.number
            )
        )
        """,
    ),
    Invariant(
        "logistics.nothing_leaves_on_an_unapproved_note",
        """
        select h.number, concat(n.number, ': ', o.state)
        from logistics.delivery_notes n
        join core.order_headers h on h.order_id = n.order_id
        join core.orders o on o.id = n.folder_id
        join logistics.shipments s on s.note = n.number and s.recalled_at is null
        where o.state not in ('approved', 'archived')
        """,
    ),
    Invariant(
        "logistics.closed_orders_hold_nothing",
        """
        select h.number, concat(o.state, ', but planned or on its way')
        from core.orders o join core.order_headers h on h.order_id = o.id
        where o.state in ('returned', 'cancelled', 'purged', 'replaced') and (
            exists (select from logistics.plans p where p.order_id = o.id and p.withdrawn_at is null)
            or exists (
                select from logistics.shipments s
                where s.order_id = o.id and s.recalled_at is null and s.delivered_at is null
            )
        )
        """,
    ),
    Invariant(
        "logistics.notes_end_only_by_agreement",
        """
        select h.number, concat(n.number, ': ', o.state)
        from logistics.delivery_notes n
        join core.order_headers h on h.order_id = n.order_id
        join core.orders o on o.id = n.folder_id and o.state = 'archived'
        where not exists (select from logistics.shipments s where s.note = n.number) and not exists (
            select from logistics.note_changes c where c.note = n.number and c.change = 'end' and c.answer = 'agreed'
        )
        """,
    ),
    Invariant(
        "logistics.promise_kept_to",
        """
        select h.number, concat('promise ', p.number, ': ', a.party, ', ', a.by)
        from logistics.promises p
        join core.order_headers h on h.order_id = p.order_id
        join logistics.promise_answers a on a.order_id = p.order_id and a.number = p.number
        where not a.party = any(string_to_array(p.parties, ' '))
            or (not a.agreed and p.withdrawn_at is null and exists (
                select from logistics.shipments s
                where s.order_id = p.order_id and s.recalled_at is null and s.shipped_at > a.at
            ))
        """,
    ),
)
"""What `orderflow audit` proves of these books."""
