"""What the commands share: finding the running system, printing for people or for programs, ending with a sentence."""

import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, cast

import pydantic_core
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared import embedded
from shared.embedded import EmbeddedError
from shared.settings import settings

if TYPE_CHECKING:  # `up` runs for months and needs no more than the servers' addresses: it loads no database client
    from messages.batch import Batch
    from shared.database import Database
    from shared.words import Language

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs. 输出 JSON。")]
Lang = Annotated[str | None, typer.Option("--lang", help="zh or en. 语言。")]
As = Annotated[str, typer.Option("--as", help="Who does it: the id of a member of staff. 操作人。")]

FAILED, USAGE, NOT_RUNNING = 1, 2, 3
"""Exit codes: it was refused or something is wrong; the command line is wrong; no system is running."""

# On a pipe nothing is cut to the width of a terminal that is not there.
console = Console(width=None if sys.stdout.isatty() else 200)
errors = Console(stderr=True)


def urls() -> tuple[str, str]:
    """Database and broker of the settings, else of the system that runs in the home folder; ends with a sentence."""
    chosen = settings()
    if chosen.database_url and chosen.broker_url:
        return chosen.database_url, chosen.broker_url
    try:
        found = embedded.running_urls(chosen.home)
    except EmbeddedError as error:
        fail(f"{error} Start it with `./run up`, or set ORDERFLOW_DATABASE_URL and ORDERFLOW_BROKER_URL.", NOT_RUNNING)
    return chosen.database_url or found[0], chosen.broker_url or found[1]


@contextmanager
def database(*, hot: bool = False) -> "Iterator[Database]":
    """The system's database, for one command. `hot`: for what an intake process does, with its plans."""
    from shared.database import open_database

    opened = open_database(urls()[0], settings(), pool=2, hot=hot)
    try:
        yield opened
    finally:
        opened.close()


def language(chosen: str | None) -> "Language":
    """The language asked for, else that of the settings."""
    if chosen not in (None, "zh", "en"):
        fail(f"--lang is zh or en, not {chosen}", USAGE)
    return cast("Language", chosen or settings().language)


def fail(sentence: str, code: int = FAILED) -> NoReturn:
    """One clear sentence on stderr, and an exit code that means something."""
    errors.print(sentence, style="red", markup=False, highlight=False)
    raise typer.Exit(code)


def ids(texts: "Iterable[str]") -> list[str]:
    """Ids as people give them; ends with a sentence for what is none."""
    for text in texts:
        try:
            uuid.UUID(text)
        except ValueError:
            fail(f"'{text}' is no id; an id looks like 01a20ba8-1d4c-73a0-bfda-3a331dbf44df.")
    return list(texts)


def publish(batches: "Sequence[Batch]") -> None:
    """Wake the departments. While the broker is away that is left to rescue: what was done is in the database."""
    from shared.broker import connect
    from shared.broker import publish as publish_batches
    from shared.queues import BrokerUnavailable

    if not batches:
        return
    try:
        publish_batches(connect(urls()[1]), [(batch.department, batch) for batch in batches])
    except BrokerUnavailable as error:
        errors.print(f"Recorded. The broker is away ({error}); the departments go on once it is back.", markup=False)


def emit(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(pydantic_core.to_json(value).decode() + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """A table for people; on a pipe it is plain text that does not cut anything."""
    shown = Table(*columns, title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for row in rows:
        shown.add_row(*[Text("" if cell is None else str(cell).translate(_CONTROL)) for cell in row])
    console.print(shown)


_CONTROL = dict.fromkeys((*range(9), *range(11, 32), 127), "�")
"""What comes from outside is shown, and steers neither the terminal nor the layout."""
