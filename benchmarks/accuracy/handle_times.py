"""Handle time of agents who take different queues, the fast ones sharing some."""

from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy.answers import one_group
from benchmarks.accuracy.goals import QUEUES_CORRELATION, Figure
from benchmarks.accuracy.measures import correlation
from benchmarks.accuracy.references import Estimate, without_limits
from benchmarks.accuracy.scenarios import SEED
from benchmarks.accuracy.section import Section, Table, tabulate_methods
from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.fair import StratumSums, fit_strata
from salted_assets.scoring.stats import Floats, sum_days

AGENTS, QUEUES, CASES, DAYS = 40, 6, 400, 5
_AGENT_SD, _QUEUE_SD, _CASE_SD = 0.15, 0.3, 0.6
_IN_OWN_PAIR = 0.8
_FEWEST_WORLDS = 20

_TEXT = """\
Scenario "queues": 40 agents with 400 cases each on 5 days of a week; the logarithm of the handle time is agent (sd \
.15) + queue (sd .3) + N(0, .6). Each agent takes 80 % of the cases from an own pair of the six queues; the fastest \
third of agents share one pair, the slowest another. `plain` is the mean logarithm; `fair` that of the fair \
geometric mean; the `oracle` is the plain mean after the true effects of queues are taken off. The true level is \
that on the usual mix of queues."""


@dataclass(frozen=True)
class Queues:
    """One world: agents' and queues' true effects; numbers, sums and sums of squares by agent, queue and day."""

    agent: Floats
    queue: Floats
    counts: Floats
    totals: Floats
    squares: Floats

    @property
    def truth(self) -> Floats:
        """The agents' levels on the mix of all cases."""
        return np.asarray(self.agent + self.queue @ self.counts.sum((0, 2)) / self.counts.sum())


def draw_queues(world: int) -> Queues:
    """The world of this number; the same at every call."""
    rng = np.random.default_rng([SEED, 7, world])
    agent, queue = np.sort(rng.normal(0, _AGENT_SD, AGENTS)), rng.normal(0, _QUEUE_SD, QUEUES)
    is_own = np.arange(QUEUES) // 2 == (np.arange(AGENTS) * QUEUES // (2 * AGENTS))[:, None]
    share = np.where(is_own, _IN_OWN_PAIR / 2, (1 - _IN_OWN_PAIR) / (QUEUES - 2))
    counts = rng.multinomial(CASES, np.repeat(share / DAYS, DAYS, axis=1)).reshape(AGENTS, QUEUES, DAYS).astype(float)
    level = (agent[:, None] + queue)[..., None]
    mean = level + rng.normal(0, _CASE_SD, counts.shape) / np.sqrt(np.maximum(counts, 1))
    within = np.where(counts > 1, _CASE_SD**2 * rng.chisquare(np.maximum(counts - 1, 1)), 0)
    return Queues(agent, queue, counts, counts * mean, within + counts * mean**2)


def estimate_queues(drawn: Queues) -> dict[str, Estimate]:
    """Logarithms of the handle time by each method."""
    count = drawn.counts.sum((1, 2))
    usual_mix = drawn.queue @ drawn.counts.sum((0, 2)) / drawn.counts.sum()
    known = drawn.totals - drawn.counts * (drawn.queue[:, None] - usual_mix)
    person = np.repeat(np.arange(AGENTS), DAYS)
    days = sum_days(person, drawn.counts.sum(1).ravel(), drawn.totals.sum(1).ravel(), person_count=AGENTS)
    sums = StratumSums(
        agent=np.repeat(np.arange(AGENTS), QUEUES),
        strata=(np.tile(np.arange(QUEUES), AGENTS),),
        counts=_in_shortest_window(drawn.counts),
        totals=_in_shortest_window(drawn.totals),
        squares=_in_shortest_window(drawn.squares),
    )
    found = fit_strata(sums, dict.fromkeys(WINDOWS, days), one_group(AGENTS), min_count=20, is_log=True)[min(WINDOWS)]
    return {
        "plain": without_limits(drawn.totals.sum((1, 2)) / count),
        "fair": Estimate(*map(np.log, (found.fair_mean, found.fair_low, found.fair_high))),
        "shrunk fair": Estimate(*map(np.log, (found.shrunk_mean, found.shrunk_low, found.shrunk_high))),
        "oracle": without_limits(known.sum((1, 2)) / count),
    }


def measure_handle_times(worlds: int) -> Section:
    """Correlation with the truth, error and intervals, in a twentieth of the worlds."""
    drawn = [draw_queues(world) for world in range(max(_FEWEST_WORLDS, worlds // 20))]
    truth = np.array([each.truth for each in drawn])
    estimates = [estimate_queues(each) for each in drawn]
    rows = tabulate_methods(estimates, truth)
    fair = np.array([each["fair"].value for each in estimates])
    what = 'correlation of the fair handle time with the truth, "queues"'
    return Section(
        "Handle times", _TEXT, [Figure(what, correlation(fair, truth), QUEUES_CORRELATION)], [Table("", rows)]
    )


def _in_shortest_window(values: Floats) -> Floats:
    """By agent and queue, with a row for each window: all days are of the shortest one."""
    flat = values.sum(-1).ravel()
    return np.stack([flat, *[np.zeros_like(flat)] * (len(WINDOWS) - 1)])
