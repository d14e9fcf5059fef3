"""`dead`, `load`: what operators do."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from workers.commands.terminal import (
    FAILED,
    USAGE,
    As,
    Json,
    Lang,
    clock,
    database,
    details,
    emit,
    existing,
    fail,
    ids,
    language,
    publish,
    say,
    table,
)

dead = typer.Typer(no_args_is_help=True, help="Dead letters: what was set aside, with its reason. 死信。")

Letter = Annotated[str, typer.Argument(metavar="LETTER", help="Its id, from `orderflow dead list`. 编号。")]
Letters = Annotated[list[str], typer.Argument(metavar="LETTER…", help="Their ids, from `dead list`. 编号。")]


@dead.command("list")
def list_dead(
    everything: Annotated[bool, typer.Option("--all", help="Also what has been resolved. 含已处理的。")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 100,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """List dead letters, the oldest first. 死信列表。"""
    from shared.queries import dead_letters
    from shared.words import word

    with database() as opened, opened.transaction() as session:
        found = dead_letters(session, resolved=everything, limit=limit)
    if json:
        emit(found)
        return
    table(
        ("id", "time", "department", "order", "step", "reason", "attempts", "resolution"),
        (
            (
                each["id"],
                clock(each["at"], "%m-%d %H:%M:%S"),
                word("departments", each["department"], language()),
                each["order"] or each["kind"],
                each["step"],
                each["reason"],
                each["attempts"],
                each["resolution"] and word("resolutions", each["resolution"], language()),
            )
            for each in found
        ),
    )


@dead.command("show")
def show_dead(letter: Letter, json: Json = False, _lang: Lang = None) -> None:
    """Show one dead letter whole: the error, and the bytes of a message that could not be read. 死信详情。"""
    from shared.queries import dead_letter

    with database() as opened, opened.transaction() as session:
        found = dead_letter(session, letter)
    if found is None:
        fail("no.letter", given=letter)
    if json:
        emit(found)
        return
    details(
        found | {"time": found["at"]},
        (
            "id", "time", "department", "kind", "subject_id", "order", "round", "step", "reason", "detail", "attempts",
            "resolution", "resolved_by", "raw",
        ),
    )  # fmt: skip


@dead.command("replay")
def replay_dead(letters: Letters, person: As, json: Json = False, _lang: Lang = None) -> None:
    """Put steps and facts back into their departments' queues, once the cause is mended. 重新处理。"""
    from shared import rulebook
    from shared.dead_letters import replay

    named = ids(letters)
    with database() as opened, opened.transaction() as session:
        existing(session, "person", person)
        existing(session, "letter", *named)
        book = rulebook.read(session)
        count, batches = replay(session, named, person, book.definitions, book.policies, datetime.now(UTC))
    publish(batches)
    _report(count, len(named), "replayed", json)


@dead.command("discard")
def discard_dead(
    letters: Letters,
    person: As,
    reason: Annotated[str, typer.Option(help="Why it may be forgotten. 原因。")],
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Give up unreadable messages and facts. An order's step is not discarded: cancel the order instead. 放弃。"""
    from shared.dead_letters import discard

    if not reason.strip():
        fail("reason_needed", USAGE)
    named = ids(letters)
    with database() as opened, opened.transaction() as session:
        existing(session, "person", person)
        existing(session, "letter", *named)
        count = discard(session, named, person, reason, datetime.now(UTC))
    _report(count, len(named), "discarded", json)


def _report(count: int, asked: int, what: str, json: bool) -> None:
    if json:
        emit({what: count, "asked": asked})
    else:
        say(f"resolved.{what}", count=count, asked=asked)
    raise typer.Exit(0 if count == asked else FAILED)


def load(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="A folder with customers.csv, products.csv … 文件夹。")
    ],
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Load or update master data from a folder of CSV files; nothing is saved if anything is wrong. 主数据。"""
    from shared.reasons import reason
    from workers.masterdata import load_folder

    with database() as opened:
        counts, faults = load_folder(opened, folder)
    if json:
        emit(
            {
                "saved": counts,
                "errors": [
                    {
                        "file": each.file,
                        "line": each.line,
                        "column": each.column,
                        "reason": reason(each.code, each.reason, language()),
                    }
                    for each in faults
                ],
            }
        )
    elif faults:
        table(
            ("file", "line", "column", "reason"),
            ((f.file, f.line, f.column, reason(f.code, f.reason, language())) for f in faults),
        )
    else:
        table(("file", "rows"), counts.items())
    raise typer.Exit(FAILED if faults else 0)
