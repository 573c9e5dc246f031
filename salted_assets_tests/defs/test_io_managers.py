"""What is written for a day or a range, whole or not at all, and what comes back as an input."""

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from salted_assets.defs.io_managers import ScoreFrame, ScoreFrames, TableDay, TableDays, WarehouseIOManager, read_days
from salted_assets.defs.metadata.recipes import describe_recipe
from salted_assets.defs.partitions import range_tags
from salted_assets.defs.resources import WarehouseResource
from salted_assets.history import Footer, Recipe
from salted_assets.history.restatement import InputVersions
from salted_assets.history.table_files import write_frame
from salted_assets.ingest import IngestRules, RawFile, read_table
from salted_assets.schemas.agent import Agent
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.rejects import REJECTS_SCHEMA
from salted_assets.warehouse import Warehouse, WarehouseDamaged
from salted_assets_tests.support.ingesting import header, raw_file, record
from salted_assets_tests.support.platform import KNOWN_WARNINGS, QUIET

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

FIRST, SECOND, THIRD = date(2024, 1, 30), date(2024, 1, 31), date(2024, 2, 1)
ORDERED_AT = datetime(2024, 2, 2, 3, 4, 5, tzinfo=UTC)
PARTITIONS = dg.DailyPartitionsDefinition("2024-01-01")
TABLE = ["tables", "agent"]
SCORE = ["scores", "queue_daily"]
SCORE_SCHEMA = pa.schema({"start_date": pa.date32(), "value": pa.int64()})


@dataclass(frozen=True)
class Step:
    """What Dagster recorded of a step: the metadata of each materialized day, and what the step failed of."""

    materialized: dict[date, dict[str, Any]]
    failure: str


def manager(folder: Path, *, simulated: bool = False) -> WarehouseIOManager:
    warehouse = WarehouseResource(address=str(folder), simulated=simulated, timezone="UTC")
    return WarehouseIOManager(warehouse=warehouse, volume_tolerance=0.5)


def run(
    folder: Path,
    key: Sequence[str],
    content: TableDays | ScoreFrames,
    *,
    simulated: bool = False,
    recipe: Recipe | None = None,
) -> Step:
    """Materialize an asset that hands this content over, as a range from its first day to its last."""
    days = content.days if isinstance(content, TableDays) else list(chain.from_iterable(content.frames))
    policy, metadata = dg.BackfillPolicy.single_run(), describe_recipe(recipe) if recipe else {}

    @dg.asset(
        key=dg.AssetKey(key), partitions_def=PARTITIONS, backfill_policy=policy, dagster_type=dg.Any, metadata=metadata
    )
    def handing_over() -> Any:
        return content

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [handing_over],
            instance=instance,
            resources={"io_manager": manager(folder, simulated=simulated)},
            tags=range_tags(min(days), max(days)),
            run_config=QUIET,
            raise_on_error=False,
        )
        filters = dg.AssetRecordsFilter(asset_key=dg.AssetKey(key))
        records = instance.fetch_materializations(filters, limit=99).records
    found = [(str(record.partition_key), record.asset_materialization) for record in records]
    return Step(
        {
            date.fromisoformat(day): {name: value.value for name, value in event.metadata.items()}
            for day, event in sorted(found, key=lambda pair: pair[0])
            if event is not None
        },
        "".join(map(failure_of, result.filter_events(lambda event: event.is_step_failure))),
    )


def failure_of(event: dg.DagsterEvent) -> str:
    error, said = event.step_failure_data.error, ""
    while error is not None:
        said, error = said + error.message, error.cause
    return said


def write(folder: Path, key: Sequence[str], *days: tuple[date, Callable[[], Any]], simulated: bool = False) -> Step:
    """Write a day of a table from what opens it, or a day of a score from what gives its values."""
    return run(folder, key, TableDays(dict(days)) if key == TABLE else frames(dict(days)), simulated=simulated)


def frames(days: Mapping[date, Callable[[], list[int]]], days_per_frame: int = 1, **how: Any) -> ScoreFrames:
    def compute(asked: Sequence[date]) -> ScoreFrame:
        values = [(day, value) for day in asked for value in days[day]()]
        columns = {"start_date": [day for day, _ in values], "value": [value for _, value in values]}
        return ScoreFrame(pa.table(columns, schema=SCORE_SCHEMA), {day: {"asked": len(asked)} for day in asked})

    every = list(days)
    split = [every[start : start + days_per_frame] for start in range(0, len(every), days_per_frame)]
    return ScoreFrames(split, "start_date", compute, **how)


