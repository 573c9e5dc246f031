"""Settlement: whether final counts and figures are where they were said to be while rows were still missing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import scipy

from benchmarks.accuracy.goals import (
    SETTLEMENT_COVERAGE,
    SETTLEMENT_COVERAGE_BY_AGE,
    SETTLEMENT_MOVES,
    Figure,
    Goal,
)
from benchmarks.accuracy.measures import Mask
from benchmarks.accuracy.scenarios import SEED
from benchmarks.accuracy.section import Row, Section, Table, digits
from salted_assets.scoring.settlement import (
    ARRIVAL_DAYS,
    LEARNING_DAYS,
    FinalCount,
    Settlement,
    Widening,
    expect_final,
    find_move_factor,
    find_move_root,
    learn_settlement,
    widen_limits,
)
from salted_assets.scoring.stats import Floats, Indices

HORIZON = 14
ORIGINS = 28
WINDOW = 7
AGENTS = 20
_FIRST_ORIGIN = LEARNING_DAYS + HORIZON + WINDOW
_DAYS = _FIRST_ORIGIN + ORIGINS + 2 * HORIZON
_SD = 0.17
_MISS = 20
"""What a miss costs in the score of 90 % intervals: 2 / .1."""
_FEW, _MANY = 5, 20
_SATURDAY = 5

DELAY_WORLDS = {
    "steady": "reviewed with a chance of about .35 on each day, which varies from day to day (log odds, sd .3)",
    "weekend": "as steady, with a chance of .03 on Saturdays and Sundays",
    "backlog": "as weekend; now and then (one day in 25) the chance is a third for 3 to 6 days, and .75 on the two "
    "days after",
    "outage": "as weekend; now and then (one day in 25) nothing arrives for 1 to 3 days, and on the next day all that "
    "would have come meanwhile",
    "holiday": "as weekend, with one working day in 20 a holiday that is like a Sunday",
}

_SCORE = Goal(high=1)

_TEXT = f"""\
Reviews of a day arrive late. A centre of 20 agents has about 60 evaluations of each working day's engagements and 20 \
of each other day's (varying by a fifth), of which agents have .2 to 2 times the usual share. On each calendar day an \
evaluation that is still due is done by chance; what is not done within 14 days never is. Worlds differ in that chance:

{chr(10).join(f"- **{name}**: {what};" for name, what in DELAY_WORLDS.items())[:-1]}.

The origin rolls over the days of four weeks. At each, the 28 newest complete days are learned from, and final counts \
of the 14 newest days are said, one of each age. The interval score is the width of a 90 % interval plus 20 times what \
it missed by (Gneiting and Raftery 2007, JASA 102), over the final count. `pooled` takes weekdays for alike, `separate \
weekdays` has t intervals out of the four days of a weekday; neither is widened in an outage. Figures are agents' \
means over 7 days (levels N(.75, .07), evaluations sd .17) at each age at which they are provisional; they moved as \
said where they ended no farther away than that."""


@dataclass(frozen=True)
class DelayWorld:
    """Evaluations by start day (first axis), agent and age of arrival: their number, and the sum of their scores.

    An evaluation that is later than the horizon arrives at no age. `weekday` is that of each start day.
    """

    counts: Floats
    totals: Floats
    weekday: Indices

    @property
    def seen(self) -> Floats:
        """The number seen of each day, in a row for each age."""
        return np.asarray(self.counts.sum(1).cumsum(1).T)


