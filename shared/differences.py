"""What changed between two revisions of a document, field by field (AUD-01). Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """`field` as a path (`lines.2.quantity`, lines by their number); None: the field was, or is, not there."""

    field: str
    old: Any
    new: Any


def differences(old: Any, new: Any, field: str = "") -> list[Difference]:
    """Every field that is not the same, in the order of the new revision, then those that are gone."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return list(_within(old, new, field))
    if _are_lists(old, new):
        return list(_within(_by_number(old), _by_number(new), field))
    if old is _ABSENT or new is _ABSENT or (type(old), old) != (type(new), new):
        return [Difference(field, _shown(old), _shown(new))]
    return []


def _within(old: Mapping[str, Any], new: Mapping[str, Any], field: str) -> Iterator[Difference]:
    for name in dict.fromkeys([*new, *old]):
        path = f"{field}.{name}" if field else name
        yield from differences(old.get(name, _ABSENT), new.get(name, _ABSENT), path)


def _are_lists(*values: Any) -> bool:
    return all(isinstance(value, Sequence) and not isinstance(value, str) for value in values)


def _by_number(items: Sequence[Any]) -> dict[str, Any]:
    """Lines by their number, other items by their place, counted from 1."""
    return {
        str(item.get("number", place) if isinstance(item, Mapping) else place): item
        for place, item in enumerate(items, start=1)
    }


def _shown(value: Any) -> Any:
    return None if value is _ABSENT else value
