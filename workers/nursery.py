"""The nursery: one process imports what every worker needs and forks the workers, which so share it in memory and are
there in milliseconds. This file is both its ends; the one that asks loads nothing but the standard library.

It has one thread, no settings, no connection and no signal handler, so that what it forks is as good as a fresh
interpreter. With every request come two descriptors: where the child writes, and a socket for reports. On it the child
says who it is and hands over its pidfd, and the nursery says in the end with which code it exited. So a nursery that
dies takes nobody with it: its children are followed by their pidfds, and the next nursery finds the requests that wait.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import selectors
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

UNKNOWN_CODE = 256  # how a process ended whose nursery died before it
_REQUEST_BYTES = 64 << 10
_LOOK_SECONDS = 0.2

Request = dict[str, Any]


@contextlib.contextmanager
def opened_nursery() -> Iterator["Nursery | None"]:
    """A nursery; None where there can be none: not on Linux, or in a sandbox without pidfds."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        yield None
        return
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield Nursery(ours, theirs)


class Nursery:
    """The asking end. Both ends of its socket stay open here, so that a nursery can be replaced by another."""

    def __init__(self, ours: socket.socket, theirs: socket.socket) -> None:
        self._ours = ours
        self._theirs = theirs

    @property
    def descriptor(self) -> int:
        """The end that the nursery process inherits."""
        return self._theirs.fileno()

    def command(self, modules: Sequence[str]) -> list[str]:
        """Its command line; it says READY when it has imported the modules."""
        return [sys.executable, "-m", "workers.nursery", str(self.descriptor), *modules]

    def fork(
        self, name: str, command: Sequence[str], env: Mapping[str, str], seconds: float, unwanted: Callable[[], bool]
    ) -> "Forked":
        """What Popen would start as [python, "-m", module, …]: a process that calls the module's function `work` with
        the rest of the command, under the nursery's environment and `env`.

        Raises OSError when there is none after so many seconds, or as soon as it is `unwanted`.
        """
        module, *arguments = command[2:]
        request = {"name": name, "module": module, "arguments": arguments, "env": dict(env)}
        with contextlib.ExitStack() as undo:
            output, childs_output = os.pipe()
            undo.callback(os.close, output)
            report, childs_report = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            undo.callback(report.close)
            with childs_report, os.fdopen(childs_output, "wb"):
                descriptors = [childs_output, childs_report.fileno()]
                socket.send_fds(self._ours, [json.dumps(request).encode()], descriptors)
            deadline = time.monotonic() + seconds
            while not _readable(report.fileno(), _LOOK_SECONDS):
                if unwanted() or time.monotonic() >= deadline:
                    raise TimeoutError("the nursery did not answer")
            said, descriptors, _, _ = socket.recv_fds(report, 32, 1)
            if not descriptors:
                raise ChildProcessError("the nursery, or the process at its birth, died")
            undo.callback(os.close, descriptors[0])
            report.send(b"go")
            undo.pop_all()
            return Forked(int(said), descriptors[0], report, output)


class Forked:
    """A process that a nursery has forked, to be treated like a Popen; `wait` is for one thread."""

    def __init__(self, pid: int, pidfd: int, report: socket.socket, output: int) -> None:
        self.pid = pid
        self.stdout = os.fdopen(output, "rb")
        self.returncode: int | None = None
        self._pidfd = pidfd
        self._report = report
        self._closing = threading.Lock()

    def wait(self) -> int:
        """Its exit code, when it has ended; a signal's number is negative."""
        if self.returncode is None:
            try:
                said = self._report.recv(32)
            except ConnectionError:
                said = b""
            if not said:  # the nursery has died
                _readable(self._pidfd)
            with self._closing:
                self.returncode = int(said or UNKNOWN_CODE)
                os.close(self._pidfd)
                self._report.close()
        return self.returncode

    def poll(self) -> int | None:
        """Its exit code, if somebody has waited for it."""
        return self.returncode

    def terminate(self) -> None:
        """Send SIGTERM, unless it has ended."""
        with self._closing, contextlib.suppress(ProcessLookupError):
            if self.returncode is None:
                signal.pidfd_send_signal(self._pidfd, signal.SIGTERM)


def _readable(descriptor: int, seconds: float | None = None) -> bool:
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(None if seconds is None else 1000 * seconds))


# --- the nursery itself -----------------------------------------------------------------------------------------------


def main(descriptor: int, modules: Sequence[str]) -> None:
    """Import, then fork until the one who asks has gone. In a child, this is where its life begins and ends."""
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # no collection, in no child, writes to what was imported, so that it stays shared
    print("READY", flush=True)
    with socket.socket(fileno=descriptor) as requests:
        request = _fork_on_request(requests)
    if request:
        importlib.import_module(request["module"]).work(*request["arguments"])


def _fork_on_request(requests: socket.socket) -> Request | None:
    """Returns in every child its request, and in the nursery None when nobody can ask any more."""
    selector = selectors.PollSelector()  # not epoll, whose state a child would share
    selector.register(requests, selectors.EVENT_READ)
    children: dict[int, tuple[int, int]] = {}  # pidfd → pid, report
    while True:
        for key, _ in selector.select():
            if key.fileobj is not requests:
                selector.unregister(key.fd)
                _report_end(key.fd, *children.pop(key.fd))
                continue
            message, descriptors, _, _ = socket.recv_fds(requests, _REQUEST_BYTES, 2)
            if not message:
                return None
            output, report = descriptors
            pid = os.fork()
            if pid == 0:
                for pidfd, (_, others_report) in children.items():
                    os.close(pidfd)
                    os.close(others_report)
                request: Request = json.loads(message)
                _begin(request, output, report)
                return request
            os.close(output)
            pidfd = os.pidfd_open(pid)
            children[pidfd] = pid, report
            selector.register(pidfd, selectors.EVENT_READ)


def _report_end(pidfd: int, pid: int, report: int) -> None:
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(OSError):  # nobody listens: it was not wanted any more
        os.write(report, b"%d" % os.waitstatus_to_exitcode(status))
    os.close(report)
    os.close(pidfd)


def _begin(request: Request, output: int, report: int) -> None:
    """Become a process of its own, say so, and go on if whoever asked for it is still there."""
    os.setsid()
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    with socket.socket(fileno=report) as line:
        socket.send_fds(line, [b"%d" % os.getpid()], [pidfd := os.pidfd_open(os.getpid())])
        os.close(pidfd)
        if not line.recv(2):
            sys.exit("whoever asked for this process has gone")
    os.environ.update(request["env"])
    Path("/proc/self/comm").write_text(request["name"])  # what ps and top show


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
