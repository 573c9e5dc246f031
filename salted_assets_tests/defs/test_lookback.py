"""Days that are exported again: which the schedule asks for, in which order, and what says whether it is needed."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pyarrow.parquet as pq
import pytest
import zstandard
from dagster._core.definitions.schedule_definition import ScheduleExecutionData  # what evaluating a tick gives

from salted_assets.defs.asset_keys import RAW_EXPORT, score_key, table_key
from salted_assets.settings import Settings
from salted_assets_tests.support.platform import (
    KNOWN_WARNINGS,
    QUIET,
    Platform,
    build_defs,
    running_platform,
    with_settings,
)

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

REFRESH = {"ops": {"raw__export": {"config": {"refresh": True}}}}
AT_TWO = datetime(2024, 1, 12, 2, tzinfo=UTC)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with running_platform(tmp_path) as platform:
        yield platform


def settings_of(lookback_days: int, start: date = date(2024, 1, 1), timezone: str = "UTC") -> Settings:
    return Settings(lookback_days=lookback_days, start_date=start, timezone=timezone)


def tick(settings: Settings, at: datetime) -> ScheduleExecutionData:
    defs = build_defs(settings)
    schedule = defs.resolve_schedule_def("daily_schedule")
    with (
        dg.DagsterInstance.local_temp() as instance,
        dg.build_schedule_context(
            instance=instance, scheduled_execution_time=at, repository_def=defs.get_repository_def()
        ) as context,
    ):
        return schedule.evaluate_tick(context)


def days_of(data: ScheduleExecutionData) -> list[str | None]:
    return [request.tags["dagster/partition"] for request in data.run_requests or []]


@pytest.mark.parametrize(
    ("lookback_days", "expected"),
    [
        (0, ["2024-01-11"]),
        (1, ["2024-01-11", "2024-01-10"]),
        (3, ["2024-01-11", "2024-01-10", "2024-01-09", "2024-01-08"]),
    ],
)
def test_the_day_that_ended_comes_first_and_the_ones_before_it_are_refreshed(
    lookback_days: int, expected: list[str]
) -> None:
    data = tick(settings_of(lookback_days), AT_TWO)

    assert days_of(data) == expected
    newest, *earlier = data.run_requests or []
    assert newest.run_config == {}
    assert [request.run_config for request in earlier] == [REFRESH] * lookback_days
    priorities = [int(request.tags.get("dagster/priority", "0")) for request in data.run_requests or []]
    assert priorities == sorted(priorities, reverse=True)
    assert len(set(priorities)) == len(priorities)


def test_the_same_day_is_refreshed_on_each_of_its_mornings() -> None:
    """Run keys tell ticks apart, so that a repeated tick asks for nothing twice and the next morning's is not lost."""
    first, again = (tick(settings_of(2), AT_TWO) for _ in range(2))
    next_morning = tick(settings_of(2), AT_TWO.replace(day=13))

    keys = [request.run_key for request in first.run_requests or []]
    assert keys == [request.run_key for request in again.run_requests or []]
    assert not set(keys) & {request.run_key for request in next_morning.run_requests or []}


def test_days_before_the_first_partition_are_not_asked_for() -> None:
    assert days_of(tick(settings_of(5, start=date(2024, 1, 10)), AT_TWO)) == ["2024-01-11", "2024-01-10"]

    early = tick(settings_of(5, start=date(2024, 1, 12)), AT_TWO)
    assert days_of(early) == []
    assert "No day has ended since 2024-01-12" in str(early.skip_message)


@pytest.mark.parametrize(
    ("timezone", "at", "newest"),
    [
        ("Europe/Prague", datetime(2024, 3, 31, 3, tzinfo=ZoneInfo("Europe/Prague")), "2024-03-30"),
        ("Europe/Prague", datetime(2024, 10, 28, 2, tzinfo=ZoneInfo("Europe/Prague")), "2024-10-27"),
        ("America/New_York", datetime(2024, 1, 12, 7, tzinfo=UTC), "2024-01-11"),
        ("Asia/Kathmandu", datetime(2024, 1, 11, 20, 15, tzinfo=UTC), "2024-01-11"),
    ],
)
def test_days_are_those_of_the_time_zone(timezone: str, at: datetime, newest: str) -> None:
    data = tick(settings_of(1, timezone=timezone), at)
    assert days_of(data)[0] == newest


