"""Orders and facts from files: JSON lines, one JSON document, CSV, XLSX. They go the same way as those from streams.

Memory: of JSON lines one line is held; a JSON document and an XLSX sheet are held whole, within the settings' limits.
Tables are read twice, first to see where each order ends, so that its lines need not stand together: held are a number
for each order, and the lines of the orders that have begun and not ended.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg

from messages.batch import Batch
from shared.database import CommitUnknown, Database, Session
from shared.rulebook import Rulebook
from shared.settings import Settings
from workers.intake.accept import Receipt
from workers.intake.compose import Layout, compose, lay_out
from workers.intake.json_files import DOCUMENTS, LINES, Contents, open_json
from workers.intake.mapping import Map
from workers.intake.parse import Limits, Submission
from workers.intake.sheets import FileRefused, Row, open_sheet

SHEETS = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm")

Accept = Callable[[Session, Sequence[Submission], Limits, Rulebook, datetime], tuple[list[Receipt], list[Batch]]]

_TRANSACTION_BYTES = 8_000_000
_TRIES = 3


# -- reading -----------------------------------------------------------------------------------------------------------


def open_file(path: Path, map_: Map | None, today: date, settings: Settings) -> Contents:
    """Open a file of orders; CSV and XLSX need a map. `today` is the business day that the map's `today` means.

    Raises `FileRefused` or `MapError`, here or while it is read; what is wrong with one order refuses only that one.
    """
    suffix = path.suffix.lower()
    if suffix not in (*LINES, *DOCUMENTS, *SHEETS):
        raise FileRefused(f"{path.name}: files of orders end in {', '.join((*LINES, *DOCUMENTS, *SHEETS))}.")
    if suffix in SHEETS:
        if map_ is None:
            raise FileRefused(f"{path.name}: a map is needed, which says what column is what field (--map FILE).")
        return _open_table(path, map_, today, settings)
    if map_ is not None:
        raise FileRefused(f"{path.name}: a map is for {', '.join(SHEETS)}; JSON names its fields itself.")
    return open_json(path, settings)


def _open_table(path: Path, map_: Map, today: date, settings: Settings) -> Contents:
    layout = lay_out(map_, open_sheet(path, map_.shape, map_.columns, settings), today)
    lines = 0
    last: dict[tuple[str, ...], int] = {}
    for row in layout.sheet.read():
        lines += 1
        key = layout.group(row)
        if key is not None:
            last[key] = row.line
    return Contents(lines, _orders(layout, last))


def _orders(layout: Layout, last: dict[tuple[str, ...], int]) -> Iterator[Submission]:
    """The orders in the order in which they end; a line that belongs to none is a submission by itself."""
    begun: dict[tuple[str, ...], list[Row]] = {}
    for row in layout.sheet.read():
        key = layout.group(row)
        if key is None:
            yield compose(layout, [row], grouped=False)
            continue
        rows = begun.setdefault(key, [])
        rows.append(row)
        if last[key] == row.line:
            yield compose(layout, begun.pop(key))


# -- taking ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the submissions of one transaction. The batches are to be published."""

    answers: list[tuple[Submission, Receipt]]
    batches: list[Batch]


class _OnlyChecked(Exception):
    """Ends a transaction that was only to see what would happen."""


def take(
    database: Database,
    submissions: Iterable[Submission],
    accept: Accept,
    rules: Rulebook,
    settings: Settings,
    *,
    keep: bool = True,
) -> Generator[Taken, None, None]:
    """Hand them to `accept`, many in one transaction, each committed when it is told of. Once more is harmless.

    `keep` False: each transaction is rolled back. It sees what is stored and its own submissions, not those before.
    """
    limits = Limits(settings.max_body_bytes, settings.max_body_depth)
    for some in _portions(submissions, settings.intake_batch):
        receipts: list[Receipt] = []
        batches: list[Batch] = []
        for left in reversed(range(_TRIES)):
            try:
                with database.transaction() as session:
                    receipts, batches = accept(session, some, limits, rules, datetime.now(UTC))
                    if not keep:
                        session.rows("select 1")  # what was only queued must be seen to work, too
                        raise _OnlyChecked
                break
            except _OnlyChecked:
                batches = []
                break
            except (CommitUnknown, psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
                if not left:
                    raise
        yield Taken(list(zip(some, receipts, strict=True)), batches)


def _portions(submissions: Iterable[Submission], most: int) -> Iterator[list[Submission]]:
    some: list[Submission] = []
    size = 0
    for submission in submissions:
        some.append(submission)
        size += len(submission.raw)
        if len(some) == most or size > _TRANSACTION_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some
