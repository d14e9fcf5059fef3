"""`supplier`: who sells to us, how good they are, what they quote."""

from typing import Annotated

import typer

from workers.commands.reporting import FactId, day, report
from workers.commands.terminal import USAGE, As, Json, Lang, clock, database, details, emit, fail, language, table

supplier = typer.Typer(
    no_args_is_help=True,
    help="Suppliers: list, show, evaluate, record what they quote. 供应商：列表、详情、评估、报价。",
)

Code = Annotated[str, typer.Argument(metavar="SUPPLIER", help="Its code, such as S01. 供应商代码。")]


@supplier.command(name="list")
def list_suppliers(
    product: Annotated[str | None, typer.Option(help="Only those that have quoted it. 商品。")] = None,
    json: Json = False,
    lang: Lang = None,
) -> None:
    """List suppliers with the scores that count now: quality, delivery, service, of 100. 供应商列表。"""
    from shared.words import word
    from workers.warehouse.supply_lists import suppliers

    chosen = language(lang)
    with database() as opened, opened.transaction() as session:
        found = suppliers(session, product)
    if json:
        emit(found)
        return
    table(
        ("code", "name", "evaluation", "quality", "delivery", "service", "receipts", "late", "bad pieces"),
        (
            (
                each["code"],
                each["name"],
                word("evaluations", each["evaluation"] or "none", chosen),
                score(each["quality_hundredths"]),
                score(each["delivery_hundredths"]),
                score(each["service_hundredths"]),
                each["receipts"],
                each["late"],
                each["bad"],
            )
            for each in found
        ),
    )


@supplier.command()
def show(code: Code, json: Json = False, lang: Lang = None) -> None:
    """Show one supplier with its evaluations and quotations. 供应商详情。"""
    from shared.words import money, word
    from workers.warehouse.supply_lists import supplier as whole_supplier

    chosen = language(lang)
    with database() as opened, opened.transaction() as session:
        found = whole_supplier(session, code)
    if found is None:
        fail("no.supplier", USAGE, given=code)
    if json:
        emit(found)
        return
    shown = found | {
        "quality": score(found["quality_hundredths"]),
        "delivery": score(found["delivery_hundredths"]),
        "service": score(found["service_hundredths"]),
        "bad pieces": found["bad"],
    }
    details(shown, ("code", "name", "quality", "delivery", "service", "receipts", "late", "bad pieces"))
    table(
        ("evaluation", "time", "method", "score", "quality system", "who", "remarks"),
        (
            (
                word("evaluations", "passed" if each["passed"] else "failed", chosen),
                clock(each["at"], "%Y-%m-%d"),
                word("evaluations", each["method"], chosen),
                each["score"],
                each["quality_system"],
                each["by"],
                each["remarks"],
            )
            for each in found["evaluations"]
        ),
    )
    table(
        ("product", "from", "until", "least quantity", "days", "unit_price"),
        (
            (
                each["product"],
                each["valid_from"],
                each["valid_until"],
                each["minimum_quantity"],
                each["lead_time_days"],
                money(each["unit_price_minor"], each["currency"], chosen),
            )
            for each in found["quotations"]
        ),
    )


@supplier.command()
def evaluate(
    code: Code,
    person: As,
    passed: Annotated[bool, typer.Option("--passed/--failed", help="Whether it may be bought from. 合格或不合格。")],
    score: Annotated[int, typer.Option(min=0, max=100, help="Its quality, from 0 to 100. 质量得分。")],
    method: Annotated[str, typer.Option(help="sample_test 样品测试 or site_visit 实地考察.")],
    system: Annotated[str, typer.Option(help="How its quality system was assessed, in words. 质量体系评估。")],
    remarks: Annotated[str, typer.Option(help="In words. 备注。")] = "",
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Record a quality evaluation; without a passed one nobody buys from it. The latest counts. 质量评估。"""
    body = {"supplier": code, "by": person, "quality_system": system, "method": method, "passed": passed}
    report("supplier_evaluated", body | {"score": score, "remarks": remarks}, fact_id, json)


@supplier.command()
def quote(
    code: Code,
    product: Annotated[str, typer.Argument(help="Which product. 商品。")],
    price: Annotated[str, typer.Argument(help="Of a piece, such as 118.50. 单价。")],
    person: As,
    days: Annotated[int, typer.Option(min=0, help="From order to arrival. 交货天数。")],
    from_: Annotated[str, typer.Option("--from", help="The first day that it holds, such as 2026-12-01. 生效日期。")],
    until: Annotated[str, typer.Option(help="The last day that it holds. 失效日期。")],
    currency: Annotated[str, typer.Option(help="Of the price. 币种。")] = "CNY",
    minimum: Annotated[int, typer.Option(min=1, help="The least that can be bought. 最小订量。")] = 1,
    fact_id: FactId = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Record what a supplier asks for a piece; orders that wait for the product look again. 录入供应商报价。"""
    body = {"supplier": code, "by": person, "product": product, "unit_price": price, "currency": currency}
    span = {"valid_from": day(from_).isoformat(), "valid_until": day(until).isoformat()}
    more = {"lead_time_days": days, "minimum_quantity": minimum}
    report("supplier_quoted", body | span | more, fact_id, json)


def score(hundredths: int) -> str:
    """A score as people read it: 9250 is 92.50."""
    return f"{hundredths // 100}.{hundredths % 100:02}"
