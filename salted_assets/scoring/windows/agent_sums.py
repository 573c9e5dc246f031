"""The sums of `scores/agent_daily` by agent and day bucket: who was there, with which sums of each measure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.schemas.rolling_measures import ROLLING_MEASURES, RollingMeasure
from salted_assets.schemas.scores.daily import AgentDaily
from salted_assets.scoring.sql import Rows, related
from salted_assets.scoring.stats import DaySums, Floats, Indices
from salted_assets.scoring.text_index import index_sorted
from salted_assets.scoring.windows.day_buckets import BUCKET_COUNT, bucket_sql, buckets_of

ROLLING_DAILY_COLUMNS = tuple(
    dict.fromkeys(
        (
            *("start_date", "agent_pid", "agent_name", "is_bot", "engagement_count"),
            *(column for measure in ROLLING_MEASURES for column in measure.columns),
        )
    )
)
"""The columns of `scores/agent_daily` that windows read."""


class Sums(NamedTuple):
    """Count, sum and sum of squares of a measure for each agent, or for each of whatever agents were added up to."""

    counts: Floats
    totals: Floats
    squares: Floats

    def at(self, indexes: Indices) -> "Sums":
        """The sums of those at these indexes alone."""
        return Sums(*(part[indexes] for part in self))


class WindowSums(NamedTuple):
    """A measure in a window: its values, and what its interval is made of.

    `units` are independent but for their day: the values themselves, or where an engagement can have several the means
    of the engagements. `days` says how units spread over days.
    """

    values: Sums
    units: Sums
    days: DaySums

    def at(self, indexes: Indices) -> "WindowSums":
        """Those of these indexes alone."""
        return WindowSums(
            self.values.at(indexes), self.units.at(indexes), DaySums(*(part[indexes] for part in self.days))
        )


@dataclass(frozen=True)
class AgentSums:
    """What each agent did in each day bucket; arrays are by bucket and agent, `sums` by what was summed.

    Names, and whether an agent is a machine, are those of the latest day that tells.
    """

    agent_pids: list[str]
    names: list[str | None]
    bots: list[bool | None]
    worked: Floats
    engagements: Floats
    sums: Mapping[str, Floats]
    days: tuple[frozenset[date], ...]

    def sums_of(self, measure: RollingMeasure, days: int, *, is_previous: bool = False) -> Sums:
        """The measure's sums over the window of `days`, or over the one before it; 0 where there is nothing."""
        buckets = buckets_of(days, is_previous=is_previous)
        return Sums(*(self.sums[expression][buckets].sum(axis=0) for expression in _parts_of(measure)))

    def day_sums_of(self, measure: RollingMeasure, days: int, *, is_previous: bool = False) -> DaySums:
        """How the measure's units spread over the days of the window, or of the one before it."""
        buckets = buckets_of(days, is_previous=is_previous)
        return DaySums(*(self.sums[expression][buckets].sum(axis=0) for expression in _day_parts_of(measure)))

    def window_sums_of(self, measure: RollingMeasure, days: int, *, is_previous: bool = False) -> WindowSums:
        """The measure with its units in the window of `days`, or in the one before it."""
        buckets = buckets_of(days, is_previous=is_previous)
        values = self.sums_of(measure, days, is_previous=is_previous)
        units = values
        if measure.engagement_columns:
            units = Sums(*(self.sums[expression][buckets].sum(axis=0) for expression in _unit_parts_of(measure)))
        return WindowSums(values, units, self.day_sums_of(measure, days, is_previous=is_previous))

    def days_present(self, days: int) -> int:
        """The days of the window on which anybody has an engagement."""
        return len(frozenset[date]().union(*self.days[buckets_of(days)]))


