"""`orderflow bench` measures everything that it promises, on the whole real system."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.support.database import REPOSITORY

PROMISED = {
    "route_orders_per_second",
    "floor_orders_per_second",
    "naive_orders_per_second",
    "route_over_floor",
    "route_over_naive",
    "p50_ms",
    "p99_ms",
    "cpu_seconds_per_1000",
    "memory_mb",
    "memory_rss_mb",
    "idle_cpu_percent",
    "floor_cpu_seconds_per_1000",
    "naive_cpu_seconds_per_1000",
    "whole_orders_per_second",
    "whole_cpu_seconds_per_1000",
    "archived_orders_per_second",
    "archived_over_empty",
}
DEPARTMENTS = {"sales_review", "finance", "compliance", "warehouse", "logistics", "after_sales"}


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workers.cli", "bench", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    done = bench("--quick", "--orders", "3000", "--archived", "10000", "--json")
    assert done.returncode == 0, done.stderr
    assert "route: 300 orders" in done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.timeout(300)
def test_every_figure_is_there(figures: dict[str, Any]) -> None:
    assert figures["orders"] == 300
    assert figures["archived"] >= 1_000
    assert {name for name in PROMISED if not figures[name] > 0} == set()
    assert figures["p50_ms"] <= figures["p99_ms"]
    assert figures["memory_mb"] <= figures["memory_rss_mb"]


@pytest.mark.timeout(300)
def test_the_figures_agree_with_each_other(figures: dict[str, Any]) -> None:
    route = figures["route_orders_per_second"]
    assert figures["route_over_floor"] == pytest.approx(route / figures["floor_orders_per_second"])
    assert figures["route_over_naive"] == pytest.approx(route / figures["naive_orders_per_second"])
    assert figures["archived_over_empty"] == pytest.approx(figures["archived_orders_per_second"] / route)
    assert set(figures["cpu_by_kind"]) == {"python", "postgresql", "valkey"}
    assert figures["cpu_by_process"].keys() >= DEPARTMENTS | {"intake", "relay", "postgresql", "valkey"}
    for split in ("cpu_by_kind", "cpu_by_process"):
        assert sum(figures[split].values()) == pytest.approx(figures["cpu_seconds_per_1000"])


@pytest.mark.timeout(300)
def test_parts_can_be_left_out_and_people_get_a_table() -> None:
    done = bench("--quick", "--orders", "1000", *("--skip", "floor"), *("--skip", "naive"), *("--skip", "latency"))
    assert done.returncode == 0, done.stderr
    assert "naive" not in done.stderr
    rows = {line[:40].rstrip() for line in done.stdout.splitlines()}
    assert any(row.startswith("route orders per second") for row in rows)
    assert [line.split()[-1] for line in done.stdout.splitlines() if line.startswith("p50 ms")] == ["–"]


def test_an_unknown_part_is_refused() -> None:
    done = bench("--skip", "everything")
    assert done.returncode == 2
    assert "There is no part 'everything'; there are latency, floor, naive" in " ".join(done.stderr.split())
