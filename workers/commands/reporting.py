"""What a person reports by a command: handed in as the fact that it is, through the same edge as all facts."""

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from workers.commands.terminal import FAILED, USAGE, complain, database, emit, fail, fault, publish, say

if TYPE_CHECKING:
    from messages.events import FieldError

FactId = Annotated[
    str | None, typer.Option("--id", help="What names this report for ever: repeats count once. Default: a new one.")
]
_SOURCE = "command-line"


def report(kind: str, body: dict[str, Any], fact_id: str | None, as_json: bool) -> NoReturn:
    """Hand it in, tell whether it was taken and for which document, and end the command with its exit code. What the
    department then refuses of it is listed by `refusals`.
    """
    from shared.ids import new_id
    from shared.rulebook import LiveRulebook
    from shared.settings import settings
    from workers.commands import verdicts
    from workers.intake.facts import accept_facts
    from workers.intake.parse import Limits, Submission

    now = datetime.now(UTC)
    fact = {"kind": kind, "source": _SOURCE, "fact_id": fact_id or new_id(), "occurred_at": now.isoformat(), **body}
    submission = Submission(json.dumps(fact, ensure_ascii=False, default=str).encode(), _SOURCE)  # TOML has days
    limits = Limits(settings().max_body_bytes, settings().max_body_depth)
    with database() as opened:
        rules = LiveRulebook(opened).current()
        with opened.transaction() as session:
            (receipt,), batches = accept_facts(session, [submission], limits, rules, now)
    publish(batches)
    if as_json:
        emit(verdicts.as_json(submission, receipt))
    elif receipt.verdict in verdicts.GOOD:
        say("report.taken_of" if receipt.number else "report.taken", number=receipt.number)
    else:
        complain("\n".join(fault(_as_given(error, kind)) for error in receipt.errors))
    raise typer.Exit(0 if receipt.verdict in verdicts.GOOD else FAILED)


def _as_given(error: "FieldError", kind: str) -> "FieldError":
    """The field as people know it, without the fact around it."""
    return error.model_copy(update={"field": error.field.removeprefix(f"{kind}.").removeprefix("document.")})


def day(text: str) -> date:
    """A day as people give it; ends with a sentence for what is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail("not_a_day", USAGE, given=text)
