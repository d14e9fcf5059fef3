"""Who may import whom, who may touch what: the rules that keep the departments apart and decisions pure."""

import ast
import re
import sys
from collections.abc import Callable
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.support.database import REPOSITORY
from tests.support.sources import DEPARTMENTS, Module, modules, names

MAY_IMPORT = {
    "messages": {"messages"},
    "shared": {"messages", "shared"},
    "workers": {"messages", "shared", "workers"},
}
FILES = {"__init__.py", "activities.py", "books.py", "rules.py", "tables.py"}
# The demonstration's subscriber plays a system outside, which knows nothing but the stream.
ONLY_IMPORTERS = {
    "dramatiq": {"shared/broker.py"},
    "kombu": {"shared/transport.py"},
    "redis": {"shared/broker.py", "shared/queues.py", "shared/transport.py", "workers/demo/subscriber.py"},
    "pydantic_settings": {"shared/settings.py"},
    "alembic": {"shared/migrations.py"},
}
# The lifeline's variable is taken out of the environment of the process that it belongs to; what a nursery forks is
# given its own.
READ_THE_ENVIRONMENT = {"shared/settings.py", "shared/lifeline.py", "workers/nursery.py"}
# `{**os.environ, …}`: a child gets the environment of its parent and more, and nothing of it is looked at.
PASS_THE_ENVIRONMENT_ON = {"shared/lifeline.py", "workers/commands/processes.py"}
# Migrations run inside a transaction that alembic must see as SQLAlchemy's.
TRANSACTIONS = {"shared/database.py", "shared/migrations.py"}
OPENS_OR_ENDS = re.compile(r"(.*\.)?(create_engine|raw_connection|commit|rollback|begin)|psycopg\.connect")
SAYS_SO = re.compile(r"(begin|start transaction|commit|rollback)\b", re.IGNORECASE)
IMPURE = {
    "asyncio", "io", "logging", "multiprocessing", "os", "pathlib", "random", "secrets", "shutil", "socket",
    "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip
ASKS_THE_WORLD = re.compile(r"(open|print|input|eval|exec)|.*\.(now|today|utcnow|time|monotonic)")
WRITTEN = re.compile(r"\b(?:insert\s+into|update|delete\s+from|truncate)\s+([a-z_]+)\.([a-z_]+)", re.IGNORECASE)
READ = re.compile(r"\b(?:from|join)\s+([a-z_]+)\.([a-z_]+)", re.IGNORECASE)


def breaking(rule: Callable[[Module], object]) -> list[str]:
    """The files for which a rule says True, or what it says."""
    return [f"{module.path}: {said}" for module in modules() if (said := rule(module))]


def ours(module: Module) -> frozenset[str]:
    return module.imports & names()


def test_there_is_something_to_look_at() -> None:
    assert len(modules()) > 80
    assert {module.department for module in modules()} == {None, *DEPARTMENTS}


def test_messages_then_shared_then_workers() -> None:
    known = {*MAY_IMPORT, "deploy", "tests"}
    assert not breaking(
        lambda module: {
            each
            for each in module.imports
            if each.partition(".")[0] in known and each.partition(".")[0] not in MAY_IMPORT[module.package]
        }
    )


def test_nothing_imports_in_a_circle() -> None:
    graph = {module.name: ours(module) - {module.name} for module in modules()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" → ".join(circle.args[1]))


@pytest.mark.requirement("PLT-01")
def test_departments_do_not_know_each_other_nor_who_runs_them() -> None:
    assert not breaking(
        lambda module: (
            module.department
            and {
                each
                for each in ours(module)
                if each.startswith("workers.") and not f"{each}.".startswith(f"workers.{module.department}.")
            }
        )
    )


def test_modules_are_imported_by_name_only_where_departments_are_listed_and_processes_forked() -> None:
    assert {
        module.path for module in modules() for called, _ in module.calls() if called.endswith("import_module")
    } == {"workers/departments.py", "workers/nursery.py"}


def test_every_department_has_the_same_files() -> None:
    for department in DEPARTMENTS:
        found = {path.name for path in (REPOSITORY / "workers" / department).glob("*.py")}
        assert found >= FILES, department


@pytest.mark.parametrize("package", ONLY_IMPORTERS)
def test_a_library_has_its_one_place(package: str) -> None:
    importers = {
        module.path for module in modules() if any(each.partition(".")[0] == package for each in module.imports)
    }
    assert importers == ONLY_IMPORTERS[package]


def test_the_environment_is_read_in_one_place() -> None:
    assert not breaking(lambda module: module.path not in READ_THE_ENVIRONMENT and _environment_reads(module))
    passing_on = {module.path for module in modules() if _environment_passed_on(module)}
    assert passing_on == PASS_THE_ENVIRONMENT_ON


def _environment_reads(module: Module) -> list[int]:
    passed = _environment_passed_on(module)
    return [
        node.lineno
        for node in module.nodes(ast.Attribute, ast.ImportFrom)
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb") and node not in passed)
        or (isinstance(node, ast.ImportFrom) and node.module == "os")
    ]


def _environment_passed_on(module: Module) -> list[ast.expr]:
    return [
        value
        for node in module.nodes(ast.Dict)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if key is None and isinstance(value, ast.Attribute) and value.attr == "environ"
    ]


@pytest.mark.requirement("PLT-02")
def test_transactions_are_opened_and_committed_in_one_place() -> None:
    def rule(module: Module) -> set[str]:
        if module.path in TRANSACTIONS:
            return set()
        return {called for called, _ in module.calls() if OPENS_OR_ENDS.fullmatch(called)} | {
            text for text in module.texts if SAYS_SO.match(text.strip()) and " " not in text.strip()
        }

    assert not breaking(rule)


def test_rules_import_only_what_is_pure() -> None:
    def rule(module: Module) -> set[str]:
        if not module.is_rules:
            return set()
        allowed = {"shared.department", "shared.money"}
        return {
            each
            for each in module.imports
            if not (
                each in allowed
                or each.startswith("messages.")
                or (each in names() and each.startswith(f"workers.{module.department}.") and each.endswith("rules"))
                or (each.partition(".")[0] in sys.stdlib_module_names - IMPURE)
            )
        }

    assert not breaking(rule)
    assert sum(module.is_rules for module in modules()) >= len(DEPARTMENTS)


def test_rules_ask_neither_clock_nor_world() -> None:
    assert not breaking(
        lambda module: module.is_rules and [called for called, _ in module.calls() if ASKS_THE_WORLD.fullmatch(called)]
    )


@pytest.mark.requirement("PLT-01")
@pytest.mark.parametrize("department", DEPARTMENTS)
def test_a_department_writes_its_own_schema_and_reads_others_through_views(department: str) -> None:
    own = [module for module in modules() if module.department == department]
    written = {schema for module in own for text in module.texts for schema, _ in WRITTEN.findall(text)}
    assert written <= {department}
    tables = {each: _tables(each) for each in DEPARTMENTS}
    for module in own:
        for text in module.texts:
            for schema, relation in READ.findall(text):
                others_table = schema in tables and schema != department and relation in tables[schema]
                assert not others_table, f"{module.path} reads the table {schema}.{relation}"


def _tables(department: str) -> set[str]:
    own = [each for each in modules() if each.department == department and each.name.endswith("tables")]
    return {
        node.args[0].value
        for module in own
        for called, node in module.calls()
        if called == "Table" and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    }
