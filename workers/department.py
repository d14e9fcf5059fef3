"""A department's worker process: `python -m workers.department finance`."""

import sys
from datetime import UTC, datetime

from shared import definitions, policy
from shared.broker import run_worker
from shared.catalogue import Catalogue, DefinitionError
from shared.department import Department
from shared.failures import bury_message
from shared.processes import Definition
from shared.runtime import Runtime
from workers.departments import declaration
from workers.process import Process, refusing, running


def work(name: str) -> None:
    """Serve the department's queue until told to stop."""
    department = declaration(name)
    with refusing():
        processes, policies = definitions.load(), policy.load()
        _verify_own(department, processes)
    with running(name, hot=True) as process:
        runtime = Runtime(
            department=department,
            database=process.database,
            definitions=processes,
            policies=policies,
            publish=process.publish,
            attempts=process.settings.attempts,
            counters=process.counters,
        )
        run_worker(
            process.broker,
            name,
            runtime.handle,
            process.settings.threads,
            lambda queue, raw, reason: _set_aside(process, queue, raw, reason),
            process.stop,
            process.settings.drain_seconds,
        )


def _verify_own(department: Department, processes: Catalogue[Definition]) -> None:
    """Raises DefinitionError for steps of this department that it cannot do. Intake, which opens rounds, checks all."""
    faults = [
        f"{one.key}: step '{step.id}': {department.name} has no activity '{step.activity}'"
        for one in processes.entries.values()
        for step in one.steps
        if step.department == department.name and step.activity not in department.activities
    ]
    if faults:
        raise DefinitionError(faults)


def _set_aside(process: Process, queue: str, raw: bytes, reason: str) -> None:
    bury_message(process.database, queue, raw, reason, datetime.now(UTC))


if __name__ == "__main__":
    work(sys.argv[1])
