"""What the commands share: the language, finding the running system, printing for people or for programs, ending with
a sentence. What is said is in `shared/locale/terminal.toml`.
"""

import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar, cast

import pydantic_core
import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared import embedded
from shared.calendar import BUSINESS_ZONE
from shared.embedded import EmbeddedError
from shared.reasons import reason
from shared.settings import settings
from shared.words import LANGUAGES, Language, answer, sentence, word

if TYPE_CHECKING:  # `up` runs for months and needs no more than the servers' addresses: it loads no database client
    from messages.batch import Batch
    from messages.events import FieldError
    from shared.audit import Verdict
    from shared.authority import Refusal
    from shared.database import Database, Session

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs. 输出 JSON。")]
Lang = Annotated[
    Language | None, typer.Option("--lang", help="What to speak; default ORDERFLOW_LANGUAGE, else English. 语言。")
]
"""Every command that says something takes it, as `_lang`: `speak` has looked for it before anything could go wrong."""
As = Annotated[str, typer.Option("--as", help="Who does it: the id of a member of staff. 操作人。")]

FAILED, USAGE, NOT_RUNNING = 1, 2, 3
"""Exit codes: it was refused or something is wrong; the command line is wrong; no system is running."""

# On a pipe nothing is cut to the width of a terminal that is not there.
console = Console(width=None if sys.stdout.isatty() else 200)
errors = Console(stderr=True)

# -- the language ------------------------------------------------------------------------------------------------------

_spoken: ContextVar[Language] = ContextVar("language", default="en")


def speak(arguments: Sequence[str]) -> None:
    """Speak what `--lang` asks for, wherever it stands, else what the settings say.

    Raises `pydantic.ValidationError` for settings that cannot be used.
    """
    _spoken.set("en")
    _spoken.set(_asked(arguments) or settings().language)


def _asked(arguments: Sequence[str]) -> Language | None:
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        name, given, value = argument.partition("=")
        if name == "--lang":
            return next((language for language in LANGUAGES if language == (value if given else following)), None)
    return None


def language(chosen: str | None = None) -> Language:
    """What this command speaks."""
    return cast("Language", chosen) if chosen else _spoken.get()


def told(code: str, **values: object) -> str:
    """A sentence of the command line."""
    return sentence("said", code, values, language())


# -- speaking ----------------------------------------------------------------------------------------------------------


def say(code: str, **values: object) -> None:
    """A sentence on stdout."""
    console.print(told(code, **values), markup=False, highlight=False, soft_wrap=True)


def note(code: str, **values: object) -> None:
    """A sentence on stderr, beside what was asked for."""
    errors.print(told(code, **values), markup=False, highlight=False, soft_wrap=True)


def fail(code: str, exit_code: int = FAILED, /, **values: object) -> NoReturn:
    """One clear sentence on stderr, and an exit code that means something."""
    complain(told(code, **values))
    raise typer.Exit(exit_code)


def complain(text: str) -> None:
    """Say on stderr what is wrong."""
    errors.print(text, style="red", markup=False, highlight=False, soft_wrap=True)


def conclude(
    code: str,
    data: Mapping[str, Any],
    refused: "Refusal | None",
    json: bool,
    /,
    faults: "Sequence[FieldError]" = (),
    **values: object,
) -> NoReturn:
    """How a command ends that does one thing: with the sentence `code`, or with everything that it was refused for; for
    programs with `data` and the same.
    """
    failed = refused is not None or bool(faults)
    if json:
        emit({**data, "done": not failed, **refusal(refused), "errors": [fault_data(each) for each in faults]})
    elif refused is not None:
        complain(refusal(refused)["reason"])
    elif faults:
        complain("\n".join(map(fault, faults)))
    else:
        say(code, **values)
    raise typer.Exit(FAILED if failed else 0)


def refusal(refused: "Refusal | None") -> dict[str, Any]:
    """Why something was refused, for programs: its code, its figures, and the sentence that they make."""
    if refused is None:
        return {"refused": None, "reason": None, "values": {}}
    sentence_ = answer(refused.code, refused.values, language())
    return {"refused": refused.code, "reason": sentence_, "values": refused.values}


def fault(error: "FieldError") -> str:
    """What is wrong with a field, in a sentence."""
    return told("fault", field=error.field, reason=reason(error.code, error.reason, language()))


def fault_data(error: "FieldError") -> dict[str, str]:
    """The same for programs."""
    return error.model_dump() | {"reason": reason(error.code, error.reason, language())}


def trouble(error: Exception) -> tuple[str, int] | None:
    """What is wrong with the servers, in a sentence, with the exit code for it; None where the error is a defect."""
    import psycopg  # here, because `up` runs for months and loads no client of a database

    from shared.database import CommitUnknown, RoleRefused, database_is_away
    from shared.queues import BrokerUnavailable

    words = (str(error).strip() or type(error).__name__).splitlines()[0]
    if isinstance(error, CommitUnknown):
        return told("away.commit"), NOT_RUNNING
    if database_is_away(error):
        return told("away.database", error=words), NOT_RUNNING
    if isinstance(error, BrokerUnavailable):
        return told("away.broker", error=words), NOT_RUNNING
    if isinstance(error, RoleRefused):
        return told("failed", error=words), NOT_RUNNING
    if isinstance(error, psycopg.OperationalError):  # a lock not granted, a deadlock, a statement that took too long
        return told("busy", error=words), FAILED
    return None


