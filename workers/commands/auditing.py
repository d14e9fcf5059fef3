"""`audit`: what the database proves, with what somebody outside has kept; progress while it goes on."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.commands.terminal import (
    FAILED,
    USAGE,
    Json,
    Lang,
    database,
    emit,
    errors,
    fail,
    note,
    say,
    show_verdict,
    told,
)

if TYPE_CHECKING:
    from shared.audit import Verdict

_TOLD_EVERY_SECONDS = 5.0
_ROOT_BYTES = 32


def audit(
    anchor: Annotated[
        str | None,
        typer.Option("--anchor", help="A root that you kept of an orderflow.anchor.set: is it still there? 锚定根。"),
    ] = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Prove from the database that nothing is lost, nothing happened twice and no history was changed. 审计。"""
    from shared.audit import audit as run_audit
    from workers.departments import invariants

    root = _root(anchor) if anchor is not None else None
    with database() as opened, _progress(quiet=json) as done:
        verdict = run_audit(opened, invariants(), root, done)
    if json:
        emit(_as_data(verdict))
    else:
        show_verdict(verdict)
        if verdict.kept and verdict.clean:
            say("audit.kept", anchor=verdict.kept.seq, at=f"{verdict.kept.at:%Y-%m-%d %H:%M:%S} UTC")
    raise typer.Exit(0 if verdict.clean else FAILED)


def _root(text: str) -> bytes:
    try:
        root = bytes.fromhex(text)
    except ValueError:
        root = b""
    if len(root) != _ROOT_BYTES:
        fail("not_a_root", USAGE, given=text)
    return root


def _as_data(verdict: "Verdict") -> dict[str, Any]:
    return {
        "clean": verdict.clean,
        "orders": verdict.orders,
        "events": verdict.events,
        "commits": verdict.commits,
        "unanchored": verdict.unanchored,
        "anchors": verdict.anchors,
        "invariants": verdict.invariants,
        "kept_anchor": verdict.kept.seq if verdict.kept else None,
        "breaches": [
            {"invariant": each.invariant, "subject": each.subject, "detail": each.detail} for each in verdict.breaches
        ],
    }


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, a line now and then on a pipe, both on stderr. Yields what hears of events done, and all."""
    if quiet:
        yield lambda _done, _total: None
    elif errors.is_terminal:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        shown = (BarColumn(), MofNCompleteColumn(), told("audit.events"), TimeRemainingColumn())
        with Progress(*shown, console=errors, transient=True) as bar:
            task = bar.add_task("", total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
    else:
        last = time.monotonic()

        def tell(done: int, total: int) -> None:
            nonlocal last
            if time.monotonic() - last >= _TOLD_EVERY_SECONDS:
                last = time.monotonic()
                note("audit.progress", done=done, total=total)

        yield tell
