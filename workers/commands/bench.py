"""`bench`: how fast and how small."""

import signal
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.commands.terminal import Json, Lang, emit, errors, fail, language, one_of, table

if TYPE_CHECKING:
    from workers.bench.measure import Figures

_LATENCY_SECONDS = 20


def bench(
    orders: Annotated[int, typer.Option(min=100, max=1_000_000, help="Orders on the route. 订单数。")] = 20_000,
    archived: Annotated[
        int, typer.Option(min=0, max=10_000_000, help="Measure again among so many archived orders. 已归档订单数。")
    ] = 0,
    rate: Annotated[float, typer.Option(min=0.1, help="Orders per second while latency is measured.")] = 10.0,
    quick: Annotated[bool, typer.Option(help="A tenth of everything, for a first look. 快速。")] = False,
    skip: Annotated[list[str] | None, typer.Option(help="Leave out latency, floor or naive; may be repeated.")] = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Measure the approval route, the floor beneath it, and the same job done one message at a time. 性能测试。

    The whole system runs in a temporary folder (TMPDIR chooses the disk), everything durable, all parts one after the
    other on the same servers. What else the machine does meanwhile shows in every figure, least in the ratios.
    """
    from shared.embedded import EmbeddedError
    from shared.settings import settings
    from workers.bench.measure import PARTS, Plan, measure
    from workers.bench.route import Stuck
    from workers.supervisor import ChildFailed
    from workers.system import running_system

    for each in skip or ():
        one_of("part", each, PARTS)
    part = 10 if quick else 1
    plan = Plan(
        orders=orders // part,
        naive_orders=max(50, orders // part // 10),
        archived=archived // part,
        rate=rate,
        latency_orders=max(2, int(rate * _LATENCY_SECONDS / part)),
        skip=skip or (),
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="orderflow-bench-") as home:
        mine = settings().model_copy(update={"home": Path(home), "database_url": "", "broker_url": ""})
        try:
            with running_system(mine, threading.Event()) as system:
                figures = measure(system, plan, lambda text: errors.print(text, highlight=False))
        except (EmbeddedError, ChildFailed, Stuck) as error:
            fail("failed", error=error)
    if json:
        emit(figures)
    else:
        _show(figures)


def _show(figures: "Figures") -> None:
    from shared.words import word

    rows = [(word("figures", name, language()), _readable(value)) for name, value in figures.items()]
    table(("figure", "value"), rows)


def _readable(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {seconds:.3f}" for name, seconds in sorted(value.items(), key=lambda each: -each[1]))
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
    return "–" if value is None else f"{value:,}"
