"""The scheduler process: `python -m workers.scheduler.main`. Any number may run; one leads, the others stand by."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from shared.database import Leadership
from workers.process import AWAY, Process, every, running
from workers.scheduler.anchoring import anchor
from workers.scheduler.dates import mark_late, reopen_promises
from workers.scheduler.deadlines import (
    ask_creators_for_comments,
    ask_for_comments,
    classify_customers,
    lapse_approvals,
    purge_unreviewed,
    remind_customers,
)
from workers.scheduler.rescue import publish_due, rescue_held_by_the_dead, rescue_lost
from workers.scheduler.timers import mark_overdue, wake_due

Duty = Callable[[Process, datetime], int]
log = structlog.get_logger()

EVERY_TICK: tuple[Duty, ...] = (publish_due, wake_due, rescue_held_by_the_dead, rescue_lost, mark_overdue, anchor)
DEADLINES: tuple[Duty, ...] = (purge_unreviewed, lapse_approvals, ask_for_comments, reopen_promises, mark_late)
"""What is brought by the end of a day, and can wait a minute."""
SLOW: tuple[Duty, ...] = (ask_creators_for_comments, remind_customers, classify_customers)
DUTIES = (*EVERY_TICK, *DEADLINES, *SLOW)


def tick(process: Process, now: datetime, done: dict[Duty, datetime]) -> None:
    """One round of what is not resting; `done` says since when. Each duty is harmless to repeat, and one that fails
    keeps no other from its work.
    """
    chosen = process.settings
    rests = ((EVERY_TICK, 0.0), (DEADLINES, chosen.deadlines_seconds), (SLOW, chosen.slow_duties_seconds))
    for duty, rest in [(duty, rest) for duties, rest in rests for duty in duties]:
        if duty in done and now - done[duty] < timedelta(seconds=rest):
            continue
        done[duty] = now
        try:
            process.counters.handled += duty(process, now)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the others have theirs to do, and it is tried again
            log.error("duty.failed", duty=duty.__name__, error=repr(error))


def work() -> None:
    """Lead, or stand by until the leader is gone."""
    with running("scheduler") as process:
        leadership: list[Leadership] = []
        done: dict[Duty, datetime] = {}

        def lead() -> None:
            if leadership and not leadership[0].holds():
                leadership.clear()
            if not leadership and (gained := process.database.lead("scheduler")):
                leadership.append(gained)
            if leadership:
                tick(process, datetime.now(UTC), done)

        every(process.settings.scheduler_tick_seconds, process.stop, "schedule", lead)


if __name__ == "__main__":
    work()
