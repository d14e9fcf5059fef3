"""What became of everything that was handed in: progress while it goes on, a table at its end, a report of it all."""

import csv
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from messages.events import FieldError
from shared.reasons import place, reason
from shared.words import word
from workers.commands.terminal import console, errors, fault_data, language, note, table, told
from workers.intake.accept import Receipt, Verdict
from workers.intake.parse import Submission

GOOD = (Verdict.ACCEPTED, Verdict.REPEATED)
_SHOWN_ONE_BY_ONE = 20
_SHOWN_ERRORS = 6
_PLAIN_EVERY_SECONDS = 5.0
_NUMBER = re.compile(r"(?<=\.)[0-9]+(?=\.|$)")


@dataclass(slots=True)
class Group:
    """All that was refused for the same reason: the field without the number of its line."""

    field: str
    submissions: int = 0
    times: int = 0
    first: str = ""


@dataclass(slots=True)
class Tally:
    """The answers so far: counts by verdict, the first that were not taken, and the reasons of all of those."""

    submissions: Counter[Verdict] = field(default_factory=Counter)
    lines: Counter[Verdict] = field(default_factory=Counter)
    faulty: list[tuple[Submission, Receipt]] = field(default_factory=list)
    reasons: dict[tuple[str, str], Group] = field(default_factory=dict)
    number: str | None = None
    """What the last one was given, or has had from before."""

    def add(self, submission: Submission, receipt: Receipt) -> None:
        self.submissions[receipt.verdict] += 1
        self.lines[receipt.verdict] += submission.lines
        self.number = receipt.number
        if receipt.verdict in GOOD:
            return
        if len(self.faulty) <= _SHOWN_ONE_BY_ONE:
            self.faulty.append((submission, receipt))
        told = set()
        for error in receipt.errors:
            name = _NUMBER.sub("*", error.field)
            key = (name, error.code)
            group = self.reasons.setdefault(key, Group(name, first=_first(submission, error)))
            group.times += 1
            if key not in told:
                group.submissions += 1
            told.add(key)

    @property
    def total(self) -> int:
        return self.submissions.total()

    @property
    def all_good(self) -> bool:
        return all(verdict in GOOD for verdict in self.submissions)


def _first(submission: Submission, error: FieldError) -> str:
    """A reason that says itself on what line stands needs no more."""
    return _reason(error) if submission.paper else f"{place(submission.origin, language())}: {_reason(error)}"


def _reason(error: FieldError) -> str:
    return reason(error.code, error.reason, language())


def show(tally: Tally, what: str) -> None:
    """How many of what verdict; then what was not taken, one by one, or where that is many by reason."""
    rows = [(word("verdicts", each, language()), tally.submissions[each], tally.lines[each]) for each in Verdict]
    table(("", what, "lines"), rows)
    if tally.all_good:
        return
    console.print()
    if len(tally.faulty) <= _SHOWN_ONE_BY_ONE:
        shown = [row for submission, receipt in tally.faulty for row in _one(submission, receipt)]
        table(("", "where", "id", "field", "reason"), shown)
        return
    groups = sorted(tally.reasons.values(), key=lambda group: -group.submissions)
    table((what, "faults", "field", "first"), [(g.submissions, g.times, g.field, g.first) for g in groups])


def _one(submission: Submission, receipt: Receipt) -> Iterator[tuple[str, ...]]:
    origin = place(submission.origin, language())
    head = (word("verdicts", receipt.verdict, language()), origin, receipt.external_id or "")
    for error in receipt.errors[:_SHOWN_ERRORS]:
        yield (*head, error.field, _reason(error))
        head = ("", "", "")
    if len(receipt.errors) > _SHOWN_ERRORS:
        yield (*head, "", told("and_more", count=len(receipt.errors) - _SHOWN_ERRORS))


def as_json(submission: Submission, receipt: Receipt) -> dict[str, Any]:
    """One answer, for programs."""
    return {
        "verdict": receipt.verdict,
        "number": receipt.number,
        "external_id": receipt.external_id,
        "origin": submission.origin,
        "lines": submission.lines,
        "errors": [fault_data(error) for error in receipt.errors],
    }


# -- the report --------------------------------------------------------------------------------------------------------

Write = Callable[[Submission, Receipt], None]


@contextmanager
def report(path: Path | None) -> Iterator[Write]:
    """Writes every answer to a CSV file that a spreadsheet opens: a row for each error, one where there is none."""
    if path is None:
        yield lambda _submission, _receipt: None
        return
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("verdict", "number", "external_id", "origin", "field", "code", "reason"))

        def write(submission: Submission, receipt: Receipt) -> None:
            head = (receipt.verdict.value, receipt.number or "", receipt.external_id or "", submission.origin)
            for error in receipt.errors or (FieldError(field="", code="", reason=""),):
                writer.writerow([harmless(cell) for cell in (*head, error.field, error.code, _reason(error))])

        yield write


def harmless(cell: str) -> str:
    """A cell that a spreadsheet shows as text: what it would take for a formula gets an apostrophe."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


# -- progress ----------------------------------------------------------------------------------------------------------


@contextmanager
def progress(lines: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, a line now and then on a pipe; both on stderr. `lines` 0: nobody knows how many there are.

    Yields what is to be called with the number of lines that have been dealt with.
    """
    with ExitStack() as stack:
        if quiet:
            yield lambda _: None
        elif errors.is_terminal:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

            shown = (BarColumn(), MofNCompleteColumn(), word("headings", "lines", language()), TimeRemainingColumn())
            bar = stack.enter_context(Progress(*shown, console=errors, transient=True))
            task = bar.add_task("", total=lines or None)
            yield lambda count: bar.update(task, advance=count)
        else:
            yield _Plain(lines).advance


@dataclass(slots=True)
class _Plain:
    total: int
    done: int = 0
    told_at: float = field(default_factory=time.monotonic)

    def advance(self, count: int) -> None:
        self.done += count
        if time.monotonic() - self.told_at >= _PLAIN_EVERY_SECONDS:
            self.told_at = time.monotonic()
            note("progress.of" if self.total else "progress", done=self.done, total=self.total)
