"""`submit`, `fact`, `refusals`: what comes in from outside by hand, and what of it was not taken."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from workers.commands.terminal import (
    FAILED,
    USAGE,
    Json,
    Lang,
    clock,
    complain,
    database,
    details,
    emit,
    fail,
    joined,
    language,
    one_of,
    table,
    told,
)

if TYPE_CHECKING:
    from workers.intake.json_files import Contents
    from workers.intake.parse import Submission

STDIN = "-"
Report = Annotated[Path | None, typer.Option(dir_okay=False, help="Write every answer to this CSV file. 结果文件。")]


def submit(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="JSON lines, JSON, CSV or XLSX; - reads JSON lines from stdin. 文件。")
    ],
    map_: Annotated[
        Path | None,
        typer.Option(
            "--map", exists=True, dir_okay=False, help="Which column is which field (TOML); for CSV and XLSX. 映射。"
        ),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="The upstream system that they come from, instead of the map's. 来源系统。")
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Only say what would happen. Each is judged by what is stored. 只检查，不保存。"),
    ] = False,
    report: Report = None,
    today: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="The day that the map's `today` means; to repeat a file, that of the first time. 映射中的今天。",
        ),
    ] = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Submit orders from a file, through the same intake as those from the queue. 从文件提交订单。

    What was received before is repeated harmlessly: a file whose import was cut off is simply submitted again.

    A map is explained by the example deploy/sample_company/map-example.toml.

    Exit code 0 where every order was accepted or is a repeat, 1 where one was not.
    """
    from shared.calendar import BUSINESS_ZONE
    from shared.reasons import fault, reason
    from shared.settings import settings
    from workers.commands.handing_in import hand_in
    from workers.intake.accept import accept_orders
    from workers.intake.files import open_file
    from workers.intake.mapping import MapError, load_map
    from workers.intake.sheets import FileRefused

    if source is not None and map_ is None:
        fail("source_without_map", USAGE)
    day = today.date() if today else datetime.now(BUSINESS_ZONE).date()
    try:
        layout = load_map(map_, source) if map_ else None
        contents = _stdin() if file == STDIN else open_file(_existing(file), layout, day, settings())
    except MapError as error:
        complain("\n".join(fault(each, language()) for each in error.faults))
        raise typer.Exit(USAGE) from error
    except FileRefused as refused:
        complain(reason("file", str(refused), language()))
        raise typer.Exit(FAILED) from refused
    hand_in(contents, accept_orders, "orders", check=check, report=report, json=json)


