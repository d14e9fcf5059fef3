"""Decisions of after-sales: whether the goods have come, and whether an order may be closed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from messages.orders import Order
from shared.department import Outcome, Passed, Referred, Visit, Waiting, finding

SETTLEMENT_CHECKED_EVERY = timedelta(hours=1)
"""How often an unsettled order is looked at again: no fact tells of every settlement."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is known of the goods' way to the customer; None: has not happened. Delivery is in business time."""

    delivered_at: datetime | None = None
    confirmed_at: datetime | None = None
    questionnaire_issued: bool = False


@dataclass(frozen=True, slots=True)
class ConfirmedByPhone:
    """Effect: a clerk asked the customer, and the goods have come. `remarks`: what the customer said (AFT-02)."""

    order_id: str
    at: datetime
    remarks: str = ""


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """Effect: the customer is asked how satisfied they are (满意度问卷), on a scale from `lowest` to `highest`."""

    order: Order
    lowest: int
    highest: int
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class Archived:
    """Effect: the order is closed (订单归档). `score` is the customer's answer where it is known already."""

    order: Order
    score: int | None
    at: datetime


def receipt(visit: Visit, parcel: Parcel) -> Outcome:
    """The customer confirms receipt (确认收货, AFT-01); then the questionnaire goes out, once (AFT-08).

    Not confirmed when the policy's days after delivery are over, to the second: a person asks the customer (AFT-02),
    and agreeing means that the customer said yes. Likewise at once where the definition ships nothing: no report comes.
    """
    order, policy = visit.order, visit.policy
    lowest, highest = policy.survey_scale
    questionnaire = () if parcel.questionnaire_issued else (Questionnaire(order, lowest, highest, visit.now),)
    if parcel.confirmed_at is not None:
        return Passed(questionnaire, {"confirmed_at": parcel.confirmed_at.isoformat()})
    by_phone = (ConfirmedByPhone(order.id, visit.now, visit.reason), *questionnaire)
    if "logistics.ship" not in visit.activities:
        return Referred((finding("receipt.not_shipped_by_us"),), by_phone)
    if parcel.delivered_at is None:
        return Waiting((f"delivered:{order.id}", f"receipt:{order.id}"))
    over = parcel.delivered_at + timedelta(days=policy.receipt_wait_days)
    if visit.now < over:
        return Waiting((f"receipt:{order.id}",), until=over)
    delivered = parcel.delivered_at.date().isoformat()
    return Referred((finding("receipt.unconfirmed", delivered=delivered, days=policy.receipt_wait_days),), by_phone)


@dataclass(frozen=True, slots=True)
class Closing:
    """What must be looked at before an order is closed. `open_cases`: their numbers."""

    archived: bool = False
    settled: bool = False
    score: int | None = None
    open_cases: str = ""


def archive(visit: Visit, closing: Closing) -> Outcome:
    """Close the order and add it to the customer's profile (更新客户档案; AFT-09, CRM-04).

    It waits while one of its cases is open and, where the definition has a settlement, while it is unsettled: nobody at
    this step may replace either.
    """
    order = visit.order
    if closing.archived:
        return Passed()
    if closing.open_cases:
        return Waiting((f"case:{order.id}",), findings=(finding("archive.case_open", cases=closing.open_cases),))
    if "finance.settle" in visit.activities and not closing.settled:
        again = visit.now + SETTLEMENT_CHECKED_EVERY
        return Waiting((f"payment:{order.id}",), until=again, findings=(finding("archive.unsettled"),))
    return Passed((Archived(order, closing.score, visit.now),))
