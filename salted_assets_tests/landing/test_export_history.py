"""The vendor's list of exports held against ours: in use, given up, another program's, failed."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from salted_assets.defs.asset_keys import EXPORT_HISTORY, RAW_EXPORT
from salted_assets.defs.io_managers import WarehouseIOManager
from salted_assets.defs.resources import WarehouseResource
from salted_assets.history.footers import SCHEMA_VERSION
from salted_assets.landing import ContactRequest, LandingDamaged, ListedExport
from salted_assets.landing.contact_export import ContactExports
from salted_assets.landing.pending_exports import PendingExport, PendingExports
from salted_assets.landing.windows import Window
from salted_assets.salted_cx import DownloadUrlExpired, ExportClient, ExportStatus
from salted_assets.schemas import FILE_NAMES
from salted_assets.schemas.base import arrow_schema, columns_of
from salted_assets.schemas.export_history import ExportHistory
from salted_assets.settings import DATASETS, Settings
from salted_assets.simulator import Faults, Refusal
from salted_assets_tests.support.bare_commands import materialize_all
from salted_assets_tests.support.landing_env import DAY, LandingEnv, landing_env
from salted_assets_tests.support.platform import KNOWN_WARNINGS, QUIET, Platform, build_defs, running_platform

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

NEXT = DAY + timedelta(days=1)
START = datetime(2024, 1, 31, tzinfo=UTC)


@pytest.fixture
def env(tmp_path: Path) -> Iterator[LandingEnv]:
    with landing_env(tmp_path) as built:
        yield built


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with running_platform(tmp_path) as platform:
        yield platform


class Interrupted(BaseException):
    """A run that is killed."""


class DyingClient(ExportClient):
    """A client whose run dies when it first waits."""

    def wait(self, export_id: str, datasets: Collection[str] = (), *, is_new: bool = False) -> ExportStatus:  # noqa: ARG002 - the client's signature
        raise Interrupted


def request_as_another_program(env: LandingEnv) -> str:
    with env.build_client() as client:
        return client.start(START, START + timedelta(days=1), ["agent"])


def listed(env: LandingEnv) -> list[ListedExport]:
    return env.landing().list_history()


def brief(env: LandingEnv) -> list[tuple[str, str | None, date | None, bool]]:
    return [(each.ownership, each.purpose, each.day, each.is_pending) for each in listed(env)]


def test_an_account_without_exports_has_no_rows(env: LandingEnv) -> None:
    assert listed(env) == []


def test_exports_in_a_landing_are_ours_also_when_superseded(env: LandingEnv) -> None:
    env.land()
    env.land(refresh=True)
    env.land(day=NEXT)

    ours = ("ours", "landing", DAY, False)
    assert brief(env) == [("ours", "landing", NEXT, False), ours, ours]
    assert [(each.position, each.export_id) for each in listed(env)] == list(enumerate(env.history(), start=1))
    assert {each.state for each in listed(env)} == {"COMPLETED"}
    assert not [path for path in env.warehouse.list_files("raw/export") if path.endswith("tickets.json")]


def test_an_export_that_is_in_no_record_is_foreign(env: LandingEnv) -> None:
    env.land()
    foreign = request_as_another_program(env)

    assert brief(env) == [("foreign", None, None, False), ("ours", "landing", DAY, False)]
    assert listed(env)[0].export_id == foreign


def test_an_export_whose_run_was_killed_is_orphaned_until_the_next_run_takes_it(env: LandingEnv) -> None:
    with pytest.raises(Interrupted):
        env.landing(connect=lambda: env.build_client(DyingClient)).land(DAY, DATASETS)
    assert brief(env) == [("orphaned", "landing", DAY, True)]

    env.land()
    assert brief(env) == [("ours", "landing", DAY, False)]


def test_an_export_that_was_given_up_is_orphaned_for_good(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(dead_addresses=4))
    manifest = env.land()

    assert env.export_count == 2
    assert brief(env) == [("ours", "landing", DAY, False), ("orphaned", "landing", DAY, False)]
    assert manifest.export_ids == {env.history()[0]}


def test_what_was_given_up_stays_known_when_the_day_never_lands(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(dead_addresses=99))
    with pytest.raises(DownloadUrlExpired):
        env.land()
    env.simulator.set_faults(Faults())

    assert brief(env) == [("orphaned", "landing", DAY, True), ("orphaned", "landing", DAY, False)]


def test_a_refresh_gives_up_the_pending_export_of_an_earlier_run(env: LandingEnv) -> None:
    with pytest.raises(Interrupted):
        env.landing(connect=lambda: env.build_client(DyingClient)).land(DAY, DATASETS)
    env.land(refresh=True)

    assert brief(env) == [("ours", "landing", DAY, False), ("orphaned", "landing", DAY, False)]


def test_failed_exports_are_failed_by_whatever_program_they_were_requested(env: LandingEnv) -> None:
    env.simulator.set_faults(Faults(failed_exports=2))
    request_as_another_program(env)
    env.land()

    assert brief(env) == [
        ("ours", "landing", DAY, False),
        ("failed", "landing", DAY, False),
        ("failed", None, None, False),
    ]
    assert [each.error for each in listed(env)] == [None, *["The export failed (simulated fault)."] * 2]


def test_exports_requested_for_a_contact_are_ours_once_they_are_in_an_archive(env: LandingEnv) -> None:
    contacts = ContactExports(env.warehouse, env.landing().calendar, env.connect, FILE_NAMES, now=env.time.now)
    request = ContactRequest("a-request", DAY, DAY, ("turn",))
    dying = replace(contacts, connect=lambda: env.build_client(DyingClient))
    with pytest.raises(Interrupted):
        dying.export(request, "customer1@example.com")
    assert brief(env) == [("orphaned", "contact_export", DAY, False)]

    contacts.export(request, "customer1@example.com")
    assert brief(env) == [("ours", "contact_export", DAY, False)]
    assert env.export_count == 1


@pytest.mark.parametrize(("is_adopted", "given_up"), [(False, ("e-1",)), (True, ())])
def test_an_adopted_export_that_came_to_nothing_is_not_claimed(is_adopted: bool, given_up: tuple[str, ...]) -> None:
    """It was found in the list after a request whose answer was lost, and may have been another program's."""
    window = Window(START, START + timedelta(days=1))
    pending = PendingExport(
        start="2024-01-31T00:00:00Z",
        end="2024-02-01T00:00:00Z",
        datasets=("turn", "agent"),
        requested_at="2024-06-01T00:00:00Z",
        is_refresh=False,
        export_id="e-1",
        is_adopted=is_adopted,
    )
    pending_exports = PendingExports().put(replace(pending, export_id=None)).put(pending)
    assert pending_exports == PendingExports((pending,), ())

    dropped = pending_exports.without(window, ("agent",))
    assert dropped == PendingExports((), given_up)
    assert PendingExports.from_json(dropped.to_json(), path="here") == dropped
    assert dropped.put(pending) == pending_exports


