"""What the restatement sensor asks for, tick by tick, on files that look as if runs had made them."""

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill  # what the UI's backfills are kept as
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.test_utils import create_run_for_test  # a run in any state, without executing it

from salted_assets.defs.asset_keys import score_key, table_key
from salted_assets.defs.partitions import RANGE_END, RANGE_START
from salted_assets.history import FooterCache
from salted_assets.history.restatement import Staleness, find_stale_days
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse
from salted_assets_tests.support.platform import KNOWN_WARNINGS
from salted_assets_tests.support.restating_daemon import NOON, TOY, Daemon, Files, build_sleeping_defs, describe

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

DAYS = [date(2024, 1, number) for number in range(1, 32)]
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        api_url="https://api.example.test",
        warehouse=str(tmp_path_factory.mktemp("sleeping") / "warehouse"),
        start_date=date(2024, 1, 1),
        datasets=("engagement", "review"),
        partitions_per_run=7,
    )


@pytest.fixture(scope="module")
def defs(settings: Settings) -> dg.Definitions:
    """Built once, for that takes longer than a test."""
    return build_sleeping_defs(settings)


@pytest.fixture
def platform(settings: Settings, defs: dg.Definitions) -> Iterator[tuple[Daemon, Files]]:
    """An empty warehouse, an instance without runs, and a code location that has just started."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield Daemon(settings, defs, instance), Files(defs, Warehouse(settings.warehouse))
    shutil.rmtree(settings.warehouse, ignore_errors=True)


def asked(daemon: Daemon, after: timedelta = timedelta(minutes=1)) -> list[str]:
    return [describe(request) for request in daemon.tick(after)]


def write_settled(files: Files, *days: date) -> None:
    """Days that are up to date in every respect."""
    files.write_tables(*days)
    files.write_scores(*days)
    files.write_windows(*days)


def put_run(
    daemon: Daemon, tags: dict[str, str], *keys: dg.AssetKey, status: str = "QUEUED", job: str = "restate_scores"
) -> None:
    """A run in the given state, of some assets or of the whole job."""
    origin = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("ours"), "__repository__")
    create_run_for_test(
        daemon.instance,
        job_name=job,
        status=dg.DagsterRunStatus[status],
        tags=tags,
        asset_selection=frozenset(keys) or None,
        remote_job_origin=RemoteJobOrigin(origin, job),
    )


def days_from(first: date, last: date) -> dict[str, str]:
    return {RANGE_START: str(first), RANGE_END: str(last)}


def test_nothing_is_asked_for_where_everything_is_up_to_date(platform: tuple[Daemon, Files]) -> None:
    daemon, files = platform
    assert asked(daemon) == []
    write_settled(files, *DAYS[:9])
    assert asked(daemon) == []
    assert asked(daemon) == []


def test_exactly_the_touched_days_are_asked_for_as_ranges_of_the_daily_scores(platform: tuple[Daemon, Files]) -> None:
    daemon, files = platform
    write_settled(files, *DAYS[:20])
    files.write_tables(DAYS[20], touching=[DAYS[3], DAYS[4], DAYS[9]])
    files.write_scores(DAYS[20])
    requests = daemon.tick()
    assert [describe(each) for each in requests] == ["daily 2024-01-10..2024-01-10", "daily 2024-01-04..2024-01-05"]
    assert {each.job_name for each in requests} == {"restate_scores"}
    assert {frozenset(each.asset_selection or ()) for each in requests} == {frozenset(files.scores.daily)}
    assert score_key("engagement") in files.scores.daily
    assert TOY not in files.scores.daily


def test_what_was_written_is_not_asked_for_again_and_then_its_windows_are_asked_for_in_one_run(
    platform: tuple[Daemon, Files],
) -> None:
    daemon, files = platform
    write_settled(files, *DAYS[:20])
    files.write_tables(DAYS[20], touching=[DAYS[16]])
    files.write_scores(DAYS[20])
    files.write_windows(DAYS[20])
    assert asked(daemon) == ["daily 2024-01-17..2024-01-17"]
    files.write_scores(DAYS[16])
    requests = daemon.tick()
    assert [describe(each) for each in requests] == ["windowed 2024-01-17..2024-01-21"]
    assert list(requests[0].asset_selection or ()) == [TOY]
    files.write_windows(*DAYS[16:21])
    assert asked(daemon) == []


def test_windows_of_the_newest_days_alone_are_made_again_and_the_others_are_reported_once(
    platform: tuple[Daemon, Files], settings: Settings
) -> None:
    files = platform[1]
    daemon = Daemon(settings.model_copy(update={"restate_windowed_days": 2}), platform[0].defs, platform[0].instance)
    write_settled(files, *DAYS[:12])
    files.write_scores(DAYS[8])
    assert asked(daemon) == ["windowed 2024-01-11..2024-01-12"]
    assert [event.partition for event in daemon.observed] == ["2024-01-09", "2024-01-10"]
    because = [str(event.metadata["out_of_date_because_of"].value) for event in daemon.observed]
    assert because == ["scores/agent_daily 2024-01-03..2024-01-09", "scores/agent_daily 2024-01-04..2024-01-10"]
    (restated_at,) = {event.metadata["inputs_restated_at"].value for event in daemon.observed}
    score = FooterCache(files.warehouse, "UTC").partition(("scores", "agent_daily"), DAYS[8])
    assert score is not None
    assert score.footer.scored_at is not None
    assert restated_at == score.footer.scored_at.timestamp()
    assert "salted restate 2024-01-09 2024-01-09" in str(daemon.observed[0].metadata["what_to_do"].value)
    asked(daemon)
    assert daemon.observed == []
    files.write_scores(DAYS[3])
    daemon.tick(2 * HOUR)
    assert [event.partition for event in daemon.observed] == [str(day) for day in DAYS[3:8]]


def test_a_damaged_table_is_named_as_long_as_it_is_there(platform: tuple[Daemon, Files]) -> None:
    daemon, files = platform
    write_settled(files, *DAYS[:3])
    path = files.warehouse.table_path(("tables", "review"), DAYS[3])
    files.warehouse.write_bytes(path, b"no table")
    for _ in range(2):
        assert asked(daemon) == []
        assert daemon.said is not None
        assert path in daemon.said
    files.warehouse.delete(path)
    assert asked(daemon) == []
    assert "damaged" not in str(daemon.said)


def test_no_window_is_made_while_days_behind_it_are_asked_for(platform: tuple[Daemon, Files]) -> None:
    daemon, files = platform
    write_settled(files, *DAYS[:9])
    files.write_scores(DAYS[5])
    files.write_tables(DAYS[9], touching=[DAYS[4]])
    put_run(daemon, days_from(DAYS[4], DAYS[4]), *files.scores.daily)
    assert asked(daemon) == ["daily 2024-01-10..2024-01-10"]
    files.write_scores(DAYS[9])
    assert asked(daemon) == []


@pytest.mark.parametrize("status", ["QUEUED", "STARTING", "STARTED"])
def test_a_day_that_a_run_is_going_to_write_is_left_to_it(platform: tuple[Daemon, Files], status: str) -> None:
    daemon, files = platform
    files.write_tables(*DAYS[:4])
    put_run(daemon, days_from(DAYS[0], DAYS[1]), score_key("engagement"), table_key("turn"), status=status)
    assert asked(daemon) == ["daily 2024-01-03..2024-01-04"]
    assert daemon.said is None


def test_a_run_of_a_single_partition_and_of_a_whole_job_counts_too(platform: tuple[Daemon, Files]) -> None:
    daemon, files = platform
    files.write_tables(*DAYS[:2])
    put_run(daemon, {"dagster/partition": "2024-01-02"}, job="daily")
    assert asked(daemon) == ["daily 2024-01-01..2024-01-01"]


@pytest.mark.parametrize("status", ["SUCCESS", "FAILURE", "CANCELED"])
def test_runs_that_have_ended_keep_nobody(platform: tuple[Daemon, Files], status: str) -> None:
    daemon, files = platform
    files.write_tables(DAYS[0])
    put_run(daemon, days_from(DAYS[0], DAYS[0]), status=status)
    assert asked(daemon) == ["daily 2024-01-01..2024-01-01"]


def test_runs_that_write_something_else_keep_nobody(platform: tuple[Daemon, Files]) -> None:
    daemon, files = platform
    files.write_tables(DAYS[0])
    put_run(daemon, days_from(DAYS[0], DAYS[0]), dg.AssetKey(["raw", "export"]), TOY)
    put_run(daemon, days_from(DAYS[1], DAYS[5]))
    put_run(daemon, {}, job="contact_export")
    put_run(daemon, {"dagster/partition": "2024-01-01"}, job="gone")
    assert asked(daemon) == ["daily 2024-01-01..2024-01-01"]


def test_a_run_that_was_killed_unnoticed_keeps_nobody_for_ever(platform: tuple[Daemon, Files]) -> None:
    daemon, files = platform
    daemon.now = datetime.now(UTC)
    files.write_tables(DAYS[0])
    put_run(daemon, days_from(DAYS[0], DAYS[0]), status="STARTED")
    assert asked(daemon) == []
    assert asked(daemon, 25 * HOUR) == ["daily 2024-01-01..2024-01-01"]


# Dagster's own code, when it plans a backfill
@pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources` is deprecated:DeprecationWarning")
def test_days_that_a_backfill_has_not_come_to_are_left_to_it(platform: tuple[Daemon, Files]) -> None:
    daemon, files = platform
    files.write_tables(*DAYS[:4])
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id="b",
        asset_graph=daemon.defs.resolve_asset_graph(),
        partition_names=[str(day) for day in DAYS[1:3]],
        asset_selection=[score_key("engagement")],
        backfill_timestamp=NOON.timestamp(),
        tags={},
        dynamic_partitions_store=daemon.instance,
        all_partitions=False,
        title=None,
        description=None,
        run_config=None,
    )
    daemon.instance.add_backfill(backfill)
    assert asked(daemon) == ["daily 2024-01-04..2024-01-04", "daily 2024-01-01..2024-01-01"]
    daemon.instance.update_backfill(backfill._replace(status=BulkActionStatus.COMPLETED_FAILED))
    assert asked(daemon) == ["daily 2024-01-02..2024-01-03"]


def test_a_bounded_number_of_days_is_in_progress_at_a_time_the_newest_first(platform: tuple[Daemon, Files]) -> None:
    daemon, files = platform
    files.write_tables(*DAYS)
    first = ["25..2024-01-31", "18..2024-01-24", "11..2024-01-17", "04..2024-01-10"]
    assert asked(daemon) == [f"daily 2024-01-{each}" for each in first]
    put_run(daemon, days_from(DAYS[3], DAYS[30]), *files.scores.daily)
    assert asked(daemon) == []
    assert daemon.said is not None
    assert "31 days wait" in daemon.said
    files.write_scores(*DAYS[3:])
    daemon.instance.delete_run(daemon.instance.get_runs()[0].run_id)
    assert asked(daemon)[0] == "daily 2024-01-01..2024-01-03"


def test_a_day_that_always_fails_is_asked_for_four_times_and_newer_input_asks_again(
    platform: tuple[Daemon, Files],
) -> None:
    daemon, files = platform
    files.write_tables(DAYS[0])
    waits = [timedelta(minutes=1), timedelta(minutes=9), timedelta(minutes=1), 2 * HOUR, 24 * HOUR, 24 * HOUR]
    times = [len(asked(daemon, wait)) for wait in waits]
    assert times == [1, 0, 1, 1, 1, 0]
    assert daemon.said is not None
    assert "1 failed too often" in daemon.said
    files.write_tables(DAYS[0])
    assert asked(daemon, 2 * HOUR) == ["daily 2024-01-01..2024-01-01"]


def test_a_cursor_of_another_version_is_begun_again_and_asks_for_nothing_twice(platform: tuple[Daemon, Files]) -> None:
    daemon, files = platform
    files.write_tables(DAYS[0])
    assert asked(daemon) == ["daily 2024-01-01..2024-01-01"]
    daemon.cursor = "of another version"
    assert asked(daemon) == [], "its run key was launched before"


def test_start_days_without_tables_are_counted_and_not_asked_for(platform: tuple[Daemon, Files]) -> None:
    daemon, files = platform
    write_settled(files, DAYS[20])
    files.write_tables(DAYS[21], touching=[DAYS[20], DAYS[3], date(2023, 12, 24)])
    files.write_scores(DAYS[20], DAYS[21])
    files.write_windows(DAYS[20], DAYS[21])
    assert asked(daemon) == []
    assert daemon.said is not None
    assert "2 start days that newer rows concern have no tables of their own" in daemon.said


def test_once_all_is_settled_a_tick_looks_at_nothing_until_something_was_written(
    platform: tuple[Daemon, Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon, files = platform
    write_settled(files, DAYS[0])
    looked: list[int] = []

    def count(*given: Any) -> Staleness:
        looked.append(1)
        return find_stale_days(*given)

    monkeypatch.setattr("salted_assets.defs.restatement.sensor.find_stale_days", count)
    for _ in range(3):
        assert asked(daemon) == []
    assert len(looked) == 1
    daemon.instance.report_runless_asset_event(dg.AssetMaterialization(table_key("review"), partition="2024-01-01"))
    asked(daemon)
    asked(daemon)
    assert len(looked) == 2
    asked(daemon, HOUR)
    assert len(looked) == 3, "once an hour it looks all the same: another program may have written"


def test_a_folder_of_no_day_is_said_in_a_sentence_and_all_else_goes_on(
    platform: tuple[Daemon, Files],
) -> None:
    daemon, files = platform
    files.write_tables(*DAYS[:2])
    windows, tables = (f"{name}/date=2024-02-31/part-0.parquet" for name in ("/".join(TOY.path), "tables/review"))
    for foreign in (windows, tables):
        files.warehouse.write_bytes(foreign, b"")
    assert asked(daemon) == ["daily 2024-01-01..2024-01-02"]
    files.write_scores(*DAYS[:2])
    assert asked(daemon) == ["windowed 2024-01-01..2024-01-02"]
    files.write_windows(*DAYS[:2])
    assert asked(daemon) == []
    said = "2 files or folders are damaged, and what needs them is not asked for"
    assert f"{said}: {tables} is in a folder that names no day as YYYY-MM-DD" in str(daemon.said)
