"""The six departments by name, each imported only where it is needed."""

import importlib
from typing import Any

from shared.audit import Invariant

from messages.batch import Department as Name
from shared.department import Department
from shared.master import MasterFile


def declaration(name: str) -> Department:
    """What a department declares. Raises ValueError for a name that is none of the six."""
    module = importlib.import_module(f"workers.{Name(name)}.activities")
    department: Department = getattr(module, name)
    return department


def known_activities() -> frozenset[str]:
    """Every activity of every department, for checking definitions."""
    return frozenset(activity for name in Name for activity in declaration(name).activities)


def master_files() -> list[MasterFile[Any]]:
    """The master data files of all departments, in the order in which they must be saved."""
    return [file for name in Name for file in importlib.import_module(f"workers.{name}.books").MASTER]


def invariants() -> list[Invariant]:
    """What must hold in every department's books, for the audit."""
    return [
        each for name in Name for each in getattr(importlib.import_module(f"workers.{name}.books"), "INVARIANTS", ())
    ]
