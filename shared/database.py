"""PostgreSQL: the only opener and committer of transactions.

The pool is SQLAlchemy's; what runs inside is driver SQL in a psycopg pipeline, because the hot loop spends its time
here: statements that return nothing are queued and travel together with the next read or with COMMIT.
"""

import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import NoneType
from typing import Any

import psycopg
from psycopg.types.string import TextLoader
from sqlalchemy import Engine, PoolProxiedConnection, create_engine, event
from sqlalchemy.engine import make_url

from shared.settings import Settings

Row = tuple[Any, ...]

# A table that starts empty has no statistics, and a plan cached then would scan it whole for ever:
# the set-based statements here all go by primary key, so nested index look-ups are always right.
_PLANNER = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c plan_cache_mode=force_generic_plan"


ROLE = "orderflow_app"
"""What every process but the migrations acts as. It may append to the histories and never change them (AUD-02):
`shared.migrations` says what it may.
"""

REFUSED_ROLE = (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue)
"""How PostgreSQL says that one may not act as a role, or that there is none."""


class RoleRefused(Exception):
    """The database user may not act as ROLE, or there is no such role yet."""

    def __init__(self, user: str, error: psycopg.Error) -> None:
        super().__init__(
            f"The database user {user} may not act as {ROLE} ({str(error).strip()}). Migrate the database; where that"
            f" is refused too, an administrator runs: CREATE ROLE {ROLE} NOLOGIN; GRANT {ROLE} TO {user};"
        )


class CommitUnknown(Exception):
    """The connection was lost during COMMIT: the transaction may or may not have happened; look before repeating."""


def database_is_away(error: Exception) -> bool:
    """Whether this says nothing of what was asked of it: no connection, a server stopping, no room, an unknown COMMIT.

    A statement that took too long is not among it: of half as many orders it may be done in time.
    """
    if isinstance(error, CommitUnknown):
        return True
    if isinstance(error, psycopg.errors.QueryCanceled):
        return False
    state = error.sqlstate if isinstance(error, psycopg.Error) else ""
    return isinstance(error, psycopg.OperationalError) and (state is None or state[:2] in ("08", "53", "57"))


class Session:
    """One transaction. `rows` reads and waits; `write` queues, and its errors surface at the next read or at commit."""

    def __init__(self, connection: psycopg.Connection[Row], pipeline: psycopg.Pipeline) -> None:
        self._connection = connection
        self._pipeline = pipeline

    def rows(self, sql: str, *params: object) -> list[Row]:
        """Run one statement now, together with everything queued before it: one round trip."""
        cursor = self._send(sql, params)
        self._pipeline.sync()
        return cursor.fetchall()

    def together(self, *statements: tuple[str, tuple[object, ...]]) -> list[list[Row]]:
        """Several reads, given as (sql, params), in one round trip."""
        cursors = [self._send(sql, params) for sql, params in statements]
        self._pipeline.sync()
        return [cursor.fetchall() for cursor in cursors]

    def row(self, sql: str, *params: object) -> Row | None:
        """The first row, or None."""
        found = self.rows(sql, *params)
        return found[0] if found else None

    def write(self, sql: str, *params: object) -> None:
        """Queue one statement whose result nobody needs: no round trip of its own."""
        self._send(sql, params)

    def _send(self, sql: str, params: Sequence[object]) -> psycopg.Cursor[Row]:
        cursor = self._connection.execute(sql.encode(), params)
        connection = self._connection.pgconn
        if connection.flush():
            _push_out(connection)
        return cursor


def _push_out(connection: psycopg.pq.abc.PGconn) -> None:
    """Wait until the server has taken what the socket's buffer could not (a few hundred kilobytes).

    A psycopg pipeline does not: it waits for the answer to a statement that it has sent in part, until a timeout.
    """
    ready = select.poll()
    ready.register(connection.socket, select.POLLIN | select.POLLOUT)
    while connection.flush():
        for _, found in ready.poll():
            if found & ~select.POLLOUT:
                connection.consume_input()


