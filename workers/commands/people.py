"""`tasks`, `decide`, `urge`, `ask`: what people are asked, and what they answer."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.commands.terminal import (
    FAILED,
    USAGE,
    As,
    Json,
    Lang,
    carried_out,
    clock,
    complain,
    conclude,
    database,
    emit,
    existing,
    fail,
    joined,
    language,
    note,
    one_of,
    publish,
    say,
    table,
    told,
)

if TYPE_CHECKING:
    from messages.batch import Batch
    from shared.authority import Refusal, Wish
    from shared.database import Database, Session
    from shared.tasks import Transferred
    from shared.words import Language

AT_ONCE = 1_000
"""How many tasks are decided in one transaction."""


def tasks(
    person: Annotated[
        str | None, typer.Option("--as", help="Only those that this person may decide, also for others. 某人的待办。")
    ] = None,
    role: Annotated[str | None, typer.Option(help="Only tasks that this role may decide. 角色。")] = None,
    order: Annotated[str | None, typer.Option(help="Only tasks of this order. 订单号。")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """List open user tasks, the most urgent first. 待办任务。"""
    from shared.inbox import open_tasks
    from shared.roles import ROLES

    one_of("role", role, ROLES, "roles")
    with database() as opened, opened.transaction() as session:
        existing(session, "person", person)
        existing(session, "order", order)
        found = open_tasks(session, now=datetime.now(UTC), person=person, role=role, order=order, limit=limit)
        if not json:
            show_tasks(session, found)
    if json:
        emit(found)


def show_tasks(session: "Session", found: "Sequence[dict[str, Any]]") -> None:
    """Tasks as a table for people."""
    from shared.words import explain, money, word
    from workers.commands.steps import step_words

    named = step_words(session, [task["order"] for task in found])
    table(
        ("task", "order", "customer", "amount", "step", "roles", "assignee", "for_whom", "due", "findings"),
        (
            (
                task["id"],
                task["order"],
                task["customer_name"],
                money(task["total_minor"], task["currency"], language()),
                named(task["order"], task["step"]),
                " / ".join(word("roles", each, language()) for each in task["roles"]),
                task["assignee"],
                task["on_behalf_of"],
                clock(task["due_at"], "%m-%d %H:%M"),
                joined(
                    [explain(finding, language()) for finding in task["findings"]]
                    + _answers(task)
                    + _beside(task, language())
                ),
            )
            for task in found
        ),
    )


def _beside(task: dict[str, Any], chosen: "Language") -> list[str]:
    """What every reviewer sees beside the findings: special requirements (INT-07), and what is available (SAL-05)."""
    from shared.words import word

    special = task["special_requirements"].strip()
    named = word("printed", "special_requirements", chosen)
    parts = [told("fault", field=named, reason=special)] if special else []
    available = task["basis"].get("available")
    if available:
        listed = told("comma").join(f"{product} {count}" for product, count in available.items())
        parts.append(told("fault", field=word("printed", "available", chosen), reason=listed))
    return parts


def _answers(task: dict[str, Any]) -> list[str]:
    return [f"{each['asked_by']}: {each['question']} — {each['answer']}" for each in task["questions"]]


def decide(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[TASK…] CHOICE",
            help="The tasks' ids, from `orderflow tasks`, and then: agree 同意 | disagree 不同意 | transfer 转签",
        ),
    ],
    person: As,
    reason: Annotated[str, typer.Option(help="Why; required to disagree. 原因。")] = "",
    change: Annotated[str, typer.Option(help="What must be changed; required to disagree. 改进要求。")] = "",
    clause: Annotated[str, typer.Option(help="The clause of a contract that the opinion is about. 条款。")] = "",
    customer_must_change: Annotated[
        bool,
        typer.Option(
            "--customer-must-change",
            help="Who disagrees: the customer is written what to modify. 由客户修改并通知客户。",
        ),
    ] = False,
    to: Annotated[str, typer.Option(help="Whom to transfer it to. 转签对象。")] = "",
    on_behalf_of: Annotated[
        str, typer.Option("--for", help="In whose name, for one who acts for several. 代理谁。")
    ] = "",
    seen: Annotated[int | None, typer.Option(help="The order's version on your screen; refused if it changed.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All open tasks of --role that you may decide. 该角色的全部待办。")
    ] = False,
    role: Annotated[str | None, typer.Option(help="The role, with --all. 角色。")] = None,
    most: Annotated[int, typer.Option("--max", min=1, max=100_000, help="At most, with --all. 上限。")] = 10_000,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be decided and refused. 只预览。")
    ] = False,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Decide tasks: agree, disagree or transfer. 审批。

    Each is decided on its own: what is refused changes nothing, and does not keep the others back.
    """
    from shared.authority import Wish
    from shared.roles import ROLES
    from shared.tasks import CHOICES
    from shared.words import word

    *named, choice = words
    one_of("role", role, ROLES, "roles")
    if everything == bool(named) or (everything and not role):
        fail("which_tasks", USAGE)
    one_of("choice", choice, CHOICES, "choices")
    now = datetime.now(UTC)
    with database() as opened:
        if everything:
            named = _ids_of(opened, person, role, most, now)
        wishes = [
            Wish(task, person, choice, reason, change, to, seen, clause, on_behalf_of, customer_must_change)
            for task in named
        ]
        preview = _found(opened, named, now) if dry_run else []
        answers = _in_parts(opened, wishes, now, keep=not dry_run)
    if not wishes and not json:
        say("decide.nothing", person=person, role=word("roles", str(role), language()))
        return
    _tell(wishes, answers, preview, json=json, dry_run=dry_run)


