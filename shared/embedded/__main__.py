"""`python -m shared.embedded HOME [PORT]`: run both servers until the lifeline closes or SIGTERM comes."""

import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from shared.embedded import EmbeddedError, Server, start_postgres, start_valkey
from shared.embedded.folder import cap_log
from shared.lifeline import watch_lifeline

SUCCESSION_SECONDS = 10  # how long the servers of a predecessor that was killed may take to end
STEADY_SECONDS = 10  # a server that dies sooner than this after its start is given a pause before the next
PAUSE_SECONDS = 1
LOG_CHECK_SECONDS = 600

Endings = queue.SimpleQueue[str | None]  # a name: that server has ended; None: stop


def main(home: Path, port: int | None) -> int:
    """Run both servers; one that dies is started again, alone. Returns the exit code."""
    endings: Endings = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: endings.put(None))
    watch_lifeline(grace_seconds=30)
    starts: dict[str, Callable[[], Server]] = {
        "postgres": lambda: start_postgres(home / "postgres", SUCCESSION_SECONDS),
        "valkey": lambda: start_valkey(home / "valkey", port, SUCCESSION_SECONDS),
    }
    servers: dict[str, Server] = {}
    try:
        for name, start in starts.items():
            servers[name] = _start_watched(name, start, endings)
        print("READY", *(server.url for server in servers.values()), flush=True)
        _keep_running(servers, starts, endings)
    except EmbeddedError as error:
        print("REFUSED", error, flush=True)
        return 1
    finally:
        for server in servers.values():
            server.stop()
    return 0


def _start_watched(name: str, start: Callable[[], Server], endings: Endings) -> Server:
    server = start()

    def report_end() -> None:
        server.process.wait()
        endings.put(name)

    threading.Thread(target=report_end, name=name, daemon=True).start()
    return server


def _keep_running(servers: dict[str, Server], starts: dict[str, Callable[[], Server]], endings: Endings) -> None:
    started = dict.fromkeys(servers, time.monotonic())
    while True:
        try:
            name = endings.get(timeout=LOG_CHECK_SECONDS)
        except queue.Empty:
            for server in servers.values():
                cap_log(server.log)
            continue
        if name is None:
            return
        dead = servers.pop(name)
        dead.stop()
        print(f"{dead.name} ended with code {dead.process.returncode}", flush=True)
        if time.monotonic() - started[name] < STEADY_SECONDS:
            time.sleep(PAUSE_SECONDS)
        servers[name] = _start_watched(name, starts[name], endings)
        started[name] = time.monotonic()
        print(f"{dead.name} is running again", flush=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None))
