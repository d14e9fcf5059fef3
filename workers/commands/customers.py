"""`customer`: who buys, how important they are, what their orders and cases tell."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from workers.commands.terminal import (
    As,
    Json,
    Lang,
    clock,
    conclude,
    database,
    details,
    emit,
    fail,
    language,
    one_of,
    say,
    table,
)

if TYPE_CHECKING:
    from shared.policy import Policy

customer = typer.Typer(
    no_args_is_help=True,
    help="Customers: list, show, classes, potential, reviews. 客户：列表、详情、分类、潜力、复核。",
)

CLASSES = ("A", "B", "C")
Code = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Its code. 客户代码。")]


@customer.command(name="list")
def list_customers(
    class_: Annotated[str | None, typer.Option("--class", help="Only of this class: A, B or C. 类别。")] = None,
    to_review: Annotated[
        bool, typer.Option("--to-review", help="Only those whose record nobody has looked at for too long. 待复核。")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 1_000,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """List customers with their class. 客户列表。"""
    from workers.sales_review.customers import customers

    if class_ is not None:
        one_of("class", class_, CLASSES)
    now = datetime.now(UTC)
    with database() as opened, opened.transaction() as session:
        found = customers(session, _policy().customer_review_months, now, class_, to_review, limit)
    if json:
        emit(found)
        return
    table(
        ("customer", "name", "class", "by_sales", "override_reason", "reviewed_at", "to_review"),
        (
            [
                each["customer"],
                each["name_zh"],
                each["class"],
                each["by_sales"],
                each["override_reason"],
                clock(each["reviewed_at"], "%Y-%m-%d"),
                "●" if each["to_review"] else "",
            ]
            for each in found
        ),
    )


@customer.command()
def show(code: Code, json: Json = False, _lang: Lang = None) -> None:
    """Show a customer: class, terms, and what orders, answers and cases tell. 客户详情。"""
    from shared.money import format_amount
    from workers.sales_review.customers import customer as find

    now = datetime.now(UTC)
    with database() as opened, opened.transaction() as session:
        found = find(session, code, _policy().customer_review_months, now)
    if found is None:
        fail("customer.unknown", customer=code)
    if json:
        emit(found)
        return
    limit = found["currency"] and format_amount(found["limit_minor"], found["currency"], language())
    shown = {
        **found,
        "limit": limit or "–",
        "terms": " ".join(found["terms"] or ()),
        "reviewed_at": clock(found["reviewed_at"], "%Y-%m-%d"),
        "average_score": f"{found['score_total'] / found['surveys']:.2f}" if found["surveys"] else "–",
    }
    details(
        shown,
        (
            "customer", "name_zh", "name_en", "country", "contact_name", "phone", "email", "class", "by_sales",
            "override_reason", "limit", "terms", "orders", "surveys", "average_score", "cases", "open_cases",
            "complaints", "reviewed_at",
        ),
    )  # fmt: skip


@customer.command()
def classify(_lang: Lang = None) -> None:
    """Classify all customers by their sales now; the scheduler does it once a day. 按销售额分类。"""
    from workers.sales_review.customers import reclassify

    with database() as opened, opened.transaction() as session:
        changed = reclassify(session, _policy(), datetime.now(UTC))
    say("customer.classified", count=changed)


@customer.command()
def potential(
    code: Code,
    class_: Annotated[str, typer.Argument(metavar="CLASS", help="A, B, C, or `none` to go by sales again. 类别。")],
    person: As,
    reason: Annotated[str, typer.Option(help="Why. 原因。")],
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Set a customer's class by its potential, whatever its sales. 按潜力调整类别。"""
    from workers.sales_review.customers import override

    one_of("class", class_, (*CLASSES, "none"))
    with database() as opened, opened.transaction() as session:
        refused = override(session, person, code, None if class_ == "none" else class_, reason, datetime.now(UTC))
    conclude("customer.changed", {"customer": code}, refused, json, customer=code)


@customer.command()
def review(code: Code, person: As, json: Json = False, _lang: Lang = None) -> None:
    """Record that somebody of sales has looked a record through. 复核客户资料。"""
    from workers.sales_review.customers import review as look

    with database() as opened, opened.transaction() as session:
        refused = look(session, person, code, datetime.now(UTC))
    conclude("customer.changed", {"customer": code}, refused, json, customer=code)


def _policy() -> "Policy":
    from shared import rulebook
    from shared.calendar import BUSINESS_ZONE
    from shared.policy import select

    with database() as opened, opened.transaction() as session:
        return select(rulebook.read(session).policies, datetime.now(BUSINESS_ZONE).date())
