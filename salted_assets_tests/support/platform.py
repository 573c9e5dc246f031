"""The platform as tests run it: real definitions against a simulator on loopback, in a warehouse of its own.

How a test starts it, materializes days, and reads what the UI would show of them.
"""

import contextlib
import csv
import hashlib
import io
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import zstandard
from dagster._core.loader import LoadingContextForTest
from dagster._core.storage.asset_check_state import AssetCheckState  # what the UI reads its marks from

from salted_assets.defs.asset_keys import table_key
from salted_assets.defs.instance.home import HIDDEN, hide_known_warnings
from salted_assets.defs.partitions import range_tags
from salted_assets.salted_cx import ClientConfig
from salted_assets.settings import KEY_VARIABLE, Settings
from salted_assets.simulator import DataFaults, Faults, RunningSimulator, SimulatorOptions, running_simulator
from salted_assets.warehouse import Warehouse

with tempfile.TemporaryDirectory() as _empty, contextlib.chdir(_empty):
    # The definitions read the settings when they are imported: here where no `.env` of a developer is found.
    hide_known_warnings()
    from salted_assets.definitions import build_defs as build_defs  # noqa: PLC0414 - tests take it from here

KNOWN_WARNINGS = [
    *(
        pytest.mark.filterwarnings(f"ignore:{message}:{category.__module__}.{category.__qualname__}")
        for category, message in HIDDEN
    ),
    # Dagster's own code for resources within resources; Python shows such warnings to nobody but tests.
    pytest.mark.filterwarnings("ignore:InitResourceContext.dagster_run is deprecated:DeprecationWarning"),
]
"""The warnings that the platform itself hides, for test modules that run it."""

SMALL = SimulatorOptions(agent_count=3, engagements_per_agent=5, key="key-of-the-tests")
QUIET: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Platform:
    settings: Settings
    defs: dg.Definitions
    instance: dg.DagsterInstance
    vendor: RunningSimulator

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.settings.warehouse)

    @property
    def folder(self) -> Path:
        return Path(self.settings.warehouse)

    def spoil(self, **faults: Any) -> None:
        """What is wrong in the files of the exports that are requested from now on."""
        self.vendor.set_faults(Faults(data=DataFaults(**faults)))

    def edit_landed(self, day: str, name: str, change: Callable[[bytes], bytes]) -> None:
        """Change a file of the day's landing, its manifest included, as if the vendor had delivered it so."""
        (path,) = self.folder.glob(f"raw/export/date={day}/*/{name}.zst")
        plain = change(zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read())
        stored = zstandard.ZstdCompressor().compress(plain)
        path.write_bytes(stored)
        manifest_path = path.parent.parent / "manifest.json"
        manifest = json.loads(manifest_path.read_bytes())
        (file,) = [each for each in manifest["deliveries"][0]["files"] if each["name"] == name]
        file |= {
            "row_count": sum(1 for _ in csv.reader(io.StringIO(plain.decode(errors="replace"), newline=""))) - 1,
            "byte_count": len(plain),
            "stored_byte_count": len(stored),
            "sha256": hashlib.sha256(plain).hexdigest(),
        }
        manifest_path.write_text(json.dumps(manifest))

    def materialize(
        self,
        day: str,
        select: str = "*",
        config: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Any:
        """One partition, as the UI's button does."""
        return self._run(select, config, partition_key=day, tags=dict(tags or {}))

    def materialize_range(self, first: str, last: str, select: str = "*") -> Any:
        """Several partitions in one run, as a backfill does (of one day, too)."""
        return self._run(select, None, tags=range_tags(date.fromisoformat(first), date.fromisoformat(last)))

    def _run(self, select: str, config: Mapping[str, Any] | None, **how: Any) -> Any:
        graph = self.defs.resolve_asset_graph()
        return self.defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=self.instance,
            asset_selection=sorted(dg.AssetSelection.from_string(select).resolve(graph)),
            raise_on_error=False,
            run_config={**QUIET, **(config or {})},
            **how,
        )

    def materialized_days(self, key: dg.AssetKey) -> list[str]:
        return sorted(self.instance.get_materialized_partitions(key))

    def metadata(self, key: dg.AssetKey, day: str) -> dict[str, Any]:
        """The metadata of the day's newest materialization."""
        filters = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[day])
        event = self.instance.fetch_materializations(filters, limit=1).records[0].asset_materialization
        assert event is not None
        return {name: value.value for name, value in event.metadata.items()}

    def table(self, key: dg.AssetKey, day: str) -> Path:
        """Where the day's Parquet file is, if it is there."""
        return self.folder.joinpath(*key.path, f"date={day}", "part-0.parquet")

    def check_days(self, dataset: str, check: str) -> dict[str, list[str]]:
        """The days that the UI marks, by mark, for one check of a table."""
        partitions = self.defs.resolve_asset_graph().get(table_key(dataset)).partitions_def
        key = dg.AssetCheckKey(table_key(dataset), check)
        state = AssetCheckState.blocking_get(LoadingContextForTest(self.instance), (key, partitions))
        assert state is not None
        return {
            status.value: days
            for status, subset in state.subsets.items()
            if (days := sorted(subset.subset_value.get_partition_keys()))
        }

    def evaluation(self, dataset: str, check: str, day: str) -> dg.AssetCheckEvaluation:
        """The newest evaluation of a check of a table on a day."""
        return self.evaluation_of(table_key(dataset), check, day)

    def evaluation_of(self, key: dg.AssetKey, check: str, day: str) -> dg.AssetCheckEvaluation:
        """The newest evaluation of a check of any asset on a day."""
        storage = self.instance.event_log_storage
        for record in storage.get_asset_check_execution_history(dg.AssetCheckKey(key, check), limit=50):
            if record.partition == day and record.evaluation is not None:
                return record.evaluation
        raise LookupError(f"{check} of {key.to_user_string()} was not evaluated on {day}")


@contextmanager
def running_platform(folder: Path, options: SimulatorOptions = SMALL, **settings: Any) -> Iterator[Platform]:
    """A platform whose vendor is a simulator that counts as a real one: its key is in the environment."""
    with (
        running_simulator(folder / "vendor" / "exports.sqlite", options) as vendor,
        pytest.MonkeyPatch.context() as patch,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        patch.setenv(KEY_VARIABLE, vendor.key)
        chosen = Settings(
            api_url=vendor.url,
            warehouse=str(folder / "warehouse"),
            start_date=date(2024, 1, 1),
            min_export_interval_seconds=0,
            **settings,
        )
        yield Platform(chosen, build_defs(chosen), instance, vendor)


@dataclass(frozen=True)
class ImpatientConfig(ClientConfig):
    """Bounds of a client that waits for late addresses a moment, not a minute."""

    settling_seconds: float = 0.1
    poll_first_seconds: float = 0.05


def with_settings(platform: Platform, **changes: Any) -> Platform:
    """The same platform under other settings."""
    settings = platform.settings.model_copy(update=changes)
    return replace(platform, settings=settings, defs=build_defs(settings))