def test_the_schedule_runs_at_the_hour_of_the_settings_in_their_zone() -> None:
    settings = Settings(schedule_hour=5, timezone="Europe/Prague", lookback_days=2)
    schedule = build_defs(settings).resolve_schedule_def("daily_schedule")

    assert days_of(tick(settings, datetime(2024, 1, 12, 3, 45, tzinfo=UTC))) == []
    assert days_of(tick(settings, datetime(2024, 1, 12, 4, tzinfo=UTC)))[0] == "2024-01-11"
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0,15,30,45 * * * *", "UTC")
    assert schedule.job_name == "daily"
    assert "at 5:00 Europe/Prague or" in (schedule.description or "")
    assert "refreshes the 2 days before it" in (schedule.description or "")


def run_requests(platform: Platform, at: datetime) -> list[bool]:
    """What the daemon does with a tick, one run after the other."""
    job = platform.defs.resolve_job_def("daily")
    return [
        job.execute_in_process(
            instance=platform.instance,
            partition_key=request.tags["dagster/partition"],
            run_config={**QUIET, **request.run_config},
            raise_on_error=False,
        ).success
        for request in tick(platform.settings, at).run_requests or []
    ]


def test_a_refreshed_day_is_exported_and_scored_again_with_what_changed_since(platform: Platform) -> None:
    patient = with_settings(platform, lookback_days=1)
    assert run_requests(with_settings(platform, lookback_days=0), AT_TWO.replace(day=11)) == [True]
    key = table_key("review")
    earlier = pq.read_table(patient.table(key, "2024-01-10"), partitioning=None)

    assert run_requests(patient, AT_TWO) == [True, True]

    assert platform.vendor.log()["exports"] == 3
    assert platform.metadata(RAW_EXPORT, "2024-01-10")["superseded_exports"] == 1
    assert platform.metadata(RAW_EXPORT, "2024-01-11")["superseded_exports"] == 0
    later = pq.read_table(patient.table(key, "2024-01-10"), partitioning=None)
    assert later.num_rows > 0
    assert not later.equals(earlier), "the vendor's later edits are there"
    events = platform.instance.fetch_materializations(score_key("agent_daily"), limit=9).records
    assert sorted(str(record.partition_key) for record in events) == ["2024-01-10", "2024-01-10", "2024-01-11"]


def test_a_day_that_was_never_landed_is_landed_by_its_refresh(platform: Platform) -> None:
    assert run_requests(with_settings(platform, lookback_days=1, datasets=("agent",)), AT_TWO) == [True, True]

    assert platform.materialized_days(RAW_EXPORT) == ["2024-01-10", "2024-01-11"]
    assert platform.vendor.log()["exports"] == 2


def older_engagements(platform: Platform, day: str) -> int:
    """Engagements in the day's raw file that started before it, counted by the standard library alone."""
    [path] = platform.folder.glob(f"raw/export/date={day}/*/engagements.csv.zst")
    text = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read().decode()
    return sum(row["start_time"][:10] < day for row in csv.DictReader(io.StringIO(text, newline="")))


def observed(platform: Platform, day: str) -> list[object]:
    records = platform.instance.fetch_observations(RAW_EXPORT, limit=9).records
    events = [record.asset_observation for record in records if record.partition_key == day]
    return [event.metadata["engagements_before_window"].value for event in events if event is not None]


def test_each_landing_says_how_many_engagements_older_than_its_window_it_brought(platform: Platform) -> None:
    select = 'key:"raw/export" or key:"tables/engagement"'
    assert platform.materialize_range("2024-01-09", "2024-01-10", select).success

    counts = {day: older_engagements(platform, day) for day in ("2024-01-09", "2024-01-10")}
    assert all(counts.values()), "the simulator's exports bring older rows"
    assert {day: observed(platform, day) for day in counts} == {day: [count] for day, count in counts.items()}
    assert platform.metadata(table_key("engagement"), "2024-01-09")["late_rows"] == counts["2024-01-09"]


def test_an_account_whose_exports_select_by_start_alone_shows_as_zero(platform: Platform) -> None:
    day = "2024-01-09"
    assert platform.materialize(day, 'key:"raw/export"').success

    def drop_older(content: bytes) -> bytes:
        rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(row for row in rows if row["start_time"][:10] >= day)
        return text.getvalue().encode()

    platform.edit_landed(day, "engagements.csv", drop_older)
    assert platform.materialize(day, 'key:"tables/engagement"').success
    assert observed(platform, day) == [0]


def test_the_raw_asset_says_where_the_figure_is_and_what_to_do() -> None:
    spec = build_defs(settings_of(0)).resolve_asset_graph().get(RAW_EXPORT).to_asset_spec()
    assert "engagements_before_window" in (spec.description or "")
    assert "SALTED_LOOKBACK_DAYS" in (spec.description or "")
