"""Which duties the scheduler does when, and that one which fails keeps no other from its work."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from shared.runtime import Counters
from shared.settings import Settings
from tests.support.orders import NOW
from workers.process import Process
from workers.scheduler import main

DONE: list[str] = []


def quick(_process: Process, _now: datetime) -> int:
    DONE.append("quick")
    return 1


def daily(_process: Process, _now: datetime) -> int:
    DONE.append("daily")
    return 1


def broken(_process: Process, _now: datetime) -> int:
    raise ValueError("an order that nobody can read")


def away(_process: Process, _now: datetime) -> int:
    raise psycopg.OperationalError("the server is gone")


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    DONE.clear()
    monkeypatch.setattr(main, "EVERY_TICK", (broken, quick))
    monkeypatch.setattr(main, "DEADLINES", (daily,))
    monkeypatch.setattr(main, "SLOW", ())
    return cast(Process, SimpleNamespace(settings=Settings(), counters=Counters()))


@pytest.mark.requirement("PLT-02")
def test_a_duty_that_fails_keeps_no_other_from_its_work(process: Process) -> None:
    main.tick(process, NOW, {})
    assert (DONE, process.counters.handled) == (["quick", "daily"], 2)


@pytest.mark.requirement("APR-14")
def test_what_a_day_brings_is_looked_for_once_a_minute(process: Process) -> None:
    done: dict[Any, datetime] = {}
    for seconds in (0, 1, 59, 60, 61):
        main.tick(process, NOW + timedelta(seconds=seconds), done)
    assert (DONE.count("quick"), DONE.count("daily")) == (5, 2)


def test_a_server_that_is_away_ends_the_round(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "EVERY_TICK", (away, quick))
    with pytest.raises(psycopg.OperationalError):
        main.tick(process, NOW, {})
    assert DONE == []