def draw_chances(rng: np.random.Generator, name: str, days: int, weekday: Indices) -> Floats:
    """The chance of each calendar day that an evaluation which is due on it is done."""
    chance = scipy.special.expit(scipy.special.logit(0.35) + 0.3 * rng.standard_normal(days))
    if name == "steady":
        return np.asarray(chance)
    is_off = weekday >= _SATURDAY
    if name == "holiday":
        is_off |= rng.random(days) < 1 / 20
    chance = np.where(is_off, 0.03, chance)
    if name == "backlog":
        for start in np.flatnonzero(rng.random(days) < 1 / 25):
            end = start + rng.integers(3, 7)
            chance[start:end] /= 3
            chance[end : end + 2] = 0.75
    if name == "outage":
        for start in np.flatnonzero(rng.random(days) < 1 / 25):
            end = start + rng.integers(1, 4)
            chance[end : end + 1] = 1 - np.prod(1 - chance[start : end + 1])
            chance[start:end] = 0
    return np.asarray(chance)


def draw_delay_world(rng: np.random.Generator, name: str) -> DelayWorld:
    """About 60 evaluations of each working day and 20 of each other, of agents with .2 to 2 times the usual number."""
    weekday = (np.arange(_DAYS) + rng.integers(7)) % 7
    shares = rng.uniform(0.2, 2, AGENTS)
    usual = np.where(weekday < _SATURDAY, 60, 20) * rng.gamma(25, 1 / 25, _DAYS)
    waiting = rng.poisson(usual[:, np.newaxis] * shares / shares.sum())
    chances = draw_chances(rng, name, _DAYS + HORIZON, (weekday[0] + np.arange(_DAYS + HORIZON)) % 7)
    counts = np.zeros((_DAYS, AGENTS, HORIZON + 1))
    for age in range(HORIZON + 1):
        done = rng.binomial(waiting, chances[age : age + _DAYS, np.newaxis])
        counts[:, :, age], waiting = done, waiting - done
    levels = rng.normal(0.75, 0.07, AGENTS)
    totals = counts * levels[:, np.newaxis] + _SD * np.sqrt(counts) * rng.standard_normal(counts.shape)
    return DelayWorld(counts, totals, weekday)


@dataclass(frozen=True)
class Origin:
    """What is known at the end of day `today`: complete days, and of the newest days (by age) what has been seen."""

    world: DelayWorld
    today: int

    @property
    def days(self) -> Indices:
        """The newest start days: that of each age."""
        return self.today - np.arange(HORIZON)

    @property
    def complete(self) -> Indices:
        """The days that are learned from."""
        return self.today - HORIZON - np.arange(LEARNING_DAYS)

    @property
    def weekdays(self) -> Indices:
        """Those of the newest days."""
        return np.asarray(self.world.weekday[self.days])

    def learn(self, weekday: Indices | None = None) -> Settlement:
        """What the complete days teach; `weekday` takes the place of their own."""
        seen = self.world.seen[:, self.complete]
        return learn_settlement(seen[:-1], seen[-1], self.world.weekday[self.complete] if weekday is None else weekday)

    def widen(self, learned: Settlement) -> Widening:
        """By what the arrivals of the last days widen limits."""
        ages = np.arange(HORIZON)
        seen = np.vstack([np.zeros((ARRIVAL_DAYS, _DAYS)), self.world.seen])
        arrived = seen[ages + ARRIVAL_DAYS, self.days] - seen[ages, self.days]
        usual = learned.arrivals[ages, self.weekdays]
        return widen_limits(arrived.sum(), usual.sum(), learned.arrivals_deviation.sum())


def limit_counts(origin: Origin) -> dict[str, FinalCount]:
    """The final counts of the newest days, by age, as each method expects them."""
    ages = np.arange(HORIZON)
    now = origin.world.seen[ages, origin.days]
    learned, pooled = origin.learn(), origin.learn(np.zeros(LEARNING_DAYS, int))
    usual, half, largest = _separate_weekdays(origin)
    return {
        "settlement": expect_final(
            now,
            learned.log_odds[ages, origin.weekdays],
            learned.reach,
            learned.largest_count[origin.weekdays],
            origin.widen(learned),
        ),
        "pooled": expect_final(now, pooled.log_odds[:, 0], pooled.reach, pooled.largest_count[0]),
        "separate weekdays": expect_final(now, usual, half, largest),
    }


