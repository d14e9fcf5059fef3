"""From an outcome, and what a person decided, to the order's move: the one place that knows all outcomes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.batches import Ref
from shared.carried import Kept
from shared.database import Row, Session, array
from shared.department import Outcome, Passed, Referred, Returned, Waiting
from shared.history import SYSTEM, Kind
from shared.journal import Journal, as_data
from shared.processes import Step
from shared.standings import Standing
from shared.states import State


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided, and the findings that they had before them."""

    task: str
    choice: str
    by: str
    on_behalf_of: str | None
    reason: str | None
    requested_change: str | None
    clause: str | None
    customer_must_change: bool
    order_version: int
    seen: frozenset[tuple[str, str]]

    def as_data(self) -> dict[str, Any]:
        """As the order's history keeps it."""
        data: dict[str, Any] = {"task": self.task, "saw_version": self.order_version}
        if self.customer_must_change:
            data["customer_must_change"] = True
        said = {
            "on_behalf_of": self.on_behalf_of,
            "reason": self.reason,
            "requested_change": self.requested_change,
            "clause": self.clause,
        }
        return data | {name: text for name, text in said.items() if text}


def decisions(session: Session, refs: Sequence[Ref]) -> dict[str, Decision]:
    """What people decided about these, by task."""
    tasks = sorted({ref.task for ref in refs if ref.task})
    if not tasks:
        return {}
    return {row[0]: _decision(row) for row in session.rows(_DECISIONS, array(tasks))}


def _decision(row: Row) -> Decision:
    task, choice, by, for_, reason, change, clause, must, version, codes, subjects = row
    seen = frozenset(zip(codes, subjects, strict=True))
    return Decision(task, choice, by, for_, reason, change, clause, must, version, seen)


def settle(
    journal: Journal,
    folder: Standing,
    step_id: str,
    outcome: Outcome,
    decision: Decision | None,
    kept: Kept | None = None,
) -> tuple[Any, ...]:
    """Turn an outcome into the order's move; returns the effects to save. The one place that knows all outcomes.

    A step in manual mode always asks a person. An agreement covers the findings that the person saw, no others, and
    none where the outcome asks somebody of higher rank. One from before an amendment may be `kept`.
    """
    step = folder.definition.step(step_id)
    data: dict[str, Any] = {"basis": dict(outcome.basis)} if outcome.basis else {}
    if kept:
        data["grounds"] = kept.grounds
    if isinstance(outcome, Waiting | Returned):
        return _hold_or_return(journal, folder, step, outcome, decision, data)
    findings, roles = (outcome.findings, outcome.roles) if isinstance(outcome, Referred) else ((), ())
    told = {"findings": as_data(findings)} if findings else {}
    if decision and not roles and {(each.code, each.subject) for each in findings} <= decision.seen:
        journal.finish_step(folder, Kind.AGREED, step_id, decision.by, data | told | decision.as_data())
        return outcome.effects
    if isinstance(outcome, Passed) and step.mode == "auto":
        journal.finish_step(folder, Kind.PASSED, step_id, SYSTEM, data)
        return outcome.effects
    if kept and not decision and not roles and kept.covers(as_data(findings)):
        journal.finish_step(folder, Kind.CARRIED, step_id, SYSTEM, data | told | kept.as_data())
        return outcome.effects
    if decision:
        data["agreed_before"] = decision.as_data() | {"by": decision.by}
    journal.refer(folder, step, findings, data, roles)
    return ()


def _hold_or_return(
    journal: Journal,
    folder: Standing,
    step: Step,
    outcome: Waiting | Returned,
    decision: Decision | None,
    data: dict[str, Any],
) -> tuple[Any, ...]:
    if decision:  # the person's word stays in the history all the same
        data["agreed_before"] = decision.as_data() | {"by": decision.by}
    if isinstance(outcome, Waiting):
        if outcome.findings:
            data["findings"] = as_data(outcome.findings)
        journal.wait(folder, step, outcome.keys, outcome.until, data)
        return outcome.effects
    data["findings"] = as_data(outcome.findings)
    if outcome.cancels:
        journal.end(folder, Kind.CANCELLATION_REQUESTED, decision.by if decision else SYSTEM, State.CANCELLED, data)
    else:
        journal.disagree(folder, step, Kind.RETURNED, SYSTEM, data)
    return outcome.effects


_DECISIONS = """
select t.id, t.decision, t.decided_by, t.decided_for, t.reason, t.requested_change, t.clause, t.customer_must_change,
    t.order_version,
    array(select f->>'code' from json_array_elements(t.findings) f),
    array(select f->>'subject' from json_array_elements(t.findings) f)
from core.user_tasks t where t.id = any(%s::uuid[])
"""
