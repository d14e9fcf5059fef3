"""`stock`: what is where, stock-taking with its approval, blocked goods, and everything that ever moved."""

from pathlib import Path
from typing import Annotated, Any

import typer

from workers.commands.reporting import FactId, report
from workers.commands.terminal import (
    USAGE,
    As,
    Json,
    Lang,
    clock,
    database,
    emit,
    fail,
    language,
    one_of,
    table,
)

stock = typer.Typer(
    no_args_is_help=True,
    help="Stock: list, count, approve counts, blocked goods, movements. 库存：列表、盘点、差异审批、冻结货物、流水。",
)

Product = Annotated[str | None, typer.Option(help="Only this product. 商品。")]
Limit = Annotated[int, typer.Option(min=1, max=100_000)]
Sheet = Annotated[str, typer.Argument(metavar="SHEET", help="Its number, such as PD-2026-11. 盘点单号。")]
KINDS = ("opening", "counted", "received", "issued", "returned", "taken_back", "blocked", "released", "scrapped")


@stock.command(name="list")
def list_stock(product: Product = None, limit: Limit = 1_000, json: Json = False, _lang: Lang = None) -> None:
    """List what is at every place: on hand, reserved, blocked, available. 库存列表。"""
    from workers.warehouse.stock_lists import stock as find

    with database() as opened, opened.transaction() as session:
        found = find(session, product, limit)
    if json:
        emit(found)
        return
    table(
        ("product", "location", "on_hand", "reserved", "blocked", "available"),
        ([*each.values()][:6] for each in found),
    )


@stock.command()
def count(
    sheet: Sheet,
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="CSV with the columns product, location, counted. 盘点文件。"),
    ],
    person: As,
    remarks: Annotated[str, typer.Option(help="What is to be said of it. 备注。")] = "",
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Hand in a whole sheet of stock-taking; what differs from the books waits for another person. 库存盘点。

    orderflow stock count PD-2026-11 counted.csv --as chu.yi
    """
    report("stock_counted", {"sheet": sheet, "by": person, "places": _places(file), "remarks": remarks}, fact_id, json)


@stock.command()
def approve(
    sheet: Sheet,
    person: As,
    reject: Annotated[bool, typer.Option("--reject", help="The books stay as they are. 驳回。")] = False,
    reason: Annotated[str, typer.Option(help="Why. 原因。")] = "",
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Approve what a count found, which adjusts the stock; whoever counted cannot. 审批盘点差异。"""
    body = {"sheet": sheet, "by": person, "approve": not reject, "reason": reason}
    report("stock_count_decided", body, fact_id, json)


@stock.command()
def counts(
    open_only: Annotated[bool, typer.Option("--open", help="Only what waits for approval. 仅待审批。")] = False,
    limit: Limit = 1_000,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """List what was counted, with the difference to the books. 盘点记录。"""
    from shared.words import word
    from workers.warehouse.stock_lists import counts as find

    with database() as opened, opened.transaction() as session:
        found = find(session, open_only, limit)
    if json:
        emit(found)
        return
    table(
        ("sheet", "product", "location", "counted", "book", "difference", "counted_by", "status", "decided_by"),
        (
            (
                each["sheet"],
                each["product"],
                each["location"],
                each["counted"],
                each["book"],
                each["difference"],
                each["counted_by"],
                word("count_states", each["status"], language()),
                each["decided_by"],
            )
            for each in found
        ),
    )


@stock.command()
def release(
    product: Annotated[str, typer.Argument(help="Which product. 商品。")],
    quantity: Annotated[int, typer.Argument(min=1, help="How many of the blocked pieces. 件数。")],
    person: As,
    reason: Annotated[str, typer.Option(help="Why. 原因。")],
    location: Annotated[str, typer.Option(help="Where they are. 库位。")] = "MAIN",
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Release blocked goods: they may be given away again. 解冻。"""
    _blocked("released", product, quantity, person, reason, location, fact_id, json)


@stock.command()
def scrap(
    product: Annotated[str, typer.Argument(help="Which product. 商品。")],
    quantity: Annotated[int, typer.Argument(min=1, help="How many of the blocked pieces. 件数。")],
    person: As,
    reason: Annotated[str, typer.Option(help="Why. 原因。")],
    location: Annotated[str, typer.Option(help="Where they are. 库位。")] = "MAIN",
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Scrap blocked goods: they leave the books. 报废。"""
    _blocked("scrapped", product, quantity, person, reason, location, fact_id, json)


@stock.command()
def movements(
    product: Product = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind, such as counted. 类别。")] = None,
    limit: Limit = 50,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """List what changed the stock, the newest first. 库存流水。"""
    from shared.words import word
    from workers.warehouse.stock_lists import movements as find

    one_of("kind", kind, KINDS, "movements")
    with database() as opened, opened.transaction() as session:
        found = find(session, product, kind, limit)
    if json:
        emit(found)
        return
    table(
        ("time", "kind", "product", "location", "quantity", "blocked", "document"),
        (
            (
                clock(each["at"]),
                word("movements", each["kind"], language()),
                each["product"],
                each["location"],
                each["quantity"],
                each["blocked"],
                each["document"],
            )
            for each in found
        ),
    )


def _blocked(
    decision: str, product: str, quantity: int, person: str, reason: str, location: str, fact_id: str | None, json: bool
) -> None:
    body = {"product": product, "location": location, "quantity": quantity, "decision": decision, "by": person}
    report("blocked_goods_decided", body | {"reason": reason}, fact_id, json)


def _places(file: Path) -> list[dict[str, Any]]:
    """The lines of a sheet. What is no number stays as it is, for the edge to name its field."""
    import csv

    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            lines = [{name: cell for name, cell in line.items() if cell} for line in csv.DictReader(stream)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        fail("unreadable", USAGE, file=file, error=error)
    return [line | ({"counted": _number(line["counted"])} if "counted" in line else {}) for line in lines]


def _number(cell: str) -> int | str:
    try:
        return int(cell)
    except ValueError:
        return cell
