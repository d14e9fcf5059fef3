"""代理: who decides for whom while they are away. `authority` says what that allows; here it is given and revoked.

Never in a circle: whoever decides for somebody must not, at the same time, be decided for by them, directly or by way
of others. A delegate passes nothing on.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from shared.attempts import note
from shared.authority import Refusal
from shared.database import Session, array
from shared.ids import new_id

ADMINISTRATOR = "administrator"
"""Holders of this role may give and revoke delegations of others."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A delegation to be: from `starts_at` until before `ends_at`; `roles` None: all that the delegator holds, then as
    now; `cap_minor` None: orders of any total, else at most that in `currency`, the base currency.
    """

    delegator: str
    delegate: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    roles: tuple[str, ...] | None = None
    cap_minor: int | None = None
    currency: str | None = None


def give(session: Session, proposal: Proposal, by: str, now: datetime) -> str | list[Refusal]:
    """Record a delegation and return its id, or everything that is wrong with it."""
    # Two that make a circle only together may name four different people: one lock for all is the only one that holds.
    session.write("lock table core.delegations in share row exclusive mode")
    names = sorted({proposal.delegator, proposal.delegate, by})
    roles = {row[0]: frozenset(row[1]) for row in session.rows(_STAFF, array(names))}
    refusals = [*_faults(proposal, by, roles, now)]
    if not refusals:
        refusals = _circle(session, proposal)
    if refusals:
        data = {"refused": [each.code for each in refusals], "delegator": proposal.delegator}
        note(session, now, by, "delegation.give", proposal.delegate, data)
        return refusals
    found = new_id()
    session.write(
        _GIVE, found, proposal.delegator, proposal.delegate, proposal.starts_at, proposal.ends_at,
        array(proposal.roles) if proposal.roles is not None else None, proposal.cap_minor, proposal.currency,
        proposal.reason.strip(), by, now,
    )  # fmt: skip
    note(session, now, by, "delegation.give", found, asdict(proposal))
    return found


def revoke(session: Session, delegation: str, by: str, now: datetime) -> Refusal | None:
    """End a delegation at once. Who gave it, whom it is for, or an administrator may."""
    row = session.row(_LOCK, delegation)
    refusal = None
    if row is None:
        refusal = Refusal("delegation.unknown", {"delegation": delegation})
    elif row[2] is not None:
        refusal = Refusal("delegation.revoked", {"by": row[3], "at": row[2]})
    elif by not in row[:2] and not session.row(_ADMINISTERS, by, ADMINISTRATOR):
        refusal = Refusal("delegation.not_yours", {"person": by, "delegator": row[0]})
    if refusal is None:
        session.write(_REVOKE, now, by, delegation)
    data = {"refused": refusal.code} if refusal else {}
    note(session, now, by, "delegation.revoke", delegation, data)
    return refusal


def find(session: Session, *, person: str | None, now: datetime | None) -> list[dict[str, Any]]:
    """Delegations of a person, given or received, or of all; only those not over or revoked at `now`, if given."""
    names = ("id", "delegator", "delegate", "starts_at", "ends_at", "roles", "cap_minor", "currency", "reason",
             "created_by", "created_at", "revoked_at", "revoked_by")  # fmt: skip
    return [dict(zip(names, row, strict=True)) for row in session.rows(_FIND, person, person, now, now)]


def _faults(proposal: Proposal, by: str, roles: dict[str, frozenset[str]], now: datetime) -> Sequence[Refusal]:
    faults = []
    names = {"delegator": proposal.delegator, "delegate": proposal.delegate}
    faults += [Refusal("task.person", {"person": name}) for name in (*names.values(), by) if name not in roles]
    if proposal.delegator == proposal.delegate:
        faults.append(Refusal("delegation.self", names))
    if by != proposal.delegator and ADMINISTRATOR not in roles.get(by, ()):
        faults.append(Refusal("delegation.not_yours", {"person": by, "delegator": proposal.delegator}))
    if proposal.ends_at <= max(proposal.starts_at, now):
        faults.append(Refusal("delegation.over", {"starts_at": proposal.starts_at, "ends_at": proposal.ends_at}))
    held = roles.get(proposal.delegator, frozenset())
    foreign = " ".join(sorted(set(proposal.roles or ()) - held))
    if foreign and proposal.delegator in roles:
        faults.append(Refusal("delegation.not_held", names | {"roles": foreign, "held": " ".join(sorted(held))}))
    if proposal.cap_minor is not None and proposal.cap_minor <= 0:
        faults.append(Refusal("delegation.cap_figure", {}))
    if not proposal.reason.strip():
        faults.append(Refusal("delegation.reason", {}))
    return [fault for place, fault in enumerate(faults) if fault not in faults[:place]]


def _circle(session: Session, proposal: Proposal) -> list[Refusal]:
    """By the delegations in force at some moment of the period, does the delegate come round to the delegator?"""
    period = (proposal.starts_at, proposal.ends_at)
    row = session.row(_CHAIN, proposal.delegate, proposal.delegate, *period, proposal.delegator)
    return [Refusal("delegation.circle", {"circle": " → ".join([proposal.delegator, *row[0]])})] if row else []


_STAFF = "select id, roles from core.staff where id = any(%s::text[]) and active"
_ADMINISTERS = "select 1 from core.staff where id = %s and active and %s = any(roles)"
_GIVE = """
insert into core.delegations
    (id, delegator, delegate, starts_at, ends_at, roles, cap_minor, currency, reason, created_by, created_at)
values (%s, %s, %s, %s, %s, %s::text[], %s, %s, %s, %s, %s)
"""
_CHAIN = """
with recursive chain(person, path, during) as (
    select %s::text, array[%s::text], tstzrange(%s, %s)
    union all
    select d.delegate, c.path || d.delegate, c.during * tstzrange(d.starts_at, d.ends_at)
    from chain c join core.delegations d on d.delegator = c.person
    where d.revoked_at is null and c.during && tstzrange(d.starts_at, d.ends_at) and d.delegate <> all(c.path)
)
select path from chain where person = %s limit 1
"""
_LOCK = """
select delegator, created_by, revoked_at, revoked_by from core.delegations where id::text = %s for update
"""
_REVOKE = "update core.delegations set revoked_at = %s, revoked_by = %s where id::text = %s"
_FIND = """
select id, delegator, delegate, starts_at, ends_at, roles, cap_minor, currency, reason, created_by, created_at,
    revoked_at, revoked_by
from core.delegations
where (%s::text is null or %s in (delegator, delegate))
    and (%s::timestamptz is null or (revoked_at is null and ends_at > %s))
order by starts_at, id
"""
