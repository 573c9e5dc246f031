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
from salted_assets_tests.disk_shared import Vendor, running_vendor
from salted_assets_tests.landing_support import DAY, SMALL, House, built_house
from salted_assets_tests.running_platform import KNOWN_WARNINGS

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    with running_vendor(tmp_path / "vendor.sqlite") as vendor:
        yield vendor


@dataclass
class Clock:
    """The wall clock as it is set: `ahead` of the time that passes."""

    house: House
    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return self.house.time.now() + self.ahead


class Interrupted(BaseException):
    """A run that is killed: nothing of ours catches it."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A vendor whose exports take as long as several polls."""
    with built_house(tmp_path, replace(SMALL, export_seconds=20)) as built:
        yield built


def land(house: House, clock: Clock, during_wait: Callable[[], None] = lambda: None, *, refresh: bool = False) -> str:
    """Land the day by that clock; gives the id of the export that it came by."""

    class Waiting(ExportClient):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **{**options, "now": clock.now})

        def wait(self, export_id: str, on_poll: Callable[[int, float], None] | None = None) -> ExportStatus:  # noqa: ARG002 - the client's signature
            return super().wait(export_id, lambda *_: during_wait())

    landing = house.landing(connect=lambda: house.build_client(Waiting), now=clock.now)
    [delivery] = landing.land(DAY, ("engagement", "agent"), refresh=refresh).deliveries
    house.check(delivery)
    return delivery.export_id


def stop() -> None:
    raise Interrupted


JUMPS = [timedelta(days=days) for days in (-100, -1, 1, 3650)]


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_a_clock_that_jumps_while_an_export_is_waited_for_changes_nothing(house: House, jump: timedelta) -> None:
    clock = Clock(house)

    def jump_now() -> None:
        clock.ahead = jump

    export_id = land(house, clock, jump_now)

    assert house.export_count == 1
    assert land(house, clock) == export_id
    assert house.export_count == 1


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_a_clock_that_jumps_between_two_runs_costs_no_second_export(house: House, jump: timedelta) -> None:
    with pytest.raises(Interrupted):
        land(house, Clock(house), stop)

    land(house, Clock(house, jump))

    assert house.export_count == 1


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_an_order_whose_answer_was_lost_is_found_by_any_clock(house: House, jump: timedelta) -> None:
    with pytest.raises(Interrupted):
        land(house, Clock(house), stop)
    tickets = Path(house.warehouse.uri, f"raw/export/date={DAY}/tickets.json")
    [ticket] = json.loads(tickets.read_bytes())["open"]
    tickets.write_text(json.dumps({"schema_version": 1, "open": [{**ticket, "export_id": None}]}))

    land(house, Clock(house, jump))

    assert house.export_count == 1


def test_a_clock_set_back_before_the_day_is_said_and_harms_nothing(house: House) -> None:
    clock = Clock(house)
    export_id = land(house, clock)
    intact = {path: path.read_bytes() for path in Path(house.warehouse.uri, "raw").rglob("*") if path.is_file()}

    clock.ahead = datetime(2020, 1, 1, tzinfo=UTC) - clock.now()
    with pytest.raises(DayNotExportable, match=r"2024-01-31 can be exported from 2024-02-01 02:00 UTC"):
        land(house, clock)

    assert {path: path.read_bytes() for path in intact} == intact
    clock.ahead = timedelta(0)
    assert land(house, clock) == export_id
    assert house.export_count == 1


def test_a_refresh_counts_as_the_newer_though_the_clock_was_set_back(house: House) -> None:
    clock = Clock(house)
    earlier = land(house, clock)
    clock.ahead = timedelta(days=-30)

    later = land(house, clock, refresh=True)

    assert later != earlier
    assert land(house, clock) == later
    assert house.export_count == 2
