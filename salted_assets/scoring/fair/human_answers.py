"""The fair score of human reviewers' answers: levels of agents less questions, reviewers and kinds of work.

answer = agent (fixed) + question (fixed) + reviewer + kind of work + engagement (random) + error, with an error
variance for each kind of question. In chosen engagements the agent's level counts as often as `Loading` says.
"""

import numpy as np

from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.fair.answer_model import AnswerModel, equations_of, fit_model
from salted_assets.scoring.fair.answer_rows import ModelRows, build_rows, sort_answers, take_answers
from salted_assets.scoring.fair.components import find_components
from salted_assets.scoring.fair.inputs import Agents, HumanAnswers
from salted_assets.scoring.fair.levels import Equations, describe_levels
from salted_assets.scoring.fair.measures import MeasureBuilder, Window
from salted_assets.scoring.fair.results import FairAnswers, Reason
from salted_assets.scoring.fair.reviewers import ComponentReviewers, combine_reviewers
from salted_assets.scoring.stats import Indices, estimate_dependence, sum_days


def fit_human_answers(answers: HumanAnswers, agents: Agents, *, min_count: int) -> FairAnswers:
    """What evaluations by human reviewers say of each agent in each window, and of the reviewers.

    Question effects, variances and the loading come from all answers given, the 91 days; an agent's level in a window
    is the generalised-least-squares mean of its answers less these. The fair mean is what a usual reviewer would give
    on engagements drawn at random, with the component's mix of questions. An agent is one of the group with
    `min_count` engagements that were drawn. Raises nothing; no answer gives arrays of NaN.
    """
    known = take_answers(answers, (agents.group[answers.agent] >= 0) & np.isfinite(answers.score))
    known = sort_answers(known)
    component = find_components(known.agent, agents.group, known.question)
    builders = {days: MeasureBuilder(agents.pids, component) for days in WINDOWS}
    reviewers = []
    for index in range(int(component.max(initial=-1)) + 1):
        own = build_rows(take_answers(known, component[known.agent] == index))
        fit = fit_model(own)
        if fit is not None:
            reviewers.append(_describe_reviewers(own, fit, index))
        for days, builder in builders.items():
            builder.add(own.agents, _describe_window(own, fit, days), min_count=min_count)
    return FairAnswers(
        windows={days: builder.build() for days, builder in builders.items()},
        reviewers=combine_reviewers(reviewers, answers.reviewer_pids),
    )


def _describe_window(own: ModelRows, fit: AnswerModel | None, days: int) -> Window:
    window = own.engagements.part <= WINDOWS.index(days)
    drawn = window & ~own.engagements.is_chosen
    people = own.agents.size
    reason = np.full(people, Reason.COMPARED)
    agent, score = own.engagements.agent[drawn], own.engagements.score[drawn]
    count, total, squares = (
        np.bincount(agent, weights=part, minlength=people).astype(np.float64)
        for part in (np.ones(agent.size), score, score**2)
    )
    has_any = np.bincount(own.engagements.agent[window], minlength=people) > 0
    reason[count == 0] = Reason.ONLY_CHOSEN
    reason[~has_any] = Reason.NO_VALUE
    agent_days, day = np.unique(agent * (max(WINDOWS) + 1) + own.engagements.age_days[drawn], return_inverse=True)
    by_day = (np.bincount(day, weights=part, minlength=agent_days.size) for part in (np.ones(agent.size), score))
    day_sums = sum_days(agent_days // (max(WINDOWS) + 1), *by_day, person_count=people)
    freedom = estimate_dependence(count, total, squares, day_sums, np.zeros(people, np.int64)).freedom
    with_level = np.flatnonzero(count > 0)
    if fit is None:
        return Window(reason, with_level, None, None, (count, total, squares), freedom)
    parts = slice(WINDOWS.index(days) + 1)
    whole = _take(equations_of(fit.parts, slice(len(WINDOWS)), fit.loading, fit.variances), with_level)
    equations = _take(equations_of(fit.parts, parts, fit.loading, fit.variances), with_level)
    is_whole = days == max(WINDOWS)
    level, covariance = describe_levels(
        whole if is_whole else equations, whole, fit.effects, fit.mix, fit.variances.error
    )
    return Window(reason, with_level, own.centre + level, covariance, (count, total, squares), freedom)


def _take(equations: Equations, agents: Indices) -> Equations:
    return Equations(*(part[agents] for part in equations))


def _describe_reviewers(own: ModelRows, fit: AnswerModel, component: int) -> ComponentReviewers:
    at = np.flatnonzero(fit.columns >= own.reviewers_at.start)
    rows = np.bincount(own.rows.columns[-1] - own.reviewers_at.start, minlength=own.reviewers.size)
    if not at.size:
        nothing = np.full(own.reviewers.size, np.nan)
        return ComponentReviewers(own.reviewers, nothing, nothing, rows, component)
    variance = fit.variances.error * np.diag(fit.effects.inverse)[1 + at]
    return ComponentReviewers(own.reviewers, fit.effects.values[1 + at], variance, rows, component)
