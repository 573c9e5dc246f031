"""What is taken of Dagster's private API does what Dagster's own does, and is taken in one module alone."""

import ast
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as db
from dagster._core.storage.event_log import SqliteEventLogStorage  # what Dagster uses by itself

import salted_assets
from salted_assets.defs.instance.dagster_private import KeptEventLog, build_evaluation, log_evaluations
from salted_assets.defs.instance.home import open_instance
from salted_assets.defs.partitions import RANGE_END, RANGE_START
from salted_assets_tests.support.platform import KNOWN_WARNINGS

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

DAYS = dg.StaticPartitionsDefinition(["1", "2"])
RECORDS = {
    "event_logs": "dagster_event_type, step_key, asset_key, partition, event LIKE '%' || run_id || '%'",
    "asset_event_tags": "asset_key, key, (SELECT dagster_event_type || partition FROM event_logs WHERE id = event_id)",
    "asset_check_executions": """
        asset_key, check_name, partition, execution_status, materialization_event_storage_id IS NULL,
        evaluation_event = (SELECT event FROM event_logs WHERE id = evaluation_event_storage_id),
        evaluation_event_timestamp = (SELECT timestamp FROM event_logs WHERE id = evaluation_event_storage_id)""",
    "asset_keys": """
        asset_key, wipe_timestamp, json_extract(last_materialization, '$.storage_id') = (
            SELECT max(id) FROM event_logs AS logs
            WHERE logs.asset_key = asset_keys.asset_key AND dagster_event_type = 'ASSET_MATERIALIZATION'
        )""",
}
"""What stands in each table, and whether it is what the event says that it refers to."""


PLAIN = "telemetry: {enabled: false}\npython_logs: {python_log_level: INFO}"
"""An instance with Dagster's own event log; what a run logs below INFO is kept by neither."""


@dg.asset(partitions_def=DAYS, check_specs=[dg.AssetCheckSpec("odd", asset="number")], tags={"layer": "tables"})
def number() -> Iterator[dg.Output[int] | dg.AssetCheckResult]:
    yield dg.Output(1, tags={"quality": "good"})
    yield dg.AssetCheckResult(passed=True)