def agents(*names: str, chunk_bytes: int = 1 << 16) -> Callable[[], TableDay]:
    """A day of agents, one for each name; the name is the pid as well."""
    return agents_of(
        raw_file(b"".join([header(Agent), *(record(Agent, pid=name, name=name) for name in names)])), chunk_bytes
    )


def agents_of(file: RawFile, chunk_bytes: int = 1 << 16) -> Callable[[], TableDay]:
    return lambda: TableDay(read_table(Agent, [file], IngestRules(chunk_bytes=chunk_bytes)), ORDERED_AT)


def scores(*values: int) -> Callable[[], list[int]]:
    return lambda: list(values)


def path_of(folder: Path, key: Sequence[str], day: date) -> Path:
    return folder.joinpath(*key, f"date={day}", "part-0.parquet")


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def footer_of(path: Path) -> dict[str, str]:
    metadata = pq.ParquetFile(path).metadata.metadata
    return {name.decode(): text.decode() for name, text in metadata.items() if name.startswith(b"salted.")}


def test_a_day_is_one_file_of_rows_and_one_of_rejects(tmp_path: Path) -> None:
    step = write(tmp_path, TABLE, (FIRST, agents("a", "b")))
    assert files_below(tmp_path) == [
        "rejects/agent/date=2024-01-30/part-0.parquet",
        "tables/agent/date=2024-01-30/part-0.parquet",
    ]
    file = pq.ParquetFile(path_of(tmp_path, TABLE, FIRST))
    assert file.schema_arrow.remove_metadata() == arrow_schema(Agent).remove_metadata()
    assert file.read()["pid"].to_pylist() == ["a", "b"]
    assert {file.metadata.row_group(0).column(n).compression for n in range(file.metadata.num_columns)} == {"ZSTD"}
    assert pq.read_table(path_of(tmp_path, ["rejects", "agent"], FIRST)).schema == REJECTS_SCHEMA
    (written,) = step.materialized.values()
    assert (written["dagster/partition_row_count"], written["rejected_records"], step.failure) == (2, 0, "")
    assert written["file_bytes"] == path_of(tmp_path, TABLE, FIRST).stat().st_size
    assert written["dagster/uri"] == str(path_of(tmp_path, TABLE, FIRST))


@pytest.mark.parametrize("simulated", [True, False])
def test_a_file_tells_where_it_comes_from(tmp_path: Path, simulated: bool) -> None:
    write(tmp_path, TABLE, (FIRST, agents("a")), simulated=simulated)
    expected = {
        "salted.schema_version": "4",
        "salted.day": "2024-01-30",
        "salted.simulated": str(simulated).lower(),
        "salted.dataset": "agent",
        "salted.inputs": "{}",
        "salted.ordered_at": "2024-02-02T03:04:05+00:00",
    }
    assert footer_of(path_of(tmp_path, ["rejects", "agent"], FIRST)) == expected
    footer = footer_of(path_of(tmp_path, TABLE, FIRST))
    assert json.loads(footer.pop("salted.touches")) == {"zone": "UTC", "days": [], "unknown": False}
    assert len(footer.pop("salted.file_id")) == 12
    assert footer == expected


def test_a_table_has_the_id_of_its_content(tmp_path: Path) -> None:
    ids = []
    for names in (["a", "b"], ["a", "b"], ["a", "c"]):
        write(tmp_path, TABLE, (FIRST, agents(*names)))
        ids.append(footer_of(path_of(tmp_path, TABLE, FIRST))["salted.file_id"])
    assert ids[0] == ids[1] != ids[2]
    write(tmp_path, TABLE, (SECOND, agents("a", "c")))
    assert footer_of(path_of(tmp_path, TABLE, SECOND))["salted.file_id"] != ids[2], "of another day"


def test_a_score_tells_its_day_and_when_it_was_made(tmp_path: Path) -> None:
    write(tmp_path, SCORE, (FIRST, scores(1)), simulated=True)
    footer = footer_of(path_of(tmp_path, SCORE, FIRST))
    assert datetime.fromisoformat(footer.pop("salted.scored_at")).tzinfo is not None
    assert len(footer.pop("salted.file_id")) == 12
    assert footer == {
        "salted.schema_version": "4",
        "salted.day": "2024-01-30",
        "salted.simulated": "true",
        "salted.inputs": "{}",
    }


