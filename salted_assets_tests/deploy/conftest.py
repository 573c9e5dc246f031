"""The servers that the tests here share, each started once."""

from collections.abc import Iterator

import pytest

from benchmarks.deployment.postgres_server import PostgresServer, running_postgres
from benchmarks.deployment.redis_server import RedisServer, running_redis


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server