@dg.asset(
    partitions_def=DAYS,
    check_specs=[dg.AssetCheckSpec("even", asset="ranged", partitions_def=DAYS)],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def ranged(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Both days in one run, each with the outcome of a check, as our assets report them; a third was not planned."""
    for day in context.partition_keys:
        context.add_asset_metadata({"rows": int(day)}, partition_key=day)
    yield dg.MaterializeResult(tags={"quality": "good"})
    records = context.instance.fetch_materializations(context.asset_key, limit=2).records
    log_evaluations(context, [evaluate_even("ranged", day, records[0]) for day in (*context.partition_keys, "3")])
    yield dg.AssetCheckResult(passed=False)


def evaluate_even(name: str, day: str, target: dg.EventLogRecord | None) -> dg.AssetCheckEvaluation:
    return build_evaluation(
        dg.AssetCheckKey(dg.AssetKey(name), "even"),
        day,
        passed=int(day) % 2 == 0,
        severity=dg.AssetCheckSeverity.WARN,
        blocking=False,
        metadata={"rows": int(day)},
        target=target,
    )


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@contextmanager
def instance_of(home: Path, *, is_ours: bool) -> Iterator[dg.DagsterInstance]:
    with open_instance() as instance:
        assert isinstance(instance.event_log_storage, KeptEventLog)
        if is_ours:
            yield instance
            return
    plain = home.parent / "plain.yaml"
    plain.write_text(PLAIN)
    with dg.DagsterInstance.from_config(str(home.parent), plain.name) as instance:
        assert type(instance.event_log_storage) is SqliteEventLogStorage
        yield instance


def run(instance: dg.DagsterInstance) -> str:
    results = [dg.materialize([number], instance=instance, partition_key=day) for day in ("1", "2")]
    assert all(result.success for result in results)
    return results[-1].run_id


def run_range(instance: dg.DagsterInstance) -> str:
    result = dg.materialize([ranged], instance=instance, tags={RANGE_START: "1", RANGE_END: "2"})
    assert result.success
    return result.run_id


def records_in(file: Path) -> dict[str, Counter[tuple[object, ...]]]:
    with closing(sqlite3.connect(file)) as connection:
        return {
            table: Counter(connection.execute(f"SELECT {columns} FROM {table}")) for table, columns in RECORDS.items()
        }


@contextmanager
def connections_to(file: Path) -> Iterator[list[Path]]:
    """The file once for each connection to it that is opened meanwhile."""
    opened: list[Path] = []

    def record(connection: sqlite3.Connection, _: object) -> None:
        (name,) = (path for _, kind, path in connection.execute("PRAGMA database_list") if kind == "main")
        if Path(name) == file:
            opened.append(file)

    db.event.listen(db.Pool, "connect", record)
    try:
        yield opened
    finally:
        db.event.remove(db.Pool, "connect", record)


def test_no_event_waits_for_the_disk_and_the_index_is_safe_from_power_loss_all_the_same(home: Path) -> None:
    with instance_of(home, is_ours=True) as instance:
        run_id = run(instance)
        log = instance.event_log_storage
        assert isinstance(log, KeptEventLog)
        levels = {}
        for shard, engine in log.kept.items():
            with engine.connect() as connection:
                levels[shard] = connection.execute(db.text("PRAGMA synchronous")).scalar()
    assert (levels["index"], levels[run_id]) == (1, 0)


@pytest.mark.parametrize("run_of", [run, run_range])
def test_records_are_those_of_dagsters_own_class(home: Path, run_of: Callable[[dg.DagsterInstance], str]) -> None:
    with instance_of(home, is_ours=True) as instance:
        ours = run_of(instance)
    kept = home / "history" / "runs"
    of_ours = records_in(kept / f"{ours}.db"), records_in(kept / "index.db")
    with instance_of(home, is_ours=False) as instance:
        theirs = run_of(instance)
    plain = home.parent / "history" / "runs"

    assert of_ours == (records_in(plain / f"{theirs}.db"), records_in(plain / "index.db"))
    assert all(of_ours[1].values())


def test_what_a_run_plans_and_a_step_has_made_is_stored_together(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = []
    store = KeptEventLog.store_event_batch

    def note(log: KeptEventLog, events: Sequence[dg.EventLogEntry]) -> None:
        batches.append(Counter(event.get_dagster_event().event_type_value for event in events))
        store(log, events)

    monkeypatch.setattr(KeptEventLog, "store_event_batch", note)
    with instance_of(home, is_ours=True) as instance:
        run_range(instance)

    assert batches == [
        {"ASSET_MATERIALIZATION_PLANNED": 2, "ASSET_CHECK_EVALUATION_PLANNED": 1},
        {"ASSET_MATERIALIZATION": 2},
        {"ASSET_CHECK_EVALUATION": 3},
    ]


def test_a_batch_that_fails_leaves_nothing_and_its_events_are_stored_one_by_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = iter([True])
    store = KeptEventLog._store_asset_event

    def fail_once(log: KeptEventLog, *given: Any) -> None:
        if next(failing, False):
            raise RuntimeError("the disk is full")
        store(log, *given)

    with instance_of(home, is_ours=True) as instance:
        monkeypatch.setattr(KeptEventLog, "_store_asset_event", fail_once)
        run_id = run_range(instance)

    assert next(failing, None) is None
    for name in (run_id, "index"):
        with closing(sqlite3.connect(home / "history" / "runs" / f"{name}.db")) as connection:
            found = connection.execute("SELECT dagster_event_type, count(*) FROM event_logs GROUP BY 1").fetchall()
        assert {kind: count for kind, count in found if kind.startswith("ASSET_")} == {
            "ASSET_MATERIALIZATION_PLANNED": 2,
            "ASSET_CHECK_EVALUATION_PLANNED": 1,
            "ASSET_MATERIALIZATION": 2,
            "ASSET_CHECK_EVALUATION": 4,
        }


def test_a_batch_that_the_file_of_its_run_cannot_take_is_in_the_index_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = iter([True])
    in_batch: list[bool] = []
    store, connect = KeptEventLog.store_event_batch, KeptEventLog.run_connection

    def note(log: KeptEventLog, events: Sequence[dg.EventLogEntry]) -> None:
        in_batch.append(True)
        try:
            store(log, events)
        finally:
            in_batch.clear()

    @contextmanager
    def fail_at_commit(log: KeptEventLog, run_id: str) -> Iterator[db.Connection]:
        with connect(log, run_id) as connection:
            yield connection
            if any(in_batch) and next(failing, False):
                raise RuntimeError("the disk is full")

    monkeypatch.setattr(KeptEventLog, "store_event_batch", note)
    monkeypatch.setattr(KeptEventLog, "run_connection", fail_at_commit)
    with instance_of(home, is_ours=True) as instance:
        run_range(instance)

    assert next(failing, None) is None
    with closing(sqlite3.connect(home / "history" / "runs" / "index.db")) as connection:
        count = "SELECT count(*) FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION_PLANNED'"
        assert connection.execute(count).fetchone() == (2,)


def test_either_class_goes_on_with_what_the_other_has_written(home: Path) -> None:
    with instance_of(home, is_ours=True) as instance:
        first = run(instance)
    (home / "dagster.yaml").write_text(PLAIN)
    with dg.DagsterInstance.get() as instance:
        assert instance.get_materialized_partitions(number.key) == {"1", "2"}
        second = run(instance)
    (home / "dagster.yaml").unlink()
    with instance_of(home, is_ours=True) as instance:
        newest = instance.get_latest_materialization_event(number.key)
        assert newest is not None
        assert newest.run_id == second
        assert len(instance.all_logs(first)) == len(instance.all_logs(second)) > 0


@pytest.mark.parametrize("is_ours", [True, False])
def test_the_index_is_opened_once_where_dagsters_own_class_opens_it_for_every_event(home: Path, is_ours: bool) -> None:
    with instance_of(home, is_ours=is_ours) as instance:
        run(instance)
        folder = (home if is_ours else home.parent) / "history" / "runs"
        with connections_to(folder / "index.db") as opened:
            events = instance.all_logs(run(instance))

    assert (len(opened) == 0) if is_ours else (len(opened) > len(events))


def test_a_run_is_followed_while_it_writes(home: Path) -> None:
    is_seen = threading.Event()
    with instance_of(home, is_ours=True) as instance, dg.DagsterInstance.get() as looking_on:
        one = instance.create_run_for_job(dg.Definitions([number]).resolve_implicit_global_asset_job_def())
        instance.report_engine_event("the first", one)
        looking_on.watch_event_logs(
            one.run_id, None, lambda entry, _: is_seen.set() if "the second" in entry.message else None
        )
        instance.report_engine_event("the second", one)

        assert is_seen.wait(timeout=60)


def test_threads_share_the_connection(home: Path) -> None:
    with instance_of(home, is_ours=True) as instance, ThreadPoolExecutor(4) as pool:
        events = [dg.AssetMaterialization("number", partition=str(day)) for day in range(40)]
        list(pool.map(instance.report_runless_asset_event, events))

        assert instance.get_materialized_partitions(number.key) == {str(day) for day in range(40)}


def test_of_many_runs_only_the_last_are_kept_in_mind_and_nothing_after_the_end(home: Path) -> None:
    with instance_of(home, is_ours=True) as instance:
        log = instance.event_log_storage
        assert isinstance(log, KeptEventLog)
        for count in range(12):
            with log.run_connection(f"run {count}"):
                pass
        assert list(log.kept) == ["index", *(f"run {count}" for count in range(4, 12))]
    assert list(log.kept) == []
    assert instance.get_materialized_partitions(number.key) == set()


def list_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom):
            yield str(node.module)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def test_no_other_module_imports_what_dagster_keeps_private() -> None:
    package = Path(salted_assets.__file__).parent
    private = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if any(name.startswith("dagster._") for name in list_imports(path))
    }
    assert private == {"defs/instance/dagster_private.py"}


def test_an_evaluation_built_by_hand_is_the_one_that_dagster_makes_of_a_result() -> None:
    """Of a run of one partition: there Dagster puts the result on the partition by itself."""
    spec = dg.AssetCheckSpec("odd", asset="checked", partitions_def=DAYS)

    @dg.asset(partitions_def=DAYS, check_specs=[spec])
    def checked() -> Iterator[dg.Output[int] | dg.AssetCheckResult]:
        yield dg.Output(1)
        yield dg.AssetCheckResult(passed=True, metadata={"rows": 2, "what_to_do": "nothing"})

    with open_instance() as instance:
        assert dg.materialize([checked], instance=instance, partition_key="2").success
        (made,) = instance.event_log_storage.get_asset_check_execution_history(spec.key, limit=2)
        filters = dg.AssetRecordsFilter(asset_key=checked.key, asset_partitions=["2"])
        (newest,) = instance.fetch_materializations(filters, limit=1).records
        built = build_evaluation(
            spec.key,
            "2",
            passed=True,
            severity=dg.AssetCheckSeverity.ERROR,
            blocking=False,
            metadata={"rows": 2, "what_to_do": "nothing"},
            target=newest,
        )
    assert made.partition == "2"
    assert made.evaluation == built


def test_an_index_whose_making_was_interrupted_is_made_whole(home: Path) -> None:
    with open_instance() as instance:
        instance.event_log_storage.dispose()
    index = home / "history/runs/index.db"
    for path in index.parent.glob("index.db*"):
        path.unlink()
    index.touch()
    with open_instance() as instance:
        pools = instance.event_log_storage
        assert pools.supports_global_concurrency_limits
        assert pools.initialize_concurrency_limit_to_default("pool")
        assert pools.get_concurrency_info("pool").slot_count == 1
    with closing(sqlite3.connect(index)) as connection:
        assert connection.execute("SELECT count(*) FROM secondary_indexes").fetchone() == (2,)
