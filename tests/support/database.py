"""A real PostgreSQL for tests: the given server, else a container, else the embedded one. A fresh database per test,
cloned from a migrated template, so that no test sees another's rows.
"""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import make_url

from shared.database import Database, open_database
from shared.embedded import start_postgres
from shared.migrations import migrate
from shared.settings import Settings

TEMPLATE = "orderflow_template"


def docker_answers() -> bool:
    """Whether containers can be started here; probed first, because testcontainers raises late and slowly."""
    import docker

    try:
        docker.from_env(timeout=2).ping()
    except Exception:  # noqa: BLE001 - whatever it is, there is no engine
        return False
    return True


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`ORDERFLOW_TEST_DATABASE_URL` if set; Docker if it answers; else the embedded server."""
    given = os.environ.get("ORDERFLOW_TEST_DATABASE_URL")
    if given:
        yield given
    elif docker_answers():
        from testcontainers.community.postgres import PostgresContainer

        with PostgresContainer("postgres:18-alpine") as container:
            yield container.get_connection_url()
    else:
        with start_postgres(tmp_path_factory.mktemp("postgres")) as server:
            # A database per test writes much, and none of it must outlive the machine.
            execute(server.url, "alter system set fsync = off", "alter system set full_page_writes = off")
            execute(server.url, "select pg_reload_conf()")
            yield server.url


@pytest.fixture(scope="session")
def template(postgres_url: str) -> str:
    """A migrated database to clone."""
    execute(postgres_url, f'drop database if exists "{TEMPLATE}"', f'create database "{TEMPLATE}"')
    database = open_database(on_database(postgres_url, TEMPLATE), Settings(), owner=True)
    migrate(database)
    database.close()
    return TEMPLATE


@pytest.fixture
def database_url(postgres_url: str, template: str) -> Iterator[str]:
    """A fresh migrated database."""
    name = f"test_{uuid.uuid4().hex}"
    execute(postgres_url, f'create database "{name}" template "{template}"')
    yield on_database(postgres_url, name)
    execute(postgres_url, f'drop database if exists "{name}" with (force)')


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The same, opened as a department's worker opens it."""
    opened = open_database(database_url, Settings(), pool=8, hot=True)
    yield opened
    opened.close()


AS_OWNER = "set local role none"
"""For the rest of a transaction, be the owner of the tables, whom no privilege stops, as an intruder would be."""
UNGUARDED = "set local session_replication_role = replica"
"""For the rest of the owner's transaction no trigger stops them either."""


def on_database(url: str, name: str) -> str:
    """The same server, another database."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def execute(url: str, *statements: str) -> Any:
    """Statements outside any transaction, such as CREATE DATABASE. The first value that the last one gives."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


REPOSITORY = Path(__file__).parent.parent.parent
