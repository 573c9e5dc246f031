"""All that we take of Dagster's private API: each part with its reason, and tests that notice when Dagster changes it.

The event log in SQLite, at half the CPU: Dagster's own class makes a new engine for every event, compiles every
statement again, and opens and closes the index of all runs two or three times. A small day has 80 events, and spent
more CPU on that than on its tables. Here engines are kept, and with the index a connection. Files and what is in them
are the same: `dagster.yaml` may name either class. Nor does an event wait for the disk: at power loss the log may lack
the last events, and that of a run of the last seconds may have to be deleted. That a storage can be chosen by its class
is public, what it derives from is not.

The outcome of a check for one day of a ranged run: an AssetCheckResult can be yielded once per run and without a
partition, so such an evaluation has to be built by hand.

Which code location a run in this process is of: the timeline, the first page of the UI, leaves out runs that say
nothing of it, and a run executed in process says nothing.
"""

import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._config import StringSource
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData
from dagster._core.definitions.metadata import normalize_metadata
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.tags import CODE_LOCATION_TAG, REPOSITORY_LABEL_TAG
from dagster._core.workspace.load import location_origins_from_yaml_paths
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, NullPool, QueuePool, create_engine, event

_HOME = "home"
_RUNS_KEPT = 8
"""Files of runs whose engines are kept: a run writes one, a web server reads those that are looked at."""


class KeptEventLog(SqliteEventLogStorage):
    """The event log of a Dagster home; `from_config_value` takes the home, all else the folder below it."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Open the log in this folder, which is made where it is not there."""
        self.kept: dict[str, Engine] = {}
        """What reads and writes each file, by its name without ending, the oldest first but for the index."""

        self._tables: set[str] = set()
        weakref.finalize(self, _close, self.kept)
        super().__init__(base_dir, inst_data)
        # Dagster makes these for an index that is not there. One whose making was interrupted is there, without tables:
        # the first run would find none for pools, and go on without their limits
        self.reindex_events()
        self.reindex_assets()

    @classmethod
    def config_type(cls) -> Any:
        """What `dagster.yaml` has to say: where Dagster's home is."""
        return {_HOME: StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "KeptEventLog":
        """The log where Dagster's own class has it by default."""
        return cls(str(Path(config_value[_HOME], "history", "runs")), inst_data)

    def has_table(self, table_name: str) -> bool:
        """Whether the index has the table; one that is there stays there."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def dispose(self) -> None:
        """Close what was kept open."""
        with self._db_lock:
            _close(self.kept)
        super().dispose()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine_of(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _engine_of(self, shard: str) -> Engine:
        if shard not in self.kept:
            # a run's own file is closed after each event: the UI follows a run by the changes of that file, and what is
            # written while it is open stays beside it for a while
            pool = QueuePool if shard == INDEX_SHARD_NAME else NullPool
            engine = create_engine(
                self.conn_string_for_shard(shard), poolclass=pool, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
            )
            # the index stays whole whatever happens; a run's file is closed, and so would be waited for, at each event
            level = "NORMAL" if shard == INDEX_SHARD_NAME else "OFF"
            event.listen(engine, "connect", lambda opened, _: opened.execute(f"PRAGMA synchronous={level}").close())
            self.kept[shard] = engine
            self._let_go_of_oldest()
        return self.kept[shard]

    def _let_go_of_oldest(self) -> None:
        runs = [shard for shard in self.kept if shard != INDEX_SHARD_NAME]
        for shard in runs[:-_RUNS_KEPT]:
            del self.kept[shard]


def _close(engines: dict[str, Engine]) -> None:
    for engine in engines.values():
        engine.dispose()
    engines.clear()


def build_evaluation(
    key: dg.AssetCheckKey,
    partition: str,
    *,
    passed: bool,
    severity: dg.AssetCheckSeverity,
    blocking: bool,
    metadata: Mapping[str, Any],
    target: dg.EventLogRecord | None,
) -> dg.AssetCheckEvaluation:
    """The outcome of a check on one partition of a ranged run, to be logged as an event.

    `target` is the partition's newest materialization, None where there is none: the UI drops an outcome that is about
    another one.
    """
    return dg.AssetCheckEvaluation(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=passed,
        metadata=normalize_metadata(dict(metadata)),
        partition=partition,
        severity=severity,
        blocking=blocking,
        target_materialization_data=target
        and AssetCheckEvaluationTargetMaterializationData(
            storage_id=target.storage_id, run_id=target.run_id, timestamp=target.timestamp
        ),
    )


def list_code_locations(workspace: Path) -> list[str]:
    """The names of the code locations of a workspace.yaml, in its order."""
    return [origin.location_name for origin in location_origins_from_yaml_paths([str(workspace)])]


def location_tags(location: str) -> dict[str, str]:
    """The tags of a run of our definitions in a code location, by which the UI finds its runs."""
    return {CODE_LOCATION_TAG: location, REPOSITORY_LABEL_TAG: _origin_of(location).get_label()}


def assign_location(instance: dg.DagsterInstance, run_id: str, location: str) -> None:
    """Record that a run, which has `location_tags`, is of that code location. Nothing may change the run meanwhile."""
    run = instance.get_run_by_id(run_id)
    if run is not None and run.remote_job_origin is None:
        instance.run_storage.replace_job_origin(run, _origin_of(location).get_job_origin(run.job_name))


def _origin_of(location: str) -> RemoteRepositoryOrigin:
    return RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), SINGLETON_REPOSITORY_NAME)
