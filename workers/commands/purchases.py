"""`purchase`: what is bought for orders, why from that supplier, and what of it has come."""

from typing import Annotated

import typer

from workers.commands.reporting import FactId, report
from workers.commands.suppliers import score
from workers.commands.terminal import USAGE, As, Json, Lang, database, details, emit, fail, language, table

purchase = typer.Typer(
    no_args_is_help=True,
    help="Purchases: list, show, receive, send back. 采购：列表、详情、收货、退货。",
)

Number = Annotated[str, typer.Argument(metavar="PURCHASE", help="Its number, such as PO-20261125-000001. 采购单号。")]


@purchase.command(name="list")
def list_purchases(
    supplier: Annotated[str | None, typer.Option(help="Only of this supplier. 供应商。")] = None,
    order: Annotated[str | None, typer.Option(help="Only for this order. 订单号。")] = None,
    open_only: Annotated[bool, typer.Option("--open", help="Only what is still to come. 仅未交清。")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    json: Json = False,
    lang: Lang = None,
) -> None:
    """List purchases, the newest first. 采购单列表。"""
    from shared.words import word
    from workers.warehouse.supply_lists import purchases

    chosen = language(lang)
    with database() as opened, opened.transaction() as session:
        found = purchases(session, number=None, supplier=supplier, order=order, open_only=open_only, limit=limit)
    if json:
        emit(found)
        return
    table(
        ("number", "order", "product", "quantity", "received", "supplier", "needed by", "expected", "status"),
        (
            (
                each["number"],
                each["order"],
                each["product"],
                each["quantity"],
                each["received"],
                each["supplier"],
                each["needed_by"],
                each["expected_on"],
                word("supply_states", each["status"], chosen),
            )
            for each in found
        ),
    )


@purchase.command()
def show(number: Number, json: Json = False, lang: Lang = None) -> None:
    """Show one purchase, with the suppliers that were compared and why this one was chosen. 采购单详情。"""
    from shared.words import money, word
    from workers.warehouse.supply_lists import purchases

    chosen = language(lang)
    with database() as opened, opened.transaction() as session:
        found = purchases(session, number=number, supplier=None, order=None, open_only=False, limit=1)
    if not found:
        fail("no.purchase", USAGE, given=number)
    (one,) = found
    if json:
        emit(one)
        return
    shown = one | {
        "needed by": one["needed_by"],
        "expected": one["expected_on"],
        "unit_price": money(one["unit_price_minor"], one["currency"], chosen),
        "status": word("supply_states", one["status"], chosen),
        "why": word("choices_of_supplier", one["reason"], chosen),
    }
    details(shown, ("number", "order", "product", "quantity", "received", "supplier", "unit_price"))
    details(shown, ("needed by", "expected", "status", "why"))
    table(
        ("supplier", "quality", "delivery", "price", "service", "score"),
        (
            (
                each["supplier"],
                *(score(each[f"{part}_hundredths"]) for part in ("quality", "delivery", "price", "service", "total")),
            )
            for each in one["comparison"]["candidates"]
        ),
    )
    excluded = one["comparison"]["excluded"].items()
    if excluded:
        table(("supplier", "why not"), ((code, word("exclusions", why, chosen)) for code, why in excluded))


@purchase.command()
def receive(
    number: Number,
    quantity: Annotated[int, typer.Argument(min=0, help="Good pieces, taken into stock. 合格件数。")],
    failed: Annotated[int, typer.Option(min=0, help="Failed the inspection and went back at once. 不合格件数。")] = 0,
    location: Annotated[str, typer.Option(help="Where they are. 库位。")] = "MAIN",
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Record what came; it is reserved for the order that lacked it. More than is open is refused. 采购收货。"""
    body = {"purchase": number, "quantity": quantity, "failed": failed, "location": location}
    report("purchase_received", body, fact_id, json)


@purchase.command("return")
def send_back(
    number: Number,
    quantity: Annotated[int, typer.Argument(min=1, help="Pieces that turned out bad. 退货件数。")],
    person: As,
    reason: Annotated[str, typer.Option(help="What was wrong with them. 原因。")],
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Record pieces that went back later; they count against the supplier. 采购退货。"""
    body = {"purchase": number, "quantity": quantity, "by": person, "reason": reason}
    report("purchase_returned", body, fact_id, json)