def test_what_a_score_is_made_of_is_asked_before_it_is_made(tmp_path: Path) -> None:
    calls: list[str] = []

    def inputs(days: Sequence[date]) -> dict[date, InputVersions]:
        calls.append("asked")
        return {day: InputVersions({"tables/agent": {day.isoformat(): f"asked {len(calls)}"}}) for day in days}

    def made() -> list[int]:
        calls.append("made")
        return [1]

    for _ in range(2):
        step = run(tmp_path, SCORE, frames({FIRST: made}, inputs=inputs))
    assert calls == ["asked", "made", "asked", "made"]
    footer = footer_of(path_of(tmp_path, SCORE, FIRST))
    expected = InputVersions({"tables/agent": {"2024-01-30": "asked 3"}})
    assert InputVersions.from_json(footer["salted.inputs"]) == expected
    shown = step.materialized[FIRST]
    assert shown["restated"] is True
    assert shown["restated_because_of"] == "tables/agent 2024-01-30"
    assert shown["restated_at"] == datetime.fromisoformat(footer["salted.scored_at"]).timestamp()


def test_a_score_says_by_which_formula_and_settings_it_was_made_and_a_later_one_which_of_them_changed(
    tmp_path: Path,
) -> None:
    for recipe in (Recipe.of(1, {"critical_questions": ("q1",)}), Recipe.of(2, {"critical_questions": ("q1", "q2")})):
        step = run(tmp_path, SCORE, frames({FIRST: scores(1)}), recipe=recipe)
    footer = footer_of(path_of(tmp_path, SCORE, FIRST))
    assert footer["salted.formula_version"] == "2"
    assert json.loads(footer["salted.settings"]) == {"critical_questions": ["q1", "q2"]}
    assert len(footer["salted.settings_fingerprint"]) == 12
    assert step.materialized[FIRST]["restated_because_of"] == (
        'formula version 2, was 1, setting critical_questions is ["q1", "q2"], was ["q1"]'
    )
    step = run(tmp_path, SCORE, frames({FIRST: scores(1)}), recipe=recipe)
    assert step.materialized[FIRST]["restated_because_of"] == "nothing new"


def test_no_rows_are_data_too(tmp_path: Path) -> None:
    step = write(tmp_path, TABLE, (FIRST, agents()))
    table = pq.read_table(path_of(tmp_path, TABLE, FIRST))
    assert (table.num_rows, table.column_names) == (0, arrow_schema(Agent).names)
    assert step.materialized[FIRST]["dagster/partition_row_count"] == 0
    write(tmp_path, SCORE, (FIRST, scores()))
    assert pq.read_table(path_of(tmp_path, SCORE, FIRST)).num_rows == 0


def test_a_stream_of_many_batches_keeps_every_row_in_order(tmp_path: Path) -> None:
    names = [f"agent-{n:05}" for n in range(3_000)]
    step = write(tmp_path, TABLE, (FIRST, agents(*names, chunk_bytes=1 << 10)))
    file = pq.ParquetFile(path_of(tmp_path, TABLE, FIRST))
    assert file.metadata.num_row_groups > 10
    assert file.read()["pid"].to_pylist() == names
    assert step.materialized[FIRST]["dagster/partition_row_count"] == 3_000


def test_of_two_passes_only_the_second_is_kept(tmp_path: Path) -> None:
    step = write(tmp_path, TABLE, (FIRST, agents("a", "b", "a", "", chunk_bytes=64)))
    assert sorted(pq.read_table(path_of(tmp_path, TABLE, FIRST))["pid"].to_pylist()) == ["a", "b"]
    rejects = pq.read_table(path_of(tmp_path, ["rejects", "agent"], FIRST)).to_pylist()
    assert [(row["row_number"], row["column"]) for row in rejects] == [(4, None)]
    assert step.materialized[FIRST]["rejected_records"] == 1


class BreakingFile(io.BytesIO):
    """Gives its bytes and then an error instead of the end."""

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if not data:
            raise OSError("the disk went away")
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def test_a_day_that_breaks_off_leaves_nothing_and_keeps_what_was_there(tmp_path: Path) -> None:
    content = b"".join([header(Agent), *(record(Agent, pid=f"p{n}") for n in range(500))])
    breaking = agents_of(RawFile("agents.csv", lambda: BreakingFile(content)), chunk_bytes=1 << 10)
    step = write(tmp_path, TABLE, (FIRST, breaking))
    assert files_below(tmp_path) == []
    assert "the disk went away" in step.failure
    assert step.materialized == {}
    write(tmp_path, TABLE, (FIRST, agents("a")))
    before = path_of(tmp_path, TABLE, FIRST).read_bytes()
    write(tmp_path, TABLE, (FIRST, breaking))
    assert path_of(tmp_path, TABLE, FIRST).read_bytes() == before
    assert len(files_below(tmp_path)) == 2