def _ids_of(opened: "Database", person: str, role: str | None, most: int, now: datetime) -> list[str]:
    from shared.inbox import user_tasks

    with opened.transaction() as session:
        existing(session, "person", person)
        return [task["id"] for task in user_tasks(session, now=now, person=person, role=role, limit=most)]


def _found(opened: "Database", named: "Sequence[str]", now: datetime) -> list[dict[str, Any]]:
    from shared.inbox import user_tasks
    from shared.tasks import is_id

    with opened.transaction() as session:
        return user_tasks(session, now=now, ids=[task for task in named if is_id(task)], limit=len(named))


def _in_parts(
    opened: "Database", wishes: "Sequence[Wish]", now: datetime, *, keep: bool
) -> "list[Transferred | Refusal | None]":
    """A transaction for each part; where one fails it is said what the parts before it have done."""
    answers: list[Transferred | Refusal | None] = []
    try:
        for start in range(0, len(wishes), AT_ONCE):
            answers += _follow(opened, wishes[start : start + AT_ONCE], now, keep=keep)
    except BaseException:
        if answers and keep:
            note("decide.before_that", done=sum(not _refused(each) for each in answers), asked=len(wishes))
        raise
    return answers


def _refused(answer: "Transferred | Refusal | None") -> bool:
    from shared.authority import Refusal

    return isinstance(answer, Refusal)


class _Preview(Exception):
    """Nothing of it is to stay."""


def _follow(
    opened: "Database", wishes: "Sequence[Wish]", now: datetime, *, keep: bool
) -> "Sequence[Transferred | Refusal | None]":
    """One transaction's worth of wishes; what follows from them is published once it is committed."""
    from shared import rulebook
    from shared.tasks import TRANSFER
    from shared.tasks import decide as decide_tasks
    from shared.tasks import transfer as transfer_tasks

    answers: Sequence[Transferred | Refusal | None] = ()

    def act(session: "Session") -> "list[Batch]":
        nonlocal answers
        batches: list[Batch] = []
        if wishes[0].choice == TRANSFER:
            book = rulebook.read(session)
            answers = transfer_tasks(session, wishes, book.definitions, book.policies, now)
        else:
            answers, batches = decide_tasks(session, wishes, now)
        if not keep:
            raise _Preview
        return batches

    with suppress(_Preview):
        publish(carried_out(opened, act))
    return answers


def _tell(
    wishes: "Sequence[Wish]",
    answers: "Sequence[Transferred | Refusal | None]",
    preview: "Sequence[dict[str, Any]]",
    *,
    json: bool,
    dry_run: bool,
) -> None:
    """What was done and what was refused, and why."""
    from shared.authority import Refusal
    from shared.tasks import Transferred
    from shared.words import answer, word

    refused = [(wish, each) for wish, each in zip(wishes, answers, strict=True) if isinstance(each, Refusal)]
    done = len(wishes) - len(refused)
    needless = any(isinstance(each, Transferred) and each.needless for each in answers)
    if json:
        reasons = [
            {"task": wish.task, "refused": each.code, "reason": answer(each.code, each.values, language())}
            for wish, each in refused
        ]
        emit({"done": done, "refused": reasons, "needless": needless, "dry_run": dry_run})
        raise typer.Exit(FAILED if refused else 0)
    if dry_run:
        passed_by = {wish.task for wish, _ in refused}
        with database() as opened, opened.transaction() as session:
            show_tasks(session, [task for task in preview if task["id"] not in passed_by])
    for wish, each in refused:
        sentence = answer(each.code, each.values, language())
        complain(sentence if len(wishes) == 1 else told("fault", field=wish.task, reason=sentence))
    if len(wishes) != 1 or done:
        choice = word("choices", wishes[0].choice, language()) if wishes else ""
        say("would_decide" if dry_run else "decided", count=done, choice=choice)
    if needless:
        say("needless")
    raise typer.Exit(FAILED if refused else 0)


def urge(
    task: Annotated[str, typer.Argument(help="The task's id, from `orderflow tasks`.")],
    person: As,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Ask for a decision: the order's creator or an operator may, once in a while. 催办。"""
    from shared import rulebook, urging
    from shared.settings import settings

    pause = timedelta(seconds=settings().urge_pause_seconds)

    def act(session: "Session") -> "Refusal | None":
        book = rulebook.read(session)
        return urging.urge(session, task, person, book.definitions, book.policies, datetime.now(UTC), pause)

    with database() as opened:
        refused = carried_out(opened, act)
    conclude("done.urge", {"task": task}, refused, json)


def ask(
    task: Annotated[str, typer.Argument(help="The task's id, from `orderflow tasks`.")],
    question: Annotated[str, typer.Argument(help="What the customer is asked. 问题。")],
    person: As,
    on_behalf_of: Annotated[
        str, typer.Option("--for", help="In whose name, for one who acts for several. 代理谁。")
    ] = "",
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Ask the customer instead of deciding; the step is decided anew once there is an answer. 请客户补充信息。

    The answer comes as a fact: orderflow fact information_given --order ORDER --answer TEXT
    """
    from shared import questions, rulebook
    from shared.authority import Wish

    wish = Wish(task, person, questions.ASK, on_behalf_of=on_behalf_of)

    def act(session: "Session") -> "Refusal | None":
        book = rulebook.read(session)
        return questions.ask(session, wish, question, book.definitions, book.policies, datetime.now(UTC))

    with database() as opened:
        refused = carried_out(opened, act)
    conclude("done.ask", {"task": task}, refused, json)
