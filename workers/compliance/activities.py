"""What compliance can do with orders and contracts."""

from collections.abc import Sequence

from shared.approval import Approval
from shared.database import Session
from shared.department import Booked, Department, Outcome, ReportedFact, Visit
from workers.compliance import books, contract_rules, contracts, rules
from workers.compliance.contract_rules import contract_of

compliance = Department("compliance")


@compliance.activity("check", inputs=("customer", "delivery", "lines"), look=books.read_records)
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


@compliance.activity("register")
class Register:
    """合同收文: the preliminary check of a contract that came in (CMP-03)."""

    def load(self, session: Session, _visits: Sequence[Visit]) -> books.Restricted:
        return books.read_restrictions(session)

    def decide(self, visit: Visit, facts: books.Restricted) -> Outcome:
        return contract_rules.preliminary(contract_of(visit), facts.book, visit.policy.screening_near_percent)

    def save(self, session: Session, effects: Sequence[object]) -> None:
        """It was registered when it came in."""

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """A check obtains nothing."""


compliance.activity("approve")(Approval)
"""部门会审 by the technical department (CMP-04)."""


@compliance.activity("review")
class Review:
    """法律审核 and 领导审批, with every opinion (CMP-06)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> contracts.File:
        return contracts.read_opinions(session, visits)

    def decide(self, visit: Visit, facts: contracts.File) -> Outcome:
        return contract_rules.review(facts.opinions.get(visit.document.id, ()))

    def save(self, session: Session, effects: Sequence[object]) -> None:
        """The decision stands in the contract's history."""

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """A review obtains nothing."""


@compliance.activity("sign")
class Sign:
    """合同签订: waits for signature and seal (CMP-08)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> contracts.File:
        return contracts.read_signatures(session, visits)

    def decide(self, visit: Visit, facts: contracts.File) -> Outcome:
        return contract_rules.sign(visit, facts.signatures.get(visit.document.id))

    def save(self, session: Session, effects: Sequence[object]) -> None:
        """The signature was kept when it was reported."""

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """A signature counts in its own round only."""


@compliance.activity("contract")
class OrderContract:
    """合同签订 for an order: waits until a contract for it is signed by both sides (CMP-09)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> contracts.Signed:
        return contracts.read_signed(session, visits)

    def decide(self, visit: Visit, facts: contracts.Signed) -> Outcome:
        return contract_rules.signed_for(visit.order, facts.by_order.get(visit.order.id, ()))

    def save(self, session: Session, effects: Sequence[object]) -> None:
        """The contract has a folder of its own."""

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """What is signed stays signed; a changed order needs a contract that fits it."""


@compliance.activity("archive")
class Archive:
    """合同归档 (CMP-10)."""

    def load(self, _session: Session, _visits: Sequence[Visit]) -> contracts.File:
        return contracts.File({}, {})

    def decide(self, visit: Visit, _facts: contracts.File) -> Outcome:
        return contract_rules.archive(contract_of(visit))

    def save(self, session: Session, effects: Sequence[object]) -> None:
        contracts.save_archived(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """What is archived is never taken back."""


@compliance.fact("counterparty_checked")
def book_checks(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """The other side's reputation and strength were looked into."""
    return contracts.book_checks(session, facts)


@compliance.fact("contract_signed")
def book_signatures(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Both sides signed."""
    return contracts.book_signatures(session, facts)


@compliance.fact("obligation_met")
def book_met(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """An obligation of a signed contract was met."""
    return contracts.book_met(session, facts)
