"""What time does to promised delivery dates: goods that are expected too late for them (LOG-08), or have not left by
then (LOG-11).
"""

from datetime import datetime

from shared.runtime import wake_orders
from workers.logistics import lateness, promises
from workers.process import Process

PAGE = 500


def reopen_promises(process: Process, now: datetime) -> int:
    """Dates that cannot be kept any more are proposed anew, and confirmed again. Returns how many."""
    reopened = 0
    while True:
        with process.database.transaction() as session:
            keys = promises.reopen(session, now, PAGE)
            batches = wake_orders(session, keys, now)
        process.publish(batches)
        reopened += len(keys)
        if len(keys) < PAGE:
            return reopened


def mark_late(process: Process, now: datetime) -> int:
    """Orders that have not left by the promised day. Returns how many were marked."""
    marked = 0
    while True:
        with process.database.transaction() as session:
            count = lateness.mark(session, now, PAGE)
        marked += count
        if count < PAGE:
            return marked
