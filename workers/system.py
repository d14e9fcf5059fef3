"""The whole system on one machine: servers, migrations, every process, in that order; stopped in the opposite one."""

import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from messages.batch import Department
from shared import embedded
from shared.embedded import EmbeddedError
from shared.settings import Settings
from workers.nursery import Nursery, opened_nursery
from workers.supervisor import Child, Supervisor

ROOT = Path(__file__).parent.parent
COMMANDS = {
    "intake": ["workers.intake.main"],
    "relay": ["workers.relay.main"],
    "scheduler": ["workers.scheduler.main"],
    **{name.value: ["workers.department", name.value] for name in Department},
}
"""Every process beside the servers, one of each: what follows `python -m`."""
SHARED = [
    *{module for module, *_ in COMMANDS.values()},
    *(f"workers.{name}.activities" for name in Department),
    "sqlalchemy.dialects.postgresql.psycopg",  # this and the next come with the first connection
    "encodings.idna",
]
"""The modules that they have in memory together."""


@dataclass(frozen=True, slots=True)
class System:
    """A running system: where its database and broker are, and who keeps its processes running."""

    database_url: str
    broker_url: str
    supervisor: Supervisor
    stop: threading.Event


def until_interrupted() -> threading.Event:
    """An event that Ctrl-C or SIGTERM sets."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


@contextmanager
def running_system(settings: Settings, stop: threading.Event, port: int | None = None) -> Iterator[System]:
    """Start everything and wait until it is ready; drain and stop it at the end of the block.

    Embedded servers run in `settings.home` unless URLs are given. Raises EmbeddedError or ChildFailed with one clear
    sentence. A second Ctrl-C while it drains kills what is left.
    """
    home = settings.home.resolve()
    with embedded.held(home, "orderflow"), opened_nursery() as nursery, Supervisor(home / "logs") as supervisor:
        database_url, broker_url = settings.database_url, settings.broker_url
        first = [_nursery(nursery)] if nursery else []
        if not (database_url and broker_url):
            first.append(_servers(home, port))
        answers = supervisor.start(first, stop)
        if stop.is_set():
            raise EmbeddedError("Stopped while the servers were starting.")
        if "servers" in answers:
            started_database, started_broker = answers["servers"].split()
            database_url, broker_url = database_url or started_database, broker_url or started_broker
        urls = {"ORDERFLOW_DATABASE_URL": database_url, "ORDERFLOW_BROKER_URL": broker_url}
        given = urls | {"ORDERFLOW_HOME": str(home)}  # where the relay puts letters that no mail server takes
        supervisor.run(_migrations(given, nursery))
        supervisor.start(processes(given, settings.drain_seconds, nursery), stop)
        try:
            yield System(database_url, broker_url, supervisor, stop)
        finally:
            if threading.current_thread() is threading.main_thread():
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, lambda *_: supervisor.hurry())


def processes(urls: Mapping[str, str], drain_seconds: float, nursery: Nursery | None = None) -> list[Child]:
    """Every process beside the servers, forked from the nursery if there is one."""
    env, grace = _environment(urls), drain_seconds + 5
    return [
        Child(name, [sys.executable, "-m", *command], env, grace_seconds=grace, nursery=nursery)
        for name, command in COMMANDS.items()
    ]


def _servers(home: Path, port: int | None) -> Child:
    command = embedded.command(home, port)
    return Child("servers", command, _environment({}), grace_seconds=60, ready_seconds=embedded.START_SECONDS)


def _nursery(nursery: Nursery) -> Child:
    thrift = {"MALLOC_ARENA_MAX": "2", **embedded.KEEPS_MEMORY}  # a few threads do not need an arena each
    return Child("nursery", nursery.command(SHARED), _environment(thrift), pass_fds=[nursery.descriptor])


def _migrations(urls: Mapping[str, str], nursery: Nursery | None) -> Child:
    # In a process of its own: what migrations need in memory is not kept for as long as the system runs.
    argv = [sys.executable, "-m", "shared.migrations"]
    return Child("migrations", argv, _environment(urls), ready_seconds=3600, nursery=nursery)


def _environment(urls: Mapping[str, str]) -> dict[str, str]:
    return {**urls, "PYTHONPATH": str(ROOT)}
