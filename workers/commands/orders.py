"""`orders` and `show`: finding orders, and the whole history of one, explained in words."""

from typing import Annotated, Any

import typer

from workers.commands.terminal import (
    USAGE,
    Json,
    Lang,
    console,
    database,
    emit,
    existing,
    fail,
    language,
    one_of,
    table,
    told,
)


def orders(
    state: Annotated[str | None, typer.Option(help="Only orders in this state. 状态。")] = None,
    customer: Annotated[str | None, typer.Option(help="Only orders of this customer's code. 客户。")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """List orders, the newest first. 订单列表。"""
    from shared.search import Search, find_orders
    from shared.states import State
    from shared.words import money, word

    one_of("state", state, State, "states")
    with database() as opened, opened.transaction() as session:
        existing(session, "customer", customer)
        found = find_orders(session, Search(state=state, customer=customer), limit)
    if json:
        emit(found)
        return
    table(
        ("order", "customer", "amount", "state", "round", "at", "created"),
        (
            (
                each["number"],
                each["customer_name"],
                money(each["total_minor"], each["currency"], language()),
                word("states", each["state"], language()),
                each["round"],
                " ".join(each["open"]),
                each["created_at"].strftime("%Y-%m-%d %H:%M"),
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
    if found is None:
        fail("no.order", USAGE, given=order)
    if json:
        emit(found)
        return
    _head(found)
    _lines(found)
    console.print()
    _history(found)


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


def _lines(found: dict[str, Any]) -> None:
    from shared.words import money

    currency = found["document"]["currency"]
    table(
        ("line", "product", "quantity", "unit_price", "discount", "amount"),
        (
            (
                line["number"],
                line["product"],
                line["quantity"],
                money(line["unit_price_minor"], currency, language()),
                f"{line['discount_basis_points'] / 100:g} %" if line["discount_basis_points"] else "",
                money(line["amount_minor"], currency, language()),
            )
            for line in found["lines"]
        ),
    )


def _history(found: dict[str, Any]) -> None:
    from shared.words import word

    table(
        ("", "time", "event", "step", "who", "state", "why"),
        (
            (
                event["seq"],
                event["at"].strftime("%m-%d %H:%M:%S.%f")[:-3],
                word("events", event["kind"], language()),
                event["step"],
                word("actors", event["actor"], language()),
                word("states", event["state"], language()),
                why(event["data"]),
            )
            for event in found["events"]
        ),
    )


def why(data: dict[str, Any]) -> str:
    """The grounds of one event in words: findings, reasons, what is waited for, what it rested on."""
    from shared.words import explain, grounds, word

    parts = [f"{word('remarks', 'for', language())} {data['on_behalf_of']}"] if data.get("on_behalf_of") else []
    parts += [explain(finding, language()) for finding in data.get("findings", ())]
    said = ("reason", "requested_change", "question", "answer", "comment", "replaced_by")
    parts += [f"{data[name]}" for name in said if data.get(name)]
    parts += [f"{name}: {_as_text(old)} → {_as_text(new)}" for name, (old, new) in data.get("changed", {}).items()]
    if carried := data.get("carried"):
        parts.append(told("carried", by=carried["by"], round=carried["round"]))
    for key in data.get("for", ()):
        kind, _, what = key.partition(":")
        parts.append(f"{word('waits', kind, language())} {what if kind == 'stock' else ''}".strip())
    if "to" in data:
        parts.append(told("transferred_to", person=data["to"]))
    return "; ".join([*parts, *grounds(data.get("basis", {}), language())])


def _as_text(value: object) -> str:
    """A JSON value on one line, readable."""
    import json

    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
