"""Decisions of logistics: which carrier, and whether goods may leave."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from messages.orders import Order
from shared.department import Finding, Outcome, Passed, Referred, Unworkable, Visit, Waiting, finding
from shared.money import MoneyError, convert
from workers.logistics.note_rules import ACTIVITY, Blank, Note, note
from workers.logistics.part_rules import Parts, prepared_key
from workers.logistics.promise_rules import CONFIRM, Promise, unconfirmed

_GRAMS_PER_KILOGRAM = 1_000
CHECKED_EVERY = timedelta(hours=1)
"""How often an order that is not approved, or lacks documents, is looked at again: no fact tells of these."""
INVOICE, PACKING_LIST = "invoice", "packing_list"
"""What the step's option `documents` may name, separated by blanks: it goes with the goods (LOG-10)."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What a carrier takes to one place, in minor units of `currency`, and how many calendar days it needs."""

    carrier: str
    base_fee_minor: int
    per_kg_fee_minor: int
    currency: str
    transit_days: int


class Candidate(NamedTuple):
    """One carrier in the comparison. `freight_minor` is in the policy's base currency, None without a rate for it."""

    carrier: str
    freight_minor: int | None
    transit_days: int
    arrival: date
    in_time: bool


_CHEAPEST = attrgetter("freight_minor", "transit_days", "carrier")
_FASTEST = attrgetter("transit_days", "freight_minor", "carrier")


@dataclass(frozen=True, slots=True)
class Choice:
    """The carrier that was taken. Freight in minor units of the policy's base currency."""

    carrier: str
    freight_minor: int
    currency: str
    arrival: date
    promised_date: date


@dataclass(frozen=True, slots=True)
class Plan:
    """Effect: how the order is to travel, and what it was chosen from. No choice: a person arranges the transport."""

    order_id: str
    choice: Choice | None
    weight_grams: int
    comparison: tuple[Candidate, ...]
    planned_at: datetime


def plan(
    visit: Visit, today: date, weights: Mapping[str, int], rates: Sequence[Rate], promised: date | None = None
) -> Outcome:
    """Choose a carrier (比较运输费用, 确认运输时效; LOG-01): of those arriving by the date that is `promised`, or else
    the requested one, the cheapest, ties by faster, then by code. That date is promised if it can be met, else the
    arrival (LOG-08).

    `today` is the business day on which the goods would leave, `weights` grams by product, `rates` those for the place.
    A person is asked where nobody arrives in time (agreeing takes the fastest), where nobody serves the place (agreeing
    means that they arrange the transport by hand, without a promised date), and where a product's weight is not known
    (agreeing leaves it out of the freight).
    """
    order, policy = visit.order, visit.policy
    grams, findings = _weigh(order, weights)
    needed = promised or order.requested_date
    comparison = compare(rates, grams, today, needed, policy.base_currency, policy.rates)
    best = choose(comparison)
    choice = None
    if best is None or best.freight_minor is None:
        findings.append(finding("carrier.none_serves", country=order.delivery.country, region=order.delivery.region))
    else:
        day = needed if best.in_time else best.arrival
        choice = Choice(best.carrier, best.freight_minor, policy.base_currency, best.arrival, day)
        if not best.in_time:
            findings.append(_none_in_time(needed, best))
    effects = (Plan(order.id, choice, grams, comparison, visit.now),)
    basis = _plan_basis(choice, grams)
    return Referred(tuple(findings), effects, basis) if findings else Passed(effects, basis)


