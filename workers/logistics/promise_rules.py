"""The promised delivery date (承诺交期, LOG-08), pure: which one is proposed, and whether everybody confirmed it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from messages.orders import Order
from shared.department import Finding, Outcome, Passed, Referred, Returned, Unworkable, Visit, Waiting, finding

PROMISE, CONFIRM = "logistics.promise", "logistics.confirm_date"
SALES_PARTY, CUSTOMER_PARTY = "sales", "customer"
PARTIES = (SALES_PARTY, CUSTOMER_PARTY)
"""Who a date may have to be confirmed with; the step's option `confirmed_by` names them, separated by blanks."""
LOOK_AGAIN_AFTER = timedelta(hours=1)
"""How often an order looks whether its goods are expected by now: nothing tells it of what was ordered for others."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one party said to a date; `wanted`: the day that they want instead."""

    agreed: bool
    by: str
    wanted: date | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """One date that was proposed, and what was answered. `number` counts those of its order. `withdrawn`: another one
    takes its place, or its order went back.
    """

    number: int
    promised_on: date
    parties: tuple[str, ...] = PARTIES
    withdrawn: bool = False
    answers: Mapping[str, Answer] = field(default_factory=dict)

    @property
    def refused(self) -> Answer | None:
        """The first answer that refuses it."""
        return next((each for each in self.answers.values() if not each.agreed), None)

    @property
    def missing(self) -> tuple[str, ...]:
        """The parties that have not confirmed it."""
        return tuple([each for each in self.parties if each not in self.answers or not self.answers[each].agreed])


@dataclass(frozen=True, slots=True)
class Proposed:
    """Effect: this date is promised as soon as it is confirmed. `by` None: reckoned from stock, production and way."""

    order_id: str
    order: str
    number: int
    promised_on: date
    parties: tuple[str, ...]
    at: datetime
    by: str | None = None
    reason: str = ""
    transit_days: int = 0


@dataclass(frozen=True, slots=True)
class Outlook:
    """The order's last proposal; the day on which its goods can be there (None: nobody expects what is short), and how
    many days of that they travel.
    """

    last: Promise | None = None
    arrival: date | None = None
    transit_days: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """Effect: the customer is written which date is proposed."""

    order: Order
    round: int
    number: int
    promised_on: date
    at: datetime


def promise_key(order_id: str) -> str:
    """What an order waits for whose date is to be proposed or answered; a delayed production wakes it, too (PRD-03)."""
    return f"promise:{order_id}"


def promise(visit: Visit, outlook: Outlook) -> Outcome:
    """确定交货日期: the requested day where the goods can be there by then, else the first on which they can.

    A person is asked about a later day than the requested one. After a refusal the day that was wanted instead is
    proposed where that is possible. Without a new day to propose the order waits until a person proposes one.
    """
    last, order = outlook.last, visit.order
    if last is not None and not last.withdrawn and not last.refused:
        return Passed(basis={"promised_date": last.promised_on.isoformat()})
    refused = last.refused if last else None
    if outlook.arrival is None:
        return _wait(visit, (finding("promise.no_date"),))
    wanted = (refused.wanted if refused else None) or order.requested_date
    day = max(wanted, outlook.arrival)
    if refused and last and day == last.promised_on:
        return _wait(visit, (finding("promise.refused_again", refused=day.isoformat(), by=refused.by),))
    number = last.number + 1 if last else 1
    one = Proposed(order.id, order.number, number, day, _parties(visit), visit.now, transit_days=outlook.transit_days)
    basis = {"promised_date": day.isoformat(), "arrival": outlook.arrival.isoformat()}
    if day > order.requested_date:
        later = finding("promise.later", requested=order.requested_date.isoformat(), promised=day.isoformat())
        return Referred((later,), (one,), basis)
    return Passed((one,), basis)


def confirm(visit: Visit, outlook: Outlook) -> Outcome:
    """与销售部门和客户确认: passes once all parties have confirmed the date. A refusal takes the order back to where
    the date is proposed; so does a delay after which the goods cannot be there by then.
    """
    last = outlook.last
    if last is None or last.withdrawn:
        return _wait(visit, (finding("promise.none"),))
    day = last.promised_on.isoformat()
    basis = {"promised_date": day}
    if last.refused:
        wanted = last.refused.wanted.isoformat() if last.refused.wanted else "–"
        return Returned((finding("promise.refused", last.refused.by, promised=day, wanted=wanted),), basis)
    if not last.missing:
        return Passed(basis=basis)
    if outlook.arrival is not None and outlook.arrival > last.promised_on:
        return Returned((finding("promise.delayed", arrival=outlook.arrival.isoformat(), promised=day),), basis)
    asked = Asked(visit.order, visit.round, last.number, last.promised_on, visit.now)
    return Waiting(
        (promise_key(visit.order.id),),
        findings=tuple(unconfirmed(last)),
        effects=(asked,) if CUSTOMER_PARTY in last.missing else (),
        basis=basis,
    )


def unconfirmed(last: Promise | None) -> Sequence[Finding]:
    """A finding for every party that has not confirmed the date."""
    if last is None or last.withdrawn:
        return [finding("promise.none")]
    day = last.promised_on.isoformat()
    return [
        finding("promise.unconfirmed_sales", promised=day)
        if party == SALES_PARTY
        else finding("promise.unconfirmed_customer", promised=day)
        for party in last.missing
    ]


def refuse_answer(last: Promise | None, party: str, day: date) -> Finding | None:
    """Why an answer counts for nothing: no date is open, it is about another one, or that party has answered."""
    if last is None or last.withdrawn:
        return finding("promise.none")
    if last.promised_on != day:
        return finding("promise.other_date", answered=day.isoformat(), promised=last.promised_on.isoformat())
    if party in last.answers:
        return finding("promise.answered", last.answers[party].by, promised=day.isoformat())
    return None


def _wait(visit: Visit, findings: tuple[Finding, ...]) -> Waiting:
    return Waiting((promise_key(visit.order.id),), visit.now + LOOK_AGAIN_AFTER, findings)


def _parties(visit: Visit) -> tuple[str, ...]:
    named = tuple(str(visit.options.get("confirmed_by", " ".join(PARTIES))).split())
    if not {*named} <= {*PARTIES}:
        raise Unworkable(f"step {visit.step}: option confirmed_by is {' '.join(named)!r}, not of {' '.join(PARTIES)}")
    return named
