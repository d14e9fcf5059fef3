"""The project's own source as syntax trees: who imports whom, what is called, which texts stand in it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from string import Formatter

from messages.batch import Department
from tests.support.database import REPOSITORY

PACKAGES = ("messages", "shared", "workers")
DEPARTMENTS = tuple(each.value for each in Department)


@dataclass(frozen=True)
class Module:
    """One file. `path` is relative to the repository, `name` as it is imported."""

    path: str
    name: str
    tree: ast.Module

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    @property
    def department(self) -> str | None:
        """The department whose own this file is."""
        parts = self.name.split(".")
        return parts[1] if parts[0] == "workers" and len(parts) > 1 and parts[1] in DEPARTMENTS else None

    @property
    def is_rules(self) -> bool:
        return self.department is not None and self.name.endswith("rules")

    @cached_property
    def imports(self) -> frozenset[str]:
        """Every module that is imported anywhere in the file, by its full name; of ours, the very module."""
        return frozenset(found for node in ast.walk(self.tree) for found in _imported(node))

    def nodes(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        return (node for node in ast.walk(self.tree) if isinstance(node, kinds))

    def calls(self) -> Iterator[tuple[str, ast.Call]]:
        """Every call with what is called, as it is written: `create_engine`, `psycopg.connect`, `_.now`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield _written(node.func), node

    @cached_property
    def texts(self) -> frozenset[str]:
        """Every string in the file that is no docstring."""
        docs = {id(node.value) for node in ast.walk(self.tree) if isinstance(node, ast.Expr)}
        return frozenset(
            node.value
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
        )


@cache
def modules() -> tuple[Module, ...]:
    """Every file of the product."""
    paths = [path for package in PACKAGES for path in sorted((REPOSITORY / package).rglob("*.py"))]
    return tuple(
        Module(str(path.relative_to(REPOSITORY)), name, ast.parse(path.read_text(encoding="utf-8")))
        for path in paths
        for name in [_name(path.relative_to(REPOSITORY).with_suffix("").parts)]
    )


@cache
def names() -> frozenset[str]:
    """The names of all of them."""
    return frozenset(module.name for module in modules())


def possible_texts(module: Module, text: ast.expr) -> list[str]:
    """Patterns of what the expression may be; a name may be whatever is assigned to it anywhere in the file."""
    if isinstance(text, ast.Constant):
        return [re.escape(str(text.value))]
    if isinstance(text, ast.IfExp):
        return possible_texts(module, text.body) + possible_texts(module, text.orelse)
    if isinstance(text, ast.JoinedStr):
        parts = [str(part.value) if isinstance(part, ast.Constant) else None for part in text.values]
        return ["".join(".+" if part is None else re.escape(part) for part in parts)]
    assert isinstance(text, ast.Name), f"{module.path}:{text.lineno}: nobody can tell which code this is"
    assigned = [
        node.value
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Assign) and text.id in {each.id for each in node.targets if isinstance(each, ast.Name)}
    ]
    assert assigned, f"{module.path}:{text.lineno}: nobody can tell which code this is"
    return [pattern for value in assigned for pattern in possible_texts(module, value)]


def places(text: str) -> set[str]:
    """The names of the {places} in it."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def _name(parts: tuple[str, ...]) -> str:
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _exists(name: str) -> bool:
    place = REPOSITORY.joinpath(*name.split("."))
    return place.with_suffix(".py").exists() or (place / "__init__.py").exists()


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (each.name for each in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.module, "imports are absolute"
        for each in node.names:
            inner = f"{node.module}.{each.name}"
            yield inner if node.module.partition(".")[0] in PACKAGES and _exists(inner) else node.module


def _written(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_written(node.value)}.{node.attr}"
    return "_"
