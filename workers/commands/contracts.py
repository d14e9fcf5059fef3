"""`contract`: registering contracts, looking them up, signing them, and seeing to it that they are performed."""

import hashlib
import json as json_module
import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from workers.commands.reporting import FactId, day, report
from workers.commands.terminal import (
    USAGE,
    As,
    Json,
    Lang,
    console,
    database,
    emit,
    existing,
    fail,
    language,
    minor,
    one_of,
    table,
    told,
)

contract = typer.Typer(
    no_args_is_help=True,
    help="Contracts: register, revise, sign, search, follow up. 合同：收文、修订、签订、台账、履行。",
)

File = Annotated[
    Path,
    typer.Argument(
        exists=True,
        dir_okay=False,
        help="The contract as TOML or JSON, such as deploy/sample_company/contract-example.toml; `text_file` names a"
        " file with its text. 合同文件。",
    ),
]
Number = Annotated[str, typer.Argument(metavar="CONTRACT", help="Its number, such as CT-20261125-000001. 合同编号。")]
Day = Annotated[str | None, typer.Option(help="The day, such as 2026-11-25; default today. 日期。")]
Attach = Annotated[
    list[Path] | None,
    typer.Option(exists=True, dir_okay=False, help="A paper that belongs to it; may be repeated. 附件。"),
]


@contract.command()
def register(
    file: File, person: As, attach: Attach = None, fact_id: FactId = None, json: Json = False, _lang: Lang = None
) -> None:
    """Register a contract that came in; its number is given, and the departments are told. 合同收文。"""
    document = _document(file, attach)
    report("contract_received", {"by": person, "document": document}, fact_id, json)


