"""Who works in finance: facts that move money or documents are reported by them and nobody else."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from shared.database import Session, array
from shared.department import Finding, ReportedFact
from workers.finance.payment_rules import not_allowed

B = TypeVar("B")

_ROLES = "select id, roles from core.staff where id = any(%s::text[]) and active"


def allowed(
    session: Session, facts: Sequence[ReportedFact], kind: type[B], by: Callable[[B], str]
) -> tuple[list[tuple[ReportedFact, B]], dict[str, Finding]]:
    """The reports of people in finance, and why the others are refused, by fact. One round trip."""
    reports = [(fact, fact.body) for fact in facts if isinstance(fact.body, kind)]
    held: dict[str, list[str]] = dict(session.rows(_ROLES, array(sorted({by(body) for _, body in reports}))))
    refused = {fact.id: fault for fact, body in reports if (fault := not_allowed(by(body), held.get(by(body), ())))}
    return [(fact, body) for fact, body in reports if fact.id not in refused], refused
