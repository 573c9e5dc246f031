"""How the fair level of one agent comes from the plain mean of the agent's evaluations, step by step.

The level is linear in the answers once the model is fitted, so the steps are exact and need no order: reviewers,
questions and kinds of work at the weights of the plain mean, then what other weights do to what is left.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.fair.answer_model import AnswerModel, equations_of, fit_model, weights_of
from salted_assets.scoring.fair.answer_rows import ModelRows, build_rows, find_columns, take_answers
from salted_assets.scoring.fair.human_answers import find_known_answers
from salted_assets.scoring.fair.inputs import Agents, HumanAnswers
from salted_assets.scoring.fair.loading import PARALLEL, Loading
from salted_assets.scoring.fair.positive import on_one_core
from salted_assets.scoring.numbering import look_up
from salted_assets.scoring.stats import Floats, Indices


class LevelSteps(NamedTuple):
    """The plain mean, what each step adds to it, and the fair mean: `plain` + all others = `fair`. All on 0..1.

    `reviewers`: these were stricter (above 0) or more lenient than usual. `questions` and `cases` (channel, queue,
    language): these were harder or easier than the account's mix. `chosen`: what engagements that were chosen for
    review are lower by, and how much they tell of the usual ones. `weighing`: answers count by what they tell, not each
    evaluation alike. `scale`: the level is cut to 0..1.
    """

    plain: float
    reviewers: float
    questions: float
    cases: float
    chosen: float
    weighing: float
    scale: float
    fair: float


class HeldModel(NamedTuple):
    """A component's model held fixed as it was fitted to answers: it gives an agent's level by any others, too."""

    fitted: HumanAnswers
    rows: ModelRows
    model: AnswerModel

    def level(self, answers: HumanAnswers) -> float | None:
        """The level by these answers of one agent in a window, not cut to 0..1; by those that were fitted it is theirs.

        Indexes are those of the fitted answers; what is not among them has no effect, and a question of its own the
        first kind. None without an answer to an engagement that was not chosen for review.
        """
        is_chosen = ~np.isin(answers.engagement, answers.engagement[~answers.is_chosen])
        if is_chosen.all():
            return None
        model, loading = self.model, self.model.loading
        # an index of -1 is that of the last, which is nothing
        effects = np.zeros(self.rows.reviewers_at.stop + 1)
        effects[model.columns] = model.effects.values[1:]
        value = answers.score - self.rows.centre
        for column in find_columns(self.fitted, self.rows, answers):
            value = value - effects[column]
        value = np.where(is_chosen, value - model.effects.values[0], value)
        weight = _weigh_answers(self, answers)
        of_chosen = weight[is_chosen].sum()
        kept = loading.slope / (1 + loading.own / model.variances.error * of_chosen)
        total = weight[~is_chosen].sum() + loading.slope * kept * of_chosen
        level = (np.where(is_chosen, kept, 1.0) * weight) @ value / total
        return float(self.rows.centre + level + self.rows.mix @ effects[:-1])


class TracedLevel(NamedTuple):
    """The steps, and by engagement and evaluation, as indexes, how much of the fair mean each makes up; these sum to 1.

    An evaluation has no share where its engagement was left out. `held` is the model, None where nothing tells how far
    answers are off.
    """

    steps: LevelSteps
    shares: Mapping[tuple[int, int], float]
    held: HeldModel | None = None


class _Own(NamedTuple):
    """The agent's answers in the window, `share` the part of the plain mean that each makes up, which sum to 1."""

    answers: HumanAnswers
    evaluation: Indices
    share: Floats
    is_chosen: npt.NDArray[np.bool_]

    @property
    def plain(self) -> float:
        """The mean of the evaluations' scores."""
        return float(self.share @ self.answers.score)


def trace_level(
    answers: HumanAnswers, evaluation: Indices, agents: Agents, agent: int, *, window_days: int
) -> TracedLevel | None:
    """The steps of one agent, an index among `agents`, in a window of `WINDOWS`; the model of the component is fitted.

    `answers` are those that `fit_human_answers` takes, and `evaluation` an index for each of them, which needs to be
    unique only within its engagement. None where the agent has no answer in the window to an engagement that was not
    chosen for review: then there is no fair mean.

    With the shares p of answers y in the plain mean, effects f of all facets, and the model's weights g:
    plain = sum p y, fair = centre + sum g (y - centre - f) + f at the usual mix. So fair - plain is, by facet, f at the
    usual mix - sum p f, and what the weights do to what is left of each answer: sum (g - p) (y - centre - f). Of these
    weights those with chosen engagements taken for others are the weighing; the rest goes to chosen ones.
    """
    known, component = find_known_answers(answers, agents)
    own = _find_own(answers, evaluation, known, agent, window_days)
    if own is None:
        return None
    fitted = take_answers(known, component[known.agent] == component[agent])
    with on_one_core():
        rows = build_rows(fitted)
        model = fit_model(rows)
    if model is None:
        return _trace_without_model(own, rows, agent, window_days)
    reviewers, questions, cases = _sum_facets(own, rows, fitted, model)
    at = int(np.searchsorted(rows.agents, agent))
    level = _level(rows, model, model.loading, at, window_days)
    parallel = _level(rows, model, PARALLEL, at, window_days)
    of_chosen = -float(own.share[own.is_chosen].sum()) * float(model.effects.values[0])
    taken_off = reviewers + questions + cases + of_chosen
    fair = float(np.clip(level, 0, 1))
    steps = LevelSteps(
        plain=own.plain,
        reviewers=reviewers,
        questions=questions,
        cases=cases,
        chosen=of_chosen + level - parallel,
        weighing=parallel - own.plain - taken_off,
        scale=fair - level,
        fair=fair,
    )
    held = HeldModel(fitted, rows, model)
    return TracedLevel(steps, _add_up_shares(own, _weigh(own, held)), held)


