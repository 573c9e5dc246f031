"""How every score asset is declared, reads the day's other scores and gives its frames."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from datetime import date, timedelta
from functools import partial, wraps
from math import ceil
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa

from salted_assets.defs.asset_checks.readable import build_readable_check_spec
from salted_assets.defs.asset_checks.reporting import report_outcomes
from salted_assets.defs.asset_checks.scores import WindowTally, build_score_check_specs
from salted_assets.defs.asset_keys import local_path, score_key
from salted_assets.defs.assets.labels import label_asset
from salted_assets.defs.assets.score_parts import Scored, score_in_parts
from salted_assets.defs.io_managers import ScoreFrame, ScoreFrames
from salted_assets.defs.metadata.columns import build_column_schema
from salted_assets.defs.metadata.recipes import describe_recipe
from salted_assets.defs.partitions import build_backfill_policy, build_partitions, days_of
from salted_assets.defs.resources import WarehouseResource
from salted_assets.defs.restatement.score_layout import DAILY, RESTATED_TAG, WINDOWED, build_inputs
from salted_assets.history import Part, Recipe
from salted_assets.history.score_files import (
    count_newest_rows,
    list_score_days,
    open_score_window,
    score_damage_named,
)
from salted_assets.schemas.base import Table, arrow_schema, columns_of
from salted_assets.schemas.scores import score_facts_of
from salted_assets.scoring import ScoringChoices
from salted_assets.scoring.choices import RollingChoices
from salted_assets.settings import Settings
from salted_assets.warehouse import Warehouse
from salted_assets.warehouse.scans import Connection, Relation

_DESCRIPTION = """\
One row per {grain}.

{about}

{partition}

Readings taken where the vendor's pages are silent:

{choices}
"""

_EXCLUDED = """
Not summed up for a person (`SALTED_NOT_FOR_PERSONS`): {columns}.
"""

START_DAY = """\
The partition is the day on which the engagement started. Its rows are the newest versions of what all exports from \
that day on delivered, so a survey answered ten days later counts when the day is scored again."""

LAST_DAY = """\
The partition is the last day of the window. Days of the window that have not been scored are left out and counted; \
the window is shorter where there is no partition yet. When one of its days is scored again, this table stays as it is \
until it is made again."""


CHOICES = tuple(choice.name for choice in fields(ScoringChoices))
"""The settings that choose readings."""

THRESHOLDS = tuple(choice.name for choice in fields(RollingChoices))
"""The settings that are thresholds for comparisons."""

_BYTES_PER_WINDOW_FRAME = 200_000_000
"""What windows hold together, about, that share what they read."""


def build_choices(settings: Settings, among: Collection[str] = CHOICES) -> ScoringChoices:
    """The readings that the settings choose, those `among` these; the others are the usual ones.

    An asset is given those alone that it says it reads, so that no other can have an effect on it.
    """
    return ScoringChoices(**{name: getattr(settings, name) for name in CHOICES if name in among})


def build_rolling_choices(settings: Settings) -> RollingChoices:
    """The thresholds for comparisons that the settings choose."""
    return RollingChoices(**{name: getattr(settings, name) for name in THRESHOLDS})


def score_asset(
    settings: Settings,
    model: type[Table],
    name: str,
    *,
    deps: Sequence[dg.AssetKey],
    partition: str = START_DAY,
    reads: Sequence[str] = (),
    datasets: Sequence[str] = (),
    has_check: bool = False,
    own_checks: Sequence[dg.AssetCheckSpec] = (),
    is_of_persons: bool = False,
) -> Callable[[Callable[..., ScoreFrames]], dg.AssetsDefinition]:
    """The decorator of the asset `scores/<name>`, for a function that gives its days.

    `partition` says what its day is, `reads` which settings it reads.

    `datasets` are those of the setting that its columns are made of: without one of them columns are null, so files of
    when there were others are out of date, though no file that they were made of has changed.
    `has_check` gives it the check `readable`, which scores made of tables have; `own_checks` are of it alone. One that
    `is_of_persons` sums up for a person nothing that the settings exclude; where these exclude nothing, files of before
    there was the setting do.
    """
    facts, partitions = score_facts_of(model), build_partitions(settings)
    choices = build_choices(settings).describe()
    read = {setting: getattr(settings, setting) for setting in reads}
    read |= {"datasets": datasets} if datasets else {}
    excluded = settings.not_for_persons if is_of_persons else ()
    recipe = Recipe.of(facts.formula_version, read | ({"not_for_persons": excluded} if excluded else {}))
    readable = [build_readable_check_spec(score_key(name), partitions)] if has_check else []
    declare = dg.asset(
        key=score_key(name),
        deps=deps,
        partitions_def=partitions,
        check_specs=[*readable, *build_score_check_specs(score_key(name), partitions), *own_checks],
        backfill_policy=build_backfill_policy(settings),
        **label_asset(settings, "scores", "duckdb", **{RESTATED_TAG: DAILY if partition == START_DAY else WINDOWED}),
        description=_DESCRIPTION.format(grain=facts.grain, about=model.__doc__, partition=partition, choices=choices)
        + (_EXCLUDED.format(columns=", ".join(excluded)) if excluded else ""),
        metadata={
            "dagster/column_schema": build_column_schema(columns_of(model), key=facts.key),
            "dagster/table_name": f"scores.{name}",
            **describe_recipe(recipe),
        },
    )
    return lambda compute: declare(_with_checks(compute))


def _with_checks(compute: Callable[..., ScoreFrames]) -> Callable[..., Iterator[Any]]:
    """The body of a score asset: its days are written and checked with the output, then the outcomes are reported."""

    @wraps(compute)
    def body(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.Output[ScoreFrames] | dg.AssetCheckResult]:
        frames = compute(context, warehouse)
        yield dg.Output(frames)
        yield from report_outcomes(context, context.asset_key, frames.outcomes)

    return body


def daily_frames(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    score: Callable[[Sequence[date]], ScoreFrame],
    bytes_of: Callable[[date], int],
    bytes_per_frame: int,
) -> ScoreFrames:
    """The step's days in frames that `score` computes at once: as many days as come to so many bytes, and one at least.

    A day is made of the rows that started on it, or of its own partition of other scores. `bytes_of` says what
    computing a day takes.
    """
    return ScoreFrames(
        frames=_fill_frames(days_of(context), bytes_of, bytes_per_frame),
        day_column="start_date",
        compute=partial(_score_days, context, warehouse, score),
        inputs=build_inputs(context, warehouse),
    )


def daily_frames_in_parts(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    score: Callable[[Sequence[date], Part], Scored],
    bytes_of: Callable[[date], int],
    bytes_per_frame: int,
) -> ScoreFrames:
    """The same, and a day that comes to more bytes in parts that do not."""

    def count_parts(day: date) -> int:
        return ceil(bytes_of(day) / bytes_per_frame)

    return daily_frames(context, warehouse, partial(score_in_parts, score, count_parts), bytes_of, bytes_per_frame)


def tallied_frames(tally: WindowTally, end_dates: Sequence[date], tables: Iterable[pa.Table]) -> Iterator[ScoreFrame]:
    """A frame for the windows that end on each day, with what was counted of their days."""
    for day, rows in zip(end_dates, tables, strict=True):
        yield ScoreFrame(rows, {day: tally.describe(day)})


def _fill_frames(days: Sequence[date], bytes_of: Callable[[date], int], bytes_per_frame: int) -> list[list[date]]:
    frames: list[list[date]] = []
    room = 0
    for day in days:
        room -= bytes_of(day)
        if frames and room >= 0:
            frames[-1].append(day)
        else:
            frames.append([day])
            room = bytes_per_frame - bytes_of(day)
    return frames


def _score_days(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    score: Callable[[Sequence[date]], ScoreFrame],
    days: Sequence[date],
) -> ScoreFrame:
    """The days' frame. Raises WarehouseDamaged where a file of the scores that a single day is made of is damaged."""
    if len(days) > 1:
        return score(days)  # where it fails, the days are tried one by one: only then is it asked whose file it was
    with score_damage_named(warehouse, _scores_read(context), days[0], days[0]):
        frame = score(days)
    if isinstance(frame.rows, pa.Table):
        return frame
    return replace(frame, rows=_with_damage_named(context, warehouse, days[0], frame.rows))


