"""What after-sales reads and keeps: receipts and questionnaires. The archive and profiles are in profiles.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from messages.facts.after_sales import ReceiptConfirmed, SurveyAnswered
from shared.audit import Invariant
from shared.calendar import BUSINESS_ZONE
from shared.database import Session, array, columns
from shared.department import Booked, Finding, ReportedFact, Visit, effects_of, finding
from shared.master import MasterFile, MasterRow
from shared.outbox import Announcement, announce
from workers.after_sales.cases import CASES_HOLD
from workers.after_sales.profiles import PROFILES_HOLD, add_scores
from workers.after_sales.rules import ConfirmedByPhone, Parcel, Questionnaire

MASTER: tuple[MasterFile[MasterRow], ...] = ()
"""After-sales has no master data of its own."""

# -- receipt -----------------------------------------------------------------------------------------------------------

_PARCELS = """
select w.id, s.delivered_at, r.confirmed_at, q.order_id is not null
from unnest(%s::uuid[]) as w(id)
left join lateral (select * from logistics.shipment_status s where s.order_id = w.id limit 1) s on true
left join after_sales.receipts r on r.order_id = w.id
left join after_sales.surveys q on q.order_id = w.id
"""
_SAVE_RECEIPTS = """
insert into after_sales.receipts (order_id, confirmed_at, reported_by, remarks)
select * from unnest(%s::uuid[], %s::timestamptz[], %s::text[], %s::text[])
on conflict (order_id) do nothing
"""
_SAVE_QUESTIONNAIRES = """
insert into after_sales.surveys (order_id, customer, issued_at, lowest, highest)
select * from unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::smallint[], %s::smallint[])
"""
_SHIPPED = """
select w.id, s.shipped_at from unnest(%s::uuid[]) as w(id)
cross join lateral (select * from logistics.shipment_status s where s.order_id = w.id limit 1) s
where s.shipped_at is not null
"""


@dataclass(frozen=True, slots=True)
class Parcels:
    """Where the goods of a batch are, by order."""

    by_order: Mapping[str, Parcel]

    def absorb(self, effect: object) -> None:
        """One order's receipt tells nothing of another's."""


def read_parcels(session: Session, visits: Sequence[Visit]) -> Parcels:
    """Deliveries, confirmations and questionnaires of the orders. One round trip; the orders' own locks guard it."""
    if not visits:
        return Parcels({})
    rows = session.rows(_PARCELS, array([visit.order.id for visit in visits]))
    return Parcels(
        {
            order: Parcel(delivered and delivered.astimezone(BUSINESS_ZONE), confirmed, asked)
            for order, delivered, confirmed, asked in rows
        }
    )


def save_receipts(session: Session, effects: Sequence[object]) -> None:
    """Keep confirmations by phone, and send out questionnaires: the key on the order makes it once (AFT-08)."""
    phoned = [(one.order_id, one.at, None, one.remarks) for one in effects_of(ConfirmedByPhone, effects)]
    if phoned:
        session.write(_SAVE_RECEIPTS, *columns(phoned, 4))
    issued = effects_of(Questionnaire, effects)
    if issued:
        rows = [(one.order.id, one.order.customer.code, one.issued_at, one.lowest, one.highest) for one in issued]
        session.write(_SAVE_QUESTIONNAIRES, *columns(rows, 5))
        announce(session, [_requested(one) for one in issued])


def _requested(one: Questionnaire) -> Announcement:
    return Announcement(
        f"{one.order.id}/survey",
        "orderflow.survey.requested",
        one.order.number,
        one.issued_at,
        {
            "schema_version": 1,
            "order": one.order.number,
            "customer": one.order.customer.code,
            "lowest": one.lowest,
            "highest": one.highest,
        },
    )