def _weigh_answers(held: HeldModel, answers: HumanAnswers) -> Floats:
    """The weight of each answer by its kind, and by how many there are of its engagement."""
    kinds, between = weights_of(held.model, int(held.rows.rows.kind.max()) + 1)
    weight = kinds[np.maximum(look_up(held.fitted.question, held.rows.rows.kind, answers.question), 0)]
    _, engagement = np.unique(answers.engagement, return_inverse=True)
    kept = 1 / (1 + between * np.bincount(engagement, weight))
    return np.asarray(weight * kept[engagement], np.float64)


def _weigh(own: _Own, held: HeldModel) -> Floats:
    """How much each answer counts in the level, beside the others."""
    weight, model = _weigh_answers(held, own.answers), held.model
    of_chosen = float(weight[own.is_chosen].sum())
    loading = model.loading
    return np.where(
        own.is_chosen, weight * loading.slope / (1 + loading.own / model.variances.error * of_chosen), weight
    )


def _add_up_shares(own: _Own, weight: Floats) -> dict[tuple[int, int], float]:
    keys = zip(own.answers.engagement.tolist(), own.evaluation.tolist(), strict=True)
    shares: dict[tuple[int, int], float] = {}
    for key, share in zip(keys, (weight / weight.sum()).tolist(), strict=True):
        shares[key] = shares.get(key, 0.0) + share
    return shares


def _find_own(
    answers: HumanAnswers, evaluation: Indices, known: HumanAnswers, agent: int, window_days: int
) -> _Own | None:
    is_own = (answers.agent == agent) & (answers.age_days < window_days) & np.isfinite(answers.score)
    own, evaluation = take_answers(answers, is_own), evaluation[is_own]
    _, index = np.unique(np.stack([own.engagement, evaluation]), axis=1, return_inverse=True)
    index = index.reshape(-1)
    weights = np.bincount(index, own.weight)
    counted = weights > 0
    share = np.where(counted[index], own.weight / np.where(counted, weights, 1.0)[index], 0.0)
    # an engagement that was drawn is representative, even where somebody chose it again
    is_chosen = ~np.isin(own.engagement, known.engagement[~known.is_chosen])
    if is_chosen.all() or not counted.any():
        return None
    return _Own(own, evaluation, share / counted.sum(), is_chosen)


def _sum_facets(own: _Own, rows: ModelRows, fitted: HumanAnswers, model: AnswerModel) -> tuple[float, float, float]:
    """What reviewers, questions and kinds of work add, or take off."""
    effects = np.zeros(rows.reviewers_at.stop)
    effects[model.columns] = model.effects.values[1:]
    questions, *cases, reviewers = (
        float(own.share @ effects[column]) for column in find_columns(fitted, rows, own.answers)
    )
    usual = rows.mix * effects
    of_questions, of_cases = usual[: rows.blocks.fixed].sum(), usual[rows.blocks.fixed : rows.reviewers_at.start].sum()
    return -reviewers, float(of_questions) - questions, float(of_cases) - sum(cases)


def _level(rows: ModelRows, model: AnswerModel, loading: Loading, agent: int, window_days: int) -> float:
    """The agent's level at the usual mix, by the local index, with this loading of chosen engagements."""
    window = equations_of(model.parts, slice(WINDOWS.index(window_days) + 1), loading, model.variances)
    apart = window.facets[agent] - model.facet_errors.mix
    return rows.centre + float(window.level[agent] - apart @ model.effects.values)


def _trace_without_model(own: _Own, rows: ModelRows, agent: int, window_days: int) -> TracedLevel:
    """Where nothing tells how far answers are off, the fair mean is that of the engagements that were not chosen."""
    drawn = own.share[~own.is_chosen]
    of_drawn = float(drawn @ own.answers.score[~own.is_chosen] / drawn.sum()) if drawn.sum() else own.plain
    each = rows.engagements
    is_counted = (rows.agents[each.agent] == agent) & (each.age_days < window_days) & ~each.is_chosen
    fair = float(each.score[is_counted].mean())
    steps = LevelSteps(own.plain, 0.0, 0.0, 0.0, of_drawn - own.plain, fair - of_drawn, 0.0, fair)
    _, engagement = np.unique(own.answers.engagement, return_inverse=True)
    weight = own.answers.weight / np.bincount(engagement, own.answers.weight)[engagement]
    return TracedLevel(steps, _add_up_shares(own, np.where(own.is_chosen, 0.0, weight)))
