"""What a department declares: activities over orders, handlers of facts, and the closed set of outcomes."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from messages.commands import Fact
from messages.folders import Document
from messages.orders import Order
from shared.database import Session
from shared.policy import Policy

Value = str | int | bool | None
E = TypeVar("E")
A = TypeVar("A", bound="Activity[Any]")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def _nothing() -> Mapping[str, Any]:
    return _NOTHING  # by a function, because dataclasses of Python 3.11 refuse it as a plain default


@dataclass(frozen=True, slots=True)
class Finding:
    """One failed rule: `code` names it (its words are in the catalogues), `subject` what it is about (a line's product,
    a carrier; empty: the whole order), `values` the figures, among them what would satisfy it.
    Amounts are minor units; give the currency as a value of its own.
    """

    code: str
    subject: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)


def finding(code: str, subject: str = "", **values: Value) -> Finding:
    """Write a finding as a rule reads: `finding("credit.over_limit", limit=…, exposure=…)`."""
    return Finding(code, subject, values)


class Passed(Struct, frozen=True):
    """The step is done. `effects` go to the activity's `save`; `basis` is what the decision rested on, for history."""

    effects: tuple[Any, ...] = ()
    basis: Mapping[str, Any] = _NOTHING


class Referred(Struct, frozen=True):
    """A person must decide. `effects` are saved only once a person has agreed to these very findings.

    `roles`: who may decide, where that is not for the roles of the step but for somebody of higher rank.
    """

    findings: tuple[Finding, ...]
    effects: tuple[Any, ...] = ()
    basis: Mapping[str, Any] = _NOTHING
    roles: tuple[str, ...] = ()


class Returned(Struct, frozen=True):
    """The order goes back to its creator (退回) with these findings; what it had obtained is undone. `effects` are
    saved before that. `cancels`: it does not go back, but is cancelled, as a person decided.
    """

    findings: tuple[Finding, ...]
    basis: Mapping[str, Any] = _NOTHING
    effects: tuple[Any, ...] = ()
    cancels: bool = False


class Waiting(Struct, frozen=True):
    """The order stays at the step until a fact wakes one of `keys`, or `until` has come; then it is decided again.

    `effects` are saved now (a request to buy, say). Keys look like `payment:<order id>`, `stock:<product>`.
    """

    keys: tuple[str, ...]
    until: datetime | None = None
    findings: tuple[Finding, ...] = ()
    effects: tuple[Any, ...] = ()
    basis: Mapping[str, Any] = _NOTHING


Outcome = Passed | Referred | Returned | Waiting


class Unworkable(Exception):
    """This can never succeed, however often it is tried: the order's step becomes a dead letter at once."""


class Visit(Struct, frozen=True):
    """One folder at one step, as an activity sees it; `order` is its document where it is an order.

    `activities` are those of the whole definition; `done` the steps finished in this round; `agreed` whether a person
    has agreed to this step (their findings still decide what passes), and `reason` what they said with it.
    """

    document: Document
    round: int
    step: str
    options: Mapping[str, Value]
    policy: Policy
    now: datetime
    activities: frozenset[str] = frozenset()
    done: tuple[str, ...] = ()
    agreed: bool = False
    reason: str = ""

    @property
    def order(self) -> Order:
        """The order that this is. Raises `Unworkable` for a contract or a delivery note."""
        if isinstance(self.document, Order):
            return self.document
        raise Unworkable(f"{self.document.number} is no order")


@dataclass(frozen=True, slots=True)
class NewFolder:
    """Effect: a document begins its own way in the same transaction, by the definition of this name in force,
    or by the default one for its sale type. `links`: (what it is of the other, the other's id).
    """

    document: Document
    definition: str | None
    policy: Policy
    actor: str
    links: tuple[tuple[str, str], ...] = ()


class Facts(Protocol):
    """What `load` returns. The runtime lets it absorb every effect before the next order of the batch is decided."""

    def absorb(self, effect: Any, /) -> None: ...


F = TypeVar("F", bound=Facts)


