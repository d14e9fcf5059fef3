"""`orders` and `show`: finding orders, and the whole history of one, explained in words."""

from datetime import datetime
from typing import Annotated, Any

import typer

from shared.calendar import BUSINESS_ZONE
from workers.commands.histories import show_history
from workers.commands.steps import Named, step_words
from workers.commands.terminal import (
    USAGE,
    Json,
    Lang,
    clock,
    console,
    database,
    emit,
    existing,
    fail,
    language,
    minor,
    one_of,
    say,
    table,
    told,
)

_DAY = ["%Y-%m-%d"]


def orders(
    number: Annotated[str | None, typer.Option(help="The order's number. 单号。")] = None,
    external_id: Annotated[str | None, typer.Option(help="What the upstream system calls it. 对方编号。")] = None,
    customer: Annotated[str | None, typer.Option(help="The customer's code. 客户。")] = None,
    product: Annotated[str | None, typer.Option(help="A product that is on it. 商品。")] = None,
    state: Annotated[str | None, typer.Option(help="The state that it is in. 状态。")] = None,
    kind: Annotated[str | None, typer.Option(help="order, contract or delivery_note. 单据类别。")] = None,
    sale_type: Annotated[str | None, typer.Option(help="domestic, foreign or internal. 销售类型。")] = None,
    since: Annotated[datetime | None, typer.Option(formats=_DAY, help="Came in on this day or later. 起始日。")] = None,
    until: Annotated[datetime | None, typer.Option(formats=_DAY, help="On this day or before. 截止日。")] = None,
    at_least: Annotated[str | None, typer.Option(help="Of this amount or more. 最低金额。")] = None,
    at_most: Annotated[str | None, typer.Option(help="Of this amount or less. 最高金额。")] = None,
    currency: Annotated[
        str | None, typer.Option(help="Amounts in this currency only; else all in the base currency. 币种。")
    ] = None,
    mine: Annotated[
        bool, typer.Option("--mine", help="Those made by --as, with where the goods are. 我的订单。")
    ] = False,
    person: Annotated[str | None, typer.Option("--as", help="Whose orders --mine are. 制单人。")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Find orders, contracts and delivery notes, finished ones included, the newest first. 查询单据（含已归档）。"""
    from messages.folders import DocumentKind
    from messages.orders import SaleType
    from shared.rulebook import read
    from shared.search import Search, find_orders
    from shared.states import State
    from shared.tracking import goods_of

    if mine and person is None:
        fail("orders.mine", USAGE)
    one_of("state", state, State, "states")
    one_of("kind", kind, DocumentKind, "documents")
    one_of("sale_type", sale_type, SaleType, "sale_types")
    with database() as opened, opened.transaction() as session:
        existing(session, "customer", customer)
        existing(session, "person", person)
        in_currency = currency or read(session).policy(datetime.now(BUSINESS_ZONE).date()).base_currency
        search = Search(
            number=number,
            external_id=external_id,
            customer=customer,
            product=product,
            state=state,
            kind=kind,
            sale_type=sale_type,
            creator=person if mine else None,
            since=since.date() if since else None,
            until=until.date() if until else None,
            currency=currency,
            at_least_minor=minor(at_least, in_currency),
            at_most_minor=minor(at_most, in_currency),
        )
        found = find_orders(session, search, limit)
        goods = goods_of(session, [each["id"] for each in found]) if mine else {}
        named = step_words(session, [each["number"] for each in found])
    if mine:
        found = [each | {"goods": goods[each["id"]]} for each in found]
    if json:
        emit(found)
    elif mine:
        _mine(found, named)
    else:
        _found(found, named)


def _found(found: list[dict[str, Any]], named: Named) -> None:
    from shared.words import money, word

    table(
        ("order", "customer", "amount", "state", "round", "at", "created"),
        (
            (
                each["number"],
                each["customer_name"],
                money(each["total_minor"], each["currency"], language()),
                word("states", each["state"], language()),
                each["round"],
                " ".join(named(each["number"], step) for step in each["open"]),
                clock(each["created_at"], "%Y-%m-%d %H:%M"),
            )
            for each in found
        ),
    )


def _mine(found: list[dict[str, Any]], named: Named) -> None:
    """A salesperson's orders, with the state of their goods (TRK-02)."""
    from shared.words import word

    table(
        ("order", "customer", "state", "at", "promised", "carrier", "tracking_number", "shipped", "delivered"),
        (
            (
                each["number"],
                each["customer_name"],
                word("states", each["state"], language()),
                " ".join(named(each["number"], step) for step in each["open"]),
                each["goods"]["promised_date"],
                each["goods"]["carrier"],
                each["goods"]["tracking_number"],
                each["goods"]["shipped_at"] and clock(each["goods"]["shipped_at"]),
                each["goods"]["delivered_at"] and clock(each["goods"]["delivered_at"]),
            )
            for each in found
        ),
    )


def show(
    order: Annotated[str, typer.Argument(help="The order's number, such as SO-20261123-000042.")],
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Show one order: what was ordered, where it stands and why, and its whole history. 订单详情与历史。"""
    from shared.queries import whole_order

    with database() as opened, opened.transaction() as session:
        found = whole_order(session, order)
        named = step_words(session, [order])
    if found is None:
        fail("no.order", given=order)
    if json:
        emit(found)
        return
    _head(found)
    _lines(found)
    console.print()
    show_history(found, named)


def _head(found: dict[str, Any]) -> None:
    from shared.words import money

    document = found["document"]
    head = told(
        "order.head",
        number=found["number"],
        state=found["state"],
        customer=document["customer"]["name"],
        total=money(document["total_minor"], document["currency"], language()),
        definition=found["definition"],
        round=found["round"],
    )
    console.print(head, style="bold", markup=False, highlight=False, soft_wrap=True)
    if found["held_by"]:
        say("order.held", person=found["held_by"])


def _lines(found: dict[str, Any]) -> None:
    currency = found["document"]["currency"]
    table(
        ("line", "product", "quantity", "unit_price", "discount", "amount"),
        (
            (
                line["number"],
                line["product"],
                line["quantity"],
                _money(line, "unit_price_minor", currency),
                f"{line['discount_basis_points'] / 100:g} %" if line.get("discount_basis_points") else "",
                _money(line, "amount_minor", currency),
            )
            for line in found["lines"]
        ),
    )


def _money(line: dict[str, Any], name: str, currency: str) -> str:
    """Lines of delivery notes have no amounts."""
    from shared.words import money

    return money(line[name], currency, language()) if name in line else ""
