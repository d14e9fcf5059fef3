"""`case`: what customers are not content with or need help for, from the first word to the result."""

from typing import Annotated

import typer

from workers.commands.reporting import FactId, report
from workers.commands.terminal import (
    USAGE,
    As,
    Json,
    Lang,
    clock,
    database,
    details,
    emit,
    fail,
    language,
    one_of,
    table,
)

case = typer.Typer(
    no_args_is_help=True,
    help="Cases of after-sales: exceptions, returns, exchanges, repairs, questions, complaints. 售后个案。",
)

KINDS = ("exception", "return", "exchange", "repair", "support", "complaint")
Number = Annotated[str, typer.Argument(metavar="CASE", help="Its number, such as CS-20261123-000001. 个案编号。")]
Lines = Annotated[
    list[str] | None,
    typer.Option("--line", help="LINE:QUANTITY of the order, may be repeated. 订单行与数量，可重复。"),
]


@case.command(name="list")
def list_cases(
    order: Annotated[str | None, typer.Option(help="Only of this order. 订单。")] = None,
    kind: Annotated[str | None, typer.Option(help=f"Only of this kind: {', '.join(KINDS)}. 类别。")] = None,
    open_only: Annotated[bool, typer.Option("--open", help="Only open ones. 仅未关闭。")] = False,
    assignee: Annotated[str | None, typer.Option(help="Only those handed to this person. 承办人。")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 1_000,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """List cases, the newest first. 个案列表。"""
    from shared.words import word
    from workers.after_sales.case_lists import cases

    if kind is not None:
        one_of("kind", kind, KINDS)
    with database() as opened, opened.transaction() as session:
        found = cases(session, order, kind, open_only, assignee, limit)
    if json:
        emit(found)
        return
    table(
        ("case", "kind", "order", "customer", "reason", "opened_at", "assignee", "status"),
        (
            [
                each["case"],
                word("case_kinds", each["kind"], language()),
                each["order"],
                each["customer"],
                each["reason"],
                clock(each["opened_at"]),
                each["assignee"],
                word("case_states", each["status"], language()),
            ]
            for each in found
        ),
    )


@case.command()
def show(number: Number, json: Json = False, _lang: Lang = None) -> None:
    """Show a case with its goods and all that was done about it. 个案详情。"""
    from shared.words import word
    from workers.after_sales.case_lists import case as find

    with database() as opened, opened.transaction() as session:
        found = find(session, number)
    if found is None:
        fail("case.unknown", case=number)
    if json:
        emit(found)
        return
    shown = {
        **found,
        "kind": word("case_kinds", found["kind"], language()),
        "status": word("case_states", found["status"], language()),
        "exception": found["exception"] and word("receipt_exceptions", found["exception"], language()),
        "opened_at": clock(found["opened_at"]),
        "closed_at": found["closed_at"] and clock(found["closed_at"]),
    }
    details(
        shown,
        (
            "case", "kind", "exception", "order", "customer", "product", "reason", "status", "assignee", "opened_at",
            "opened_by", "result", "feedback", "closed_at", "closed_by",
        ),
    )  # fmt: skip
    if found["lines"]:
        table(("line", "product", "quantity", "back"), (each.values() for each in found["lines"]))
    table(
        ("at", "entry", "by", "words"),
        (
            [clock(each["at"]), word("case_states", each["entry"], language()), each["by"], each["words"]]
            for each in found["entries"]
        ),
    )


@case.command(name="open")
def open_case(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The order's number. 订单号。")],
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join(KINDS)}. 类别。")],
    person: As,
    reason: Annotated[str, typer.Option(help="What the customer says. 原因。")],
    line: Lines = None,
    exception: Annotated[
        str | None, typer.Option(help="Of an exception: short, damaged, wrong, late. 收货异常类别。")
    ] = None,
    product: Annotated[str | None, typer.Option(help="Of a repair: what is to be repaired. 报修商品。")] = None,
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Open a case about an order. 登记个案。

    orderflow case open SO-… return --line 1:2 --reason 尺寸不符 --as xu.jing
    """
    one_of("kind", kind, KINDS)
    lines = [_line(each) for each in line or ()]
    body = {
        "order": order,
        "case_kind": kind,
        "by": person,
        "reason": reason,
        "exception": exception,
        "product": product,
        "lines": lines,
    }
    report("case_opened", body, fact_id, json)


@case.command()
def assign(
    number: Number,
    to: Annotated[str, typer.Argument(help="Who handles it from now on. 承办人。")],
    person: As,
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Hand a case to somebody of after-sales or sales. 分派个案。"""
    report("case_assigned", {"case": number, "by": person, "to": to}, fact_id, json)


@case.command()
def note(
    number: Number,
    text: Annotated[str, typer.Argument(help="What was done or said. 处理记录。")],
    person: As,
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Record what was done about a case. 记录处理经过。"""
    report("case_handled", {"case": number, "by": person, "note": text}, fact_id, json)


@case.command()
def close(
    number: Number,
    person: As,
    result: Annotated[str, typer.Option(help="What came of it; the customer is told. 处理结果。")],
    feedback: Annotated[str, typer.Option(help="What the customer says of it; complaints need it. 客户反馈。")] = "",
    reject: Annotated[bool, typer.Option("--reject", help="The customer's wish is not met. 驳回。")] = False,
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Close a case with its result, which the customer is told by letter. 关闭个案。"""
    outcome = "rejected" if reject else "done"
    body = {"case": number, "by": person, "outcome": outcome, "result": result, "feedback": feedback}
    report("case_closed", body, fact_id, json)


@case.command()
def goods(
    number: Number,
    person: As,
    line: Lines = None,
    damaged: Annotated[bool, typer.Option("--damaged", help="They cannot be sold again: blocked. 已损坏。")] = False,
    location: Annotated[str, typer.Option(help="Where they are put. 库位。")] = "MAIN",
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Goods of a return or exchange are back, as the warehouse takes them in. 退货入库。"""
    condition = "damaged" if damaged else "good"
    lines = [{**_line(each), "condition": condition} for each in line or ()]
    report("goods_returned", {"case": number, "by": person, "lines": lines, "location": location}, fact_id, json)


def _line(given: str) -> dict[str, int]:
    number, _, quantity = given.partition(":")
    if not (number.isdecimal() and quantity.isdecimal()):
        fail("case.line", USAGE, given=given)
    return {"line": int(number), "quantity": int(quantity)}
