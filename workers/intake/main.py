"""The intake process: `python -m workers.intake.main`. Consumes both upstream streams; commits, then acknowledges."""

import os
import socket
from functools import partial

from shared.settings import Settings
from shared.transport import Incoming, consume
from workers.departments import verify
from workers.intake.accept import accept_orders
from workers.intake.facts import accept_facts
from workers.intake.parse import Limits, Submission
from workers.intake.take import Accept, take
from workers.process import Process, beside, running

ORDERS, FACTS = "orders.submitted", "facts.reported"
GROUP = "orderflow"


def limits(settings: Settings) -> Limits:
    """What is refused unread."""
    return Limits(settings.max_body_bytes, settings.max_body_depth)


def work() -> None:
    """Serve both streams until told to stop."""
    with running("intake", verify, hot=True) as process:
        threads = [
            beside(process, stream, partial(_serve, process, stream, accept))
            for stream, accept in ((ORDERS, accept_orders), (FACTS, accept_facts))
        ]
        process.stop.wait()
        for thread in threads:
            thread.join()


def _serve(process: Process, stream: str, accept: Accept) -> None:
    def on_batch(incoming: list[Incoming]) -> None:
        submissions = [Submission(each.body, f"{stream} {each.id}") for each in incoming]
        rules = process.rulebook.current()
        take(process.database, process.publish, accept, submissions, limits(process.settings), rules)
        process.counters.handled += len(submissions)

    consume(
        process.settings.broker_url,
        stream,
        GROUP,
        f"{socket.gethostname()}-{os.getpid()}",
        process.settings.intake_batch,
        on_batch,
        process.stop,
    )


if __name__ == "__main__":
    work()
