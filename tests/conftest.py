"""Fixtures for all tests, and the report of which requirements have a passing test."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.database import database, database_url, postgres_url, template
from tests.support.valkey import broker_url, own_valkey, valkey, valkey_url

__all__ = [
    "broker_url",
    "database",
    "database_url",
    "own_valkey",
    "postgres_url",
    "template",
    "valkey",
    "valkey_url",
]

LIST = Path(__file__).parent / "requirements.txt"
TITLES = dict(
    line.split(" ", 1) for line in LIST.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
)
PASSED: set[str] = set()
FAILED: set[str] = set()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--missing", action="store_true", help="list the requirements without a passing test")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    unknown = {f"{each} ({item.nodeid})" for item in items for each in named(item) if each not in TITLES}
    if unknown:
        raise pytest.UsageError(f"{LIST.name} does not list {', '.join(sorted(unknown))}")
    for item in items:
        if "system" in item.path.parts:  # each starts a whole system: beside other tests, but never beside another
            item.add_marker(pytest.mark.xdist_group("system"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    report.user_properties = [*report.user_properties, ("requirements", " ".join(sorted(named(item))))]
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Runs where the results come together: with several processes, in the one that started them."""
    ids = {each for name, found in report.user_properties if name == "requirements" for each in str(found).split()}
    if report.failed:
        FAILED.update(ids)
    elif report.when == "call" and report.passed:
        PASSED.update(ids)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """How many of the requirements are proven: a test that names them passed, and none that does failed."""
    proven = PASSED - FAILED
    groups: dict[str, list[str]] = {}
    for each in TITLES:
        groups.setdefault(each[:3], []).append(each)
    share = {group: f"{len(proven & {*ids})}/{len(ids)}" for group, ids in groups.items()}
    complete = [group for group, ids in groups.items() if proven >= {*ids}]
    begun = [f"{group} {share[group]}" for group, ids in groups.items() if group not in complete and proven & {*ids}]
    terminalreporter.section("requirements")
    if config.getoption("--missing"):
        for each, title in TITLES.items():
            if each not in proven:
                terminalreporter.line(f"{each} {title}")
    terminalreporter.line(f"complete: {' '.join(complete) or 'none'}; in part: {', '.join(begun) or 'none'}")
    terminalreporter.line(f"requirements proven: {len(proven)} of {len(TITLES)}")


def named(item: pytest.Item) -> set[str]:
    """The requirements that a test says it proves."""
    return {each for mark in item.iter_markers("requirement") for each in mark.args}
