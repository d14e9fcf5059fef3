"""`print` and `availability`: documents on paper, and what could be promised now."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.words import Language
from workers.commands.terminal import (
    USAGE,
    Json,
    Lang,
    database,
    emit,
    fail,
    language,
    one_of,
    say,
    table,
)

if TYPE_CHECKING:  # it is loaded only to print
    from workers.documents.books import Selection
    from workers.documents.paper import Paper

_DAY = ["%Y-%m-%d"]
_FORMATS = ("html", "pdf")


def print_documents(
    numbers: Annotated[
        list[str] | None, typer.Argument(metavar="NUMBER…", help="Numbers of documents, or of their orders. 单号。")
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            help="order 销售订单, quotation 报价单, confirmation 确认函, delivery_note 发货单, packing_list 装箱单, "
            "tracking_slip 物流追踪单, inspection_report 质量检验报告, invoice 发票, contract 合同封面, "
            "statement 结算单"
        ),
    ] = "order",
    format_: Annotated[
        str | None, typer.Option("--format", help="html or pdf; default: what --out ends in. 格式。")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of this kind. 全部。")] = False,
    since: Annotated[
        datetime | None, typer.Option("--from", formats=_DAY, help="Of this day or later. 起始日。")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", formats=_DAY, help="Of this day or before. 截止日。")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File or folder to write; default stdout. 文件或文件夹。")] = None,
    lang: Annotated[
        Language | None,
        typer.Option("--lang", help="What the documents speak; default both languages. 语言，默认双语。"),
    ] = None,
) -> None:
    """Print documents on A4: in both languages unless --lang says one. 打印单据（报价单、发货单、发票等）。

    An order printed for signing is handed over with `orderflow fact paper_handed_over`.
    """
    from shared.words import LANGUAGES
    from workers.documents.books import Selection
    from workers.documents.kinds import KINDS

    chosen = format_ or ("pdf" if out and out.suffix == ".pdf" else "html")
    one_of("paper", kind, KINDS, "papers")
    one_of("format", chosen, _FORMATS)
    if everything == bool(numbers) or (everything and out is None):
        fail("paper.which", USAGE)
    wanted = Selection(tuple(numbers or ()), since.date() if since else None, until.date() if until else None)
    languages = (language(lang),) if lang else LANGUAGES
    made = _papers(kind, wanted, languages)
    if everything or (out and out.is_dir()):
        assert out is not None
        _into_folder(made, kind, chosen, out)
    else:
        _one(list(made), kind, chosen, out, ", ".join(wanted.numbers))


def _papers(kind: str, wanted: "Selection", languages: "Sequence[Language]") -> "Iterator[Paper]":
    from workers.documents.books import CHUNK, Selection, numbers_of, papers

    with database() as opened:
        with opened.transaction() as session:
            numbers = numbers_of(session, kind, wanted)
        for start in range(0, len(numbers), CHUNK):
            with opened.transaction() as session:
                found = papers(session, kind, Selection(tuple(numbers[start : start + CHUNK])), languages)
            yield from found


def _rendering(chosen: str) -> "Callable[[Paper], bytes]":
    from workers.documents.html import to_html
    from workers.documents.pdf import to_pdf

    return to_pdf if chosen == "pdf" else lambda paper: to_html(paper).encode()


def _one(made: "Sequence[Paper]", kind: str, chosen: str, out: Path | None, given: str) -> None:
    if not made:
        _none(kind, given)
    if len(made) > 1:
        fail("paper.several", USAGE, numbers=", ".join(paper.number for paper in made))
    content = _rendering(chosen)(made[0])
    if out is not None:
        _write(out, content)
        typer.echo(f"{out}")
    elif chosen == "pdf":
        fail("paper.file", USAGE)
    else:
        typer.echo(content.decode())


def _into_folder(made: "Iterator[Paper]", kind: str, chosen: str, out: Path) -> None:
    started, count = time.monotonic(), 0
    render = _rendering(chosen)
    for paper in made:
        _write(out / f"{kind}-{paper.number}.{chosen}", render(paper))
        count += 1
    say("paper.printed", count=count, folder=out, seconds=f"{time.monotonic() - started:.1f}")


def _none(kind: str, given: str) -> None:
    from shared.words import word

    if kind == "order":
        fail("no.order", given=given)
    fail("paper.none", kind=word("papers", kind, language()), given=given)


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        fail("unwritable", path=path, error=error.strerror)


def availability(
    products: Annotated[list[str], typer.Argument(metavar="PRODUCT…", help="Product codes. 商品编号。")],
    json: Json = False,
    _lang: Lang = None,
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
