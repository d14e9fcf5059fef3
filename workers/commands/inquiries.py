"""`inquiry`: what customers ask, and what they are answered."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from workers.commands.terminal import As, Json, Lang, clock, database, emit, fail, language, table

if TYPE_CHECKING:
    from shared.authority import Refusal

inquiry = typer.Typer(no_args_is_help=True, help="Inquiries of customers, and their answers. 询价与咨询。")


@inquiry.command("add")
def add_inquiry(
    question: Annotated[str, typer.Argument(help="What the customer asks. 问题。")],
    person: As,
    customer: Annotated[str, typer.Option(help="The customer's code, or a name. 客户。")],
    about: Annotated[str, typer.Option(help="product 产品 | price 价格 | delivery 交货")],
    product: Annotated[str | None, typer.Option(help="The product that it is about. 商品。")] = None,
    json: Json = False,
    lang: Lang = None,
) -> None:
    """Record a question; it is to be answered within a working day. 登记询价。"""
    from shared import rulebook
    from shared.calendar import BUSINESS_ZONE
    from workers.sales_review.inquiries import add

    now = datetime.now(UTC)
    with database() as opened, opened.transaction() as session:
        rules = rulebook.read(session)
        policy = rules.policy(now.astimezone(BUSINESS_ZONE).date())
        number, refused = add(
            session,
            customer=customer,
            about=about,
            question=question,
            product=product,
            person=person,
            policy=policy,
            overrides=rules.overrides,
            now=now,
        )
    _end(number, refused, f"Recorded as {number}. 已登记。", json, lang)


@inquiry.command("answer")
def answer_inquiry(
    number: Annotated[str, typer.Argument(metavar="INQUIRY", help="Its number, such as IQ-20261123-000042.")],
    text: Annotated[str, typer.Argument(help="The answer that the customer was given. 答复。")],
    person: As,
    json: Json = False,
    lang: Lang = None,
) -> None:
    """Record the answer, with its time. 答复询价。"""
    from workers.sales_review.inquiries import answer

    with database() as opened, opened.transaction() as session:
        refused = answer(session, number, text, person, datetime.now(UTC))
    _end(number, refused, "Answered. 已答复。", json, lang)


@inquiry.command("list")
def list_inquiries(
    unanswered: Annotated[bool, typer.Option("--unanswered", help="Only those without an answer. 未答复。")] = False,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those past their deadline. 超期未答复。")] = False,
    customer: Annotated[str | None, typer.Option(help="Only this customer's. 客户。")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    json: Json = False,
) -> None:
    """List inquiries, unanswered ones first by their deadline. 询价列表。"""
    from workers.sales_review.inquiries import find

    now = datetime.now(UTC)
    with database() as opened, opened.transaction() as session:
        found = find(session, now=now, unanswered=unanswered, overdue=overdue, customer=customer, limit=limit)
    if json:
        emit(found)
        return
    table(
        ("inquiry", "customer", "about", "product", "question", "due", "", "answer", "by"),
        (
            (
                each["number"],
                each["customer"],
                each["about"],
                each["product"],
                each["question"],
                clock(each["due_at"], "%m-%d %H:%M"),
                "overdue 超期" if each["overdue"] else "",
                each["answer"],
                each["answered_by"],
            )
            for each in found
        ),
    )


def _end(number: str | None, refused: "Refusal | None", done: str, json: bool, lang: str | None) -> None:
    from shared.words import answer

    if json:
        emit({"inquiry": number, "done": refused is None, "refused": refused and refused.code})
        raise typer.Exit(1 if refused else 0)
    if refused:
        fail(answer(refused.code, refused.values, language(lang)))
    typer.echo(done)
