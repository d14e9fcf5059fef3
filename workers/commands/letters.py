"""`letters`: what customers are written, what became of it, and sending again."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from workers.commands.terminal import USAGE, As, Json, Lang, clock, database, emit, fail, ids, language, table

letters = typer.Typer(no_args_is_help=False, help="Letters to customers, and what became of them. 客户信函。")


@letters.callback(invoke_without_command=True)
def list_letters(
    context: typer.Context,
    status: Annotated[str | None, typer.Option(help="pending, sending, sent, failed or uncertain. 状态。")] = None,
    order: Annotated[str | None, typer.Option(help="Only letters about this order. 订单号。")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    json: Json = False,
    lang: Lang = None,
) -> None:
    """List letters, the newest first. 信函列表。

    They go out by ORDERFLOW_SMTP_URL; without it they become files in the folder `mail` of the home folder.
    """
    from shared.post import STATUSES, find_letters
    from shared.words import word

    if context.invoked_subcommand:
        return
    chosen = language(lang)
    if status is not None and status not in STATUSES:
        fail(f"--status is {status}, not one of {', '.join(STATUSES)}.", USAGE)
    with database() as opened, opened.transaction() as session:
        found = find_letters(session, status=status, order=order, limit=limit)
    if json:
        emit(found)
        return
    table(
        ("id", "order", "letter", "to", "written", "status", "tries", "sent", "why not"),
        (
            (
                each["id"],
                each["order"],
                word("letters", each["kind"], chosen),
                each["recipient"],
                clock(each["created_at"], "%m-%d %H:%M"),
                word("letter_states", each["status"], chosen),
                each["attempts"] or "",
                each["sent_at"] and clock(each["sent_at"], "%m-%d %H:%M"),
                each["error"],
            )
            for each in found
        ),
    )


@letters.command("show")
def show_letter(letter: str, json: Json = False) -> None:
    """Show one letter word for word. 信函全文。"""
    from shared.post import whole_letter

    with database() as opened, opened.transaction() as session:
        found = whole_letter(session, *ids([letter]))
    if found is None:
        fail(f"There is no letter {letter}. 没有信函 {letter}。")
    if json:
        emit(found)
        return
    typer.echo(f"{found['order']}  {found['kind']}  {found['status']}\nTo: {found['recipient']}\n{found['subject']}\n")
    typer.echo(found["body"])


@letters.command("resend")
def resend_letter(
    letter: str,
    person: As,
    to: Annotated[str | None, typer.Option(help="Another e-mail address than the order's. 收件地址。")] = None,
    json: Json = False,
    lang: Lang = None,
) -> None:
    """Send a letter that has failed, or of which it is uncertain whether it was sent, once more. 重发。"""
    from shared.post import resend
    from shared.words import answer

    with database() as opened, opened.transaction() as session:
        (one,) = ids([letter])
        refused = resend(session, one, person, to, datetime.now(UTC))
    if json:
        emit({"letter": letter, "done": refused is None, "refused": refused and refused.code})
        raise typer.Exit(1 if refused else 0)
    if refused:
        fail(answer(refused.code, refused.values, language(lang)))
    typer.echo("It will be sent. 将重新发送。")
