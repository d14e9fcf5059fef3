"""The rulebook: the definitions and policies that are shipped, on top those that were published while the system runs,
and the company's own working days. A version in it never changes and never leaves it (PRC-01, PRC-06, APR-13).
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import TypeVar

import structlog

from shared import definitions, policy
from shared.attempts import note
from shared.calendar import BUSINESS_ZONE, NO_OVERRIDES, Overrides
from shared.catalogue import Catalogue, DefinitionError, Versioned, gather, read_file
from shared.database import Database, Row, Session
from shared.policy import Policy
from shared.processes import Definition, select
from shared.roles import ROLES
from shared.tasks import Refusal

log = structlog.get_logger()
T = TypeVar("T", bound=Versioned)
NEWS_EVERY_SECONDS = 1.0

PUBLISHER = "administrator"
"""The role of those who may publish, and set days of the calendar."""


class Kind(StrEnum):
    """What the rulebook holds."""

    PROCESS = "process"
    POLICY = "policy"


FOLDERS: Mapping[Kind, Path] = MappingProxyType({Kind.PROCESS: definitions.FOLDER, Kind.POLICY: policy.FOLDER})


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one version and where it comes from. `published_at` None: it is shipped."""

    kind: Kind
    key: str
    text: str
    published_at: datetime | None = None
    published_by: str | None = None


@dataclass(frozen=True, slots=True)
class Rulebook:
    """One edition of it: what new documents are pinned to, and what running ones are pinned to already."""

    definitions: Catalogue[Definition]
    policies: Catalogue[Policy]
    overrides: Overrides = field(default_factory=lambda: NO_OVERRIDES)
    """The days that the company has set itself."""
    edition: int = 0
    _chosen: dict[tuple[str, date, str | None], Definition] = field(default_factory=dict, compare=False)
    _in_force: dict[date, Policy] = field(default_factory=dict, compare=False)

    def policy(self, today: date) -> Policy:
        """The policy in force."""
        found = self._in_force.get(today)
        if found is None:
            found = self._in_force[today] = policy.select(self.policies, today)
        return found

    def definition(self, sale_type: str, created: date, name: str | None) -> Definition:
        """The definition for an order of that day (PRC-04). Raises DefinitionError where there is none."""
        found = self._chosen.get((sale_type, created, name))
        if found is None:
            found = self._chosen[sale_type, created, name] = select(self.definitions, sale_type, created, name)
        return found


@cache
def rulebook() -> Rulebook:
    """What is shipped, read once."""
    return Rulebook(definitions.load(), policy.load())


# -- what was published ------------------------------------------------------------------------------------------------


def read(session: Session) -> Rulebook:
    """The whole rulebook as it stands. Raises DefinitionError with every fault of its parts, or between them."""
    edition, published, days = session.together((_EDITION, ()), (_PUBLISHED, ()), (_DAYS, ()))
    processes: list[Definition] = []
    policies: list[Policy] = []
    faults: list[str] = []
    for source in map(_source, published):
        try:
            entry = _parse(source.kind, source.text, f"{source.key} as published")
        except DefinitionError as error:
            faults += error.faults
        else:
            processes.append(entry) if isinstance(entry, Definition) else policies.append(entry)
    if faults:
        raise DefinitionError(faults)
    return Rulebook(
        definitions.whole(_on_top(rulebook().definitions, processes)),
        gather(_on_top(rulebook().policies, policies)),
        MappingProxyType({row[0]: row[1] for row in days}),
        edition[0][0],
    )


def sources(session: Session | None, kind: Kind) -> list[Source]:
    """The texts of one kind, first those that are shipped; without a session only these."""
    shipped = []
    for path in sorted(FOLDERS[kind].glob("*.toml")):
        text = read_file(path)
        shipped.append(Source(kind, _parse(kind, text, path.name).key, text))
    known = {each.key for each in shipped}
    published = [_source(row) for row in session.rows(_PUBLISHED)] if session else []
    return shipped + [each for each in published if each.kind is kind and each.key not in known]


def check(
    book: Rulebook, kind: Kind, text: str, source_name: str, today: date, activities: Collection[str]
) -> Definition | Policy:
    """What a text would add to the rulebook. Raises DefinitionError with every fault of it, alone and together with
    all that is there (PRC-08).
    """
    entry = _parse(kind, text, source_name)
    if isinstance(entry, Definition):
        faults = definitions.verify(entry, activities, ROLES)
        versions = [each.version for each in book.definitions.versions(entry.name)]
        chosen_by_name = not entry.sale_types
    else:
        faults = policy.verify(entry, ROLES)
        versions, chosen_by_name = [each.version for each in book.policies.versions(entry.name)], False
    if entry.version in versions:
        faults.append(f"{entry.key}: is there already and never changes; the next version is {versions[-1] + 1}")
        raise DefinitionError(f"{source_name}: {fault}" for fault in faults)
    faults += _faults_together(book, entry)
    # Documents of past days have taken their version; only a new process that is taken by name concerns none of them.
    if (versions or not chosen_by_name) and entry.effective_from < today:
        faults.append(f"{entry.key}: effective_from {entry.effective_from} is past; the earliest is today, {today}")
    if faults:
        raise DefinitionError(f"{source_name}: {fault}" for fault in faults)
    return entry


