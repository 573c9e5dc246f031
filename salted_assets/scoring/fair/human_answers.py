"""The fair score of human reviewers' answers: levels of agents less questions, reviewers and kinds of work.

answer = agent (fixed) + question (fixed) + reviewer + kind of work + engagement (random) + error, with an error
variance for each kind of question. In chosen engagements the agent's level counts as often as `Loading` says.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.fair.answer_model import AnswerModel, equations_of
from salted_assets.scoring.fair.answer_rows import EngagementScores, ModelRows, build_rows, sort_answers, take_answers
from salted_assets.scoring.fair.components import find_components
from salted_assets.scoring.fair.fitted import fit_once
from salted_assets.scoring.fair.inputs import Agents, HumanAnswers
from salted_assets.scoring.fair.levels import describe_levels
from salted_assets.scoring.fair.measures import Columns, MeasureBuilder, compare, find_reasons_without_model
from salted_assets.scoring.fair.positive import on_one_core
from salted_assets.scoring.fair.results import FairAnswers, Reason, ReviewerEffects
from salted_assets.scoring.fair.reviewers import ComponentReviewers, combine_reviewers
from salted_assets.scoring.memory import return_memory
from salted_assets.scoring.numbering import number_values
from salted_assets.scoring.stats import (
    Floats,
    Indices,
    bounded_mean_interval,
    estimate_dependence,
    pooled_variance,
    sum_days,
)
from salted_assets.scoring.stats.samples import divide

_NOTHING_TOLD = 1e-6
"""Share of a reviewer's variance of which answers tell that is as good as none."""


def fit_human_answers(answers: HumanAnswers, agents: Agents, *, min_count: int) -> FairAnswers:
    """What evaluations by human reviewers say of each agent in each window, and of the reviewers.

    Question effects, variances and the loading come from all answers given, the 91 days; an agent's level in a window
    is the generalised-least-squares mean of its answers less these. The fair mean is what a usual reviewer would give
    on engagements drawn at random, with the component's mix of questions. An agent is one of the group with
    `min_count` engagements that were drawn. Raises nothing; no answer gives arrays of NaN.
    """
    known, component = find_known_answers(answers, agents)
    builders = {days: MeasureBuilder(agents.pids, component) for days in WINDOWS}
    reviewers = []
    for index, own, fit in _fit_components(known, component):
        if fit is not None:
            reviewers.append(_describe_reviewers(own, fit, index))
        for days, builder in builders.items():
            _add_window(builder, own, fit, days, min_count)
    return FairAnswers(
        windows={days: builder.build() for days, builder in builders.items()},
        reviewers=combine_reviewers(reviewers, answers.reviewer_pids),
    )


def fit_reviewers(answers: HumanAnswers, agents: Agents) -> ReviewerEffects:
    """What `fit_human_answers` says of the reviewers, alone."""
    with on_one_core():
        fitted = _fit_components(*find_known_answers(answers, agents))
        parts = [_describe_reviewers(own, fit, index) for index, own, fit in fitted if fit is not None]
    return combine_reviewers(parts, answers.reviewer_pids)


def find_known_answers(answers: HumanAnswers, agents: Agents) -> tuple[HumanAnswers, Indices]:
    """The answers that count, sorted, and each agent's component."""
    is_known = (agents.group[answers.agent] >= 0) & np.isfinite(answers.score)
    known = sort_answers(answers if is_known.all() else take_answers(answers, is_known))
    return known, find_components(known.agent, agents.group, known.question)


def _fit_components(known: HumanAnswers, component: Indices) -> Iterator[tuple[int, ModelRows, AnswerModel | None]]:
    for index in range(int(component.max(initial=-1)) + 1):
        own = build_rows(take_answers(known, component[known.agent] == index))
        return_memory()
        yield index, own, fit_once(own)


class _Drawn(NamedTuple):
    """Representative engagements of one window, by agent: count, sum and sum of squares of the means of their answers.

    `freedom` are the degrees of freedom of the pooled variance.
    """

    counts: Floats
    totals: Floats
    squares: Floats
    freedom: Floats

    def take(self, agents: Indices) -> "_Drawn":
        """Those of these agents."""
        return _Drawn(*(part[agents] for part in self))


