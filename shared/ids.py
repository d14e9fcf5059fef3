"""Ids: uuid7 as text, so that they sort by time of birth."""

from uuid_utils import uuid7


def new_id() -> str:
    """A new id."""
    return str(uuid7())
