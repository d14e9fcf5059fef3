"""Fixtures of the integration tests."""

from tests.support.commands import run
from tests.support.office import office

__all__ = ["office", "run"]
