"""What becomes of superseded deliveries: kept by default, pruned when asked, on record either way."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from salted_assets.defs.asset_keys import RAW_EXPORT
from salted_assets.landing import Delivery, LandedFile, Manifest
from salted_assets.settings import DATASETS, Settings
from salted_assets.simulator import Faults
from salted_assets.warehouse import Warehouse, WarehouseUnusable
from salted_assets_tests.support.landing_env import DAY, LandingEnv, landing_env
from salted_assets_tests.support.platform import KNOWN_WARNINGS, build_defs, running_platform, with_settings

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

LONG_DAY = date(2024, 10, 27)
"""Clocks go back in Prague: 25 hours, two exports."""


@pytest.fixture
def env(tmp_path: Path) -> Iterator[LandingEnv]:
    with landing_env(tmp_path) as built:
        yield built


def land(
    env: LandingEnv, *datasets: str, keep: int | None = None, refresh: bool = True, day: date = DAY, **changes: object
) -> Manifest:
    return env.landing(keep_superseded=keep, **changes).land(day, datasets or DATASETS, refresh=refresh)


def on_disk(env: LandingEnv, day: date = DAY) -> set[str]:
    return {path for path in env.warehouse.list_files(f"raw/export/date={day}") if path.endswith(".zst")}


def paths_of(*deliveries: Delivery) -> set[str]:
    return {file.path for delivery in deliveries for file in delivery.files}


def pruned_paths(manifest: Manifest) -> set[str]:
    return {file.path for delivery in manifest.superseded for file in delivery.files if file.pruned_at}


def check_record(env: LandingEnv, manifest: Manifest) -> None:
    """The record tells the truth: what it calls pruned is gone, all else is there and as it was."""
    assert env.landing().find_manifest(manifest.day) == manifest
    everything = paths_of(*manifest.deliveries, *manifest.superseded)
    assert on_disk(env, manifest.day) == everything - pruned_paths(manifest)
    for delivery in (*manifest.deliveries, *manifest.superseded):
        for file in delivery.files:
            if file.pruned_at is None:
                env.read(file)
    for delivery in manifest.deliveries:
        env.check(delivery)


def test_by_default_every_delivery_stays(env: LandingEnv) -> None:
    for _ in range(3):
        manifest = land(env)

    assert len(manifest.superseded) == 2
    assert pruned_paths(manifest) == set()
    check_record(env, manifest)


@pytest.mark.parametrize("keep", [0, 1, 2])
def test_the_newest_superseded_deliveries_stay_and_the_record_keeps_them_all(env: LandingEnv, keep: int) -> None:
    for _ in range(4):
        manifest = land(env, keep=keep)

    assert len(manifest.superseded) == 3
    gone = manifest.superseded[: 3 - keep]
    assert pruned_paths(manifest) == paths_of(*gone)
    check_record(env, manifest)
    assert all(file.pruned_at == "2024-06-01T00:00:00Z" for delivery in gone for file in delivery.files)
    folders = {path.name for path in Path(env.warehouse.uri, f"raw/export/date={DAY}").iterdir() if path.is_dir()}
    assert folders == {delivery.export_id for delivery in (*manifest.superseded[3 - keep :], *manifest.deliveries)}


def test_the_stored_record_names_what_was_pruned(env: LandingEnv) -> None:
    land(env)
    land(env, keep=0)

    stored = json.loads(env.warehouse.read_bytes(f"raw/export/date={DAY}/manifest.json"))
    [superseded] = stored["superseded"]
    assert {file["pruned_at"] for file in superseded["files"]} == {"2024-06-01T00:00:00Z"}
    assert all(file["sha256"] and file["row_count"] >= 0 and file["header"] for file in superseded["files"])
    [in_force] = stored["deliveries"]
    assert {file["pruned_at"] for file in in_force["files"]} == {None}


def test_records_from_before_retention_are_read(env: LandingEnv) -> None:
    manifest = land(env)
    path = f"raw/export/date={DAY}/manifest.json"
    stored = json.loads(env.warehouse.read_bytes(path))
    for file in stored["deliveries"][0]["files"]:
        del file["pruned_at"]
    env.warehouse.write_bytes(path, json.dumps(stored).encode())

    assert env.landing().find_manifest(DAY) == manifest


def test_both_windows_of_a_long_day_keep_their_own(tmp_path: Path) -> None:
    with landing_env(tmp_path, zone="Europe/Prague") as env:
        env.time.seconds = 86_400.0 * 300
        for _ in range(3):
            manifest = land(env, "turn", keep=1, day=LONG_DAY)

        assert len(manifest.superseded) == 4
        assert pruned_paths(manifest) == paths_of(*manifest.superseded[:2])
        check_record(env, manifest)


def test_each_dataset_keeps_its_own_versions(env: LandingEnv) -> None:
    """Datasets wanted later come by an export of their own; a refresh then supersedes two deliveries at once."""
    land(env, "turn", refresh=False)
    land(env, "turn", "agent", refresh=False)
    manifest = land(env, "turn", "agent", keep=1)
    assert len(manifest.superseded) == 2
    assert pruned_paths(manifest) == set()

    manifest = land(env, "turn", "agent", keep=1)
    assert [file.dataset for delivery in manifest.superseded for file in delivery.files if file.pruned_at] == [
        "turn",
        "agent",
    ]
    check_record(env, manifest)


def test_a_dataset_that_was_not_delivered_counts_for_nothing(env: LandingEnv) -> None:
    land(env, "turn", "agent")
    env.simulator.set_faults(Faults(missing_addresses=("turn",)))
    land(env, "turn", "agent", keep=1)
    env.simulator.set_faults(Faults())
    manifest = land(env, "turn", "agent", keep=1)

    assert [file.dataset for delivery in manifest.superseded for file in delivery.files if file.pruned_at] == ["agent"]
    check_record(env, manifest)


def test_a_lower_setting_is_carried_out_at_the_next_run_of_the_day_without_a_request(env: LandingEnv) -> None:
    for _ in range(3):
        land(env)
    before = env.request_count
    manifest = land(env, keep=0, refresh=False)

    assert pruned_paths(manifest) == paths_of(*manifest.superseded)
    assert env.request_count == before
    check_record(env, manifest)
    assert land(env, keep=0, refresh=False) == manifest


def test_a_higher_setting_brings_nothing_back_and_forgets_nothing(env: LandingEnv) -> None:
    for keep in (0, 0, 2, 2):
        manifest = land(env, keep=keep)

    assert pruned_paths(manifest) == paths_of(*manifest.superseded[:1])
    check_record(env, manifest)


class WatchedWarehouse(Warehouse):
    """A warehouse that keeps a list of what was written and deleted, and may refuse to delete."""

    def __init__(self, address: str, *, deletions: int = 99) -> None:
        super().__init__(address, simulated=True)
        self.events: list[str] = []
        self.deletions_left = deletions

    def write_bytes(self, path: str, data: bytes) -> None:
        super().write_bytes(path, data)
        self.events.append(f"write {path.rpartition('/')[2]}")

    def delete(self, path: str) -> None:
        if path.endswith(".zst"):
            if not self.deletions_left:
                raise WarehouseUnusable("no right to delete")
            self.deletions_left -= 1
            self.events.append("delete file")
        super().delete(path)


def test_nothing_is_deleted_before_the_new_manifest_is_in_force(env: LandingEnv) -> None:
    land(env, "turn", "agent")
    watched = WatchedWarehouse(env.warehouse.uri)
    land(env, "turn", "agent", keep=0, warehouse=watched)

    after_pending = [event for event in watched.events if event != "write tickets.json"]
    assert after_pending == ["write manifest.json", "delete file", "delete file", "write manifest.json"]


def test_a_run_that_is_cut_off_while_pruning_is_mended_by_the_next(env: LandingEnv) -> None:
    land(env)
    with pytest.raises(WarehouseUnusable):
        land(env, keep=0, warehouse=WatchedWarehouse(env.warehouse.uri, deletions=2))

    manifest = env.landing().find_manifest(DAY)
    assert manifest is not None
    assert manifest.deliveries[0].export_id == env.history()[0], "the refresh is in force"
    env.check(manifest.deliveries[0])
    assert pruned_paths(manifest) == set()
    assert len(on_disk(env)) == 5 + 3

    check_record(env, land(env, keep=0, refresh=False))
    assert len(on_disk(env)) == 5
    assert env.export_count == 2


def test_a_file_in_force_is_never_pruned() -> None:
    file = LandedFile("turn", "turns.csv", "raw/export/a/turns.csv.zst", 1, 2, 3, "0", ("pid",), "2024-06-01T00:00:00Z")
    delivery = Delivery("a", "2024-01-31T00:00:00Z", "2024-02-01T00:00:00Z", ("turn",), "2024-06-01T00:00:00Z", (file,))

    assert Manifest(DAY, simulated=True, superseded=(delivery,)).list_beyond(0) == {file.path}
    assert Manifest(DAY, simulated=True, deliveries=(delivery,), superseded=(delivery,)).list_beyond(0) == set()


@pytest.mark.parametrize(("text", "expected"), [("", None), ("all", None), ("0", 0), ("3", 3)])
def test_the_setting_reaches_the_landing(text: str, expected: int | None) -> None:
    settings = Settings.load({"SALTED_KEEP_SUPERSEDED": text})
    resource = (build_defs(settings).resources or {})["salted_export"]
    assert resource.keep_superseded == expected


def test_a_refresh_through_the_platform_prunes(tmp_path: Path) -> None:
    refresh = {"ops": {"raw__export": {"config": {"refresh": True}}}}
    with running_platform(tmp_path) as platform:
        frugal = with_settings(platform, keep_superseded=0)
        assert frugal.materialize("2024-01-09", 'key:"raw/export"').success
        assert frugal.materialize("2024-01-09", 'key:"raw/export"', refresh).success

        metadata = platform.metadata(RAW_EXPORT, "2024-01-09")
        assert metadata["superseded_exports"] == 1
        [kept] = {path.parent.name for path in platform.folder.glob("raw/export/date=2024-01-09/*/*.zst")}
        assert kept == metadata["export_ids"]
