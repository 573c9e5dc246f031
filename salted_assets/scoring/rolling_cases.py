"""In which team and channel agents worked, which cases came to them, and what is to be expected of such cases.

Here: what windows read of `scores/agent_case_daily`. Not here: agents' own sums (`rolling_sums`).
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.scoring.rolling_sums import encode, place, stretch_of_day, stretches_of
from salted_assets.scoring.sql import Rows, related
from salted_assets.statistics import Codes, Floats, add_up, expected_means
from salted_assets.tables.rolling_measures import ROLLING_MEASURES
from salted_assets.tables.scores.daily import AgentCaseDaily

CASE_MEASURES = tuple(measure for measure in ROLLING_MEASURES if measure.is_case_adjusted)
"""The measures for which expected means are made."""

ROLLING_LABEL_COLUMNS = ("start_date", "agent_pid", "team", "channel_type", "engagement_count")
"""The columns of `scores/agent_case_daily` that say where agents worked."""

_SUMMED = tuple(dict.fromkeys(column for measure in CASE_MEASURES for column in (measure.count, measure.total)))

ROLLING_CASE_COLUMNS = (*ROLLING_LABEL_COLUMNS, "queue", "language", *_SUMMED)
"""The columns of `scores/agent_case_daily` that say which cases came, too."""

_WHERE = ("team", "channel_type")
_WHAT = ("queue", "language")


@dataclass(frozen=True)
class Whereabouts:
    """Engagements by agent, stretch of days, team and channel, one place in each array for each combination.

    Agents are places in the list that was given; teams and channels are places in their own lists, -1 for not known.
    """

    agents: int
    agent: Codes
    stretch: Codes
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
        within = (self.stretch >= stretches.start) & (self.stretch < stretches.stop) & (label >= 0)
        pairs = self.agent[within] * labels + label[within]
        counts = np.bincount(pairs, weights=self.engagements[within], minlength=self.agents * labels)
        counts = counts.reshape(self.agents, labels)
        return np.where(counts.max(axis=1) > 0, counts.argmax(axis=1), -1)


@dataclass(frozen=True)
class Cases:
    """Cases by agent, stretch of days, channel, queue and language; `counts` and `totals` are by `CASE_MEASURES` too.

    `strata` are the codes of each place's stratum from the finest to the coarsest level.
    """

    whereabouts: Whereabouts
    strata: tuple[Codes, ...]
    counts: Floats
    totals: Floats

    def expected_means(self, days: int, owner: Codes, owners: int, population: Codes) -> Floats:
        """For each owner and measure of `CASE_MEASURES` what others reach with the owner's cases, as sums add up.

        `owner` and `population` are codes of each agent: for whom the cases are counted (-1: for nobody) and among whom
        others are looked for (people or machines).
        """
        of_agents = self.whereabouts
        within = (of_agents.stretch < stretches_of(days).stop) & (owner[of_agents.agent] >= 0)
        agent = of_agents.agent[within]
        apart = int(population.max(initial=0)) + 1
        strata = [stratum[within] * apart + population[agent] for stratum in self.strata]
        # One row for an owner's cases of the finest stratum, however many stretches and agents they are of.
        finest = strata[0]
        _, first, merged = np.unique(
            owner[agent] * (finest.max(initial=0) + 1) + finest, return_index=True, return_inverse=True
        )
        counts, totals = (add_up(part[within], merged, first.size) for part in (self.counts, self.totals))
        return expected_means(
            owner[agent][first], [stratum[first] for stratum in strata], counts, totals, owner_count=owners
        )


def find_whereabouts(cases: Rows, end_date: date, agent_pids: list[str]) -> Whereabouts:
    """Where these agents worked, from rows of `scores/agent_case_daily` with at least `ROLLING_LABEL_COLUMNS`."""
    stretch = stretch_of_day(end_date)
    return _whereabouts(_added_up(cases, stretch, agent_pids, _WHERE, ()), agent_pids)


def sum_cases(cases: Rows, end_date: date, agent_pids: list[str]) -> Cases:
    """What these agents were given, from rows of `scores/agent_case_daily` with at least `ROLLING_CASE_COLUMNS`.

    Strata are channel x queue x language, channel x queue, channel, and all; what is not known is a kind of its own.
    Says nothing of the windows before.
    """
    stretch = stretch_of_day(end_date, with_previous=False)
    table = _added_up(cases, stretch, agent_pids, (*_WHERE, *_WHAT), _SUMMED)
    whereabouts = _whereabouts(table, agent_pids)
    (queues, queue), (languages, language) = encode(table["queue"]), encode(table["language"])
    coarse = whereabouts.channel + 1
    middle = coarse * (len(queues) + 1) + queue + 1
    fine = middle * (len(languages) + 1) + language + 1
    return Cases(
        whereabouts=whereabouts,
        strata=(_dense(fine), _dense(middle), _dense(coarse), np.zeros_like(coarse)),
        counts=_stack(table, [measure.count for measure in CASE_MEASURES]),
        totals=_stack(table, [measure.total for measure in CASE_MEASURES]),
    )


def _added_up(
    cases: Rows, stretch: str, agent_pids: list[str], labels: tuple[str, ...], summed: tuple[str, ...]
) -> pa.Table:
    """Sums by agent, stretch and labels as they were recorded, blank ones being null."""
    kind = ", ".join(["agent_pid", "stretch", *labels])
    sums = ", ".join(f"fsum({column}::DOUBLE) AS {column}" for column in ("engagement_count", *summed))
    with related(cases, AgentCaseDaily) as rows:
        within = rows.project(f"*, {stretch} AS stretch").filter("stretch IS NOT NULL")
        added_up = within.aggregate(f"{kind}, {sums}", kind)
        known = ", ".join(f"CASE WHEN trim({label}) <> '' THEN {label} END AS {label}" for label in labels)
        table = added_up.project(f"* REPLACE ({known})").to_arrow_table()
    return table.filter(pc.is_in(table["agent_pid"], value_set=pa.array(agent_pids, pa.string())))


def _whereabouts(table: pa.Table, agent_pids: list[str]) -> Whereabouts:
    teams, team = encode(table["team"])
    channels, channel = encode(pc.utf8_upper(pc.utf8_trim_whitespace(table["channel_type"])))
    return Whereabouts(
        agents=len(agent_pids),
        agent=place(table["agent_pid"], agent_pids),
        stretch=table["stretch"].to_numpy().astype(np.int64),
        teams=teams,
        team=team,
        channels=channels,
        channel=channel,
        engagements=table["engagement_count"].to_numpy(),
    )


def _dense(codes: Codes) -> Codes:
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)


def _stack(table: pa.Table, columns: list[str]) -> Floats:
    return np.stack([np.nan_to_num(table[column].to_numpy()) for column in columns], axis=1)
