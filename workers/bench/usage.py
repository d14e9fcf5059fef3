"""What the running system costs: CPU seconds and memory of its processes, from the operating system's own books."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil

from workers.system import System

POSTGRESQL, VALKEY = "postgresql", "valkey"
_SERVERS = {"postgres": POSTGRESQL, "valkey-server": VALKEY}
_MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Memory:
    """In MB. `pss` counts every page once, however many processes share it; `rss` counts it in each of them."""

    pss: float
    rss: float

    def __add__(self, other: "Memory") -> "Memory":
        return Memory(self.pss + other.pss, self.rss + other.rss)


@dataclass(frozen=True, slots=True)
class Speed:
    """What so many orders took. `cpu`: seconds by process."""

    orders: int
    seconds: float
    cpu: Mapping[str, float]

    @property
    def per_second(self) -> float:
        return self.orders / self.seconds

    @property
    def cpu_per_1000(self) -> dict[str, float]:
        return {name: 1000 * seconds / self.orders for name, seconds in self.cpu.items()}


def cpu_seconds(system: System) -> dict[str, float]:
    """Used since they started, by process, all of PostgreSQL as one; ended children count for their parent."""
    used: dict[str, float] = defaultdict(float)
    for name, process in _processes(system):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            used[name] += times.user + times.system + times.children_user + times.children_system
    return used


def cpu_since(system: System, before: Mapping[str, float]) -> dict[str, float]:
    """Used since then, by process."""
    return {name: seconds - before.get(name, 0.0) for name, seconds in cpu_seconds(system).items()}


def by_kind(seconds: Mapping[str, float]) -> dict[str, float]:
    """The same for Python, PostgreSQL and Valkey."""
    servers = {kind: seconds.get(kind, 0.0) for kind in (POSTGRESQL, VALKEY)}
    return {"python": sum(seconds.values()) - sum(servers.values()), **servers}


def python_memory(system: System) -> Memory:
    """Of all Python processes that the system has started. The one that started them is not among them."""
    total = Memory(0, 0)
    for name, process in _processes(system):
        if name not in (POSTGRESQL, VALKEY):
            with suppress(psutil.NoSuchProcess):
                total += memory_of(process)
    return total


def memory_of(process: psutil.Process) -> Memory:
    """Of one process. Where the operating system does not say how much is shared, `pss` is `rss`."""
    told = process.memory_full_info()
    return Memory(getattr(told, "pss", told.rss) / _MB, told.rss / _MB)


def _processes(system: System) -> Iterator[tuple[str, psutil.Process]]:
    names = {state.pid: state.name for state in system.supervisor.states()}
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            yield _SERVERS.get(process.name()) or names.get(process.pid, "others"), process
