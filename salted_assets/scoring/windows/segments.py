"""The sums of `scores/agent_segment_daily` for windows.

In which team and channel agents worked, by the one rule that the scorecard has, too, and what they did in their
channels, queues and languages.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.rolling_measures import FAIR_MEASURES, RollingMeasure
from salted_assets.schemas.scores.daily import AgentSegmentDaily
from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.fair.inputs import StratumSums
from salted_assets.scoring.stats import Floats, Indices
from salted_assets.scoring.text_index import Labels, index_among
from salted_assets.scoring.windows.day_buckets import BUCKET_COUNT, buckets_of, find_buckets
from salted_assets.scoring.windows.group_sums import Groups, GroupSums, PairIndex

CASE_MEASURES = tuple(measure for measure in FAIR_MEASURES if measure.is_compared_by_cases)
"""The measures of which the agent's part is told from that of the cases."""

ROLLING_LABEL_COLUMNS = ("start_date", "agent_pid", "team", "channel_type", "engagement_count")
"""The columns of `scores/agent_segment_daily` that say where agents worked."""

_SUMMED = tuple(dict.fromkeys(column for measure in CASE_MEASURES for column in measure.columns))

ROLLING_SEGMENT_COLUMNS = (*ROLLING_LABEL_COLUMNS, "queue", "language", *_SUMMED)
"""The columns of `scores/agent_segment_daily` that say which segments these were, too, with their sums."""

SegmentRows: TypeAlias = pa.Table | pd.DataFrame | Iterable[pa.Table]
"""Rows of `scores/agent_segment_daily`, in memory or read day by day; texts may be dictionary-encoded."""

_SHORTEST_WINDOW = np.array(
    [
        next(index for index, days in enumerate(WINDOWS) if bucket < buckets_of(days).stop)
        for bucket in range(buckets_of(max(WINDOWS)).stop)
    ],
    np.int64,
)
"""For each bucket the index of the shortest window that takes it."""


@dataclass(frozen=True)
class Assignments:
    """Engagements by agent, team and channel, one element in each array for each combination, and by day bucket.

    Agents are indexes into the list that was given; teams and channels into their own lists, -1 for not known.
    `engagements` have a row for each day bucket.
    """

    agent_count: int
    agent: Indices
    teams: list[str]
    team: Indices
    channels: list[str]
    channel: Indices
    engagements: Floats

    def main_teams(self, days: int, *, is_previous: bool = False) -> Indices:
        """The main team of each agent in the window of `days`, or in the one before it; -1 for none."""
        return self._main(self.team, buckets_of(days, is_previous=is_previous))

    def main_channels(self, days: int) -> Indices:
        """The main channel of each agent in the window."""
        return self._main(self.channel, buckets_of(days))

    def _main(self, label: Indices, buckets: slice) -> Indices:
        engagements = self.engagements[buckets].sum(axis=0)
        return find_main_labels(self.agent, label, engagements, owner_count=self.agent_count)


@dataclass(frozen=True)
class SegmentSums:
    """Sums by agent, channel, queue and language, one element in each array for each combination.

    `strata` are the indexes of each element's stratum, from coarse to fine. `groups` has the sums of `_SUMMED` by the
    shortest of `WINDOWS` that has the day.
    """

    assignments: Assignments
    strata: tuple[Indices, ...]
    groups: Groups

    def stratum_sums_of(self, measure: RollingMeasure) -> StratumSums:
        """The sums of a measure of `CASE_MEASURES`."""
        parts = (np.stack([sums[_SUMMED.index(column)] for sums in self.groups.sums]) for column in measure.columns)
        return StratumSums(self.groups.agent, self.strata, *parts)


def find_assignments(segments: SegmentRows, end_date: date, agent_pids: list[str]) -> Assignments:
    """Where these agents worked, from rows of `scores/agent_segment_daily` with at least `ROLLING_LABEL_COLUMNS`."""
    sums = _AssignmentSums(agent_pids, BUCKET_COUNT)
    for rows in _tables(segments):
        sums.add(rows, end_date)
    return sums.take()


