"""A department's worker process: `python -m workers.department finance`."""

import sys
from datetime import UTC, datetime
from functools import partial

from shared.broker import run_worker
from shared.catalogue import DefinitionError
from shared.department import Department
from shared.failures import bury_message
from shared.rulebook import Rulebook
from shared.runtime import Runtime
from workers.departments import declaration
from workers.process import Process, running

_AT_ONCE = 1
"""Batches in work in one process. With two, the one that kills it could not be told from its innocent neighbour; more
at once are more processes.
"""


def work(name: str) -> None:
    """Serve the department's queue until told to stop."""
    department = declaration(name)
    with running(name, partial(verify_own, department), hot=True) as process:
        runtime = Runtime(
            department=department,
            database=process.database,
            definitions=process.rulebook.definitions,
            policies=process.rulebook.policies,
            publish=process.publish,
            attempts=process.settings.attempts,
            overrides=process.rulebook.overrides,
            counters=process.counters,
        )
        run_worker(
            process.broker,
            name,
            runtime.handle,
            _AT_ONCE,
            lambda queue, raw, reason: _set_aside(process, queue, raw, reason),
            process.stop,
            process.settings.drain_seconds,
        )


def verify_own(department: Department, book: Rulebook) -> None:
    """Raises DefinitionError for steps of this department that it cannot do. Intake, which opens rounds, checks all."""
    faults = [
        f"{one.key}: step '{step.id}': {department.name} has no activity '{step.activity}'"
        for one in book.definitions.entries.values()
        for step in one.steps
        if step.department == department.name and step.activity not in department.activities
    ]
    if faults:
        raise DefinitionError(faults)


def _set_aside(process: Process, queue: str, raw: bytes, reason: str) -> None:
    bury_message(process.database, queue, raw, reason, datetime.now(UTC))


if __name__ == "__main__":
    work(sys.argv[1])
