"""`production`: what is made for orders: where, when, of what, how far it is."""

from typing import Annotated

import typer

from workers.commands.reporting import FactId, day, report
from workers.commands.terminal import USAGE, As, Json, Lang, clock, database, details, emit, fail, language, table

production = typer.Typer(
    no_args_is_help=True,
    help="Production: list, show, plan, confirm, report on. 生产：列表、详情、计划、确认、进度。",
)

Number = Annotated[str, typer.Argument(metavar="PLAN", help="Its number, such as MO-20261125-000001. 计划编号。")]
Remarks = Annotated[str, typer.Option(help="In words. 备注。")]


@production.command(name="list")
def list_plans(
    order: Annotated[str | None, typer.Option(help="Only for this order. 订单号。")] = None,
    open_only: Annotated[bool, typer.Option("--open", help="Only what is not finished. 仅未完成。")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    json: Json = False,
    lang: Lang = None,
) -> None:
    """List production plans, the newest first, with who has still to confirm and what is short. 生产计划列表。"""
    from shared.words import word
    from workers.warehouse.supply_lists import plans

    chosen = language(lang)
    with database() as opened, opened.transaction() as session:
        found = plans(session, number=None, order=order, open_only=open_only, limit=limit)
    if json:
        emit(found)
        return
    table(
        ("number", "order", "product", "quantity", "pieces done", "unit", "from", "until", "needed by", "status",
         "to confirm", "material short"),
        (
            (
                each["number"],
                each["order"],
                each["product"],
                each["quantity"],
                each["done"],
                each["unit"],
                each["starts_on"],
                each["finishes_on"],
                each["needed_by"],
                word("supply_states", each["status"], chosen),
                ", ".join(word("roles", role, chosen) for role in each["wanted"] if role not in each["confirmed"]),
                ", ".join(f"{one['material']} {one['short_by']}" for one in each["materials"] if one["short_by"]),
            )
            for each in found
        ),
    )  # fmt: skip


@production.command()
def show(number: Number, json: Json = False, lang: Lang = None) -> None:
    """Show one plan: its materials, who has confirmed it, and everything that was reported. 生产计划详情。"""
    from datetime import datetime

    from shared.words import word
    from workers.warehouse.supply_lists import plans

    chosen = language(lang)
    with database() as opened, opened.transaction() as session:
        found = plans(session, number=number, order=None, open_only=False, limit=1)
    if not found:
        fail("no.plan", USAGE, given=number)
    (one,) = found
    if json:
        emit(one)
        return
    shown = one | {
        "pieces done": one["done"],
        "from": one["starts_on"],
        "until": one["finishes_on"],
        "needed by": one["needed_by"],
        "status": word("supply_states", one["status"], chosen),
        "to confirm": ", ".join(word("roles", role, chosen) for role in one["wanted"] if role not in one["confirmed"]),
    }
    details(shown, ("number", "order", "product", "quantity", "pieces done", "unit"))
    details(shown, ("from", "until", "needed by", "status", "to confirm"))
    table(
        ("material", "quantity", "available", "short"),
        ((each["material"], each["needed"], each["available"], each["short_by"] or "") for each in one["materials"]),
    )
    table(
        ("time", "event", "who", "pieces done", "until", "remarks"),
        (
            (
                clock(datetime.fromisoformat(each["at"])),
                word("facts", f"production_{each['kind']}", chosen),
                each["by"],
                each["done"],
                each["finishes_on"],
                each["remarks"],
            )
            for each in one["reports"]
        ),
    )


@production.command()
def plan(
    number: Number,
    quantity: Annotated[int, typer.Argument(min=1, help="As it was assigned. 数量。")],
    person: As,
    starts: Annotated[str, typer.Option(help="The first day, such as 2026-12-01. 开工日期。")],
    finishes: Annotated[str, typer.Option(help="The last day. 完工日期。")],
    material: Annotated[list[str], typer.Option(help="Such as M001=80; may be repeated. 所需材料。")],
    remarks: Remarks = "",
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Say or change what a plan takes, and when; every department confirms it anew. 制定生产计划。"""
    body = {"plan": number, "by": person, "quantity": quantity, "remarks": remarks}
    times = {"starts_on": day(starts).isoformat(), "finishes_on": day(finishes).isoformat()}
    report("production_planned", body | times | {"materials": [_material(each) for each in material]}, fact_id, json)


@production.command()
def confirm(number: Number, person: As, fact_id: FactId = None, json: Json = False, _lang: Lang = None) -> None:
    """Confirm a plan for one's department; work starts once all concerned have. 确认生产计划。"""
    report("production_confirmed", {"plan": number, "by": person}, fact_id, json)


@production.command()
def progress(
    number: Number,
    done: Annotated[int, typer.Argument(min=0, help="Pieces done so far. 已完成件数。")],
    person: As,
    remarks: Remarks = "",
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Say how far it is. 生产进度。"""
    report("production_progress", {"plan": number, "by": person, "done": done, "remarks": remarks}, fact_id, json)


@production.command()
def delay(
    number: Number,
    until: Annotated[str, typer.Argument(help="The day on which it is finished, such as 2026-12-08. 新完工日期。")],
    person: As,
    reason: Annotated[str, typer.Option(help="Why. 原因。")],
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Say that it is finished on another day; sales and logistics are told where that is too late. 生产延误。"""
    body = {"plan": number, "by": person, "finishes_on": day(until).isoformat(), "reason": reason}
    report("production_delayed", body, fact_id, json)


@production.command()
def finish(
    number: Number,
    good: Annotated[int, typer.Argument(min=0, help="Pieces that passed the inspection. 合格件数。")],
    person: As,
    location: Annotated[str, typer.Option(help="Where they are. 库位。")] = "MAIN",
    remarks: Remarks = "",
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """End a plan; the good pieces go to its order, what fell short is made or bought again. 生产完成。"""
    body = {"plan": number, "by": person, "good": good, "location": location, "remarks": remarks}
    report("production_finished", body, fact_id, json)


def _material(text: str) -> dict[str, object]:
    name, _, quantity = text.rpartition("=")
    if not name or not quantity.isdecimal():
        fail("not_a_material", USAGE, given=text)
    return {"material": name, "quantity": int(quantity)}
