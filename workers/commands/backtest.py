"""`process backtest`, `policy backtest`: what a draft would have made of the orders that are there."""

import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.commands.rulebook import File
from workers.commands.terminal import Json, Lang, console, database, emit, errors, fail, language, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.words import Language
    from workers.backtest.compare import Change
    from workers.backtest.replay import Changed, Draft, Progress

_TELL_EVERY_SECONDS = 5.0
_KINDS = {"way.ends": "states", "step.activity": "activities", "step.outcome": "outcomes", "step.moved": ""}
"""What the codes of a change are about, where they are not roles."""


def backtest(
    file: File,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only orders made on that day or later. 起始日期。")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="How many orders to name; 0: all of them.")] = 50,
    json: Json = False,
    lang: Lang = None,
) -> None:
    """Replay the orders that are there through a draft of a process or a policy, without touching them: how many would
    have fared otherwise, which, and why. What rules decide again rests on today's records. 回测草案。
    """
    from shared.rulebook import read
    from workers.backtest.replay import Progress, replay
    from workers.departments import all_departments

    chosen, draft, progress = language(lang), _draft(file), Progress()
    with database() as opened:
        with opened.transaction() as session:
            book = read(session)
        day = since.date() if since else None
        found = replay(opened, book, draft, all_departments(), datetime.now(UTC), progress, day)
        changed = [*_telling(found, progress)]
    reasons = Counter((each.code, each.step) for one in changed for each in one.changes)
    if json:
        emit(_as_data(draft, progress, reasons, changed))
        return
    console.print(
        f"{draft.key}: {progress.replayed} orders replayed, {progress.concerned} concerned,"
        f" {progress.changed} would have fared otherwise."
        f" 回测 {progress.replayed} 单，适用 {progress.concerned} 单，变化 {progress.changed} 单。",
        highlight=False,
    )
    for said, count in progress.unknown.items():
        errors.print(f"{count} orders are left out: {said}", markup=False, highlight=False)
    if not changed:
        return
    first = {(each.code, each.step): each for one in reversed(changed) for each in reversed(one.changes)}
    rows = [(count, _sentence(first[reason], chosen)) for reason, count in reasons.most_common()]
    table(("orders", "why, with the first of them as the example"), rows)
    shown = changed[: limit or None]
    table(
        ("order", "made", "pinned", "why"),
        (
            (one.number, f"{one.created_at:%Y-%m-%d}", one.pinned, "; ".join(_sentence(e, chosen) for e in one.changes))
            for one in shown
        ),
    )
    if len(shown) < len(changed):
        console.print(f"… and {len(changed) - len(shown)} more (--limit 0, --json). 其余从略。", highlight=False)


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
        fail("\n".join(error.faults))
    if faults:
        fail("\n".join(faults))
    return draft


def _telling(found: "Iterator[Changed]", progress: "Progress") -> "Iterator[Changed]":
    told = time.monotonic()
    for one in found:
        if time.monotonic() - told >= _TELL_EVERY_SECONDS:
            told = time.monotonic()
            errors.print(f"{progress.replayed} orders replayed, {progress.changed} changed …", highlight=False)
        yield one


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


def _as_data(
    draft: "Draft", progress: "Progress", reasons: Counter[tuple[str, str]], changed: "list[Changed]"
) -> dict[str, Any]:
    return {
        "draft": draft.key,
        "replayed": progress.replayed,
        "concerned": progress.concerned,
        "changed": progress.changed,
        "left_out": progress.unknown,
        "reasons": [{"code": code, "step": step, "orders": count} for (code, step), count in reasons.most_common()],
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
            for one in changed
        ],
    }
