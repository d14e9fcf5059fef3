"""Wait for a condition with a deadline, never for a fixed time; do several things at once."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], *, seconds: float = 10.0, what: str = "the condition") -> T:
    """The first true value of `condition`. Fails, naming `what`, when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what}; last value: {value!r}")
        time.sleep(0.02)


def at_once(*work: Callable[[], object], seconds: float = 60.0) -> None:
    """Run all of it in threads that begin together. Fails with what any of them raised."""
    barrier = threading.Barrier(len(work))
    failed: list[BaseException] = []

    def run(one: Callable[[], object]) -> None:
        try:
            barrier.wait(seconds)
            one()
        except BaseException as error:  # noqa: BLE001 - raised below
            failed.append(error)

    threads = [threading.Thread(target=run, args=(one,), daemon=True) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
    if failed:
        raise failed[0]
    assert not any(thread.is_alive() for thread in threads)
