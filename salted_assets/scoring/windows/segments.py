"""In which team and channel agents worked, which cases came to them, and what is to be expected of such cases.

Here: what windows read of `scores/agent_segment_daily`. Not here: agents' own sums (`rolling_sums`).
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
from salted_assets.schemas.rolling_measures import ROLLING_MEASURES
from salted_assets.schemas.scores.daily import AgentSegmentDaily
from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.stats import CaseMix, Codes, Floats
from salted_assets.scoring.text_index import Labels, place_texts
from salted_assets.scoring.windows.case_sums import Groups, GroupSums, Pairs
from salted_assets.scoring.windows.sums import STRETCH_COUNT, place_days, stretches_of

CASE_MIX_MEASURES = tuple(measure for measure in ROLLING_MEASURES if measure.is_case_mix_adjusted)
"""The measures for which expected means are made."""

ROLLING_LABEL_COLUMNS = ("start_date", "agent_pid", "team", "channel_type", "engagement_count")
"""The columns of `scores/agent_segment_daily` that say where agents worked."""

_SUMMED = tuple(dict.fromkeys(column for measure in CASE_MIX_MEASURES for column in (measure.count, measure.total)))

ROLLING_SEGMENT_COLUMNS = (*ROLLING_LABEL_COLUMNS, "queue", "language", *_SUMMED)
"""The columns of `scores/agent_segment_daily` that say which cases came, too."""

SegmentRows: TypeAlias = pa.Table | pd.DataFrame | Iterable[pa.Table]
"""Rows of `scores/agent_segment_daily`, in memory or read day by day; texts may be dictionary-encoded."""

_SHORTEST_WINDOW = np.array(
    [
        next(place for place, days in enumerate(WINDOWS) if stretch < stretches_of(days).stop)
        for stretch in range(stretches_of(max(WINDOWS)).stop)
    ],
    np.int64,
)
"""For each stretch the place of the shortest window that takes it."""


@dataclass(frozen=True)
class Whereabouts:
    """Engagements by agent, team and channel, one place in each array for each combination, and by stretch of days.

    Agents are places in the list that was given; teams and channels are places in their own lists, -1 for not known.
    `engagements` have a row for each stretch.
    """

    agents: int
    agent: Codes
    teams: list[str]
    team: Codes
    channels: list[str]
    channel: Codes
    engagements: Floats

    def main_teams(self, days: int, *, is_previous: bool = False) -> Codes:
        """The team of each agent's window: the known one with most engagements, the first of several; -1 for none."""
        return self._main(self.team, len(self.teams), stretches_of(days, is_previous=is_previous))

    def main_channels(self, days: int) -> Codes:
        """The channel of each agent's window, found like the team."""
        return self._main(self.channel, len(self.channels), stretches_of(days))

    def _main(self, label: Codes, labels: int, stretches: slice) -> Codes:
        if not labels:
            return np.full(self.agents, -1)
        known = label >= 0
        pairs = self.agent[known] * labels + label[known]
        engagements = self.engagements[stretches].sum(axis=0)[known]
        counts = np.bincount(pairs, weights=engagements, minlength=self.agents * labels)
        counts = counts.reshape(self.agents, labels)
        return np.where(counts.max(axis=1) > 0, counts.argmax(axis=1), -1)


@dataclass(frozen=True)
class Cases:
    """Cases by agent, channel, queue and language, one place in each array for each combination.

    `strata` are the codes of each place's stratum from the finest to the coarsest level. `groups` has the sums of
    `_SUMMED` by the shortest of `WINDOWS` that has the day.
    """

    whereabouts: Whereabouts
    strata: tuple[Codes, ...]
    groups: Groups

    def expected_means(self, days: int, owner: Codes, owners: int, population: Codes) -> Floats:
        """For each owner and measure of `CASE_MIX_MEASURES` what others reach with the owner's cases, as sums add up.

        `owner` and `population` are codes of each agent: for whom the cases are counted (-1: for nobody) and among whom
        others are looked for (people or machines).
        """
        within = owner[self.groups.agent] >= 0
        agent = self.groups.agent[within]
        apart = int(population.max(initial=0)) + 1
        strata = [stratum[within] * apart + population[agent] for stratum in self.strata]
        # One place for an owner's cases of the finest stratum, however many agents they are of.
        pairs = Pairs()
        merged = pairs.place(owner[agent], strata[0])
        first = np.empty(len(pairs), np.int64)
        first[merged] = np.arange(merged.size)

        def merge(column: str) -> Floats:
            sums = self.groups.sum_of(_SUMMED.index(column), slice(WINDOWS.index(days) + 1))
            return np.bincount(merged, weights=sums[within], minlength=len(pairs)).astype(np.float64)

        mix = CaseMix(owner[agent][first], [stratum[first] for stratum in strata], owner_count=owners)
        return np.stack(
            [mix.expected_mean(merge(measure.count), merge(measure.total)) for measure in CASE_MIX_MEASURES], axis=1
        )


