"""The command line inside the test's own process."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from shared.database import Database
from shared.settings import settings
from tests.support.company import load_company
from workers.cli import app

Run = Callable[..., Result]


@pytest.fixture
def run(
    database: Database, database_url: str, broker_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    """The command line of a system with a tiny company, whose workers are not running."""
    company = tmp_path / "company"
    company.mkdir()
    load_company(database, company)
    monkeypatch.setenv("ORDERFLOW_DATABASE_URL", database_url)
    monkeypatch.setenv("ORDERFLOW_BROKER_URL", broker_url)
    monkeypatch.setenv("ORDERFLOW_INTAKE_BATCH", "3")
    monkeypatch.chdir(tmp_path)
    settings.cache_clear()
    yield lambda *arguments, **more: CliRunner().invoke(app, [str(each) for each in arguments], **more)
    settings.cache_clear()


def squeezed(text: str) -> str:
    """With one blank between words, however they were laid out."""
    return re.sub(r"\s+", " ", text)
