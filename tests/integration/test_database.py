"""Transactions over a psycopg pipeline: statements of any size, errors that surface where they should; leading."""

import psycopg
import pytest

from shared.database import CommitUnknown, Database, columns
from tests.support.database import AS_OWNER, execute
from tests.support.waiting import at_once, until

MEGABYTE = 1_000_000


def test_statements_larger_than_any_socket_buffer(database: Database) -> None:
    texts = [(number, "龘" * MEGABYTE) for number in range(3)]
    with database.transaction() as session:
        session.write("create temporary table large (id int, said text, raw bytea)")
        for row in texts:
            session.write(
                "insert into large (id, said) select * from unnest(%s::int[], %s::text[])", *columns([row], 2)
            )
        session.write("insert into large (id, raw) select * from unnest(%s::int[], %s::bytea[])", *_raw(5))
        assert session.rows("select id, said from large where said is not null order by id") == texts
        (length,), (_,) = session.together(
            ("select length(raw) from large where id = 9", ()), ("select %s::text", ("x" * 5 * MEGABYTE,))
        )
        assert length == (5 * MEGABYTE,)


def _raw(megabytes: int) -> list[str]:
    return columns([(9, b"\xff" * megabytes * MEGABYTE)], 2)


def test_a_large_statement_that_fails_rolls_everything_back(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as session:
            session.write(AS_OWNER)
            session.write("create table core.kept (id int)")
            session.write("insert into core.nowhere select * from unnest(%s::int[], %s::bytea[])", *_raw(3))
            session.write("insert into core.kept values (2)")

    with pytest.raises(psycopg.errors.UndefinedTable):
        fail()
    assert not is_there(database, "core.kept")


def test_a_server_that_vanishes_within_a_large_statement(database: Database) -> None:
    def lose() -> None:
        with database.transaction() as session:
            session.write(AS_OWNER)
            session.write("select pg_terminate_backend(pg_backend_pid())")
            session.write("select length(b) from unnest(%s::int[], %s::bytea[]) as v(a, b)", *_raw(5))

    with pytest.raises((psycopg.OperationalError, CommitUnknown)):
        lose()
    assert is_there(database, "core.orders"), "the pool has noticed"


def test_connections_whose_server_has_gone_are_passed_over(database: Database, database_url: str) -> None:
    at_once(*[lambda: is_there(database, "core.orders")] * 6)  # several in the pool
    execute(database_url, f"{CUT} where {OTHERS}")
    until(lambda: execute(database_url, f"{ENDED} where {OTHERS}"), what="the sessions to end")
    for _ in range(6):
        assert is_there(database, "core.orders")
    leadership = database.lead("anything")
    assert leadership
    leadership.resign()


CUT = "select pg_terminate_backend(pid) from pg_stat_activity"
ENDED = "select count(*) = 0 from pg_stat_activity"
OTHERS = "datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()"


@pytest.mark.requirement("PLT-02")
def test_what_is_queued_before_a_failure_is_not_kept(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as session:
            session.write(AS_OWNER)
            session.write("create table core.kept (id int)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not is_there(database, "core.kept")


@pytest.mark.requirement("PLT-02")
def test_one_leads_and_learns_when_it_has_lost_its_connection(database: Database) -> None:
    leader = database.lead("a duty")
    assert leader
    assert database.lead("a duty") is None
    assert leader.finds("select 1")
    assert not leader.finds("select 1 where false")
    with database.transaction() as session:
        session.write(AS_OWNER)
        session.rows("select pg_terminate_backend(%s)", leader.connection.info.backend_pid)
    with pytest.raises(psycopg.OperationalError):
        leader.finds("select 1")
    leader.resign()
    successor = until(lambda: database.lead("a duty"))
    assert successor
    successor.resign()


def is_there(database: Database, table: str) -> bool:
    with database.transaction() as session:
        return session.row("select to_regclass(%s)::text", table) != (None,)