def _add_window(builder: MeasureBuilder, own: ModelRows, fit: AnswerModel | None, days: int, min_count: int) -> None:
    """Say of one component's agents what the window says of them."""
    is_in_window = own.engagements.part <= WINDOWS.index(days)
    engagements = np.bincount(own.engagements.agent[is_in_window], minlength=own.agents.size)
    builder.add(own.agents[engagements > 0], Reason.ONLY_CHOSEN, {})
    drawn = _sum_drawn(own.engagements, is_in_window, own.agents.size)
    with_level = np.flatnonzero(drawn.counts > 0)
    drawn, agents, engagements = drawn.take(with_level), own.agents[with_level], engagements[with_level]
    if fit is None:
        is_member = drawn.counts >= min_count
        builder.add(agents, find_reasons_without_model(is_member), _fair_columns(drawn, engagements, None, None))
        return
    window = equations_of(fit.parts, slice(WINDOWS.index(days) + 1), fit.loading, fit.variances)
    levels = describe_levels(window, fit.facet_errors, with_level)
    levels = levels._replace(values=own.centre + levels.values)
    is_member = drawn.counts >= min_count
    freedom = max(float(np.maximum(drawn.counts[is_member] - 1, 0).sum()), 1.0)
    comparison = compare(levels, is_member, builder.pids_of(agents), freedom=freedom)
    columns = comparison.columns | {
        name: np.clip(comparison.columns[name], 0, 1) for name in ("shrunk_mean", "shrunk_low", "shrunk_high")
    }
    columns |= _fair_columns(drawn, engagements, levels.values, levels.covariance.diagonal)
    builder.add(agents, comparison.reason, columns)
    if comparison.prior is not None:
        builder.describe_group(own.agents, comparison.prior.mean)


def _sum_drawn(engagements: EngagementScores, is_in_window: npt.NDArray[np.bool_], people: int) -> _Drawn:
    drawn = is_in_window & ~engagements.is_chosen
    agent, score, age = engagements.agent[drawn], engagements.score[drawn], engagements.age_days[drawn]
    count, total, squares = (
        np.bincount(agent, weights=part, minlength=people).astype(np.float64)
        for part in (np.ones(agent.size), score, score**2)
    )
    agent_days, day, _ = number_values(agent * (max(WINDOWS) + 1) + age)
    day_count, day_total = (np.bincount(day, part, minlength=agent_days.size) for part in (np.ones(agent.size), score))
    days = sum_days(agent_days // (max(WINDOWS) + 1), day_count, day_total, person_count=people)
    group = np.zeros(people, np.int64)
    return _Drawn(count, total, squares, estimate_dependence(count, total, squares, days, group).freedom)


def _fair_columns(drawn: _Drawn, engagements: Indices, level: Floats | None, variance: Floats | None) -> Columns:
    """Score intervals (`bounded_mean_interval`) of as many engagements as the level is worth: within / SE^2.

    That may be more than there are, where what is taken off explains much; no more are counted. Without a level nothing
    tells how far values are off, and the plain mean of engagements stands for it.
    """
    group = np.zeros(drawn.counts.size, np.int64)
    within = pooled_variance(drawn.counts, drawn.totals, drawn.squares, group)[0]
    is_known = (within > 0) & (variance is not None)
    worth = np.where(is_known, divide(within, 1.0 if variance is None else variance), drawn.counts)
    limits = bounded_mean_interval(
        drawn.counts,
        drawn.totals,
        drawn.squares,
        group,
        centre=None if level is None else np.clip(level, 0, 1),
        design_effect=divide(drawn.counts, worth),
        freedom=drawn.freedom,
    )
    return {
        "fair_mean": limits.value,
        "fair_low": limits.low,
        "fair_high": limits.high,
        "effective_count": np.minimum(worth, engagements),
    }


def _describe_reviewers(own: ModelRows, fit: AnswerModel, component: int) -> ComponentReviewers:
    at = np.flatnonzero(fit.columns >= own.reviewers_at.start)
    rows = np.bincount(own.rows.columns[-1] - own.reviewers_at.start, minlength=own.reviewers.size)
    if not at.size:
        nothing = np.full(own.reviewers.size, np.nan)
        return ComponentReviewers(own.reviewers, nothing, nothing, rows, component)
    inverse = fit.effects.inverse[np.ix_(1 + at, 1 + at)]
    is_told = np.diag(inverse) < fit.variances.random[-1] * (1 - _NOTHING_TOLD)
    # Effects beside their mean: where that mean lies no answer tells, for agents are fixed, and nobody asks.
    known = (own.reviewers >= 0) & is_told
    beside_mean = np.eye(at.size) - known / max(known.sum(), 1)
    variance = fit.variances.error * np.einsum("ij,jk,ik->i", beside_mean, inverse, beside_mean)
    effect, variance = (
        np.where(is_told, part, np.nan) for part in (beside_mean @ fit.effects.values[1 + at], variance)
    )
    return ComponentReviewers(own.reviewers, effect, variance, rows, component)
