"""What logistics can do with orders and with what the carriers report."""

from collections.abc import Sequence

from shared.database import Session
from shared.department import Booked, Department, Outcome, ReportedFact, Visit
from workers.logistics import books, rules, shipping

logistics = Department("logistics")
logistics.recorded("promise")  # 确定交货日期


@logistics.activity("plan")
class PlanTransport:
    """Choose a carrier and promise a date (LOG-01, LOG-08)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> books.Rates:
        return books.read_rates(session, visits)

    def decide(self, visit: Visit, facts: books.Rates) -> Outcome:
        place = visit.order.delivery
        rates = facts.by_place.get((place.country, place.region), ())
        return rules.plan(visit, books.business_day(visit.now), facts.weights, rates)

    def save(self, session: Session, effects: Sequence[object]) -> None:
        books.save_plans(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        books.withdraw_plans(session, visits)


@logistics.activity("ship")
class Ship:
    """Hand the goods to the carrier with their papers (LOG-02, LOG-06, LOG-07)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> shipping.Desk:
        return shipping.read_papers(session, visits)

    def decide(self, visit: Visit, facts: shipping.Desk) -> Outcome:
        return rules.ship(visit, facts.papers.get(visit.order.id, rules.Papers()))

    def save(self, session: Session, effects: Sequence[object]) -> None:
        shipping.save_shipments(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        shipping.recall_shipments(session, visits)


@logistics.fact("delivered")
def book_deliveries(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """A carrier delivered (送达)."""
    return shipping.book_deliveries(session, facts)
