"""Named, versioned, dated data: how process definitions and policies are kept and chosen (PRC-01, PRC-06)."""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar


class DefinitionError(ValueError):
    """A definition or policy is refused. `faults` has one sentence for every fault, each with its place (PRC-08)."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class Versioned(Protocol):
    """What a catalogue needs to know of its entries."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def effective_from(self) -> date: ...
    @property
    def key(self) -> str: ...


T = TypeVar("T", bound=Versioned)


@dataclass(slots=True)
class Catalogue(Generic[T]):
    """All versions of all entries. Old versions stay, because running orders keep the one that they are pinned to.

    `entries` is replaced as a whole, and only by who keeps the catalogue of a running process current.
    """

    entries: Mapping[str, T]
    ask: Callable[[], None] | None = field(default=None, repr=False, compare=False)
    """Called for a key that is not there: it may have been published since `entries` was read."""

    def get(self, key: str) -> T:
        """The entry with this key, such as "standard@1". Raises DefinitionError for an unknown one."""
        if key not in self.entries and self.ask is not None:
            self.ask()
        if key not in self.entries:
            raise DefinitionError(
                [f"{key}: not in the catalogue, which has {', '.join(sorted(self.entries)) or 'nothing'}"]
            )
        return self.entries[key]

    def names(self) -> tuple[str, ...]:
        """The names, each once, in order."""
        return tuple(sorted({entry.name for entry in self.entries.values()}))

    def versions(self, name: str) -> tuple[T, ...]:
        """All versions of one name, the oldest first."""
        return tuple(sorted((e for e in self.entries.values() if e.name == name), key=lambda entry: entry.version))

    def effective(self, name: str, on: date) -> T | None:
        """The version of a name that applies to what is created on that day (PRC-06); None before its first."""
        begun = [entry for entry in self.versions(name) if entry.effective_from <= on]
        return begun[-1] if begun else None


def gather(entries: Iterable[T]) -> Catalogue[T]:
    """Puts entries into a catalogue. Raises DefinitionError for repeated versions and versions out of date order."""
    kept: dict[str, T] = {}
    faults = []
    for entry in entries:
        if entry.key in kept:
            faults.append(f"{entry.key}: there are two with this name and version")
        kept[entry.key] = entry
    catalogue = Catalogue(MappingProxyType(kept))
    for name in catalogue.names():
        versions = catalogue.versions(name)
        for older, newer in pairwise(versions):
            if newer.effective_from <= older.effective_from:
                faults.append(
                    f"{newer.key}: effective_from must be later than that of {older.key}, {older.effective_from}"
                )
    if faults:
        raise DefinitionError(faults)
    return catalogue


def read_folder(folder: Path, parse: Callable[[str, str], T]) -> list[T]:
    """Parses every TOML file of a folder. Raises DefinitionError with the faults of all of them."""
    entries: list[T] = []
    faults: list[str] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            entries.append(parse(read_file(path), path.name))
        except DefinitionError as error:
            faults.extend(error.faults)
    if not entries and not faults:
        faults.append(f"{folder}: no TOML file there")
    if faults:
        raise DefinitionError(faults)
    return entries


def read_file(path: Path) -> str:
    """The text of a file. Raises DefinitionError where it cannot be read or is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DefinitionError([f"{path.name}: not UTF-8: {error.reason} at byte {error.start}"]) from error
    except OSError as error:
        raise DefinitionError([f"{path.name}: {error.strerror or error}"]) from error


def read_toml(text: str, source_name: str) -> Mapping[str, object]:
    """The tables of a TOML text, fractions as Decimal. Raises DefinitionError where it is not TOML."""
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DefinitionError([f"{source_name}: not TOML: {error}"]) from error
