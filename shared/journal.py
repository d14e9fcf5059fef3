"""What one transaction does to orders: moves made in memory, then written as a handful of set-based statements.

Every move of every order goes through here: each is one event, and the row, the tasks, the waits, the outbox and the
batches that follow from it. Nothing here reads the database.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from messages.batch import Batch, BatchKind, Department
from messages.folders import size_of
from messages.orders import Order
from shared import journal_books as books
from shared import notices
from shared.batches import Ref, write_batches
from shared.calendar import NO_OVERRIDES, Deadline, Overrides, deadline
from shared.database import Session
from shared.department import Finding
from shared.history import SYSTEM, Kind, link, microseconds
from shared.ids import new_id
from shared.letters import CHANGE_NOTICE, CHANGES_NEEDED, ON_STATE, Letter, write_letters
from shared.notices import Notice
from shared.outbox import Announcement, announce, to_json
from shared.processes import NOT_BY, RECORD, RETURN, Step, next_steps, state_after, steps_dropped
from shared.standings import Standing
from shared.states import WITH_CREATOR, State, allowed, may_end

UNDO = "undo:"
OPINION = "opinion"
"""The option of a step whose answer must be an opinion in writing (CMP-05)."""
_BACK = "back:"


def hold_key(order_id: str) -> str:
    """What an order on hold waits for."""
    return f"hold:{order_id}"


class IllegalMove(Exception):
    """A definition tried to move an order between states that no order may move between."""


@dataclass(slots=True)
class Journal:
    """Collects the moves of one transaction; `write` puts them down and returns what to publish after the commit."""

    now: datetime
    overrides: Overrides = field(default_factory=lambda: NO_OVERRIDES)
    touched: dict[str, Standing] = field(default_factory=dict)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    tasks: list[tuple[object, ...]] = field(default_factory=list)
    waits: list[tuple[object, ...]] = field(default_factory=list)
    announcements: list[Announcement] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    created: set[str] = field(default_factory=set)
    begun: set[str] = field(default_factory=set)
    refs: dict[tuple[Department, BatchKind], list[Ref]] = field(default_factory=dict)
    _deadlines: dict[Deadline, datetime] = field(default_factory=dict)
    _ways: dict[tuple[str, ...], tuple[State, tuple[Step, ...]]] = field(default_factory=dict)

    # -- moves ------------------------------------------------------------------------------------------------------

    def begin_round(self, standing: Standing, kind: Kind, actor: str, data: dict[str, Any]) -> None:
        """A submission or resubmission: the first steps open (APR-01, APR-09). A version of 0 is a new order."""
        (self.begun if standing.version else self.created).add(standing.id)
        data |= _pins(standing)
        standing.open, standing.done, standing.closing = [], [], None
        self._advance(standing, kind, None, actor, data)

    def finish_step(self, standing: Standing, kind: Kind, step: str, actor: str, data: dict[str, Any]) -> None:
        """The step is done; whatever comes next opens (a parallel group joins here)."""
        standing.open.remove(step)
        standing.done.append(step)
        data["closed"] = [step]
        self._advance(standing, kind, step, actor, data)

    def refer(
        self,
        standing: Standing,
        step: Step,
        findings: Sequence[Finding],
        data: dict[str, Any],
        roles: Sequence[str] = (),
    ) -> None:
        """A person must decide: one open user task for this step and round, for `roles` instead of the step's own."""
        task = new_id()
        data |= {"task": task, "findings": as_data(findings)}
        if roles:
            data["roles"] = list(roles)
        self._record(standing, Kind.REFERRED, step.id, SYSTEM, standing.state, data)
        due = self._deadlines.get(step.deadline)
        if due is None:
            due = self._deadlines[step.deadline] = deadline(self.now, step.deadline, self.overrides)
        self.tasks.append(
            (
                task,
                standing.id,
                standing.round,
                step.id,
                step.department,
                " ".join(roles or step.roles),
                standing.document.creator,
                standing.version,
                to_json(data["findings"]),
                self.now,
                due,
                bool(step.options.get(OPINION)),
                step.options.get(NOT_BY),
            )
        )

    def wait(
        self, standing: Standing, step: Step, keys: Iterable[str], until: datetime | None, data: dict[str, Any]
    ) -> None:
        """The order waits at this step for the world, or for time."""
        keys = sorted(set(keys)) or ["time"]
        data |= {"for": keys, "until": until}
        self._record(standing, Kind.WAITING, step.id, SYSTEM, standing.state, data)
        for key in keys:
            self.waits.append((standing.id, step.id, key, standing.round, step.department, self.now, until, None))

    def hold(self, standing: Standing, step: Step, task: str | None) -> None:
        """On hold, it waits at this step with the decision that it came with, until somebody resumes it."""
        key = hold_key(standing.id)
        self._record(standing, Kind.WAITING, step.id, SYSTEM, standing.state, {"for": [key], "until": None})
        self.waits.append((standing.id, step.id, key, standing.round, step.department, self.now, None, task))

    def disagree(self, standing: Standing, step: Step, kind: Kind, actor: str, data: dict[str, Any]) -> None:
        """Back to the creator or to an earlier step, as the definition says; first what was obtained is undone.
        Where the definition only records it, the step is answered.
        """
        if step.on_disagree == RECORD:
            self.finish_step(standing, Kind.OPINION, step.id, actor, data)
            return
        if data.get("customer_must_change") and isinstance(standing.document, Order):
            said = {name: data[name] for name in ("reason", "requested_change")}
            self.letters.append(Letter(CHANGES_NEEDED, standing.document, standing.round, self.now, said))
        if step.on_disagree == RETURN:
            self.send_back(standing, kind, actor, data, step.id)
            return
        dropped = {one.id for one in steps_dropped(standing.definition, step, set(standing.done))}
        target = _BACK + " ".join(one for one in standing.done if one not in dropped)
        self._close(standing, kind, step.id, actor, standing.state, target, data, dropped)

    def send_back(
        self, standing: Standing, kind: Kind, actor: str, data: dict[str, Any], step: str | None = None
    ) -> None:
        """To the creator (退回): disagreed with, withdrawn or lapsed."""
        self._close(standing, kind, step, actor, State.RETURNING, State.RETURNED, data)

    def cancel(self, standing: Standing, actor: str, data: dict[str, Any]) -> bool:
        """Cancel where the state still allows it, else record the refusal. True: it is being cancelled."""
        if not may_end(standing.state):
            self.note(standing, Kind.CANCELLATION_REFUSED, None, actor, data)
            return False
        self.end(standing, Kind.CANCELLATION_REQUESTED, actor, State.CANCELLED, data)
        return True

    def end(self, standing: Standing, kind: Kind, actor: str, end: State, data: dict[str, Any]) -> None:
        """Out of work for good: cancelled, purged or replaced. `states.may_end` says where that is allowed."""
        if standing.state in WITH_CREATOR:
            self._close(standing, kind, None, actor, end, end, data)
        elif standing.closing:  # it is being undone already: the end changes, and what was to be kept is undone too
            kept = standing.closing.removeprefix(_BACK).split() if standing.closing.startswith(_BACK) else []
            if kept:
                standing.done = kept + standing.done
                data |= {"undo": list(standing.done), "opened": list(standing.open)}
            standing.closing = end
            self._record(standing, kind, None, actor, State.CANCELLING, data)
        else:
            self._close(standing, kind, None, actor, State.CANCELLING, end, data)

    def amend(self, standing: Standing, actor: str, data: dict[str, Any]) -> None:
        """The changed document is approved again: what was obtained is undone, then a round begins (ENT-09).

        The round counts from now, and the event says which steps of which round came before it.
        """
        self.begun.add(standing.id)
        data |= {"begins": standing.round + 1, "finished": list(standing.done), **_pins(standing)}
        self._close(standing, Kind.AMENDED, None, actor, State.IN_REVIEW, _BACK, data)

    def undone(self, standing: Standing, step: str) -> None:
        """One step's effects are taken back; on to the one before it, or to the end of the closing."""
        standing.open.remove(step)
        standing.done.remove(step.removeprefix(UNDO))
        self._undo_next(standing, Kind.UNDONE, step, SYSTEM, standing.state, {"closed": [step]})

    def note(self, standing: Standing, kind: Kind, step: str | None, actor: str, data: dict[str, Any]) -> None:
        """Something worth remembering that moves nothing: a transfer, a dead letter, a replay."""
        self._record(standing, kind, step, actor, standing.state, data)

    def send(self, department: str, ref: Ref, kind: BatchKind = BatchKind.STEPS) -> None:
        """Put a reference into the next batch for a department."""
        self.refs.setdefault((Department(department), kind), []).append(ref)

    # -- how moves are made ----------------------------------------------------------------------------------------

    def _advance(self, standing: Standing, kind: Kind, step: str | None, actor: str, data: dict[str, Any]) -> None:
        definition = standing.definition
        state, following = self._following(standing)
        opening = [one for one in following if one.id not in standing.open]
        if not opening and not standing.open:
            state = definition.ends_in
        standing.open += [one.id for one in opening]
        data["opened"] = [one.id for one in opening]
        self._record(standing, kind, step, actor, state, data)
        for one in opening:
            self.send(one.department, Ref(standing.id, standing.round, one.id, lines=size_of(standing.document)))

    def _following(self, standing: Standing) -> tuple[State, tuple[Step, ...]]:
        """The state that its finished steps have brought the order to, and the steps that must be open then."""
        definition = standing.definition
        if definition.conditional:
            done, values = set(standing.done), standing.values()
            return state_after(definition, done, values, standing.state), next_steps(definition, done, values)
        # Without conditions all orders of a batch that come from the same steps go the same way.
        key = (definition.key, standing.state, *standing.done)
        found = self._ways.get(key)
        if found is None:
            done = set(standing.done)
            found = state_after(definition, done, {}, standing.state), next_steps(definition, done, {})
            self._ways[key] = found
        return found

    def _close(
        self,
        standing: Standing,
        kind: Kind,
        step: str | None,
        actor: str,
        state: State,
        target: str,
        data: dict[str, Any],
        only: set[str] | None = None,
    ) -> None:
        # An open step may have effects too (a request made while waiting), so it is undone like the finished ones.
        undo = standing.done + [one for one in standing.open if not one.startswith(UNDO)]
        if only is not None:
            undo = [one for one in undo if one in only or one in standing.open]
        standing.done, standing.open, standing.closing = undo, [], target
        self.closed.add(standing.id)
        if not target.startswith(_BACK):
            self.left.add(standing.id)
        data["undo"] = list(undo)
        self._undo_next(standing, kind, step, actor, state, data)

    def _undo_next(
        self, standing: Standing, kind: Kind, step: str | None, actor: str, state: State, data: dict[str, Any]
    ) -> None:
        if standing.done:
            last = standing.done[-1]
            standing.open = [UNDO + last]
            data["opened"] = list(standing.open)
            self._record(standing, kind, step, actor, state, data)
            self.send(standing.definition.step(last).department, Ref(standing.id, standing.round, UNDO + last))
            return
        target, standing.closing = standing.closing, None
        assert target is not None, "only a closing order is undone"
        if not target.startswith(_BACK):
            self._record(standing, kind, step, actor, State(target), data)
            return
        standing.round += 1
        standing.done = data["kept"] = target.removeprefix(_BACK).split()
        self._advance(standing, kind, step, actor, data)

    def _record(
        self, standing: Standing, kind: Kind, step: str | None, actor: str, state: State, data: dict[str, Any]
    ) -> None:
        before = standing.state
        changed = state is not before or not standing.version
        if changed and standing.version and not allowed(standing.state, state):
            raise IllegalMove(f"{standing.document.number}: {standing.state} to {state}")
        standing.version += 1
        standing.state = state
        text = to_json(data)
        standing.head = link(
            standing.head,
            standing.id,
            standing.version,
            microseconds(self.now),
            (kind, step, actor, state),
            standing.round,
            text,
        )
        self.touched[standing.id] = standing
        self.events.append(
            (standing.id, standing.version, kind, standing.round, step, actor, state, standing.head, text)
        )
        if changed:
            self.announcements.append(_state_changed(standing, self.now, data))
            if standing.definition.letters:
                self._tell_customer(standing, kind)
        # Nothing but its receipt and passed steps: it has met nobody, and nobody is told.
        reached = notices.reached(before, state) if changed else None
        if kind in notices.TOLD or (reached and standing.version > len(standing.done) + 1):
            event = notices.Happening(kind, step, actor, reached, data)
            self.notices += notices.of(standing, event, self.now, self.overrides)

    def _tell_customer(self, standing: Standing, kind: Kind) -> None:
        """The letter of the change or of the state that was reached, where the definition has it."""
        letter = CHANGE_NOTICE if kind is Kind.AMENDED else ON_STATE.get(standing.state)
        document = standing.document
        if letter in standing.definition.letters and isinstance(document, Order):
            self.letters.append(Letter(str(letter), document, standing.round, self.now))

    # -- writing ---------------------------------------------------------------------------------------------------

    def write(self, session: Session) -> list[Batch]:
        """Queue everything on the session; returns the batches to publish once it is committed."""
        new = [one for one in self.touched.values() if one.id in self.created]
        books.create(session, new, self.now)
        books.move(session, [one for one in self.touched.values() if one.id not in self.created], self.now)
        books.date_rounds(session, self.begun, self.now)
        books.add_events(session, self.events, self.now)
        books.close(session, self.closed, self.left, self.now)
        books.open_tasks(session, self.tasks)
        books.open_waits(session, self.waits)
        announce(session, self.announcements)
        write_letters(session, self.letters)
        notices.write(session, self.notices, self.now)
        return write_batches(session, self.refs, self.now)


def _pins(standing: Standing) -> dict[str, str]:
    """By what the round that begins is decided: every later decision in it refers to these."""
    return {"definition": standing.definition.key, "policy": standing.policy.key}


def as_data(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings as they stand in events and tasks."""
    return [{"code": each.code, "subject": each.subject, "values": dict(each.values)} for each in findings]


def _state_changed(standing: Standing, now: datetime, data: dict[str, Any]) -> Announcement:
    document = standing.document
    body: dict[str, Any] = {
        "schema_version": 1,
        "order": document.number,
        "source": document.source,
        "external_id": document.external_id,
        "state": standing.state,
        "round": standing.round,
    }
    if "reason" in data:
        body["reason"] = {"reason": data["reason"], "requested_change": data.get("requested_change")}
    elif standing.closing and "findings" in data:
        body["reason"] = {"findings": data["findings"]}
    return Announcement(
        f"{standing.id}/{standing.version}",
        f"orderflow.{standing.definition.document}.{standing.state}",
        document.number,
        now,
        body,
        standing.version,
    )
