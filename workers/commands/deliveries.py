"""`shipments`, `notes`, `promise`: what left, on which delivery notes, and which delivery dates were promised."""

from typing import Annotated, Any

import typer

from workers.commands.reporting import FactId, day, report
from workers.commands.terminal import USAGE, As, Json, Lang, clock, database, details, emit, fail, language, table

shipments = typer.Typer(no_args_is_help=True, help="Shipments and tracking slips: list, show. 发货与物流追踪单。")
notes = typer.Typer(
    no_args_is_help=True, help="Delivery notes: list, show, ask for a change. 发货单：列表、详情、申请变更。"
)
promise = typer.Typer(
    no_args_is_help=True, help="Delivery dates: show, propose, confirm, refuse. 交货日期：查看、提出、确认、拒绝。"
)

Order = Annotated[str, typer.Argument(metavar="ORDER", help="The order's number. 订单号。")]
OfOrder = Annotated[str | None, typer.Option("--order", help="Only of this order. 订单号。")]
Limit = Annotated[int, typer.Option(min=1, max=100_000)]
Date = Annotated[str, typer.Argument(metavar="DATE", help="The day, such as 2026-12-01. 日期。")]
Reason = Annotated[str, typer.Option(help="Why. 原因。")]
Party = Annotated[str, typer.Option(help="sales or customer: whose answer it is. 销售或客户。")]


@shipments.command(name="list")
def list_shipments(order: OfOrder = None, limit: Limit = 50, json: Json = False, _lang: Lang = None) -> None:
    """List what left, the newest first. 发货列表。"""
    from workers.logistics import lists

    with database() as opened, opened.transaction() as session:
        found = lists.shipments(session, number=None, order=order, limit=limit)
    if json:
        emit(found)
        return
    table(
        ("tracking_number", "order", "note", "carrier", "quantity", "rest", "shipped", "delivered"),
        (
            (
                each["number"],
                each["order"],
                each["note"],
                each["carrier"],
                each["quantity"],
                each["rest"] or "",
                clock(each["shipped_at"]),
                each["delivered_at"] and clock(each["delivered_at"]),
            )
            for each in found
        ),
    )


