"""The benchmark of runs does what it measures; what it costs is not looked at. Not here: Celery (`deploy/`)."""

import pytest

from benchmarks.running.workers import Spent, render_chunks, render_workers, time_backfill

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_the_tables_are_per_day_and_a_year_is_arithmetic() -> None:
    spent = Spent("7", 30, wall_seconds=60, cpu_seconds=90, peak_megabytes=250.4)

    assert render_workers(spent) == "| 7 | 30 | 2.0 | 3.0 | 250 |"
    assert render_chunks(spent) == "| 7 | 30 | 2.0 | 3.0 | 250 | 18 |"


def test_a_day_is_taken_from_export_to_scores_by_the_command() -> None:
    spent = time_backfill(1, 1)

    assert (spent.what, spent.days) == ("1", 1)
    assert min(spent.wall_seconds, spent.cpu_seconds) > 0
    assert spent.peak_megabytes > 50
