"""The sums of `scores/agent_segment_daily` for windows.

In which team and channel agents worked, by the one rule that the scorecard has, too, and what they did in their
channels, queues and languages.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pyarrow as pa

from salted_assets.schemas.rolling_measures import FAIR_MEASURES, RollingMeasure
from salted_assets.schemas.scores.daily import AgentSegmentDaily
from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.day_rows import DayRows, pass_days, to_floats
from salted_assets.scoring.fair.inputs import StratumSums
from salted_assets.scoring.stats import Floats, Indices
from salted_assets.scoring.stats.samples import zero_unknown
from salted_assets.scoring.text_index import Labels
from salted_assets.scoring.windows.day_buckets import BUCKET_COUNT, bucket_of, buckets_of
from salted_assets.scoring.windows.group_sums import Groups, GroupSums, PairIndex

CASE_MEASURES = tuple(measure for measure in FAIR_MEASURES if measure.is_compared_by_cases)
"""The measures of which the agent's part is told from that of the cases."""

ROLLING_LABEL_COLUMNS = ("start_date", "agent_pid", "team", "channel_type", "engagement_count")
"""The columns of `scores/agent_segment_daily` that say where agents worked."""

_SUMMED = tuple(dict.fromkeys(column for measure in CASE_MEASURES for column in measure.columns))

ROLLING_SEGMENT_COLUMNS = (*ROLLING_LABEL_COLUMNS, "queue", "language", *_SUMMED)
"""The columns of `scores/agent_segment_daily` that say which segments these were, too, with their sums."""

_SHORTEST_WINDOW = tuple(
    next(index for index, days in enumerate(WINDOWS) if bucket < buckets_of(days).stop)
    for bucket in range(buckets_of(max(WINDOWS)).stop)
)
"""For each bucket the index of the shortest window that takes it."""


@dataclass(frozen=True)
class Assignments:
    """Engagements by agent, team and channel, one element in each array for each combination, and by day bucket.

    Agents, teams and channels are indexes into their own lists, which are sorted, -1 for a team or channel that is not
    known. `engagements` have a row for each day bucket.
    """

    agent_pids: list[str]
    agent: Indices
    teams: list[str]
    team: Indices
    channels: list[str]
    channel: Indices
    engagements: Floats

    def of(self, agent_pids: list[str]) -> "Assignments":
        """Those of these agents alone, who become the list."""
        agent = _index_of(self.agent_pids, agent_pids)[self.agent]
        own = agent >= 0
        return replace(
            self,
            agent_pids=agent_pids,
            agent=agent[own],
            team=self.team[own],
            channel=self.channel[own],
            engagements=self.engagements[:, own],
        )

    def main_teams(self, days: int, *, is_previous: bool = False) -> Indices:
        """The main team of each agent in the window of `days`, or in the one before it; -1 for none."""
        return self._main(self.team, buckets_of(days, is_previous=is_previous))

    def main_channels(self, days: int) -> Indices:
        """The main channel of each agent in the window."""
        return self._main(self.channel, buckets_of(days))

    def _main(self, label: Indices, buckets: slice) -> Indices:
        engagements = self.engagements[buckets].sum(axis=0)
        return find_main_labels(self.agent, label, engagements, owner_count=len(self.agent_pids))


@dataclass(frozen=True)
class SegmentSums:
    """Sums by agent, channel, queue and language, one element in each array for each combination.

    Agents are indexes into the list of `assignments`. `strata` are the indexes of each element's stratum, from coarse
    to fine. `sums` has a table for each column of `CASE_MEASURES`, with a row for each of `WINDOWS`, of the days that
    no shorter one has.
    """

    assignments: Assignments
    agent: Indices
    strata: tuple[Indices, ...]
    sums: dict[str, Floats]

    def of(self, agent_pids: list[str]) -> "SegmentSums":
        """Those of these agents alone, who become the list."""
        agent = _index_of(self.assignments.agent_pids, agent_pids)[self.agent]
        own = agent >= 0
        return SegmentSums(
            self.assignments.of(agent_pids),
            agent[own],
            tuple(stratum[own] for stratum in self.strata),
            self.sums if own.all() else {name: table[:, own] for name, table in self.sums.items()},
        )

    def take(self, measure: RollingMeasure) -> StratumSums:
        """The sums of a measure of `CASE_MEASURES`; they are forgotten, for they take room."""
        return StratumSums(self.agent, self.strata, *(self.sums.pop(column) for column in measure.columns))


def _index_of(texts: list[str], among: list[str]) -> Indices:
    """For each text its index among the others, -1 for one that is not there."""
    indexes = {text: index for index, text in enumerate(among)}
    return np.array([indexes.get(text, -1) for text in texts], np.int64)


