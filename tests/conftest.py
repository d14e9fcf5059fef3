"""Fixtures for all tests, and the report of which requirements have a passing test."""

from tests.support.database import database, database_url, postgres_url, template
from tests.support.valkey import broker_url, own_valkey, valkey, valkey_url

__all__ = [
    "broker_url",
    "database",
    "database_url",
    "own_valkey",
    "postgres_url",
    "template",
    "valkey",
    "valkey_url",
]
