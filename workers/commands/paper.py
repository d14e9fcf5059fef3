"""`print` and `availability`: the order on paper, and what could be promised now."""

from pathlib import Path
from typing import Annotated

import typer

from workers.commands.terminal import Json, Lang, database, emit, fail, language, table


def print_order(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The order's number. 订单号。")],
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="The file to write; default stdout. 文件。")] = None,
    lang: Lang = None,
) -> None:
    """Print a sales order: one HTML page, in both languages unless --lang says one. 打印销售订单。

    Open it in a browser and print it; the paper is handed over with `orderflow fact paper_handed_over`.
    """
    from shared.words import LANGUAGES
    from workers.sales_review.books import order_with_names
    from workers.sales_review.printed import sales_order

    languages = (language(lang),) if lang else LANGUAGES
    with database() as opened, opened.transaction() as session:
        found = order_with_names(session, order)
    if found is None:
        fail("no.order", given=order)
    page = sales_order(*found, languages)
    if out is None:
        typer.echo(page)
        return
    try:
        out.write_text(page, encoding="utf-8")
    except OSError as error:
        fail("unwritable", path=out, error=error.strerror)
    typer.echo(f"{out}")


def availability(
    products: Annotated[list[str], typer.Argument(metavar="PRODUCT…", help="Product codes. 商品编号。")],
    json: Json = False,
) -> None:
    """Show what of these products could be promised now; nothing is reserved. 可供量。"""
    from workers.sales_review.books import availability as read_availability

    with database() as opened, opened.transaction() as session:
        found = read_availability(session, products)
    unknown = [product for product in dict.fromkeys(products) if product not in found]
    if json:
        emit({"available": found, "unknown": unknown})
    else:
        table(("product", "available"), found.items())
    if unknown and not json:
        fail("no.product", given=", ".join(unknown))
    raise typer.Exit(1 if unknown else 0)
