"""The route: orders on the upstream stream, through intake and six departments, into the archive."""

import json
import time
from collections.abc import Callable, Sequence
from statistics import quantiles

from shared.broker import Broker
from shared.database import Database, array
from workers.bench.usage import Speed, cpu_seconds, cpu_since
from workers.system import System

STREAM = "orders.submitted"
_POLL_SECONDS = 0.05
_STUCK_SECONDS = 30.0


class Stuck(Exception):
    """The orders do not arrive; says where they are."""


def run(system: System, database: Database, broker: Broker, bodies: Sequence[bytes]) -> Speed:
    """From the first XADD until the last order is archived; its cost, until the last event has been sent as well.

    Raises `Stuck`.
    """
    connection = broker.client.connection_pool.get_connection()
    commands = [("XADD", STREAM, "*", "body", body) for body in bodies]
    packed = connection.pack_commands(commands)  # type: ignore[no-untyped-call]
    before, archived = cpu_seconds(system), count_archived(database)
    started = time.monotonic()
    connection.send_packed_command(packed)  # type: ignore[no-untyped-call]
    for _ in bodies:
        connection.read_response()
    broker.client.connection_pool.release(connection)
    await_archived(database, archived + len(bodies))
    seconds = time.monotonic() - started
    _await(lambda: -_count(database, _UNSENT), 0, database)
    return Speed(len(bodies), seconds, cpu_since(system, before))


def latencies_ms(database: Database, broker: Broker, bodies: Sequence[bytes], rate: float) -> tuple[float, float]:
    """Median and 99th percentile of the time from XADD to the event that archived the order, at so many per second.

    The event's time is taken when its batch begins, so that the commit, one write to the disk, is not in it.
    """
    archived = count_archived(database)
    sent: dict[str, float] = {}
    ids = [json.loads(body)["external_id"] for body in bodies]
    began = time.monotonic()
    for place, (external_id, body) in enumerate(zip(ids, bodies, strict=True)):
        time.sleep(max(0.0, began + place / rate - time.monotonic()))
        sent[external_id] = time.time()
        broker.client.xadd(STREAM, {"body": body})
    await_archived(database, archived + len(bodies))
    with database.transaction() as session:
        rows = session.rows(_ARRIVALS, array(ids))
    found = [1000 * (float(at) - sent[external_id]) for external_id, at in rows]
    cuts = quantiles(found, n=100, method="inclusive")
    return cuts[49], cuts[98]


def count_archived(database: Database) -> int:
    """From the customers' profiles, which are few rows however many orders there are."""
    return _count(database, "select coalesce(sum(archived_orders), 0)::bigint from after_sales.profiles")


def await_archived(database: Database, wanted: int) -> None:
    """Look until so many are archived. Raises `Stuck`."""
    _await(lambda: count_archived(database), wanted, database)


def _await(count: Callable[[], int], wanted: int, database: Database) -> None:
    before, moved = count(), time.monotonic()
    while (now := count()) < wanted:
        if now != before:
            before, moved = now, time.monotonic()
        elif time.monotonic() - moved > _STUCK_SECONDS:
            raise Stuck(f"{wanted - now} of the orders do not move; there are {_standings(database)}")
        time.sleep(_POLL_SECONDS)


def _count(database: Database, sql: str) -> int:
    with database.transaction() as session:
        return int(session.rows(sql)[0][0])


def _standings(database: Database) -> str:
    with database.transaction() as session:
        found = session.rows(_STANDINGS)
    return ", ".join(f"{count} {what}" for what, count in found)


_UNSENT = "select count(*) from core.outbox"
_ARRIVALS = """
select h.external_id, extract(epoch from e.at) from core.order_headers h
join core.events e on e.order_id = h.order_id and e.state = 'archived'
where h.source = 'bench' and h.external_id = any(%s::text[])
"""
_STANDINGS = """
select state, count(*) from core.orders group by state
union all select 'refusals', count(*) from core.refusals
union all select 'open tasks', count(*) from core.user_tasks where status = 'open'
union all select 'dead letters', count(*) from core.dead_letters where resolution is null
"""