def _with_damage_named(
    context: dg.AssetExecutionContext, warehouse: Warehouse, day: date, parts: Iterator[pa.Table]
) -> Iterator[pa.Table]:
    with score_damage_named(warehouse, _scores_read(context), day, day):
        yield from parts


def window_frames(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    score: Callable[[Sequence[date]], Iterator[ScoreFrame]],
    *,
    window_days: int,
    rows_of: str,
    bytes_per_row: int,
    days_held: int = 0,
) -> ScoreFrames:
    """The step's days, each made of other scores of the `window_days` days that end on it, which frames share.

    `score` gives a frame for each day in turn. What it keeps of each day until then, and of `days_held` days besides,
    are so many bytes for each row that the score table `rows_of` has of a day; a frame has as many days as come to
    `_BYTES_PER_WINDOW_FRAME`, and one at least.
    """
    days = days_of(context)
    rows = count_newest_rows(warehouse, rows_of, days[-1] - timedelta(days=window_days - 1), days[-1])
    room = max(_BYTES_PER_WINDOW_FRAME - days_held * rows * bytes_per_row, 0)
    return ScoreFrames(
        frames=_fill_frames(days, lambda _: rows * bytes_per_row, room),
        day_column="end_date",
        compute=partial(_score_windows, context, warehouse, score, window_days),
        inputs=build_inputs(context, warehouse, window_days),
    )


def _score_windows(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    score: Callable[[Sequence[date]], Iterator[ScoreFrame]],
    window_days: int,
    days: Sequence[date],
) -> Iterator[ScoreFrame]:
    """The days' frames. Raises WarehouseDamaged where a file of what a single day is made of cannot be read."""
    if len(days) > 1:
        # The days that are left are tried one by one: only then is it asked whose file it was.
        yield from score(days)
        return
    with score_damage_named(warehouse, _scores_read(context), days[0] - timedelta(days=window_days - 1), days[0]):
        yield from score(days)


def _scores_read(context: dg.AssetExecutionContext) -> list[str]:
    upstream = (local_path(dep.asset_key) for dep in context.assets_def.get_asset_spec(context.asset_key).deps)
    return [key[-1] for key in upstream if key[0] == "scores"]


def open_scores(
    connection: Connection, warehouse: Warehouse, name: str, days: Sequence[date], columns: tuple[str, ...]
) -> Relation:
    """The consecutive days' rows of another score. Raises dg.Failure, not to be tried again, where one is not made."""
    made = set(list_score_days(warehouse, name, days[0], days[-1]))
    if missing := [day for day in days if day not in made]:
        raise dg.Failure(
            f"scores/{name} of {missing[0]} has not been made. Materialize it for this day first.", allow_retries=False
        )
    return open_score_window(connection, warehouse, name, days[0], days[-1], columns)


def as_table(frame: pd.DataFrame, model: type[Table]) -> pa.Table:
    """The frame in the schema of its model."""
    table = pa.Table.from_pandas(frame, schema=arrow_schema(model), preserve_index=False)
    return table.replace_schema_metadata(None)  # what pandas says of each column is longer than a small day
