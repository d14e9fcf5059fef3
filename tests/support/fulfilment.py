"""What tests of logistics and after-sales share: visits, the runtime's way through an activity, stand-ins for views."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from messages.commands import Fact
from messages.orders import Order
from shared import definitions, policy
from shared.audit import Invariant
from shared.database import ROLE, Database, Session, array
from shared.department import Activity, Booked, FactHandler, Outcome, Passed, Referred, ReportedFact, Visit
from shared.ids import new_id
from tests.support.database import AS_OWNER
from tests.support.definitions import definition_text, step
from tests.support.orders import NOW, open_orders

POLICY = policy.load().get("standard@1")
_DEFINITION = definitions.parse(definition_text(step("ship", activity="logistics.ship")), "sample")


def visit(order: Order, activities: Iterable[str] = (), now: datetime = NOW) -> Visit:
    """An order at a step of a definition with these activities."""
    return Visit(order, 1, "step", {}, POLICY, now, frozenset(activities))


def stored(database: Database, *orders: Order, state: str = "approved") -> None:
    """Orders in the core's books, in this state."""
    open_orders(database, _DEFINITION, POLICY, orders)
    put_into(database, state, *orders)


def put_into(database: Database, state: str, *orders: Order) -> None:
    """Set the orders' state without asking any process."""
    with database.transaction() as session:
        session.write(
            "update core.orders set state = %s where id = any(%s::uuid[])", state, array([one.id for one in orders])
        )


def work(
    database: Database, activity: Activity[Any], visits: Sequence[Visit], *, agree: bool = False
) -> dict[str, Outcome]:
    """One batch as the runtime works it, in one transaction; outcomes by order. `agree`: a person agrees to everything
    that is referred.
    """
    outcomes: dict[str, Outcome] = {}
    effects: list[Any] = []
    with database.transaction() as session:
        facts = activity.load(session, visits)
        for each in visits:
            outcome = outcomes[each.order.id] = activity.decide(each, facts)
            if isinstance(outcome, Passed) or (agree and isinstance(outcome, Referred)):
                for effect in outcome.effects:
                    facts.absorb(effect)
                    effects.append(effect)
        if effects:
            activity.save(session, effects)
    return outcomes


def undo(database: Database, activity: Activity[Any], *visits: Visit) -> None:
    """Take back what the orders obtained."""
    with database.transaction() as session:
        activity.undo(session, visits)


def report(database: Database, handler: FactHandler, *facts: tuple[Fact, Order | None], now: datetime = NOW) -> Booked:
    """Book facts in one batch. They get the ids "0", "1", … in the order given; None: of an order nobody knows."""
    reported = [
        ReportedFact(str(place), order.id if order else None, fact, now) for place, (fact, order) in enumerate(facts)
    ]
    with database.transaction() as session:
        return handler(session, reported)


def rows(database: Database, sql: str, *params: object) -> list[tuple[Any, ...]]:
    """What a statement finds."""
    with database.transaction() as session:
        return session.rows(sql, *params)


def breaches(database: Database, invariants: Iterable[Invariant]) -> list[str]:
    """The codes of the invariants that do not hold."""
    with database.transaction() as session:
        return [each.code for each in invariants if session.rows(each.sql)]


def breaches_after(database: Database, damage: str, invariants: Iterable[Invariant]) -> list[str]:
    """The same once the statements in `damage` have run; they are taken back."""
    found: list[str] = []
    with suppress(_TakenBack), database.transaction() as session:
        session.write(AS_OWNER)
        for statement in damage.split(";"):
            session.write(statement)
        found = [each.code for each in invariants if session.rows(each.sql)]
        raise _TakenBack
    return found


class _TakenBack(Exception):
    pass


def stand_in(session: Session, view: str) -> None:
    """Put an empty table in the place of another department's view, with exactly its columns, so that a test says
    itself what that department knows.
    """
    name = f"stand_in_{new_id()[-12:]}"
    schema, _, relation = view.partition(".")
    session.write(AS_OWNER)
    session.write(f"create table {schema}.{name} as select * from {view} with no data")
    session.write(f"drop view {view} cascade")
    session.write(f"alter table {schema}.{name} rename to {relation}")
    session.write(f"grant all on {schema}.{relation} to {ROLE}")


def rows_read(session: Session, schema: str) -> dict[str, int]:
    """How many rows this connection has read of each table of the schema: to be compared within one transaction."""
    return dict(
        session.rows(
            "select relname, seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables"
            " where schemaname = %s",
            schema,
        )
    )
