"""The naive pipeline: the same orders, rules, books, database, broker client and number of processes, but one order to
a message and one message to a transaction, as such pipelines are usually built.

Each department takes a message, locks its order, reads what the rule needs, decides, saves the effects, moves the
order, writes the event, commits, and then publishes the order to the next department. It is spared what the real
system does beyond that: taking the orders in, rows for messages in flight, events to the outside, the hash chain. It
may lose an order when a process dies between commit and publish.
"""

import multiprocessing
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.process import parent_process
from multiprocessing.synchronize import Event

from messages.batch import Batch, Department
from shared import definitions, policy
from shared.broker import Broker, connect, publish, run_worker
from shared.catalogue import Catalogue
from shared.database import Database, array, open_database
from shared.department import Department as Declaration
from shared.department import Passed, Unworkable, Visit
from shared.history import SYSTEM, Kind
from shared.policy import Policy
from shared.processes import Definition, next_steps, state_after
from shared.rulebook import rulebook
from shared.settings import settings
from shared.standings import lock_standings
from workers.bench.route import await_archived, count_archived
from workers.bench.usage import Speed, cpu_seconds, cpu_since
from workers.departments import declaration
from workers.intake.accept import accept_orders
from workers.intake.main import limits
from workers.intake.parse import Submission
from workers.system import System, until_interrupted

_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Desk:
    """One department."""

    department: Declaration
    database: Database
    broker: Broker
    definitions: Catalogue[Definition]
    policies: Catalogue[Policy]

    def handle(self, message: Batch) -> None:
        """Move one order one step; `message.id` is its id."""
        with self.database.transaction() as session:
            folder = lock_standings(session, [message.id], self.definitions, self.policies)[message.id]
            step = folder.definition.step(folder.open[0])
            activity = self.department.activities[step.activity]
            now = datetime.now(UTC)
            visit = Visit(
                folder.order, folder.round, step.id, step.options, folder.policy, now, folder.definition.activities
            )
            facts = activity.load(session, [visit])
            outcome = activity.decide(visit, facts)
            if not isinstance(outcome, Passed):
                raise Unworkable(f"{folder.order.number} did not pass {step.id}: {outcome}")
            if outcome.effects:
                activity.save(session, outcome.effects)
            done = [*folder.done, step.id]
            following = next_steps(folder.definition, set(done), {})
            state = state_after(folder.definition, set(done), {}, folder.state)
            opened = [each.id for each in following]
            session.rows(_MOVE, now, state, array(opened), array(done), message.id, folder.version)
            session.rows(_EVENT, message.id, folder.version + 1, now, Kind.PASSED, step.id, SYSTEM, state)
        _send(self.broker, [(each.department, message.id) for each in following])


def run(system: System, database: Database, bodies: Sequence[bytes]) -> Speed:
    """From the first message until the last order is archived. Raises `Stuck`."""
    broker = connect(_own(system.broker_url))
    ids = _take_in(database, bodies)
    archived = count_archived(database)
    with _workers(system):
        before, started = cpu_seconds(system), time.monotonic()
        for start in range(0, len(ids), _AT_ONCE):
            _send(broker, [(Department.SALES_REVIEW, order) for order in ids[start : start + _AT_ONCE]])
        await_archived(database, archived + len(ids))
        return Speed(len(ids), time.monotonic() - started, cpu_since(system, before))


def serve(department: str, database_url: str, broker_url: str, ready: Event) -> None:
    """A department's process."""
    stop = until_interrupted()
    threading.Thread(target=_end_with_parent, args=(stop,), daemon=True).start()
    chosen = settings()
    database, broker = open_database(database_url, chosen, hot=True), connect(broker_url)
    desk = Desk(declaration(department), database, broker, definitions.load(), policy.load())
    ready.set()
    run_worker(broker, department, desk.handle, 1, _refuse, stop)
    database.close()


@contextmanager
def _workers(system: System) -> Iterator[None]:
    """Six processes, from when all of them are ready until the block ends."""
    spawn = multiprocessing.get_context("spawn")
    ready = [spawn.Event() for _ in Department]
    processes = [
        spawn.Process(target=serve, args=(name.value, system.database_url, _own(system.broker_url), event), daemon=True)
        for name, event in zip(Department, ready, strict=True)
    ]
    for process in processes:
        process.start()
    for event in ready:
        event.wait()
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _take_in(database: Database, bodies: Sequence[bytes]) -> list[str]:
    """Accept the orders, and take back the batches that would send them to the real departments; returns their ids."""
    ids: list[str] = []
    for start in range(0, len(bodies), _AT_ONCE):
        submissions = [Submission(body, "bench") for body in bodies[start : start + _AT_ONCE]]
        with database.transaction() as session:
            _, batches = accept_orders(session, submissions, limits(settings()), rulebook(), datetime.now(UTC))
            for row in session.rows(_TAKE_BACK, array([batch.id for batch in batches])):
                ids += row[0]
    return ids


def _send(broker: Broker, orders: Sequence[tuple[str, str]]) -> None:
    if orders:
        publish(broker, [(to, Batch(id=order, department=Department(to), size=1)) for to, order in orders])


def _own(broker_url: str) -> str:
    """Another database of the same broker, so that the real departments do not see these messages."""
    return f"{broker_url.rpartition('/')[0]}/1"


def _end_with_parent(stop: threading.Event) -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        stop.set()


def _refuse(queue: str, body: bytes, reason: str) -> None:
    raise Unworkable(f"{queue}: {reason}: {body!r}")


_MOVE = """
update core.orders set updated_at = %s, version = version + 1, state = %s, open = %s::text[], done = %s::text[]
where id = %s and version = %s returning version
"""
_EVENT = """
insert into core.events (order_id, seq, at, kind, round, step, actor, state, data, hash)
values (%s, %s, %s, %s, 1, %s, %s, %s, '{}', '') returning seq
"""
_TAKE_BACK = "delete from core.batches where id = any(%s::uuid[]) returning array(select unnest(ids)::text)"
