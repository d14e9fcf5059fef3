"""A real Valkey for tests: the given server, else a container, else the embedded one. Emptied before each test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from shared.embedded import Server, start_valkey
from tests.support.database import docker_answers


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`ORDERFLOW_TEST_BROKER_URL` if set (it gets emptied); Docker if it answers; else the embedded server."""
    given = os.environ.get("ORDERFLOW_TEST_BROKER_URL")
    if given:
        yield given
    elif docker_answers():
        from testcontainers.community.redis import RedisContainer

        with RedisContainer("valkey/valkey:9-alpine") as container:
            yield f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"
    else:
        with start_valkey(tmp_path_factory.mktemp("valkey")) as server:
            yield server.url


@pytest.fixture
def broker_url(valkey_url: str) -> str:
    """An empty broker."""
    with redis.Redis.from_url(valkey_url) as client:
        client.flushdb()
    return valkey_url


@pytest.fixture
def valkey(broker_url: str) -> Iterator[redis.Redis]:
    """The same broker, seen without our code."""
    with redis.Redis.from_url(broker_url) as client:
        yield client


class OwnValkey:
    """A durable server that a test may stop, start again on the same port, and starve."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._server: Server | None = None
        self.start()
        self.url = self._running.url

    def start(self) -> None:
        self._server = start_valkey(self._directory)

    def stop(self) -> None:
        if self._server:
            self._server.stop()
            self._server = None

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)

    @property
    def _running(self) -> Server:
        assert self._server, "stopped"
        return self._server


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[OwnValkey]:
    """A server of this test's own."""
    server = OwnValkey(tmp_path / "valkey")
    yield server
    server.stop()
