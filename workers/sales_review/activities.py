"""What sales review can do with orders."""

from collections.abc import Sequence

from shared.database import Session
from shared.department import Department, Outcome, Passed, Visit
from workers.sales_review import books, rules

sales_review = Department("sales_review")


@sales_review.activity("check")
class Check:
    """First check (初审): rules decide, what fails them goes to a person (SAL-01, 03–06)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> books.Records:
        return books.read_records(session, visits)

    def decide(self, visit: Visit, facts: books.Records) -> Outcome:
        order, day = visit.order, books.business_day(visit.now)
        customer = facts.customers.get(order.customer.code)
        return rules.check(visit, day, customer, facts.products.get((order.currency, day), {}))

    def save(self, session: Session, effects: Sequence[object]) -> None:
        """A check keeps nothing: its basis and findings stand in the order's history."""

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """A check obtains nothing."""


@sales_review.activity("approve")
class Approve:
    """A person's approval and nothing else (审批): its step is in mode `manual`, which asks for it (APR-07)."""

    def load(self, _session: Session, _visits: Sequence[Visit]) -> books.Records:
        return books.Records({}, {})

    def decide(self, _visit: Visit, _facts: books.Records) -> Outcome:
        return Passed()

    def save(self, session: Session, effects: Sequence[object]) -> None:
        """The decision stands in the order's history."""

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """An approval obtains nothing."""
