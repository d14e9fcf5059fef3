"""What finance can do with orders, and the facts that it books."""

from collections.abc import Sequence

from shared.approval import Approval
from shared.database import Session
from shared.department import Booked, Department, Outcome, ReportedFact, Visit
from workers.finance import (
    books,
    customer_credit,
    payment_details,
    payment_details_rules,
    payment_tasks,
    payments,
    rules,
    settlement,
    settlement_rules,
)

finance = Department("finance")
finance.activity("approve")(Approval)
finance.recorded(
    "statistics",  # 结算统计
    "reconcile",  # 结算账目的核对
)


@finance.activity(
    "review",
    inputs=(
        "customer",
        "sale_type",
        "new_customer",
        "currency",
        "lines",
        "total_minor",
        "total_base_minor",
        "payment",
    ),
    look=books.look_at_credit,
)
class Review:
    """财务审核: price, discount, payment, risk and credit (FIN-01…04). What it obtains is a credit hold."""

    def load(self, session: Session, visits: Sequence[Visit]) -> books.Credit:
        return books.read_credit(session, visits)

    def decide(self, visit: Visit, facts: books.Credit) -> Outcome:
        order = visit.order
        return rules.review(
            visit,
            facts.today,
            facts.accounts.get(order.customer.code),
            facts.prices.get(order.currency, {}),
            facts.received.get((order.id, order.currency), 0),
            facts.held.get(order.id, 0),
            facts.agreements.get(order.id, rules.NOBODY),
        )

    def save(self, session: Session, effects: Sequence[object]) -> None:
        books.save_review(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        books.undo_review(session, visits)


@finance.activity("credit")
class Credit:
    """赊销: what a customer may still owe, where the definition has no review by finance (FIN-04)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> books.Credit:
        return books.read_credit(session, visits)

    def decide(self, visit: Visit, facts: books.Credit) -> Outcome:
        order = visit.order
        account = facts.accounts.get(order.customer.code)
        received = facts.received.get((order.id, order.currency), 0)
        return rules.credit(visit, facts.today, account, received, facts.held.get(order.id, 0))

    def save(self, session: Session, effects: Sequence[object]) -> None:
        books.save_review(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        books.undo_review(session, visits)


@finance.activity("release")
class Release:
    """Prepaid orders go on once they are paid (FIN-05)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> books.Owed:
        return books.read_owed(session, visits)

    def decide(self, visit: Visit, facts: books.Owed) -> Outcome:
        order = visit.order
        return rules.release(order, facts.received[order.id], facts.due[order.id])

    def save(self, session: Session, effects: Sequence[object]) -> None:
        books.save_review(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        books.undo_release(session, visits)


@finance.activity("invoice")
class Invoice:
    """开票 at delivery: voucher and invoice that go with the goods (SET-04)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> settlement.Deals:
        return settlement.read_deals(session, visits)

    def decide(self, visit: Visit, facts: settlement.Deals) -> Outcome:
        return settlement_rules.invoice(visit, facts.deals[visit.order.id], facts.today)

    def save(self, session: Session, effects: Sequence[object]) -> None:
        settlement.save_settlement(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        settlement.undo_invoices(session, visits)


@finance.activity("settle")
class Settle:
    """结算: voucher, invoice, payment in full (SET-01, 03, 04, 08)."""

    def load(self, session: Session, visits: Sequence[Visit]) -> settlement.Deals:
        return settlement.read_deals(session, visits)

    def decide(self, visit: Visit, facts: settlement.Deals) -> Outcome:
        return settlement_rules.settle(visit, facts.deals[visit.order.id], facts.today)

    def save(self, session: Session, effects: Sequence[object]) -> None:
        settlement.save_settlement(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        settlement.undo_settlement(session, visits)


@finance.activity("send_payment_details")
class SendPaymentDetails:
    """The customer is sent the payment methods and accounts (INT-06)."""

    def load(self, session: Session, _visits: Sequence[Visit]) -> payment_details.Accounts:
        return payment_details.read_accounts(session)

    def decide(self, visit: Visit, facts: payment_details.Accounts) -> Outcome:
        return payment_details_rules.send_details(visit, facts.accounts)

    def save(self, session: Session, effects: Sequence[object]) -> None:
        payment_details.save_details(session, effects)

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """A letter that was written stays written."""


@finance.fact("payment_notice")
def book_notices(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """付款通知 (INT-06)."""
    return payment_details.book_notices(session, facts)


@finance.fact("payment_received")
def book_payments(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """收款 (SET-02)."""
    return payments.book(session, facts)


@finance.fact("payment_assigned")
def book_assigned_payments(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """认领收款 (SET-02)."""
    return payment_tasks.book_assigned(session, facts)


@finance.fact("payment_returned")
def book_returned_payments(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """退回收款 (SET-02)."""
    return payment_tasks.book_returned(session, facts)


@finance.fact("credit_applied")
def book_applied_credit(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """客户余额抵付 (SET-02)."""
    return customer_credit.book_applied(session, facts)


@finance.fact("credit_paid_back")
def book_returned_credit(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """客户余额退还 (SET-02)."""
    return customer_credit.book_paid_back(session, facts)
