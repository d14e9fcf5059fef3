"""All the measurements of one run, one after the other on the same servers."""

import tempfile
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from shared.broker import Broker, connect
from shared.calendar import BUSINESS_ZONE
from shared.database import Database, open_database
from shared.settings import settings
from workers.bench import company, copies, floor, naive, route, world
from workers.bench.usage import Speed, by_kind, cpu_seconds, cpu_since, memory_of, python_memory
from workers.masterdata import load_folder
from workers.system import System

PARTS = ("latency", "floor", "naive", "whole")
"""What may be left out."""

_IDLE_SECONDS = 5.0

_FIGURES = ("orders_per_second", "cpu_seconds_per_1000")

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured, and with how much. `archived`: 0 leaves that comparison out."""

    orders: int
    naive_orders: int
    archived: int
    rate: float
    latency_orders: int
    skip: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Bench:
    """A running system and the ways into it. `say`: tells of progress."""

    system: System
    database: Database
    broker: Broker
    say: Callable[[str], None]

    def route(self, name: str, count: int) -> Speed:
        """Send so many orders through; `name` makes them different from all others."""
        self.say(f"{name}: {count} orders")
        return route.run(self.system, self.database, self.broker, _orders(name, count))

    def whole(self, count: int) -> Speed:
        """Send so many orders through `standard`: delivered, received, invoiced and paid before they are archived."""
        self.say(f"whole: {count} orders")
        with world.answering(self.broker):
            return route.run(self.system, self.database, self.broker, _orders("whole", count, "standard"))


def measure(system: System, plan: Plan, say: Callable[[str], None]) -> Figures:
    """Every figure by name; None where its part was left out. Raises `Stuck`.

    `other_cpu_cores`: what was busy during the route and not of the system, the client that publishes and looks
    included; much above 0.1, the machine had other things to do, and what is measured is less than what it can.
    """
    ours = memory_of(psutil.Process())  # as in `up`: there are no orders in it yet
    database = open_database(system.database_url, settings(), pool=2, owner=True)  # it vacuums
    bench = Bench(system, database, connect(system.broker_url), say)
    _load_company(database)
    bench.route("warm-up", max(100, plan.orders // 10))
    idle = _idle_percent(bench)
    busy, started = _busy_seconds(), time.monotonic()
    speed = bench.route("route", plan.orders)
    others = (_busy_seconds() - busy - sum(speed.cpu.values())) / (time.monotonic() - started)
    memory = ours + python_memory(system)
    figures: Figures = {
        "orders": plan.orders,
        "route_orders_per_second": speed.per_second,
        **{f"{name}_{figure}": None for name in ("floor", "naive") for figure in _FIGURES},
        "route_over_floor": None,
        "route_over_naive": None,
        "whole_orders_per_second": None,
        "whole_cpu_seconds_per_1000": None,
        "whole_cpu_by_process": None,
        "p50_ms": None,
        "p99_ms": None,
        "cpu_seconds_per_1000": sum(speed.cpu_per_1000.values()),
        "cpu_by_kind": by_kind(speed.cpu_per_1000),
        "cpu_by_process": speed.cpu_per_1000,
        "other_cpu_cores": others,
        "idle_cpu_percent": idle,
        "memory_mb": memory.pss,
        "memory_rss_mb": memory.rss,
    }
    if "whole" not in plan.skip:
        whole = bench.whole(plan.orders)
        figures["whole_orders_per_second"] = whole.per_second
        figures["whole_cpu_seconds_per_1000"] = sum(whole.cpu_per_1000.values())
        figures["whole_cpu_by_process"] = whole.cpu_per_1000
    if "latency" not in plan.skip:
        say(f"latency: {plan.latency_orders} orders at {plan.rate:g}/s")
        bodies = _orders("latency", plan.latency_orders)
        figures["p50_ms"], figures["p99_ms"] = route.latencies_ms(database, bench.broker, bodies, plan.rate)
    if "floor" not in plan.skip:
        say(f"floor: {plan.orders} orders")
        figures |= _compared("floor", speed, floor.run(system, database, plan.orders))
    if "naive" not in plan.skip:
        say(f"naive: {plan.naive_orders} orders")
        figures |= _compared("naive", speed, naive.run(system, database, _orders("naive", plan.naive_orders)))
    figures |= _among_archived(bench, plan, speed)
    database.close()
    return figures


def _compared(name: str, route: Speed, other: Speed) -> Figures:
    return {
        f"{name}_orders_per_second": other.per_second,
        f"{name}_cpu_seconds_per_1000": sum(other.cpu_per_1000.values()),
        f"route_over_{name}": route.per_second / other.per_second,
    }


def _among_archived(bench: Bench, plan: Plan, empty: Speed) -> Figures:
    """The route again, with so many archived orders in the tables."""
    if not plan.archived:
        return {"archived": 0, "archived_orders_per_second": None, "archived_over_empty": None}
    archived = copies.multiply(
        bench.database, plan.archived, lambda done: bench.say(f"archived: {done} of {plan.archived} made")
    )
    bench.route("warm-up among archived", max(100, plan.orders // 10))
    full = bench.route("route among archived", plan.orders)
    return {
        "archived": archived,
        "archived_orders_per_second": full.per_second,
        "archived_over_empty": full.per_second / empty.per_second,
        "archived_cpu_seconds_per_1000": sum(full.cpu_per_1000.values()),
        "archived_cpu_by_kind": by_kind(full.cpu_per_1000),
        "archived_cpu_by_process": full.cpu_per_1000,
    }


def _idle_percent(bench: Bench) -> float:
    """Of one core, all processes and servers together."""
    bench.say(f"idle: {_IDLE_SECONDS:g} s")
    before = cpu_seconds(bench.system)
    time.sleep(_IDLE_SECONDS)
    return 100 * sum(cpu_since(bench.system, before).values()) / _IDLE_SECONDS


def _busy_seconds() -> float:
    """Of all cores of this machine, whoever used them."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)


def _orders(name: str, count: int, definition: str = "express") -> list[bytes]:
    return company.orders(name, count, datetime.now(BUSINESS_ZONE).date(), definition)


def _load_company(database: Database) -> None:
    with tempfile.TemporaryDirectory() as folder:
        company.write_files(Path(folder))
        _, faults = load_folder(database, Path(folder))
    assert not faults, faults
