"""Whether agents' evaluations have changed since the calendar quarter began, from human answers."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from salted_assets.schemas.scores.fair import CHANGE_DIRECTIONS
from salted_assets.scoring.change import DAYS_BEFORE, LEVEL_DAYS, find_changes
from salted_assets.scoring.fair import Agents, FittedModels, HumanAnswers, add_up_days
from salted_assets.scoring.stats import Floats, Indices

LONGEST_QUARTER = 92

CHANGE_DAYS = DAYS_BEFORE + LONGEST_QUARTER
"""The days back from the end date that are read at most, the end date included."""

_NO_DAY = np.datetime64("NaT", "D")


@dataclass(frozen=True)
class AgentChanges:
    """Columns of `scores/fair` with an element for each agent; None, no day and NaN where nothing is said."""

    direction: npt.NDArray[np.object_]
    since: npt.NDArray[np.datetime64]
    statistic: Floats

    def at(self, agents: Indices) -> dict[str, npt.NDArray[np.generic]]:
        """The columns of these agents."""
        return {
            "change_direction": self.direction[agents],
            "change_since": self.since[agents],
            "change_statistic": self.statistic[agents],
        }


def days_since_quarter(end_date: date) -> int:
    """The days of the calendar quarter so far, the end date included.

    >>> days_since_quarter(date(2024, 4, 1)), days_since_quarter(date(2024, 3, 31))
    (1, 91)
    """
    return (end_date - date(end_date.year, 3 * ((end_date.month - 1) // 3) + 1, 1)).days + 1


def count_replayed_days(end_date: date) -> int:
    """The days to the end date whose answers `find_agent_changes` reads: no more than `CHANGE_DAYS`.

    >>> count_replayed_days(date(2024, 4, 1))
    120
    """
    return DAYS_BEFORE + days_since_quarter(end_date)


def find_agent_changes(
    answers: HumanAnswers, agents: Agents, end_date: date, models: FittedModels | None = None
) -> AgentChanges:
    """What `find_changes` says on the end date, replaying its calendar quarter.

    Takes answers of `count_replayed_days` to the end date, or of more. They are held against questions, reviewers and
    kinds of work as the 91 days have them that ended 28 days before the quarter (`add_up_days`); levels are begun again
    after alarms.
    `models` spare what other end dates of the quarter have fitted.
    """
    days = count_replayed_days(end_date)
    people = len(agents.pids)
    direction, statistic = np.full(people, None, object), np.full(people, np.nan)
    since = np.full(people, _NO_DAY)
    first = np.datetime64(end_date - timedelta(days=days - 1), "D")
    for daily in add_up_days(answers, agents, days=days, frozen_days=LEVEL_DAYS, models=models):
        found = find_changes(daily.counts, daily.totals, daily.standard_deviation)
        statistic[daily.agents] = found.statistic
        for sign, word in zip((1, -1), CHANGE_DIRECTIONS, strict=True):
            direction[daily.agents[found.direction == sign]] = word
        is_there = found.direction != 0
        since[daily.agents[is_there]] = first + found.since[is_there]
    return AgentChanges(direction, since, statistic)
