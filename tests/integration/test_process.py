"""A running process is whole or gone: what it cannot work with it says at the start, and no part of it dies unseen."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.database import REPOSITORY, execute
from tests.support.running import started
from tests.support.waiting import until

PROCESSES = [
    ("workers.intake.main",),
    ("workers.relay.main",),
    ("workers.scheduler.main",),
    ("workers.department", "finance"),
]


@pytest.mark.parametrize("module", [*PROCESSES, ("shared.migrations",)])
def test_settings_that_cannot_be_used_end_it_in_one_sentence(module: tuple[str, ...]) -> None:
    env = {**os.environ, "ORDERFLOW_SMTP_URL": "smtp://robot:s3cret@mail:port", "ORDERFLOW_SMTP_SENDER": "a@b.example"}
    ended = subprocess.run(
        [sys.executable, "-m", *module],
        env=env,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stdout.startswith("REFUSED ORDERFLOW_SMTP_URL: it is not a URL such as smtp://user:password@host:25")
    assert "s3cret" not in ended.stdout + ended.stderr


@pytest.mark.requirement("PLT-02")
@pytest.mark.parametrize("module", PROCESSES)
def test_a_process_without_a_heart_ends(
    module: tuple[str, ...], database_url: str, broker_url: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with started(
        *module, database_url=database_url, broker_url=broker_url, heartbeat_seconds="0.1", log=str(log)
    ) as process:
        execute(database_url, "alter table core.workers rename to gone")
        until(lambda: process.poll() is not None, what="it to end")
        assert process.returncode == os.EX_SOFTWARE
    assert '"thread": "heartbeat"' in log.read_text()


@pytest.mark.requirement("PLT-02")
def test_a_relay_that_sends_no_letters_any_more_ends(database_url: str, broker_url: str, tmp_path: Path) -> None:
    log, mail = tmp_path / "log", {"smtp_url": "smtp://127.0.0.1:1", "smtp_sender": "shop@example.com"}
    with started(
        "workers.relay.main", database_url=database_url, broker_url=broker_url, log=str(log), **mail
    ) as process:
        execute(database_url, "alter table core.letters rename to gone")
        until(lambda: process.poll() is not None, what="it to end")
        assert process.returncode == os.EX_SOFTWARE
    assert '"thread": "letters"' in log.read_text()