class Activity(Protocol[F]):
    """What a department can do. `load` and `save` see the whole batch, `decide` one order.

    `load` locks what `save` will change, in key order. `undo` takes back what the step had obtained for these orders;
    it is called also for orders that obtained nothing and must be harmless when repeated. `save` and `undo` may return
    the keys of waits to wake, such as those for goods that are free again.
    """

    def load(self, session: Session, visits: Sequence[Visit], /) -> F: ...
    def decide(self, visit: Visit, facts: F, /) -> Outcome: ...
    def save(self, session: Session, effects: Sequence[Any], /) -> Collection[str] | None: ...
    def undo(self, session: Session, visits: Sequence[Visit], /) -> Collection[str] | None: ...


class Recorded:
    """Work that is done outside of the system: a person always says that it is done, and that agreement, with its
    time and remark, is the record. It finds, keeps and obtains nothing.
    """

    def load(self, _session: Session, _visits: Sequence[Visit], /) -> "Recorded":
        return self

    def absorb(self, effect: Any, /) -> None:
        """There is none."""

    def decide(self, _visit: Visit, _facts: "Recorded", /) -> Outcome:
        return Referred(())

    def save(self, _session: Session, _effects: Sequence[Any], /) -> None:
        """The record stands in the order's history."""

    def undo(self, _session: Session, _visits: Sequence[Visit], /) -> None:
        """What was done stays done."""


@dataclass(frozen=True, slots=True)
class ReportedFact:
    """A fact as its department books it; `order_id` where it names an order that we know."""

    id: str
    order_id: str | None
    body: Fact
    now: datetime


@dataclass(frozen=True, slots=True)
class Booked:
    """What came of facts: the keys to wake, and the facts that could not be accepted, by fact id with the reason, and
    with the further ones in `also`.
    """

    wake: Collection[str] = ()
    refused: Mapping[str, Finding] = field(default_factory=_nothing)
    also: Mapping[str, Sequence[Finding]] = field(default_factory=_nothing)


FactHandler = Callable[[Session, Sequence[ReportedFact]], Booked]
Look = Callable[[Session, Sequence[Visit]], Any]
"""Reads the facts of an activity as `load` does, but locks nothing: for deciding again what was decided long ago."""


class Department:
    """A department's declaration: importing it connects to nothing."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.activities: dict[str, Activity[Any]] = {}
        self.inputs: dict[str, tuple[str, ...]] = {}
        self.opens: dict[str, str] = {}
        self.looks: dict[str, Look] = {}
        self.fact_handlers: dict[str, FactHandler] = {}

    def activity(
        self,
        name: str,
        inputs: tuple[str, ...] | None = None,
        opens: str | None = None,
        look: Look | None = None,
    ) -> Callable[[type[A]], type[A]]:
        """Declare `<department>.<name>`, a class without arguments. `inputs`: the fields of the document that it rests
        on; a person's agreement may outlive a change of others. None: it rests on all of it. `opens`: how the folders
        that it opens are linked to the one that they are of; when the step is undone, they end with it. `look`: how a
        back-test reads what it decides by; None: it cannot be decided again.
        """

        def declare(kind: type[A]) -> type[A]:
            self._declare(name, kind())
            if inputs is not None:
                self.inputs[f"{self.name}.{name}"] = inputs
            if opens is not None:
                self.opens[f"{self.name}.{name}"] = opens
            if look is not None:
                self.looks[f"{self.name}.{name}"] = look
            return kind

        return declare

    def recorded(self, *names: str) -> None:
        """Declare activities that people do and record."""
        for name in names:
            self._declare(name, Recorded())

    def _declare(self, name: str, activity: Activity[Any]) -> None:
        assert f"{self.name}.{name}" not in self.activities, f"{self.name} declares {name} twice"
        self.activities[f"{self.name}.{name}"] = activity

    def fact(self, kind: str) -> Callable[[FactHandler], FactHandler]:
        """Declare who books facts of one kind."""

        def declare(handler: FactHandler) -> FactHandler:
            self.fact_handlers[kind] = handler
            return handler

        return declare


def effects_of(kind: type[E], effects: Iterable[Any]) -> list[E]:
    """The effects of one kind, for `save`."""
    return [effect for effect in effects if isinstance(effect, kind)]