@dataclass(frozen=True, slots=True)
class Database:
    """A pool of connections to one database."""

    engine: Engine

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Commit at the end of the block, roll back on any exception.

        Raises `CommitUnknown` where the server vanished between sending COMMIT and its answer.
        """
        pooled, connection = self._take()
        committing = False
        try:
            connection.autocommit = True
            with connection.pipeline() as pipeline:
                connection.execute(b"begin")
                yield Session(connection, pipeline)
                committing = True
                connection.execute(b"commit")
                pipeline.sync()
        except BaseException as error:
            if connection.closed:
                pooled.invalidate()
                if committing and isinstance(error, psycopg.OperationalError):
                    raise CommitUnknown from error
            else:
                connection.rollback()
            raise
        finally:
            if not connection.closed:
                connection.autocommit = False
            pooled.close()

    def lead(self, duty: str) -> "Leadership | None":
        """Become the only process that does this duty, for as long as the connection lives; None: another one is."""
        pooled, connection = self._take()
        pooled.detach()
        connection.autocommit = True
        got = connection.execute("select pg_try_advisory_lock(hashtext(%s))", (f"orderflow.{duty}",)).fetchone()
        if got and got[0]:
            return Leadership(connection)
        connection.close()
        return None

    def _take(self) -> tuple[PoolProxiedConnection, psycopg.Connection[Row]]:
        """A connection from the pool. One whose server has gone meanwhile has its farewell to be read: not that one."""
        while True:
            pooled = self.engine.raw_connection()
            connection: psycopg.Connection[Row] = pooled.driver_connection  # type: ignore[assignment]
            said = select.poll()
            said.register(connection.fileno(), select.POLLIN)
            if not said.poll(0):
                return pooled, connection
            pooled.invalidate()

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


@dataclass(frozen=True, slots=True)
class Leadership:
    """A session-level lock: given up with the connection, also when the process dies."""

    connection: psycopg.Connection[Row]

    def holds(self) -> bool:
        """Whether the connection, and with it the lock, is still there."""
        try:
            self.connection.execute("select 1")
        except psycopg.OperationalError:
            self.connection.close()
            return False
        return True

    def finds(self, sql: str) -> bool:
        """Whether a query has a row, asked on the connection that holds the lock: who is answered still leads.

        Raises psycopg.OperationalError where the connection, and with it the lock, is lost.
        """
        return self.connection.execute(sql.encode()).fetchone() is not None

    def resign(self) -> None:
        """Let another process lead."""
        self.connection.close()


def open_database(url: str, settings: Settings, *, pool: int = 4, hot: bool = False, owner: bool = False) -> Database:
    """`hot`: for processes whose statements all go by primary key over arrays; pins their plans to index look-ups.
    `owner`: as the database user itself, for migrations and maintenance; all others act as ROLE, and their connecting
    raises RoleRefused where they may not.
    """
    options = (
        f"-c timezone=UTC -c jit=off -c statement_timeout={settings.statement_timeout_seconds}s"
        f" -c lock_timeout={settings.lock_timeout_seconds}s"
        f" -c idle_in_transaction_session_timeout={settings.transaction_timeout_seconds}s"
    )
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool,
        max_overflow=pool,
        pool_reset_on_return=None,
        connect_args={"options": f"{options} {_PLANNER}" if hot else options, "prepare_threshold": 1},
    )
    event.listen(engine, "connect", _prepare_connection)
    if not owner:
        event.listen(engine, "connect", _take_role)
    return Database(engine)


def _take_role(connection: psycopg.Connection[Row], _record: object) -> None:
    try:
        connection.execute(b"set role " + ROLE.encode())
    except REFUSED_ROLE as error:
        user = connection.info.user
        connection.close()
        raise RoleRefused(user, error) from error
    connection.commit()


def _prepare_connection(connection: Any, _record: object) -> None:
    # Ids are compared and hashed as text, documents are read whole by pydantic: no Python UUID or dict in between.
    for name in ("uuid", "json"):
        connection.adapters.register_loader(name, TextLoader)


def array(values: Sequence[object]) -> str:
    """A PostgreSQL array literal: `{1,2}`, `{"a","b"}`. Text quoted, None as NULL, times in ISO 8601.

    psycopg's own list dumper walks every element through its adapters, which costs more than the rest of a batch;
    so a column of nothing but text, or of nothing but whole numbers, is written in a few calls.
    """
    kinds = set(map(type, values))
    if kinds and all(issubclass(kind, str) for kind in kinds):
        joined = '","'.join(values)  # type: ignore[arg-type]
        if "\\" not in joined and joined.count('"') == 2 * len(values) - 2:  # there is nothing to escape
            return '{"' + joined + '"}'
    elif kinds == {int}:
        return "{" + ",".join(map(str, values)) + "}"
    elif kinds == {NoneType}:
        return "{" + ",".join(["NULL"] * len(values)) + "}"
    elif kinds == {bytes}:
        return '{"\\\\x' + '","\\\\x'.join([value.hex() for value in values]) + '"}'  # type: ignore[attr-defined]
    return "{" + ",".join([_item(value) for value in values]) + "}"


def json_list(texts: Sequence[str]) -> str:
    """JSON texts as one, for `json_array_elements(%s::json)`: nothing is escaped on the way, each stays as it is."""
    return "[" + ",".join(texts) + "]"


def columns(rows: Sequence[Sequence[object]], width: int) -> list[str]:
    """Rows turned into `width` array literals, for `unnest(%s::…[], %s::…[])`."""
    return [array(column) for column in zip(*rows, strict=True)] if rows else ["{}"] * width


def _item(value: object) -> str:
    kind = type(value)
    if kind is int:
        return str(value)
    if value is None:
        return "NULL"
    if isinstance(value, str):
        if "\\" in value or '"' in value:
            value = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{value}"'
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, datetime | date):
        return f'"{value.isoformat()}"'
    if isinstance(value, bytes):
        return f'"\\\\x{value.hex()}"'
    if isinstance(value, Decimal | int | float):
        return str(value)
    raise TypeError(f"no array literal for {kind.__name__}")
