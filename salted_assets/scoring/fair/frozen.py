"""Human evaluations held against facets of an earlier time, so that days to come change nothing of what was said."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.fair.answer_model import AnswerModel, fit_model
from salted_assets.scoring.fair.answer_rows import ModelRows, build_rows, list_strata, sort_answers, take_answers
from salted_assets.scoring.fair.components import find_components
from salted_assets.scoring.fair.inputs import Agents, HumanAnswers
from salted_assets.scoring.stats import Floats, Indices


@dataclass(frozen=True)
class DailyEvaluations:
    """One component: what each agent's evaluations of a day add up to, less the facets.

    `agents` are indexes among all. `counts` and `totals` have a row for each of them and a column for each day, from
    the oldest to the last: the evaluations, each counting for what it is worth beside the usual one, and their sum.
    `standard_deviation` is that of one usual evaluation of an agent.
    """

    agents: Indices
    counts: Floats
    totals: Floats
    standard_deviation: float


class FrozenModels:
    """Models of frozen answers, each fitted once: those of a quarter are the same on all its days."""

    def __init__(self) -> None:
        self._models: dict[bytes, AnswerModel | None] = {}

    def fit(self, rows: ModelRows) -> AnswerModel | None:
        """What `fit_model` gives, which depends on nothing but these rows."""
        key = _fingerprint(rows)
        if key not in self._models:
            self._models[key] = fit_model(rows)
        return self._models[key]


def _fingerprint(rows: ModelRows) -> bytes:
    """The content of what a model is fitted to; who the agents and reviewers are is no part of it."""
    content = hashlib.blake2b(repr((rows.blocks, rows.reviewers_at, rows.agents.size, rows.reviewers.size)).encode())
    for values in (*rows.rows, rows.mix):
        content.update(repr(values.shape).encode())
        content.update(values.tobytes())
    return content.digest()


def add_up_days(
    answers: HumanAnswers, agents: Agents, *, days: int, frozen_days: int, models: FrozenModels | None = None
) -> list[DailyEvaluations]:
    """Evaluations by agent and day of the last `days`, less facets as the first `frozen_days` of these have them.

    Components, effects of questions, reviewers and kinds of work, and variances come from the frozen days alone. Later
    answers to a question that nobody of the channel was asked then are left out; a reviewer or kind of work that was
    not there then has no effect. Chosen engagements are left out. No component whose frozen answers tell their own
    spread gives an empty list. `models` spare fits of the same frozen answers.
    """
    is_known = (agents.group[answers.agent] >= 0) & np.isfinite(answers.score) & (answers.age_days < days)
    known = sort_answers(answers if is_known.all() else take_answers(answers, is_known))
    is_frozen = known.age_days >= days - frozen_days
    questions = int(known.question.max(initial=0)) + 1
    asked = agents.group[known.agent] * questions + known.question
    frozen = take_answers(known, is_frozen)
    of_agent = find_components(frozen.agent, agents.group, frozen.question)
    # A question of a channel is of one component: those who were asked it are connected by it.
    pairs, firsts = np.unique(asked[is_frozen], return_index=True)
    at = np.minimum(np.searchsorted(pairs, asked), max(pairs.size - 1, 0))
    component = np.full(asked.size, -1)
    if pairs.size:
        component = np.where(pairs[at] == asked, of_agent[frozen.agent[firsts]][at], -1)
    component = np.where(component == _first_components(known, component, len(agents.pids))[known.agent], component, -1)
    found = []
    models = models or FrozenModels()
    for index in range(int(component.max(initial=-1)) + 1):
        own, own_frozen = (take_answers(known, (component == index) & part) for part in (True, is_frozen))
        own_frozen = replace(own_frozen, age_days=own_frozen.age_days - (days - frozen_days))
        daily = _add_up(own, own_frozen, days, models)
        found += [daily] if daily is not None else []
    return found


def _first_components(answers: HumanAnswers, component: Indices, people: int) -> Indices:
    """The component of each agent's oldest answer that has one; -1 for none."""
    found = np.full(people, -1)
    order = np.lexsort((-component, answers.age_days))
    order = order[component[order] >= 0]
    found[answers.agent[order]] = component[order]
    return found


def _add_up(answers: HumanAnswers, frozen: HumanAnswers, days: int, models: FrozenModels) -> DailyEvaluations | None:
    rows = build_rows(frozen)
    model = models.fit(rows)
    if model is None:
        return None
    effects = np.zeros(rows.reviewers_at.stop)
    effects[model.columns] = model.effects.values[1:]
    ids = [(frozen.question, answers.question), *_strata_of(frozen, answers), (frozen.reviewer, answers.reviewer)]
    value = answers.score - rows.centre
    for (known, asked), column in zip(ids, rows.rows.columns, strict=True):
        at = _look_up(known, column, asked)
        value = value - np.where(at >= 0, effects[at], 0.0)
    kind = _look_up(frozen.question, rows.rows.kind, answers.question)
    weights, between = _weights_of(model, int(rows.rows.kind.max()) + 1)
    weight = weights[kind]
    _, firsts, engagement = np.unique(answers.engagement, return_index=True, return_inverse=True)
    summed = np.bincount(engagement, weights=weight)
    mean = np.bincount(engagement, weights=weight * value) / summed
    precision = 1 / (model.variances.error * (between + 1 / summed))
    is_drawn = ~answers.is_chosen[firsts]
    is_usual = is_drawn & np.isin(answers.engagement[firsts], frozen.engagement)
    if not is_usual.any():
        return None
    usual = float(precision[is_usual].mean())
    agents, agent = np.unique(answers.agent[firsts][is_drawn], return_inverse=True)
    cell = agent * days + days - 1 - answers.age_days[firsts][is_drawn]
    worth = precision[is_drawn] / usual
    counts, totals = (
        np.bincount(cell, weights=part, minlength=agents.size * days).astype(np.float64).reshape(-1, days)
        for part in (worth, worth * mean[is_drawn])
    )
    return DailyEvaluations(agents, counts, totals, usual**-0.5)


def _strata_of(frozen: HumanAnswers, answers: HumanAnswers) -> list[tuple[Indices, Indices]]:
    """The kinds of work that the model tells apart, of the frozen answers and of all."""
    return [(frozen.strata[level], answers.strata[level]) for level in list_strata(frozen.strata)]


def _look_up(known: Indices, value: Indices, asked: Indices) -> Indices:
    """For each asked index the value that goes with it among the known ones, -1 for one that is not there."""
    different, firsts = np.unique(known, return_index=True)
    at = np.minimum(np.searchsorted(different, asked), different.size - 1)
    found: Indices = np.where(different[at] == asked, value[firsts][at], -1)
    return found


def _weights_of(model: AnswerModel, kinds: int) -> tuple[Floats, float]:
    """The weight of an answer of each kind, and the engagements' variance, beside the first kind's error variance."""
    parameters: npt.NDArray[np.float64] = model.variances.parameters
    weights = np.exp(np.concatenate([[0.0], parameters[: kinds - 1]]))
    return weights, float(np.exp(parameters[-1])) if parameters.size > kinds - 1 else 0.0