def publish(
    session: Session, kind: Kind, text: str, source_name: str, person: str, now: datetime, activities: Collection[str]
) -> Definition | Policy:
    """Add a version to the rulebook; running processes find it by its edition. Raises DefinitionError as `check`.

    Publishers take turns, so that what one has checked is still so when it is there.
    """
    take_turn(session)
    today = now.astimezone(BUSINESS_ZONE).date()
    entry = check(read(session), kind, text, source_name, today, activities)
    session.write(_PUBLISH, kind, entry.name, entry.version, text, now, person)
    tell(session)
    note(session, now, person, f"{kind}.published", entry.key, {"effective_from": entry.effective_from})
    return entry


def take_turn(session: Session) -> None:
    """Wait until nobody else is changing the rulebook or the calendar."""
    session.rows(_TURN)


def tell(session: Session) -> None:
    """Let running processes know that there is something new."""
    session.write(_NEWS)


def may_not_publish(session: Session, person: str) -> Refusal | None:
    """Why this person may neither publish nor set days; None: an active member of staff with the role for it."""
    may = session.row(_MAY_PUBLISH, person, PUBLISHER)
    return None if may else Refusal("rulebook.role", {"person": person, "roles": PUBLISHER})


def _faults_together(book: Rulebook, entry: Definition | Policy) -> list[str]:
    try:
        if isinstance(entry, Definition):
            definitions.whole([*book.definitions.entries.values(), entry])
        else:
            gather([*book.policies.entries.values(), entry])
    except DefinitionError as error:
        return list(error.faults)
    return []


@lru_cache(maxsize=4096)  # a published version never changes, and every edition has those before it
def _parse(kind: Kind, text: str, source_name: str) -> Definition | Policy:
    return definitions.parse(text, source_name) if kind is Kind.PROCESS else policy.parse(text, source_name)


def _on_top(shipped: Catalogue[T], published: Sequence[T]) -> list[T]:
    """A version that was published first and is shipped unchanged later counts once."""
    return [*shipped.entries.values(), *(each for each in published if shipped.entries.get(each.key) != each)]


def _source(row: Row) -> Source:
    kind, name, version, text, at, by = row
    return Source(Kind(kind), f"{name}@{version}", text, at, by)


# -- of a process that goes on running ---------------------------------------------------------------------------------


class LiveRulebook:
    """The rulebook of a running process. Looks for a new edition when it is asked for what it does not have, and
    otherwise at most once a second, so that what is published needs no restart.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._lock = Lock()
        self._book = rulebook()
        self._looked_at: float | None = None
        self._edition = -1
        self.definitions = Catalogue(self._book.definitions.entries, self.look)
        self.policies = Catalogue(self._book.policies.entries, self.look)

    def current(self) -> Rulebook:
        """The newest edition, at most a second old."""
        if self._looked_at is None or self._clock() - self._looked_at >= NEWS_EVERY_SECONDS:
            self.look()
        return self._book

    def overrides(self) -> Overrides:
        """The days that the company has set itself, at most a second old."""
        return self.current().overrides

    def look(self) -> None:
        """Read the rulebook if there is a new edition. The first time raises DefinitionError for one that cannot be
        used; later, what is there is kept: an order pinned to a version that this process cannot read is set aside.
        """
        with self._lock, self._database.transaction() as session:
            ((edition,),) = session.rows(_EDITION)
            if edition != self._edition:
                try:
                    self._take(read(session))
                except DefinitionError as error:
                    if self._looked_at is None:
                        raise
                    log.error("rulebook.refused", edition=edition, faults=error.faults)
                self._edition = edition
            self._looked_at = self._clock()

    def _take(self, book: Rulebook) -> None:
        self._book = book
        self.definitions.entries, self.policies.entries = book.definitions.entries, book.policies.entries


_EDITION = "select number from core.edition"
_PUBLISHED = """
select kind, name, version, text, published_at, published_by from core.rulebook
order by published_at, kind, name, version
"""
_DAYS = "select day, working from core.calendar_days"
_TURN = "select number from core.edition for update"
_NEWS = "update core.edition set number = number + 1"
_PUBLISH = """
insert into core.rulebook (kind, name, version, text, published_at, published_by) values (%s, %s, %s, %s, %s, %s)
"""
_MAY_PUBLISH = "select 1 from core.staff where id = %s and active and %s = any(roles)"
