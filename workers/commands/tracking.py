"""`track`: where an order is, for its customer by a signed token, or for the staff."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.commands.terminal import USAGE, Json, Lang, clock, complain, database, details, emit, fail, language, say

if TYPE_CHECKING:
    from shared.database import Session

_LINK_DAYS = 90


def track(
    token: Annotated[str | None, typer.Argument(help="The token that a customer was given. 客户查询码。")] = None,
    order: Annotated[str | None, typer.Option(help="For the staff: the order's number. 订单号。")] = None,
    person: Annotated[str | None, typer.Option("--as", help="For the staff: who asks. 查询人。")] = None,
    link: Annotated[bool, typer.Option("--link", help="Make a token for the customer. 生成客户查询码。")] = False,
    days: Annotated[int, typer.Option(min=1, max=730, help="For so many days. 有效天数。")] = _LINK_DAYS,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Show where an order is and when it is expected: to its customer, or to the staff. 订单跟踪。

    A token shows one order and no other, and only for its time.
    """
    from shared.links import secret_of, token_of
    from shared.settings import settings
    from shared.tracking import track as read

    if (token is None) == (order is None) or (order is None) != (person is None) or (link and order is None):
        fail("track.which", USAGE)
    now = datetime.now(UTC)
    number = order or _order_of(str(token), now)
    with database() as opened, opened.transaction() as session:
        refused = _refusal(session, person, number, now) if person else None
        found = None if refused else read(session, number)
    if refused:
        complain(refused)
        raise typer.Exit(1)
    if found is None:
        fail("no.order", given=number)
    if link:
        made = token_of(secret_of(settings()), number, now + timedelta(days=days))
        emit({"order": number, "token": made}) if json else say("track.token", token=made, days=days)
        return
    if json:
        emit(found)
        return
    _show(found)


def _order_of(token: str, now: datetime) -> str:
    from shared.links import BadLink, Expired, order_of, secret_of
    from shared.settings import settings

    try:
        return order_of(secret_of(settings()), token, now)
    except BadLink:
        fail("track.bad")
    except Expired:
        fail("track.expired")


def _refusal(session: "Session", person: str, number: str, now: datetime) -> str | None:
    from shared.tracking import may_not_track
    from shared.words import answer

    refused = may_not_track(session, person, number, now)
    return answer(refused.code, refused.values, language()) if refused else None


def _show(found: dict[str, Any]) -> None:
    from shared.words import word

    moments = {name: found[f"{name}_at"] for name in ("shipped", "delivered", "received")}
    shown = {
        "order": found["order"],
        "state": word("states", found["state"], language()),
        "expected": found["expected_date"],
        "carrier": found["carrier"],
        "tracking_number": found["tracking_number"],
        **{name: at and clock(at, "%Y-%m-%d %H:%M") for name, at in moments.items()},
    }
    details(shown, ("order", "state", "expected", "carrier", "tracking_number", "shipped", "delivered", "received"))