def sum_agents(daily: Rows, end_date: date) -> AgentSums:
    """Add up rows of `scores/agent_daily` with at least `ROLLING_DAILY_COLUMNS`; days of no window are left out.

    Sums that are null (what they need was not exported) are 0, as are those of days without a row.
    """
    facts = {
        "agent_name": "max_by(agent_name, start_date) FILTER (WHERE trim(agent_name) <> '')",
        "is_bot": "max_by(is_bot, start_date) FILTER (WHERE is_bot IS NOT NULL)",
        "days": "list(start_date)",
        "engagements": "fsum(engagement_count::DOUBLE)",
    }
    # One sum for each expression, however many measures have it: the sums are what takes the time.
    kinds = (_parts_of, _unit_parts_of, _day_parts_of)
    sums = dict.fromkeys(part for measure in ROLLING_MEASURES for parts_of in kinds for part in parts_of(measure))
    names = {expression: f"sum_{index}" for index, expression in enumerate(sums)}
    selected = [f"{expression} AS {name}" for name, expression in facts.items()]
    selected += [f"{expression} AS {name}" for expression, name in names.items()]
    with related(daily, AgentDaily) as rows:
        bucketed = rows.project(f"*, {bucket_sql(end_date)} AS bucket").filter("bucket IS NOT NULL")
        expressions = ", ".join(["agent_pid", "bucket", *selected])
        table = bucketed.aggregate(expressions, "agent_pid, bucket").to_arrow_table()
    table = table.sort_by([("bucket", "descending")])
    agent_pids, agent = index_sorted(table["agent_pid"])
    bucket = table["bucket"].to_numpy().astype(np.int64)

    def by_agent(values: npt.ArrayLike) -> Floats:
        sums = np.zeros((BUCKET_COUNT, len(agent_pids)))
        sums[bucket, agent] = np.nan_to_num(values)
        return sums

    return AgentSums(
        agent_pids=agent_pids,
        names=_latest(table["agent_name"], agent, len(agent_pids)),
        bots=_latest(table["is_bot"], agent, len(agent_pids)),
        worked=by_agent(pc.list_value_length(table["days"]).to_numpy()),
        engagements=by_agent(table["engagements"].to_numpy()),
        sums={expression: by_agent(table[name].to_numpy()) for expression, name in names.items()},
        days=tuple(_days_of(table.filter(pa.array(bucket == index))) for index in range(BUCKET_COUNT)),
    )


def _parts_of(measure: RollingMeasure) -> tuple[str, str, str]:
    """The SQL expressions of the measure's count, sum and sum of squares."""
    count, total = _day_values(measure)
    squares = f"{measure.squares}::DOUBLE" if measure.squares else total
    return f"fsum({count})", f"fsum({total})", f"fsum({squares})"


def _unit_parts_of(measure: RollingMeasure) -> tuple[str, str, str]:
    """Those of the measure's units."""
    if not measure.engagement_columns:
        return _parts_of(measure)
    count, total, squares = (f"fsum({column}::DOUBLE)" for column in measure.engagement_columns)
    return count, total, squares


def _day_parts_of(measure: RollingMeasure) -> tuple[str, str, str]:
    """The SQL expressions of the days with a unit, of squared counts and of sum^2 / n, over days."""
    count, total = _day_values(measure)
    if measure.engagement_columns:
        count, total = (f"{column}::DOUBLE" for column in measure.engagement_columns[:2])
    return (
        f"count(*) FILTER (WHERE {count} > 0)",
        f"fsum({count} * {count})",
        f"fsum({total} * {total} / nullif({count}, 0))",
    )


def _day_values(measure: RollingMeasure) -> tuple[str, str]:
    """The SQL expressions of a day's count and sum."""
    count, total = (f"{column}::DOUBLE" for column in (measure.count, measure.total))
    # A share whose successes are null has no trials either: what they need was not exported, or not set.
    return (count if measure.squares else f"CASE WHEN {measure.total} IS NOT NULL THEN {count} END"), total


def _latest(labels: pa.ChunkedArray, agent: Indices, agents: int) -> list[Any]:
    """For each agent the last label that is known, None where none is."""
    known: list[Any] = [None] * agents
    for index, label in zip(agent, labels.to_pylist(), strict=True):
        if label is not None:
            known[index] = label
    return known


def _days_of(table: pa.Table) -> frozenset[date]:
    return frozenset(pc.unique(pc.list_flatten(table["days"])).to_pylist())
