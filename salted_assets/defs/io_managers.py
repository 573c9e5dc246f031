"""What assets hand over to be written, and the one place that writes it and reads it back as inputs.

A range is written day by day and read as one frame.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from salted_assets.defs.asset_checks.outcome import CheckOutcome
from salted_assets.defs.asset_checks.scores import SCORE_CHECKS, ScoreChecks
from salted_assets.defs.asset_checks.table import check_failed_table, check_table, gather_check_input
from salted_assets.defs.asset_keys import local_path
from salted_assets.defs.day_files import DayWriter
from salted_assets.defs.metadata.materializations import describe_score, describe_table, observe_late_engagements
from salted_assets.defs.metadata.previews import choose_shown
from salted_assets.defs.metadata.recipes import recipe_of
from salted_assets.defs.resources import WarehouseResource
from salted_assets.defs.step_days import DayMetadata, materialize_each
from salted_assets.explain import Rescore
from salted_assets.history.restatement import InputVersions
from salted_assets.ingest import TableStream
from salted_assets.schemas.base import ColumnFacts, columns_of
from salted_assets.schemas.scores import SCORE_MODELS
from salted_assets.warehouse import Warehouse, whole_file
from salted_assets.warehouse.scans import damage_named

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TableDay:
    """One day of a vendor dataset: its stream of checked batches, when its export was requested, what it is made of.

    `landed_row_count` are the records of its raw files as counted when they landed, None where nobody has.
    """

    stream: TableStream
    requested_at: datetime
    inputs: InputVersions = field(default_factory=InputVersions)
    landed_row_count: int | None = None


@dataclass(frozen=True)
class TableDays:
    """The days of a vendor's table, each opened when it is written: one that cannot be opened fails alone.

    `outcomes` are those of the checks of each day, once it is written or has failed.
    """

    days: Mapping[date, Callable[[], TableDay]]
    outcomes: dict[date, list[CheckOutcome]] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoreFrame:
    """Rows of one or more days of a score; of each day what the UI shows beside what its file says, and its checks.

    The rows of a single day may come in parts, each computed when it is written: what is told of the day is complete
    then.
    """

    rows: pa.Table | Iterator[pa.Table]
    metadata: Mapping[date, DayMetadata] = field(default_factory=dict)
    outcomes: Mapping[date, list[CheckOutcome]] = field(default_factory=dict)


def _no_inputs(days: Sequence[date]) -> Mapping[date, InputVersions]:
    return dict.fromkeys(days, InputVersions())


@dataclass(frozen=True)
class ScoreFrames:
    """The days of a score as frames, each computed when it is written; `day_column` says of a row which day it is of.

    `frames` are the days of each, for which `compute` gives their frame, or a frame for each of them in turn, which
    share what they read while only one has to be in memory. Days that are left where that fails are tried one by one,
    so that a bad day fails alone. `inputs` gives what days will be made of, and is asked before they are computed: what
    is replaced in between is then not recorded. `rescore` gives for a day what makes its rows again out of what an
    earlier file was made of. `outcomes` are those of the checks of each day, once it is written.
    """

    frames: Sequence[Sequence[date]]
    day_column: str
    compute: Callable[[Sequence[date]], ScoreFrame | Iterator[ScoreFrame]]
    inputs: Callable[[Sequence[date]], Mapping[date, InputVersions]] = _no_inputs
    rescore: Callable[[date], Rescore] | None = None
    outcomes: dict[date, list[CheckOutcome]] = field(default_factory=dict)


class WarehouseIOManager(dg.ConfigurableIOManager):
    """Persists tables, rejects and scores as Parquet in the warehouse, and loads any range of days as one frame."""

    warehouse: dg.ResourceDependency[WarehouseResource]
    volume_tolerance: float = Field(description="Share of the usual rows down to which the check volume passes.")
    holidays: list[str] = Field(default=[], description="Days that the check volume leaves out, as YYYY-MM-DD.")

    def handle_output(self, context: dg.OutputContext, obj: TableDays | ScoreFrames | pa.Table) -> None:
        """Write and check the days of a table, or write the days of a score, or a table without partitions.

        Days that fail leave the others whole, and those recorded.
        """
        recipe = recipe_of(dg.AssetExecutionContext.get().assets_def.get_asset_spec(context.asset_key))
        writer = DayWriter(self.warehouse.open(), self.warehouse.timezone, local_path(context.asset_key), recipe)
        if isinstance(obj, pa.Table):
            context.add_output_metadata(writer.write_whole(obj))
        elif isinstance(obj, TableDays):
            self._write_tables(writer, obj)
        else:
            self._write_scores(writer, obj)

    def _write_tables(self, writer: DayWriter, tables: TableDays) -> None:
        step = dg.AssetExecutionContext.get()
        write = partial(self._write_table, step, writer, tables)
        materialize_each(step, ((day, partial(write, day)) for day in tables.days), tables.outcomes)

    def _write_table(
        self, step: dg.AssetExecutionContext, writer: DayWriter, tables: TableDays, day: date
    ) -> DayMetadata:
        warehouse, dataset = self.warehouse.open(), local_path(step.asset_key)[-1]
        try:
            table = tables.days[day]()
            written = writer.write_table(day, table.stream, table.requested_at, table.inputs)
        except Exception as error:
            tables.outcomes[day] = check_failed_table(error)
            raise
        found = gather_check_input(
            warehouse,
            dataset,
            day,
            table.stream.statistics,
            zone=self.warehouse.timezone,
            late_row_count=written.affected.late_rows(day),
            landed_row_count=table.landed_row_count,
            holidays=[date.fromisoformat(holiday) for holiday in self.holidays],
        )
        tables.outcomes[day] = check_table(found, self.volume_tolerance)
        if dataset == "engagement":
            step.log_event(observe_late_engagements(step.asset_key, day, written))
        return describe_table(warehouse, day, table.stream, table.requested_at, written)

    def _write_scores(self, writer: DayWriter, frames: ScoreFrames) -> None:
        step = dg.AssetExecutionContext.get()
        name = local_path(step.asset_key)[-1]
        is_checked = any(
            key.asset_key == step.asset_key and key.name in SCORE_CHECKS for key in step.assets_def.check_keys
        )
        checks = ScoreChecks(self.warehouse.open(), name) if is_checked else None
        write = partial(self._write_score, writer, columns_of(SCORE_MODELS[name]), checks, frames)
        days = ((day, partial(write, day, compute)) for day, compute in _compute_each(frames))
        materialize_each(step, days, frames.outcomes)

    def _write_score(  # noqa: PLR0917 - by what it is written, described and checked, each of its own type
        self,
        writer: DayWriter,
        columns: Sequence[ColumnFacts],
        checks: ScoreChecks | None,
        frames: ScoreFrames,
        day: date,
        compute: Callable[[], "_ScoreDay"],
    ) -> DayMetadata:
        score = compute()
        rescore = frames.rescore(day) if frames.rescore else None
        written = writer.write_scores(day, score.parts, score.inputs, rescore, shown=choose_shown(columns))
        metadata = score.frame.metadata.get(day, {})

        def is_current() -> bool:
            return not frames.inputs([day])[day].differing_from(score.inputs)

        outcomes = [*score.frame.outcomes.get(day, ())]
        with written.file:
            outcomes += checks.check(written.file, day, metadata, is_current=is_current) if checks else []
        if outcomes:
            frames.outcomes[day] = outcomes
        return {**describe_score(self.warehouse.open(), columns, written), **metadata}

    def load_input(self, context: dg.InputContext) -> pd.DataFrame | pa.Table:
        """All days asked for, or the table without partitions, as one frame: a pyarrow Table where so annotated.

        Else pandas. What is missing raises FileNotFoundError, a day not if the input's metadata has
        `allow_missing_partitions`.
        """
        warehouse, key = self.warehouse.open(), local_path(context.asset_key)
        if context.has_asset_partitions:
            days = [date.fromisoformat(each) for each in context.asset_partition_keys]
            may_be_missing = bool((context.definition_metadata or {}).get("allow_missing_partitions"))
            table = read_days(warehouse, key, days, may_be_missing=may_be_missing)
        else:
            table = warehouse.open_parquet(whole_file(key)).read().replace_schema_metadata(None)
        if context.dagster_type.typing_type is pa.Table:
            return table
        return table.to_pandas(types_mapper=pd.ArrowDtype)


@dataclass(frozen=True)
class _ScoreDay:
    """The rows of a day, in parts, with its inputs; the rest is in its frame, once all parts are computed."""

    parts: Iterator[pa.Table]
    inputs: InputVersions
    frame: ScoreFrame


def _compute_each(frames: ScoreFrames) -> Iterator[tuple[date, Callable[[], _ScoreDay]]]:
    """Every day with what gives its rows: they are computed already where they came with those of other days."""
    for days in frames.frames:
        left = dict.fromkeys(days)
        if len(days) > 1:
            try:
                for day, computed in _compute(frames, days):
                    del left[day]
                    yield day, partial(_given, computed)
            except Exception as error:  # noqa: BLE001 - the day whose it is fails again by itself, and is reported then
                # no more of the error than its class: its message may quote what a cell holds
                failed = f"{days[0]} to {days[-1]} failed together with {type(error).__name__}"
                _LOG.warning("%s; the %d days that are left are computed one by one.", failed, len(left))
        for day in left:
            yield day, partial(_compute_day, frames, day)


def _given(score: _ScoreDay) -> _ScoreDay:
    return score


def _compute_day(frames: ScoreFrames, day: date) -> _ScoreDay:
    ((_, score),) = _compute(frames, [day])
    return score


def _compute(frames: ScoreFrames, days: Sequence[date]) -> Iterator[tuple[date, _ScoreDay]]:
    """The rows of the days, each with what it is made of."""
    inputs = frames.inputs(days)
    computed = frames.compute(days)
    of_each = [days] if isinstance(computed, ScoreFrame) else ([day] for day in days)
    given = [computed] if isinstance(computed, ScoreFrame) else computed
    for own, frame in zip(of_each, given, strict=True):
        for day, parts in _split_frame(frame, frames.day_column, own).items():
            yield day, _ScoreDay(parts, inputs[day], frame)


def _split_frame(frame: ScoreFrame, day_column: str, days: Sequence[date]) -> dict[date, Iterator[pa.Table]]:
    """The rows of each day, those of a single one in the parts in which they come."""
    if isinstance(frame.rows, pa.Table):
        return {day: iter([rows]) for day, rows in _split(frame.rows, day_column, days).items()}
    (day,) = days
    return {day: map(lambda part: _split(part, day_column, days)[day], frame.rows)}  # noqa: C417 - which keeps no part


def _split(rows: pa.Table, day_column: str, days: Sequence[date]) -> dict[date, pa.Table]:
    """The rows of each day in the order in which they come; raises ValueError for rows that are of none of them."""
    counts = {each["values"]: each["counts"] for each in pc.value_counts(rows[day_column]).to_pylist()}
    if not counts.keys() <= set(days):
        raise ValueError(f"there are rows whose {day_column} is none of {', '.join(map(str, days))}")
    if len(days) > 1:
        rows = rows.take(pc.sort_indices(rows, sort_keys=[(day_column, "ascending")]))  # which is stable
    split, start = {}, 0
    for day in sorted(days):
        split[day] = rows.slice(start, counts.get(day, 0))
        start += counts.get(day, 0)
    return split


def read_days(
    warehouse: Warehouse, key: Sequence[str], days: Sequence[date], *, may_be_missing: bool = False
) -> pa.Table:
    """The rows of all the days, in order.

    Raises FileNotFoundError for a missing day, or where there is none at all, WarehouseDamaged for a damaged file.
    """
    paths = [warehouse.table_path(key, day) for day in days]
    present = [path for path in paths if not may_be_missing or warehouse.exists(path)]
    if not present:
        raise FileNotFoundError(f"{'/'.join(key)} has none of the {len(days)} days asked for")
    with damage_named(warehouse, present):
        tables = [warehouse.open_parquet(path).read() for path in present]
    return pa.concat_tables(tables).replace_schema_metadata(None)
