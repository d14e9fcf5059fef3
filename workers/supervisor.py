"""Runs the processes of one machine: ordered start, readiness, restart with backoff, ordered stop, nothing orphaned.

A caller with signals and a terminal uses it like this:

    def on_signal(*_: object) -> None:
        if stop_event.is_set():
            supervisor.hurry()      # a second Ctrl-C ends the drain
        stop_event.set()

    with Supervisor(home / "logs") as supervisor:
        servers = supervisor.start([Child("servers", embedded.command(home))], stop_event)
        supervisor.start([Child("finance", …, env=…), …], stop_event)
        supervisor.wait(stop_event)

Every child sits in one thread that sleeps until it speaks or ends, so that a quiet system costs nothing.
"""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from shared.embedded.folder import explained
from shared.lifeline import environment_with_lifeline
from workers.nursery import Forked, Nursery

HEALTHY_SECONDS = 60.0
LONGEST_BACKOFF_SECONDS = 30.0
LOG_BYTES = 8 << 20
LINE_BYTES = 64 << 10

Process = subprocess.Popen[bytes] | Forked


@dataclass(frozen=True)
class Child:
    """A process to keep running. Once it can work it prints a line `READY …`; if it never can, `REFUSED <why>`."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)  # on top of ours
    grace_seconds: float = 25.0  # from SIGTERM to SIGKILL
    ready_seconds: float = 30.0
    nursery: Nursery | None = None  # forks it, so that it need not be started: argv is [python, "-m", module, …]
    pass_fds: Sequence[int] = ()


@dataclass(frozen=True)
class ChildState:
    """What a status board shows of one child."""

    name: str
    pid: int | None
    ready: bool
    restarts: int
    started_at: datetime | None
    last_line: str


class ChildFailed(Exception):
    """A child did not get ready when it was first started: its own reason in a sentence, or else its last lines."""


def backoff_seconds(failures: int) -> float:
    """How long to wait before the next start after so many quick deaths in a row."""
    return float(min(LONGEST_BACKOFF_SECONDS, 0.5 * 2 ** (failures - 1)))


class Supervisor:
    """Groups of children, started in order and stopped in the opposite order. Their logs are `<logs>/<name>.log`."""

    def __init__(self, logs: Path) -> None:
        with explained(logs):
            logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._logs = logs
        self._groups: list[list[_Kept]] = []
        self._draining: list[_Kept] = []
        self._lifeline, self._held_by_us = os.pipe()

    def start(self, group: Sequence[Child], stop_event: threading.Event) -> dict[str, str]:
        """Start a group and wait until all of it is ready; what each child said after READY, by name.

        Returns early when the stop event is set meanwhile. Raises ChildFailed, and EmbeddedError for an unusable log.
        """
        kept = [_Kept(child, CappedLog(self._logs / f"{child.name}.log"), self._lifeline) for child in group]
        self._groups.append(kept)
        for one in kept:
            one.thread.start()
        for one in kept:
            while not one.settled.wait(0.1):
                if stop_event.is_set():
                    return {}
            if not one.ready_once:
                raise ChildFailed(one.why_not_ready())
        return {one.child.name: one.answer for one in kept}

    def run(self, child: Child) -> None:
        """Run a child to its end, once; it says READY when all has gone well. Raises ChildFailed, and EmbeddedError."""
        log = CappedLog(self._logs / f"{child.name}.log")
        kept = _Kept(child, log, self._lifeline)
        kept.run_once()
        log.close()
        if not kept.ready_once:
            raise ChildFailed(kept.why_not_ready())

    def wait(self, stop_event: threading.Event) -> None:
        """Sleep until the caller is told to stop."""
        stop_event.wait()

    def states(self) -> list[ChildState]:
        """Every child as it is now, in the order in which they were started."""
        return [one.state() for group in self._groups for one in group]

    def hurry(self) -> None:
        """Kill the group that is draining now; the next group still gets its own time. For a signal handler."""
        for one in self._draining:
            one.kill()

    def stop(self) -> None:
        """Drain and end the last group first, so that the servers are there until the last worker has gone."""
        for group in reversed(self._groups):
            self._draining = group
            for one in group:
                one.begin_end()
            for one in group:
                one.finish_end()
        if self._held_by_us >= 0:
            os.close(self._held_by_us)
            os.close(self._lifeline)
            self._held_by_us = -1

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Kept:
    """One child and the thread that keeps it running."""

    def __init__(self, child: Child, log: "CappedLog", lifeline: int) -> None:
        self.child = child
        self.thread = threading.Thread(target=self._keep_running, name=child.name, daemon=True)
        self.settled = threading.Event()  # it has been ready, or ended before it ever was
        self.ready_once = False
        self.answer = ""
        self._log = log
        self._lifeline = lifeline
        self._lines: deque[str] = deque(maxlen=20)
        self._refusal = ""
        self._process: Process | None = None
        self._ready = False
        self._restarts = 0
        self._started_at: datetime | None = None
        self._ending = threading.Event()
        self._spawning = threading.Lock()
        self._end_by = 0.0

    def state(self) -> ChildState:
        process = self._process
        pid = process.pid if process is not None and process.returncode is None else None
        last_line = self._lines[-1] if self._lines else ""
        return ChildState(self.child.name, pid, self._ready, self._restarts, self._started_at, last_line)

    def why_not_ready(self) -> str:
        if self._refusal:
            return self._refusal
        said = "\n".join(f"  {line}" for line in self._lines) or "  (it said nothing)"
        return f"{self.child.name} did not get ready; the end of {self._log.path}:\n{said}"

    def begin_end(self) -> None:
        self._end_by = time.monotonic() + self.child.grace_seconds
        self._ending.set()
        with self._spawning:
            if self._process is not None:
                self._process.terminate()

    def finish_end(self) -> None:
        self.thread.join(max(0.0, self._end_by - time.monotonic()))
        if self.thread.is_alive():
            self.kill()
            self.thread.join()
        self._log.close()

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            _kill_group(self._process.pid)

    def _keep_running(self) -> None:
        failures = 0
        while not self._ending.is_set():
            began = time.monotonic()
            try:
                self.run_once()
            except Exception as error:  # noqa: BLE001 - whatever it is, nobody else would start the child again
                self._note(f"lost: {error!r}")
                self.kill()
            if not self.ready_once:
                break
            failures = 1 if time.monotonic() - began >= HEALTHY_SECONDS else failures + 1
            if not self._ending.wait(backoff_seconds(failures)):
                self._restarts += 1
        self.settled.set()

    def run_once(self) -> None:
        process = self._spawn()
        if process is None:
            return
        heard = threading.Event()  # READY, or the end of its output
        reader = threading.Thread(
            target=self._listen, args=(process, heard), name=f"{self.child.name}.out", daemon=True
        )
        reader.start()
        if not heard.wait(self.child.ready_seconds):
            self._note(f"not ready after {self.child.ready_seconds:g} s, killed")
            _kill_group(process.pid)
        code = process.wait()
        self._ready = False
        _kill_group(process.pid)  # what it may have started itself
        reader.join(1.0)
        self._note(f"ended with code {code}")

    def _spawn(self) -> Process | None:
        with self._spawning:
            if self._ending.is_set():
                return None
            try:
                self._process = self._fork(self.child.nursery) if self.child.nursery else self._popen()
            except OSError as error:
                self._note(f"cannot be started: {error}")
                return None
            self._started_at = datetime.now(UTC)
            return self._process

    def _fork(self, nursery: Nursery) -> Forked:
        return nursery.fork(
            self.child.name, self.child.argv, self.child.env, self.child.ready_seconds, self._ending.is_set
        )

    def _popen(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.child.argv,
            env=environment_with_lifeline({"PYTHONUNBUFFERED": "1", **self.child.env}, self._lifeline),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # the terminal's Ctrl-C is ours alone
            pass_fds=(self._lifeline, *self.child.pass_fds),
        )

    def _listen(self, process: Process, heard: threading.Event) -> None:
        assert process.stdout is not None
        with process.stdout as output:
            while raw := output.readline(LINE_BYTES):
                self._log.write(raw)
                line = raw.decode(errors="replace").rstrip()
                self._lines.append(line)
                word, _, rest = line.partition(" ")
                if word == "READY":
                    self.answer, self._ready, self.ready_once = rest, True, True
                    heard.set()
                    self.settled.set()
                elif word == "REFUSED":
                    self._refusal = rest
        heard.set()

    def _note(self, text: str) -> None:
        self._lines.append(text)
        self._log.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} supervisor: {text}\n".encode())


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # nobody is left in it


class CappedLog:
    """An append-only log that is set aside as `<name>.1` when it has grown too long."""

    def __init__(self, path: Path, limit_bytes: int = LOG_BYTES) -> None:
        self.path = path
        self._limit_bytes = limit_bytes
        self.lost_lines = 0
        with explained(path):
            self._file = path.open("ab", buffering=0)

    def write(self, line: bytes) -> None:
        """Append. On a full disk lines are counted and dropped, for a child whose output nobody takes would hang."""
        try:
            if self._file.tell() + len(line) > self._limit_bytes:
                self.path.replace(self.path.with_suffix(".log.1"))
                full, self._file = self._file, self.path.open("ab", buffering=0)
                full.close()
            if self.lost_lines:
                self._file.write(f"({self.lost_lines} lines could not be written)\n".encode())
                self.lost_lines = 0
            self._file.write(line)
        except (OSError, ValueError):  # ValueError: closed, while something that outlived its parent still speaks
            self.lost_lines += 1

    def close(self) -> None:
        self._file.close()