def find_whereabouts(cases: SegmentRows, end_date: date, agent_pids: list[str]) -> Whereabouts:
    """Where these agents worked, from rows of `scores/agent_segment_daily` with at least `ROLLING_LABEL_COLUMNS`."""
    works = _Works(agent_pids, STRETCH_COUNT)
    for rows in _tables(cases):
        works.add(rows, end_date)
    return works.whereabouts()


def sum_cases(cases: SegmentRows, end_date: date, agent_pids: list[str]) -> Cases:
    """What these agents were given, from rows of `scores/agent_segment_daily` with at least `ROLLING_SEGMENT_COLUMNS`.

    Strata are channel x queue x language, channel x queue, channel, and all; what is not known is a kind of its own.
    Says nothing of the windows before.
    """
    works = _Works(agent_pids, stretches_of(max(WINDOWS)).stop)
    queues, languages = _labels(), _labels()
    sums = GroupSums(3, len(WINDOWS), len(_SUMMED))
    for rows in _tables(cases):
        known, agent, stretch, channel = works.add(rows, end_date)
        labels = channel, queues.place(known["queue"]), languages.place(known["language"])
        sums.add(agent, _SHORTEST_WINDOW[stretch], labels, (_floats(known[column]) for column in _SUMMED))
    groups = sums.take()
    channel, queue, language = groups.labels
    middle = Pairs().place(channel, queue)
    return Cases(
        whereabouts=works.whereabouts(),
        strata=(Pairs().place(middle, language), middle, channel + 1, np.zeros_like(channel)),
        groups=groups,
    )


class _Works:
    """Engagements by agent, team, channel and stretch, which grow as rows come; days of later stretches are not."""

    def __init__(self, agent_pids: list[str], stretch_count: int) -> None:
        self._agent_pids = pa.array(agent_pids, pa.string())
        self._teams, self._channels = _labels(), Labels(lambda text: text.strip().upper())
        self._stretches = stretch_count
        self._sums = GroupSums(2, STRETCH_COUNT, 1)

    def add(self, rows: pa.Table, end_date: date) -> tuple[pa.Table, Codes, Codes, Codes]:
        """Add rows; gives those of the agents and of the windows, and the agent, stretch and channel of each."""
        agent = place_texts(rows["agent_pid"], lambda pids: pc.index_in(pids, value_set=self._agent_pids))
        stretch = place_days(rows["start_date"], end_date)
        within = (agent >= 0) & (stretch >= 0) & (stretch < self._stretches)
        known = rows if within.all() else rows.filter(pa.array(within))
        agent, stretch = agent[within], stretch[within]
        channel = self._channels.place(known["channel_type"])
        labels = self._teams.place(known["team"]), channel
        self._sums.add(agent, stretch, labels, [_floats(known["engagement_count"])])
        return known, agent, stretch, channel

    def whereabouts(self) -> Whereabouts:
        """What was added so far."""
        groups = self._sums.take()
        teams, team = self._teams.sort(groups.labels[0])
        channels, channel = self._channels.sort(groups.labels[1])
        engagements = np.stack([sums for (sums,) in groups.sums])
        return Whereabouts(len(self._agent_pids), groups.agent, teams, team, channels, channel, engagements)


def _labels() -> Labels:
    """Labels as they were recorded, but for blank ones, which are not known."""
    return Labels(lambda text: text if text.strip() else "")


def _tables(cases: SegmentRows) -> Iterable[pa.Table]:
    if isinstance(cases, pd.DataFrame):
        return [pa.Table.from_pandas(cases, schema=arrow_schema(AgentSegmentDaily), preserve_index=False)]
    return [cases] if isinstance(cases, pa.Table) else cases


def _floats(column: pa.ChunkedArray) -> Floats:
    known = pc.fill_null(column, 0) if column.null_count else column
    floats: Floats = known.to_numpy().astype(np.float64, copy=False)
    return floats
