"""`notices`: what people were told."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from workers.commands.terminal import (
    USAGE,
    As,
    Json,
    Lang,
    clock,
    database,
    emit,
    existing,
    fail,
    ids,
    language,
    say,
    table,
)

notices = typer.Typer(invoke_without_command=True, help="What people were told of their orders and tasks. 通知。")


@notices.callback()
def list_notices(
    context: typer.Context,
    person: Annotated[str | None, typer.Option("--as", help="Whose: the id of a member of staff. 某人的。")] = None,
    unread: Annotated[bool, typer.Option("--unread", help="Only those not read yet. 未读。")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """List what a person was told, in their own name and for those who are away, the newest first. 通知。"""
    if context.invoked_subcommand is not None:
        return
    if person is None:
        fail("whose_notices", USAGE)
    from shared.notices import inbox
    from shared.words import notice
    from workers.commands.steps import step_words

    chosen = language()
    with database() as opened, opened.transaction() as session:
        existing(session, "person", person)
        found = inbox(session, person, datetime.now(UTC), unread=unread, limit=limit)
        named = step_words(session, [each["order"] for each in found])
    for each in found:
        step = named(each["order"], each["data"].get("step"))
        each["text"] = notice(each["kind"], each["data"] | ({"step": step} if step else {}), chosen)
    if json:
        emit(found)
        return
    table(
        ("id", "time", "order", "to", "what", "read"),
        (
            (
                each["id"],
                clock(each["at"], "%m-%d %H:%M"),
                each["order"],
                _recipient(each["recipient"]),
                each["text"],
                "" if each["read_at"] is None else "✓",
            )
            for each in found
        ),
    )


def _recipient(address: str) -> str:
    """A person by id; the holders of a role and a department in words."""
    from shared.words import word

    kind, colon, code = address.partition(":")
    return word(f"{kind}s", code, language()) if colon else address


@notices.command("read")
def read_notices(
    person: As,
    named: Annotated[list[str] | None, typer.Argument(metavar="[NOTICE…]", help="Their ids; all, if none.")] = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Mark notices as read by you: those named, or all. 标为已读。"""
    from shared.notices import mark_read

    wanted = ids(named) if named else None
    with database() as opened, opened.transaction() as session:
        existing(session, "person", person)
        count = mark_read(session, person, wanted, datetime.now(UTC))
    if json:
        emit({"read": count})
        return
    say("notices.read", count=count)