def fact(
    what: Annotated[
        str,
        typer.Argument(
            metavar="KIND|FILE",
            help="A kind of fact, see below; or a file of facts as JSON lines or JSON; - reads JSON lines from stdin."
            " 事实类别（见下），或事实文件；- 读标准输入。",
        ),
    ],
    order: Annotated[str | None, typer.Option(help="Our order number. 订单号。")] = None,
    reference: Annotated[str | None, typer.Option(help="Payment: what names it for ever. 收款参考号。")] = None,
    amount: Annotated[str | None, typer.Option(help="Payment: how much, such as 1234.50. 金额。")] = None,
    currency: Annotated[str | None, typer.Option(help="Payment: default the order's. 币种。")] = None,
    method: Annotated[str | None, typer.Option(help="Payment: such as wire. 方式。")] = None,
    product: Annotated[str | None, typer.Option(help="Goods: which product. 商品。")] = None,
    quantity: Annotated[int | None, typer.Option(help="Goods: how many pieces. 数量。")] = None,
    location: Annotated[str | None, typer.Option(help="Goods: where they are; default MAIN. 库位。")] = None,
    tracking_number: Annotated[str | None, typer.Option(help="Delivery: of the shipment. 运单号。")] = None,
    remarks: Annotated[str | None, typer.Option(help="Receipt, paper, answer: what was remarked. 备注。")] = None,
    score: Annotated[int | None, typer.Option(help="Survey: the answer. 评分。")] = None,
    comment: Annotated[str | None, typer.Option(help="Survey: in words. 评语。")] = None,
    reason: Annotated[str | None, typer.Option(help="Cancellation, withdrawal: why. 原因。")] = None,
    by: Annotated[
        str | None,
        typer.Option(help="Resubmission, entry, paper, answer: who did it; of a resubmission the creator. 经手人。"),
    ] = None,
    to: Annotated[str | None, typer.Option(help="Paper: who took it. 接收人。")] = None,
    answer: Annotated[
        str | None, typer.Option(help="Customer's answer: confirmed or change; to a question, in words. 客户答复。")
    ] = None,
    document: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Resubmission: the whole order as JSON. Entry: customer, currency, lines. 订单文件。",
        ),
    ] = None,
    source: Annotated[str, typer.Option(help="Who reports it. 报告来源。")] = "command-line",
    fact_id: Annotated[
        str | None,
        typer.Option("--id", help="Its id with the source: repeats of it count once. Default: a new one. 编号。"),
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="When it happened, in ISO 8601 with zone; default now. 发生时间。")
    ] = None,
    report: Report = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Report what happened outside: a payment, goods, a delivery, a receipt, an answer, a cancellation. 报告外部事实。

    orderflow fact payment_received --order SO-20261123-000042 --reference BANK-77 --amount 400.00 --method wire

    orderflow fact delivered --order SO-20261123-000042 --tracking-number TRK-20261124-000007

    orderflow fact facts.jsonl
    """
    from messages.commands import FACT_OWNERS
    from workers.commands.handing_in import hand_in
    from workers.intake.facts import accept_facts
    from workers.intake.json_files import Contents

    given = {
        "order": order, "reference": reference, "amount": amount, "currency": currency, "method": method,
        "product": product, "quantity": quantity, "location": location, "tracking_number": tracking_number,
        "remarks": remarks, "score": score, "comment": comment, "reason": reason, "by": by, "to": to, "answer": answer,
        "document": document,
    }  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    kind = what.replace("-", "_")
    if kind in FACT_OWNERS:
        single = _fact(kind, given, source, fact_id, at)
        hand_in(Contents(1, iter([single])), accept_facts, "facts", report=report, json=json)
    if given or fact_id or at:
        one_of("fact", what, FACT_OWNERS, "facts")
    if what != STDIN and not Path(what).is_file():
        fail("unknown.fact_or_file", USAGE, given=what, known=told("comma").join(FACT_OWNERS))
    hand_in(_facts(what), accept_facts, "facts", report=report, json=json)


class FactCommand(TyperCommand):
    """Its help lists every kind of fact that there is."""

    def format_help(self, context: Any, formatter: Any) -> None:
        from messages.commands import FACT_OWNERS

        self.help = f"{self.help}\n\nKinds 类别: {', '.join(FACT_OWNERS)}"
        super().format_help(context, formatter)


def _facts(file: str) -> "Contents":
    from shared.reasons import reason
    from shared.settings import settings
    from workers.intake.json_files import open_json
    from workers.intake.sheets import FileRefused

    try:
        return _stdin() if file == STDIN else open_json(Path(file), settings())
    except FileRefused as refused:
        complain(reason("file", str(refused), language()))
        raise typer.Exit(FAILED) from refused


def _fact(kind: str, given: Mapping[str, Any], source: str, fact_id: str | None, at: str | None) -> "Submission":
    """One fact out of options. What is wrong with them is told here, and is not kept as a refusal."""
    from shared.ids import new_id
    from shared.outbox import to_json
    from shared.reasons import reason
    from shared.settings import settings
    from workers.intake.parse import Limits, Refused, Submission, parse_fact

    body: dict[str, Any] = dict(given)
    if "document" in body:
        body["document"] = _json_of(body["document"])
    if kind == "payment_received" and "currency" not in body and "order" in body:
        body["currency"] = _currency_of(body["order"])
    named = {"source": source, "fact_id": fact_id or new_id(), "occurred_at": _moment(at)}
    raw = to_json({"schema_version": 1, "kind": kind, **named, **body}).encode()
    try:
        parse_fact(raw, Limits(settings().max_body_bytes, settings().max_body_depth))
    except Refused as refused:
        wrong = {error.field.removeprefix(f"{kind}."): error for error in refused.errors}
        options = [
            told("fault", field=f"--{name.replace('_', '-')}", reason=reason(error.code, error.reason, language()))
            for name, error in wrong.items()
        ]
        fail("bad_options", USAGE, kind=kind, reasons=joined(options))
    return Submission(raw, "command line")


def _json_of(path: Path) -> Any:
    import json

    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        fail("not_json", USAGE, file=path.name, error=error)


def _moment(at: str | None) -> datetime:
    if at is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        fail("not_a_time", USAGE, given=at)
    if moment.tzinfo is None:
        fail("no_zone", USAGE, given=at)
    return moment.astimezone(UTC)


def _currency_of(order: str) -> str:
    from shared.queries import whole_order

    with database() as opened, opened.transaction() as session:
        found = whole_order(session, order)
    if found is None:
        fail("no.order", given=order)
    return str(found["document"]["currency"])


def _existing(file: str) -> Path:
    path = Path(file)
    if not path.is_file():
        fail("no.file", USAGE, given=file)
    return path


def _stdin() -> "Contents":
    from shared.settings import settings
    from workers.intake.json_files import Contents, json_lines

    return Contents(0, json_lines(sys.stdin.buffer, "stdin", settings()))


def refusals(
    refusal: Annotated[str | None, typer.Argument(help="The id of one: shows it whole, with its bytes. 编号。")] = None,
    kind: Annotated[str | None, typer.Option(help="Only order, conflict, fact or fact_conflict. 类别。")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """List what was handed in and not taken, with every reason, the newest first. 被拒的订单与事实。

    Facts that a department could not book are among them.
    """
    from shared.queries import refusal as one_refusal
    from shared.queries import refusals as find_refusals
    from shared.reasons import place, reason
    from shared.words import word
    from workers.intake.refusals import KINDS

    one_of("kind", kind, KINDS, "kinds")
    with database() as opened, opened.transaction() as session:
        found = find_refusals(session, kind=kind, limit=limit) if refusal is None else one_refusal(session, refusal)
    if found is None:
        fail("no.refusal", given=refusal)
    if json:
        emit(found)
        return
    if isinstance(found, dict):
        details(found | {"time": found["at"]}, ("id", "time", "kind", "origin", "source", "external_id"))
        rows = [(e["field"], e["code"], reason(e["code"], e["reason"], language())) for e in found["errors"]]
        table(("field", "code", "reason"), rows)
        typer.echo(f"\n{found['raw']}")
        return
    table(
        ("id", "time", "kind", "origin", "source", "external_id", "why"),
        (
            (
                each["id"],
                clock(each["at"], "%m-%d %H:%M:%S"),
                word("kinds", each["kind"], language()),
                place(each["origin"], language()),
                each["source"],
                each["external_id"],
                _why(each),
            )
            for each in found
        ),
    )


_REASONS_SHOWN = 3


def _why(found: Mapping[str, Any]) -> str:
    from shared.reasons import reason
    from shared.words import explain

    reasons = [explain(each, language()) for each in found["findings"]]
    reasons += [
        told("fault", field=each["field"], reason=reason(each["code"], each["reason"], language()))
        for each in found["errors"]
    ]
    more = len(reasons) - _REASONS_SHOWN
    return joined([*reasons[:_REASONS_SHOWN], *([told("and_more", count=more)] if more > 0 else [])])
