"""Histories can only be appended to, and whoever gets round that is found out (AUD-02)."""

import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy.engine import make_url

from shared import tables
from shared.anchors import GENESIS, Anchor, set_anchor
from shared.audit import audit
from shared.database import ROLE, Database, RoleRefused, array, open_database
from shared.history import link, microseconds
from shared.migrations import is_newest, migrate
from shared.settings import Settings
from tests.support.database import AS_OWNER, REPOSITORY, execute, on_database
from tests.support.histories import EVENTS, move, opened, recorded, tamper
from tests.support.orders import NOW

pytestmark = pytest.mark.requirement("AUD-02")
MINUTE = timedelta(seconds=60)


def anchored(database: Database, minutes: int = 0) -> Anchor | None:
    with database.transaction() as session:
        return set_anchor(session, NOW + minutes * MINUTE, MINUTE)


def found(database: Database, root: bytes | None = None) -> list[tuple[str, str, str]]:
    """Without the rest of the books: the orders' batches were left aside."""
    verdict = audit(database, [], root)
    ours = ("history.", "anchor.")
    return [(b.invariant, b.subject, b.detail) for b in verdict.breaches if b.invariant.startswith(ours)]


# -- by privilege, and by trigger --------------------------------------------------------------------------------------

VERBS = {
    "select": "select 1 from {0}",
    "insert": "insert into {0} select * from {0} where false",
    "update": "update {0} set {1} = {1}",
    "delete": "delete from {0}",
    "truncate": "truncate {0}",
}
COLUMNS = {"events": "actor", "commits": "at", "anchors": "root", "order_documents": "document", "audit_log": "actor"}


def refusal(database: Database, statement: str, *before: str) -> type[Exception] | None:
    try:
        with database.transaction() as session:
            for each in (*before, statement):
                session.write(each)
    except psycopg.Error as error:
        return type(error)
    return None


@pytest.mark.parametrize("table", tables.APPEND_ONLY)
def test_processes_may_read_and_append_and_nothing_else(database: Database, table: str) -> None:
    answers = {verb: refusal(database, sql.format(f"core.{table}", COLUMNS[table])) for verb, sql in VERBS.items()}
    denied = psycopg.errors.InsufficientPrivilege
    assert answers == {"select": None, "insert": None, "update": denied, "delete": denied, "truncate": denied}


@pytest.mark.parametrize("table", tables.APPEND_ONLY)
def test_the_owner_meets_the_trigger_in_a_clear_sentence(database: Database, table: str) -> None:
    for verb in ("update", "delete", "truncate"):
        statement = VERBS[verb].format(f"core.{table}", COLUMNS[table])
        assert refusal(database, statement, AS_OWNER) is psycopg.errors.RestrictViolation, verb
    with pytest.raises(psycopg.errors.RestrictViolation, match=f"core.{table} is append-only"):
        execute(database.engine.url.render_as_string(hide_password=False), f"delete from core.{table}")


def test_a_commit_is_told_its_anchor_once(database: Database) -> None:
    opened(database, 1)
    assert refusal(database, "update core.commits set anchor = 7") is None
    assert refusal(database, "update core.commits set anchor = 8") is psycopg.errors.RestrictViolation
    assert refusal(database, "update core.commits set anchor = null", AS_OWNER) is psycopg.errors.RestrictViolation


def test_every_other_table_is_there_to_be_worked_with(database: Database) -> None:
    with database.transaction() as session:
        unusable = session.rows(
            """
            select c.oid::regclass::text, verb from pg_class c, unnest('{select,insert,update,delete}'::text[]) verb
            where c.relkind = 'r' and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema|public)'
                and c.relname <> 'alembic_version'
                and not (c.relname = any(%s::text[]) and verb in ('update', 'delete'))
                and not has_table_privilege(%s, c.oid, verb)
            """,
            array(tables.APPEND_ONLY),
            ROLE,
        )
    assert unusable == []


@pytest.fixture
def stranger(database_url: str) -> Iterator[str]:
    """A login of the server that is nobody there; the address of this test's database for it."""
    name = f"stranger_{uuid.uuid4().hex}"
    execute(database_url, f"create role {name} login password 'p'")
    yield make_url(database_url).set(username=name, password="p").render_as_string(hide_password=False)
    execute(database_url, f"drop owned by {name} cascade", f"drop role {name}")


