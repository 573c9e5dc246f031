"""What is asked of the scores, and whether a measured figure is that."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """The least and the most that a figure may be."""

    low: float = float("-inf")
    high: float = float("inf")

    def __str__(self) -> str:
        """As it is written beside a figure."""
        if self.low == float("-inf"):
            return f"<= {self.high:g}"
        if self.high == float("inf"):
            return f">= {self.low:g}"
        return str(f"{self.low:g}" if self.low == self.high else f"{self.low:g} to {self.high:g}")


@dataclass(frozen=True)
class Figure:
    """One measured figure beside its goal."""

    what: str
    value: float
    goal: Goal

    @property
    def is_met(self) -> bool:
        """Whether the figure as measured, before it is rounded to be shown, is what is asked; NaN never is."""
        return self.goal.low <= self.value <= self.goal.high


WORST_AGENT_RMSE = {6: Goal(high=0.07), 12: Goal(high=0.08), 30: Goal(high=0.09)}
"""Scenario "one poor", by people in the group."""
RMSE_OVER_ORACLE = {8: Goal(high=1.12), 30: Goal(high=1.07), 300: Goal(high=1.05)}
"""Scenario F."""
RMSE_OVER_PLAIN_WHEN_ALIKE = Goal(high=0.35)
LOWEST_FOUND_LESS_PLAIN = Goal(low=-0.02)
SHRUNK_COVERAGE = Goal(low=0.94)
SHRUNK_COVERAGE_OF_MANY = Goal(high=0.97)
LOWEST_TENTH_COVERAGE = {"A": Goal(low=0.82), "B": Goal(low=0.73), "D": Goal(low=0.82)}
BOUNDED_COVERAGE = Goal(0.94, 0.97)
BOUNDED_COVERAGE_BY_COUNT = Goal(low=0.91)
WITHOUT_INTERVAL = Goal(0, 0)
THREE_REVIEWERS_COVERAGE = Goal(low=0.94)
DAYS_COVERAGE = Goal(low=0.93)
FACETS_CORRELATION = Goal(low=0.89)
CENTRE_CORRELATION_OVER_ORACLE = Goal(low=0.97)
QUEUES_CORRELATION = Goal(low=0.97)
LENIENCY_COVERAGE = Goal(low=0.93)
ALARMS_A_YEAR = Goal(0.8, 1.2)
CHANGE_FOUND = {14: Goal(low=0.40), 28: Goal(low=0.72)}
"""Share of falls by .15 at .4 evaluations a day that are found within so many days."""
DRIFT_ALARMS_A_YEAR = Goal(high=1.2)
"""False alarms of a question by its own sums."""
DRIFT_DAYS_TO_ALARM = Goal(high=21)
"""From the simulator's silent change of the auto reviewer."""
ANCHORED_COVERAGE = Goal(0.94, 0.96)
ANCHORED_RMSE = Goal(high=1.02)
ANCHORED_WIDTH = {0.55: Goal(high=0.87), 0.7: Goal(high=0.74)}
"""By the correlation of people's and auto scores within an agent."""
ANCHORED_BIAS_OF_INCORRECT = Goal(high=0.003)
PLAN_WIDTH = Goal(high=1.0)
"""Widest interval with 60 planned reviews over that with 120 drawn by volume."""
PLANNED_MEAN_BIAS = Goal(high=2.0)
"""Of a Horvitz-Thompson mean, in its Monte-Carlo standard errors."""
SETTLEMENT_COVERAGE = Goal(0.88, 0.97)
SETTLEMENT_COVERAGE_BY_AGE = Goal(low=0.85)
SETTLEMENT_MOVES = Goal(0.85, 0.97)
