"""What after-sales can do with orders and with what customers report."""

from collections.abc import Sequence

from shared.database import Session
from shared.department import Booked, Department, Outcome, ReportedFact, Visit
from workers.after_sales import books, case_rules, cases, profiles, rules

after_sales = Department("after_sales")
after_sales.recorded(
    "survey",  # 收集客户反馈
    "feedback",  # 客户反馈的接收与处理
    "improve",  # 售后服务的改进
)


def _handles(name: str, *kinds: str) -> None:
    """Declare a step at which an order waits while cases of these kinds are open (AFT-03 … 07)."""

    class Handling:
        def load(self, session: Session, visits: Sequence[Visit]) -> cases.OpenCases:
            return cases.read_open(session, visits)

        def decide(self, visit: Visit, facts: cases.OpenCases) -> Outcome:
            return case_rules.no_open_case(visit, facts.by_order.get(visit.order.id, {}), kinds)

        def save(self, session: Session, effects: Sequence[object]) -> None:
            """What was done is written with the cases."""

        def undo(self, session: Session, visits: Sequence[Visit]) -> None:
            """Cases are handled to their end, whatever becomes of the order."""

    after_sales.activity(name)(Handling)


_handles("receipt_exceptions", case_rules.EXCEPTION)  # 处理收货异常
_handles("returns", case_rules.RETURN, case_rules.EXCHANGE)  # 处理退换货请求
_handles("support", case_rules.SUPPORT)  # 技术支持
_handles("repair", case_rules.REPAIR)  # 报修处理
_handles("complaints", case_rules.COMPLAINT)  # 投诉处理


@after_sales.activity("receipt")
class Receipt:
    """The customer confirms receipt (AFT-01, AFT-02), then is asked how satisfied they are (AFT-08)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> books.Parcels:
        return books.read_parcels(session, visits)

    def decide(self, visit: Visit, facts: books.Parcels) -> Outcome:
        return rules.receipt(visit, facts.by_order.get(visit.order.id, rules.Parcel()))

    def save(self, session: Session, effects: Sequence[object]) -> None:
        books.save_receipts(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """What a customer has confirmed stays true, whatever becomes of the order."""


@after_sales.activity("archive")
class Archive:
    """Close the order and add it to the customer's profile (AFT-09, CRM-02, CRM-04)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> profiles.Closings:
        return profiles.read_closings(session, visits)

    def decide(self, visit: Visit, facts: profiles.Closings) -> Outcome:
        return rules.archive(visit, facts.by_order.get(visit.order.id, rules.Closing()))

    def save(self, session: Session, effects: Sequence[object]) -> None:
        profiles.save_archive(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """The archive is final: an order that is in it neither goes back nor is cancelled (AUD-02)."""


@after_sales.fact("receipt_confirmed")
def book_receipts(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """A customer confirmed receipt (确认收货)."""
    return books.book_receipts(session, facts)


@after_sales.fact("survey_answered")
def book_answers(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """A customer answered the questionnaire (满意度问卷)."""
    return books.book_answers(session, facts)


after_sales.fact("case_opened")(cases.book_opened)
after_sales.fact("case_assigned")(cases.book_work)
after_sales.fact("case_handled")(cases.book_work)
after_sales.fact("case_closed")(cases.book_work)