@contract.command()
def revise(
    number: Number,
    file: File,
    person: As,
    attach: Attach = None,
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Hand in a new version of its text; every department is asked again. 提交新版本。"""
    body = {"contract": number, "by": person, "document": _document(file, attach)}
    report("contract_revised", body, fact_id, json)


@contract.command()
def check(
    number: Number,
    person: As,
    reputation: Annotated[str, typer.Option(help="What was found of the other side's reputation. 信誉。")],
    strength: Annotated[str, typer.Option(help="And of its strength. 实力。")],
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Record that the other side was looked into; nothing is signed before. 核查对方信誉和实力。"""
    body = {"contract": number, "by": person, "reputation": reputation, "strength": strength}
    report("counterparty_checked", body, fact_id, json)


@contract.command()
def sign(
    number: Number,
    person: As,
    head: Annotated[str, typer.Option(help="Who signed for us as head. 签字负责人。")],
    seal: Annotated[str, typer.Option(help="The seal that was used. 印章。")],
    ours: Annotated[str, typer.Option(help="Our signature: by whom. 我方签字。")],
    theirs: Annotated[str, typer.Option(help="Their signature: by whom. 对方签字。")],
    on: Day = None,
    attach: Attach = None,
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Record signature and seal of both sides; what stands in the way is listed by `refusals`. 合同签订。"""
    signed = {"signing_head": head, "seal": seal, "our_signature": ours, "their_signature": theirs}
    body = {
        "contract": number,
        "by": person,
        **signed,
        "signed_on": _day(on).isoformat(),
        "attachments": _papers(attach),
    }
    report("contract_signed", body, fact_id, json)


@contract.command()
def met(
    number: Number,
    obligation: Annotated[int, typer.Argument(min=1, help="Its number in the contract. 义务序号。")],
    person: As,
    on: Day = None,
    remarks: Annotated[str, typer.Option(help="In words. 备注。")] = "",
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Record that one of its obligations was met. 义务已履行。"""
    body = {"contract": number, "by": person, "obligation": obligation, "met_on": _day(on).isoformat()}
    report("obligation_met", body | {"remarks": remarks}, fact_id, json)


@contract.command(name="list")
def find(
    number: Annotated[str | None, typer.Option(help="Its number. 合同编号。")] = None,
    party: Annotated[str | None, typer.Option(help="A party's code, or a part of its name. 当事人。")] = None,
    order: Annotated[str | None, typer.Option(help="Of this order. 订单号。")] = None,
    since: Annotated[str | None, typer.Option(help="Dated on or after. 起始日期。")] = None,
    until: Annotated[str | None, typer.Option(help="Dated on or before. 截止日期。")] = None,
    at_least: Annotated[str | None, typer.Option(help="Of this amount or more, such as 1000.00. 最低金额。")] = None,
    at_most: Annotated[str | None, typer.Option(help="Of this amount or less. 最高金额。")] = None,
    currency: Annotated[str | None, typer.Option(help="In this currency; CNY where an amount is given. 币种。")] = None,
    state: Annotated[str | None, typer.Option(help="In this state. 状态。")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """The ledger of contracts, the newest first. 合同台账。"""
    from shared.states import State
    from shared.words import money, word
    from workers.commands.steps import step_words
    from workers.compliance.ledger import Search
    from workers.compliance.ledger import find as find_contracts

    one_of("state", state, State, "states")
    in_currency = currency or ("CNY" if at_least or at_most else None)
    search = Search(
        number=number,
        party=party,
        order=order,
        since=_day(since) if since else None,
        until=_day(until) if until else None,
        least_minor=minor(at_least, in_currency),
        most_minor=minor(at_most, in_currency),
        currency=in_currency,
        state=state,
    )
    with database() as opened, opened.transaction() as session:
        existing(session, "order", order)
        found = find_contracts(session, search, limit)
        named = step_words(session, [each["number"] for each in found])
    if json:
        emit(found)
        return
    table(
        ("contract", "dated", "buyer", "amount", "order", "state", "round", "at", "signed", "unmet"),
        (
            (
                each["number"],
                each["dated"],
                each["buyer_name"],
                money(each["total_minor"], each["currency"], language()),
                each["order"] or "",
                word("states", each["state"], language()),
                each["round"],
                " ".join(named(each["number"], step) for step in each["open"]),
                each["signed_on"] or "",
                each["unmet"] or "",
            )
            for each in found
        ),
    )


@contract.command()
def show(
    number: Number,
    text: Annotated[bool, typer.Option("--text", help="Print its text, and nothing else. 合同正文。")] = False,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """One contract: what it says, what was said of it, how it was signed, and its whole history. 合同详情。"""
    from shared.queries import whole_order
    from shared.words import money, word
    from workers.commands.histories import show_history
    from workers.commands.steps import step_words
    from workers.compliance.ledger import show as show_contract

    with database() as opened, opened.transaction() as session:
        found = show_contract(session, number)
        whole = whole_order(session, number)
        named = step_words(session, [number])
    if found is None or whole is None:
        fail("no.contract", given=number)
    found |= {"events": whole["events"], "attempts": whole["attempts"]}
    if json:
        emit(found)
        return
    document = found["document"]
    if text:
        typer.echo(document["text"])
        return
    head = told(
        "contract.head",
        number=found["number"],
        state=found["state"],
        seller=found["seller_name"],
        buyer=found["buyer_name"],
        total=money(found["total_minor"], found["currency"], language()),
        dated=found["dated"],
        version=len(found["versions"]),
    )
    console.print(head, style="bold", markup=False, highlight=False, soft_wrap=True)
    said = [
        (word(f"contract_{part}", name, language()), text)
        for part in ("elements", "terms")
        for name, text in document.get(part, {}).items()
    ]
    table(("", "what it says"), said)
    _tables(found)
    show_history(found, named)


def _tables(found: dict[str, Any]) -> None:
    from shared.words import word

    for title, columns in (
        ("counterparty_checks", ("checked_by", "reputation", "strength")),
        ("signatures", ("signing_head", "seal", "signed_on", "our_signature", "their_signature")),
        ("obligations", ("number", "kind", "what", "due", "met_on")),
    ):
        if found[title]:
            console.print(word("contract_tables", title, language()), style="bold")
            table(columns, (tuple(_in_words(column, each[column]) for column in columns) for each in found[title]))


def _in_words(column: str, value: object) -> object:
    from shared.words import word

    return word("obligations", str(value), language()) if column == "kind" else value


@contract.command()
def obligations(
    ahead: Annotated[int, typer.Option(min=0, max=3_650, help="Also those due in so many days. 提前天数。")] = 7,
    everything: Annotated[bool, typer.Option("--all", help="Whatever the day, met ones too. 全部。")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 200,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """What signed contracts oblige to: overdue and due, until it is met. 合同履行：到期和逾期义务。"""
    from shared.words import money, word
    from workers.compliance.ledger import obligations as list_obligations

    with database() as opened, opened.transaction() as session:
        found = list_obligations(session, today=_day(None), ahead_days=ahead, everything=everything, limit=limit)
    if json:
        emit(found)
        return
    table(
        ("contract", "", "buyer", "kind", "what", "due", "amount", "status"),
        (
            (
                each["contract"],
                each["number"],
                each["buyer_name"],
                word("obligations", each["kind"], language()),
                each["what"],
                each["due"],
                money(each["amount_minor"], each["currency"], language()) if each["amount_minor"] is not None else "",
                told("obligation.met", day=each["met_on"])
                if each["met_on"]
                else told("obligation.overdue" if each["overdue"] else "obligation.due"),
            )
            for each in found
        ),
    )


# -- how a report is put together --------------------------------------------------------------------------------------


def _document(file: Path, attach: list[Path] | None) -> dict[str, Any]:
    """The contract in a file, with its text read from `text_file` (beside it) and its papers added."""
    try:
        content = file.read_text(encoding="utf-8")
        document = json_module.loads(content) if file.suffix == ".json" else tomllib.loads(content)
        if not isinstance(document, dict):
            fail("no_object", USAGE, file=file)
        if "text_file" in document:
            document["text"] = (file.parent / str(document.pop("text_file"))).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        fail("unreadable", USAGE, file=file, error=error)
    if attach:
        document["attachments"] = [*document.get("attachments", ()), *_papers(attach)]
    return document


def _papers(attach: list[Path] | None) -> list[dict[str, str]]:
    return [
        {
            "name": path.name,
            "location": str(path.resolve()),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in attach or ()
    ]


def _day(text: str | None) -> date:
    from shared.calendar import BUSINESS_ZONE

    return datetime.now(BUSINESS_ZONE).date() if text is None else day(text)