@shipments.command(name="show")
def show_shipment(
    number: Annotated[str, typer.Argument(metavar="SLIP", help="Its tracking number. 物流追踪单号。")],
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Show one tracking slip and what it carries. 物流追踪单详情。"""
    from shared.words import word
    from workers.logistics import carrier_events, lists

    with database() as opened, opened.transaction() as session:
        found = lists.shipments(session, number=number, order=None, limit=1)
        events = carrier_events.of(session, number)
    if not found:
        fail("no.shipment", USAGE, given=number)
    (one,) = found
    if json:
        emit(one | {"events": [dict(zip(("at", "event", "place", "remarks"), each, strict=True)) for each in events]})
        return
    shown = one | {"tracking_number": one["number"], "shipped": clock(one["shipped_at"]), "document": one["documents"]}
    shown["delivered"] = one["delivered_at"] and clock(one["delivered_at"])
    details(shown, ("tracking_number", "order", "note", "carrier", "quantity", "rest"))
    details(shown, ("shipped", "delivered", "document"))
    _lines(one)
    table(
        ("time", "event", "where", "remarks"),
        (
            (clock(at), word("carrier_events", event, language()), place, remarks)
            for at, event, place, remarks in events
        ),
    )


@notes.command(name="list")
def list_notes(order: OfOrder = None, limit: Limit = 50, json: Json = False, _lang: Lang = None) -> None:
    """List delivery notes, the newest first. 发货单列表。"""
    from workers.logistics import lists

    with database() as opened, opened.transaction() as session:
        found = lists.notes(session, number=None, order=order, limit=limit)
    if json:
        emit(found)
        return
    table(
        ("note", "order", "carrier", "date", "state", "made", "ended"),
        (
            (
                each["number"],
                each["order"],
                each["carrier"],
                each["ships_on"],
                _state(each),
                clock(each["issued_at"]),
                each["recalled_at"] and clock(each["recalled_at"]),
            )
            for each in found
        ),
    )


@notes.command(name="show")
def show_note(
    number: Annotated[str, typer.Argument(metavar="NOTE", help="Its number. 发货单号。")],
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Show one delivery note, its lines, and the changes that were asked for. 发货单详情。"""
    from shared.words import word
    from workers.logistics import lists

    with database() as opened, opened.transaction() as session:
        found = lists.notes(session, number=number, order=None, limit=1)
    if not found:
        fail("no.note", USAGE, given=number)
    (one,) = found
    if json:
        emit(one)
        return
    shown = one | {"note": one["number"], "date": one["ships_on"], "state": _state(one)}
    details(shown, ("note", "order", "carrier", "date", "state"))
    _lines(one)
    table(
        ("number", "kind", "value", "by", "reason", "answer"),
        (
            (
                each["number"],
                word("note_changes", each["change"], language()),
                each["ships_on"] or each["carrier"],
                each["by"],
                each["reason"],
                each["answer"] and word("note_answers", each["answer"], language()),
            )
            for each in one["changes"]
        ),
    )


@notes.command()
def change(
    number: Annotated[str, typer.Argument(metavar="NOTE", help="Its number. 发货单号。")],
    person: As,
    reason: Reason,
    date: Annotated[str | None, typer.Option(help="Another day to leave. 改期。")] = None,
    carrier: Annotated[str | None, typer.Option(help="Another carrier. 更换物流公司。")] = None,
    end: Annotated[bool, typer.Option("--end", help="End it. 终止。")] = False,
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Ask for a change of an approved note; supervisor or finance decide. 申请变更，由主管或财务决定。"""
    if (date is not None) + (carrier is not None) + end != 1:
        fail("notes.which", USAGE)
    what: dict[str, Any] = {"change": "end"}
    if date is not None:
        what = {"change": "date", "ships_on": day(date).isoformat()}
    elif carrier is not None:
        what = {"change": "carrier", "carrier": carrier}
    report("note_change_requested", {"order": number, "by": person, "reason": reason, **what}, fact_id, json)


@promise.command()
def show(order: Order, json: Json = False, _lang: Lang = None) -> None:
    """Show every date that was proposed for an order, and what was answered. 交货日期的提出与答复。"""
    from workers.logistics import lists

    with database() as opened, opened.transaction() as session:
        found = lists.promises(session, order)
    if json:
        emit(found)
        return
    table(
        ("number", "date", "by", "reason", "answer"),
        ((each["number"], each["promised_on"], each["by"], each["reason"], _answers(each)) for each in found),
    )


@promise.command()
def propose(
    order: Order,
    date: Date,
    person: As,
    reason: Reason,
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Propose another delivery date, which is then confirmed. 提出交货日期。"""
    body = {"order": order, "by": person, "promised_on": day(date).isoformat(), "reason": reason}
    report("date_proposed", body, fact_id, json)


@promise.command()
def confirm(
    order: Order, date: Date, person: As, party: Party, fact_id: FactId = None, json: Json = False, _lang: Lang = None
) -> None:
    """Confirm the proposed date for sales or for the customer. 确认交货日期。"""
    _answer(order, date, person, party, {"answer": "confirmed"}, fact_id, json)


@promise.command()
def refuse(
    order: Order,
    date: Date,
    person: As,
    party: Party,
    wanted: Annotated[str | None, typer.Option(help="The day that is wanted instead. 希望的日期。")] = None,
    remarks: Annotated[str, typer.Option(help="In words. 备注。")] = "",
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Refuse the proposed date for sales or for the customer; another is proposed. 拒绝交货日期。"""
    said = {"answer": "refused", "remarks": remarks, "wanted": day(wanted).isoformat() if wanted else None}
    _answer(order, date, person, party, said, fact_id, json)


def _answer(
    order: str, date: str, person: str, party: str, said: dict[str, Any], fact_id: str | None, json: bool
) -> None:
    body = {"order": order, "by": person, "party": party, "promised_on": day(date).isoformat(), **said}
    report("date_answered", body, fact_id, json)


def _state(note: dict[str, Any]) -> str:
    from shared.words import word

    return word("states", note["state"], language()) if note["state"] else ""


def _lines(found: dict[str, Any]) -> None:
    table(("line", "product", "quantity"), ((e["line"], e["product"], e["quantity"]) for e in found["lines"]))


def _answers(one: dict[str, Any]) -> str:
    from shared.words import word

    return ", ".join(
        f"{word('parties', each['party'], language())} {each['by']}: "
        + word("note_answers", "agreed" if each["agreed"] else "refused", language())
        + (f" ({each['wanted']})" if each["wanted"] else "")
        for each in one["answers"]
    )
