"""How long raw files stay: for ever by default; else until their tables are whole and their time is over."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest

from salted_assets.defs.asset_keys import RAW_EXPORT, RAW_RETENTION, table_key
from salted_assets.history import read_requested_at
from salted_assets.landing import Delivery, LandedFile, Manifest, RawFilesPruned
from salted_assets.landing.retention import RawRetention, RetentionReport
from salted_assets.settings import KEY_VARIABLE
from salted_assets.warehouse import Warehouse, WarehouseUnusable
from salted_assets_tests.support.landing_env import DAY, LandingEnv, landing_env
from salted_assets_tests.support.platform import KNOWN_WARNINGS, QUIET, Platform, running_platform, with_settings

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

FIRST, SECOND = "2024-01-09", "2024-01-10"
REFRESH = {"ops": {"raw__export": {"config": {"refresh": True}}}}
TABLES = "group:tables"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("retention"), datasets=("turn", "agent")) as platform:
        assert platform.materialize_range(FIRST, SECOND, f'key:"raw/export" or {TABLES}').success
        yield platform


@pytest.fixture
def platform(prepared: Platform, tmp_path: Path) -> Iterator[Platform]:
    """Two days whose tables are whole, in a warehouse of their own."""
    shutil.copytree(prepared.folder, tmp_path / "warehouse")
    with dg.DagsterInstance.ephemeral() as instance:
        yield with_settings(replace(prepared, instance=instance), warehouse=str(tmp_path / "warehouse"))


def keeping(platform: Platform, days: int) -> Platform:
    return with_settings(platform, raw_retention_days=days)


def age(platform: Platform, *days: str, by: int = 40) -> None:
    """Let what lies there have landed so many days ago."""
    for day in days:
        path = platform.folder / f"raw/export/date={day}/manifest.json"
        manifest = json.loads(path.read_bytes())
        landed_at = (datetime.now(UTC) - timedelta(days=by)).isoformat()
        for delivery in (*manifest["deliveries"], *manifest["superseded"]):
            for file in delivery["files"]:
                file["landed_at"] = landed_at
        path.write_text(json.dumps(manifest))


def raw_files(platform: Platform, day: str) -> list[Path]:
    return sorted(platform.folder.glob(f"raw/export/date={day}/*/*.zst"))


def manifest_of(platform: Platform, day: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((platform.folder / f"raw/export/date={day}/manifest.json").read_bytes())
    return content


def retain(platform: Platform) -> dict[str, Any]:
    """Materialize `raw/retention` by itself, and give its metadata."""
    result = platform.defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=platform.instance, asset_selection=[RAW_RETENTION], raise_on_error=False, run_config=QUIET
    )
    assert result.success
    return shown_metadata(platform)


def shown_metadata(platform: Platform) -> dict[str, Any]:
    event = platform.instance.get_latest_materialization_event(RAW_RETENTION)
    assert event is not None
    assert event.asset_materialization is not None
    return {
        name: [record.data for record in value.records] if isinstance(value, dg.TableMetadataValue) else value.value
        for name, value in event.asset_materialization.metadata.items()
    }


def test_by_default_nothing_ever_goes(platform: Platform) -> None:
    age(platform, FIRST, SECOND, by=10_000)
    before = raw_files(platform, FIRST) + raw_files(platform, SECOND)
    job = platform.defs.resolve_job_def("daily")

    assert job.execute_in_process(instance=platform.instance, partition_key=SECOND, run_config=QUIET).success

    assert platform.settings.raw_retention_days == "never"
    assert RAW_RETENTION not in platform.defs.resolve_asset_graph().get_all_asset_keys()
    assert raw_files(platform, FIRST) + raw_files(platform, SECOND) == before != []


def test_the_daily_job_deletes_what_is_due_after_the_tables_and_says_so(platform: Platform) -> None:
    short = keeping(platform, 30)
    age(short, FIRST)
    size = sum(path.stat().st_size for path in raw_files(short, FIRST))
    job = short.defs.resolve_job_def("daily")

    result = job.execute_in_process(instance=short.instance, partition_key=SECOND, run_config=QUIET)

    assert result.success
    steps = [event.step_key for event in result.all_events if event.is_step_success]
    assert steps[-2:] == ["raw__retention", "failed_partitions"]
    assert raw_files(short, FIRST) == []
    assert len(raw_files(short, SECOND)) == 2
    assert shown_metadata(short) == {
        "days_deleted": 1,
        "files_deleted": 2,
        "deleted_stored_bytes": size,
        "days_held_back": 0,
        "deleted": [{"day": FIRST, "files": 2, "stored_bytes": size}],
    }
    observed = short.instance.fetch_observations(RAW_EXPORT, limit=5).records
    (observation,) = (record.asset_event for record in observed)
    assert observation is not None
    assert observation.partition == FIRST
    assert observation.metadata["raw_files_deleted"].value == 2


def test_the_record_stays_and_the_day_counts_as_landed(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    short = keeping(platform, 30)
    age(short, FIRST)
    before = manifest_of(short, FIRST)
    retain(short)
    after = manifest_of(short, FIRST)
    pruned = [file.pop("pruned_at") for file in after["deliveries"][0]["files"]]
    for file in before["deliveries"][0]["files"]:
        del file["pruned_at"]
    assert after == before
    assert all(abs(datetime.fromisoformat(at) - datetime.now(UTC)) < timedelta(minutes=5) for at in pruned)

    requests = short.vendor.log()
    monkeypatch.delenv(KEY_VARIABLE)
    assert short.materialize(FIRST, 'key:"raw/export"').success
    assert short.vendor.log() == requests
    assert retain(short)["days_deleted"] == 0


def test_a_table_of_a_pruned_day_cannot_be_made_again_and_stays(platform: Platform) -> None:
    short = keeping(platform, 30)
    age(short, FIRST)
    retain(short)
    table = short.table(table_key("turn"), FIRST)
    before = table.read_bytes()

    result = short.materialize(FIRST, 'key:"tables/turn"')

    assert not result.success
    (failure,) = result.filter_events(lambda event: event.is_step_failure)
    said = str(failure.step_failure_data.user_failure_data.description)
    assert f"the raw file of turn of {FIRST} was deleted at 2" in said
    assert "SALTED_RAW_RETENTION_DAYS" in said
    assert "with refresh set, if the vendor still has the day" in said
    assert result.filter_events(lambda event: event.event_type_value == "STEP_UP_FOR_RETRY") == []
    assert table.read_bytes() == before


def test_a_pruned_day_can_be_refreshed(platform: Platform) -> None:
    short = keeping(platform, 30)
    age(short, FIRST)
    retain(short)
    rows = pq.read_metadata(short.table(table_key("turn"), FIRST)).num_rows

    assert short.materialize(FIRST, f'key:"raw/export" or {TABLES}', REFRESH).success

    assert len(raw_files(short, FIRST)) == 2
    assert pq.read_metadata(short.table(table_key("turn"), FIRST)).num_rows == rows
    assert retain(short)["days_deleted"] == 0
    age(short, FIRST)
    assert retain(short)["files_deleted"] == 2
    assert raw_files(short, FIRST) == []


def lose_a_table(platform: Platform) -> None:
    platform.table(table_key("turn"), FIRST).unlink()


def spoil_a_table(platform: Platform) -> None:
    platform.table(table_key("turn"), FIRST).write_bytes(b"no table")


def rewrite_a_table(platform: Platform) -> None:
    path = platform.table(table_key("turn"), FIRST)
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)


def refresh_alone(platform: Platform) -> None:
    assert platform.materialize(FIRST, 'key:"raw/export"', REFRESH).success


def lose_a_dataset(platform: Platform) -> None:
    path = platform.folder / f"raw/export/date={FIRST}/manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["deliveries"][0]["files"] = manifest["deliveries"][0]["files"][:1]
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lose_a_table, "tables/turn is not there"),
        (spoil_a_table, f"tables/turn/date={FIRST}/part-0.parquet is not a whole Parquet file"),
        (rewrite_a_table, "tables/turn is not there"),
        (
            refresh_alone,
            "tables/agent was made from an earlier delivery; tables/turn was made from an earlier delivery",
        ),
        (lose_a_dataset, "the vendor gave no file for "),
    ],
)
def test_a_day_whose_tables_are_not_whole_is_held_back(platform: Platform, spoil: Any, why: str) -> None:
    short = keeping(platform, 30)
    spoil(short)
    age(short, FIRST, SECOND)
    before = raw_files(short, FIRST)

    found = retain(short)

    assert raw_files(short, FIRST) == before != []
    assert raw_files(short, SECOND) == []
    assert (found["days_deleted"], found["days_held_back"]) == (1, 1)
    (waiting,) = found["held_back"]
    assert waiting["day"] == FIRST
    assert waiting["why"].startswith(why)


def test_a_dataset_that_is_configured_and_was_never_landed_holds_back(platform: Platform) -> None:
    age(platform, FIRST, SECOND)
    wider = with_settings(platform, raw_retention_days=30, datasets=("engagement", "turn", "agent"))
    found = retain(wider)
    assert (found["days_deleted"], found["days_held_back"]) == (0, 2)
    assert {record["why"] for record in found["held_back"]} == {"raw/export of the day is not complete"}


def test_a_dataset_that_was_delivered_and_has_no_table_holds_back(platform: Platform) -> None:
    age(platform, FIRST)
    lose_a_table(platform)
    narrower = with_settings(platform, raw_retention_days=30, datasets=("agent",))
    assert retain(narrower)["held_back"] == [
        {"day": FIRST, "why": "tables/turn is not there, or was changed by another program"}
    ]


def test_a_day_that_is_being_landed_waits(platform: Platform) -> None:
    short = keeping(platform, 30)
    age(short, FIRST)
    with Warehouse(short.settings.warehouse).lock(f"export-{FIRST}"):
        (waiting,) = retain(short)["held_back"]
    assert "is being landed by another run" in waiting["why"]
    assert retain(short)["days_deleted"] == 1


def test_a_broken_manifest_keeps_nobody_elses_files(platform: Platform) -> None:
    short = keeping(platform, 30)
    age(short, FIRST, SECOND)
    (short.folder / f"raw/export/date={FIRST}/manifest.json").write_text("{}")
    found = retain(short)
    assert [record["day"] for record in found["deleted"]] == [SECOND]
    assert "manifest.json is no manifest" in found["held_back"][0]["why"]


def test_superseded_files_go_by_their_own_age(platform: Platform) -> None:
    short = keeping(platform, 30)
    age(short, FIRST)
    assert short.materialize(FIRST, f'key:"raw/export" or {TABLES}', REFRESH).success
    assert len(raw_files(short, FIRST)) == 4

    assert retain(short)["files_deleted"] == 2

    manifest = manifest_of(short, FIRST)
    assert all(file["pruned_at"] for file in manifest["superseded"][0]["files"])
    assert not any(file["pruned_at"] for file in manifest["deliveries"][0]["files"])
    assert short.materialize(FIRST, TABLES).success


class Sticky(Warehouse):
    """A warehouse that refuses to delete raw files after the first."""

    deletions_left = 1

    def delete(self, path: str) -> None:
        if path.endswith(".zst"):
            if not self.deletions_left:
                raise WarehouseUnusable("no right to delete")
            self.deletions_left -= 1
        super().delete(path)


@pytest.fixture
def env(tmp_path: Path) -> Iterator[LandingEnv]:
    with landing_env(tmp_path) as built:
        yield built


def prune(env: LandingEnv, warehouse: Warehouse | None = None) -> RetentionReport:
    opened = warehouse or env.warehouse
    return RawRetention(
        opened, env.landing(warehouse=opened), ["agent", "turn"], 30, partial(read_requested_at, opened)
    ).prune()


def test_a_run_that_is_cut_off_is_made_good_by_the_next(env: LandingEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    env.land("agent", "turn")
    env.time.seconds += 31 * 86_400
    monkeypatch.setattr(RawRetention, "_find_missing", lambda *_: "")
    with pytest.raises(WarehouseUnusable):
        prune(env, Sticky(env.warehouse.uri))

    with pytest.raises(RawFilesPruned):
        env.landing().files_of(DAY, "turn")
    ((day, left),) = env.landing().list_raw_files().items()
    assert (day, len(left)) == (DAY, 1)
    first = env.landing().find_manifest(DAY)

    env.time.seconds += 86_400
    report = prune(env)
    assert {day: [file.path for file in files] for day, files in report.pruned.items()} == {DAY: list(left)}
    assert env.landing().list_raw_files() == {}
    assert env.landing().find_manifest(DAY) == first


@pytest.mark.parametrize(("days", "deleted"), [(29, {}), (30, {}), (30.001, {DAY: 2})])
def test_the_days_are_counted_from_the_landing(
    env: LandingEnv, monkeypatch: pytest.MonkeyPatch, days: float, deleted: dict[object, int]
) -> None:
    env.land("agent", "turn")
    monkeypatch.setattr(RawRetention, "_find_missing", lambda *_: "")
    env.time.seconds = days * 86_400
    assert {day: len(files) for day, files in prune(env).pruned.items()} == deleted


def test_a_path_that_is_landed_again_is_kept_for_its_newest_file() -> None:
    old = LandedFile("turn", "turns.csv", "raw/a/turns.csv.zst", 1, 2, 3, "0", ("pid",), "2024-02-01T00:00:00Z")
    new = replace(old, landed_at="2024-06-01T00:00:00Z")
    first = Delivery("a", "2024-01-31T00:00:00Z", "2024-02-01T00:00:00Z", ("turn",), "2024-02-01T00:00:00Z", (old,))
    manifest = Manifest(DAY, simulated=True, superseded=(first,), deliveries=(replace(first, files=(new,)),))
    march, july = datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 7, 1, tzinfo=UTC)

    assert manifest.list_landed_before(march) == []
    assert manifest.list_landed_before(july) == [old, new]
    pruned = manifest.with_pruned({old.path}, "2024-07-01T00:00:00Z")
    assert pruned.list_landed_before(july) == []
    assert len(pruned.list_pruned()) == 2
    again = replace(pruned, deliveries=manifest.deliveries)
    assert again.list_pruned() == []
