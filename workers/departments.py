"""The six departments by name, each imported only where it is needed."""

import importlib
from typing import Any

from messages.batch import Department as Name
from shared import definitions, policy
from shared.audit import Invariant
from shared.catalogue import DefinitionError
from shared.department import Department
from shared.master import MasterFile
from shared.roles import ROLES
from shared.rulebook import Rulebook


def declaration(name: str) -> Department:
    """What a department declares. Raises ValueError for a name that is none of the six."""
    module = importlib.import_module(f"workers.{Name(name)}.activities")
    department: Department = getattr(module, name)
    return department


def all_departments() -> list[Department]:
    """The declarations of all six."""
    return [declaration(name) for name in Name]


def known_activities() -> frozenset[str]:
    """Every activity of every department, for checking definitions."""
    return frozenset(activity for each in all_departments() for activity in each.activities)


def verify(book: Rulebook) -> None:
    """Raises DefinitionError with every activity and role that it names and nobody has (PRC-08)."""
    known = known_activities()
    faults = [fault for one in book.definitions.entries.values() for fault in definitions.verify(one, known, ROLES)]
    faults += [fault for one in book.policies.entries.values() for fault in policy.verify(one, ROLES)]
    if faults:
        raise DefinitionError(faults)


def master_files() -> list[MasterFile[Any]]:
    """The master data files of all departments, in the order in which they must be saved."""
    return [file for name in Name for file in importlib.import_module(f"workers.{name}.books").MASTER]


def invariants() -> list[Invariant]:
    """What must hold in every department's books, for the audit."""
    return [
        each for name in Name for each in getattr(importlib.import_module(f"workers.{name}.books"), "INVARIANTS", ())
    ]