def book_receipts(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Confirmations of receipt (确认收货): the first one counts, a repeat changes nothing. Refused before shipment.

    Where a clock says that it was received before it was shipped, the time of shipment is kept.
    """
    reports = [(fact, fact.body) for fact in facts if isinstance(fact.body, ReceiptConfirmed)]
    known = sorted({fact.order_id for fact, _ in reports if fact.order_id})
    shipped: dict[str, datetime] = dict(session.rows(_SHIPPED, array(known)))
    receipts: dict[str, tuple[object, ...]] = {}
    refused: dict[str, Finding] = {}
    for fact, body in reports:
        if fact.order_id is None:
            refused[fact.id] = finding("receipt.order_unknown", body.order)
        elif fact.order_id not in shipped:
            refused[fact.id] = finding("receipt.before_shipment", body.order)
        else:
            at = max(body.occurred_at, shipped[fact.order_id])
            receipts.setdefault(fact.order_id, (fact.order_id, at, body.source, body.remarks))
    if receipts:
        session.write(_SAVE_RECEIPTS, *columns(list(receipts.values()), 4))
    return Booked([f"receipt:{order}" for order in receipts], refused)


# -- questionnaire -----------------------------------------------------------------------------------------------------

_SURVEYS = """
select q.order_id, q.customer, q.lowest, q.highest, q.answered_at is not null, a.order_id is not null
from unnest(%s::uuid[]) as w(id)
join after_sales.surveys q on q.order_id = w.id
left join after_sales.archive a on a.order_id = w.id
"""
_SAVE_ANSWERS = """
update after_sales.surveys q set answered_at = v.at, score = v.score, comment = v.comment
from unnest(%s::uuid[], %s::timestamptz[], %s::smallint[], %s::text[]) as v(order_id, at, score, comment)
where q.order_id = v.order_id
"""


@dataclass(slots=True)
class Survey:
    """A questionnaire that was issued. `archived`: its order is closed, so its answer goes into the profile now."""

    customer: str
    lowest: int
    highest: int
    answered: bool
    archived: bool


def book_answers(session: Session, facts: Sequence[ReportedFact]) -> Booked:
    """Answers to questionnaires (AFT-08). Refused: scores off the scale, second answers, orders that were not asked."""
    reports = [(fact, fact.body) for fact in facts if isinstance(fact.body, SurveyAnswered)]
    known = sorted({fact.order_id for fact, _ in reports if fact.order_id})
    surveys = {order: Survey(*survey) for order, *survey in session.rows(_SURVEYS, array(known))}
    answers: list[tuple[object, ...]] = []
    scores: list[tuple[str, int]] = []
    refused: dict[str, Finding] = {}
    for fact, body in reports:
        survey = surveys.get(fact.order_id or "")
        if survey is None:
            code = "survey.not_issued" if fact.order_id else "survey.order_unknown"
            refused[fact.id] = finding(code, body.order)
        elif not survey.lowest <= body.score <= survey.highest:
            refused[fact.id] = finding(
                "survey.off_the_scale", body.order, score=body.score, lowest=survey.lowest, highest=survey.highest
            )
        elif survey.answered:
            refused[fact.id] = finding("survey.answered_already", body.order)
        else:
            survey.answered = True
            answers.append((fact.order_id, body.occurred_at, body.score, body.comment))
            if survey.archived:
                scores.append((survey.customer, body.score))
    if answers:
        session.write(_SAVE_ANSWERS, *columns(answers, 4))
    add_scores(session, scores)
    return Booked((), refused)


# -- what must hold ----------------------------------------------------------------------------------------------------

INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        "after_sales.received_after_shipment",
        """
        select h.number, concat('confirmed ', r.confirmed_at, ', shipped ', s.shipped_at)
        from after_sales.receipts r
        join core.order_headers h on h.order_id = r.order_id
        left join logistics.shipment_status s on s.order_id = r.order_id
        where r.reported_by is not null and (s.shipped_at is null or r.confirmed_at < s.shipped_at)
        """,
    ),
    Invariant(
        "after_sales.asked_after_receipt",
        """
        select h.number, concat('questionnaire issued ', q.issued_at, ' without a receipt')
        from after_sales.surveys q
        join core.order_headers h on h.order_id = q.order_id
        left join after_sales.receipts r on r.order_id = q.order_id
        where r.order_id is null
        """,
    ),
    *PROFILES_HOLD,
    *CASES_HOLD,
)
"""What `orderflow audit` proves of these books."""
