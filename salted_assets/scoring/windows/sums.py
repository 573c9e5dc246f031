"""Daily sums added up to windows: who was there, in which team and channel, with which sums of each measure.

Here: what is read of the daily tables, cut into stretches of days that make up every window and the one before it.
Not here: what is estimated from the sums (`rolling`, `teams`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.schemas.rolling_measures import ROLLING_MEASURES, RollingMeasure
from salted_assets.schemas.scores.daily import AgentDaily
from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.sql import Rows, related
from salted_assets.scoring.stats import Codes, Floats

_EDGES = sorted({edge for days in WINDOWS for edge in (days, 2 * days)})

STRETCH_COUNT = len(_EDGES)
"""Into how many stretches the days of the longest window and the one before it are cut."""

DAYS_READ = 2 * max(WINDOWS)
"""Days back from the end date that the longest window and the one before it take, the end date included."""

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

    def at(self, places: Codes) -> "Sums":
        """The sums of those at these places alone."""
        return Sums(*(part[places] for part in self))


@dataclass(frozen=True)
class AgentSums:
    """What each agent did in each stretch of days; arrays are by stretch and agent, `sums` by what was summed.

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
        stretches = stretches_of(days, is_previous=is_previous)
        return Sums(*(self.sums[expression][stretches].sum(axis=0) for expression in _parts_of(measure)))

    def days_present(self, days: int) -> int:
        """The days of the window on which anybody has an engagement."""
        return len(frozenset[date]().union(*self.days[stretches_of(days)]))


def stretches_of(days: int, *, is_previous: bool = False) -> slice:
    """The stretches that make up the window of `days`, or the one before it.

    >>> stretches_of(28), stretches_of(28, is_previous=True)
    (slice(0, 3, None), slice(3, 4, None))
    """
    last = _EDGES.index(days) + 1
    return slice(last, _EDGES.index(2 * days) + 1) if is_previous else slice(0, last)


def stretch_of_day(end_date: date, *, with_previous: bool = True) -> str:
    """The SQL expression that gives each row's stretch, by its `start_date`; null for days that no window takes.

    Where the windows before are not wanted, days that make a difference to these alone share a stretch, the last one.
    """
    edges = _EDGES if with_previous else WINDOWS
    cases = " ".join(f"WHEN start_date > {_day(end_date, edge)} THEN {_EDGES.index(edge)}" for edge in edges)
    return f"CASE WHEN start_date > {_day(end_date, 0)} THEN NULL {cases} END"


def place_days(start_dates: pa.ChunkedArray, end_date: date) -> Codes:
    """The stretch of each day as `stretch_of_day` has it; -1 for days that no window takes.

    >>> days = pa.chunked_array([pa.array([date(2024, 1, day) for day in (1, 24, 25, 31)])])
    >>> place_days(days, date(2024, 1, 30)).tolist()
    [3, 0, 0, -1]
    """
    stretches = np.array([*range(STRETCH_COUNT), -1], np.int64)
    days_before = (np.datetime64(end_date, "D") - start_dates.to_numpy().astype("datetime64[D]")).astype(np.int64)
    return np.where(days_before < 0, -1, stretches[np.searchsorted(_EDGES, days_before, side="right")])


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
    sums = dict.fromkeys(expression for measure in ROLLING_MEASURES for expression in _parts_of(measure))
    names = {expression: f"sum_{index}" for index, expression in enumerate(sums)}
    selected = [f"{expression} AS {name}" for name, expression in facts.items()]
    selected += [f"{expression} AS {name}" for expression, name in names.items()]
    with related(daily, AgentDaily) as rows:
        stretched = rows.project(f"*, {stretch_of_day(end_date)} AS stretch").filter("stretch IS NOT NULL")
        expressions = ", ".join(["agent_pid", "stretch", *selected])
        table = stretched.aggregate(expressions, "agent_pid, stretch").to_arrow_table()
    table = table.sort_by([("stretch", "descending")])
    agent_pids, agent = encode(table["agent_pid"])
    stretch = table["stretch"].to_numpy().astype(np.int64)

    def placed(values: npt.ArrayLike) -> Floats:
        by_agent = np.zeros((STRETCH_COUNT, len(agent_pids)))
        by_agent[stretch, agent] = np.nan_to_num(values)
        return by_agent

    return AgentSums(
        agent_pids=agent_pids,
        names=_latest(table["agent_name"], agent, len(agent_pids)),
        bots=_latest(table["is_bot"], agent, len(agent_pids)),
        worked=placed(pc.list_value_length(table["days"]).to_numpy()),
        engagements=placed(table["engagements"].to_numpy()),
        sums={expression: placed(table[name].to_numpy()) for expression, name in names.items()},
        days=tuple(_days_of(table.filter(pa.array(stretch == index))) for index in range(STRETCH_COUNT)),
    )


def encode(column: pa.ChunkedArray) -> tuple[list[str], Codes]:
    """The column's texts, sorted, and for each row the place of its text among them, -1 for null."""
    texts: list[str] = pc.unique(column.drop_null()).sort().to_pylist()
    return texts, place(column, texts)


def place(column: pa.ChunkedArray, texts: list[str]) -> Codes:
    """For each row the place of its text among `texts`, -1 for null and for what is not there."""
    places = pc.fill_null(pc.index_in(column, value_set=pa.array(texts, pa.string())), -1)
    codes: Codes = places.to_numpy().astype(np.int64)
    return codes


def _parts_of(measure: RollingMeasure) -> tuple[str, str, str]:
    """The SQL expressions of the measure's count, sum and sum of squares."""
    count, total = (f"{column}::DOUBLE" for column in (measure.count, measure.total))
    if measure.squares:
        return f"fsum({count})", f"fsum({total})", f"fsum({measure.squares}::DOUBLE)"
    # A share whose successes are null has no trials either: what they need was not exported, or not set.
    return f"fsum(CASE WHEN {measure.total} IS NOT NULL THEN {count} END)", f"fsum({total})", f"fsum({total})"


def _latest(labels: pa.ChunkedArray, agent: Codes, agents: int) -> list[Any]:
    """For each agent the last label that is known, None where none is."""
    known: list[Any] = [None] * agents
    for place_of_agent, label in zip(agent, labels.to_pylist(), strict=True):
        if label is not None:
            known[place_of_agent] = label
    return known


def _days_of(table: pa.Table) -> frozenset[date]:
    return frozenset(pc.unique(pc.list_flatten(table["days"])).to_pylist())


def _day(end_date: date, days_before: int) -> str:
    return f"DATE '{end_date - timedelta(days=days_before)}'"
