"""What is written for a day or a range, whole or not at all, and what comes back as an input."""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from salted_assets.defs.io_managers import Day, Days, TableDay, WarehouseIOManager, Written
from salted_assets.defs.partitions import RANGE_END, RANGE_START
from salted_assets.defs.resources import WarehouseResource
from salted_assets.history.restatement import InputVersions
from salted_assets.ingest import IngestRules, RawFile, read_table
from salted_assets.schemas.agent import Agent
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.rejects import REJECTS_SCHEMA
from salted_assets_tests.support.ingesting import header, raw_file, record
from salted_assets_tests.support.platform import KNOWN_WARNINGS, QUIET

pytestmark = [*KNOWN_WARNINGS, pytest.mark.slow]

FIRST, SECOND, THIRD = date(2024, 1, 30), date(2024, 1, 31), date(2024, 2, 1)
ORDERED_AT = datetime(2024, 2, 2, 3, 4, 5, tzinfo=UTC)
PARTITIONS = dg.DailyPartitionsDefinition("2024-01-01")
TABLE = ["tables", "agent"]
SCORE = ["scores", "agent_daily"]


@dataclass
class Told:
    """What the asset was told of its days."""

    written: dict[date, Written] = field(default_factory=dict)
    failed: dict[date, Exception] = field(default_factory=dict)
    finished: int = 0

    def hand_over(self, *days: tuple[date, Callable[[], Day]]) -> Days[Day]:
        return Days(days, lambda day, _, written: self.written.update({day: written}), self._fail, self._finish)

    def _fail(self, day: date, error: Exception) -> None:
        self.failed[day] = error

    def _finish(self) -> None:
        self.finished += 1


def manager(folder: Path, *, simulated: bool = False) -> WarehouseIOManager:
    warehouse = WarehouseResource(address=str(folder), simulated=simulated, timezone="UTC")
    return WarehouseIOManager(warehouse=warehouse)


def write(folder: Path, key: Sequence[str], *days: tuple[date, Callable[[], Any]], simulated: bool = False) -> Told:
    told = Told()
    with dg.build_output_context(asset_key=dg.AssetKey(key)) as context:
        manager(folder, simulated=simulated).handle_output(context, told.hand_over(*days))
    return told


def agents(*names: str, chunk_bytes: int = 1 << 16) -> Callable[[], TableDay]:
    """A day of agents, one for each name; the name is the pid as well."""
    return agents_of(
        raw_file(b"".join([header(Agent), *(record(Agent, pid=name, name=name) for name in names)])), chunk_bytes
    )


def agents_of(file: RawFile, chunk_bytes: int = 1 << 16) -> Callable[[], TableDay]:
    return lambda: TableDay(read_table(Agent, [file], IngestRules(chunk_bytes=chunk_bytes)), ORDERED_AT)


def scores(*values: int) -> Callable[[], pa.Table]:
    return lambda: pa.table({"value": pa.array(values, pa.int64())})


def path_of(folder: Path, key: Sequence[str], day: date) -> Path:
    return folder.joinpath(*key, f"date={day}", "part-0.parquet")


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def notes_of(path: Path) -> dict[str, str]:
    metadata = pq.ParquetFile(path).metadata.metadata
    return {name.decode(): text.decode() for name, text in metadata.items() if name.startswith(b"salted.")}


def test_a_day_is_one_file_of_rows_and_one_of_rejects(tmp_path: Path) -> None:
    told = write(tmp_path, TABLE, (FIRST, agents("a", "b")))
    assert files_below(tmp_path) == [
        "rejects/agent/date=2024-01-30/part-0.parquet",
        "tables/agent/date=2024-01-30/part-0.parquet",
    ]
    file = pq.ParquetFile(path_of(tmp_path, TABLE, FIRST))
    assert file.schema_arrow.remove_metadata() == arrow_schema(Agent).remove_metadata()
    assert file.read()["pid"].to_pylist() == ["a", "b"]
    assert {file.metadata.row_group(0).column(n).compression for n in range(file.metadata.num_columns)} == {"ZSTD"}
    assert pq.read_table(path_of(tmp_path, ["rejects", "agent"], FIRST)).schema == REJECTS_SCHEMA
    written = told.written[FIRST]
    assert (written.row_count, written.reject_count, told.finished, told.failed) == (2, 0, 1, {})
    assert written.byte_count == path_of(tmp_path, TABLE, FIRST).stat().st_size
    assert tmp_path / written.path == path_of(tmp_path, TABLE, FIRST)


@pytest.mark.parametrize("simulated", [True, False])
def test_a_file_tells_where_it_comes_from(tmp_path: Path, simulated: bool) -> None:
    write(tmp_path, TABLE, (FIRST, agents("a")), simulated=simulated)
    expected = {
        "salted.schema_version": "2",
        "salted.day": "2024-01-30",
        "salted.simulated": str(simulated).lower(),
        "salted.dataset": "agent",
        "salted.ordered_at": "2024-02-02T03:04:05+00:00",
    }
    assert notes_of(path_of(tmp_path, ["rejects", "agent"], FIRST)) == expected
    notes = notes_of(path_of(tmp_path, TABLE, FIRST))
    assert json.loads(notes.pop("salted.touches")) == {"zone": "UTC", "days": [], "unknown": False}
    assert len(notes.pop("salted.file_id")) == 12
    assert notes == expected


def test_a_table_has_the_id_of_its_content(tmp_path: Path) -> None:
    ids = []
    for names in (["a", "b"], ["a", "b"], ["a", "c"]):
        write(tmp_path, TABLE, (FIRST, agents(*names)))
        ids.append(notes_of(path_of(tmp_path, TABLE, FIRST))["salted.file_id"])
    assert ids[0] == ids[1] != ids[2]
    write(tmp_path, TABLE, (SECOND, agents("a", "c")))
    assert notes_of(path_of(tmp_path, TABLE, SECOND))["salted.file_id"] != ids[2], "of another day"