def fail() -> Any:
    raise ValueError("this day cannot be had")


@pytest.mark.parametrize(("key", "good"), [(TABLE, agents("a")), (SCORE, scores(1))])
def test_a_day_that_fails_does_not_keep_the_others_of_its_range(
    tmp_path: Path, key: list[str], good: Callable[[], Any]
) -> None:
    step = write(tmp_path, key, (FIRST, good), (SECOND, fail), (THIRD, good))
    assert list(step.materialized) == [FIRST, THIRD]
    assert all(shown["dagster/partition_row_count"] == 1 for shown in step.materialized.values())
    assert "this day cannot be had" in step.failure
    assert [path_of(tmp_path, key, day).exists() for day in (FIRST, SECOND, THIRD)] == [True, False, True]


def test_of_several_days_that_fail_each_is_named(tmp_path: Path) -> None:
    step = write(tmp_path, SCORE, (FIRST, fail), (SECOND, scores(1)), (THIRD, fail))
    assert list(step.materialized) == [SECOND]
    assert "2 days failed. 2024-01-30: this day cannot be had; 2024-02-01: this day cannot be had" in step.failure


def test_an_interrupt_ends_the_step_with_the_whole_days_recorded(tmp_path: Path) -> None:
    def interrupt() -> list[int]:
        raise KeyboardInterrupt

    step = write(tmp_path, SCORE, (FIRST, scores(1)), (SECOND, interrupt), (THIRD, scores(3)))
    assert "KeyboardInterrupt" in step.failure
    assert list(step.materialized) == [FIRST]
    assert [path_of(tmp_path, SCORE, day).exists() for day in (FIRST, SECOND, THIRD)] == [True, False, False]


def test_days_are_opened_one_by_one_as_they_are_written(tmp_path: Path) -> None:
    order = []

    def opening(day: date) -> Callable[[], list[int]]:
        def compute() -> list[int]:
            order.append((day, path_of(tmp_path, SCORE, FIRST).exists()))
            return [1]

        return compute

    write(tmp_path, SCORE, (FIRST, opening(FIRST)), (SECOND, opening(SECOND)))
    assert order == [(FIRST, False), (SECOND, True)]


def test_a_frame_of_several_days_is_split_by_its_day(tmp_path: Path) -> None:
    days = {FIRST: scores(1, 2), SECOND: scores(), THIRD: scores(3)}
    step = run(tmp_path, SCORE, frames(days, days_per_frame=2))
    assert step.failure == ""
    for day, compute in days.items():
        rows = pq.read_table(path_of(tmp_path, SCORE, day))
        assert rows["value"].to_pylist() == compute()
        assert set(rows["start_date"].to_pylist()) <= {day}
    asked = {day: shown["asked"] for day, shown in step.materialized.items()}
    assert asked == {FIRST: 2, SECOND: 2, THIRD: 1}


def test_a_frame_that_fails_is_computed_day_by_day(tmp_path: Path) -> None:
    step = run(tmp_path, SCORE, frames({FIRST: scores(1), SECOND: fail, THIRD: scores(3)}, days_per_frame=3))
    assert "this day cannot be had" in step.failure
    assert {day: shown["asked"] for day, shown in step.materialized.items()} == {FIRST: 1, THIRD: 1}
    assert [path_of(tmp_path, SCORE, day).exists() for day in (FIRST, SECOND, THIRD)] == [True, False, True]


def test_frames_that_come_in_turn_are_written_as_they_come_and_only_what_is_left_is_tried_alone(tmp_path: Path) -> None:
    in_turn = frames({FIRST: scores(1), SECOND: fail, THIRD: scores(3)})

    def compute(asked: Sequence[date]) -> Iterator[ScoreFrame]:
        for day in asked:
            assert day == asked[0] or path_of(tmp_path, SCORE, asked[0]).exists()
            frame: Any = in_turn.compute([day])
            yield replace(frame, metadata={day: {"asked": len(asked)}})

    step = run(tmp_path, SCORE, replace(in_turn, compute=compute, frames=[[FIRST, SECOND, THIRD]]))
    assert "this day cannot be had" in step.failure
    assert {day: shown["asked"] for day, shown in step.materialized.items()} == {FIRST: 3, THIRD: 1}