def test_one_damaged_record_is_named_and_nothing_is_guessed(env: LandingEnv) -> None:
    env.land()
    env.warehouse.write_bytes("raw/export/date=2024-01-31/manifest.json", b"{")

    with pytest.raises(LandingDamaged, match=r"raw/export/date=2024-01-31/manifest\.json"):
        listed(env)


def materialize(platform: Platform) -> dg.ExecuteInProcessResult:
    job = platform.defs.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=platform.instance, asset_selection=[EXPORT_HISTORY], run_config=QUIET, raise_on_error=False
    )


def metadata(platform: Platform) -> dict[str, Any]:
    event = platform.instance.fetch_materializations(EXPORT_HISTORY, limit=1).records[0].asset_materialization
    assert event is not None
    return {name: value.value for name, value in event.metadata.items()}


def stored(platform: Platform) -> pa.Table:
    return pq.read_table(platform.folder / "raw/export_history/part-0.parquet", partitioning=None)


def test_the_asset_stores_the_list_as_described_and_counts_it(platform: Platform) -> None:
    platform.vendor.set_faults(Faults(failed_exports=1))
    assert platform.materialize("2024-01-09", 'key:"raw/export"').success
    assert materialize(platform).success

    table = stored(platform)
    assert table.schema.remove_metadata().equals(arrow_schema(ExportHistory).remove_metadata())
    ExportHistory.to_schema().validate(table.to_pandas(types_mapper=pd.ArrowDtype))
    assert [(row["position"], row["ownership"], row["day"]) for row in table.to_pylist()] == [
        (1, "ours", date(2024, 1, 9)),
        (2, "failed", date(2024, 1, 9)),
    ]
    notes = pq.read_metadata(platform.folder / "raw/export_history/part-0.parquet").metadata
    assert (notes[b"salted.simulated"], notes[b"salted.schema_version"]) == (b"false", str(SCHEMA_VERSION).encode())
    shown = metadata(platform)
    assert {name: shown[name] for name in ("ours", "foreign", "failed", "orphaned", "to_be_attached_to")} == {
        "ours": 1,
        "foreign": 0,
        "failed": 1,
        "orphaned": 0,
        "to_be_attached_to": 0,
    }
    assert shown["dagster/row_count"] == 2
    assert shown["dagster/uri"] == str(platform.folder / "raw/export_history/part-0.parquet")


