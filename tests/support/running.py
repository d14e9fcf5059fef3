"""The project's own processes, started by tests as a supervisor would start them."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from shared.broker import connect
from shared.database import Database
from shared.runtime import Counters
from shared.settings import Settings
from tests.support.database import REPOSITORY
from workers.process import Process


def as_process(database: Database, broker_url: str, **chosen: Any) -> Process:
    """What the duties of a process are given, in the test's own process. `chosen`: settings other than the defaults."""
    return Process("test", Settings(**chosen), database, connect(broker_url), threading.Event(), Counters())


@contextmanager
def started(*module: str, database_url: str, broker_url: str, **variables: str) -> Iterator["subprocess.Popen[str]"]:
    """`python -m <module>`, ready; killed at the end if it is still there. `variables` as ORDERFLOW_<NAME>."""
    env: Mapping[str, str] = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "ORDERFLOW_DATABASE_URL": database_url,
        "ORDERFLOW_BROKER_URL": broker_url,
        **{f"ORDERFLOW_{name.upper()}": value for name, value in variables.items()},
    }
    with subprocess.Popen(
        [sys.executable, "-m", *module], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "READY\n"
            yield process
        finally:
            process.kill()
