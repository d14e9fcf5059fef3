"""Nothing is orphaned: a pipe whose only writer is the parent tells its children that it has gone, however it died."""

import os
import signal
import threading
import time
from collections.abc import Mapping

LIFELINE_VARIABLE = "ORDERFLOW_LIFELINE"


def environment_with_lifeline(extra: Mapping[str, str], descriptor: int) -> dict[str, str]:
    """This process's environment, `extra`, and the name of the lifeline, which goes into Popen's pass_fds."""
    return {**os.environ, **extra, LIFELINE_VARIABLE: str(descriptor)}


def watch_lifeline(grace_seconds: float = 3.0) -> None:
    """End this process when its parent has gone: SIGTERM to itself, and a hard exit after the grace.

    Call it once, early, from the main thread. Without a lifeline in the environment it does nothing.
    """
    # Taken out of the environment, so that a grandchild never reads a descriptor which in it is something else.
    named = os.environ.pop(LIFELINE_VARIABLE, None)
    if named is None:
        return
    descriptor = int(named)
    os.set_inheritable(descriptor, False)
    threading.Thread(target=_end_with_parent, args=(descriptor, grace_seconds), name="lifeline", daemon=True).start()


def _end_with_parent(descriptor: int, grace_seconds: float) -> None:
    os.read(descriptor, 1)  # nobody writes: it returns when the last writer is gone
    main_thread = threading.main_thread().ident
    if main_thread is not None:
        signal.pthread_kill(main_thread, signal.SIGTERM)  # to the main thread, so that it wakes from what it waits for
    time.sleep(grace_seconds)
    os._exit(1)
