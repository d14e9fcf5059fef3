"""A folder in which one server works: who holds it, who works in it, whether there is room, and the log in it."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.embedded.privileges import Account, account_for

MINIMUM_FREE_BYTES = 256 << 20  # a fresh database takes 50 MB, its write-ahead log grows to 1 GB under load
LOG_BYTES = 8 << 20


class EmbeddedError(Exception):
    """Why a server cannot run, as one sentence for the person who started it."""


@contextmanager
def held(directory: Path, occupant: str, patience_seconds: float = 0.0) -> Iterator[None]:
    """Make the folder ours alone, by a lock that the kernel releases when this process ends, however it ends.

    Raises EmbeddedError when the folder cannot be written, or when `occupant` is there already and stays.
    """
    deadline = time.monotonic() + patience_seconds
    with explained(directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (directory / "lock").open("a+")
    with lock:
        while not _try_lock(lock.fileno()):
            if time.monotonic() >= deadline:
                lock.seek(0)
                raise EmbeddedError(f"{occupant} is already running in {directory} (process {lock.read()}).")
            time.sleep(0.05)
        with explained(directory):
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def explained(directory: Path) -> Iterator[None]:
    """Turn what the operating system says about a folder into a sentence."""
    try:
        yield
    except OSError as error:
        raise EmbeddedError(f"The folder {directory} cannot be used: {error.strerror or error}.") from error


def settle(directory: Path) -> Account | None:
    """See that there is room, and give the folder to the account that will work in it, which is returned."""
    volume = os.statvfs(directory)
    free = volume.f_bavail * volume.f_frsize
    if free < MINIMUM_FREE_BYTES:
        needed = MINIMUM_FREE_BYTES >> 20
        raise EmbeddedError(f"The disk that holds {directory} has {free >> 20} MB left; {needed} MB are needed.")
    try:
        account = account_for(directory)
    except KeyError as error:
        raise EmbeddedError("Servers do not run as root, and there is no account `nobody` to run them as.") from error
    make_private(directory, account)
    return account


def make_private(directory: Path, account: Account | None) -> None:
    """Make the folder if need be, and let nobody but that account (None: ours) and root enter it."""
    directory.mkdir(mode=0o700, exist_ok=True)
    owner = directory.lstat().st_uid
    if directory.is_symlink() or owner not in {os.geteuid(), account.user if account else os.geteuid()}:
        raise EmbeddedError(f"The folder {directory} belongs to another user.")
    directory.chmod(0o700)
    if account is not None:
        os.chown(directory, account.user, account.group)


def living(pid_file: Path, program: str) -> int | None:
    """The process that a pid file names, if it is alive and is that program (files are left behind, numbers reused)."""
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
        os.kill(pid, 0)
        if Path("/proc/self").exists():
            argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            return pid if Path(os.fsdecode(argv[0])).name == program else None
    except (FileNotFoundError, ValueError, ProcessLookupError, PermissionError):
        return None
    return pid


def await_predecessor(pid_file: Path, program: str, patience_seconds: float) -> None:
    """Wait for a server whose parent was killed to end, as the kernel told it to; one that stays is somebody else's."""
    deadline = time.monotonic() + patience_seconds
    while (pid := living(pid_file, program)) is not None:
        if time.monotonic() >= deadline:
            raise EmbeddedError(f"Another {program} (process {pid}) is using {pid_file.parent}; stop it first.")
        time.sleep(0.05)


def log_size(log: Path) -> int:
    """Bytes in a log, 0 if there is none yet."""
    return log.stat().st_size if log.exists() else 0


def cap_log(log: Path) -> None:
    """Set a log that has grown too long aside as `<name>.1`; its writers append, so emptying it under them is safe."""
    if log_size(log) > LOG_BYTES:
        from shutil import copyfile  # late: it loads three compression libraries

        copyfile(log, log.with_suffix(log.suffix + ".1"))
        os.truncate(log, 0)


def said_since(log: Path, position: int) -> str:
    """What was logged after that many bytes."""
    with log.open("rb") as text:
        text.seek(position)
        return text.read().decode(errors="replace")


def why_not_started(name: str, log: Path, said: str) -> EmbeddedError:
    """The error that names the reason which a server gave in its log."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if "No space left on device" in said:
        return EmbeddedError(f"The disk that holds {log.parent} is full.")
    telling = [line for line in lines if any(word in line for word in ("FATAL", "PANIC", "rror", "atal", "could not"))]
    last = (telling or lines or ["it was not ready in time"])[-1]
    last = last.split("FATAL:  ")[-1].split(" # ")[-1]  # without time stamp and process number
    return EmbeddedError(f"{name} did not start: {last.rstrip('.')}; its log is {log}.")
