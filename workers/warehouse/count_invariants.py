"""What must hold in the books of stock-taking (WHS-06)."""

from shared.audit import Invariant

ALL = (
    Invariant(
        "warehouse.counted",
        """
        select number || ' ' || product || ' at ' || location,
            concat('approved a difference of ', coalesce(l.quantity, 0), ', moved ', coalesce(m.quantity, 0))
        from (
            select l.number, l.product, l.location, l.counted - l.book as quantity
            from warehouse.stock_count_lines l
            join warehouse.stock_counts c on c.number = l.number and c.approved
            where l.counted <> l.book
        ) l
        full join (
            select document as number, product, location, sum(quantity) as quantity
            from warehouse.stock_movements where kind = 'counted' and document is not null
            group by document, product, location
        ) m using (number, product, location)
        where coalesce(l.quantity, 0) <> coalesce(m.quantity, 0)
        """,
    ),
    Invariant(
        "warehouse.count_approved",
        """
        select number, concat('counted by ', counted_by, ', decided by ', decided_by)
        from warehouse.stock_counts where decided_by = counted_by or (approved and decided_by is null)
        """,
    ),
)
