"""The floor: what the database takes for the same rows when one client has nothing else to do.

No broker, no rules, no reading, no locks, no moves: every order is inserted as it is when it is finished, 256 to a
transaction, each table in one statement, with the same indexes and the same durability. No design can be faster.
"""

import time

from shared.database import Database, array
from workers.bench.copies import AT_ONCE, finished_orders, new_ids, read, renewed, shapes
from workers.bench.usage import Speed, cpu_seconds, cpu_since
from workers.system import System


def run(system: System, database: Database, orders: int) -> Speed:
    """Needs a few finished orders in the tables, whose rows are inserted again under new ids."""
    with database.transaction() as session:
        models = finished_orders(session)
        tables = [read(session, shape, models) for shape in shapes(session, models[0])]
    batches = []
    for _ in range(max(1, orders // AT_ONCE)):
        ids = new_ids(models)
        batches.append([(rows.insert, renewed(rows, ids, "floor")) for rows in tables])
    before, ours = cpu_seconds(system), time.process_time()
    started = time.monotonic()
    for batch in batches:
        with database.transaction() as session:
            for insert, columns in batch:
                session.write(insert, *[array(column) for column in columns])
    seconds = time.monotonic() - started
    cpu = cpu_since(system, before) | {"client": time.process_time() - ours}
    return Speed(len(batches) * len(models), seconds, cpu)