def test_each_materialization_replaces_the_list_and_costs_one_request(platform: Platform) -> None:
    assert materialize(platform).success
    assert stored(platform).num_rows == 0
    assert platform.vendor.log() == {"post": 0, "status": 0, "history": 1, "download": 0, "exports": 0}

    assert platform.materialize("2024-01-09", 'key:"raw/export"').success
    assert materialize(platform).success
    assert stored(platform).num_rows == 1


def test_a_vendor_that_refuses_is_reported_and_the_earlier_list_stays(platform: Platform) -> None:
    assert materialize(platform).success
    platform.vendor.set_faults(Faults(refusals=(Refusal(on="history", status=403, times=9),)))
    result = materialize(platform)

    assert not result.success
    [event] = result.filter_events(lambda event: event.is_step_failure)
    assert "HTTP 403" in str(event.step_failure_data.user_failure_data)
    assert stored(platform).num_rows == 0


@pytest.mark.parametrize("last", ["2024-01-09", "2024-01-10"])
def test_runs_of_days_leave_it_out_and_need_no_vendor_for_what_is_landed(platform: Platform, last: str) -> None:
    def run() -> Any:
        if last == "2024-01-09":
            return platform.materialize("2024-01-09", "group:raw")
        return platform.materialize_range("2024-01-09", last, "group:raw")

    assert run().success
    before = platform.vendor.log()
    result = run()

    assert result.success
    assert platform.vendor.log() == before
    assert "raw__export_history" in {event.step_key for event in result.filter_events(lambda e: e.is_step_success)}
    assert platform.materialized_days(RAW_EXPORT)[-1] == last
    assert not platform.instance.fetch_materializations(EXPORT_HISTORY, limit=1).records
    assert not (platform.folder / "raw/export_history").exists()


def test_the_daily_job_does_not_hold_it(platform: Platform) -> None:
    job = platform.defs.resolve_job_def("daily")

    assert EXPORT_HISTORY not in job.asset_layer.executable_asset_keys
    assert RAW_EXPORT in job.asset_layer.executable_asset_keys


def test_it_is_read_back_as_an_input(platform: Platform) -> None:
    assert platform.materialize("2024-01-09", 'key:"raw/export"').success
    assert materialize(platform).success

    assert load(platform, pa.Table).equals(stored(platform).replace_schema_metadata(None))
    assert list(load(platform, pd.DataFrame)["ownership"]) == ["ours"]


def load(platform: Platform, kind: type) -> Any:
    warehouse = WarehouseResource(address=platform.settings.warehouse, simulated=False, timezone="UTC")
    with dg.build_input_context(asset_key=EXPORT_HISTORY, dagster_type=dg.PythonObjectDagsterType(kind)) as context:
        return WarehouseIOManager(warehouse=warehouse, volume_tolerance=0.5).load_input(context)


@pytest.mark.parametrize("simulated", [True, False])
def test_it_says_what_it_is(simulated: bool) -> None:
    settings = Settings.load({}) if simulated else Settings(start_date=date(2024, 1, 1))
    spec = build_defs(settings).resolve_asset_graph().get(EXPORT_HISTORY).to_asset_spec()

    assert (spec.description or "").startswith("One row per export that the vendor lists")
    assert (spec.group_name, spec.partitions_def) == ("raw", None)
    assert ("simulated" in spec.kinds, spec.tags["simulated"]) == (simulated, str(simulated).lower())
    schema = spec.metadata["dagster/column_schema"]
    assert [column.name for column in schema.columns] == [facts.name for facts in columns_of(ExportHistory)]
    assert all(column.description for column in schema.columns)


def test_everything_of_a_day_goes_through_the_headless_command_of_dagster(tmp_path: Path) -> None:
    done = materialize_all(tmp_path, "2024-01-31", SALTED_DATASETS="agent")
    assert done.returncode == 0, done.stderr[-3000:]
    written = {path.parent.relative_to(tmp_path / "data/demo").parts[0] for path in tmp_path.rglob("part-0.parquet")}
    assert written == {"tables", "rejects"}
    assert "Left out: the list is of the account" in done.stderr + done.stdout
