"""`inquiry`: what customers ask, and what they are answered."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from workers.commands.terminal import As, Json, Lang, clock, conclude, database, emit, language, table

inquiry = typer.Typer(no_args_is_help=True, help="Inquiries of customers, and their answers. 询价与咨询。")


@inquiry.command("add")
def add_inquiry(
    question: Annotated[str, typer.Argument(help="What the customer asks. 问题。")],
    person: As,
    customer: Annotated[str, typer.Option(help="The customer's code, or a name. 客户。")],
    about: Annotated[str, typer.Option(help="product 产品 | price 价格 | delivery 交货")],
    product: Annotated[str | None, typer.Option(help="The product that it is about. 商品。")] = None,
    json: Json = False,
    _lang: Lang = None,
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
    conclude("inquiry.recorded", {"inquiry": number}, refused, json, number=number)


@inquiry.command("answer")
def answer_inquiry(
    number: Annotated[str, typer.Argument(metavar="INQUIRY", help="Its number, such as IQ-20261123-000042.")],
    text: Annotated[str, typer.Argument(help="The answer that the customer was given. 答复。")],
    person: As,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Record the answer, with its time. 答复询价。"""
    from workers.sales_review.inquiries import answer

    with database() as opened, opened.transaction() as session:
        refused = answer(session, number, text, person, datetime.now(UTC))
    conclude("inquiry.answered", {"inquiry": number}, refused, json)


@inquiry.command("list")
def list_inquiries(
    unanswered: Annotated[bool, typer.Option("--unanswered", help="Only those without an answer. 未答复。")] = False,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those past their deadline. 超期未答复。")] = False,
    customer: Annotated[str | None, typer.Option(help="Only this customer's. 客户。")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """List inquiries, unanswered ones first by their deadline. 询价列表。"""
    from shared.words import word
    from workers.sales_review.inquiries import find

    now = datetime.now(UTC)
    with database() as opened, opened.transaction() as session:
        found = find(session, now=now, unanswered=unanswered, overdue=overdue, customer=customer, limit=limit)
    if json:
        emit(found)
        return
    table(
        ("inquiry", "customer", "about", "product", "question", "due", "", "answer", "answered_by"),
        (
            (
                each["number"],
                each["customer"],
                word("inquiry_subjects", each["about"], language()),
                each["product"],
                each["question"],
                clock(each["due_at"], "%m-%d %H:%M"),
                word("inquiry_states", "overdue", language()) if each["overdue"] else "",
                each["answer"],
                each["answered_by"],
            )
            for each in found
        ),
    )
