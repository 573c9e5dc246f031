"""A clock that jumps: said clearly, no second export, nothing lost."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from salted_assets.landing import DayNotExportable
from salted_assets.salted_cx import ExportClient, ExportStatus
from salted_assets_tests.support.landing_env import DAY, SMALL, LandingEnv, landing_env
from salted_assets_tests.support.platform import KNOWN_WARNINGS
from salted_assets_tests.support.vendor_process import Vendor, running_vendor

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    with running_vendor(tmp_path / "vendor.sqlite") as vendor:
        yield vendor


@dataclass
class Clock:
    """The wall clock as it is set: `ahead` of the time that passes."""

    env: LandingEnv
    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return self.env.time.now() + self.ahead


class Interrupted(BaseException):
    """A run that is killed: nothing of ours catches it."""


@pytest.fixture
def env(tmp_path: Path) -> Iterator[LandingEnv]:
    """A vendor whose exports take as long as several polls."""
    with landing_env(tmp_path, replace(SMALL, export_seconds=20)) as built:
        yield built


def land(
    env: LandingEnv, clock: Clock, during_wait: Callable[[], None] = lambda: None, *, refresh: bool = False
) -> str:
    """Land the day by that clock; gives the id of the export that it came by."""

    class Waiting(ExportClient):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **{**options, "now": clock.now})

        def status(self, export_id: str) -> ExportStatus:
            status = super().status(export_id)
            during_wait()
            return status

    landing = env.landing(connect=lambda: env.build_client(Waiting), now=clock.now)
    [delivery] = landing.land(DAY, ("engagement", "agent"), refresh=refresh).deliveries
    env.check(delivery)
    return delivery.export_id


def stop() -> None:
    raise Interrupted


JUMPS = [timedelta(days=days) for days in (-100, -1, 1, 3650)]


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_a_clock_that_jumps_while_an_export_is_waited_for_changes_nothing(env: LandingEnv, jump: timedelta) -> None:
    clock = Clock(env)

    def jump_now() -> None:
        clock.ahead = jump

    export_id = land(env, clock, jump_now)

    assert env.export_count == 1
    assert land(env, clock) == export_id
    assert env.export_count == 1


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_a_clock_that_jumps_between_two_runs_costs_no_second_export(env: LandingEnv, jump: timedelta) -> None:
    with pytest.raises(Interrupted):
        land(env, Clock(env), stop)

    land(env, Clock(env, jump))

    assert env.export_count == 1


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_an_order_whose_answer_was_lost_is_found_by_any_clock(env: LandingEnv, jump: timedelta) -> None:
    with pytest.raises(Interrupted):
        land(env, Clock(env), stop)
    pending_exports = Path(env.warehouse.uri, f"raw/export/date={DAY}/tickets.json")
    [pending] = json.loads(pending_exports.read_bytes())["open"]
    pending_exports.write_text(json.dumps({"schema_version": 1, "open": [{**pending, "export_id": None}]}))

    land(env, Clock(env, jump))

    assert env.export_count == 1


def test_a_clock_set_back_before_the_day_is_said_and_harms_nothing(env: LandingEnv) -> None:
    clock = Clock(env)
    export_id = land(env, clock)
    intact = {path: path.read_bytes() for path in Path(env.warehouse.uri, "raw").rglob("*") if path.is_file()}

    clock.ahead = datetime(2020, 1, 1, tzinfo=UTC) - clock.now()
    with pytest.raises(DayNotExportable, match=r"2024-01-31 can be exported from 2024-02-01 02:00 UTC"):
        land(env, clock)

    assert {path: path.read_bytes() for path in intact} == intact
    clock.ahead = timedelta(0)
    assert land(env, clock) == export_id
    assert env.export_count == 1


def test_a_refresh_counts_as_the_newer_though_the_clock_was_set_back(env: LandingEnv) -> None:
    clock = Clock(env)
    earlier = land(env, clock)
    clock.ahead = timedelta(days=-30)

    later = land(env, clock, refresh=True)

    assert later != earlier
    assert land(env, clock) == later
    assert env.export_count == 2