def compare(
    rates: Sequence[Rate],
    weight_grams: int,
    leaves: date,
    needed: date,
    currency: str,
    exchange_rates: Mapping[str, Decimal],
) -> tuple[Candidate, ...]:
    """Every carrier with its freight in `currency`, for each kilogram begun, and its arrival: on the day is in time."""
    kilograms = -(-weight_grams // _GRAMS_PER_KILOGRAM)
    candidates = []
    for rate in rates:
        freight: int | None = rate.base_fee_minor + rate.per_kg_fee_minor * kilograms
        if rate.currency != currency and freight is not None:
            worth = (exchange_rates.get(rate.currency), exchange_rates.get(currency))
            freight = _converted(freight, rate.currency, currency, worth)
        arrival = leaves + timedelta(rate.transit_days)
        candidates.append(Candidate(rate.carrier, freight, rate.transit_days, arrival, arrival <= needed))
    return tuple(candidates)


def choose(comparison: Sequence[Candidate]) -> Candidate | None:
    """The cheapest in time; where none is in time the fastest. None where no freight can be compared."""
    known = [one for one in comparison if one.freight_minor is not None]
    in_time = [one for one in known if one.in_time]
    return min(in_time, key=_CHEAPEST) if in_time else min(known, key=_FASTEST, default=None)


def _weigh(order: Order, weights: Mapping[str, int]) -> tuple[int, list[Finding]]:
    """Grams of all lines whose product's weight is known, and a finding for every product whose is not."""
    grams = 0
    unknown = {}
    for line in order.lines:
        each = weights.get(line.product)
        if each is None:
            unknown[line.product] = finding("weight.unknown", line.product)
        else:
            grams += each * line.quantity
    return grams, list(unknown.values())


@lru_cache(maxsize=4_096)  # exact conversion is slow, and freights repeat: kilograms are whole
def _converted(amount: int, from_currency: str, to_currency: str, worth: tuple[Decimal | None, ...]) -> int | None:
    rates = dict(zip((from_currency, to_currency), worth, strict=True))
    try:
        return convert(amount, from_currency, to_currency, {code: rate for code, rate in rates.items() if rate})
    except MoneyError:  # no exchange rate: the carrier is shown, but cannot be compared
        return None


def _none_in_time(needed: date, fastest: Candidate) -> Finding:
    return finding(
        "carrier.none_in_time",
        requested=needed.isoformat(),
        earliest=fastest.arrival.isoformat(),
        carrier=fastest.carrier,
    )


def _plan_basis(choice: Choice | None, grams: int) -> dict[str, str | int | None]:
    if choice is None:
        return {"carrier": None, "weight_grams": grams}
    return {
        "carrier": choice.carrier,
        "freight_minor": choice.freight_minor,
        "currency": choice.currency,
        "arrival": choice.arrival.isoformat(),
        "promised_date": choice.promised_date.isoformat(),
        "weight_grams": grams,
    }


@dataclass(frozen=True, slots=True)
class Payment:
    """What finance says of the order's payment, in minor units of its currency."""

    due_minor: int
    paid_minor: int


@dataclass(frozen=True, slots=True)
class Readiness:
    """What the warehouse says of the order's goods. Weight in grams."""

    reserved: bool = False
    packed: bool = False
    inspected: bool = False
    inspection_passed: bool = False
    packages: int | None = None
    weight_grams: int | None = None


@dataclass(frozen=True, slots=True)
class Papers:
    """All that must be looked at before goods leave. `carrier` None on a plan: arranged by hand. `tracking_number`: of
    what has left, with the units in `rest` yet to leave. `parts`: where not everything leaves at once. `documents`:
    the numbers of those that go with the goods, by kind.
    """

    approved: bool = False
    planned: bool = False
    carrier: str | None = None
    payment: Payment | None = None
    goods: Readiness = Readiness()
    tracking_number: str | None = None
    rest: int = 0
    note: Note | None = None
    parts: Parts | None = None
    blank: Blank | None = None
    promise: Promise | None = None
    documents: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shipment:
    """Effect: the goods leave with a delivery note (发货单) and a tracking slip (物流追踪单). Weight in grams.
    `note`: the one that was approved; None: one is made now. `quantities`: units by line, None: all that was ordered;
    `rest` units are yet to leave. `part`: 1 for its order's first shipment.
    """

    order: Order
    carrier: str | None
    packages: int | None
    weight_grams: int | None
    shipped_at: datetime
    note: Note | None = None
    quantities: Mapping[int, int] | None = None
    part: int = 1
    rest: int = 0
    documents: str | None = None


def ship(visit: Visit, papers: Papers) -> Outcome:
    """Hand the goods to the carrier, once (LOG-02, LOG-06), refused with the name of whatever is missing (LOG-07).

    Only what the definition has is demanded. Without approval, payment, an approved note or a confirmed date the order
    waits: nobody at this step may replace any. What the warehouse or the plan has not done goes to a person; agreeing
    means that they vouch for it (for failed goods: 让步放行) and the goods leave. Of what is prepared in parts each
    part leaves by itself, and the order waits for the rest.
    """
    order = visit.order
    if papers.tracking_number is not None and not papers.rest:
        return Passed(basis={"tracking_number": papers.tracking_number})
    parts = papers.parts
    if papers.note and papers.note.gone:
        return note(visit, papers.note, papers.blank)
    if parts is None or not (parts.left or parts.going(order)):
        return _ship(visit, papers, _whole(visit, papers))
    going = parts.going(order)
    if not going:
        rest = finding("ship.rest_not_prepared", rest=parts.rest(order, going))
        return Waiting((prepared_key(order.id),), findings=(rest,))
    if parts.left and ACTIVITY in visit.activities and not (papers.note and papers.note.approved):
        return note(visit, papers.note, papers.blank)
    return _ship(visit, papers, _part(visit, papers, parts, going))


def _whole(visit: Visit, papers: Papers) -> Shipment:
    goods = papers.goods
    carrier, documents = _carrier(papers), _documents(papers)
    return Shipment(
        visit.order, carrier, goods.packages, goods.weight_grams, visit.now, papers.note, documents=documents
    )


def _part(visit: Visit, papers: Papers, parts: Parts, going: Mapping[int, int]) -> Shipment:
    return Shipment(
        visit.order,
        _carrier(papers),
        parts.packages,
        parts.weight_grams,
        visit.now,
        papers.note,
        going,
        parts.count + 1,
        parts.rest(visit.order, going),
        _documents(papers),
    )


def _documents(papers: Papers) -> str | None:
    return " ".join(papers.documents.values()) or None


def _carrier(papers: Papers) -> str | None:
    return papers.note.carrier if papers.note else papers.carrier


def _ship(visit: Visit, papers: Papers, shipment: Shipment) -> Outcome:
    order = visit.order
    unapproved = () if papers.approved else (finding("ship.not_approved"),)
    unpaid = tuple(_unpaid(visit, papers.payment))
    unsigned = tuple(_unnoted(visit, papers.note))
    unpapered = tuple(_unpapered(visit, papers.documents))
    undated = tuple(unconfirmed(papers.promise)) if CONFIRM in visit.activities else ()
    undone = (*_unready(visit, papers.goods), *_unplanned(visit, papers))
    if unapproved or unpaid or unsigned or undated or unpapered:
        keys = [key for key, reasons in (("payment", unpaid), ("note", unsigned), ("promise", undated)) if reasons]
        return Waiting(
            keys=tuple([f"{key}:{order.id}" for key in keys]),
            until=visit.now + CHECKED_EVERY if unapproved or unpapered else None,
            findings=(*unapproved, *unpaid, *unsigned, *undated, *unpapered, *undone),
        )
    basis: dict[str, str | int | None] = {"carrier": shipment.carrier, "packages": shipment.packages}
    if shipment.rest:
        # An agreement would end the step, and the order has yet to wait for its rest.
        if undone and not visit.agreed:
            return Referred(undone, basis=basis)
        return Waiting((prepared_key(order.id),), effects=(shipment,), basis=basis | {"rest": shipment.rest})
    return Referred(undone, (shipment,), basis) if undone else Passed((shipment,), basis)


def _unpaid(visit: Visit, payment: Payment | None) -> Iterator[Finding]:
    """Paid in full where the terms are prepaid (款到发货) and finance takes part in the definition."""
    order = visit.order
    if order.payment.terms != "prepaid" or not any(name.startswith("finance.") for name in visit.activities):
        return
    known = payment or Payment(order.total_minor, 0)
    if known.paid_minor < known.due_minor:
        yield finding(
            "ship.unpaid",
            due_minor=known.due_minor,
            paid_minor=known.paid_minor,
            missing_minor=known.due_minor - known.paid_minor,
            currency=order.currency,
        )


def _unnoted(visit: Visit, note: Note | None) -> Iterator[Finding]:
    """Goods never leave on a note that is not approved, where the process has notes approved (LOG-03)."""
    if ACTIVITY in visit.activities and not (note and note.approved):
        yield finding("ship.note_not_approved", note.number if note else "")


def wanted_documents(visit: Visit) -> tuple[str, ...]:
    """What must go with the goods. Raises `Unworkable` for a document that there is not."""
    named = tuple(str(visit.options.get("documents", "")).split())
    if not {*named} <= {INVOICE, PACKING_LIST}:
        raise Unworkable(f"step {visit.step}: option documents is {' '.join(named)!r}")
    return named


def _unpapered(visit: Visit, documents: Mapping[str, str]) -> Iterator[Finding]:
    """交付单据 that are missing (LOG-10): nothing leaves without them."""
    wanted = wanted_documents(visit)
    if INVOICE in wanted and INVOICE not in documents:
        yield finding("ship.no_invoice")
    if PACKING_LIST in wanted and PACKING_LIST not in documents:
        yield finding("ship.no_packing_list")


def _unready(visit: Visit, goods: Readiness) -> Iterator[Finding]:
    if "warehouse.prepare" in visit.activities:
        if not goods.packed:
            yield finding("ship.not_packed")
        if not goods.inspected:
            yield finding("ship.not_inspected")
        elif not goods.inspection_passed:
            yield finding("ship.inspection_failed")
    elif "warehouse.reserve" in visit.activities and not goods.reserved:
        yield finding("ship.not_reserved")


def _unplanned(visit: Visit, papers: Papers) -> Iterator[Finding]:
    if "logistics.plan" in visit.activities and not papers.planned:
        yield finding("ship.no_carrier")
