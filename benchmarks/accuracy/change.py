"""Change: how often the cumulative sums alarm for nothing, and how soon they find a fall."""

import numpy as np

from benchmarks.accuracy.goals import ALARMS_A_YEAR, CHANGE_FOUND, Figure
from benchmarks.accuracy.scenarios import SEED
from benchmarks.accuracy.section import Row, Section, Table, digits
from salted_assets.scoring.change import DAYS_BEFORE, find_changes
from salted_assets.scoring.stats import Floats

RATES, FALLS = (0.4, 1.0), (0.08, 0.15)
SD = 0.17
_QUARTER_DAYS, _DAYS_TO_FALL, _DAYS_OF_YEAR = 91, 31, 365
_RATE_WITH_GOAL, _FALL_WITH_GOAL = 0.4, 0.15

_TEXT = """\
Evaluations come at random, .4 or 1 a day, normal with sd .17. Days are replayed over a calendar quarter after the \
119 days that give the level. False alarms are those, in either direction, of agents who never change, restarts \
included. A fall comes on the 32nd day of the quarter; it is found when there is an alarm for lower values from that \
day on, within so many days. One false alarm per agent and year is, for a centre of 2,000 agents, five a day."""


def draw_evaluations(rng: np.random.Generator, rate: float, agents: int, days: int) -> tuple[Floats, Floats]:
    """Number and sum of each agent's (row) evaluations of each day, around .75."""
    counts = rng.poisson(rate, (agents, days)).astype(np.float64)
    return counts, 0.75 * counts + SD * np.sqrt(counts) * rng.standard_normal(counts.shape)


def alarms_a_year(rng: np.random.Generator, rate: float, agents: int) -> float:
    """False alarms per agent and year."""
    counts, totals = draw_evaluations(rng, rate, agents, DAYS_BEFORE + _QUARTER_DAYS)
    return float(find_changes(counts, totals, SD).alarm_count.mean() * _DAYS_OF_YEAR / _QUARTER_DAYS)


def share_found(rng: np.random.Generator, rate: float, fall: float, agents: int, days: int) -> float:
    """Share of falls that are found within so many days."""
    fallen = DAYS_BEFORE + _DAYS_TO_FALL
    counts, totals = draw_evaluations(rng, rate, agents, fallen + days)
    totals[:, fallen:] -= fall * counts[:, fallen:]
    before = find_changes(counts[:, :fallen], totals[:, :fallen], SD)
    after = find_changes(counts, totals, SD)
    return float(((after.alarm_count > before.alarm_count) & (after.direction < 0)).mean())


def measure_change(worlds: int) -> Section:
    """False alarms and falls found; five agents for each world of the other parts."""
    agents = 5 * worlds
    rows: list[Row] = [
        ("evaluations a day", "alarms per agent and year", "fall", *(f"found in {d} days" for d in CHANGE_FOUND))
    ]
    figures = []
    for rate in RATES:
        alarms = alarms_a_year(np.random.default_rng([SEED, 5]), rate, agents)
        for fall in FALLS:
            found = {
                days: share_found(np.random.default_rng([SEED, 6, days]), rate, fall, agents, days)
                for days in CHANGE_FOUND
            }
            rows.append((f"{rate:g}", digits(alarms, 2), f"{fall:g}", *map(digits, found.values())))
            if (rate, fall) == (_RATE_WITH_GOAL, _FALL_WITH_GOAL):
                figures.append(Figure(f"false alarms per agent and year at {rate:g} a day", alarms, ALARMS_A_YEAR))
                figures += [
                    Figure(f"fall by {fall:g} at {rate:g} a day found in {days} days", share, CHANGE_FOUND[days])
                    for days, share in found.items()
                ]
    return Section("Change", _TEXT, figures, [Table("", rows)])
