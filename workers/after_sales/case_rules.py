"""Decisions about cases (收货异常, 退货, 换货, 报修, 技术支持, 投诉; AFT-03…07): who may do what, what is missing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from messages.facts.after_sales import CaseClosed, CaseOpened
from messages.orders import Order
from shared.department import Finding, Outcome, Passed, Visit, Waiting, finding

EXCEPTION, RETURN, EXCHANGE, REPAIR, SUPPORT, COMPLAINT = (
    "exception", "return", "exchange", "repair", "support", "complaint",
)  # fmt: skip
GOES_BACK = frozenset({RETURN, EXCHANGE})
"""Kinds of cases whose goods come back."""


class Gone(NamedTuple):
    """Of one line of an order, in pieces: what was delivered, and what customers return of it."""

    delivered: int
    returned: int


@dataclass(frozen=True, slots=True)
class Sold:
    """An order as its cases see it. `gone` by line; a line that is not in it was not delivered."""

    order: Order
    round: int
    shipped: bool
    gone: Mapping[int, Gone]


@dataclass(frozen=True, slots=True)
class Case:
    """A case on file. `waits_for`: pieces of its lines that have not come back."""

    number: str
    order_id: str
    kind: str
    open: bool
    waits_for: int


def refuse_opening(said: CaseOpened, sold: Sold) -> list[Finding]:
    """Why no case is opened, all reasons at once (AFT-03, AFT-04): goods that have not left, lines that the order does
    not have, more than was ordered, and of returns more than was delivered and is not returned already.
    """
    found = []
    if said.case_kind == EXCEPTION and not sold.shipped:
        found.append(finding("case.not_shipped", said.order))
    ordered = {line.number: line for line in sold.order.lines}
    for each in said.lines:
        line = ordered.get(each.line)
        if line is None:
            found.append(finding("case.line_unknown", str(each.line), order=said.order))
            continue
        gone = sold.gone.get(each.line, Gone(0, 0))
        most = gone.delivered - gone.returned if said.case_kind in GOES_BACK else line.quantity
        if each.quantity > most:
            figures = {"quantity": each.quantity, "delivered": gone.delivered, "returned": gone.returned}
            code = "case.beyond_delivered" if said.case_kind in GOES_BACK else "case.beyond_ordered"
            found.append(finding(code, str(each.line), most=most, **figures))
    if said.product is not None and said.product not in {line.product for line in sold.order.lines}:
        found.append(finding("case.product_not_ordered", said.product, order=said.order))
    return found


def refuse_closing(said: CaseClosed, case: Case) -> list[Finding]:
    """Why a case stays open (AFT-05…07): it has no result, a complaint's customer has not been heard about it, or goods
    are still to come back.
    """
    found = []
    if not said.result.strip():
        found.append(finding("case.no_result", said.case))
    if case.kind == COMPLAINT and not said.feedback.strip():
        found.append(finding("case.no_feedback", said.case))
    if said.outcome == "done" and case.kind in GOES_BACK and case.waits_for:
        found.append(finding("case.goods_not_back", said.case, missing=case.waits_for))
    return found


def refuse_work(case: Case | None, number: str) -> Finding | None:
    """Why nothing can be done with a case: there is none of that number, or it is closed."""
    if case is None:
        return finding("case.unknown", number)
    return None if case.open else finding("case.closed_already", number)


def refuse_person(person: str, roles: Sequence[str] | None, wanted: Sequence[str]) -> Finding | None:
    """Why somebody may not work on cases. `roles` None: no active member of staff."""
    if set(wanted).intersection(roles or ()):
        return None
    return finding("case.not_allowed", person, roles=", ".join(wanted))


def no_open_case(visit: Visit, open_cases: Mapping[str, str], kinds: Collection[str]) -> Outcome:
    """A step of after-sales (售后支持) passes once no case of these kinds is open, and waits while one is.
    `open_cases`: the kinds by number.
    """
    found = tuple([finding("case.open", number) for number, kind in sorted(open_cases.items()) if kind in kinds])
    return Waiting((f"case:{visit.order.id}",), findings=found) if found else Passed()
