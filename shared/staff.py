"""People and the roles that they hold: what `staff.csv` says."""

from collections.abc import Sequence

from pydantic import field_validator

from shared.database import Session, columns
from shared.master import MasterFile, MasterRow
from shared.roles import ROLES


class StaffRow(MasterRow):
    """One person; `roles` separated by blanks."""

    id: str
    name: str
    roles: str
    active: bool = True

    @field_validator("roles")
    @classmethod
    def _known(cls, roles: str) -> str:
        unknown = [role for role in roles.split() if role not in ROLES]
        if unknown or not roles.split():
            raise ValueError(f"unknown role {' '.join(unknown)}; known are {', '.join(ROLES)}")
        return " ".join(roles.split())


def save(session: Session, rows: Sequence[StaffRow]) -> None:
    """Insert or update; people who are not in the file stay as they are."""
    values = [(row.id, row.name, row.roles, row.active) for row in sorted(rows, key=lambda row: row.id)]
    session.write(_SAVE, *columns(values, 4))


MASTER: tuple[MasterFile[StaffRow], ...] = (MasterFile("staff", StaffRow, save),)

_SAVE = """
insert into core.staff (id, name, roles, active)
select v.id, v.name, string_to_array(v.roles, ' '), v.active
from unnest(%s::text[], %s::text[], %s::text[], %s::bool[]) as v(id, name, roles, active)
on conflict (id) do update set name = excluded.name, roles = excluded.roles, active = excluded.active
"""
