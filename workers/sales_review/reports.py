"""What people report of orders that wait for it (ENT-07, ENT-08, INT-05): booked once, read by the waiting steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from messages.facts.sales_review import CustomerAnswered, OrderEntered, PaperHandedOver
from messages.folders import Document, DocumentKind, read_document
from messages.orders import Order
from shared.database import Session, array, columns
from shared.department import Booked, Finding, ReportedFact, Visit, effects_of
from shared.letters import REQUEST_TO_CONFIRM, Letter, write_letters
from workers.sales_review.report_rules import (
    CHANGE_WANTED,
    CONFIRMED,
    ENTERED,
    HANDED_OVER,
    Report,
    Reports,
    Request,
    differences,
    key,
    not_asked,
)

Body = OrderEntered | PaperHandedOver | CustomerAnswered

# Only what an order waits for now is booked: the runtime has locked it, so it stays there until this is committed.
_WAITING = """
select w.key, o.id, o.round, h.document_kind, d.document
from unnest(%s::text[]) as k(key) join core.waits w on w.key = k.key
join core.orders o on o.id = w.order_id
join core.order_headers h on h.order_id = o.id
join core.order_documents d on d.order_id = o.id and d.revision = o.revision
"""
_SAVE = """
insert into sales_review.reports (order_id, round, kind, at, by, "to", remarks)
select * from unnest(%s::uuid[], %s::smallint[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::text[])
"""
_READ = """
select r.order_id, r.kind, r.at, r.by, r."to", r.remarks
from unnest(%s::uuid[], %s::smallint[]) as w(id, round)
join sales_review.reports r on r.order_id = w.id and r.round = w.round
"""


@dataclass(frozen=True, slots=True)
class Reported:
    """What was reported of the orders of a batch, in their rounds."""

    by_order: Mapping[str, Reports]

    def absorb(self, effect: object) -> None:
        """One order's report tells nothing of another's."""


def read_reports(session: Session, visits: Sequence[Visit]) -> Reported:
    """One round trip."""
    found: dict[str, dict[str, Report]] = {visit.document.id: {} for visit in visits}
    if visits:
        wanted = columns([(visit.document.id, visit.round) for visit in visits], 2)
        for order_id, kind, *report in session.rows(_READ, *wanted):
            found[order_id][kind] = Report(*report)
    return Reported(found)


def ask_customers(session: Session, effects: Sequence[object]) -> None:
    """Write to the customers who have not been asked in this round."""
    requests = effects_of(Request, effects)
    write_letters(session, [Letter(REQUEST_TO_CONFIRM, each.order, each.round, each.at) for each in requests])


def book(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Keep reports that an order waits for and wake it; the first of a kind counts. Refuses the others, and an entry
    that differs from what was reviewed.
    """
    reports = [(fact, body) for fact in facts if isinstance(body := fact.body, Body)]
    keys = sorted({key(_kind(body), fact.order_id) for fact, body in reports if fact.order_id})
    waiting: dict[str, tuple[str, int, Document]] = {
        row[0]: (row[1], row[2], read_document(DocumentKind(row[3]), row[4]))
        for row in session.rows(_WAITING, array(keys))
    }
    rows: dict[str, tuple[object, ...]] = {}
    refused: dict[str, Finding] = {}
    for fact, body in reports:
        at = key(_kind(body), fact.order_id or "")
        if at not in waiting or at in rows:
            refused[fact.id] = not_asked(body.kind, body.order)
            continue
        order_id, round_, document = waiting[at]
        fault = None
        if isinstance(body, OrderEntered) and isinstance(document, Order):
            fault = differences(document, body)
        if fault:
            refused[fact.id] = fault
        else:
            rows[at] = (order_id, round_, *_report(body))
    if rows:
        session.write(_SAVE, *columns(list(rows.values()), 7))
    return Booked(rows, refused)


def _kind(body: Body) -> str:
    if isinstance(body, OrderEntered):
        return ENTERED
    if isinstance(body, PaperHandedOver):
        return HANDED_OVER
    return CONFIRMED if body.answer == "confirmed" else CHANGE_WANTED


def _report(body: Body) -> tuple[object, ...]:
    to = body.to if isinstance(body, PaperHandedOver) else None
    remarks = "" if isinstance(body, OrderEntered) else body.remarks
    return _kind(body), body.occurred_at, body.by, to, remarks
