"""`process backtest`, `policy backtest`: what a draft would have made of the orders that are there."""

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from workers.commands.rulebook import File
from workers.commands.terminal import (
    FAILED,
    Json,
    Lang,
    clock,
    complain,
    database,
    emit,
    joined,
    language,
    note,
    say,
    table,
    told,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.words import Language
    from workers.backtest.compare import Change
    from workers.backtest.replay import Changed, Draft, Progress

_TELL_EVERY_SECONDS = 5.0
_NAMED = 50
_KINDS = {"way.ends": "states", "step.activity": "activities", "step.outcome": "outcomes", "step.moved": ""}
"""What the codes of a change are about, where they are not roles."""


@dataclass(slots=True)
class _Report:
    """What has been found so far; of the orders only as many as are to be named (0: all)."""

    limit: int
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    first: "dict[tuple[str, str], Change]" = field(default_factory=dict)
    orders: "list[Changed]" = field(default_factory=list)

    def add(self, one: "Changed") -> None:
        for change in one.changes:
            self.first.setdefault((change.code, change.step), change)
        self.reasons.update({(change.code, change.step) for change in one.changes})
        if not self.limit or len(self.orders) < self.limit:
            self.orders.append(one)


def backtest(
    file: File,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only orders made on that day or later. 起始日期。")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=0, help="How many orders to name; 0: all. Default 50, with --json all of them.")
    ] = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Replay the orders that are there through a draft of a process or a policy, without touching them: how many would
    have fared otherwise, which, and why. What rules decide again rests on today's records. 回测草案。
    """
    from shared.rulebook import read
    from workers.backtest.replay import Progress, replay
    from workers.departments import all_departments

    draft, progress = _draft(file), Progress()
    report = _Report(limit if limit is not None else 0 if json else _NAMED)
    day, now = since.date() if since else None, datetime.now(UTC)
    with database() as opened:
        with opened.transaction() as session:
            book = read(session)
        for one in replay(opened, book, draft, all_departments(), now, progress, day, _telling()):
            report.add(one)
    if json:
        emit(_as_data(draft, progress, report))
    else:
        _show(draft, progress, report, language())


def _show(draft: "Draft", progress: "Progress", report: _Report, chosen: "Language") -> None:
    from shared.reasons import fault

    counts = {"replayed": progress.replayed, "concerned": progress.concerned, "changed": progress.changed}
    say("backtest.found", key=draft.key, **counts)
    for why, count in progress.unknown.items():
        note("backtest.left_out", count=count, why=fault(why, chosen))
    if not progress.changed:
        return
    rows = [(count, _sentence(report.first[reason], chosen)) for reason, count in report.reasons.most_common()]
    table(("orders", "why, with the first of them as the example"), rows)
    table(
        ("order", "made", "pinned", "why"),
        (
            (
                one.number,
                clock(one.created_at, "%Y-%m-%d"),
                told("follows", definition=one.pinned.partition(" ")[0], policy=one.pinned.partition(" ")[2]),
                joined(_sentence(change, chosen) for change in one.changes),
            )
            for one in report.orders
        ),
    )
    if more := progress.changed - len(report.orders):
        say("backtest.and_more", count=more)


def _draft(file: Path) -> "Draft":
    """A definition, if it has steps, else a policy; ends with every fault of it."""
    from shared import definitions, policy
    from shared.catalogue import DefinitionError, read_file, read_toml
    from shared.roles import ROLES
    from workers.departments import known_activities

    try:
        text = read_file(file)
        if "step" in read_toml(text, file.name):
            process = definitions.parse(text, file.name)
            draft: Draft = process
            faults = definitions.verify(process, known_activities(), ROLES)
        else:
            figures = policy.parse(text, file.name)
            draft, faults = figures, policy.verify(figures, ROLES)
    except DefinitionError as error:
        _refuse(error.faults)
    if faults:
        _refuse(faults)
    return draft


def _refuse(faults: "Sequence[str]") -> NoReturn:
    from shared.reasons import fault

    complain("\n".join(fault(each, language()) for each in faults))
    raise typer.Exit(FAILED)


def _telling() -> "Callable[[Progress], None]":
    """Says now and then how far it has come."""
    last = time.monotonic()

    def tell(progress: "Progress") -> None:
        nonlocal last
        if time.monotonic() - last >= _TELL_EVERY_SECONDS:
            last = time.monotonic()
            note("backtest.progress", replayed=progress.replayed, changed=progress.changed)

    return tell


def _sentence(change: "Change", chosen: "Language") -> str:
    from dataclasses import asdict

    from shared.words import explain, sentence, word

    values: dict[str, Any] = {"step": change.step, **change.values}
    for name in values.keys() & {"before", "after"}:
        kind = _KINDS.get(change.code, "roles")
        values[name] = " / ".join(word(kind, part, chosen) for part in str(values[name]).split(" "))
    if change.finding:
        values["finding"] = explain(asdict(change.finding), chosen)
    return sentence("backtest", change.code, values, chosen)


def _as_data(draft: "Draft", progress: "Progress", report: _Report) -> dict[str, Any]:
    reasons = report.reasons.most_common()
    return {
        "draft": draft.key,
        "replayed": progress.replayed,
        "concerned": progress.concerned,
        "changed": progress.changed,
        "left_out": progress.unknown,
        "reasons": [{"code": code, "step": step, "orders": count} for (code, step), count in reasons],
        "orders": [
            {
                "number": one.number,
                "created_at": one.created_at,
                "pinned": one.pinned,
                "changes": [
                    {"code": each.code, "step": each.step, "values": dict(each.values), "finding": each.finding}
                    for each in one.changes
                ],
            }
            for one in report.orders
        ],
    }
