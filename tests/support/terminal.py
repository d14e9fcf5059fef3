"""The command line over a test's own database and broker."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from shared.settings import settings
from workers.cli import app

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, broker_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """`run("decide", task, "agree", "--as", "max")`; the workers are not running."""
    monkeypatch.setenv("ORDERFLOW_DATABASE_URL", database_url)
    monkeypatch.setenv("ORDERFLOW_BROKER_URL", broker_url)
    settings.cache_clear()
    yield lambda *arguments, **more: CliRunner().invoke(app, [str(each) for each in arguments], **more)
    settings.cache_clear()


def said(result: Result) -> str:
    """Everything that was told, as one line, whatever the width of the terminal."""
    return " ".join(result.output.split())


def answered(result: Result) -> Any:
    """What was printed for programs."""
    return json.loads(result.stdout)