def _separate_weekdays(origin: Origin) -> tuple[Floats, Floats, Floats]:
    """By the four days of each weekday alone: mean log odds, half the t interval of another day, largest count."""
    seen = origin.world.seen[:, origin.complete]
    log_odds = np.log((seen[:-1] + 0.5) / (seen[-1] - seen[:-1] + 0.5))
    is_own = origin.world.weekday[origin.complete] == origin.weekdays[:, np.newaxis]
    mean, half = _extrapolate(log_odds[is_own].reshape(HORIZON, -1))
    count_log, count_half = _extrapolate(np.log(np.tile(seen[-1] + 0.5, (HORIZON, 1))[is_own].reshape(HORIZON, -1)))
    return mean, half, np.exp(count_log + count_half) - 0.5


def _extrapolate(values: Floats) -> tuple[Floats, Floats]:
    """Mean of each row, and half of the 90 % interval for another value."""
    count = values.shape[1]
    half = scipy.stats.t.ppf(0.95, count - 1) * values.std(1, ddof=1) * np.sqrt(1 + 1 / count)
    return values.mean(1), np.asarray(half)


def score_interval(limits: FinalCount, final: Floats) -> Floats:
    """The score of 90 % intervals (Gneiting and Raftery 2007, JASA 102) over the final count; less is better."""
    missed = np.maximum(limits.low - final, 0) + np.maximum(final - limits.high, 0)
    return np.asarray((limits.high - limits.low + _MISS * missed) / np.maximum(final, 1))


@dataclass(frozen=True)
class Figures:
    """Agents' means over the seven days that end on a day of each age: as shown, as expected to move, as they end.

    Rows are window ends, columns agents.
    """

    now_count: Floats
    now_mean: Floats
    final_count: Floats
    final_mean: Floats


def figures_of(world: DelayWorld, ends: Indices, age: int) -> Figures:
    """The figures of windows that end on these days, seen at this age of the last day."""
    sums = []
    for table in (world.counts, world.totals):
        arrived = table.cumsum(2)
        days = range(WINDOW)
        now = sum(arrived[ends - ago, :, min(age + ago, HORIZON)] for ago in days)
        sums += [now, sum(arrived[ends - ago, :, HORIZON] for ago in days)]
    now_count, final_count, now_total, final_total = map(np.asarray, sums)
    with np.errstate(invalid="ignore"):
        return Figures(now_count, now_total / now_count, final_count, final_total / final_count)


def check_moves(origin: Origin, expected: FinalCount, learned: Settlement) -> Iterator[tuple[Floats, Mask]]:
    """For each provisional figure of each age: the agents' counts, and whether it moved no more than was said."""
    ends = origin.today - HORIZON - np.arange(LEARNING_DAYS - WINDOW + 1)
    share_now = _shares_now(origin, expected)
    for age in range(HORIZON):
        if learned.settled_age is not None and age >= learned.settled_age:
            return
        past = figures_of(origin.world, ends, age)
        factor = find_move_factor(past.now_mean, past.final_mean, past.now_count, past.final_count)
        figures = figures_of(origin.world, np.array([origin.today - age]), age)
        farthest = factor * find_move_root(figures.now_count, figures.now_count / share_now[age])
        moved = np.abs(figures.final_mean - figures.now_mean)
        shown = figures.now_count > 0
        yield figures.now_count[shown], (moved <= farthest + 1e-12)[shown]


def _shares_now(origin: Origin, expected: FinalCount) -> Floats:
    """For each age of the last day the share of a window's rows that is expected to be in."""
    ages = np.arange(HORIZON)
    seen = origin.world.seen
    now = np.concatenate([seen[ages, origin.days], seen[HORIZON, origin.today - HORIZON - np.arange(WINDOW)]])
    final = np.concatenate([expected.expected, now[HORIZON:]])
    windows = ages[:, np.newaxis] + np.arange(WINDOW)
    return np.asarray(now[windows].sum(1) / np.maximum(final[windows].sum(1), now[windows].sum(1)))


