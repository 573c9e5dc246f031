"""Several accounts in one instance: each with its own keys, pool and files, and neither in the other's way."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from salted_assets.cli.backfill import Backfill
from salted_assets.defs.asset_keys import account_key, in_account, local_path, pool_of, sibling_key
from salted_assets.settings import Settings, SettingsError
from salted_assets.simulator import Faults, Refusal
from salted_assets_tests.support.platform import KNOWN_WARNINGS, Platform, build_defs, running_platform, with_settings

pytestmark = [pytest.mark.slow, *KNOWN_WARNINGS]

DAY = "2024-01-09"
CHAIN = 'key:"*raw/export" or group:"tables" or key:"*scores/engagement"'


PATHS = [("raw", "export"), ("tables", "agent"), ("tables", "engagement"), ("scores", "engagement")]


@pytest.fixture
def platforms(tmp_path: Path) -> Iterator[dict[str, Platform]]:
    """Two accounts with a vendor each, in one instance, given one and the same warehouse."""
    with running_account(tmp_path, "north") as north, running_account(tmp_path, "south") as south:
        yield {"north": north, "south": replace(south, instance=north.instance)}


@contextmanager
def running_account(folder: Path, account: str) -> Iterator[Platform]:
    with running_platform(folder / account, account=account) as platform:
        path = Settings.load(
            {"SALTED_API_URL": platform.vendor.url, "SALTED_START_DATE": "2024-01-01", "SALTED_ACCOUNT": account}
            | {"SALTED_WAREHOUSE": str(folder / "warehouse")}
        ).warehouse
        settings = platform.settings.model_copy(update={"warehouse": path, "datasets": ("engagement", "agent")})
        yield replace(platform, settings=settings, defs=build_defs(settings))


def jobs_of(platform: Platform) -> dict[str, list[str]]:
    """The assets of each job, without their account."""
    repository = platform.defs.get_repository_def()
    jobs = {name: repository.get_job(name) for name in repository.job_names if name != "__ASSET_JOB"}
    return {
        name: sorted("/".join(key.path[-2:]) for key in job.asset_layer.executable_asset_keys)
        for name, job in jobs.items()
    }


def without_account(keys: Iterable[dg.AssetKey]) -> set[str]:
    return {"/".join(key.path[1:]) for key in keys}


def test_every_asset_and_check_is_behind_the_name_of_its_account(platforms: dict[str, Platform]) -> None:
    plain = build_defs(platforms["north"].settings.model_copy(update={"account": ""})).resolve_asset_graph()
    expected = {key.to_user_string() for key in plain.get_all_asset_keys()}
    for account, platform in platforms.items():
        graph = platform.defs.resolve_asset_graph()
        keys = graph.get_all_asset_keys()
        assert {key.path[0] for key in keys} == {account}
        assert without_account(keys) == expected
        assert {key.asset_key.path[0] for key in graph.asset_check_keys} == {account}
        for key in keys:
            assert {parent.path[0] for parent in graph.get(key).parent_keys} <= {account}
            assert (graph.get(key).pools or set()) <= {f"salted_api_{account}"}
        assert graph.get(account_key(("raw", "export"), account)).pools == {f"salted_api_{account}"}
        contact_export = platform.defs.resolve_job_def("contact_export")
        assert [node.definition.pools for node in contact_export.nodes] == [{f"salted_api_{account}"}]


def test_every_job_takes_the_same_assets_as_without_an_account(platforms: dict[str, Platform]) -> None:
    north, south = platforms.values()
    plain = with_settings(north, account="")

    assert jobs_of(north) == jobs_of(south) == jobs_of(plain)
    assert len(jobs_of(plain)["daily"]) > len(jobs_of(plain)["restate_scores"]) > 0


def test_the_days_of_one_account_are_not_those_of_the_other(platforms: dict[str, Platform], tmp_path: Path) -> None:
    north, south = platforms.values()
    assert north.materialize(DAY, CHAIN).success
    assert south.vendor.log()["exports"] == 0
    assert all(not south.materialized_days(account_key(path, "south")) for path in PATHS)

    assert south.materialize_range(DAY, "2024-01-10", CHAIN).success
    assert (north.vendor.log()["exports"], south.vendor.log()["exports"]) == (1, 2)
    for path in PATHS:
        assert north.materialized_days(account_key(path, "north")) == [DAY]
        assert south.materialized_days(account_key(path, "south")) == [DAY, "2024-01-10"]
    assert {path.name for path in (tmp_path / "warehouse").iterdir()} == {"north", "south"}
    assert files_of(north) == {path for path in files_of(south) if "2024-01-10" not in path}


def files_of(platform: Platform) -> set[str]:
    """The tables and scores that are there."""
    return {path.relative_to(platform.folder).as_posix() for path in platform.folder.rglob("*.parquet")}


def test_what_the_ui_marks_is_marked_on_the_accounts_own_assets(platforms: dict[str, Platform]) -> None:
    north = platforms["north"]
    assert north.materialize_range(DAY, DAY, 'key:"*raw/export" or group:"tables"').success
    table = account_key(("tables", "engagement"), "north")
    assert north.metadata(table, DAY)["dagster/partition_row_count"] > 0
    assert north.metadata(account_key(("raw", "export"), "north"), DAY)["dagster/partition_row_count"] > 0
    checks = north.instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(table, "key"), 10)
    assert DAY in {check.partition for check in checks}
    observed = north.instance.fetch_observations(account_key(("raw", "export"), "north"), limit=10).records
    assert observed
    assert {key.path[0] for key in north.instance.all_asset_keys()} == {"north"}


def test_a_day_is_compared_with_those_of_its_own_account(platforms: dict[str, Platform]) -> None:
    north = platforms["north"]
    for day in ("2024-01-02", DAY):
        assert north.materialize_range(day, day, 'key:"*raw/export" or key:"*tables/agent"').success
    key = dg.AssetCheckKey(account_key(("tables", "agent"), "north"), "volume")
    checks = north.instance.event_log_storage.get_asset_check_execution_history(key, 10)
    (evaluation,) = (check.evaluation for check in checks if check.partition == DAY)
    assert evaluation is not None
    assert evaluation.metadata["days_compared"].value == 1


def test_what_is_out_of_date_is_asked_for_by_the_accounts_own_keys(platforms: dict[str, Platform]) -> None:
    north, south = platforms.values()
    for platform in (north, south):
        assert platform.materialize_range(DAY, DAY, 'key:"*raw/export" or group:"tables"').success
    assert {key.path[0] for key in asked_for(north)} == {"north"}
    assert {key.path[0] for key in asked_for(south)} == {"south"}


def test_a_day_that_landed_in_a_failed_run_is_parsed(platforms: dict[str, Platform]) -> None:
    north = platforms["north"]
    assert north.materialize(DAY, select='key:"north/raw/export"').success
    north.vendor.set_faults(Faults(refusals=(Refusal(on="post", status=400, times=100),)))
    assert not north.materialize_range(DAY, "2024-01-10", CHAIN).success

    assert [request.job_name for request in requests_of(north)] == ["reparse"]


def asked_for(platform: Platform) -> list[dg.AssetKey]:
    return [key for request in requests_of(platform) for key in request.asset_selection or []]


def requests_of(platform: Platform) -> list[dg.RunRequest]:
    """What the restatement sensor asks for."""
    sensor = platform.defs.resolve_sensor_def("restatement_sensor")
    repository = platform.defs.get_repository_def()
    resources = {"warehouse": (platform.defs.resources or {})["warehouse"]}
    with dg.build_sensor_context(platform.instance, repository_def=repository, resources=resources) as context:
        return list(sensor.evaluate_tick(context).run_requests or [])


def test_a_backfill_of_this_process_goes_by_the_accounts_own_keys(platforms: dict[str, Platform]) -> None:
    north = platforms["north"]
    first, last = date(2024, 1, 9), date(2024, 1, 10)
    outcome = Backfill(north.defs, north.instance, 28, 7, CHAIN).run(first, last)
    assert (outcome.whole, outcome.problems) == ([first, last], [])
    north.spoil(missing_columns={"engagement": ("start_time",)})
    failed = Backfill(north.defs, north.instance, 28, 7, CHAIN, refresh=True).run(first, last)
    assert failed.failed == [first, last]
    # the days that the chunk had landed were not requested a second time when they were gone through one by one
    assert north.vendor.log()["exports"] == 4
    assert {key.path[0] for key in north.instance.all_asset_keys()} == {"north"}


def test_without_an_account_nothing_changes() -> None:
    @dg.asset(key=["tables", "turn"])
    def table() -> None: ...

    assert in_account([table], "") == [table]
    assert account_key(("tables", "turn"), "") == table.key
    assert local_path(table.key) == ("tables", "turn")
    assert sibling_key(table.key, ("raw", "export")) == dg.AssetKey(["raw", "export"])
    assert pool_of("") == "salted_api"


@pytest.mark.parametrize("name", ["North", "1st", "a-b", "a/b", "..", "a" * 33, "a b"])
def test_a_name_that_is_no_part_of_keys_and_paths_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="SALTED_ACCOUNT: write up to 32 small letters"):
        Settings.load({"SALTED_ACCOUNT": name})


@pytest.mark.parametrize(
    ("warehouse", "expected"),
    [(None, "data/warehouse/north"), ("lake/", "lake/north"), ("s3://bucket/prefix", "s3://bucket/prefix/north")],
)
def test_an_accounts_files_are_in_a_folder_of_its_name(warehouse: str | None, expected: str) -> None:
    given = {"SALTED_API_URL": "https://api.example.test", "SALTED_START_DATE": "2024-01-01", "SALTED_ACCOUNT": "north"}

    assert Settings.load(given | ({"SALTED_WAREHOUSE": warehouse} if warehouse else {})).warehouse == expected
    assert Settings.load({"SALTED_ACCOUNT": "north"}).warehouse == "data/demo/north"
    assert os.environ.get("SALTED_ACCOUNT") is None
