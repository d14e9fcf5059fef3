"""A person's approval and nothing else (审批): an activity that departments declare for steps in mode `manual`."""

from collections.abc import Sequence

from shared.database import Session
from shared.department import Outcome, Passed, Visit


class Nothing:
    """The facts of a step that only asks."""

    def absorb(self, effect: object) -> None:
        """An approval changes nothing that the next one looks at."""


class Approval:
    """Its step is in mode `manual`, which asks a person; their word is all that counts (APR-07, CMP-04)."""

    def load(self, _session: Session, _visits: Sequence[Visit]) -> Nothing:
        return Nothing()

    def decide(self, _visit: Visit, _facts: Nothing) -> Outcome:
        return Passed()

    def save(self, session: Session, effects: Sequence[object]) -> None:
        """The decision stands in the folder's history."""

    def undo(self, session: Session, visits: Sequence[Visit]) -> None:
        """An approval obtains nothing."""