@dataclass(frozen=True)
class Measured:
    """What came of all statements in the worlds of a kind.

    Of counts, by method, the share of limits that hold and the score, a row for each origin and a column for each age;
    of figures the counts of values that they were made of, and whether they moved no more than was said.
    """

    is_covered: Mapping[str, Mask]
    scores: Mapping[str, Floats]
    figure_counts: Floats
    is_figure_covered: Mask

    def moves_covered(self, low: int, high: float) -> float:
        """The share of figures of so many values that moved no more than was said."""
        among = (self.figure_counts >= low) & (self.figure_counts <= high)
        return float(self.is_figure_covered[among].mean())


def measure_delays(rng: np.random.Generator, name: str, worlds: int, origins: int = ORIGINS) -> Measured:
    """Go through so many worlds of a kind, an origin for each of so many days."""
    covered: dict[str, list[Mask]] = {}
    scores: dict[str, list[Floats]] = {}
    counts, moves = [], []
    for _ in range(worlds):
        world = draw_delay_world(rng, name)
        for today in range(_FIRST_ORIGIN, _FIRST_ORIGIN + origins):
            origin = Origin(world, today)
            final = world.seen[HORIZON, origin.days]
            limits = limit_counts(origin)
            for method, found in limits.items():
                covered.setdefault(method, []).append((found.low <= final) & (final <= found.high))
                scores.setdefault(method, []).append(score_interval(found, final))
            for figure_count, is_covered in check_moves(origin, limits["settlement"], origin.learn()):
                counts.append(figure_count)
                moves.append(is_covered)
    return Measured(
        {method: np.array(rows) for method, rows in covered.items()},
        {method: np.array(rows) for method, rows in scores.items()},
        np.concatenate(counts),
        np.concatenate(moves),
    )


def measure_settlement(worlds: int) -> Section:
    """Coverage and score of counts, and whether figures moved as far as was said; a fortieth of the worlds each."""
    figures: list[Figure] = []
    rows: list[Row] = [("world", "method", "coverage", "interval score", "up to 5 moved as said", "more than 20")]
    ages: list[Row] = [("world", *(f"{age} d" for age in range(HORIZON)))]
    for number, name in enumerate(DELAY_WORLDS):
        measured = measure_delays(np.random.default_rng([SEED, 8, number]), name, max(1, worlds // 40))
        by_age = measured.is_covered["settlement"].mean(0)
        few, many = measured.moves_covered(1, _FEW), measured.moves_covered(_MANY + 1, np.inf)
        scores = {method: float(score.mean()) for method, score in measured.scores.items()}
        figures += [
            Figure(f"settlement, {name}: final counts within their limits", by_age.mean(), SETTLEMENT_COVERAGE),
            Figure(f"settlement, {name}: at the age where fewest are", by_age.min(), SETTLEMENT_COVERAGE_BY_AGE),
            *(
                Figure(
                    f"settlement, {name}: interval score over that of {method}", scores["settlement"] / score, _SCORE
                )
                for method, score in scores.items()
                if method != "settlement"
            ),
            Figure(f"settlement, {name}: figures of up to 5 moved as said", few, SETTLEMENT_MOVES),
            Figure(f"settlement, {name}: figures of more than 20 moved as said", many, SETTLEMENT_MOVES),
        ]
        for method, score in scores.items():
            covered = float(measured.is_covered[method].mean())
            moves = (few, many) if method == "settlement" else (np.nan, np.nan)
            rows.append((name, method, *map(digits, (covered, score, *moves))))
        ages.append((name, *(digits(float(share), 2) for share in by_age)))
    return Section(
        "Settlement",
        _TEXT,
        figures,
        [Table("", rows), Table("Final counts within their limits, by the age of the day in days", ages)],
    )