def sum_segments(segments: SegmentRows, end_date: date, agent_pids: list[str]) -> SegmentSums:
    """What these agents were given, from rows of `scores/agent_segment_daily` with at least `ROLLING_SEGMENT_COLUMNS`.

    Strata are channel x queue, and that x language; what is not known is a kind of its own. Says nothing of the windows
    before.
    """
    assignments = _AssignmentSums(agent_pids, buckets_of(max(WINDOWS)).stop)
    queues, languages = labels_as_recorded(), labels_as_recorded()
    sums = GroupSums(3, len(WINDOWS), len(_SUMMED))
    for rows in _tables(segments):
        known, agent, bucket, channel = assignments.add(rows, end_date)
        labels = channel, queues.index(known["queue"]), languages.index(known["language"])
        sums.add(agent, _SHORTEST_WINDOW[bucket], labels, (_floats(known[column]) for column in _SUMMED))
    groups = sums.take()
    channel, queue, language = groups.labels
    middle = PairIndex().index(channel, queue)
    return SegmentSums(
        assignments=assignments.take(),
        strata=(middle, PairIndex().index(middle, language)),
        groups=groups,
    )


class _AssignmentSums:
    """Engagements by agent, team, channel and day bucket, which grow as rows come; days of later buckets are not."""

    def __init__(self, agent_pids: list[str], bucket_count: int) -> None:
        self._agent_pids = agent_pids
        self._teams, self._channels = labels_as_recorded(), Labels(lambda text: text.strip().upper())
        self._bucket_count = bucket_count
        self._sums = GroupSums(2, BUCKET_COUNT, 1)

    def add(self, rows: pa.Table, end_date: date) -> tuple[pa.Table, Indices, Indices, Indices]:
        """Add rows; gives those of the agents and of the windows, and the agent, day bucket and channel of each."""
        agent = index_among(rows["agent_pid"], self._agent_pids)
        bucket = find_buckets(rows["start_date"], end_date)
        within = (agent >= 0) & (bucket >= 0) & (bucket < self._bucket_count)
        known = rows if within.all() else rows.filter(pa.array(within))
        agent, bucket = agent[within], bucket[within]
        channel = self._channels.index(known["channel_type"])
        labels = self._teams.index(known["team"]), channel
        self._sums.add(agent, bucket, labels, [_floats(known["engagement_count"])])
        return known, agent, bucket, channel

    def take(self) -> Assignments:
        """What was added so far."""
        groups = self._sums.take()
        teams, team = self._teams.sort(groups.labels[0])
        channels, channel = self._channels.sort(groups.labels[1])
        engagements = np.stack([sums for (sums,) in groups.sums])
        return Assignments(len(self._agent_pids), groups.agent, teams, team, channels, channel, engagements)


def labels_as_recorded() -> Labels:
    """Labels as they were recorded, but for blank ones, which are not known."""
    return Labels(lambda text: text if text.strip() else "")


def find_main_labels(owner: Indices, label: Indices, engagements: Floats, *, owner_count: int) -> Indices:
    """For each owner the known label with most engagements, of equal ones the first; -1 for none.

    An owner is an agent, or an agent in a week. Arrays have an element for each combination, which may come in parts;
    `label` is an index into sorted labels, -1 where it is not known.

    >>> owner, label = np.array([0, 0, 0, 1, 2]), np.array([1, 0, 1, -1, 0])
    >>> find_main_labels(owner, label, np.array([2.0, 3.0, 2.0, 9.0, 0.0]), owner_count=3).tolist()
    [1, -1, -1]
    """
    known = label >= 0
    label_count = int(label.max(initial=-1)) + 1
    pairs, pair = np.unique(owner[known] * label_count + label[known], return_inverse=True)
    counts = np.bincount(pair, weights=engagements[known], minlength=pairs.size)
    main = np.full(owner_count, -1)
    # The smallest counts are written first, the largest last; of equal ones the first label last.
    order = np.lexsort((-pairs, counts))
    order = order[counts[order] > 0]
    main[pairs[order] // max(label_count, 1)] = pairs[order] % max(label_count, 1)
    return main


def _tables(segments: SegmentRows) -> Iterable[pa.Table]:
    if isinstance(segments, pd.DataFrame):
        return [pa.Table.from_pandas(segments, schema=arrow_schema(AgentSegmentDaily), preserve_index=False)]
    return [segments] if isinstance(segments, pa.Table) else segments


def _floats(column: pa.ChunkedArray) -> Floats:
    known = pc.fill_null(column, 0) if column.null_count else column
    floats: Floats = known.to_numpy().astype(np.float64, copy=False)
    return floats
