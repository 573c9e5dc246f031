"""The fair score of agents whose questions, reviewers and choice of engagements differ."""

from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy.answers import Evaluations, Facets, additive_levels, one_group, plain_means
from benchmarks.accuracy.goals import FACETS_CORRELATION, Figure
from benchmarks.accuracy.measures import correlation
from benchmarks.accuracy.references import Estimate, without_limits
from benchmarks.accuracy.scenarios import SEED
from benchmarks.accuracy.section import Section, Table, tabulate_methods
from salted_assets.scoring.fair import HumanAnswers, fit_human_answers
from salted_assets.scoring.stats import Floats

AGENTS, EVALUATIONS, REVIEWERS = 21, 13, 4
_FEWEST_WORLDS = 20
WINDOW_DAYS = 7
_EASE_SD, _LENIENCY_SD, _CHOSEN_SHIFT = 0.17, 0.06, -0.08
_FORMS = np.array([[0, 1, 2, 3, 4], [3, 4, 5, 6, 7], [6, 7, 8, 9, 0]])
_BY_USUAL_FORM = 0.7

_TEXT = """\
Scenario "facets": 21 agents (levels N(.75, .07)) with 13 evaluations each in 7 days; 4 reviewers (sd .06); three \
forms of five questions (ease sd .17), of which each shares two or one with the next; an evaluation has an effect of \
its own (sd .075), an answer too (sd .2). Agents differ in the form that most of their evaluations are by (70 %), in \
who reviews them, and in the share of Focused ones, which are .08 lower. `additive` is least squares on agent, \
question, reviewer and choice; the `oracle` is the plain mean of scores from which all true facets are taken. Both \
have the overall mean of the truth; the true level is what a usual reviewer gives by the mix of questions of all. An \
interval of the fair mean allows for not knowing how the four reviewers are to usual ones, which is the same for all \
agents of a world; of how much reviewers differ four of them hardly tell, so that it is rather wide."""


@dataclass(frozen=True)
class Drawn:
    """One world: its answers and what is true."""

    facets: Facets
    answers: HumanAnswers

    @property
    def truth(self) -> Floats:
        """The agents' levels by the mix of questions of all answers."""
        return np.asarray(self.facets.level + self.facets.ease[self.answers.question].mean())


def draw_facets(world: int) -> Drawn:
    """The world of this number; the same at every call."""
    rng = np.random.default_rng([SEED, 3, world])
    facets = Facets(
        level=rng.normal(0.75, 0.07, AGENTS),
        ease=rng.normal(0, _EASE_SD, int(_FORMS.max()) + 1),
        leniency=rng.normal(0, _LENIENCY_SD, REVIEWERS),
        forms=_FORMS,
        chosen_shift=_CHOSEN_SHIFT,
        evaluation_sd=0.075,
        answer_sd=0.2,
    )
    agent = np.repeat(np.arange(AGENTS), EVALUATIONS)
    usual_form = rng.integers(0, len(_FORMS), AGENTS)[agent]
    form = np.where(rng.random(agent.size) < _BY_USUAL_FORM, usual_form, rng.integers(0, len(_FORMS), agent.size))
    shares = rng.dirichlet(np.ones(REVIEWERS), AGENTS)
    reviewer = (rng.random(agent.size)[:, None] > shares.cumsum(1)[agent]).sum(1).clip(max=REVIEWERS - 1)
    is_chosen = rng.random(agent.size) < rng.beta(1, 2, AGENTS)[agent]
    evaluations = Evaluations(agent, reviewer, form, is_chosen, rng.integers(0, WINDOW_DAYS, agent.size))
    return Drawn(facets, facets.answer(rng, evaluations))


def estimate_levels(drawn: Drawn) -> dict[str, Estimate]:
    """Agents' levels by each method."""
    week = fit_human_answers(drawn.answers, one_group(AGENTS), min_count=5).windows[WINDOW_DAYS]
    mean = drawn.truth.mean()
    additive = additive_levels(drawn.answers, AGENTS)
    oracle = plain_means(drawn.facets.without(drawn.answers), AGENTS)
    return {
        "plain": without_limits(plain_means(drawn.answers, AGENTS)),
        "additive": without_limits(additive - additive.mean() + mean),
        "fair mean": Estimate(week.fair_mean, week.fair_low, week.fair_high),
        "shrunk fair mean": Estimate(week.shrunk_mean, week.shrunk_low, week.shrunk_high),
        "oracle": without_limits(oracle - oracle.mean() + mean),
    }


def measure_fair_scores(worlds: int) -> Section:
    """Correlation with the truth, error and intervals, in a fifth of the worlds."""
    drawn = [draw_facets(world) for world in range(max(_FEWEST_WORLDS, worlds // 5))]
    truth = np.array([each.truth for each in drawn])
    estimates = [estimate_levels(each) for each in drawn]
    rows = tabulate_methods(estimates, truth)
    fair = np.array([each["fair mean"].value for each in estimates])
    what = 'correlation of the fair mean with the truth, "facets"'
    return Section(
        "Fair scores", _TEXT, [Figure(what, correlation(fair, truth), FACETS_CORRELATION)], [Table("", rows)]
    )
