"""The scheduler process: `python -m workers.scheduler.main`. Any number may run; one leads, the others stand by."""

from datetime import UTC, datetime

from shared.database import Leadership
from workers.process import Process, every, running
from workers.scheduler.rescue import publish_due, rescue_held_by_the_dead, rescue_lost
from workers.scheduler.timers import mark_overdue, wake_due

DUTIES = (publish_due, wake_due, rescue_held_by_the_dead, rescue_lost, mark_overdue)


def tick(process: Process, now: datetime) -> None:
    """One round of everything. Each duty is its own transaction and harmless to repeat."""
    for duty in DUTIES:
        process.counters.handled += duty(process, now)


def work() -> None:
    """Lead, or stand by until the leader is gone."""
    with running("scheduler") as process:
        leadership: list[Leadership] = []

        def lead() -> None:
            if leadership and not leadership[0].holds():
                leadership.clear()
            if not leadership and (gained := process.database.lead("scheduler")):
                leadership.append(gained)
            if leadership:
                tick(process, datetime.now(UTC))

        every(process.settings.scheduler_tick_seconds, process.stop, lead)


if __name__ == "__main__":
    work()