def test_a_score_tells_its_day_and_when_it_was_made(tmp_path: Path) -> None:
    write(tmp_path, SCORE, (FIRST, scores(1)), simulated=True)
    notes = notes_of(path_of(tmp_path, SCORE, FIRST))
    assert datetime.fromisoformat(notes.pop("salted.scored_at")).tzinfo is not None
    assert len(notes.pop("salted.file_id")) == 12
    assert notes == {
        "salted.schema_version": "2",
        "salted.day": "2024-01-30",
        "salted.simulated": "true",
        "salted.inputs": "{}",
    }


def test_what_a_score_is_made_of_is_asked_before_it_is_made(tmp_path: Path) -> None:
    calls: list[str] = []

    def inputs(day: date) -> InputVersions:
        calls.append("asked")
        return InputVersions({"tables/agent": {day.isoformat(): f"asked {len(calls)}"}})

    def made() -> pa.Table:
        calls.append("made")
        return scores(1)()

    told = Told()
    with dg.build_output_context(asset_key=dg.AssetKey(SCORE)) as context:
        for _ in range(2):
            manager(tmp_path).handle_output(context, replace(told.hand_over((FIRST, made)), inputs=inputs))
    assert calls == ["asked", "made", "asked", "made"]
    notes = notes_of(path_of(tmp_path, SCORE, FIRST))
    assert InputVersions.from_json(notes["salted.inputs"]) == InputVersions({"tables/agent": {"2024-01-30": "asked 3"}})
    replaced = told.written[FIRST].replaced
    assert replaced is not None
    assert replaced.because == ("tables/agent 2024-01-30",)
    assert replaced.scored_at is not None
    assert replaced.scored_at < datetime.fromisoformat(notes["salted.scored_at"])


def test_no_rows_are_data_too(tmp_path: Path) -> None:
    told = write(tmp_path, TABLE, (FIRST, agents()))
    table = pq.read_table(path_of(tmp_path, TABLE, FIRST))
    assert (table.num_rows, table.column_names) == (0, arrow_schema(Agent).names)
    assert told.written[FIRST].row_count == 0
    write(tmp_path, SCORE, (FIRST, scores()))
    assert pq.read_table(path_of(tmp_path, SCORE, FIRST)).num_rows == 0


def test_a_stream_of_many_batches_keeps_every_row_in_order(tmp_path: Path) -> None:
    names = [f"agent-{n:05}" for n in range(3_000)]
    told = write(tmp_path, TABLE, (FIRST, agents(*names, chunk_bytes=1 << 10)))
    file = pq.ParquetFile(path_of(tmp_path, TABLE, FIRST))
    assert file.metadata.num_row_groups > 10
    assert file.read()["pid"].to_pylist() == names
    assert told.written[FIRST].row_count == 3_000


def test_of_two_passes_only_the_second_is_kept(tmp_path: Path) -> None:
    told = write(tmp_path, TABLE, (FIRST, agents("a", "b", "a", "", chunk_bytes=64)))
    assert sorted(pq.read_table(path_of(tmp_path, TABLE, FIRST))["pid"].to_pylist()) == ["a", "b"]
    rejects = pq.read_table(path_of(tmp_path, ["rejects", "agent"], FIRST)).to_pylist()
    assert [(row["row_number"], row["column"]) for row in rejects] == [(4, None)]
    assert told.written[FIRST].reject_count == 1


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
    told = write(tmp_path, TABLE, (FIRST, breaking))
    assert files_below(tmp_path) == []
    assert str(told.failed[FIRST]) == "the disk went away"
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
    told = write(tmp_path, key, (FIRST, good), (SECOND, fail), (THIRD, good))
    assert list(told.written) == [FIRST, THIRD]
    assert {day: str(error) for day, error in told.failed.items()} == {SECOND: "this day cannot be had"}
    assert told.finished == 1
    assert [path_of(tmp_path, key, day).exists() for day in (FIRST, SECOND, THIRD)] == [True, False, True]


def test_days_are_opened_one_by_one_as_they_are_written(tmp_path: Path) -> None:
    order = []

    def opening(day: date) -> Callable[[], pa.Table]:
        def compute() -> pa.Table:
            order.append((day, path_of(tmp_path, SCORE, FIRST).exists()))
            return scores(1)()

        return compute

    write(tmp_path, SCORE, (FIRST, opening(FIRST)), (SECOND, opening(SECOND)))
    assert order == [(FIRST, False), (SECOND, True)]


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
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"value": expected}, dtype="int64[pyarrow]"))
    table = load(tmp_path, FIRST, last, kind=pa.Table)
    assert table.equals(pa.table({"value": expected}))


def test_a_missing_day_is_an_error_unless_it_may_be_missing(tmp_path: Path) -> None:
    write(tmp_path, SCORE, (FIRST, scores(1)), (THIRD, scores(3)))
    with pytest.raises(FileNotFoundError, match="2024-01-31"):
        load(tmp_path, FIRST, THIRD)
    assert load(tmp_path, FIRST, THIRD, kind=pa.Table, allow_missing_partitions=True)["value"].to_pylist() == [1, 3]
    with pytest.raises(FileNotFoundError, match="scores/agent_daily has none of the 1 days"):
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
        tags={RANGE_START: FIRST.isoformat(), RANGE_END: SECOND.isoformat()},
        run_config=QUIET,
    )
    assert done.success
    assert seen["pandas"]["value"].tolist() == seen["arrow"]["value"].to_pylist() == [1, 2]
