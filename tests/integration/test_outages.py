"""Processes whose broker is away: each loop says so once, then ever more seldom, and once when it is back."""

import json
from collections import defaultdict
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from shared.broker import connect
from shared.database import Database
from shared.outbox import Announcement, announce
from tests.support.running import started
from tests.support.serving import Gate, batch, send, serving
from tests.support.valkey import OwnValkey
from tests.support.waiting import until

PROCESSES = {
    ("workers.department", "finance"): ["fetch"],
    ("workers.intake.main",): ["receive", "receive"],  # two streams
    ("workers.relay.main",): ["relay"],
    ("workers.scheduler.main",): ["schedule"],
}
"""What is started, and the loops in it that need the broker."""
TOLD = {"schema_version": 1, "source": "shop", "external_id": "A", "order": "SO-1"}


def test_every_process_says_when_the_broker_goes_and_when_it_is_back(
    database: Database, database_url: str, own_valkey: OwnValkey, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    urls = {"database_url": database_url, "broker_url": own_valkey.url}
    with ExitStack() as stack:
        for module in PROCESSES:
            stack.enter_context(started(*module, log=str(log), scheduler_tick_seconds="0.1", **urls))
        own_valkey.stop()
        with database.transaction() as session:
            announce(session, [Announcement("id", "orderflow.submission.repeated", None, datetime.now(UTC), TOLD)])
        until(lambda: all(len(seconds) >= 3 for seconds in outages(log)["outage"].values()) and complete(log, "outage"))
        own_valkey.start()
        until(lambda: complete(log, "outage.over"))
    for seconds in outages(log)["outage"].values():
        assert seconds[0] == 0
        assert all(later - sooner >= 0.9 for sooner, later in pairwise(seconds)), seconds
        assert len(seconds) <= 6
    assert all(len(seconds) == 1 for seconds in outages(log)["outage.over"].values())
    assert {line["event"] for line in lines(log)} == {"outage", "outage.over"}


Told = dict[tuple[str, str], list[float]]


def outages(log: Path) -> dict[str, Told]:
    """Per event and loop, after how many seconds it was told of."""
    found: dict[str, Told] = defaultdict(lambda: defaultdict(list))
    for line in lines(log):
        found[line["event"]][line["duty"], line.get("stream", "")].append(line["seconds"])
    return found


def complete(log: Path, event: str) -> bool:
    """Whether every loop has told of it."""
    duties = sorted(duty for duty, _ in outages(log)[event])
    return duties == sorted(duty for loops in PROCESSES.values() for duty in loops)


def lines(log: Path) -> list[dict[str, Any]]:
    whole = log.read_text(encoding="utf-8").rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


@pytest.mark.timeout(60)
def test_a_worker_that_stops_while_the_broker_is_away_says_so_no_oftener(own_valkey: OwnValkey) -> None:
    gate = Gate()
    with capture_logs() as told, serving(own_valkey.url, gate) as desk:
        send(connect(own_valkey.url), batch())
        gate.reached()
        own_valkey.stop()
        desk.stop.set()
        until(lambda: len(told) >= 2, what="a second word about it")
        gate.open()
    assert [each["event"] for each in told[:2]] == ["outage"] * 2
    assert told[1]["seconds"] >= 0.9
