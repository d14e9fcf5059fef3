"""What logistics looks at before goods leave (LOG-07): approval, plan, payment, goods, notes, parts, documents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shared.database import Row, Session, array
from shared.department import Visit
from workers.logistics import notes
from workers.logistics.note_rules import ACTIVITY, Note
from workers.logistics.parts import read_parts
from workers.logistics.promise_rules import CONFIRM
from workers.logistics.promises import read_last
from workers.logistics.rules import Papers, Payment, Readiness, wanted_documents

# What has more conditions than its key, and the views of other departments, are asked for one order at a time: joined,
# they would be read whole while there are no statistics.
_PAPERS = """
select w.id, a.approved, p.order_id is not null and p.withdrawn_at is null,
    case when p.withdrawn_at is null then p.carrier end, f.due_minor, f.paid_minor,
    coalesce(g.reserved, false), g.packed_at is not null, g.inspected_at is not null,
    coalesce(g.inspection_passed, false), g.packages, g.weight_grams, s.tracking_number, coalesce(s.rest, 0),
    (select sum(q.quantity) from warehouse.prepared q where q.order_id = w.id)::bigint
from unnest(%s::uuid[]) as w(id)
left join logistics.order_approval a on a.order_id = w.id
left join logistics.plans p on p.order_id = w.id
left join lateral (select * from finance.payment_status f where f.order_id = w.id limit 1) f on true
left join lateral (select * from warehouse.readiness g where g.order_id = w.id limit 1) g on true
left join lateral (
    select s.tracking_number, s.rest from logistics.shipments s where s.order_id = w.id and s.recalled_at is null
    order by s.rest limit 1
) s on true
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """The papers of a batch, by order."""

    papers: Mapping[str, Papers]

    def absorb(self, effect: object) -> None:
        """Each order ships on its own papers."""


def read_papers(session: Session, visits: Sequence[Visit]) -> Desk:
    """What must be known before goods leave. One round trip where everything leaves at once on notes made now; the
    orders' own locks guard it.
    """
    if not visits:
        return Desk({})
    present = notes.of_orders(session, visits)
    found = {row[0]: _papers(row) for row in session.rows(_PAPERS, array([visit.order.id for visit in visits]))}
    apart = [visit for visit in visits if _in_parts(visit, *found[visit.order.id])]
    papers = {order: each for order, (each, _) in found.items()}
    dated = [visit.order.id for visit in visits if CONFIRM in visit.activities]
    if dated:
        last = read_last(session, dated)
        papers |= {order: replace(papers[order], promise=last.get(order)) for order in dated}
    papered = [visit.order.id for visit in visits if wanted_documents(visit)]
    if papered:
        documents = _documents(session, papered)
        papers |= {order: replace(papers[order], documents=documents.get(order, {})) for order in papered}
    if apart:
        papers |= _parts(session, apart, papers, present)
    return Desk(papers)


def _papers(row: Row) -> tuple[Papers, int | None]:
    """The papers, and how many units are prepared."""
    _, approved, planned, carrier, due, paid, *goods, tracking_number, rest, prepared = row
    payment = None if due is None else Payment(due, paid)
    return Papers(bool(approved), planned, carrier, payment, Readiness(*goods), tracking_number, rest), prepared


def _in_parts(visit: Visit, papers: Papers, prepared: int | None) -> bool:
    """Whether more must be known of what has left, what is noted and what is prepared."""
    if papers.tracking_number is not None:
        return papers.rest > 0
    if ACTIVITY in visit.activities:
        return True
    return bool(prepared) and prepared != sum([line.quantity for line in visit.order.lines])


def _parts(
    session: Session, visits: Sequence[Visit], papers: Mapping[str, Papers], present: Mapping[str, Note]
) -> dict[str, Papers]:
    ours = {visit.order.id for visit in visits if notes.PREPARES in visit.activities}
    parts = read_parts(session, ours, {visit.order.id for visit in visits} - ours)
    present = {**notes.ended(session, [visit for visit in visits if visit.order.id not in present]), **present}
    unnoted = [
        visit
        for visit in visits
        if ACTIVITY in visit.activities
        and (note.gone if (note := present.get(visit.order.id)) else parts[visit.order.id].left)
    ]
    blanks = notes.make_blanks(session, unnoted, parts)
    return {
        order: replace(papers[order], note=present.get(order), parts=each, blank=blanks.get(order))
        for order, each in parts.items()
    }


def _documents(session: Session, orders: Sequence[str]) -> dict[str, dict[str, str]]:
    """The numbers of what goes with the goods, by order and kind, several separated by blanks."""
    found: dict[str, dict[str, str]] = {}
    for order, kind, numbers in session.rows(_DOCUMENTS, array(orders), array(orders)):
        found.setdefault(order, {})[kind] = numbers
    return found


_DOCUMENTS = """
select w.id, 'invoice', i.numbers from unnest(%s::uuid[]) as w(id)
cross join lateral (
    select string_agg(number, ' ' order by number) as numbers from finance.invoice_papers
    where order_id = w.id and corrects is null and corrected_at is null
) i where i.numbers is not null
union all
select w.id, 'packing_list', p.numbers from unnest(%s::uuid[]) as w(id)
cross join lateral (
    select string_agg(number, ' ' order by number) as numbers from warehouse.packing_papers where order_id = w.id
) p where p.numbers is not null
"""
