"""What the steps of orders are called: in English their ids say it, in Chinese the words of what is done there."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from workers.commands.terminal import language

if TYPE_CHECKING:
    from shared.catalogue import Catalogue
    from shared.database import Session
    from shared.processes import Definition

Named = Callable[[str, str | None], str]
"""The word for a step, by the order's number and the step's id."""


def step_words(session: "Session", numbers: Iterable[str]) -> Named:
    """The words for the steps of these orders."""
    from shared import rulebook
    from shared.queries import definitions_of

    if language() == "en":
        return lambda _, step: step or ""
    keys, catalogue = definitions_of(session, sorted(set(numbers))), rulebook.read(session).definitions
    return lambda number, step: _word(catalogue, keys.get(number, ""), step) if step else ""


def _word(catalogue: "Catalogue[Definition]", key: str, step_id: str) -> str:
    from shared.catalogue import DefinitionError
    from shared.processes import pinned
    from shared.words import word

    try:
        step = pinned(catalogue, key).step(step_id.removeprefix("undo:"))
    except DefinitionError:
        return word("steps", step_id, language())
    named = word("activities", step.activity, language())
    # Where everybody signs, each role has a step of its own.
    return f"{named}（{word('roles', step.roles[0], language())}）" if step.id.endswith(f".{step.roles[0]}") else named
