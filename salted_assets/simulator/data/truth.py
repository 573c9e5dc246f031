"""What the simulation knows and scores have to find out: the truth behind the rows, for tests and benchmarks.

Not here: how it shows in the rows (`conversations`, `engagements`, `review_sessions`).
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from salted_assets.simulator.data.contact_centre import (
    COACHING,
    LAPSE_LEVEL,
    LEVEL_OF_SKILL,
    MEAN_LEVEL,
    MOVES,
    POINTS_OF_DIFFICULTY,
    QUEUES,
    TEAMS,
    WORSENING,
    ContactCentre,
    SkillChange,
    build_contact_centre,
)
from salted_assets.simulator.data.forms import GRADER_CHANGE, QUESTIONS
from salted_assets.simulator.data.options import SimulatorOptions
from salted_assets.simulator.data.randomness import Integers, Numbers
from salted_assets.simulator.data.review_sessions import is_grader_changed
from salted_assets.simulator.data.windows import day_of


@dataclass(frozen=True)
class PlantedChange:
    """From this day on everything that `pid` does or gives stands higher by `shift` (0 to 1); lower if negative."""

    pid: str
    day: date
    shift: float


@dataclass(frozen=True)
class Truth:
    """The truth behind an account, all levels and shifts on the scale of scores from 0 to 1.

    What an engagement deserves is the agent's level on the day (`levels_on`), the luck of the day (`luck_on`), the
    shift of its queue, and what is its own. A person's answer adds the ease of the question and their leniency. Scores
    end at 0 and 1, so means of what is far from the middle show a little less than these shifts.
    """

    centre: ContactCentre

    @property
    def reviewer_leniency(self) -> dict[str, float]:
        """What each human reviewer adds to the score that an answer deserves, by `reviewer_pid`."""
        return dict(zip(self.centre.reviewer_pids, self.centre.leniency.tolist(), strict=False))

    @property
    def queue_shifts(self) -> dict[str, float]:
        """What a queue adds to what its engagements deserve, by name; hard queues take away."""
        return {queue.name: POINTS_OF_DIFFICULTY * queue.difficulty for queue in QUEUES}

    @property
    def question_ease(self) -> dict[str, float]:
        """What a question adds to the score that an answer deserves, by `question_pid`."""
        return {question.pid: question.ease for question in QUESTIONS}

    @property
    def worsening(self) -> PlantedChange | None:
        """The agent who gets worse; None in an account too small to have them."""
        return self._planted(WORSENING)

    @property
    def coaching(self) -> PlantedChange | None:
        """The agent who is coached and gets better; None in an account too small to have them."""
        return self._planted(COACHING)

    @property
    def grader_change(self) -> PlantedChange:
        """The automatic reviewer, who grades otherwise from a day on and says nothing of it."""
        return PlantedChange(self.centre.reviewer_pids[self.centre.auto_reviewer], *GRADER_CHANGE)

    def changes(self, first: date, last: date) -> tuple[PlantedChange, ...]:
        """Every change of a person or of the automatic reviewer on the days from `first` to `last`, in order.

        An agent whose shift is positive was coached.
        """
        days = np.arange(day_of(first) - 1, day_of(last) + 1)
        lapsing, is_changed = self.centre.lapsing_on(days), is_grader_changed(days).astype(np.int64)
        found = [change for change in (self.worsening, self.coaching) if change and first <= change.day <= last]
        for index in np.flatnonzero(np.diff(lapsing)).tolist():
            shifts = ((lapsing[index], -LAPSE_LEVEL), (lapsing[index + 1], LAPSE_LEVEL))
            day = first + timedelta(days=index)
            found += [PlantedChange(self.centre.pids[agent], day, shift) for agent, shift in shifts if agent >= 0]
        for index in np.flatnonzero(np.diff(is_changed)).tolist():
            shift = GRADER_CHANGE[1] * (is_changed[index + 1] - is_changed[index])
            found.append(PlantedChange(self.grader_change.pid, first + timedelta(days=index), float(shift)))
        return tuple(sorted(found, key=lambda change: change.day))

    @property
    def moves(self) -> dict[tuple[str, date], str]:
        """The team that an agent goes to on a day, by `agent_pid` and day."""
        return {(self.centre.pids[agent], day): TEAMS[team].name for agent, day, team in MOVES if self._has(agent)}

    def levels_on(self, day: date) -> dict[str, float]:
        """The level of evaluations that each agent deserves on a day, by `agent_pid`, before the luck of the day."""
        return self.mean_levels(day, day)

    def mean_levels(self, first: date, last: date) -> dict[str, float]:
        """The mean of `levels_on` over the days from `first` to `last`, by `agent_pid`."""
        days = np.arange(day_of(first), day_of(last) + 1)[:, None]
        levels = MEAN_LEVEL + LEVEL_OF_SKILL * self.centre.skills_on(self._agents, days)
        return self._by_agent(levels.mean(axis=0))

    def luck_on(self, day: date) -> dict[str, float]:
        """What a good or bad day adds to what each agent's engagements deserve, by `agent_pid`."""
        days = np.full(len(self._agents), day_of(day))
        return self._by_agent(LEVEL_OF_SKILL * self.centre.luck_on(self._agents, days))

    @property
    def _agents(self) -> Integers:
        return np.arange(len(self.centre.pids))

    def _by_agent(self, values: Numbers) -> dict[str, float]:
        return dict(zip(self.centre.pids, values.tolist(), strict=True))

    def _planted(self, change: SkillChange) -> PlantedChange | None:
        has_agent = self._has(change.agent)
        return PlantedChange(self.centre.pids[change.agent], change.day, change.level) if has_agent else None

    def _has(self, agent: int) -> bool:
        return agent < len(self.centre.pids)


def truth_of(options: SimulatorOptions) -> Truth:
    """The truth behind the account that `options` describe."""
    return Truth(build_contact_centre(options))
