"""Replays retained orders through a draft, a page at a time, without touching them: what is read is read without locks,
in transactions that may not write.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import reduce
from typing import Any

import msgspec

from messages.folders import DocumentKind
from messages.orders import Order, read_order
from shared.calendar import BUSINESS_ZONE
from shared.catalogue import DefinitionError
from shared.database import Database, Row, Session
from shared.department import Department, Outcome, Value, Visit
from shared.money import MoneyError, convert
from shared.policy import Policy
from shared.processes import Definition, Step, continued, pinned
from shared.rulebook import Rulebook
from shared.standings import Standing
from shared.states import State
from workers.backtest.compare import Change, Stop, compare, same, way

PAGE = 1_000
Draft = Definition | Policy


@dataclass(frozen=True, slots=True)
class Changed:
    """An order that would have fared otherwise, and why."""

    number: str
    created_at: datetime
    pinned: str
    """Its definition and its policy."""
    changes: tuple[Change, ...]


@dataclass(slots=True)
class Progress:
    """How far a back-test has come."""

    replayed: int = 0
    concerned: int = 0
    """Those that the draft would apply to."""
    changed: int = 0
    unknown: dict[str, int] = field(default_factory=dict)
    """Orders pinned to what the rulebook does not have, by what that is."""


@dataclass(frozen=True, slots=True)
class _Side:
    """An order as it is, or as the draft would have it."""

    order: Order
    definition: Definition
    policy: Policy
    steps: tuple[Step, ...]

    def visit(self, step: Step, now: datetime, options: Mapping[str, Value] | None = None) -> Visit:
        """The order at a step, for the first time in its round."""
        return Visit(
            document=self.order,
            round=1,
            step=step.id,
            options=step.options if options is None else options,
            policy=self.policy,
            now=now,
            activities=self.definition.activities,
        )


@dataclass(frozen=True, slots=True)
class _Case:
    """One order that the draft would apply to."""

    number: str
    created_at: datetime
    pinned: str
    before: _Side
    after: _Side

    def decided_alike(self, step: Step) -> bool:
        """Whether this step of one way is on the other one too, and nothing can be different there."""
        if self.before.policy is not self.after.policy or self.before.order is not self.after.order:
            return False
        both = [each for side in (self.before, self.after) for each in side.steps if each.id == step.id]
        return len(both) == 2 and same(*both)


def replay(
    database: Database,
    book: Rulebook,
    draft: Draft,
    departments: Sequence[Department],
    now: datetime,
    progress: Progress,
    since: date | None = None,
    tell: Callable[[Progress], None] = lambda _: None,
) -> Iterator[Changed]:
    """The orders that would have fared otherwise, the oldest first; `progress` grows and is told with every page."""
    bench = _Bench(book, draft, departments, now)
    begin = datetime.combine(since, time(), BUSINESS_ZONE) if since else None
    after = _FIRST
    while True:
        with database.transaction() as session:
            session.write(_READ_ONLY)
            rows = session.rows(_PAGE, begin, begin, after, PAGE)
            cases = [case for row in rows if (case := bench.case(row, progress)) is not None]
            changed = bench.judge(session, cases)
        if not rows:
            return
        after = rows[-1][0]
        progress.replayed += len(rows)
        progress.concerned += len(cases)
        progress.changed += len(changed)
        tell(progress)
        yield from changed


class _Bench:
    """A draft beside the rulebook, and everything that decides."""

    def __init__(self, book: Rulebook, draft: Draft, departments: Sequence[Department], now: datetime) -> None:
        self._book, self._draft, self._now = book, draft, now
        self._looks = {name: look for each in departments for name, look in each.looks.items()}
        self._activities = {name: activity for each in departments for name, activity in each.activities.items()}
        self._drafted: dict[str, Definition] = {}

    def case(self, row: Row, progress: Progress) -> _Case | None:
        """The order as it is and under the draft; None where the draft would not apply to it."""
        _, number, created_at, definition_key, policy_key, document = row
        try:
            definition, policy = pinned(self._book.definitions, definition_key), self._book.policies.get(policy_key)
        except DefinitionError as error:
            progress.unknown[str(error)] = progress.unknown.get(str(error), 0) + 1
            return None
        if isinstance(self._draft, Policy) and policy.name != self._draft.name:
            return None
        order = read_order(document)
        before = _side(order, definition, policy)
        if isinstance(self._draft, Policy):
            after = _side(_revalued(order, policy, self._draft), definition, self._draft)
        elif self._replaces(definition, order):
            after = _side(order, self._under_draft(definition), policy)
        else:
            return None
        return _Case(number, created_at, f"{definition_key} {policy_key}", before, after)

    def _replaces(self, definition: Definition, order: Order) -> bool:
        """By its name, or as the default for the order's sale type."""
        assert isinstance(self._draft, Definition), "a policy replaces no definition"
        names = [key.partition("@")[0] for key in definition.key.split("+")]
        by_type = order.sale_type in definition.sale_types and order.sale_type in self._draft.sale_types
        return self._draft.document is DocumentKind.ORDER and (self._draft.name in names or by_type)

    def _under_draft(self, definition: Definition) -> Definition:
        """The draft in the place of the version that it replaces, with what came before it and what goes on from it."""
        found = self._drafted.get(definition.key)
        if found is None:
            assert isinstance(self._draft, Definition), "a policy replaces no definition"
            parts = [self._book.definitions.get(key) for key in definition.key.split("+")]
            names = [part.name for part in parts]
            place = names.index(self._draft.name) if self._draft.name in names else 0
            chain = [*parts[:place], self._draft]
            while (then := chain[-1].then) is not None:
                kept = [part for part in parts if part.name == then]
                chain += kept or self._book.definitions.versions(then)[-1:]
            found = self._drafted[definition.key] = reduce(continued, chain)
        return found

    def judge(self, session: Session, cases: Sequence[_Case]) -> list[Changed]:
        """Those of a page that would have fared otherwise."""
        facts = self._facts(session, cases)
        changed = []
        for case in cases:
            before, after = self._stops(case, case.before, facts), self._stops(case, case.after, facts)
            changes = compare(before, after)
            ends = (case.before.definition.ends_in, case.after.definition.ends_in)
            if ends[0] is not ends[1]:
                changes.append(Change("way.ends", "", {"before": ends[0], "after": ends[1]}))
            if changes:
                changed.append(Changed(case.number, case.created_at, case.pinned, tuple(changes)))
        return changed

    def _facts(self, session: Session, cases: Sequence[_Case]) -> dict[str, Any]:
        """What each activity that decides again looks at: the same for both sides, read once for the page."""
        visits: dict[str, dict[str, Visit]] = {}
        for case in cases:
            for side in (case.before, case.after):
                for step in side.steps:
                    if step.activity in self._looks and not case.decided_alike(step):
                        here = visits.setdefault(step.activity, {})
                        known = here.get(side.order.id)
                        options = {**(known.options if known else {}), **step.options}
                        here[side.order.id] = side.visit(step, self._now, options)
        return {name: self._looks[name](session, list(here.values())) for name, here in visits.items()}

    def _stops(self, case: _Case, side: _Side, facts: Mapping[str, Any]) -> list[Stop]:
        return [Stop(step, self._decide(case, side, step, facts)) for step in side.steps]

    def _decide(self, case: _Case, side: _Side, step: Step, facts: Mapping[str, Any]) -> Outcome | None:
        if step.activity not in self._looks or case.decided_alike(step):
            return None
        return self._activities[step.activity].decide(side.visit(step, self._now), facts[step.activity])


