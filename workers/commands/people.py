"""`tasks` and `decide`: what people are asked, and what they answer."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from messages.batch import Batch
from workers.commands.terminal import As, Json, Lang, database, emit, fail, ids, language, publish, table


def tasks(
    role: Annotated[str | None, typer.Option(help="Only tasks that this role may decide. 角色。")] = None,
    order: Annotated[str | None, typer.Option(help="Only tasks of this order. 订单号。")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    json: Json = False,
    lang: Lang = None,
) -> None:
    """List open user tasks, the most urgent first. 待办任务。"""
    from shared.queries import open_tasks
    from shared.words import explain, word

    chosen = language(lang)
    with database() as opened, opened.transaction() as session:
        found = open_tasks(session, role=role, order=order, limit=limit)
    if json:
        emit(found)
        return
    table(
        ("task", "order", "customer", "amount", "step", "roles", "due", "findings"),
        (
            (
                task["id"],
                task["order"],
                task["customer_name"],
                task["total"],
                task["step"],
                " / ".join(word("roles", each, chosen) for each in task["roles"]),
                task["due_at"].strftime("%m-%d %H:%M"),
                "; ".join(explain(finding, chosen) for finding in task["findings"]),
            )
            for task in found
        ),
    )


def decide(
    task: Annotated[str, typer.Argument(help="The task's id, from `orderflow tasks`.")],
    choice: Annotated[str, typer.Argument(help="agree 同意 | disagree 不同意 | transfer 转签")],
    person: As,
    reason: Annotated[str, typer.Option(help="Why; required to disagree. 原因。")] = "",
    change: Annotated[str, typer.Option(help="What must be changed; required to disagree. 改进要求。")] = "",
    clause: Annotated[str, typer.Option(help="The clause of a contract that the opinion is about. 条款。")] = "",
    to: Annotated[str, typer.Option(help="Whom to transfer it to. 转签对象。")] = "",
    seen: Annotated[int | None, typer.Option(help="The order's version on your screen; refused if it changed.")] = None,
    json: Json = False,
    lang: Lang = None,
) -> None:
    """Decide a task: agree, disagree or transfer. 审批。"""
    from shared import rulebook
    from shared.tasks import TRANSFER, Wish
    from shared.tasks import decide as decide_tasks
    from shared.tasks import transfer as transfer_task
    from shared.words import answer

    wish = Wish(ids([task])[0], person, choice, reason, change, to, seen, clause)
    now = datetime.now(UTC)
    batches: list[Batch] = []
    with database() as opened, opened.transaction() as session:
        if choice == TRANSFER:
            book = rulebook.read(session)
            refused = transfer_task(session, wish, book.definitions, book.policies, now)
        else:
            (refused,), batches = decide_tasks(session, [wish], now)
    publish(batches)
    if json:
        emit({"task": task, "done": refused is None, "refused": refused and refused.code})
        raise typer.Exit(1 if refused else 0)
    if refused:
        fail(answer(refused.code, refused.values, language(lang)))
    typer.echo({"agree": "Agreed. 已同意。", "disagree": "Disagreed. 不同意。"}.get(choice, "Transferred. 已转签。"))