def test_rows_of_a_day_that_was_not_asked_for_are_refused(tmp_path: Path) -> None:
    strange = ScoreFrame(pa.table({"start_date": [SECOND], "value": [1]}, schema=SCORE_SCHEMA))
    step = run(tmp_path, SCORE, ScoreFrames([[FIRST]], "start_date", lambda _: strange))
    assert "there are rows whose start_date is none of 2024-01-30" in step.failure
    assert files_below(tmp_path) == []


def load(folder: Path, first: date, last: date, *, kind: type = pd.DataFrame, **metadata: Any) -> Any:
    with dg.build_input_context(
        asset_key=dg.AssetKey(SCORE),
        asset_partition_key_range=dg.PartitionKeyRange(first.isoformat(), last.isoformat()),
        asset_partitions_def=PARTITIONS,
        dagster_type=dg.PythonObjectDagsterType(kind),
        definition_metadata=metadata,
    ) as context:
        return manager(folder).load_input(context)


@pytest.mark.parametrize("last", [FIRST, THIRD])
def test_any_number_of_days_comes_back_as_one_frame(tmp_path: Path, last: date) -> None:
    write(tmp_path, SCORE, (FIRST, scores(1, 2)), (SECOND, scores()), (THIRD, scores(3)))
    expected = [1, 2] if last == FIRST else [1, 2, 3]
    frame = load(tmp_path, FIRST, last)
    pd.testing.assert_frame_equal(frame[["value"]], pd.DataFrame({"value": expected}, dtype="int64[pyarrow]"))
    table = load(tmp_path, FIRST, last, kind=pa.Table)
    assert table.select(["value"]).equals(pa.table({"value": expected}))


def test_a_missing_day_is_an_error_unless_it_may_be_missing(tmp_path: Path) -> None:
    write(tmp_path, SCORE, (FIRST, scores(1)), (THIRD, scores(3)))
    with pytest.raises(FileNotFoundError, match="2024-01-31"):
        load(tmp_path, FIRST, THIRD)
    assert load(tmp_path, FIRST, THIRD, kind=pa.Table, allow_missing_partitions=True)["value"].to_pylist() == [1, 3]
    with pytest.raises(FileNotFoundError, match="scores/queue_daily has none of the 1 days"):
        load(tmp_path, SECOND, SECOND, allow_missing_partitions=True)


def test_the_annotation_of_an_input_chooses_what_it_gets(tmp_path: Path) -> None:
    write(tmp_path, SCORE, (FIRST, scores(1)), (SECOND, scores(2)))
    seen: dict[str, Any] = {}

    @dg.asset(
        partitions_def=PARTITIONS, backfill_policy=dg.BackfillPolicy.single_run(), ins={"rows": dg.AssetIn(SCORE)}
    )
    def in_pandas(rows: pd.DataFrame) -> None:
        seen["pandas"] = rows

    @dg.asset(
        partitions_def=PARTITIONS, backfill_policy=dg.BackfillPolicy.single_run(), ins={"rows": dg.AssetIn(SCORE)}
    )
    def in_arrow(rows: pa.Table) -> None:
        seen["arrow"] = rows

    done = dg.materialize(
        [in_pandas, in_arrow, dg.AssetSpec(SCORE, partitions_def=PARTITIONS)],
        selection=[in_pandas, in_arrow],
        resources={"io_manager": manager(tmp_path)},
        tags=range_tags(FIRST, SECOND),
        run_config=QUIET,
    )
    assert done.success
    assert seen["pandas"]["value"].tolist() == seen["arrow"]["value"].to_pylist() == [1, 2]


def test_a_day_whose_bytes_are_not_those_that_were_written_is_named(tmp_path: Path) -> None:
    warehouse, key = Warehouse(str(tmp_path)), ("scores", "agent_daily")
    path = warehouse.table_path(key, date(2024, 1, 30))
    with warehouse.create(path) as file:
        write_frame(file, pa.table({"agent_pid": ["a1"] * 1000}), Footer())
    content = bytearray(warehouse.read_bytes(path))
    content[10:20] = b"\xff" * 10
    warehouse.write_bytes(path, bytes(content))
    with pytest.raises(WarehouseDamaged, match=path):
        read_days(warehouse, key, [date(2024, 1, 30)])
