"""All that we take of Dagster's private API: each part with its reason, and tests that notice when Dagster changes it.

The event log in SQLite, at a twentieth of the CPU: Dagster's own class makes a new engine for every event, compiles
every statement again, and opens and closes the index of all runs two or three times. A small day has 60 events, and
spent more CPU on that than on its tables. Here engines are kept, and with the index a connection, and what a run plans
or a step has made is stored at once. Files and what is in them are the same: `dagster.yaml` may name either class. Nor
does an event wait for the disk: at power loss the log may lack the last events, and that of a run of the last seconds
may have to be deleted. That a storage can be chosen by its class is public, what it derives from is not.

The outcome of a check for one day of a ranged run: an AssetCheckResult can be yielded once per run and without a
partition, so such an evaluation has to be built by hand, and logged so that it is stored with the others.

Which code location a run in this process is of: the timeline, the first page of the UI, leaves out runs that say
nothing of it, and a run executed in process says nothing.
"""

import os
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
from dagster._config import StringSource
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationPlanned,
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.definitions.metadata import normalize_metadata
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.events import ASSET_EVENTS, DagsterEventBatchMetadata
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.tags import CODE_LOCATION_TAG, REPOSITORY_LABEL_TAG
from dagster._core.workspace.load import location_origins_from_yaml_paths
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, NullPool, QueuePool, bindparam, create_engine, select
from sqlalchemy.event import listen

_HOME = "home"
_RUNS_KEPT = 8
"""Files of runs whose engines are kept: a run writes one, a web server reads those that are looked at."""

_BATCH_SIZE = 500
"""Events that are stored together at most: what a run plans or a step has made, not what a step does."""

_PLANNED_AS = ("asset_key", "check_name", "run_id", "partition")
_EVALUATED = AssetCheckExecutionsTable.update().where(
    *(AssetCheckExecutionsTable.c[name].is_not_distinct_from(bindparam(f"planned_{name}")) for name in _PLANNED_AS)
)
"""Puts the outcome of a check where it was planned."""


class KeptEventLog(SqliteEventLogStorage):
    """The event log of a Dagster home; `from_config_value` takes the home, all else the folder below it."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Open the log in this folder, which is made where it is not there."""
        self.kept: dict[str, Engine] = {}
        """What reads and writes each file, by its name without ending, the oldest first but for the index."""

        self._tables: set[str] = set()
        # a batch has the file of its run and the index at once
        self._lock = threading.RLock()
        # Dagster hands over batches where this is set, of which its own storages make single events
        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", str(_BATCH_SIZE))
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
        with self._lock:
            _close(self.kept)
        super().dispose()

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store events of assets and checks of one run: its file takes all of them or none, and so does the index."""
        rows = [self._event_to_row(event) for event in events]
        # the run's file is committed first: where that fails, Dagster stores all again, and the index takes each once
        with self.index_connection() as index, self.run_connection(events[0].run_id) as of_run:
            of_run.execute(SqlEventLogStorageTable.insert(), rows)
            index.execute(SqlEventLogStorageTable.insert(), rows)
            # within the transaction nobody else writes: they are the newest, in order
            newest = select(SqlEventLogStorageTable.c.id).order_by(SqlEventLogStorageTable.c.id.desc())
            ids = index.scalars(newest.limit(len(rows))).all()[::-1]
            self._index_assets(index, events, ids)
            _index_checks(index, events, rows, ids)

    def _index_assets(self, index: Connection, events: Sequence[dg.EventLogEntry], ids: Sequence[int]) -> None:
        stored = [each for each in zip(events, ids, strict=True) if each[0].dagster_event_type in ASSET_EVENTS]
        self._store_asset_event_tags(index, [event for event, _ in stored], [own for _, own in stored])
        # an asset is kept with its last event of each type
        last = {(event.get_dagster_event().asset_key, event.dagster_event_type): (event, own) for event, own in stored}
        for event, own in last.values():
            self._store_asset_event(index, event, own)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._lock:
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
            listen(engine, "connect", lambda opened, _: opened.execute(f"PRAGMA synchronous={level}").close())
            self.kept[shard] = engine
            self._let_go_of_oldest()
        return self.kept[shard]

    def _let_go_of_oldest(self) -> None:
        runs = [shard for shard in self.kept if shard != INDEX_SHARD_NAME]
        for shard in runs[:-_RUNS_KEPT]:
            del self.kept[shard]


def _index_checks(
    index: Connection, events: Sequence[dg.EventLogEntry], rows: Sequence[Mapping[str, Any]], ids: Sequence[int]
) -> None:
    """What Dagster does for the event of each check, without making the text of the event again."""
    for event, row, own in zip(events, rows, ids, strict=True):
        data = event.get_dagster_event().event_specific_data
        if not isinstance(data, dg.AssetCheckEvaluation | AssetCheckEvaluationPlanned):
            continue
        execution = {
            "asset_key": data.asset_key.to_string(),
            "check_name": data.check_name,
            "run_id": event.run_id,
            "evaluation_event": row["event"],
            "evaluation_event_timestamp": row["timestamp"],
            "evaluation_event_storage_id": own,
        }
        if isinstance(data, dg.AssetCheckEvaluation):
            _index_evaluation(index, data, execution)
        else:
            execution["execution_status"] = AssetCheckExecutionRecordStatus.PLANNED.value
            days = data.partitions_subset.get_partition_keys() if data.partitions_subset else [None]
            index.execute(AssetCheckExecutionsTable.insert(), [{**execution, "partition": day} for day in days])


def _index_evaluation(index: Connection, evaluation: dg.AssetCheckEvaluation, execution: dict[str, Any]) -> None:
    status = AssetCheckExecutionRecordStatus
    target = evaluation.target_materialization_data
    execution |= {
        "partition": evaluation.partition,
        "execution_status": (status.SUCCEEDED if evaluation.passed else status.FAILED).value,
        "materialization_event_storage_id": target.storage_id if target else None,
    }
    planned = {f"planned_{name}": execution[name] for name in _PLANNED_AS}
    if not index.execute(_EVALUATED, {**execution, **planned}).rowcount:
        index.execute(AssetCheckExecutionsTable.insert(), execution)


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


def log_evaluations(context: dg.AssetExecutionContext, evaluations: Sequence[dg.AssetCheckEvaluation]) -> None:
    """Do for each outcome what `context.log_event` does; they are stored together where the log takes batches."""
    own, batch = context.op_execution_context, str(uuid4())
    for count, evaluation in enumerate(evaluations, 1):
        found = "passed" if evaluation.passed else "did not pass"
        event = dg.DagsterEvent.from_step(
            dg.DagsterEventType.ASSET_CHECK_EVALUATION,
            own.get_step_execution_context(),
            evaluation,
            f"Asset check '{evaluation.check_name}' on '{evaluation.asset_key.to_user_string()}' {found}.",
            DagsterEventBatchMetadata(batch, is_end=count == len(evaluations)),
        )
        own._events.append(event)  # noqa: SLF001 - of which Dagster makes the run's result


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
