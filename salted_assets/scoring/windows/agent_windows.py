"""Which agents a window has, where they worked in it, and the columns that say who they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from salted_assets.scoring.stats import Indices
from salted_assets.scoring.windows.agent_sums import AgentSums
from salted_assets.scoring.windows.day_buckets import buckets_of
from salted_assets.scoring.windows.measure_columns import label_column
from salted_assets.scoring.windows.segments import Assignments


@dataclass(frozen=True)
class AgentWindow:
    """One window's agents: `present` are their indexes among all; other arrays are of them alone."""

    days: int
    present: Indices
    is_bot: list[bool | None]
    team: Indices
    channel: Indices

    @property
    def group(self) -> Indices:
        """An index for people or machines of one main channel."""
        return (self.channel + 1) * 2 + machines(self.is_bot)


def machines(is_bot: Sequence[bool | None]) -> Indices:
    """1 for machines, 0 for people, among whom are those of whom it is not known."""
    return np.array([bool(each) for each in is_bot], np.int64)


def find_window(sums: AgentSums, assignments: Assignments, days: int) -> AgentWindow:
    """The window of so many days."""
    present = np.flatnonzero(sums.worked[buckets_of(days)].sum(axis=0) > 0)
    return AgentWindow(
        days=days,
        present=present,
        is_bot=[sums.bots[agent] for agent in present],
        team=assignments.main_teams(days)[present],
        channel=assignments.main_channels(days)[present],
    )


def describe_agents(
    end_date: date, sums: AgentSums, assignments: Assignments, window: AgentWindow
) -> dict[str, pa.Array]:
    """The columns that say who the window's agents are, one value each."""
    buckets = buckets_of(window.days)
    of_all = {
        "days_worked_count": sums.worked[buckets].sum(axis=0),
        "engagement_count": sums.engagements[buckets].sum(axis=0),
    }
    agents = len(window.present)
    return {
        "end_date": pa.repeat(pa.scalar(end_date, pa.date32()), agents),
        "window_days": pa.repeat(window.days, agents),
        "days_present_count": pa.repeat(sums.days_present(window.days), agents),
        "agent_pid": pa.array([sums.agent_pids[agent] for agent in window.present], pa.string()),
        "agent_name": pa.array([sums.names[agent] for agent in window.present], pa.string()),
        "is_bot": pa.array(window.is_bot, pa.bool_()),
        "team": label_column(assignments.teams, window.team),
        "channel_type": label_column(assignments.channels, window.channel),
        **{name: pa.array(values[window.present]) for name, values in of_all.items()},
    }
