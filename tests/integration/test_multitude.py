"""Ten thousand at once: decided, overdue, asked about and purged in seconds, and meanwhile the departments go on."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from shared import policy
from tests.support.company import raw
from tests.support.desk import staff
from tests.support.office import Office
from tests.support.orders import an_order, open_orders
from tests.support.running import as_process
from tests.support.terminal import Run, answered, run
from workers.process import Process
from workers.scheduler.deadlines import ask_for_comments, purge_unreviewed
from workers.scheduler.timers import mark_overdue, wake_due

__all__ = ["run"]

COUNT = 10_000
SECONDS = 10.0
LONGEST_WAIT_SECONDS = 3.0
"""Of a department's batch, on a machine that does other things as well."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def crowd(office: Office) -> Office:
    """An office with so many orders, each of which waits for a person."""
    definition = office.definitions.get("d02_order_review@1")
    staff(office.database, {"sue": "sales_supervisor"})
    given = [an_order(number=f"SO-20260101-{number:06}") for number in range(COUNT)]
    office.queue += open_orders(office.database, definition, policy.load().get("standard@1"), given, office.now)
    office.work()
    assert office.count("core.user_tasks", "status = 'open'") == COUNT
    return office


@contextmanager
def flowing(office: Office) -> Iterator[None]:
    """Meanwhile orders go through all departments, one after the other, and none of their batches waits for long."""
    other, stop, longest = Office(office.database, office.now), threading.Event(), [0.0]
    failed: list[BaseException] = []

    def flow() -> None:
        try:
            while not stop.is_set():
                other.take(raw(f"flow {time.monotonic_ns()}", definition="express"))
                while other.queue:
                    batch, began = other.queue.pop(0), time.monotonic()
                    other.departments[batch.department].handle(batch)
                    longest[0] = max(longest[0], time.monotonic() - began)
        except BaseException as error:  # noqa: BLE001 - raised below
            failed.append(error)

    thread = threading.Thread(target=flow)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert failed == []
    archived = office.count("core.orders", "state = 'archived'")
    print(f"longest batch beside it {longest[0]:.2f} s, {archived} orders archived so far")
    assert longest[0] < LONGEST_WAIT_SECONDS
    assert archived


def timed(office: Office, what: str, work: Callable[[], object]) -> float:
    with flowing(office):
        began = time.monotonic()
        work()
        seconds = time.monotonic() - began
        print(f"{what}: {seconds:.2f} s")
    return seconds


@pytest.fixture
def process(office: Office, broker_url: str) -> Process:
    return as_process(office.database, broker_url)


@pytest.mark.requirement("APR-02", "APR-04")
def test_ten_thousand_tasks_are_decided_in_bulk(crowd: Office, run: Run) -> None:
    answers: list[object] = []

    def decide() -> None:
        answers.append(answered(run("decide", "--all", "--role", "sales_supervisor", "agree", "--as", "sue", "--json")))

    seconds = timed(crowd, "decided", decide)
    assert answers == [{"done": COUNT, "refused": [], "needless": False, "dry_run": False}]
    assert crowd.count("core.user_tasks", "status = 'decided'") == COUNT
    assert seconds < SECONDS


@pytest.mark.requirement("APR-12", "APR-14", "APR-16")
def test_ten_thousand_deadlines_pass_and_ten_thousand_documents_are_purged(crowd: Office, process: Process) -> None:
    late = crowd.now + timedelta(days=120)
    done: list[int] = []
    for duty in (mark_overdue, ask_for_comments, purge_unreviewed):
        assert timed(crowd, duty.__name__, lambda duty=duty: done.append(duty(process, late))) < SECONDS  # type: ignore[misc]
    assert done == [COUNT] * 3
    assert crowd.count("core.orders", "closing = 'purged'") == COUNT
    assert crowd.count("core.user_tasks", "status = 'open'") == 0


def test_ten_thousand_waits_that_are_over_go_on(crowd: Office, process: Process) -> None:
    with crowd.database.transaction() as session:
        session.write(
            "insert into core.waits (order_id, step, key, round, department, since, due_at)"
            " select id, open[1], 'time', 1, 'sales_review', %s, %s from core.orders",
            crowd.now,
            crowd.now,
        )
        session.write("update core.user_tasks set status = 'closed'")
    done: list[int] = []
    assert timed(crowd, "woken", lambda: done.append(wake_due(process, crowd.now))) < SECONDS
    assert done == [COUNT]