def joined(phrases: Iterable[str]) -> str:
    """Several phrases in one line."""
    return told("joint").join(phrases)


def emit(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(pydantic_core.to_json(value).decode() + "\n")


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """A table for people; on a pipe it is plain text that does not cut anything. Headings are codes, or empty. Without
    rows it says that there is nothing.
    """
    rows = list(rows)
    if not rows:
        say("nothing")
        return
    names = [heading and word("headings", heading, language()) for heading in headings]
    shown = Table(*names, title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for row in rows:
        shown.add_row(*[Text(_harmless(cell)) for cell in row])
    for heading, column in zip(headings, shown.columns, strict=True):
        if heading in _NEVER_CUT:
            column.min_width = max((cell_len(str(cell)) for cell in column.cells), default=0)
    console.print(shown)


def clock(at: datetime, form: str = "%m-%d %H:%M") -> str:
    """A moment as the company's clocks show it."""
    return at.astimezone(BUSINESS_ZONE).strftime(form)


def details(found: Mapping[str, object], headings: Sequence[str]) -> None:
    """One thing whole, a line for each of its values."""
    names = [word("headings", heading, language()) for heading in headings]
    width = max(map(cell_len, names))
    for heading, name in zip(headings, names, strict=True):
        line = f"{name}{' ' * (width - cell_len(name))}  {_harmless(found[heading])}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def show_verdict(verdict: "Verdict") -> None:
    """What the audit found."""
    names = ("orders", "events", "commits", "anchors", "unanchored", "invariants")
    counts = {name: getattr(verdict, name) for name in names}
    if verdict.clean:
        say("audit.clean", **counts)
        return
    table(
        ("invariant", "subject", "detail"),
        ((b.invariant, b.subject, reason("audit", b.detail, language())) for b in verdict.breaches),
    )
    say("audit.breaches", breaches=len(verdict.breaches), **counts)


def _harmless(value: object) -> str:
    """What comes from outside is shown, and steers neither the terminal nor the layout."""
    return "" if value is None else str(value).translate(_CONTROL)


_CONTROL = dict.fromkeys((*range(9), *range(11, 32), 127), "�")

_NEVER_CUT = {"task", "order", "id", "draft", "letter", "contract", "number", "inquiry", "quotation", "step"}
"""Columns of what is typed into the next command."""

# -- what is named on the command line ---------------------------------------------------------------------------------


def minor(amount: str | None, currency: str | None) -> int | None:
    """An amount in minor units of its currency, where both are given."""
    from shared.money import MoneyError, to_minor

    if amount is None or currency is None:
        return None
    try:
        return to_minor(Decimal(amount), currency)
    except (InvalidOperation, MoneyError):
        fail("not_an_amount", USAGE, given=amount, currency=currency)


def one_of(what: str, given: str | None, known: Iterable[str], kind: str = "") -> None:
    """Ends with a sentence that lists what there is, where something else was given. `kind`: of words beside them."""
    codes = list(map(str, known))
    if given is None or given in codes:
        return
    named = {code: word(kind, code, language()) for code in codes}
    listed = [code if language() == "en" or code == name else f"{code} {name}" for code, name in named.items()]
    fail(f"unknown.{what}", USAGE, given=given, known=told("comma").join(listed))


def ids(texts: Iterable[str]) -> list[str]:
    """Ids as people give them, in one form; ends with a sentence for what is none."""
    found = []
    for text in texts:
        try:
            found.append(str(uuid.UUID(text)))
        except ValueError:
            fail("no_id", USAGE, given=text)
    return found


def existing(session: "Session", what: str, *named: str | None) -> None:
    """Ends with a sentence where one of these orders, customers, people or dead letters is not there."""
    from shared.queries import first_unknown

    given = [each for each in named if each is not None]
    unknown = first_unknown(session, what, given) if given else None
    if unknown is not None:
        fail(f"no.{what}", given=unknown)


# -- the running system ------------------------------------------------------------------------------------------------


def urls() -> tuple[str, str]:
    """Database and broker of the settings, else of the system that runs in the home folder; ends with a sentence."""
    chosen = settings()
    if chosen.database_url and chosen.broker_url:
        return chosen.database_url, chosen.broker_url
    try:
        found = embedded.running_urls(chosen.home)
    except EmbeddedError:
        fail("no_system", NOT_RUNNING, home=chosen.home.resolve())
    return chosen.database_url or found[0], chosen.broker_url or found[1]


@contextmanager
def database(*, hot: bool = False) -> "Iterator[Database]":
    """The system's database, for one command. `hot`: for what an intake process does, with its plans."""
    import structlog

    from shared.database import open_database

    # What is noteworthy stands beside the answer, never in it.
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    opened = open_database(urls()[0], settings(), pool=2, hot=hot)
    try:
        yield opened
    finally:
        opened.close()


def carried_out(opened: "Database", act: "Callable[[Session], T]") -> T:
    """One transaction, again where it lost to a department that was at work on the same orders."""
    from psycopg.errors import DeadlockDetected, SerializationFailure

    for left in reversed(range(_TRIES)):
        try:
            with opened.transaction() as session:
                return act(session)
        except (DeadlockDetected, SerializationFailure):
            if not left:
                raise
    raise AssertionError("the loop ends by returning or raising")


_TRIES = 4


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
        note("away.recorded", error=error)
