"""`demo`: the whole system at work on sample orders, with a live board."""

import tempfile
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.commands.terminal import Json, Lang, emit, errors, fail, language, note, one_of

if TYPE_CHECKING:
    from rich.live import Live

    from shared.broker import Broker
    from shared.database import Database
    from workers.demo.autopilot import Autopilot
    from workers.demo.board import Board
    from workers.demo.subscriber import Subscriber
    from workers.demo.summary import Summary
    from workers.system import System

SAMPLE = Path(__file__).parent.parent.parent / "deploy" / "sample_company"
_TICK_SECONDS = 0.25
_STALLED_SECONDS = 30.0
_QUIET_TICKS = 2
_SAY_SECONDS = 5.0


def demo(
    orders: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many sample orders. 订单数。")] = 400,
    definition: Annotated[
        str | None, typer.Option(help="Run all of them through this process definition. 流程。")
    ] = None,
    autopilot: Annotated[
        bool, typer.Option(help="Simulate the staff and the outside world. 模拟人员与外部世界。")
    ] = True,
    stay: Annotated[bool, typer.Option(help="Keep running afterwards, until Ctrl-C. 完成后继续运行。")] = False,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Send sample orders through the upstream queue and all six departments to the archive. 演示。

    Everything runs in a temporary folder. Exit code 0 only if nothing was lost, nothing happened twice and the audit
    is clean, and, where staff and world are simulated, no order is left waiting. With --json the last line of stdout is
    one JSON object.
    """
    from shared import definitions
    from shared.embedded import EmbeddedError
    from shared.processes import beginnings
    from shared.settings import settings
    from workers.demo.summary import show
    from workers.supervisor import ChildFailed
    from workers.system import running_system, until_interrupted

    one_of("definition", definition, beginnings(definitions.load()))
    stop = until_interrupted()
    with tempfile.TemporaryDirectory(prefix="orderflow-demo-") as home:
        mine = settings().model_copy(update={"home": Path(home), "database_url": "", "broker_url": ""})
        note("starting")
        try:
            with running_system(mine, stop) as system:
                if stop.is_set():
                    raise typer.Exit(130)
                summary = _run(system, orders, definition, autopilot)
                if not json:
                    show(summary)
                if stay and not stop.is_set():
                    note("demo.stays", home=home)
                    _stay(system, autopilot)
        except (EmbeddedError, ChildFailed) as error:
            fail("failed", error=error)
    if json:
        emit(summary.as_data())
    stuck = autopilot and summary.waiting and not stop.is_set()
    raise typer.Exit(0 if summary.good and not stuck else 1)


def _run(system: "System", count: int, definition: str | None, autopilot: bool) -> "Summary":
    from shared import queries, rulebook
    from shared.audit import audit
    from shared.calendar import BUSINESS_ZONE
    from shared.database import open_database
    from shared.settings import settings
    from workers.demo import summary
    from workers.demo.board import Board
    from workers.demo.sample import sample_orders
    from workers.demo.subscriber import Subscriber, publish_orders
    from workers.departments import invariants
    from workers.masterdata import load_folder

    database = open_database(system.database_url, settings(), pool=3)
    _, faults = load_folder(database, SAMPLE)
    if faults:
        fail("demo.no_company", fault=faults[0])
    bodies = sample_orders(datetime.now(UTC).astimezone(BUSINESS_ZONE).date(), count, definition)
    subscriber, board = Subscriber(system.broker_url), Board(len(bodies), language())
    started = time.monotonic()
    publish_orders(system.broker_url, bodies)
    note("demo.published", count=len(bodies))
    if autopilot:
        note("demo.simulated")
    with _autopilot(system, database, autopilot) as pilot, _live() as live:
        finished = _watch(system, database, subscriber, board, live, pilot)
    with database.transaction() as session:
        states = queries.orders_by_state(session)
        times, found = summary.lead_times(session, rulebook.read(session).definitions), summary.findings(session)
        dead = summary.dead(session)
    result = summary.Summary(
        published=len(bodies),
        answered=subscriber.answered,
        repeated=subscriber.repeated,
        refused=subscriber.refused,
        states=states,
        dead=dead,
        seconds=finished - started,
        verdict=audit(database, invariants()),
        lead_times=times,
        findings=found,
    )
    database.close()
    return result


def _watch(
    system: "System",
    database: "Database",
    subscriber: "Subscriber",
    board: "Board",
    live: "Live | None",
    pilot: "Autopilot | None",
) -> float:
    """Draw until everything has come to rest, or nothing has moved for a long time; returns when it last moved.

    A returned order is at rest only once the autopilot, too, has found nothing more to do with it.
    """
    from shared.broker import connect
    from shared.words import word

    broker = connect(system.broker_url)
    moved = said = time.monotonic()
    before, rested = "", False
    while not system.stop.wait(_TICK_SECONDS):
        while subscriber.read():
            moved = time.monotonic()
        departments, states = _look(database, broker), subscriber.by_state()
        if live:
            live.update(board.draw(departments, states, subscriber.answered, errors.width))
        elif time.monotonic() - said > _SAY_SECONDS:
            said = time.monotonic()
            counts = [f"{word('states', state, language())} {count}" for state, count in sorted(states.items())]
            note("demo.progress", answered=subscriber.answered, states=", ".join(counts))
        if not board.at_rest(states, subscriber.answered):
            rested = False
        elif pilot is None or (rested and pilot.quiet_ticks >= _QUIET_TICKS):
            break
        else:
            rested = True
        shape = (
            f"{states}{[(row['waiting'], row['people'], row['world'], row['dead']) for row in departments.values()]}"
        )
        if shape != before:
            moved, before = time.monotonic(), shape
        if time.monotonic() - moved > _STALLED_SECONDS:
            break
    return moved


def _look(database: "Database", broker: "Broker") -> dict[str, dict[str, Any]]:
    """The departments as they are, with what their workers hold."""
    from shared import queries

    with database.transaction() as session:
        departments = queries.departments_now(session, datetime.now(UTC))
    held = _held(broker, departments)
    for name, row in departments.items():
        row["in_work"] = held.get(name, 0)
    return departments


def _held(broker: "Broker", departments: Collection[str]) -> dict[str, int]:
    """Messages that workers hold, per department; nothing while the broker is away."""
    from shared.broker import depth
    from shared.queues import BrokerUnavailable

    try:
        return {name: found.held for name, found in depth(broker, list(departments)).items()}
    except BrokerUnavailable:
        return {}


@contextmanager
def _live() -> "Iterator[Live | None]":
    from rich.live import Live

    if not errors.is_terminal:
        yield None
        return
    with Live(console=errors, refresh_per_second=4) as live:
        yield live


@contextmanager
def _autopilot(system: "System", database: "Database", wanted: bool) -> "Iterator[Autopilot | None]":
    """Let the simulated staff and world act beside the board until the block ends."""
    if not wanted:
        yield None
        return
    import psycopg

    from shared.queues import BrokerUnavailable
    from workers.demo.autopilot import Autopilot

    pilot, done = Autopilot(database, system.broker_url), threading.Event()

    def fly() -> None:
        away = False
        while not done.wait(_TICK_SECONDS):
            try:
                pilot.tick()
                away = False
            except (BrokerUnavailable, psycopg.OperationalError) as error:
                if not away:
                    note("demo.tries_again", error=error)
                away = True

    thread = threading.Thread(target=fly, name="autopilot")
    thread.start()
    try:
        yield pilot
    finally:
        done.set()
        thread.join()
        pilot.close()


def _stay(system: "System", autopilot: bool) -> None:
    from shared.database import open_database
    from shared.settings import settings

    database = open_database(system.database_url, settings(), pool=2)
    with _autopilot(system, database, autopilot):
        system.stop.wait()
    database.close()
