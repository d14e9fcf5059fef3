"""What sales review can do with orders, and the facts that it books."""

from collections.abc import Sequence

from shared.approval import Approval
from shared.database import Session
from shared.department import (
    Booked,
    Department,
    Outcome,
    Passed,
    Referred,
    ReportedFact,
    Visit,
    effects_of,
    finding,
)
from shared.letters import ACKNOWLEDGEMENT, CONFIRMATION, Letter, write_letters
from workers.sales_review import books, report_rules, reports, rules, strategy, strategy_rules

TERMS = (
    "customer", "sale_type", "currency", "lines", "total_minor", "total_base_minor", "payment", "delivery", "quotation",
)  # fmt: skip
"""What a review of the sale rests on. When the goods are wanted is for those to say who have them."""

sales_review = Department("sales_review")
sales_review.recorded(
    "track",  # 订单跟踪
    "arrange_delivery",  # 协调安排交货
    "feedback",  # 客户反馈
    "classify_customer",  # 客户分类
    "update_customer",  # 客户信息管理
)


@sales_review.activity("check", inputs=TERMS, look=books.read_records)
class Check:
    """First check (初审): rules decide, what fails them goes to a person (SAL-01, 03–06)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> books.Records:
        return books.read_records(session, visits)

    def decide(self, visit: Visit, facts: books.Records) -> Outcome:
        order, day = visit.order, books.business_day(visit.now)
        customer = facts.customers.get(order.customer.code)
        products, agreed = facts.products.get((order.currency, day), {}), facts.agreed_for(order)
        if not visit.options.get(books.PRELIMINARY):
            return rules.check(visit, day, customer, products, agreed=agreed)
        restrictions, goods = facts.preliminary.restrictions, facts.preliminary.goods.get(order.currency, {})
        return rules.check(visit, day, customer, products, restrictions=restrictions, goods=goods, agreed=agreed)

    def save(self, session: Session, effects: Sequence[object]) -> None:
        """A check keeps nothing: its basis and findings stand in the order's history."""

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """A check obtains nothing."""


@sales_review.activity("second_check", look=books.read_records)
class SecondCheck:
    """Second review (复审, SAL-02) by a supervisor or manager. The step's option `not_by` names the first check, whose
    decider may not decide this one.
    """

    def load(self, session: Session, visits: Sequence[Visit]) -> books.Records:
        return books.read_records(session, visits)

    def decide(self, visit: Visit, facts: books.Records) -> Outcome:
        order, day = visit.order, books.business_day(visit.now)
        customer = facts.customers.get(order.customer.code)
        products = facts.products.get((order.currency, day), {})
        return rules.second_check(visit, day, customer, products, facts.agreed_for(order))

    def save(self, session: Session, effects: Sequence[object]) -> None:
        """A review keeps nothing: its basis and findings stand in the order's history."""

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """A review obtains nothing."""


@sales_review.activity("market", look=strategy.read_market)
class Market:
    """市场部审批: legality and agreement with market strategy (SAL-07)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> strategy.Market:
        return strategy.read_market(session, visits)

    def decide(self, visit: Visit, facts: strategy.Market) -> Outcome:
        goods = facts.goods.get(visit.order.currency, {})
        return strategy_rules.market(visit.order, facts.strategies, facts.restrictions, goods)

    def save(self, session: Session, effects: Sequence[object]) -> None:
        """An approval keeps nothing: its basis and findings stand in the order's history."""

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """An approval obtains nothing."""


sales_review.activity("approve", inputs=(*TERMS, "special_requirements"))(Approval)


@sales_review.activity("enter")
class Enter:
    """Formal entry after review (录入, ENT-07): waits for the fact `order_entered`, equal to what was reviewed."""

    def load(self, session: Session, visits: Sequence[Visit]) -> reports.Reported:
        return reports.read_reports(session, visits)

    def decide(self, visit: Visit, facts: reports.Reported) -> Outcome:
        return report_rules.enter(visit, facts.by_order[visit.order.id])

    def save(self, session: Session, effects: Sequence[object]) -> None:
        """The entry was kept when it was reported."""

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """What was entered in this round counts in no other."""


@sales_review.activity("hand_over")
class HandOver:
    """The printed order is handed over (手工提交, ENT-08): waits for the fact `paper_handed_over`."""

    def load(self, session: Session, visits: Sequence[Visit]) -> reports.Reported:
        return reports.read_reports(session, visits)

    def decide(self, visit: Visit, facts: reports.Reported) -> Outcome:
        return report_rules.hand_over(visit, facts.by_order[visit.document.id])

    def save(self, session: Session, effects: Sequence[object]) -> None:
        """The hand-over was kept when it was reported."""

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """The paper of this round counts in no other."""


@sales_review.activity("confirm_with_customer")
class ConfirmWithCustomer:
    """The customer is written to and confirms the order before review (INT-05): waits for `customer_answered`."""

    def load(self, session: Session, visits: Sequence[Visit]) -> reports.Reported:
        return reports.read_reports(session, visits)

    def decide(self, visit: Visit, facts: reports.Reported) -> Outcome:
        return report_rules.customer_word(visit, facts.by_order[visit.order.id])

    def save(self, session: Session, effects: Sequence[object]) -> None:
        reports.ask_customers(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """What the customer said of this round's order counts in no other."""


@sales_review.activity("acknowledge")
class Acknowledge:
    """The customer is thanked for the order (感谢信, INT-04), once. Nothing that goes wrong holds the order up."""

    def load(self, _session: Session, _visits: Sequence[Visit]) -> books.Records:
        return books.Records({}, {})

    def decide(self, visit: Visit, _facts: books.Records) -> Outcome:
        return Passed((Letter(ACKNOWLEDGEMENT, visit.order, visit.round, visit.now),))

    def save(self, session: Session, effects: Sequence[object]) -> None:
        write_letters(session, effects_of(Letter, effects))

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """A letter that was written stays written."""


@sales_review.activity("confirmation")
class Confirmation:
    """确认函 to the customer (TRK-04). Who has no e-mail address is confirmed to by phone: a person does it, and the
    history keeps who and when.
    """

    def load(self, _session: Session, _visits: Sequence[Visit]) -> books.Records:
        return books.Records({}, {})

    def decide(self, visit: Visit, _facts: books.Records) -> Outcome:
        order = visit.order
        if not order.contact.email:
            phone = order.contact.phone or ""
            return Referred((finding("confirmation.by_phone", order.customer.code, phone=phone),))
        return Passed((Letter(CONFIRMATION, order, visit.round, visit.now),))

    def save(self, session: Session, effects: Sequence[object]) -> None:
        write_letters(session, effects_of(Letter, effects))

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """A letter that was written stays written."""


@sales_review.fact("order_entered")
@sales_review.fact("paper_handed_over")
@sales_review.fact("customer_answered")
def book_reports(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Somebody entered an order, handed its paper over, or answered for the customer."""
    return reports.book(session, facts)
