"""Orders with a history of three events each, made without any department, and what an intruder does to them."""

from collections.abc import Sequence

from messages.orders import Order
from shared import policy
from shared.catalogue import gather
from shared.database import Database, Session
from shared.definitions import parse
from shared.history import SYSTEM, Kind
from shared.journal import Journal
from shared.standings import lock_standings
from tests.support.database import AS_OWNER, UNGUARDED
from tests.support.definitions import definition_text, step
from tests.support.orders import NOW, an_order, open_orders

DEFINITION = parse(definition_text(step("one"), step("two"), ends_in="archived"), "sample.toml")
POLICIES = policy.load()
EVENTS = 3
"""Of every order: received, and passed twice."""


def opened(database: Database, count: int) -> list[Order]:
    """So many orders at the first step, in one commit. Their batches are left aside."""
    orders = [an_order() for _ in range(count)]
    open_orders(database, DEFINITION, POLICIES.get("standard@1"), orders)
    return orders


def move(session: Session, orders: Sequence[Order], step: str) -> None:
    """The step passes for all of them: one commit."""
    journal = Journal(NOW)
    folders = lock_standings(session, [order.id for order in orders], gather([DEFINITION]), POLICIES)
    for folder in folders.values():
        journal.finish_step(folder, Kind.PASSED, step, SYSTEM, {})
    journal.write(session)


def recorded(database: Database, count: int) -> list[Order]:
    """So many orders with a whole history each."""
    orders = opened(database, count)
    for name in ("one", "two"):
        with database.transaction() as session:
            move(session, orders, name)
    return orders


def tamper(database: Database, *statements: str) -> None:
    """What an intruder does who owns the tables and knows of the triggers. Every statement must change something."""
    with database.transaction() as session:
        session.write(AS_OWNER)
        session.write(UNGUARDED)
        for statement in statements:
            assert session.rows(f"{statement} returning 1"), statement
