"""A server process: how it is started, awaited and ended."""

import importlib.util
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from shared.embedded.folder import EmbeddedError, cap_log
from shared.embedded.privileges import Account, before_exec

READY_SECONDS = 120  # PostgreSQL replays up to 1 GB of log after a crash
KEEPS_MEMORY = {"MALLOC_TRIM_THRESHOLD_": "16777216", "MALLOC_MMAP_THRESHOLD_": "16777216"}
"""What a batch took is there for the next one: to give it back and ask again costs a tenth of all time (glibc)."""
CLEAN_ENVIRONMENT = {"LC_ALL": "C", **KEEPS_MEMORY}  # no PGDATA or PGOPTIONS of ours, and English messages


@dataclass(frozen=True, eq=False)
class Server:
    """A running server. It ends with the thread that started it, so start it from one that lives as long."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    log: Path
    ending: tuple[tuple[int, float], ...]  # signals from gentle to hard, and the seconds that each is given
    lock: ExitStack

    def stop(self) -> None:
        """End the server in order, with everything acknowledged on disk; by force if it takes too long."""
        for number, seconds in self.ending:
            self.process.send_signal(number)
            try:
                self.process.wait(seconds)
                break
            except subprocess.TimeoutExpired:
                continue
        self.lock.close()

    def __enter__(self) -> "Server":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def spawn(
    argv: list[str],
    directory: Path,
    log: Path,
    account: Account | None,
    on_parent_death: int,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own (the terminal's Ctrl-C does not reach it), its output in the log."""
    cap_log(log)
    with log.open("ab") as output:
        return subprocess.Popen(
            argv,
            cwd=directory,
            env=CLEAN_ENVIRONMENT,
            stdin=stdin,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=before_exec(account, on_parent_death),  # noqa: PLW1509 - it takes no lock and imports nothing
        )


def comes_up(process: subprocess.Popen[bytes], ready: Callable[[int], bool]) -> bool:
    """Wait until the process of that number is ready (True) or has ended (False); one that does neither is killed."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return False
        if ready(process.pid):
            return True
        time.sleep(0.02)
    process.kill()
    process.wait()
    return False


def package_directory(name: str) -> Path:
    """Where an installed package lies, found without importing it. Raises EmbeddedError where it is not installed."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise EmbeddedError(f"The package {name} is not installed.")
    return Path(spec.origin).parent
