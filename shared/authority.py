"""Who may decide a user task, in whose name, and with which words: pure rules over what `tasks` has read (APR-17).

Any holder of a role may decide (或签), except the order's creator; after a transfer only the one it was handed to.
Whoever acts for somebody absent (授权代理) may what that person may, and no more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

AGREE, DISAGREE, TRANSFER = "agree", "disagree", "transfer"
CHOICES = (AGREE, DISAGREE, TRANSFER)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants to do with a task. `seen_version`: the order's version on their screen, if they say.
    `clause`: the one of a contract that the opinion is about. `on_behalf_of`: for whom, where they say it.
    `customer_must_change`: who disagrees marks the reason as the customer's to change, who is then written what to
    modify (SAL-08).
    """

    task: str
    person: str
    choice: str
    reason: str = ""
    requested_change: str = ""
    to: str = ""
    seen_version: int | None = None
    clause: str = ""
    on_behalf_of: str = ""
    customer_must_change: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a wish was not followed: a code of the catalogue `answers`, and its values."""

    code: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """A user task, locked, and what there is to know of its order."""

    id: str
    order_id: str
    round: int
    step: str
    department: str
    roles: tuple[str, ...]
    assignee: str | None
    creator: str
    order_version: int
    status: str
    decision: str | None
    decided_by: str | None
    decided_for: str | None
    opinion: bool
    by_phone: bool
    """The customer is confirmed to by phone, and whoever did so says with whom they spoke (TRK-04)."""
    urged_at: datetime | None
    excluded: tuple[str, ...]
    number: str = ""
    state: str = ""
    total_base_minor: int = 0
    held_by: str | None = None
    asked_by: str | None = None
    question: str | None = None


@dataclass(frozen=True, slots=True)
class Delegation:
    """代理: `delegate` may decide what `delegator` may, from `starts_at` until before `ends_at`; only as `roles` (None:
    as any), and only orders whose total in base currency is at most `cap_minor` (None: any).
    """

    delegator: str
    delegate: str
    starts_at: datetime
    ends_at: datetime
    roles: tuple[str, ...] | None
    cap_minor: int | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class People:
    """The roles of those who are active, and who acts for whom (by delegate)."""

    roles: Mapping[str, frozenset[str]]
    delegations: Mapping[str, tuple[Delegation, ...]] = field(default_factory=dict)


OWN = ""
"""In one's own name."""


def gone(task: Task) -> Refusal | None:
    """Why nobody can decide the task: who did and how it ended (APR-04, PLT-05), or that its order is on hold."""
    if task.status == "decided":
        return decided(task.decided_by or "", task.decided_for or "", task.decision or "")
    if task.asked_by:
        return Refusal("task.asked", {"by": task.asked_by, "question": task.question})
    if task.status == "closed":
        return Refusal("task.closed", {"order": task.number, "round": task.round, "state": task.state})
    if task.held_by:
        return Refusal("task.held", {"order": task.number, "by": task.held_by})
    return None


def decided(by: str, on_behalf_of: str, decision: str) -> Refusal:
    """Somebody was faster."""
    if on_behalf_of:
        return Refusal("task.decided_for", {"by": by, "on_behalf_of": on_behalf_of, "decision": decision})
    return Refusal("task.decided", {"by": by, "decision": decision})


def acting_for(wish: Wish, task: Task, people: People, now: datetime) -> str | Refusal:
    """In whose name the person may act on the task: OWN, or the name of somebody absent."""
    if wish.person not in people.roles:
        return Refusal("task.person", {"person": wish.person})
    barred = not_allowed(wish.person, task)
    if barred:
        return barred
    own = lacks(wish.person, task, people)
    if own is None and wish.on_behalf_of in (OWN, wish.person):
        return OWN
    given = people.delegations.get(wish.person, ())
    if wish.on_behalf_of:
        given = tuple(each for each in given if each.delegator == wish.on_behalf_of)
        if not given:
            return Refusal("delegation.none", {"person": wish.person, "delegator": wish.on_behalf_of})
    refusals = []
    for each in given:
        refusal = _beyond(each, task, people, now)
        if refusal is None:
            return each.delegator
        refusals.append(refusal)
    refusals.sort(key=lambda each: each.code == "delegation.period")  # one that is over says less than one in force
    if own is None or wish.on_behalf_of:
        return refusals[0]
    # Of those who could decide, the first says why it cannot be done for them; others have nothing to do with it.
    return next((each for each in refusals if each.code.startswith("delegation.")), own)


