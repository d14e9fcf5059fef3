"""Embedded PostgreSQL 18 and Valkey 9: the programs inside their wheels, run durably on folders under one home.

`home/postgres` and `home/valkey` belong to the servers; whoever runs the whole system holds `home` itself (`held`).
Everything in this package imports only the standard library, so that the process which runs the servers stays small.
"""

import sys
from pathlib import Path

from shared.embedded import postgres, valkey
from shared.embedded.folder import EmbeddedError, held, living
from shared.embedded.postgres import start_postgres
from shared.embedded.process import KEEPS_MEMORY, Server
from shared.embedded.valkey import start_valkey

__all__ = [
    "KEEPS_MEMORY",
    "START_SECONDS",
    "EmbeddedError",
    "Server",
    "command",
    "held",
    "running_urls",
    "start_postgres",
    "start_valkey",
]

START_SECONDS = (
    240.0  # what `command` may take to be ready after a crash under full load; a fraction of a second as a rule
)


def command(home: Path, port: int | None = None) -> list[str]:
    """The command line of the process that runs both servers in `home`, Valkey on `port` (None: any free one).

    It prints `READY <database url> <broker url>`, or `REFUSED <sentence>` and ends with exit code 1.
    """
    return [sys.executable, "-m", "shared.embedded", str(home.resolve()), *([] if port is None else [str(port)])]


def running_urls(home: Path) -> tuple[str, str]:
    """Database and broker URL of the servers that run in `home`. Raises EmbeddedError where there are none."""
    home = home.resolve()
    if living(postgres.pid_file(home / "postgres"), "postgres") and living(
        valkey.pid_file(home / "valkey"), "valkey-server"
    ):
        return postgres.url_of(home / "postgres"), valkey.url_of(home / "valkey")
    raise EmbeddedError(f"No servers are running in {home}.")
