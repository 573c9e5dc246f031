"""The daily schedule in Dagster's own daemon: a day comes when its lag has passed, at a minute that no hour names."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from salted_assets.simulator import SimulatorOptions, running_simulator
from salted_assets_tests.support.dagster_web import Interface, running_interface

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(900)]

AHEAD = timedelta(minutes=4)
"""Until the day is due: the daemon has to be up by then."""

_RUNS = "query { runsOrError { ... on Runs { results { jobName status tags { key value } } } } }"


def runs_of(interface: Interface) -> list[dict[str, Any]]:
    return list(interface.ask(_RUNS)["runsOrError"]["results"])


def test_the_daemon_runs_the_day_that_ended_once_when_its_lag_has_passed(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = midnight.date() - timedelta(days=1)
    lag_minutes = (now + AHEAD - midnight) // timedelta(minutes=1)
    options = SimulatorOptions(agent_count=2, engagements_per_agent=2, key="key-of-the-tests")
    with running_simulator(tmp_path / "vendor" / "exports.sqlite", options) as vendor:
        settings = {
            "SALTED_API_URL": vendor.url,
            "SALTED_API_KEY": vendor.key,
            "SALTED_START_DATE": "2024-01-01",
            "SALTED_DATASETS": "agent",
            "SALTED_SCHEDULE_HOUR": "0",
            "SALTED_EXPORT_LAG_MINUTES": str(lag_minutes),
        }
        with running_interface(tmp_path, **settings) as interface:
            assert runs_of(interface) == []
            due = midnight + timedelta(minutes=lag_minutes)
            time.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
            interface.wait_until(lambda: bool(runs_of(interface)), "the schedule")
            interface.wait_until(lambda: runs_of(interface)[0]["status"] in {"SUCCESS", "FAILURE"}, "the run")
            (run,) = runs_of(interface)

    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    assert (run["jobName"], run["status"]) == ("daily", "SUCCESS"), interface.said()
    assert (tags["dagster/partition"], tags["dagster/run_key"]) == (f"{yesterday}", f"{yesterday}")
    assert tags["salted/request"] == f"day {yesterday}"