def _side(order: Order, definition: Definition, policy: Policy) -> _Side:
    standing = Standing("", 0, State.DRAFT, 1, 1, [], [], None, b"", definition, policy, order)
    return _Side(order, definition, policy, way(definition, standing.values() if definition.conditional else {}))


def _revalued(order: Order, policy: Policy, draft: Policy) -> Order:
    """The order with its total in the base currency by the draft's rates."""
    if (policy.base_currency, policy.rates) == (draft.base_currency, draft.rates):
        return order
    try:
        total = convert(order.total_minor, order.currency, draft.base_currency, draft.rates)
    except MoneyError:  # the draft has no rate for it, and intake would refuse it: what it was stays the best guess
        return order
    return msgspec.structs.replace(order, total_base_minor=total)


_FIRST = "00000000-0000-0000-0000-000000000000"
_READ_ONLY = "set transaction isolation level repeatable read, read only"
_PAGE = """
select o.id, h.number, h.created_at, o.definition, o.policy, d.document
from core.orders o join core.order_headers h on h.order_id = o.id
join core.order_documents d on d.order_id = o.id and d.revision = o.revision
where h.document_kind = 'order' and (%s::timestamptz is null or h.created_at >= %s::timestamptz) and o.id > %s::uuid
order by o.id limit %s
"""
