"""The project's own processes, started by tests as a supervisor would start them."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared.broker import connect
from shared.database import Database, open_database
from shared.rulebook import LiveRulebook
from shared.runtime import Counters
from shared.settings import Settings
from tests.support.database import REPOSITORY
from workers.process import Process
from workers.system import System, running_system


def as_process(database: Database, broker_url: str, **chosen: Any) -> Process:
    """What the duties of a process are given, in the test's own process. `chosen`: settings other than the defaults."""
    broker, rules = connect(broker_url), LiveRulebook(database)
    return Process("test", Settings(**chosen), database, broker, threading.Event(), Counters(), rules)


@contextmanager
def started(
    *module: str, database_url: str, broker_url: str, log: str = os.devnull, **variables: str
) -> Iterator["subprocess.Popen[str]"]:
    """`python -m <module>`, ready; killed at the end if it is still there. What it says on stderr is appended to the
    file `log`. `variables` as ORDERFLOW_<NAME>.
    """
    env: Mapping[str, str] = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "ORDERFLOW_DATABASE_URL": database_url,
        "ORDERFLOW_BROKER_URL": broker_url,
        **{f"ORDERFLOW_{name.upper()}": value for name, value in variables.items()},
    }
    command = [sys.executable, "-m", *module]
    with (
        Path(log).open("a") as stderr,
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=stderr, text=True) as process,
    ):
        try:
            assert process.stdout
            assert process.stdout.readline() == "READY\n"
            yield process
        finally:
            process.kill()


@contextmanager
def system_in(home: Path) -> Iterator[tuple[System, Database]]:
    """The whole system on this folder; the test's own signal handlers come back at the end."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    settings = Settings(home=home, database_url="", broker_url="")
    try:
        with running_system(settings, threading.Event()) as system:
            database = open_database(system.database_url, settings, pool=2)
            yield system, database
            database.close()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
