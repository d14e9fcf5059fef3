"""Processes that tests kill, pause and end: `python -m tests.support.victim KIND URL NAME [WHICH]`.

Each says on stdout what it does, one line per event.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import redis

from messages.batch import Batch
from shared import broker, policy, transport
from shared.catalogue import gather
from shared.database import open_database
from shared.definitions import parse
from shared.department import Department, Outcome, Passed, Recorded, Visit
from shared.runtime import Runtime
from shared.settings import Settings
from tests.support.definitions import definition_text, step
from tests.support.waiting import until

RELEASE = "test:release"
DEADLY = "kills its process"
"""The external id of an order that does."""
ROOT = Path(__file__).parents[2]


def worker(url: str, queue: str) -> None:
    """Two threads that hold each batch until the test pushes to RELEASE; SIGTERM ends it in order."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    def hold(batch: Batch) -> None:
        say("HOLDING", batch.id)
        with redis.Redis.from_url(url) as client:
            client.blpop([RELEASE], timeout=30)
        say("DONE", batch.id)

    say("READY")
    broker.run_worker(broker.connect(url), queue, hold, 2, _refuse, stop)
    say("STOPPED")


def thread(url: str, queue: str, which: str) -> None:
    """A worker one of whose threads, of dramatiq's class `which`, dies as by a bug in it."""

    def kill() -> None:
        # Not before it runs: one that dies in its start would take the starting thread with it.
        [ident, *_] = until(
            lambda: [
                t.ident for t in threading.enumerate() if type(t).__name__ == which and getattr(t, "running", False)
            ]
        )
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident or 0), ctypes.py_object(SystemExit))

    threading.Thread(target=kill).start()
    broker.run_worker(broker.connect(url), queue, lambda _: None, 2, _refuse, threading.Event())


def consumer(url: str, stream: str) -> None:
    """Takes messages from a stream and never finishes with them."""

    def hold(batch: list[transport.Incoming]) -> None:
        say("HOLDING", str(len(batch)))
        threading.Event().wait()

    transport.consume(url, stream, "intake", "victim", 256, hold, threading.Event())


class Deadly(Recorded):
    """Passes every order but the deadly one, which ends the process as a fault in C would."""

    def decide(self, visit: Visit, _facts: Recorded, /) -> Outcome:
        if visit.order.external_id == DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)
        return Passed()


def department(url: str, database_url: str) -> None:
    """Finance, at the one step `review`."""
    finance = Department("finance")
    finance.activity("review")(Deadly)
    database = open_database(database_url, Settings())
    definitions, sender = gather([parse(definition_text(step("review")), "one.toml")]), broker.connect(url)

    def publish(batches: Sequence[Batch]) -> None:
        broker.publish(sender, [(batch.department, batch) for batch in batches])

    runtime = Runtime(finance, database, definitions, policy.load(), publish, attempts=3)
    broker.run_worker(sender, "finance", runtime.handle, 1, _refuse, threading.Event())


@contextmanager
def victim(kind: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start one; it is gone when the block ends."""
    command = [sys.executable, "-m", "tests.support.victim", kind, *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def heard(process: subprocess.Popen[str], word: str) -> str:
    """Wait for a line that begins with `word`; what follows the word."""
    assert process.stdout
    for line in process.stdout:
        first, _, rest = line.strip().partition(" ")
        if first == word:
            return rest
    raise AssertionError(f"it ended without saying {word}: {process.stderr.read() if process.stderr else ''}")


def say(*words: str) -> None:
    """One line for the test, in one piece even when two threads speak."""
    print(" ".join(words) + "\n", end="", flush=True)


def _refuse(queue: str, raw: bytes, reason: str) -> None:
    raise AssertionError(f"garbage in {queue}: {reason}")


if __name__ == "__main__":
    KINDS: dict[str, Callable[..., None]] = {
        "worker": worker,
        "thread": thread,
        "consumer": consumer,
        "department": department,
    }
    KINDS[sys.argv[1]](*sys.argv[2:])
