"""Processes for the tests of the supervisor, the nursery and the embedded servers: `python -m tests.support.supervised
KIND …`, or forked from a nursery.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import psycopg

from shared import embedded
from shared.ids import new_id
from shared.lifeline import watch_lifeline
from workers.nursery import Nursery, opened_nursery
from workers.supervisor import Child, Supervisor

ROOT = Path(__file__).parents[2]


def command(kind: str, *arguments: str) -> list[str]:
    """The command line of one of these."""
    return [sys.executable, "-m", "tests.support.supervised", kind, *arguments]


def child(name: str, kind: str, *arguments: str, grace_seconds: float = 10.0, nursery: Nursery | None = None) -> Child:
    """One of these as a supervised child."""
    env = {"PYTHONPATH": str(ROOT)}
    return Child(name, command(kind, *arguments), env, grace_seconds, nursery=nursery)


def nursery_child(nursery: Nursery, modules: Sequence[str] = ("tests.support.supervised",)) -> Child:
    """The nursery's process."""
    return Child("nursery", nursery.command(modules), {"PYTHONPATH": str(ROOT)}, pass_fds=[nursery.descriptor])


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended; one that nobody has buried yet has."""
    return [one for one in processes if _lives(one)]


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it ended between the two questions
        return False


def worker(database_url: str, name: str) -> None:
    """Works until SIGTERM; what it holds then takes a while, and is written at the end."""
    stop = _stop_on_signals()
    print("READY", flush=True)
    stop.wait()
    with psycopg.connect(_libpq(database_url)) as connection:
        connection.execute("select pg_sleep(0.5)")
        connection.execute("insert into drained (name) values (%s)", (name,))


def system(home: str, way: str) -> None:
    """A small system as the command line would run it: servers first, then two workers, `spawned` or `forked`."""
    stop, supervisor = threading.Event(), Supervisor(Path(home) / "logs")

    def on_signal(*_: object) -> None:
        if stop.is_set():
            supervisor.hurry()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    with opened_nursery() as available, supervisor:
        nursery = available if way == "forked" else None
        first = [Child("servers", embedded.command(Path(home)), {"PYTHONPATH": str(ROOT)})]
        servers = supervisor.start([*first, *([nursery_child(nursery)] if nursery else [])], stop)
        url = servers["servers"].split()[0]
        with psycopg.connect(_libpq(url)) as connection:
            connection.execute("create table if not exists drained (name text)")
        workers = [child(name, "worker", url, name, nursery=nursery) for name in ("finance", "warehouse")]
        supervisor.start(workers, stop)
        print("UP", flush=True)
        supervisor.wait(stop)
    print("STOPPED", flush=True)


def owner(directory: str) -> None:
    """Owns both servers and does nothing."""
    _stop_on_signals()
    postgres = embedded.start_postgres(Path(directory) / "postgres")
    valkey = embedded.start_valkey(Path(directory) / "valkey")
    print("READY", postgres.process.pid, valkey.process.pid, flush=True)
    threading.Event().wait()


def starter(server: str, directory: str) -> None:
    """Starts one server, says what became of it, and stops it."""
    try:
        folder = Path(directory)
        with embedded.start_postgres(folder) if server == "postgres" else embedded.start_valkey(folder) as running:
            print("RUNNING", running.url, flush=True)
    except embedded.EmbeddedError as error:
        print("REFUSED", error, flush=True)


def brief(seconds: str) -> None:
    """Is ready, and dies after that time."""
    print("READY", flush=True)
    threading.Event().wait(float(seconds))
    sys.exit(3)


def portrait(argument: str, variable: str) -> None:
    """Says what a process knows of itself."""
    known = {
        "pid": os.getpid(),
        "session": os.getsid(0),
        "name": Path("/proc/self/comm").read_text().strip(),
        "argument": argument,
        "variable": os.environ.get(variable),
        "threads": threading.active_count(),
        "descriptors": len([*Path("/proc/self/fd").iterdir()]) - 1,  # without that of the listing
        "ids": [new_id() for _ in range(100)],
    }
    stop = _stop_on_signals()
    print("READY", json.dumps(known), flush=True)
    stop.wait()


def stubborn() -> None:
    """Does not heed SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("READY", flush=True)
    threading.Event().wait()


def parent() -> None:
    """Has a child of its own, which it leaves behind when told to end."""
    stop = _stop_on_signals()
    left = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
    print("READY", left.pid, flush=True)
    stop.wait()


def broken() -> None:
    """Says something and dies before it is ready."""
    print("first line", flush=True)
    sys.exit("the last words")


def refusing() -> None:
    """Has a reason not to run."""
    print("REFUSED Port 7 is already in use.", flush=True)
    sys.exit(1)


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: os._exit(9))  # none of the terminal's may arrive
    watch_lifeline()
    return stop


def _libpq(url: str) -> str:
    return url.replace("postgresql+psycopg", "postgresql")


KINDS: dict[str, Callable[..., None]] = {
    each.__name__: each
    for each in (worker, system, owner, starter, brief, portrait, stubborn, parent, broken, refusing)
}


def work(kind: str, *arguments: str) -> None:
    """Be one of these."""
    KINDS[kind](*arguments)


if __name__ == "__main__":
    work(*sys.argv[1:])
