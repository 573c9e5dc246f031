"""Reviewers' leniency: whether its intervals hold, also where some reviewers do the chosen engagements."""

from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy.answers import Evaluations, Facets, one_group
from benchmarks.accuracy.goals import LENIENCY_COVERAGE, Figure
from benchmarks.accuracy.measures import measure
from benchmarks.accuracy.references import Estimate
from benchmarks.accuracy.scenarios import SEED
from benchmarks.accuracy.section import Row, Section, Table, digits
from salted_assets.scoring.fair import HumanAnswers, fit_human_answers

REVIEWERS, AGENTS, EVALUATIONS = 10, 60, 60
_FEWEST_WORLDS = 20
_LENIENCY_SD, _CHOSEN_SHARE = 0.06, 0.8

_TEXT = """\
10 reviewers (sd .06) and 60 agents (levels N(.75, .07)) with 60 evaluations each of 5 answers (sd .2), over 91 \
days, by reviewers drawn at random. A sitting has an effect of its own (sd 0, .08 or .15). In the last case half of \
the reviewers do Focused engagements in 80 % of their evaluations, which are .08 lower; sittings have sd .08. \
Leniency is that beside the mean of the ten reviewers."""


@dataclass(frozen=True)
class Case:
    """How much sittings vary, and the share of Focused evaluations of the first half of the reviewers."""

    name: str
    sitting_sd: float
    chosen_share: float
    has_goal: bool


CASES = (
    Case("sitting sd 0", 0.0, 0.0, has_goal=False),
    Case("sitting sd .08", 0.08, 0.0, has_goal=False),
    Case("sitting sd .15", 0.15, 0.0, has_goal=True),
    Case("reviewers split by sampling", 0.08, _CHOSEN_SHARE, has_goal=True),
)


def draw_reviewers(case: Case, world: int) -> tuple[Facets, HumanAnswers]:
    """One world's truth and answers."""
    rng = np.random.default_rng([SEED, 4, CASES.index(case), world])
    facets = Facets(
        level=rng.normal(0.75, 0.07, AGENTS),
        ease=np.zeros(5),
        leniency=rng.normal(0, _LENIENCY_SD, REVIEWERS),
        forms=np.arange(5)[None, :],
        chosen_shift=-0.08,
        evaluation_sd=case.sitting_sd,
        answer_sd=0.2,
    )
    agent = np.repeat(np.arange(AGENTS), EVALUATIONS)
    reviewer = rng.integers(0, REVIEWERS, agent.size)
    is_chosen = (reviewer < REVIEWERS // 2) & (rng.random(agent.size) < case.chosen_share)
    form = np.zeros(agent.size, np.int64)
    evaluations = Evaluations(agent, reviewer, form, is_chosen, rng.integers(0, 91, agent.size))
    return facets, facets.answer(rng, evaluations)


def measure_leniency(worlds: int) -> Section:
    """Error and intervals of the reviewers' effects; a twentieth of the worlds, twenty at least."""
    rows: list[Row] = [("case", "worlds", "RMSE", "bias", "coverage", "width", "bias of the first half")]
    figures = []
    count = max(_FEWEST_WORLDS, worlds // 20)
    first_half = np.broadcast_to(np.arange(REVIEWERS) < REVIEWERS // 2, (count, REVIEWERS))
    for case in CASES:
        drawn = [draw_reviewers(case, world) for world in range(count)]
        effects = [fit_human_answers(answers, one_group(AGENTS), min_count=5).reviewers for _, answers in drawn]
        truth = np.array([facets.leniency - facets.leniency.mean() for facets, _ in drawn])
        estimate = Estimate(
            *(np.array([getattr(each, name) for each in effects]) for name in ("effect", "low", "high"))
        )
        accuracy, of_half = measure(estimate, truth), measure(estimate, truth, first_half)
        cells = (accuracy.rmse, accuracy.bias, accuracy.coverage, accuracy.width, of_half.bias)
        rows.append((case.name, str(count), *map(digits, cells)))
        if case.has_goal:
            figures.append(Figure(f"coverage of leniency, {case.name}", accuracy.coverage, LENIENCY_COVERAGE))
    return Section("Leniency of reviewers", _TEXT, figures, [Table("", rows)])
