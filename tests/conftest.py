"""Fixtures for all tests, and the report of which requirements have a passing test."""

from tests.support.database import database, database_url, postgres_url, template

__all__ = ["database", "database_url", "postgres_url", "template"]
