"""The benchmark of workers and runs does what it measures; what it costs is not looked at."""

import pytest

from benchmarks.deployment.postgres_server import PostgresServer
from benchmarks.deployment.redis_server import RedisServer
from benchmarks.running.workers import Spent, render_chunks, render_workers, time_backfill, time_workers

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(600)]


def test_the_tables_are_per_day_and_a_year_is_arithmetic() -> None:
    spent = Spent("7", 30, wall_seconds=60, cpu_seconds=90, peak_megabytes=250.4)

    assert render_workers(spent) == "| 7 | 30 | 2.0 | 3.0 | 250 |"
    assert render_chunks(spent) == "| 7 | 30 | 2.0 | 3.0 | 250 | 18 |"


def test_two_days_are_exported_by_a_worker_and_parsed_again(postgres: PostgresServer, redis: RedisServer) -> None:
    exported, parsed = time_workers(postgres, redis, 1, days=2, export_seconds=0.5, days_per_run=2)

    assert (exported.what, parsed.what) == ("1 worker, exports of 0.5 s", "1 worker, parsed again")
    for spent in (exported, parsed):
        assert spent.days == 2
        assert min(spent.wall_seconds, spent.cpu_seconds, spent.peak_megabytes) > 0


def test_two_days_are_taken_from_export_to_scores_by_the_command() -> None:
    spent = time_backfill(2, 2)

    assert (spent.what, spent.days) == ("2", 2)
    assert min(spent.wall_seconds, spent.cpu_seconds) > 0
    assert spent.peak_megabytes > 50
