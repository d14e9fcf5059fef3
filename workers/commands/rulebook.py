"""`process` and `policy`: looking at definitions and policies, checking drafts, publishing versions, drawing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from workers.commands.terminal import (
    FAILED,
    As,
    Json,
    Lang,
    clock,
    complain,
    console,
    database,
    emit,
    fail,
    joined,
    language,
    note,
    refusal,
    say,
    table,
    told,
)

if TYPE_CHECKING:
    from shared.database import Session
    from shared.policy import Policy
    from shared.processes import Definition
    from shared.rulebook import Kind, Source

process = typer.Typer(no_args_is_help=True, help="Process definitions: versions, drafts, drawings. 流程定义。")
policy = typer.Typer(no_args_is_help=True, help="Policies: limits, thresholds, rates. 规则参数。")

Name = Annotated[str, typer.Argument(help="A name, such as standard, for its newest version; or name@version. 名称。")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A TOML file. TOML 文件。")]
Toml = Annotated[bool, typer.Option("--toml", help="Print its text as it was written. 原文。")]


class Format(StrEnum):
    """How a process is drawn."""

    SVG = "svg"
    MERMAID = "mermaid"


# -- process -----------------------------------------------------------------------------------------------------------


@process.command("list")
def list_processes(json: Json = False, _lang: Lang = None) -> None:
    """List every version of every process. 流程列表。"""
    from shared.rulebook import Kind
    from shared.words import word

    chosen = language()
    found = [(source, _definition(source)) for source in _sources(Kind.PROCESS)]
    if json:
        emit([_head(source) | _as_data(each) for source, each in found])
        return
    table(
        ("process", "title", "document", "sale types", "from", "old until", "steps", "published"),
        (
            (
                each.key,
                each.title[chosen],
                word("documents", each.document, chosen),
                " / ".join(word("sale_types", one, chosen) for one in each.sale_types),
                each.effective_from,
                each.legacy_until,
                len(each.steps),
                _origin(source),
            )
            for source, each in found
        ),
    )


@process.command("show")
def show_process(name: Name, toml: Toml = False, json: Json = False, _lang: Lang = None) -> None:
    """Show one version, step by step. 流程详情。"""
    from shared.drawing import deadline_in_words
    from shared.rulebook import Kind
    from shared.words import word

    chosen = language()
    source = _find(Kind.PROCESS, name)
    each = _definition(source)
    if toml or json:
        _raw(source, _as_data(each), json=json)
        return
    ends = word("states", each.ends_in, chosen) + (f" → {each.then}" if each.then else "")
    heading = f"{each.key}  {each.title[chosen]}  {_origin(source)}  {each.effective_from}  → {ends}"
    console.print(heading, markup=False, highlight=False, soft_wrap=True)
    table(
        (
            "step",
            "activity",
            "what",
            "mode",
            "roles",
            "deadline",
            "on disagreement",
            "only when",
            "together",
            "reaches",
        ),
        (
            (
                step.id,
                step.activity,
                word("activities", step.activity, chosen),
                word("modes", step.mode, chosen),
                " / ".join(word("roles", role, chosen) for role in step.roles),
                deadline_in_words(step, chosen),
                word("disagreements", step.on_disagree, chosen),
                step.when and step.when.text,
                step.group,
                step.reaches and word("states", step.reaches, chosen),
            )
            for step in each.steps
        ),
    )


@process.command("check")
def check_process(file: File, json: Json = False, _lang: Lang = None) -> None:
    """Check a draft alone and together with all that is there; prints every fault with its place. 校验草案。"""
    from shared.rulebook import Kind

    _check(Kind.PROCESS, file, json=json)


@process.command("publish")
def publish_process(file: File, person: As, json: Json = False, _lang: Lang = None) -> None:
    """Publish a version; running processes take it within a second, running orders keep theirs. 发布。"""
    from shared.rulebook import Kind

    _publish(Kind.PROCESS, file, person, json=json)


@process.command("draw")
def draw(
    name: Name,
    format_: Annotated[Format, typer.Option("--format", help="svg: a picture. mermaid: text for documents.")] = (
        Format.SVG
    ),
    output: Annotated[Path | None, typer.Option(help="Write it there instead of printing it. 输出文件。")] = None,
    _lang: Lang = None,
) -> None:
    """Draw a process: a lane for each department, groups side by side, conditions on the arrows. 流程图。"""
    from shared import drawing
    from shared.rulebook import Kind

    each = _definition(_find(Kind.PROCESS, name))
    paint = drawing.svg if format_ is Format.SVG else drawing.mermaid
    text = paint(each, language())
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        fail("unwritable", path=output, error=error.strerror)
    typer.echo(f"{each.key} → {output}")


# -- policy ------------------------------------------------------------------------------------------------------------


@policy.command("list")
def list_policies(json: Json = False, _lang: Lang = None) -> None:
    """List every version of every policy. 规则参数列表。"""
    from shared.rulebook import Kind

    chosen = language()
    found = [(source, _policy(source)) for source in _sources(Kind.POLICY)]
    if json:
        emit([_head(source) | _figures(each) for source, each in found])
        return
    table(
        ("policy", "title", "from", "published"),
        ((each.key, each.title[chosen], each.effective_from, _origin(source)) for source, each in found),
    )


@policy.command("show")
def show_policy(name: Name, toml: Toml = False, json: Json = False, _lang: Lang = None) -> None:
    """Show the figures of one version. 规则参数详情。"""
    from shared.rulebook import Kind

    source = _find(Kind.POLICY, name)
    figures = _figures(_policy(source))
    if toml or json:
        _raw(source, figures, json=json)
        return
    console.print(f"{source.key}  {_origin(source)}", markup=False, highlight=False)
    table(("figure", "value"), ((name, _shown(value)) for name, value in figures.items()))


@policy.command("check")
def check_policy(file: File, json: Json = False, _lang: Lang = None) -> None:
    """Check a draft; prints every fault with its place. 校验草案。"""
    from shared.rulebook import Kind

    _check(Kind.POLICY, file, json=json)


@policy.command("publish")
def publish_policy(file: File, person: As, json: Json = False, _lang: Lang = None) -> None:
    """Publish a version; it applies to documents made from its day on. 发布。"""
    from shared.rulebook import Kind

    _publish(Kind.POLICY, file, person, json=json)


# -- what both do alike ------------------------------------------------------------------------------------------------


def _check(kind: "Kind", file: Path, *, json: bool) -> None:
    from shared import rulebook
    from shared.calendar import BUSINESS_ZONE
    from shared.catalogue import DefinitionError, read_file
    from workers.departments import known_activities

    try:
        with _session() as session:
            book = rulebook.read(session) if session else rulebook.rulebook()
        today = datetime.now(BUSINESS_ZONE).date()
        each = rulebook.check(book, kind, read_file(file), file.name, today, known_activities())
    except DefinitionError as error:
        _refuse(error.faults, json=json)
    if json:
        emit({"key": each.key, "faults": []})
    else:
        say("rule.no_fault", key=each.key, day=each.effective_from)


def _publish(kind: "Kind", file: Path, person: str, *, json: bool) -> None:
    """Whatever is refused is recorded, whoever tried (AUD-01)."""
    from shared import rulebook
    from shared.attempts import note, note_refused
    from shared.catalogue import DefinitionError, read_file
    from workers.departments import known_activities

    now, action = datetime.now(UTC), f"{kind}.publish"
    with database() as opened:
        with opened.transaction() as session:
            refused = rulebook.may_not_publish(session, person)
            if refused:
                note_refused(session, now, person, action, file.name, refused)
        if refused:
            if json:
                emit({"key": None, **refusal(refused), "faults": []})
            else:
                complain(refusal(refused)["reason"])
            raise typer.Exit(FAILED)
        try:
            with opened.transaction() as session:
                each = rulebook.publish(session, kind, read_file(file), file.name, person, now, known_activities())
        except DefinitionError as error:
            with opened.transaction() as session:
                note(session, now, person, action, file.name, {"refused": error.faults})
            _refuse(error.faults, json=json)
    if json:
        emit({"key": each.key, "refused": None, "faults": []})
    else:
        say("rule.published", key=each.key, day=each.effective_from)


def _refuse(faults: Sequence[str], *, json: bool) -> NoReturn:
    from shared.reasons import fault

    said = [fault(each, language()) for each in faults]
    if json:
        emit({"key": None, "faults": said})
    else:
        complain("\n".join(said))
    raise typer.Exit(FAILED)


@contextmanager
def _session() -> "Iterator[Session | None]":
    """The running system's; without one what is shipped can be looked at all the same."""
    from shared import embedded
    from shared.settings import settings

    if not settings().database_url:
        try:
            embedded.running_urls(settings().home)
        except embedded.EmbeddedError:
            note("rule.only_shipped")
            yield None
            return
    with database() as opened, opened.transaction() as session:
        yield session


