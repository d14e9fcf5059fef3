"""`orders` and `show`: finding orders, and the whole history of one, explained in words."""

from typing import Annotated, Any

import typer

from workers.commands.terminal import Json, Lang, console, database, emit, fail, language, table


def orders(
    state: Annotated[str | None, typer.Option(help="Only orders in this state. 状态。")] = None,
    customer: Annotated[str | None, typer.Option(help="Only orders of this customer's code. 客户。")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    json: Json = False,
    lang: Lang = None,
) -> None:
    """List orders, the newest first. 订单列表。"""
    from shared.search import Search, find_orders
    from shared.words import word

    chosen = language(lang)
    with database() as opened, opened.transaction() as session:
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
                each["total"],
                word("states", each["state"], chosen),
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
    lang: Lang = None,
) -> None:
    """Show one order: what was ordered, where it stands and why, and its whole history. 订单详情与历史。"""
    from shared.queries import whole_order
    from shared.words import word

    chosen = language(lang)
    with database() as opened, opened.transaction() as session:
        found = whole_order(session, order)
    if found is None:
        fail(f"There is no order {order}. 没有订单 {order}。")
    if json:
        emit(found)
        return
    document = found["document"]
    console.print(
        f"{found['number']}  {word('states', found['state'], chosen)}  {document['customer']['name']}"
        f"  {found['total']}  {found['definition']}  round {found['round']}",
        style="bold",
        markup=False,
        highlight=False,
    )
    table(
        ("line", "product", "quantity", "unit price", "discount", "amount"),
        (
            (
                line["number"],
                line["product"],
                line["quantity"],
                line["unit_price"],
                f"{line['discount_basis_points'] / 100:g} %" if line["discount_basis_points"] else "",
                line["amount"],
            )
            for line in found["lines"]
        ),
    )
    console.print()
    table(
        ("", "time", "what", "step", "who", "state", "why"),
        (
            (
                event["seq"],
                event["at"].strftime("%m-%d %H:%M:%S.%f")[:-3],
                word("events", event["kind"], chosen),
                event["step"],
                event["actor"],
                word("states", event["state"], chosen),
                why(event["data"], chosen),
            )
            for event in found["events"]
        ),
    )


def why(data: dict[str, Any], chosen: Any) -> str:
    """The grounds of one event in words: findings, reasons, what is waited for, what it rested on."""
    from shared.words import explain, grounds, word

    parts = [f"{word('remarks', 'for', chosen)} {data['on_behalf_of']}"] if data.get("on_behalf_of") else []
    parts += [explain(finding, chosen) for finding in data.get("findings", ())]
    said = ("reason", "requested_change", "question", "answer", "comment", "replaced_by")
    parts += [f"{data[name]}" for name in said if data.get(name)]
    parts += [f"{name}: {as_text(old)} → {as_text(new)}" for name, (old, new) in data.get("changed", {}).items()]
    if carried := data.get("carried"):
        parts.append(f"{carried['by']}, round {carried['round']}")
    for key in data.get("for", ()):
        kind, _, what = key.partition(":")
        parts.append(f"{word('waits', kind, chosen)} {what if kind == 'stock' else ''}".strip())
    return "; ".join([*parts, *grounds(data.get("basis", {}), chosen)])
