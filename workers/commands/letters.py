"""`letters`: what customers are written, what became of it, what went with it, and sending again."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from workers.commands.terminal import (
    As,
    Json,
    Lang,
    clock,
    conclude,
    database,
    details,
    emit,
    existing,
    fail,
    ids,
    language,
    one_of,
    table,
)

Letter = Annotated[str, typer.Argument(metavar="LETTER", help="Its id, from `orderflow letters`. 信函编号。")]

letters = typer.Typer(no_args_is_help=False, help="Letters to customers, and what became of them. 客户信函。")


@letters.callback(invoke_without_command=True)
def list_letters(
    context: typer.Context,
    status: Annotated[str | None, typer.Option(help="pending, sending, sent, failed or uncertain. 状态。")] = None,
    order: Annotated[str | None, typer.Option(help="Only letters about this order. 订单号。")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """List letters, the newest first. 信函列表。

    They go out by ORDERFLOW_SMTP_URL; without it they become files in the folder `mail` of the home folder.
    """
    from shared.post import STATUSES, find_letters
    from shared.words import word

    if context.invoked_subcommand:
        return
    one_of("status", status, STATUSES, "letter_states")
    with database() as opened, opened.transaction() as session:
        existing(session, "order", order)
        found = find_letters(session, status=status, order=order, limit=limit)
    if json:
        emit(found)
        return
    table(
        ("id", "order", "letter", "to", "written", "status", "attempts", "sent", "reason"),
        (
            (
                each["id"],
                each["order"],
                word("letters", each["kind"], language()),
                each["recipient"],
                clock(each["created_at"], "%m-%d %H:%M"),
                word("letter_states", each["status"], language()),
                each["attempts"] or "",
                each["sent_at"] and clock(each["sent_at"], "%m-%d %H:%M"),
                each["error"],
            )
            for each in found
        ),
    )


@letters.command("show")
def show_letter(letter: Letter, json: Json = False, _lang: Lang = None) -> None:
    """Show one letter word for word, and the fingerprint of what is attached. 信函全文。"""
    from shared.post import whole_letter
    from shared.words import word

    with database() as opened, opened.transaction() as session:
        found = whole_letter(session, *ids([letter]))
    if found is None:
        fail("letter.none", given=letter)
    if json:
        emit(found)
        return
    paper = found["paper"] or {"name": "", "sha256": ""}
    shown = {
        "order": found["order"],
        "letter": word("letters", found["kind"], language()),
        "status": word("letter_states", found["status"], language()),
        "to": found["recipient"],
        "sent": found["sent_at"] and f"{clock(found['sent_at'], '%Y-%m-%d %H:%M:%S')} {found['via']}",
        "attached": f"{paper['name']}  {paper['sha256']}".strip(),
        "subject": found["subject"],
    }
    details(shown, ("order", "letter", "status", "to", "sent", "attached", "subject"))
    typer.echo(f"\n{found['body']}")


@letters.command("paper")
def show_paper(
    letter: Letter,
    out: Annotated[Path, typer.Option(dir_okay=False, help="The PDF file to write. 文件。")],
    _lang: Lang = None,
) -> None:
    """Write the paper that went with a letter, exactly as it was sent. 信函所附单据原件。"""
    from shared.post import kept_paper

    with database() as opened, opened.transaction() as session:
        found = kept_paper(session, *ids([letter]))
    if found is None:
        fail("letter.no_paper", given=letter)
    try:
        out.write_bytes(found[1])
    except OSError as error:
        fail("unwritable", path=out, error=error.strerror)
    typer.echo(f"{out}")


@letters.command("resend")
def resend_letter(
    letter: Letter,
    person: As,
    to: Annotated[str | None, typer.Option(help="Another e-mail address than the order's. 收件地址。")] = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Send a letter that has failed, or of which it is uncertain whether it was sent, once more. 重发。"""
    from shared.post import resend

    with database() as opened, opened.transaction() as session:
        (one,) = ids([letter])
        refused = resend(session, one, person, to, datetime.now(UTC))
    conclude("letter.resent", {"letter": letter}, refused, json)
