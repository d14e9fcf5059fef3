"""Handing orders or facts in, a transaction at a time, and telling what became of each: for `submit` and `fact`."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import psycopg
import typer

from messages.batch import Batch
from shared.broker import Broker, connect, publish
from shared.database import CommitUnknown
from shared.queues import BrokerUnavailable
from shared.reasons import reason
from shared.rulebook import LiveRulebook
from shared.settings import settings
from workers.commands import verdicts
from workers.commands.terminal import FAILED, complain, console, database, emit, language, note, told, trouble, urls
from workers.intake.accept import Receipt, Verdict
from workers.intake.files import Accept, take
from workers.intake.json_files import Contents
from workers.intake.parse import Submission
from workers.intake.sheets import FileRefused


class _Stopped(Exception):
    """Something ended it before its end; says what, and what to do."""


def hand_in(
    contents: Contents,
    accept: Accept,
    what: str,
    *,
    check: bool = False,
    report: Path | None = None,
    json: bool = False,
) -> NoReturn:
    """Hand everything in and show what became of it; ends the command with its exit code."""
    tally, answers = verdicts.Tally(), []
    started, problem = time.monotonic(), None
    try:
        with verdicts.report(report) as write, verdicts.progress(contents.lines, quiet=json) as advance:
            for submission, receipt in _answers(contents, accept, check):
                tally.add(submission, receipt)
                write(submission, receipt)
                advance(submission.lines)
                if json:
                    answers.append(verdicts.as_json(submission, receipt))
    except _Stopped as stopped:
        problem = str(stopped)
    except OSError as error:
        problem = f"{told('report.unwritable', error=error)} {told('again')}"
    seconds = time.monotonic() - started
    if json:
        counts = {str(verdict): tally.submissions[verdict] for verdict in Verdict}
        totals = {what: tally.total, "lines": tally.lines.total(), "seconds": round(seconds, 3)}
        emit({**totals, **counts, "checked_only": check, "stopped": problem, "answers": answers})
    else:
        verdicts.show(tally, what)
        summary = told(f"summary.{what}", count=tally.total, lines=tally.lines.total(), seconds=f"{seconds:.1f}")
        console.print(" ".join([summary, *([told("only_checked")] if check else [])]), highlight=False)
        if tally.total == 1 and tally.number:
            console.print(tally.number, highlight=False)
    if problem:
        complain(problem)
    elif not tally.total and not json:
        note("nothing_handed_in")
    raise typer.Exit(0 if tally.all_good and not problem else FAILED)


def _answers(contents: Contents, accept: Accept, check: bool) -> Iterator[tuple[Submission, Receipt]]:
    """Every submission with its answer, once that is committed and on its way. Raises `_Stopped`."""
    broker = connect(urls()[1])
    try:
        with database(hot=True) as opened:
            rules = LiveRulebook(opened).current()
            for taken in take(opened, contents.submissions, accept, rules, settings(), keep=not check):
                _publish(broker, taken.batches)
                for submission, receipt in taken.answers:
                    unreal = check and receipt.verdict is Verdict.ACCEPTED
                    yield submission, replace(receipt, number=None) if unreal else receipt
    except FileRefused as refused:
        raise _Stopped(reason("file", str(refused), language())) from refused
    except (psycopg.OperationalError, CommitUnknown) as error:
        said, _ = trouble(error) or (str(error), FAILED)
        raise _Stopped(f"{said} {told('again')}") from error
    except KeyboardInterrupt as stop:
        raise _Stopped(f"{told('interrupted')} {told('again')}") from stop


def _publish(broker: Broker, batches: Sequence[Batch]) -> None:
    """A broker that is away is only mentioned: the rows of the batches are committed, and the scheduler sends them."""
    try:
        publish(broker, [(batch.department, batch) for batch in batches])
    except BrokerUnavailable as error:
        note("away.taken", error=error)
