"""`quote`: quotations, from the offer to the order that is made from it."""

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from workers.commands.terminal import (
    USAGE,
    As,
    Json,
    Lang,
    conclude,
    database,
    details,
    emit,
    existing,
    fail,
    language,
    one_of,
    table,
)

quote = typer.Typer(no_args_is_help=True, help="Quotations: make, accept, order from. 报价：制作、接受、转订单。")

Number = Annotated[str, typer.Argument(metavar="QUOTATION", help="Its number, such as QT-20261123-000042. 报价单号。")]
_STATUSES = ("open", "accepted", "expired", "ordered")


@quote.command()
def make(
    file: Annotated[
        str,
        typer.Argument(help="JSON: customer, currency, lines (product, quantity, unit_price); - reads stdin. 文件。"),
    ],
    person: As,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Make a quotation; without expires_on it holds as long as the policy says. 制作报价。"""
    from pydantic import ValidationError

    from messages.quotations import QuotationOffered
    from shared import rulebook
    from workers.intake.parse import form_errors
    from workers.sales_review import quotations

    if file != "-" and not Path(file).is_file():
        fail("no.file", USAGE, given=file)
    now = datetime.now(UTC)
    try:
        offer = QuotationOffered.model_validate_json(sys.stdin.read() if file == "-" else Path(file).read_bytes())
    except ValidationError as invalid:
        faults = form_errors(invalid, QuotationOffered)
        conclude("quotation.made", {"quotation": None}, None, json, faults=faults, number="")
    with database() as opened, opened.transaction() as session:
        policy = rulebook.read(session).policy(_today(now))
        number, faults, refused = quotations.make(session, offer, person, policy, now)
    conclude("quotation.made", {"quotation": number}, refused, json, faults=faults, number=number)


@quote.command()
def accept(
    number: Number,
    person: As,
    by: Annotated[str, typer.Option(help="Who of the customer accepted; default: who records it. 客户接受人。")] = "",
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Record that the customer accepts: the prices are agreed from now on. 客户接受报价。"""
    from workers.sales_review import quotations

    with database() as opened, opened.transaction() as session:
        refused = quotations.accept(session, number, person, by, datetime.now(UTC))
    conclude("quotation.accepted", {"quotation": number}, refused, json)


@quote.command("list")
def list_quotations(
    customer: Annotated[str | None, typer.Option(help="Only this customer's. 客户。")] = None,
    status: Annotated[str | None, typer.Option(help="open, accepted, expired or ordered. 状态。")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """List quotations, the newest first. 报价列表。"""
    from workers.sales_review import quotations

    one_of("state", status, _STATUSES, "quotation_states")
    today = _today(datetime.now(UTC))
    with database() as opened, opened.transaction() as session:
        existing(session, "customer", customer)
        found = quotations.find(session, customer=customer, status=status, today=today, limit=limit)
    if json:
        emit(found)
        return
    names = ("quotation", "customer", "currency", "status", "expires_on", "accepted_by", "order")
    table(names, ([_in_words(each)[name] for name in names] for each in found))


@quote.command()
def show(number: Number, json: Json = False, _lang: Lang = None) -> None:
    """Show one quotation with its lines. 报价详情。"""
    found = _whole(number)
    if json:
        emit(found)
        return
    details(
        _in_words(found),
        ("quotation", "customer", "description", "made_by", "expires_on", "accepted_by", "status", "order"),
    )
    names = ("product", "quantity", "unit_price", "description")
    table(names, ([line[name] for name in names] for line in found["lines"]))


def _in_words(found: dict[str, Any]) -> dict[str, Any]:
    from shared.words import word

    return found | {"quotation": found["number"], "status": word("quotation_states", found["status"], language())}


@quote.command()
def order(
    number: Number,
    person: As,
    requested_date: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Delivery asked for. 希望交期。")],
    method: Annotated[str, typer.Option(help="online, wire, acceptance or cash. 付款方式。")] = "wire",
    terms: Annotated[str, typer.Option(help="prepaid, or net_30 and the like. 付款条件。")] = "prepaid",
    channel: Annotated[str, typer.Option(help="phone, email, online, visit or fax. 订单来源。")] = "email",
    entry_system: Annotated[str, typer.Option(help="ERP or CRM. 录入系统。")] = "ERP",
    contact: Annotated[str | None, typer.Option(help="Whom to ask; default as on record. 联系人。")] = None,
    phone: Annotated[str | None, typer.Option(help="Default as on record. 电话。")] = None,
    email: Annotated[str | None, typer.Option(help="Default as on record. 电子邮件。")] = None,
    address: Annotated[str | None, typer.Option(help="Where to deliver; default as on record. 交货地点。")] = None,
    reply_date: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="回复交期（国内）。")] = None,
    planned_ship_date: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="预发货日期（国外）。")
    ] = None,
    definition: Annotated[str | None, typer.Option(help="The process; default by sale type. 流程。")] = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Make the order from an accepted quotation: customer, products and prices are copied. 报价转订单。"""
    from shared.outbox import to_json
    from workers.commands.handing_in import hand_in
    from workers.intake.accept import accept_orders
    from workers.intake.json_files import Contents
    from workers.intake.parse import Submission
    from workers.sales_review.quotations import order_from

    found = _whole(number)
    customer = _customer(found["customer"])
    more: dict[str, Any] = {
        "contact": {
            "name": contact or customer["contact_name"] or customer["name_zh"],
            "phone": phone or customer["phone"],
            "email": email or customer["email"],
        },
        "delivery": {
            "address": address or customer["address"],
            "country": customer["country"],
            "region": customer["region"],
        },
        "channel": channel,
        "entry_system": entry_system,
        "requested_date": requested_date.date(),
        "payment": {"method": method, "terms": terms},
        "creator": person,
    }
    dates = {"reply_date": reply_date, "planned_ship_date": planned_ship_date}
    more |= {name: day.date() for name, day in dates.items() if day}
    if definition:
        more["definition"] = definition
    raw = to_json(order_from(found, customer, **more)).encode()
    hand_in(Contents(1, iter([Submission(raw, f"quotation {number}")])), accept_orders, "orders", json=json)


def _today(now: datetime) -> date:
    from shared.calendar import BUSINESS_ZONE

    return now.astimezone(BUSINESS_ZONE).date()


def _whole(number: str) -> dict[str, Any]:
    from workers.sales_review import quotations

    with database() as opened, opened.transaction() as session:
        found = quotations.whole(session, number, _today(datetime.now(UTC)))
    if found is None:
        fail("no.quotation", given=number)
    return found


def _customer(code: str) -> dict[str, Any]:
    from workers.sales_review.books import customer_record

    with database() as opened, opened.transaction() as session:
        return customer_record(session, code)
