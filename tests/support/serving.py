"""A worker of one department inside the test's own process, and batches for it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from messages.batch import Batch, Department
from shared.broker import Broker, OnGarbage, connect, depth, publish, run_worker
from shared.ids import new_id

QUEUE = "finance"


class Desk:
    """What a worker under test has been given."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.garbage: list[tuple[str, bytes, str]] = []
        self.stop = threading.Event()
        self.thread = threading.Thread()

    def set_aside(self, queue: str, body: bytes, reason: str) -> None:
        self.garbage.append((queue, body, reason))

    @property
    def ids(self) -> list[str]:
        return [batch.id for batch in self.batches]


@contextmanager
def serving(
    url: str,
    work: Callable[[Batch], object] = lambda _: None,
    *,
    threads: int = 2,
    on_garbage: OnGarbage | None = None,
) -> Iterator[Desk]:
    """Serve QUEUE until the block ends; what `work` has returned from stands on the desk."""
    desk = Desk()

    def handle(batch: Batch) -> None:
        work(batch)
        desk.batches.append(batch)

    arguments = (connect(url), QUEUE, handle, threads, on_garbage or desk.set_aside, desk.stop)
    desk.thread = threading.Thread(target=run_worker, args=arguments, daemon=True)
    desk.thread.start()
    try:
        yield desk
    finally:
        desk.stop.set()
        desk.thread.join(timeout=30)
        assert not desk.thread.is_alive()


class Gate:
    """Work that begins and then waits until it is let through."""

    def __init__(self) -> None:
        self._begun = threading.Semaphore(0)
        self._open = threading.Event()

    def __call__(self, _: Batch) -> None:
        self._begun.release()
        assert self._open.wait(30)

    def reached(self, times: int = 1) -> None:
        for _ in range(times):
            assert self._begun.acquire(timeout=10)

    def open(self) -> None:
        self._open.set()


def batch(department: Department = Department.FINANCE) -> Batch:
    """A new one."""
    return Batch(id=new_id(), department=department, size=3)


def batches(count: int) -> list[Batch]:
    """So many new ones."""
    return [batch() for _ in range(count)]


def send(broker: Broker, *sent: Batch) -> None:
    """Publish to QUEUE."""
    publish(broker, [(QUEUE, each) for each in sent])


def ids(*sent: Batch) -> frozenset[str]:
    """Their ids, as `message_ids` tells them."""
    return frozenset(each.id for each in sent)


def empty(broker: Broker) -> bool:
    """Whether every message of QUEUE has been acknowledged."""
    now = depth(broker, [QUEUE])[QUEUE]
    return (now.ready, now.held) == (0, 0)
