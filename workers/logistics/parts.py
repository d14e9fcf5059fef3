"""What logistics reads of orders that leave in parts (LOG-02). One round trip."""

from collections.abc import Collection

from shared.database import Session, array
from workers.logistics.part_rules import Parts


def read_parts(session: Session, prepared_by_us: Collection[str], others: Collection[str] = ()) -> dict[str, Parts]:
    """Of every order what has left, what its note at work names and what is prepared; `others` are those whose process
    prepares nothing.
    """
    ids = array(sorted({*prepared_by_us, *others}))
    notes, ready, packed = session.together((_NOTES, (ids,)), (_PREPARED, (ids,)), (_PACKED, (ids,)))
    found: dict[str, Parts] = {}
    for order in {*prepared_by_us, *others}:
        mine = [row[1:] for row in notes if row[0] == order]
        left: dict[int, int] = {}
        noted: dict[int, int] | None = None
        for _, gone, line, quantity in mine:
            if gone:
                left[line] = left.get(line, 0) + quantity
            else:
                noted = (noted or {}) | {line: quantity}
        prepared = {line: quantity for of, line, quantity in ready if of == order}
        count = len({number for number, gone, _, _ in mine if gone})
        packages = next((row[1:] for row in packed if row[0] == order), (None, None))
        found[order] = Parts(left, noted, prepared if order in prepared_by_us else None, count, *packages)
    return found


# Asked for one order at a time: joined, other relations would be read whole while there are no statistics.
_NOTES = """
select w.id, n.number, n.gone, l.line, l.quantity from unnest(%s::uuid[]) as w(id)
cross join lateral (
    select n.number, exists (select from logistics.shipments s where s.note = n.number) as gone
    from logistics.delivery_notes n where n.order_id = w.id and n.recalled_at is null offset 0
) n
join logistics.delivery_note_lines l on l.note = n.number
"""
_PREPARED = """
select w.id, p.line, p.quantity from unnest(%s::uuid[]) as w(id)
cross join lateral (
    select g.line, sum(g.quantity)::bigint as quantity from warehouse.prepared_lines g where g.order_id = w.id
    group by g.line
) p
"""
_PACKED = """
select w.id, (p.packages - coalesce(s.packages, 0))::bigint, (p.weight_grams - coalesce(s.weight_grams, 0))::bigint
from unnest(%s::uuid[]) as w(id)
cross join lateral (
    select sum(packages) as packages, sum(weight_grams) as weight_grams from warehouse.packing_papers
    where order_id = w.id
) p
cross join lateral (
    select sum(packages) as packages, sum(weight_grams) as weight_grams from logistics.shipments
    where order_id = w.id and recalled_at is null
) s
"""
