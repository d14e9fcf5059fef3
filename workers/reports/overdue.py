"""What is late (RPT-02): reviews past their deadline, documents near their purge, orders a month late, delivery notes a
week unshipped, each with or without its comment.
"""

from datetime import date, datetime
from typing import Any

from shared.database import Session
from shared.overdue import overdue
from shared.rulebook import Rulebook
from workers.reports.report import Line, Period, Report, grouped

EVERYTHING = 1_000_000
_LATE = {"order": "order_late", "delivery_note": "note_late"}


def read(session: Session, rules: Rulebook, period: Period, now: datetime) -> Report:
    """What is late now and has been since a day of the period; of what is near its purge, that is due in it."""
    found = overdue(session, rules.policies, now, EVERYTHING, rules.overrides)
    documents = [
        *(_line("review", each["order"], each["step"], each["due_at"], each["assignee"]) for each in found["reviews"]),
        *(_line("near_purge", each["order"], None, each["purged_after"], None) for each in found["near_purge"]),
        *(
            _line(_LATE[each["kind"]], each["order"], each["state"], each["date"], each["given_by"], each["comment"])
            for each in found["late"]
        ),
    ]
    kept = [each for each in documents if period.holds(each["due"])]
    return Report(kept, grouped(kept, "kind", _total), "count")


def _line(
    kind: str, order: str, at: str | None, due: date | datetime, person: str | None, comment: str | None = None
) -> Line:
    return {"kind": kind, "order": order, "at": at, "due": due, "by": person, "comment": comment}


def _total(kind: str, group: list[Line]) -> dict[str, Any]:
    commented = len([each for each in group if each["comment"]])
    return {"kind": kind, "count": len(group), "commented": commented, "uncommented": len(group) - commented}
