"""The days that a company works or not against the public calendar: `calendar.csv`, or one at a time (APR-13)."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime

from shared import rulebook
from shared.attempts import note
from shared.database import Session, columns
from shared.master import MasterFile, MasterRow


class CalendarRow(MasterRow):
    """One day of `calendar.csv`: whether the company works on it, and what day it is."""

    day: date
    working: bool
    name: str = ""


def days(session: Session) -> dict[date, tuple[bool, str]]:
    """The days that the company has set: whether they are working, and their names."""
    return {day: (working, name) for day, working, name in session.rows(_DAYS)}


def set_day(session: Session, day: date, working: bool, name: str, person: str, now: datetime) -> None:
    """Set one day."""
    save(session, [CalendarRow(day=day, working=working, name=name)])
    note(session, now, person, "calendar.set", day.isoformat(), {"working": working, "name": name})


def save(session: Session, rows: Sequence[CalendarRow]) -> None:
    """Insert or update; days that are not among these stay as they are. Raises ValueError for one twice."""
    twice = sorted(day.isoformat() for day, count in Counter(row.day for row in rows).items() if count > 1)
    if twice:
        raise ValueError(f"there twice: {', '.join(twice)}")
    rulebook.take_turn(session)
    session.write(_SAVE, *columns([(row.day, row.working, row.name) for row in rows], 3))
    rulebook.tell(session)


MASTER: tuple[MasterFile[CalendarRow], ...] = (MasterFile("calendar", CalendarRow, save),)

_DAYS = "select day, working, name from core.calendar_days order by day"
_SAVE = """
insert into core.calendar_days (day, working, name) select * from unnest(%s::date[], %s::bool[], %s::text[])
on conflict (day) do update set working = excluded.working, name = excluded.name
"""