def find_assignments(
    segments: DayRows, end_dates: Sequence[date], *, bucket_count: int = BUCKET_COUNT
) -> Iterator[Assignments]:
    """Where agents worked, for each end date in order, from rows of `scores/agent_segment_daily`.

    They have at least `ROLLING_LABEL_COLUMNS`; days of later buckets are left out.
    """
    agents, teams, channels = Labels(str), labels_as_recorded(), _channels()
    sums = GroupSums(2, len(end_dates), bucket_count, 1)

    def add(rows: pa.Table, takers: Sequence[tuple[int, int]]) -> None:
        labels = teams.index(rows["team"]), channels.index(rows["channel_type"])
        sums.add(agents.index(rows["agent_pid"]), labels, [_known(rows["engagement_count"])], takers)

    for window in _go_through(segments, end_dates, bucket_count, add):
        yield _assign(sums.take(window), agents, teams, channels)


def sum_segments(segments: DayRows, end_dates: Sequence[date]) -> Iterator[SegmentSums]:
    """What agents were given, for each end date in order, from rows of `scores/agent_segment_daily`.

    They have at least `ROLLING_SEGMENT_COLUMNS`. Strata are channel x queue, and that x language; what is not known is
    a kind of its own. Says nothing of the windows before.
    """
    agents, teams, channels = Labels(str), labels_as_recorded(), _channels()
    queues, languages = labels_as_recorded(), labels_as_recorded()
    bucket_count = buckets_of(max(WINDOWS)).stop
    assigned = GroupSums(2, len(end_dates), bucket_count, 1)
    sums = GroupSums(3, len(end_dates), len(WINDOWS), len(_SUMMED))

    def add(rows: pa.Table, takers: Sequence[tuple[int, int]]) -> None:
        agent, channel = agents.index(rows["agent_pid"]), channels.index(rows["channel_type"])
        assigned.add(agent, (teams.index(rows["team"]), channel), [_known(rows["engagement_count"])], takers)
        labels = channel, queues.index(rows["queue"]), languages.index(rows["language"])
        by_window = [(window, _SHORTEST_WINDOW[bucket]) for window, bucket in takers]
        sums.add(agent, labels, (_known(rows[column]) for column in _SUMMED), by_window)

    for window in _go_through(segments, end_dates, bucket_count, add):
        assignments = _assign(assigned.take(window), agents, teams, channels)
        yield _find_strata(sums.take(window), assignments, agents, (channels, queues, languages))


def _go_through(
    segments: DayRows,
    end_dates: Sequence[date],
    bucket_count: int,
    add: Callable[[pa.Table, Sequence[tuple[int, int]]], None],
) -> Iterator[int]:
    """Add each day to the windows that take it, given as indexes of end dates with buckets. Gives the whole windows."""

    def add_day(day: date, rows: pa.Table) -> None:
        buckets = ((index, bucket_of((end - day).days)) for index, end in enumerate(end_dates))
        takers = [(index, bucket) for index, bucket in buckets if 0 <= bucket < bucket_count]
        if takers:
            add(rows, takers)

    return pass_days(segments, AgentSegmentDaily, end_dates, add_day)


def _assign(groups: Groups, agents: Labels, teams: Labels, channels: Labels) -> Assignments:
    agent_pids, agent = agents.sort(groups.agent)
    (team_names, team), (channel_names, channel) = teams.sort(groups.labels[0]), channels.sort(groups.labels[1])
    engagements = np.stack([sums for (sums,) in groups.sums])
    return Assignments(agent_pids, agent, team_names, team, channel_names, channel, engagements)


def _find_strata(groups: Groups, assignments: Assignments, agents: Labels, kinds: Sequence[Labels]) -> SegmentSums:
    agent = agents.sort(groups.agent)[1]
    labels = [kind.sort(label)[1] for kind, label in zip(kinds, groups.labels, strict=True)]
    order = np.lexsort((*reversed(labels), agent))
    channel, queue, language = (label[order] for label in labels)
    middle = PairIndex().index(channel, queue)
    strata = middle, PairIndex().index(middle, language)
    # One column after the other, so that but one is there twice.
    sums = {name: np.stack([columns.pop(0)[order] for columns in groups.sums]) for name in _SUMMED}
    return SegmentSums(assignments, agent[order], strata, sums)


def _channels() -> Labels:
    return Labels(lambda text: text.strip().upper())


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


def _known(column: pa.ChunkedArray) -> Floats:
    """The column's numbers; 0 for null."""
    return zero_unknown(to_floats(column))
