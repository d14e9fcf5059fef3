"""`draft`: orders that their creators fill in, save and submit."""

import json as json_module
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.commands.terminal import (
    USAGE,
    As,
    Json,
    Lang,
    clock,
    conclude,
    database,
    emit,
    existing,
    fail,
    language,
    publish,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.database import Session

draft = typer.Typer(no_args_is_help=True, help="Drafts: save, list, submit an order by hand. 草稿：保存、查询、提交。")

Number = Annotated[str, typer.Argument(metavar="DRAFT", help="Its number, such as SO-20261123-000042. 单号。")]


@draft.command("save")
def save_draft(
    file: Annotated[str, typer.Argument(help="The order as JSON, as far as it is filled in; - reads stdin. 文件。")],
    person: As,
    number: Annotated[
        str | None, typer.Option("--draft", help="Save over this draft; else a new one. 草稿号。")
    ] = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Save a draft; its number is the order's. Only customer and sale type must be there. 保存草稿。

    The fields are those of a submitted order, without source, external_id and creator.
    """
    from shared.settings import settings
    from workers.intake.drafts import save
    from workers.intake.main import limits

    body = _body(file)
    with database() as opened, opened.transaction() as session:
        saved, faults, refused = save(session, person, body, limits(settings()), datetime.now(UTC), number)
        lines = lines_available(session, body) if saved else []
    if lines and not json:
        table(
            ("line", "product", "quantity", "available", "short"),
            ((e["line"], e["product"], e["quantity"], e["available"], e["short"]) for e in lines),
        )
    data = {"draft": saved or number, "available": lines}
    conclude("draft.saved", data, refused, json, faults=faults, number=saved)


@draft.command("submit")
def submit_draft(number: Number, person: As, json: Json = False, _lang: Lang = None) -> None:
    """Submit a draft: it becomes an order and goes to review. Only its creator may, once. 提交。"""
    from shared import rulebook
    from shared.settings import settings
    from workers.intake.accept import Verdict
    from workers.intake.drafts import submit
    from workers.intake.main import limits

    with database() as opened, opened.transaction() as session:
        rules = rulebook.read(session)
        receipt, refused, batches = submit(session, person, number, limits(settings()), rules, datetime.now(UTC))
    publish(batches)
    faults = receipt.errors if receipt and receipt.verdict is not Verdict.ACCEPTED else ()
    conclude("draft.submitted", {"draft": number}, refused, json, faults=faults, number=number)


@draft.command("delete")
def delete_draft(number: Number, person: As, json: Json = False, _lang: Lang = None) -> None:
    """Throw a draft away; its number is not used again. 删除草稿。"""
    from workers.intake.drafts import delete

    with database() as opened, opened.transaction() as session:
        refused = delete(session, person, number, datetime.now(UTC))
    conclude("draft.deleted", {"draft": number}, refused, json, number=number)


@draft.command("list")
def list_drafts(
    creator: Annotated[str | None, typer.Option(help="Only those of this person. 制单人。")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """List drafts that are not submitted, the latest first. 草稿列表。"""
    from shared.words import word
    from workers.intake.drafts import find

    with database() as opened, opened.transaction() as session:
        existing(session, "person", creator)
        found = find(session, creator, limit)
    if json:
        emit(found)
        return
    table(
        ("draft", "creator", "customer", "sale type", "saved"),
        (
            (
                each["number"],
                each["creator"],
                each["customer"],
                word("sale_types", each["sale_type"], language()),
                clock(each["updated_at"], "%Y-%m-%d %H:%M"),
            )
            for each in found
        ),
    )


@draft.command("show")
def show_draft(number: Number, _lang: Lang = None) -> None:
    """Print a draft as JSON; its `body` is what `save` takes. 查看草稿。"""
    from workers.intake.drafts import whole

    with database() as opened, opened.transaction() as session:
        found = whole(session, number)
        if found is None:
            fail("no.draft", given=number)
        emit(found | {"available": lines_available(session, found["body"])})


def lines_available(session: "Session", body: "Mapping[str, Any]") -> list[dict[str, Any]]:
    """What could be promised of each line now (SAL-05); `short` by how much, all lines of a product together."""
    from workers.sales_review.books import availability
    from workers.sales_review.rules import available_by_line

    wanted = [(line["product"], line.get("quantity") or 0) for line in body.get("lines") or () if line.get("product")]
    return available_by_line(wanted, availability(session, [product for product, _ in wanted]))


def _body(file: str) -> dict[str, Any]:
    if file != "-" and not Path(file).is_file():
        fail("no.file", USAGE, given=file)
    try:
        body = json_module.loads(sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        fail("not_json", USAGE, file=file, error=error)
    if not isinstance(body, dict):
        fail("no_object", USAGE, file=file)
    return body
