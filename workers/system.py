"""The whole system on one machine: servers, migrations, every process, in that order; stopped in the opposite one."""

import os
import signal
import subprocess
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
from workers.supervisor import Child, Supervisor

ROOT = Path(__file__).parent.parent


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
    with embedded.held(home, "orderflow"), Supervisor(home / "logs") as supervisor:
        database_url, broker_url = settings.database_url, settings.broker_url
        if not (database_url and broker_url):
            servers = Child(
                "servers",
                embedded.command(home, port),
                _environment({}),
                grace_seconds=60,
                ready_seconds=embedded.START_SECONDS,
            )
            answer = supervisor.start([servers], stop)
            if not answer:
                raise EmbeddedError("Stopped while the servers were starting.")
            started_database, started_broker = answer["servers"].split()
            database_url, broker_url = database_url or started_database, broker_url or started_broker
        urls = {"ORDERFLOW_DATABASE_URL": database_url, "ORDERFLOW_BROKER_URL": broker_url}
        _migrate(urls)
        supervisor.start(processes(urls, settings.drain_seconds), stop)
        try:
            yield System(database_url, broker_url, supervisor, stop)
        finally:
            if threading.current_thread() is threading.main_thread():
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, lambda *_: supervisor.hurry())


def processes(urls: Mapping[str, str], drain_seconds: float) -> list[Child]:
    """Every process beside the servers, one of each."""
    modules = [("intake", ["workers.intake.main"]), ("relay", ["workers.relay.main"])]
    modules += [("scheduler", ["workers.scheduler.main"])]
    modules += [(name.value, ["workers.department", name.value]) for name in Department]
    return [
        Child(name, [sys.executable, "-m", *module], _environment(urls), grace_seconds=drain_seconds + 5)
        for name, module in modules
    ]


def _migrate(urls: Mapping[str, str]) -> None:
    # In a process of its own: what migrations need in memory is not kept for as long as the system runs.
    done = subprocess.run(
        [sys.executable, "-m", "shared.migrations"],
        env={**os.environ, **_environment(urls)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise EmbeddedError(f"The database could not be brought to the newest schema: {done.stderr.strip()[-1000:]}")


def _environment(urls: Mapping[str, str]) -> dict[str, str]:
    return {**urls, "PYTHONPATH": str(ROOT)}
