"""Purge (清除, APR-14, APR-15): documents that nobody has reviewed in time leave work for good. Their records stay.

The clock is the round's: it starts again with a resubmission, and stands still while the creator has the document.
"""

from datetime import datetime

from messages.batch import Batch
from shared.calendar import NO_OVERRIDES, Overrides, begun_before, deadline
from shared.catalogue import Catalogue
from shared.database import Session, columns
from shared.department import finding
from shared.history import SYSTEM, Kind
from shared.journal import Journal, as_data
from shared.policy import Policy
from shared.processes import Definition
from shared.standings import read_standings
from shared.states import State
from shared.words import moment


def purge(
    session: Session,
    definitions: Catalogue[Definition],
    policies: Catalogue[Policy],
    now: datetime,
    limit: int,
    overrides: Overrides = NO_OVERRIDES,
) -> tuple[int, list[Batch]]:
    """Purge up to `limit` documents, the oldest first; returns how many, and what is to be published after the commit.

    Their tasks are locked, so that a decision comes before or is refused. What somebody else holds is passed by, and
    its turn comes again: nobody waits for a purge, and a purge for nobody.
    """
    begun = {policy.key: begun_before(now, policy.purge_after, overrides) for policy in policies.entries.values()}
    found = session.rows(_UNREVIEWED, *columns([*begun.items()], 2), max(begun.values()), limit)
    submitted: dict[str, datetime] = dict(found)
    journal = Journal(now)
    for folder in read_standings(session, submitted, definitions, policies).values():
        allowed = folder.policy.purge_after
        told = finding(
            "document.unreviewed",
            submitted_at=moment(submitted[folder.id]),
            until=moment(deadline(submitted[folder.id], allowed, overrides)),
            allowed=allowed.text,
        )
        journal.end(folder, Kind.PURGED, SYSTEM, State.PURGED, {"findings": as_data([told])})
    return len(submitted), journal.write(session)


# Open tasks are few; orders are only looked up. Tasks of a document that has passed its review are another matter.
_UNREVIEWED = """
select o.id, o.submitted_at from core.user_tasks t join core.orders o on o.id = t.order_id
join unnest(%s::text[], %s::timestamptz[]) as p(key, begun) on p.key = o.policy
where t.status = 'open' and t.submitted_at < %s and o.submitted_at < p.begun
    and o.state = 'in_review' and o.closing is null
order by t.submitted_at, t.id limit %s for update of t, o skip locked
"""
