"""What time does to documents: purge, lapse, the question about orders long overdue (APR-11, APR-14…16), reminders.

Each works through its orders a page and a transaction at a time, and passes by what somebody holds.
"""

from datetime import datetime

from shared import comments
from shared.calendar import BUSINESS_ZONE
from shared.lapse import START, lapse
from shared.policy import select
from shared.purge import purge
from shared.reminders import remind_of_payments, remind_of_receipts
from workers.process import Process
from workers.sales_review.customers import reclassify_daily

PAGE = 500


def purge_unreviewed(process: Process, now: datetime) -> int:
    """Documents that nobody has reviewed in time. Returns how many were purged."""
    rules, purged = process.rulebook.current(), 0
    while True:
        with process.database.transaction() as session:
            count, batches = purge(session, rules.definitions, rules.policies, now, PAGE, rules.overrides)
        process.publish(batches)
        purged += count
        if not count:
            return purged


def lapse_approvals(process: Process, now: datetime) -> int:
    """Approved orders of which nothing was made in time. Returns how many lapsed."""
    rules, lapsed = process.rulebook.current(), 0
    after: str | None = START
    while after is not None:
        with process.database.transaction() as session:
            after, count, batches = lapse(session, rules.definitions, rules.policies, now, after, PAGE, rules.overrides)
        process.publish(batches)
        lapsed += count
    return lapsed


def ask_for_comments(process: Process, now: datetime) -> int:
    """Orders at work long past their date; those finished meanwhile need none. Returns how many were asked about."""
    with process.database.transaction() as session:
        comments.close_finished(session, now)
    return _ask(process, now, returned=False)


def ask_creators_for_comments(process: Process, now: datetime) -> int:
    """Orders long past their date that are with their creators. It reads all orders. Returns how many."""
    return _ask(process, now, returned=True)


def _ask(process: Process, now: datetime, *, returned: bool) -> int:
    rules, asked = process.rulebook.current(), 0
    after: str | None = START
    while after is not None:
        with process.database.transaction() as session:
            after, count = comments.ask(
                session, rules.definitions, rules.policies, now, after, PAGE,
                returned=returned, overrides=rules.overrides,
            )  # fmt: skip
        asked += count
    return asked


def remind_customers(process: Process, now: datetime) -> int:
    """Of payments that are due, and of receipts to confirm (TRK-03). Returns how many letters were written."""
    definitions, written = process.rulebook.current().definitions, 0
    for remind in (remind_of_payments, remind_of_receipts):
        count = PAGE
        while count == PAGE:
            with process.database.transaction() as session:
                count = remind(session, definitions, now, PAGE)
            written += count
    return written


def classify_customers(process: Process, now: datetime) -> int:
    """Once a day by their sales (CRM-01), by the policy of that day. Returns how many have another class now."""
    policy = select(process.rulebook.current().policies, now.astimezone(BUSINESS_ZONE).date())
    with process.database.transaction() as session:
        return reclassify_daily(session, policy, now)
