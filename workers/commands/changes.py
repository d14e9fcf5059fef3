"""What people do with orders handed in (`withdraw`, `recreate`, `hold`, `resume`, `comment`), and what is `overdue`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from messages.batch import Batch
from workers.commands.terminal import (
    As,
    Json,
    Lang,
    carried_out,
    clock,
    conclude,
    database,
    emit,
    language,
    publish,
    say,
    table,
)

if TYPE_CHECKING:
    from shared.database import Session
    from shared.tasks import Refusal

Number = Annotated[str, typer.Argument(metavar="ORDER", help="The order's number. 订单号。")]


def withdraw(
    order: Number,
    person: As,
    reason: Annotated[str, typer.Option(help="Why. 原因。")] = "",
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Take an order back before anybody has decided about it; its creator may. 撤回。"""
    from shared import rulebook, withdrawals

    def act(session: "Session", now: datetime) -> "tuple[Refusal | None, list[Batch]]":
        rules = rulebook.read(session)
        return withdrawals.withdraw(session, order, person, reason, rules.definitions, rules.policies, now)

    _carry_out(order, act, "withdraw", json=json)


def recreate(
    order: Number,
    person: As,
    document: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The order as it is to be, as JSON; else as it stands. 文件。"),
    ] = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Make an order again under the new version of its process; the old one is replaced. 按新流程重新制单。"""
    from shared import rulebook
    from shared.settings import settings
    from workers.intake import recreate as recreation
    from workers.intake.main import limits

    changed = document.read_bytes() if document else None

    def act(session: "Session") -> "tuple[Refusal | None, str | None, list[Batch]]":
        rules, now = rulebook.read(session), datetime.now(UTC)
        return recreation.recreate(session, order, person, changed, limits(settings()), rules, now)

    with database() as opened:
        refused, new, batches = carried_out(opened, act)
    publish(batches)
    conclude("replaced", {"order": order, "new": new}, refused, json, order=order, new=new)


def comment(
    order: Number,
    text: Annotated[str, typer.Argument(help="What is done about it. 处理意见。")],
    person: As,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Give the handling comment that a long overdue order needs. 填写处理意见。"""
    from shared import comments, rulebook

    def act(session: "Session", now: datetime) -> "tuple[Refusal | None, list[Batch]]":
        rules = rulebook.read(session)
        told = comments.comment(session, order, person, text, rules.definitions, rules.policies, now, rules.overrides)
        return told, []

    _carry_out(order, act, "comment", json=json)


def hold(
    order: Number,
    person: As,
    reason: Annotated[str, typer.Option(help="Why. 原因。")],
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Put an order on hold: it makes no move until it is resumed. 暂停订单，恢复前不再流转。"""
    from shared import holds, rulebook

    def act(session: "Session", now: datetime) -> "tuple[Refusal | None, list[Batch]]":
        return holds.hold(session, order, person, reason, rulebook.read(session), now), []

    _carry_out(order, act, "hold", json=json)


def resume(
    order: Number,
    person: As,
    reason: Annotated[str, typer.Option(help="Why. 原因。")] = "",
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Let an order on hold go on where it stands. 恢复订单流转。"""
    from shared import holds, rulebook

    def act(session: "Session", now: datetime) -> "tuple[Refusal | None, list[Batch]]":
        return holds.resume(session, order, person, reason, rulebook.read(session), now)

    _carry_out(order, act, "resume", json=json)


def _carry_out(
    order: str,
    act: "Callable[[Session, datetime], tuple[Refusal | None, list[Batch]]]",
    what: str,
    *,
    json: bool,
) -> None:
    with database() as opened:
        refused, batches = carried_out(opened, lambda session: act(session, datetime.now(UTC)))
    publish(batches)
    conclude(f"done.{what}", {"order": order}, refused, json)


def overdue(
    near: Annotated[int, typer.Option(min=0, max=365, help="A purge within so many days is near. 临近天数。")] = 2,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many of each. 每类最多。")] = 100,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """List what is late: reviews, documents near their purge, unfinished orders with or without comment. 超期清单。"""
    from shared import rulebook
    from shared.overdue import overdue as find_overdue
    from shared.words import word
    from workers.commands.steps import step_words

    with database() as opened, opened.transaction() as session:
        rules = rulebook.read(session)
        found = find_overdue(session, rules.policies, datetime.now(UTC), limit, rules.overrides, timedelta(days=near))
        named = step_words(session, [each["order"] for each in found["reviews"]])
    if json:
        emit(found)
        return
    say("overdue.reviews")
    table(
        ("task", "order", "step", "roles", "due"),
        (
            (
                each["task"],
                each["order"],
                named(each["order"], each["step"]),
                _roles(each["roles"]),
                clock(each["due_at"]),
            )
            for each in found["reviews"]
        ),
    )
    say("overdue.near_purge")
    table(
        ("order", "handed_in", "purged_after"),
        ((each["order"], clock(each["submitted_at"]), clock(each["purged_after"])) for each in found["near_purge"]),
    )
    say("overdue.late")
    table(
        ("order", "state", "date", "comment", "by"),
        (
            (each["order"], word("states", each["state"], language()), each["date"], each["comment"], each["given_by"])
            for each in found["late"]
        ),
    )
    say("overdue.not_shipped")
    table(
        ("order", "state", "date"),
        (
            (each["order"], word("states", each["state"], language()), each["promised_on"])
            for each in found["not_shipped"]
        ),
    )


def _roles(roles: list[str]) -> str:
    from shared.words import word

    return " / ".join(word("roles", role, language()) for role in roles)
