"""Who may report what: people and the roles that they hold."""

from collections.abc import Collection, Mapping

from shared.database import Session, array
from shared.department import Finding, finding

Roles = Mapping[str, frozenset[str]]

_STAFF = "select id, roles from core.staff where id = any(%s::text[]) and active"


def read_roles(session: Session, people: Collection[str]) -> Roles:
    """The roles of these people, as far as they are active members of staff. One round trip."""
    return {person: frozenset(roles) for person, roles in session.rows(_STAFF, array(sorted({*people})))}


def not_allowed(person: str, roles: Roles, wanted: Collection[str]) -> Finding | None:
    """Why this person may not report it: they hold none of the roles."""
    if roles.get(person, frozenset()) & {*wanted}:
        return None
    return finding("person.not_allowed", person, roles=", ".join(wanted))
