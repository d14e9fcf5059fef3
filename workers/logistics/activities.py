"""What logistics can do with orders and with what the carriers report."""

from collections.abc import Collection, Sequence

from shared.database import Session
from shared.department import Booked, Department, Outcome, ReportedFact, Visit
from workers.logistics import (
    books,
    carrier_events,
    change_rules,
    note_changes,
    note_rules,
    notes,
    papers,
    promise_rules,
    promises,
    rules,
    shipping,
)

logistics = Department("logistics")


@logistics.activity("promise")
class PromiseDate:
    """Propose the delivery date (确定交货日期, LOG-08)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> promises.Outlooks:
        return promises.read_outlooks(session, visits)

    def decide(self, visit: Visit, facts: promises.Outlooks) -> Outcome:
        return promise_rules.promise(visit, facts.by_order[visit.order.id])

    def save(self, session: Session, effects: Sequence[object]) -> None:
        promises.save(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        promises.withdraw(session, visits)


@logistics.activity("confirm_date")
class ConfirmDate:
    """Have the date confirmed by sales and the customer (与销售部门和客户确认, LOG-08)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> promises.Outlooks:
        return promises.read_outlooks(session, visits)

    def decide(self, visit: Visit, facts: promises.Outlooks) -> Outcome:
        return promise_rules.confirm(visit, facts.by_order[visit.order.id])

    def save(self, session: Session, effects: Sequence[object]) -> None:
        promises.save(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """The answers stay written with their date."""


@logistics.activity("plan")
class PlanTransport:
    """Choose a carrier and promise a date (LOG-01, LOG-08)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> books.Rates:
        return books.read_rates(session, visits)

    def decide(self, visit: Visit, facts: books.Rates) -> Outcome:
        place = visit.order.delivery
        rates = facts.by_place.get((place.country, place.region), ())
        needed = facts.promised.get(visit.order.id)
        return rules.plan(visit, books.business_day(visit.now), facts.weights, rates, needed)

    def save(self, session: Session, effects: Sequence[object]) -> None:
        books.save_plans(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        books.withdraw_plans(session, visits)


@logistics.activity("note", opens=note_rules.NOTE_OF)
class MakeNote:
    """Make the delivery note and wait for its own approval (LOG-02, LOG-03)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> notes.Notes:
        return notes.read_notes(session, visits)

    def decide(self, visit: Visit, facts: notes.Notes) -> Outcome:
        present = facts.present.get(visit.order.id)
        return note_rules.note(visit, present, facts.blanks.get(visit.order.id))

    def save(self, session: Session, effects: Sequence[object]) -> None:
        notes.save_issued(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        notes.recall(session, visits)


@logistics.activity("leave")
class Leave:
    """An approved delivery note stays at work until its goods have left (LOG-04), or its end is agreed to (LOG-05)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> notes.Departures:
        return notes.read_departures(session, visits)

    def decide(self, visit: Visit, facts: notes.Departures) -> Outcome:
        folder = visit.document.id
        return change_rules.at_work(
            visit, note_rules.note_of(visit), facts.shipped.get(folder), facts.changes.get(folder)
        )

    def save(self, session: Session, effects: Sequence[object]) -> Collection[str]:
        return [*notes.save_approved(session, effects), *note_changes.save_changes(session, effects)]

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """Its order takes the note back, or a change was disagreed with."""
        note_changes.refuse(session, visits)


@logistics.activity("ship", opens=note_rules.NOTE_OF)
class Ship:
    """Hand the goods to the carrier with their papers (LOG-02, LOG-06, LOG-07)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> papers.Desk:
        return papers.read_papers(session, visits)

    def decide(self, visit: Visit, facts: papers.Desk) -> Outcome:
        return rules.ship(visit, facts.papers.get(visit.order.id, rules.Papers()))

    def save(self, session: Session, effects: Sequence[object]) -> Collection[str]:
        notes.save_issued(session, effects)
        return shipping.save_shipments(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        shipping.recall_shipments(session, visits)


@logistics.fact("delivered")
def book_deliveries(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """A carrier delivered (送达)."""
    return shipping.book_deliveries(session, facts)


@logistics.fact("date_proposed")
def book_proposals(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Somebody proposes another delivery date (LOG-08)."""
    return promises.book_proposals(session, facts)


@logistics.fact("date_answered")
def book_answers(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Sales or the customer confirm or refuse the date (LOG-08)."""
    return promises.book_answers(session, facts)


@logistics.fact("note_change_requested")
def book_note_changes(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """A change of an approved delivery note is asked for (LOG-05)."""
    return note_changes.book_requests(session, facts)


@logistics.fact("carrier_reported")
def book_carrier_events(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """A carrier reports of a shipment on its way (LOG-06)."""
    return carrier_events.book(session, facts)
