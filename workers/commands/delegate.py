"""`delegate`: who decides for whom while they are away."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from workers.commands.terminal import (
    FAILED,
    As,
    Json,
    Lang,
    clock,
    complain,
    conclude,
    database,
    emit,
    existing,
    ids,
    language,
    minor,
    one_of,
    refusal,
    say,
    table,
)

delegate = typer.Typer(no_args_is_help=True, help="Who decides for whom while they are away. 授权代理。")

_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M"]


@delegate.command("add")
def add_delegation(
    to: Annotated[str, typer.Argument(help="Who decides meanwhile: the id of a member of staff. 代理人。")],
    person: As,
    until: Annotated[
        datetime,
        typer.Option(formats=_FORMATS, help="The last day, or the moment it ends; local time. 至。"),
    ],
    reason: Annotated[str, typer.Option(help="Why. 原因。")],
    since: Annotated[
        datetime | None,
        typer.Option("--from", formats=_FORMATS, help="From when; now, if not given. 自。"),
    ] = None,
    on_behalf_of: Annotated[
        str | None, typer.Option("--for", help="Who is away, where an administrator arranges it. 委托人。")
    ] = None,
    role: Annotated[list[str] | None, typer.Option(help="Only as this role; may be repeated. 仅限角色。")] = None,
    cap: Annotated[
        str | None, typer.Option(help="Only orders of at most this total, in base currency. 限额（本位币）。")
    ] = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Let somebody decide for you while you are away. 授权他人代理审批。

    They decide what you could, in your name, and pass it on to nobody.
    """
    from shared.calendar import BUSINESS_ZONE
    from shared.delegations import Proposal, give
    from shared.policy import load, select
    from shared.roles import ROLES
    from shared.words import moment

    for each in role or ():
        one_of("role", each, ROLES, "roles")
    now = datetime.now(UTC)
    currency = select(load(), now.astimezone(BUSINESS_ZONE).date()).base_currency
    cap_minor = minor(cap, currency)
    starts_at = since.replace(tzinfo=BUSINESS_ZONE).astimezone(UTC) if since else now
    whole_day = until.time() == datetime.min.time()
    ends_at = until.replace(tzinfo=BUSINESS_ZONE).astimezone(UTC) + timedelta(days=1 if whole_day else 0)
    proposal = Proposal(
        on_behalf_of or person,
        to,
        starts_at,
        ends_at,
        reason,
        tuple(role) if role else None,
        cap_minor,
        None if cap is None else currency,
    )
    with database() as opened, opened.transaction() as session:
        found = give(session, proposal, person, now)
    given = found if isinstance(found, str) else None
    reasons = [] if isinstance(found, str) else [refusal(each) for each in found]
    if json:
        emit({"delegation": given, "done": given is not None, "refused": reasons})
    elif given:
        say("delegation.given", person=to, until=moment(ends_at), id=given)
    else:
        complain("\n".join(each["reason"] for each in reasons))
    raise typer.Exit(0 if given else FAILED)


@delegate.command("list")
def list_delegations(
    person: Annotated[
        str | None, typer.Option("--of", help="Only those that this person gave or was given. 某人的。")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what is over or revoked. 含已结束的。")] = False,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """List delegations. 代理列表。"""
    from shared.delegations import find
    from shared.words import money, word

    chosen, now = language(), datetime.now(UTC)
    with database() as opened, opened.transaction() as session:
        existing(session, "person", person)
        found = find(session, person=person, now=None if everything else now)
    if json:
        emit(found)
        return
    table(
        ("id", "away", "decides", "from", "until", "roles", "cap", "reason", "revoked by"),
        (
            (
                each["id"],
                each["delegator"],
                each["delegate"],
                clock(each["starts_at"], "%Y-%m-%d %H:%M"),
                clock(each["ends_at"], "%Y-%m-%d %H:%M"),
                " / ".join(word("roles", role, chosen) for role in each["roles"] or ()),
                money(each["cap_minor"], each["currency"], chosen) if each["currency"] else "",
                each["reason"],
                each["revoked_by"],
            )
            for each in found
        ),
    )


@delegate.command("revoke")
def revoke_delegation(delegation: str, person: As, json: Json = False, _lang: Lang = None) -> None:
    """End a delegation at once. 撤销代理。"""
    from shared.delegations import revoke

    with database() as opened, opened.transaction() as session:
        refused = revoke(session, ids([delegation])[0], person, datetime.now(UTC))
    conclude("delegation.revoked", {"delegation": delegation}, refused, json)
