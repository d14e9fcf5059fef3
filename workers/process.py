"""What every long-running process does alike: settings, log, signals, lifeline, heartbeat, READY."""

import gc
import json
import logging
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import psycopg
import structlog

from messages.batch import Batch
from shared.broker import Broker, BrokerUnavailable, connect, publish
from shared.catalogue import DefinitionError
from shared.database import CommitUnknown, Database, RoleRefused, open_database
from shared.ids import new_id
from shared.lifeline import watch_lifeline
from shared.outage import Outage
from shared.rulebook import LiveRulebook, Rulebook
from shared.runtime import Counters
from shared.settings import Settings, settings_or_end

VERSION = "0.1.0"
POOL = 3
"""Connections that a process keeps open: two threads of work at most, and its heartbeat."""
_AGAIN_SECONDS = 1.0
AWAY = (psycopg.OperationalError, CommitUnknown, BrokerUnavailable)
"""What says that a server is away, and nothing of the work."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Process:
    """A running process of the system and what it works with."""

    name: str
    settings: Settings
    database: Database
    broker: Broker
    stop: threading.Event
    counters: Counters
    rulebook: LiveRulebook
    unpublished: Outage = field(default_factory=lambda: Outage({"duty": "publish"}))

    def publish(self, batches: Sequence[Batch]) -> None:
        """Send wake-up calls. A broker that is away is only logged: the rows are there, and rescue sends them."""
        if not batches:
            return
        try:
            publish(self.broker, [(batch.department, batch) for batch in batches])
        except BrokerUnavailable as error:
            self.unpublished.noticed(error, batches=len(batches))
        else:
            self.unpublished.over()


@contextmanager
def running(name: str, verify: Callable[[Rulebook], None] | None = None, *, hot: bool = False) -> Iterator[Process]:
    """Set up, announce READY to a supervisor, beat until the block ends. `hot`: it spends its time on batches.

    `verify` looks at the rulebook first: a process that cannot use it is not started.
    """
    log_as_json()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    watch_lifeline()
    chosen = settings_or_end()
    database = open_database(chosen.database_url, chosen, pool=POOL, hot=hot)
    # A server that is away is waited for later; one that does not let us act as we must ends the process.
    with refusing(), suppress(psycopg.OperationalError), database.transaction():
        pass
    process = Process(name, chosen, database, connect(chosen.broker_url), stop, Counters(), LiveRulebook(database))
    if verify:
        _verify(process, verify)
    heart = beside(process, "heartbeat", partial(_beat, process))
    if hot:
        _spare_the_collector()
    print("READY", flush=True)
    try:
        yield process
    finally:
        stop.set()
        heart.join(timeout=5)
        database.close()


def _verify(process: Process, verify: Callable[[Rulebook], None]) -> None:
    with refusing():
        while not process.stop.is_set():
            try:
                verify(process.rulebook.current())
                return
            except psycopg.OperationalError as error:
                log.warning("rulebook.unread", error=repr(error))
                process.stop.wait(_AGAIN_SECONDS)


@contextmanager
def refusing() -> Iterator[None]:
    """Around what comes before READY: a definition or policy that cannot be used (PRC-08), or a database that does not
    let us in, ends the process in one sentence for the supervisor.
    """
    try:
        yield
    except DefinitionError as error:
        print("REFUSED", "; ".join(error.faults), flush=True)
        raise SystemExit(1) from error
    except RoleRefused as error:
        print("REFUSED", error, flush=True)
        raise SystemExit(1) from error


def beside(process: Process, name: str, work: Callable[[], None]) -> threading.Thread:
    """A thread for what the process does beside its main work, until it stops. One that ends earlier takes the whole
    process with it, so that whatever supervises it starts it again: never half a process that looks alive.
    """

    def serve() -> None:
        error: BaseException | None = None
        try:
            work()
        except BaseException as raised:  # noqa: BLE001 - whatever it is, the process does not go on without this thread
            error = raised
        if error is None and process.stop.is_set():
            return
        log.critical("process.thread_died", process=process.name, thread=name, error=repr(error))
        if not process.stop.is_set():
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(os.EX_SOFTWARE)

    thread = threading.Thread(target=serve, name=name, daemon=True)
    thread.start()
    return thread


def every(seconds: float, stop: threading.Event, duty: str, work: Callable[[], None]) -> None:
    """Do something until told to stop; a database or broker that is away is logged and tried again next time."""
    outage = Outage({"duty": duty})
    while not stop.is_set():
        try:
            work()
        except AWAY as error:
            outage.noticed(error)
        else:
            outage.over()
        stop.wait(seconds)


def log_as_json() -> None:
    """One JSON object per line on stderr; the standard library's loggers too."""
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            stamp,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_dumps),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format='{"logger":"%(name)s","event":"%(message)s"}')


def _dumps(value: object, **_: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _spare_the_collector() -> None:
    # A batch makes tens of thousands of objects without cycles; what was imported is never garbage.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def _beat(process: Process) -> None:
    me, started = new_id(), datetime.now(UTC)

    def beat() -> None:
        counters = process.counters
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        with process.database.transaction() as session:
            session.write(
                _BEAT, me, process.name, socket.gethostname(), os.getpid(), VERSION, started, datetime.now(UTC),
                counters.handled, counters.duplicates, counters.stale, memory,
            )  # fmt: skip

    every(process.settings.heartbeat_seconds, process.stop, "heartbeat", beat)


_BEAT = """
insert into core.workers
    (id, name, host, pid, version, started_at, beat_at, handled, duplicates, stale, memory_bytes)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (id) do update set beat_at = excluded.beat_at, handled = excluded.handled,
    duplicates = excluded.duplicates, stale = excluded.stale, memory_bytes = excluded.memory_bytes
"""
