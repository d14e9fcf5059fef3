"""What compliance can do with orders."""

from collections.abc import Sequence

from shared.database import Session
from shared.department import Department, Outcome, Visit
from workers.compliance import books, rules

compliance = Department("compliance")
compliance.recorded("contract")  # 合同签订


@compliance.activity("check", inputs=("customer", "delivery", "lines"))
class Check:
    """Law and company policy (合规审核, CMP-01): what hits a rule goes to a person."""

    def load(self, session: Session, visits: Sequence[Visit]) -> books.Records:
        return books.read_records(session, visits)

    def decide(self, visit: Visit, facts: books.Records) -> Outcome:
        order, percent = visit.order, visit.policy.screening_near_percent
        return rules.check(order, facts.book, facts.categories, facts.customers.get(order.customer.code), percent)

    def save(self, session: Session, effects: Sequence[object]) -> None:
        """A check keeps nothing: its findings stand in the order's history."""

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """A check obtains nothing."""
