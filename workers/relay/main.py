"""The relay process: `python -m workers.relay.main`. Sends the outbox in order; one leads, the others stand by.

An event is sent at least once: it leaves the outbox in the transaction during which it was sent. Its id stays the same.
"""

import psycopg

from shared.database import CommitUnknown, Leadership
from shared.outage import Outage
from shared.queues import BrokerUnavailable
from shared.transport import Connection, connect, publish
from workers.process import Process, running
from workers.relay import letters

STREAM = "orderflow.events"
_TRANSACTIONS = 4  # of at most some hundred events each
_SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 0.25
_STANDBY_SECONDS = 1.0


def relay_once(process: Process, connection: Connection) -> int:
    """Send what a few transactions left; returns how many events. Raises `BrokerUnavailable`: nothing was taken out."""
    with process.database.transaction() as session:
        rows = session.rows(_TAKE, _TRANSACTIONS)
        bodies = [event.encode() for _, events in sorted(rows) for event in events.split("\n")]
        publish(connection, STREAM, bodies, maxlen=process.settings.events_kept)
    process.counters.handled += len(bodies)
    return len(bodies)


def work() -> None:
    """Lead, or stand by until the leader is gone."""
    outage = Outage({"duty": "relay"})
    with running("relay", hot=True) as process, connect(process.settings.broker_url) as connection:
        letters.start(process)
        while not process.stop.is_set():
            try:
                leadership = process.database.lead("relay")
                outage.over()
            except psycopg.OperationalError as error:
                outage.noticed(error)
                leadership = None
            if leadership is None:
                process.stop.wait(_STANDBY_SECONDS)
                continue
            _lead(process, connection, leadership, outage)


def _lead(process: Process, connection: Connection, leadership: Leadership, outage: Outage) -> None:
    pause = _SHORTEST_PAUSE_SECONDS
    while not process.stop.is_set():
        try:
            sent = relay_once(process, connection) if leadership.finds(_WAITING) else 0
            outage.over()
        except BrokerUnavailable as error:
            outage.noticed(error)
            process.stop.wait(_STANDBY_SECONDS)
            continue
        except (psycopg.OperationalError, CommitUnknown) as error:
            outage.noticed(error)
            break
        pause = _SHORTEST_PAUSE_SECONDS if sent else min(2 * pause, _LONGEST_PAUSE_SECONDS)
        if not sent:
            process.stop.wait(pause)
    leadership.resign()


_WAITING = "select 1 from core.outbox order by id limit 1"
_TAKE = """
delete from core.outbox where id in (select id from core.outbox order by id limit %s)
returning id, events
"""

if __name__ == "__main__":
    work()
