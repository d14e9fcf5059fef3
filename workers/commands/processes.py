"""`up`, `worker`, `intake`, `relay`, `scheduler`: running the system, whole or in parts."""

import os
import signal
import subprocess
import sys
from typing import Annotated

import typer

from workers.commands.terminal import Json, Lang, emit, fail, one_of, say, urls

Threads = Annotated[int | None, typer.Option(min=1, max=64, help="Threads in each process; default ORDERFLOW_THREADS.")]


def up(
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Port of the embedded broker; any free one if not given.")
    ] = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Run the whole system for real use; Ctrl-C drains and stops it, and the next `up` goes on. 启动系统。

    Data are kept in ./.orderflow, or in the folder that ORDERFLOW_HOME names.
    """
    from shared.embedded import EmbeddedError
    from shared.settings import settings
    from workers.supervisor import ChildFailed
    from workers.system import running_system, until_interrupted

    stop = until_interrupted()
    home = settings().home.resolve()
    if not json:
        say("starting")
    try:
        with running_system(settings(), stop, port) as system:
            if json:
                emit({"ready": True, "database_url": system.database_url, "broker_url": system.broker_url})
            elif not stop.is_set():
                say("running", home=home, broker=system.broker_url)
            system.supervisor.wait(stop)
            if not json:
                say("draining")
    except (EmbeddedError, ChildFailed) as error:
        fail("failed", error=error)
    if not json:
        say("stopped")


def worker(
    department: Annotated[
        str, typer.Argument(help="sales_review, finance, compliance, warehouse, logistics, after_sales")
    ],
    processes: Annotated[int, typer.Option(min=1, max=256, help="How many processes on this machine.")] = 1,
    threads: Threads = None,
    _lang: Lang = None,
) -> None:
    """Run a department's worker, beside those that run already, here or elsewhere. 部门工作进程。"""
    from messages.batch import Department

    one_of("department", department, Department, "departments")
    _run(["workers.department", department], processes, threads)


def intake(_lang: Lang = None) -> None:
    """Run an intake process: orders and facts from the upstream streams. 接单进程。"""
    _run(["workers.intake.main"], 1, None)


def relay(_lang: Lang = None) -> None:
    """Run a relay: events to the outside. One leads, further ones stand by. 事件发布进程。"""
    _run(["workers.relay.main"], 1, None)


def scheduler(_lang: Lang = None) -> None:
    """Run a scheduler: deadlines and rescue. One leads, further ones stand by. 调度进程。"""
    _run(["workers.scheduler.main"], 1, None)


def _run(module: list[str], processes: int, threads: int | None) -> None:
    from shared.embedded import KEEPS_MEMORY

    database_url, broker_url = urls()
    urls_given = {"ORDERFLOW_DATABASE_URL": database_url, "ORDERFLOW_BROKER_URL": broker_url}
    environment = {**KEEPS_MEMORY, **os.environ, **urls_given}
    if threads:
        environment["ORDERFLOW_THREADS"] = str(threads)
    command = [sys.executable, "-m", *module]
    if processes == 1:
        os.execve(sys.executable, command, environment)
    children = [subprocess.Popen(command, env=environment) for _ in range(processes)]

    def drain(*_: object) -> None:
        for child in children:
            child.terminate()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, drain)
    codes = [child.wait() for child in children]
    raise typer.Exit(max(abs(code) for code in codes))
