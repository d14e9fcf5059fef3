"""Anchors: a root over everything that was recorded since the last one, for outsiders to hold."""

from datetime import datetime, timedelta

from shared.anchors import set_anchor
from workers.process import Process


def anchor(process: Process, now: datetime) -> int:
    """Anchor what is recorded and not anchored yet, every so many seconds. Returns how many commits that were."""
    after = timedelta(seconds=process.settings.anchor_seconds)
    with process.database.transaction() as session:
        anchored = set_anchor(session, now, after)
    return anchored.count if anchored else 0