def not_allowed(person: str, task: Task) -> Refusal | None:
    """Who made the order (APR-17), or decided the check that this one looks at again (SAL-02), decides nothing here."""
    if person == task.creator:
        return Refusal("task.creator", {"person": person})
    return Refusal("task.excluded", {"person": person}) if person in task.excluded else None


def lacks(person: str, task: Task, people: People) -> Refusal | None:
    """What a person lacks to decide it in their own name: the role, or that it was handed to them."""
    if not people.roles.get(person, frozenset()) & set(task.roles):
        return Refusal("task.role", {"person": person, "roles": " ".join(task.roles)})
    if task.assignee and person != task.assignee:
        return Refusal("task.assigned", {"assignee": task.assignee})
    return None


def _beyond(given: Delegation, task: Task, people: People, now: datetime) -> Refusal | None:
    """Why this delegation does not allow it; what its giver may not do, the delegate may not do for them either."""
    names = {"person": given.delegate, "delegator": given.delegator}
    refusal = lacks(given.delegator, task, people)
    if refusal:
        return refusal
    if given.delegator == task.creator:
        return Refusal("delegation.creator", names)
    if given.delegator in task.excluded:
        return Refusal("delegation.excluded", names)
    if not given.starts_at <= now < given.ends_at:
        return Refusal("delegation.period", names | {"starts_at": given.starts_at, "ends_at": given.ends_at})
    roles = people.roles[given.delegator] & set(task.roles)
    if given.roles is not None and not roles & set(given.roles):
        return Refusal("delegation.roles", names | {"roles": " ".join(given.roles)})
    if given.cap_minor is not None and task.total_base_minor > given.cap_minor:
        figures = {"cap_minor": given.cap_minor, "total_minor": task.total_base_minor, "currency": given.currency}
        return Refusal("delegation.cap", names | figures)
    return None


def words_missing(wish: Wish, task: Task) -> Refusal | None:
    """Who disagrees says why and what is to change; an opinion (CMP-05) is never empty, and one that is against the
    text names the clause; who has confirmed by phone says with whom they spoke.
    """
    if task.by_phone and wish.choice == AGREE and not wish.reason.strip():
        return Refusal("task.says_with_whom", {})
    if not task.opinion:
        said = wish.choice != DISAGREE or (wish.reason.strip() and wish.requested_change.strip())
        return None if said else Refusal("task.says_why", {})
    needed = {AGREE: ("reason",), DISAGREE: ("reason", "clause", "requested_change")}.get(wish.choice, ())
    missing = [name for name in needed if not getattr(wish, name).strip()]
    return Refusal("task.opinion", {"missing": " ".join(missing)}) if missing else None


def cannot_take(wish: Wish, task: Task, people: People) -> Refusal | None:
    """Why the task cannot be handed to the person that the wish names (APR-05)."""
    if not wish.to.strip():
        return Refusal("task.transfer_to_nobody", {})
    if wish.to in (wish.person, wish.on_behalf_of):
        return Refusal("task.transfer_to_self", {})
    if wish.to not in people.roles:
        return Refusal("task.person", {"person": wish.to})
    barred = not_allowed(wish.to, task)
    if barred:
        return barred
    if not people.roles.get(wish.to, frozenset()) & set(task.roles):
        return Refusal("task.role", {"person": wish.to, "roles": " ".join(task.roles)})
    return None
