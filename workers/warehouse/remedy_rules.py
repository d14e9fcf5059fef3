"""What becomes of a shortage that nothing covers in time (WHS-05): a person chooses. Pure.

A user task knows agree, disagree and transfer only, so the choice is named with the agreement: `--reason` begins with
it. An agreement that names none is asked for again, as one without a reason is where suppliers are too few; disagreeing
returns the order as everywhere. So neither tasks nor the screen know of shortages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from messages.orders import Order
from shared.department import Finding, Returned, Visit, finding

DATE: Final = "date"
PARTIAL: Final = "partial"
CANCEL: Final = "cancel"
WORDS = {DATE: DATE, "新交期": DATE, PARTIAL: PARTIAL, "部分交货": PARTIAL, CANCEL: CANCEL, "取消": CANCEL}
DECIDES = ("salesperson", "sales_supervisor", "sales_manager")
"""Who speaks with the customer."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """What was chosen: `new_date` with DATE only."""

    kind: str
    new_date: date | None = None


@dataclass(frozen=True, slots=True)
class Remedied:
    """Effect: the choice is recorded, and the customer is told of it."""

    order: Order
    round: int
    at: datetime
    remedy: Remedy
    short: Sequence[Finding]


def named(visit: Visit, today: date) -> Remedy | None:
    """The choice that an agreement names: `date 2027-01-05` (新交期), `partial` (部分交货) or `cancel` (取消). None:
    none of these, or a date that is over.
    """
    word, _, rest = visit.reason.strip().partition(" ")
    kind = WORDS.get(word.lower()) if visit.agreed else None
    if kind != DATE:
        return Remedy(kind) if kind else None
    try:
        day = date.fromisoformat(rest.strip()[:10])
    except ValueError:
        return None
    return Remedy(DATE, day) if day >= today else None


def ask(short: Sequence[Finding], by: date) -> tuple[Finding, ...]:
    """The question, for each product that is short."""
    return tuple(finding("shortage.uncovered", each.subject, needed_by=by.isoformat(), **each.values) for each in short)


def end(visit: Visit, remedy: Remedy, short: Sequence[Finding]) -> Returned:
    """Cancelled; or, for a partial delivery, back to its creator, who hands it in again with what can be delivered."""
    told = Remedied(visit.order, visit.round, visit.now, remedy, short)
    if remedy.kind == CANCEL:
        return Returned(tuple(short), effects=(told,), cancels=True)
    parts = [
        finding("shortage.partial", each.subject, needed=each.values["needed"], available=each.values["available"])
        for each in short
    ]
    return Returned(tuple(parts), effects=(told,))
