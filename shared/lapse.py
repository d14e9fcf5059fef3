"""Lapse of approvals (有效期, APR-11): an approved order that nothing was made of in time is approved no longer."""

from collections.abc import Collection
from datetime import datetime

from messages.batch import Batch
from shared.calendar import NO_OVERRIDES, Deadline, Overrides, begun_before
from shared.catalogue import Catalogue
from shared.database import Session, array, columns
from shared.department import finding
from shared.history import SYSTEM, Kind
from shared.journal import Journal, as_data
from shared.policy import Policy, valid_until
from shared.processes import Definition
from shared.standings import read_standings
from shared.states import State
from shared.words import moment

START = "00000000-0000-0000-0000-000000000000"


def taken_up(definition: Definition, done: Collection[str]) -> bool:
    """Whether fulfilment has begun: a step after the last approval is finished, such as its release or reservation."""
    approving = [place for place, stage in enumerate(definition.stages) if stage[0].reaches is State.APPROVED]
    return bool(approving) and any(definition.place(step) > approving[0] for step in done)


def lapse(
    session: Session,
    definitions: Catalogue[Definition],
    policies: Catalogue[Policy],
    now: datetime,
    after: str,
    limit: int,
    overrides: Overrides = NO_OVERRIDES,
) -> tuple[str | None, int, list[Batch]]:
    """Send back what has lapsed among the next `limit` approved orders; returns where to go on (None: that was all),
    how many lapsed, and what is to be published after the commit.
    """
    begun = {
        policy.key: begun_before(now, Deadline(policy.approval_validity_days, "day"), overrides)
        for policy in policies.entries.values()
    }
    ids = [row[0] for row in session.rows(_WAITING, *columns([*begun.items()], 2), after, limit)]
    if not ids:
        return None, 0, []
    approved: dict[str, datetime] = dict(session.rows(_APPROVED_AT, array(ids)))
    journal = Journal(now)
    for folder in read_standings(session, ids, definitions, policies).values():
        until = valid_until(approved[folder.id], folder.policy, overrides)
        if now <= until or taken_up(folder.definition, folder.done):
            continue
        told = finding(
            "approval.lapsed",
            approved_at=moment(approved[folder.id]),
            until=moment(until),
            days=folder.policy.approval_validity_days,
        )
        journal.send_back(folder, Kind.LAPSED, SYSTEM, {"findings": as_data([told])})
    return (ids[-1] if len(ids) == limit else None), len(journal.touched), journal.write(session)


# An approved order is in a queue for a moment; else it waits for the world, or for a person. A contract is use of it.
_WAITING = """
select o.id from core.orders o join core.order_headers h on h.order_id = o.id
join unnest(%s::text[], %s::timestamptz[]) as p(key, begun) on p.key = o.policy
where h.document_kind = 'order' and o.id > %s::uuid and o.id in (
        select order_id from core.waits union select order_id from core.user_tasks where status = 'open'
    )
    and o.state = 'approved' and o.closing is null and o.submitted_at < p.begun
    and not exists (
        select from core.links l join core.orders c on c.id = l.order_id
        where l.other_id = o.id and l.kind = 'contract_of' and c.state not in ('cancelled', 'purged', 'replaced')
    )
order by o.id limit %s for update of o skip locked
"""
_APPROVED_AT = """
select order_id, max(at) from (
    select order_id, at, state, lag(state) over (partition by order_id order by seq) as before
    from core.events where order_id = any(%s::uuid[])
) e where state = 'approved' and before is distinct from 'approved' group by order_id
"""