def test_a_user_who_may_not_act_as_the_role_is_told_what_to_do(database_url: str, stranger: str) -> None:
    name = make_url(stranger).username
    opened = open_database(stranger, Settings())
    with pytest.raises(RoleRefused, match=f"GRANT {ROLE} TO {name}"), opened.transaction():
        pass
    execute(database_url, f"grant {ROLE} to {name}")
    with opened.transaction() as session:
        assert session.row("select current_user") == (ROLE,)
    opened.close()


@pytest.mark.parametrize("module", ["workers.scheduler.main", "workers.intake.main"])
def test_a_process_that_may_not_act_as_the_role_ends_with_a_sentence(
    stranger: str, broker_url: str, module: str
) -> None:
    env = {**os.environ, "ORDERFLOW_DATABASE_URL": stranger, "ORDERFLOW_BROKER_URL": broker_url}
    command = [sys.executable, "-m", module]
    ended = subprocess.run(command, env=env, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stdout.startswith(f"REFUSED The database user {make_url(stranger).username} may not act as {ROLE}")


def test_an_owner_who_may_not_act_as_the_role_does_not_migrate(database_url: str, stranger: str) -> None:
    """The role is there, another database of the server needs it; this one's owner was not given it."""
    name = make_url(stranger).username
    execute(database_url, f'create database "{name}" owner {name}')
    opened = open_database(on_database(stranger, str(name)), Settings(), owner=True)
    with pytest.raises(RoleRefused, match=f"GRANT {ROLE} TO {name}"):
        migrate(opened)
    assert not is_newest(opened)
    execute(database_url, f"grant {ROLE} to {name}")
    migrate(opened)
    assert is_newest(opened)
    opened.close()
    execute(database_url, f'drop database "{name}" with (force)')


# -- anchors -----------------------------------------------------------------------------------------------------------


def test_anchors_cover_every_commit_once_and_follow_each_other(database: Database) -> None:
    assert anchored(database) is None  # nothing to cover
    first_orders = recorded(database, 2)
    first = anchored(database)
    assert first
    assert (first.seq, first.previous, first.count) == (1, GENESIS, EVENTS)
    moved_on = opened(database, 1)
    assert anchored(database) is None  # not yet time
    with database.transaction() as session:
        assert set_anchor(session, NOW + MINUTE - timedelta(microseconds=1), MINUTE) is None
    second = anchored(database, 1)
    assert second
    assert (second.seq, second.previous, second.count) == (2, first.root, 1)
    verdict = audit(database, [])
    assert (verdict.orders, verdict.commits, verdict.unanchored, verdict.anchors) == (
        len(first_orders) + len(moved_on), EVENTS + 1, 0, 2,
    )  # fmt: skip
    assert found(database) == []


def test_an_anchor_is_announced_so_that_outsiders_hold_its_root(database: Database) -> None:
    recorded(database, 1)
    anchor = anchored(database)
    assert anchor
    with database.transaction() as session:
        told = session.rows("select data from core.outbox_events where type = 'orderflow.anchor.set'")
    assert len(told) == 1
    assert anchor.root.hex() in told[0][0]
    assert audit(database, [], anchor.root).kept == anchor


def test_a_commit_that_becomes_visible_late_is_covered_by_the_next_anchor(database: Database) -> None:
    """It has the lower id, and is committed after one with a higher id has been anchored."""
    orders = opened(database, 1)
    anchored(database)
    with database.transaction() as late:
        move(late, orders, "one")
        late.rows("select 1")  # it is written, and not committed
        recorded(database, 1)
        early = anchored(database, 1)
        assert early
        assert (early.first, early.last, early.count) == (3, 5, 3)
    anchor = anchored(database, 2)
    assert anchor
    assert (anchor.first, anchor.last, anchor.count) == (2, 2, 1)
    assert audit(database, []).unanchored == 0
    assert found(database) == []


def test_two_schedulers_make_one_chain(database: Database) -> None:
    """Both read the same newest anchor before either writes."""
    barrier = threading.Barrier(2)
    answers: list[Anchor | None] = []

    def schedule() -> None:
        for minute in range(5):
            barrier.wait()
            answers.append(anchored(database, minute))

    def feed() -> None:
        for _ in range(20):
            opened(database, 1)

    recorded(database, 1)
    threads = [threading.Thread(target=schedule) for _ in range(2)] + [threading.Thread(target=feed)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    anchored(database, 10)
    assert found(database) == []
    verdict = audit(database, [])
    assert (verdict.unanchored, verdict.commits) == (0, EVENTS + 20)
    set_ones = [answer.seq for answer in answers if answer]
    assert sorted(set_ones) == [*range(1, len(set_ones) + 1)]


def test_an_anchor_that_loses_the_race_leaves_its_commits_to_the_next(database: Database) -> None:
    opened(database, 1)
    with database.transaction() as first:
        assert set_anchor(first, NOW, MINUTE)
        opened(database, 1)  # the first does not cover it
        losers: list[Anchor | None] = []
        second = threading.Thread(target=lambda: losers.append(anchored(database)))
        second.start()
        first.rows("select 1")
    second.join()
    assert losers == [None]
    third = anchored(database, 1)
    assert third
    assert (third.seq, third.count) == (2, 1)


# -- what an intruder does ---------------------------------------------------------------------------------------------


@pytest.fixture
def history(database: Database) -> tuple[str, str]:
    """The second of three orders, all anchored: its id and number."""
    orders = recorded(database, 3)
    anchored(database)
    assert found(database) == []
    return orders[1].id, orders[1].number


def test_a_changed_event_is_named(database: Database, history: tuple[str, str]) -> None:
    order, number = history
    tamper(database, f"update core.events set actor = 'somebody' where order_id = '{order}' and seq = 2")
    assert found(database) == [("history.verifies", number, "event 2: does not match its hash")]


def test_an_event_of_a_kind_that_there_is_not_is_a_changed_event(database: Database, history: tuple[str, str]) -> None:
    order, number = history
    tamper(database, f"update core.events set kind = 'forgotten' where order_id = '{order}' and seq = 2")
    assert found(database) == [("history.verifies", number, "event 2: does not match its hash")]


def test_a_changed_event_with_the_whole_chain_made_anew_is_named(database: Database, history: tuple[str, str]) -> None:
    order, number = history
    with database.transaction() as session:
        rows = session.rows(
            "select seq, at, kind, step, actor, state, round, data from core.events where order_id = %s order by seq",
            order,
        )
    head, statements = b"", []
    for seq, at, kind, step, actor, state, round_, data in rows:
        name = "somebody" if seq == 2 else actor
        head = link(head, order, seq, microseconds(at), (kind, step, name, state), round_, data)
        changes = f"actor = '{name}', hash = '\\x{head.hex()}'"
        statements.append(f"update core.events set {changes} where order_id = '{order}' and seq = {seq}")
    tamper(database, *statements, f"update core.orders set head = '\\x{head.hex()}' where id = '{order}'")
    assert [each[:2] for each in found(database)] == [("history.as_committed", number)] * 2
    assert [each[2].partition(" (")[0] for each in found(database)] == [
        "event 2 is not the one that was committed",
        "event 3 is not the one that was committed",
    ]


def test_an_event_taken_out_of_the_middle_is_named(database: Database, history: tuple[str, str]) -> None:
    order, number = history
    tamper(database, f"delete from core.events where order_id = '{order}' and seq = 2")
    assert ("history.verifies", number, "event 3: follows 1") in found(database)
    assert ("history.as_committed", number) in [each[:2] for each in found(database)]


def test_an_end_taken_off_is_named_though_the_order_was_patched_to_match(
    database: Database, history: tuple[str, str]
) -> None:
    order, number = history
    tamper(
        database,
        f"update core.orders set version = 1, state = 'in_review', open = '{{one}}', done = '{{}}',"
        f" head = (select hash from core.events where order_id = '{order}' and seq = 1) where id = '{order}'",
        f"delete from core.events where order_id = '{order}' and seq > 1",
    )
    assert found(database) == [("history.is_whole", number, "events 2 to 3 are gone")]


def test_an_end_put_on_is_named(database: Database, history: tuple[str, str]) -> None:
    order, number = history
    with database.transaction() as session:
        ((version, head),) = session.rows("select version, head from core.orders where id = %s", order)
    seq = version + 1
    head = link(head, order, seq, microseconds(NOW), ("commented", None, "nobody", "archived"), 1, "{}")
    tamper(
        database,
        "insert into core.events (order_id, seq, at, kind, round, actor, state, data, hash) values"
        f" ('{order}', {seq}, '{NOW.isoformat()}', 'commented', 1, 'nobody', 'archived', '{{}}', '\\x{head.hex()}')",
        f"update core.orders set version = {seq}, head = '\\x{head.hex()}' where id = '{order}'",
    )
    assert found(database) == [("history.is_whole", number, "no commit knows events 4 to 4")]


@pytest.mark.parametrize("header_too", [False, True])
def test_a_whole_order_taken_away_is_named(database: Database, history: tuple[str, str], header_too: bool) -> None:
    order, number = history
    tables_of_it = ["events", "order_documents", *(["order_headers"] if header_too else [])]
    tamper(
        database,
        f"delete from core.orders where id = '{order}'",
        *[f"delete from core.{table} where order_id = '{order}'" for table in tables_of_it],
    )
    told = ("history.is_whole", order if header_too else number, "the order is gone with its 3 events")
    assert told in found(database)


def test_a_changed_commit_is_found_by_its_anchor(database: Database, history: tuple[str, str]) -> None:
    tamper(database, "update core.commits set at = at + interval '1 microsecond' where id = 2")
    assert found(database) == [
        ("anchor.holds", "anchor 1", "its root is not that of commits 1 to 3: they, or it, were changed")
    ]


def test_an_order_taken_out_of_a_commit_is_found_by_its_anchor(database: Database, history: tuple[str, str]) -> None:
    tamper(
        database, "update core.commits set orders = orders[2:], seqs = seqs[2:], heads = heads[2:] where id = 3"
    )  # fmt: skip
    assert "anchor.holds" in {each[0] for each in found(database)}
    assert "history.is_whole" in {each[0] for each in found(database)}


def test_a_commit_taken_out_is_found_by_its_anchor(database: Database, history: tuple[str, str]) -> None:
    tamper(database, "delete from core.commits where id = 2")
    assert found(database) == [("anchor.holds", "anchor 1", "covers 3 commits from 1 to 3, of which 2 are there")]


def test_commits_that_change_places_are_found_by_their_anchor(database: Database, history: tuple[str, str]) -> None:
    tamper(
        database,
        "update core.commits set id = -1 where id = 1",
        "update core.commits set id = 1 where id = 2",
        "update core.commits set id = 2 where id = -1",
    )
    assert [each[:2] for each in found(database)] == [("anchor.holds", "anchor 1")]


def test_a_commit_that_claims_another_anchor_is_found(database: Database, history: tuple[str, str]) -> None:
    tamper(database, "update core.commits set anchor = 9 where id = 2")
    assert ("anchor.is_there", "anchor 9") in [each[:2] for each in found(database)]


@pytest.fixture
def chain(database: Database, history: tuple[str, str]) -> list[Anchor]:
    """Three anchors."""
    anchors = []
    for minute in (1, 2):
        opened(database, 1)
        anchors.append(anchored(database, minute))
    with database.transaction() as session:
        rows = session.rows("select seq, at, previous, root, first, last, count from core.anchors order by seq")
    assert [Anchor(*row) for row in rows][1:] == anchors
    return [Anchor(*row) for row in rows]


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (["update core.anchors set root = '\\x00' where seq = 2"], "anchor 2"),
        (["update core.anchors set at = at + interval '1 microsecond' where seq = 2"], "anchor 2"),
        (["update core.anchors set count = 7 where seq = 2"], "anchor 2"),
        (["delete from core.anchors where seq = 2"], "anchor 3"),
        (["delete from core.anchors where seq = 1"], "anchor 2"),
        (["delete from core.anchors where seq = 3"], "anchor 3"),
        (
            [
                "update core.anchors set seq = 9 where seq = 1",
                "update core.anchors set seq = 1 where seq = 2",
                "update core.anchors set seq = 2 where seq = 9",
            ],
            "anchor 1",
        ),
    ],
)
def test_anchors_changed_removed_or_exchanged_are_named(
    database: Database, chain: list[Anchor], damage: list[str], named: str
) -> None:
    assert found(database) == []
    tamper(database, *damage)
    assert named in {each[1] for each in found(database) if each[0].startswith("anchor.")}


def test_a_chain_made_anew_no_longer_holds_the_root_that_somebody_kept(database: Database, chain: list[Anchor]) -> None:
    """The intruder changes everything that there is: only what lies outside tells."""
    roots = [each.root for each in chain]
    assert all(audit(database, [], root).kept for root in roots)
    tamper(database, "update core.commits set anchor = null", "delete from core.anchors")
    tamper(database, "update core.commits set at = at + interval '1 second' where id = 4")
    anchored(database, 9)
    assert found(database) == []
    for root in roots:
        assert found(database, root) == [
            (
                "anchor.is_kept",
                root.hex(),
                "no anchor has this root: what was recorded until then has been replaced",
            )
        ]