def _sources(kind: "Kind") -> "list[Source]":
    from shared import rulebook

    with _session() as session:
        return rulebook.sources(session, kind)


def _find(kind: "Kind", name: str) -> "Source":
    """The version that is named, or the newest of that name; ends with a sentence that lists what there is."""
    found = _sources(kind)
    wanted, _, version = name.partition("@")
    versions = [each for each in found if each.key == name or (not version and each.key.partition("@")[0] == wanted)]
    if not versions:
        fail(f"unknown.{kind}", given=name, known=told("comma").join(each.key for each in found))
    return max(versions, key=lambda each: int(each.key.partition("@")[2]))


def _definition(source: "Source") -> "Definition":
    from shared import definitions

    return definitions.parse(source.text, source.key)


def _policy(source: "Source") -> "Policy":
    from shared import policy as policies

    return policies.parse(source.text, source.key)


def _origin(source: "Source") -> str:
    if source.published_at is None:
        return told("rule.shipped")
    return f"{clock(source.published_at, '%Y-%m-%d %H:%M')} {source.published_by}"


def _raw(source: "Source", data: dict[str, Any], *, json: bool) -> None:
    if json:
        emit(_head(source) | data | {"text": source.text})
    else:
        typer.echo(source.text, nl=False)


def _head(source: "Source") -> dict[str, Any]:
    return {"key": source.key, "published_at": source.published_at, "published_by": source.published_by}


def _as_data(each: "Definition") -> dict[str, Any]:
    return {
        "name": each.name,
        "version": each.version,
        "title": dict(each.title),
        "document": each.document,
        "sale_types": each.sale_types,
        "effective_from": each.effective_from,
        "legacy_until": each.legacy_until,
        "ends_in": each.ends_in,
        "then": each.then,
        "steps": [
            {
                "id": step.id,
                "activity": step.activity,
                "mode": step.mode,
                "roles": step.roles,
                "deadline": step.deadline.text,
                "on_disagree": step.on_disagree,
                "group": step.group,
                "when": step.when and step.when.text,
                "reaches": step.reaches,
                "options": dict(step.options),
            }
            for step in each.steps
        ],
    }


def _figures(each: "Policy") -> dict[str, Any]:
    from collections.abc import Mapping
    from dataclasses import fields

    from shared.calendar import Deadline

    figures: dict[str, Any] = {}
    for field in fields(each):
        value = getattr(each, field.name)
        if isinstance(value, Deadline):
            value = value.text
        figures[field.name] = dict(value) if isinstance(value, Mapping) else value
    return figures


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return joined(f"{name} {_shown(each)}" for name, each in value.items())
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
