"""`calendar`: the days that count as working days, and setting them for the company."""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from workers.commands.terminal import (
    USAGE,
    As,
    Json,
    Lang,
    conclude,
    database,
    emit,
    fail,
    language,
    note,
    say,
    table,
)

if TYPE_CHECKING:
    from shared.words import Language

_LOCALES: "dict[Language, str]" = {"zh": "zh_CN", "en": "en_US"}


class Nature(StrEnum):
    """What a day is."""

    WORKING = "working"
    FREE = "free"


class _YearMayFollow(TyperGroup):
    """`calendar 2027` is `calendar show 2027`."""

    def parse_args(self, context: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["show", *args]
        return super().parse_args(context, args)


calendar = typer.Typer(
    cls=_YearMayFollow,
    help="Working days: `calendar [YEAR]` lists holidays, make-up days and the company's own. 工作日历。",
)


@calendar.command("show")
def show(
    year: Annotated[int | None, typer.Argument(min=1900, max=9998, help="Which year; this one if not given.")] = None,
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """List what is not an ordinary week: holidays, make-up days 调休, days that the company has set. 列出全年。"""
    from shared import calendar_days
    from shared.calendar import BUSINESS_ZONE, is_published, public_days

    chosen = language()
    year = year or datetime.now(BUSINESS_ZONE).year
    with database() as opened, opened.transaction() as session:
        own = {day: said for day, said in calendar_days.days(session).items() if day.year == year}
    public = public_days(year, _LOCALES[chosen])
    days = [
        {"day": day, "working": working, "name": name, "set_by": "company" if day in own else "public"}
        for day, (working, name) in sorted({**public, **own}.items())
    ]
    count = _working_days(year, {day: working for day, (working, _) in own.items()})
    if json:
        emit({"year": year, "published": is_published(year), "working_days": count, "days": days})
        return
    table(("day", "", "", "name", "set by"), (_row(each, chosen) for each in days))
    say("calendar.working_days", year=year, count=count)
    if not is_published(year):
        note("calendar.not_published", year=year)


@calendar.command("set")
def set_day(
    day: Annotated[str, typer.Argument(help="Such as 2027-02-08. 日期。")],
    nature: Annotated[Nature, typer.Argument(help="working 上班 or free 休息")],
    person: As,
    name: Annotated[str, typer.Option(help="What day it is. 名称。")] = "",
    json: Json = False,
    _lang: Lang = None,
) -> None:
    """Say for one day whether the company works; deadlines set from then on go by it. 设定工作日或休息日。"""
    from shared import calendar_days, rulebook
    from shared.attempts import note_refused
    from shared.words import word

    try:
        chosen_day = date.fromisoformat(day)
    except ValueError:
        fail("not_a_day", USAGE, given=day)
    now, working = datetime.now(UTC), nature is Nature.WORKING
    with database() as opened, opened.transaction() as session:
        refused = rulebook.may_not_publish(session, person)
        if refused:
            note_refused(session, now, person, "calendar.set", day, refused)
        else:
            calendar_days.set_day(session, chosen_day, working, name, person, now)
    said = word("days", nature, language())
    conclude("calendar.set", {"day": chosen_day, "working": working}, refused, json, day=day, nature=said)


def _working_days(year: int, own: dict[date, bool]) -> int:
    from shared.calendar import is_working_day

    first = date(year, 1, 1)
    return sum(is_working_day(first + timedelta(days=n), own) for n in range((date(year + 1, 1, 1) - first).days))


def _row(each: dict[str, Any], chosen: "Language") -> tuple[object, ...]:
    from babel.dates import format_date

    from shared.words import word

    weekday = format_date(each["day"], "EEE", locale=_LOCALES[chosen])
    nature = word("days", "working" if each["working"] else "free", chosen)
    makes_up = each["set_by"] == "public" and each["working"]
    name = word("days", "makes_up", chosen) if makes_up else each["name"]
    return each["day"], weekday, nature, name, word("days", each["set_by"], chosen)
