"""The whole company in one process over one database: intake, the six departments, people; messages are a list."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from messages.batch import Batch
from messages.batch import Department as Name
from messages.events import data_of
from messages.orders import Order, read_order
from shared.audit import audit
from shared.calendar import NO_OVERRIDES, Overrides
from shared.catalogue import Catalogue, gather
from shared.database import Database, Row
from shared.definitions import parse
from shared.processes import Definition
from shared.rulebook import Rulebook, rulebook
from shared.runtime import Runtime
from shared.settings import Settings
from shared.tasks import Wish, decide
from tests.support.company import handed_in, load_company
from tests.support.definitions import definition_text
from tests.support.orders import NOW
from workers.departments import declaration, invariants
from workers.intake.accept import Receipt, accept_orders
from workers.intake.facts import accept_facts
from workers.intake.main import limits

LIMITS = limits(Settings())


@dataclass
class Office:
    """What nobody has handled yet stands in `queue`. `definitions`: those shipped, unless a test has its own."""

    database: Database
    now: datetime = NOW
    queue: list[Batch] = field(default_factory=list)
    definitions: Catalogue[Definition] = field(default_factory=lambda: rulebook().definitions)
    book: Callable[[], Rulebook] | None = None
    overrides: Callable[[], Overrides] = lambda: NO_OVERRIDES

    # -- what happens ---------------------------------------------------------------------------------------------

    def take(self, *bodies: bytes) -> list[Receipt]:
        """Orders come in."""
        with self.database.transaction() as session:
            receipts, batches = accept_orders(session, handed_in(bodies), LIMITS, self.rules, self.now)
        self.queue += batches
        return receipts

    def report(self, *bodies: bytes) -> list[Receipt]:
        """Facts come in."""
        with self.database.transaction() as session:
            receipts, batches = accept_facts(session, handed_in(bodies), LIMITS, self.rules, self.now)
        self.queue += batches
        return receipts

    def work(self) -> None:
        """Until no message is left."""
        while self.queue:
            batch = self.queue.pop(0)
            self.departments[batch.department].handle(batch)

    def follows(self, *steps: dict[str, Any], **head: Any) -> None:
        """From now on orders that name the definition `sample` take these steps."""
        one = parse(definition_text(*steps, **head), "sample.toml")
        self.definitions = gather([*rulebook().definitions.entries.values(), one])
        self.__dict__.pop("departments", None)

    @property
    def rules(self) -> Rulebook:
        """What intake goes by; a test may say where from."""
        return self.book() if self.book else Rulebook(self.definitions, rulebook().policies)

    @cached_property
    def departments(self) -> dict[Name, Runtime]:
        return {name: self.runtime(name) for name in Name}

    def runtime(self, name: Name) -> Runtime:
        publish: Callable[[Sequence[Batch]], None] = self.queue.extend
        policies = rulebook().policies
        return Runtime(
            declaration(name), self.database, self.definitions, policies, publish, attempts=3, now=lambda: self.now,
            overrides=self.overrides,
        )  # fmt: skip

    def decide(self, choice: str, person: str = "fiona", **more: Any) -> None:
        """Somebody decides everything that is open."""
        with self.database.transaction() as session:
            tasks = [row[0] for row in session.rows("select id from core.user_tasks where status = 'open'")]
            answers, batches = decide(session, [Wish(task, person, choice, **more) for task in tasks], self.now)
        assert set(answers) == {None}
        self.queue += batches

    # -- what is there --------------------------------------------------------------------------------------------

    def rows(self, sql: str, *params: object) -> list[Row]:
        with self.database.transaction() as session:
            return session.rows(sql, *params)

    def count(self, table: str, where: str = "true") -> int:
        return int(self.rows(f"select count(*) from {table} where {where}")[0][0])

    def states(self) -> dict[str, str]:
        """By the upstream's own id."""
        return dict(self.rows("select external_id, state from core.orders join core.order_headers on order_id = id"))

    def document(self, number: str | None) -> Order:
        """As departments read it now."""
        (row,) = self.rows(
            "select document from core.order_headers h join core.orders o on o.id = h.order_id"
            " join core.order_documents d on d.order_id = o.id and d.revision = o.revision where number = %s",
            number,
        )
        return read_order(row[0])

    def history(self, number: str | None) -> list[str]:
        """The kinds of an order's events."""
        sql = "select kind from core.events join core.order_headers using (order_id) where number = %s order by seq"
        return [row[0] for row in self.rows(sql, number)]

    def told(self) -> Counter[str]:
        """Types of the events in the outbox, each of which keeps its contract."""
        rows = self.rows("select type, data from core.outbox_events")
        for type_, data in rows:
            data_of(type_).model_validate_json(data)
        return Counter(type_ for type_, _ in rows)

    def faults(self) -> list[dict[str, str]]:
        """Of the last refusal, as it is kept."""
        (row,) = self.rows("select errors from core.refusals order by id desc limit 1")
        errors: list[dict[str, str]] = json.loads(row[0])
        return errors

    def assert_clean(self) -> None:
        breaches = audit(self.database, invariants()).breaches
        assert breaches == (), breaches


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    """The company of `tests.support.company`, with no orders yet."""
    load_company(database, tmp_path)
    return Office(database)


def verdicts(receipts: Sequence[Receipt]) -> list[str]:
    """What became of each."""
    return [receipt.verdict for receipt in receipts]


def codes(receipt: Receipt) -> dict[str, str]:
    """Why it was refused, by field."""
    return {error.field: error.code for error in receipt.errors}
