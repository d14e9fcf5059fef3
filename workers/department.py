"""A department's worker process: `python -m workers.department finance`."""

import gc
import sys
from datetime import UTC, datetime

from shared import definitions, policy
from shared.broker import run_worker
from shared.failures import bury_message
from shared.runtime import Runtime
from workers.departments import declaration
from workers.process import Process, running


def work(name: str) -> None:
    """Serve the department's queue until told to stop."""
    department = declaration(name)
    with running(name, hot=True) as process:
        runtime = Runtime(
            department=department,
            database=process.database,
            definitions=definitions.load(),
            policies=policy.load(),
            publish=process.publish,
            attempts=process.settings.attempts,
            counters=process.counters,
        )
        _spare_the_collector()
        run_worker(
            process.broker,
            name,
            runtime.handle,
            process.settings.threads,
            lambda queue, raw, reason: _set_aside(process, queue, raw, reason),
            process.stop,
            process.settings.drain_seconds,
        )


def _set_aside(process: Process, queue: str, raw: bytes, reason: str) -> None:
    bury_message(process.database, queue, raw, reason, datetime.now(UTC))


def _spare_the_collector() -> None:
    # A batch makes tens of thousands of objects without cycles; what was imported is never garbage.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


if __name__ == "__main__":
    work(sys.argv[1])
