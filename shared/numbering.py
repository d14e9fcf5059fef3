"""Document numbers such as SO-20261123-000042: one counter per kind and business day, gaps allowed, never reused."""

from datetime import datetime

from shared.calendar import BUSINESS_ZONE
from shared.database import Session

_TAKE = """
insert into core.numbers as n (kind, day, last) values (%s, %s, %s)
on conflict (kind, day) do update set last = n.last + excluded.last
returning last
"""


def take(session: Session, kind: str, now: datetime, count: int) -> list[str]:
    """`count` new numbers of `kind` (`SO`, `DN`, `INV` …) for the business day of `now` (ENT-05). One round trip.

    The counter stays locked until the transaction ends, so ask as late as possible.
    """
    if not count:
        return []
    day = now.astimezone(BUSINESS_ZONE).date()
    found = session.row(_TAKE, kind, day, count)
    assert found is not None, "an upsert always returns its row"
    last: int = found[0]
    return [f"{kind}-{day:%Y%m%d}-{number:06d}" for number in range(last - count + 1, last + 1)]
