"""The scheduler process: `python -m workers.scheduler.main`. Any number may run; one leads, the others stand by."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from shared.database import Leadership
from workers.process import Process, every, running
from workers.scheduler.anchoring import anchor
from workers.scheduler.deadlines import (
    ask_creators_for_comments,
    ask_for_comments,
    lapse_approvals,
    purge_unreviewed,
)
from workers.scheduler.rescue import publish_due, rescue_held_by_the_dead, rescue_lost
from workers.scheduler.timers import mark_overdue, wake_due

Duty = Callable[[Process, datetime], int]

DUTIES: Mapping[Duty, timedelta] = {
    publish_due: timedelta(0),
    wake_due: timedelta(0),
    rescue_held_by_the_dead: timedelta(0),
    rescue_lost: timedelta(0),
    mark_overdue: timedelta(0),
    anchor: timedelta(0),
    purge_unreviewed: timedelta(minutes=1),
    lapse_approvals: timedelta(minutes=1),
    ask_for_comments: timedelta(minutes=1),
    ask_creators_for_comments: timedelta(hours=1),
}
"""How long each duty rests after it was done. Days end once a day: what they bring can wait a minute."""


def tick(process: Process, now: datetime, done: dict[Duty, datetime]) -> None:
    """One round of what is not resting; `done` says since when. Each duty is harmless to repeat."""
    for duty, rest in DUTIES.items():
        if duty not in done or now - done[duty] >= rest:
            process.counters.handled += duty(process, now)
            done[duty] = now


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

        every(process.settings.scheduler_tick_seconds, process.stop, lead)


if __name__ == "__main__":
    work()
