"""Human evaluations held against facets of an earlier time, so that days to come change nothing of what was said."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from salted_assets.scoring.fair.answer_model import weights_of
from salted_assets.scoring.fair.answer_rows import (
    build_rows,
    find_columns,
    sort_answers,
    take_answers,
)
from salted_assets.scoring.fair.components import find_components
from salted_assets.scoring.fair.fitted import FittedModels
from salted_assets.scoring.fair.inputs import Agents, HumanAnswers
from salted_assets.scoring.memory import return_memory
from salted_assets.scoring.numbering import look_up, number_values
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


def add_up_days(
    answers: HumanAnswers, agents: Agents, *, days: int, frozen_days: int, models: FittedModels | None = None
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
    component = _list_components(known, is_frozen, agents)
    found = []
    models = models or FittedModels()
    for index in range(int(component.max(initial=-1)) + 1):
        own, own_frozen = (take_answers(known, (component == index) & part) for part in (True, is_frozen))
        own_frozen = replace(own_frozen, age_days=own_frozen.age_days.astype(np.int64) - (days - frozen_days))
        daily = _add_up(own, own_frozen, days, models)
        found += [daily] if daily is not None else []
        return_memory()
    return found


def _list_components(answers: HumanAnswers, is_frozen: npt.NDArray[np.bool_], agents: Agents) -> Indices:
    """Each answer's component as the frozen ones make it; -1 for none, or another one than the agent was first in."""
    questions = int(answers.question.max(initial=0)) + 1
    asked = agents.group[answers.agent] * questions + answers.question
    frozen = answers.agent[is_frozen]
    of_agent = find_components(frozen, agents.group, answers.question[is_frozen])
    # A question of a channel is of one component: those who were asked it are connected by it.
    component = look_up(asked[is_frozen], of_agent[frozen], asked)
    first = _first_components(answers, component, len(agents.pids))
    return np.where(component == first[answers.agent], component, -1)


def _first_components(answers: HumanAnswers, component: Indices, people: int) -> Indices:
    """The component of each agent's oldest answer that has one; -1 for none."""
    # Age counts first, of answers of one day the first component.
    last = int(component.max(initial=0))
    oldest = np.full(people, -1)
    known = component >= 0
    age_days = answers.age_days[known].astype(np.int64)
    np.maximum.at(oldest, answers.agent[known], age_days * (last + 1) + last - component[known])
    return np.where(oldest >= 0, last - oldest % (last + 1), -1)


def _add_up(answers: HumanAnswers, frozen: HumanAnswers, days: int, models: FittedModels) -> DailyEvaluations | None:
    rows = build_rows(frozen)
    model = models.fit(rows)
    if model is None:
        return None
    effects = np.zeros(rows.reviewers_at.stop)
    effects[model.columns] = model.effects.values[1:]
    value = answers.score - rows.centre
    for at in find_columns(frozen, rows, answers):
        value = value - np.where(at >= 0, effects[at], 0.0)
    kind = look_up(frozen.question, rows.rows.kind, answers.question)
    weights, between = weights_of(model, int(rows.rows.kind.max()) + 1)
    weight = weights[kind]
    _, engagement, firsts = number_values(answers.engagement)
    summed = np.bincount(engagement, weights=weight)
    mean = np.bincount(engagement, weights=weight * value) / summed
    precision = 1 / (model.variances.error * (between + 1 / summed))
    is_drawn = ~answers.is_chosen[firsts]
    is_usual = is_drawn & np.isin(answers.engagement[firsts], frozen.engagement)
    if not is_usual.any():
        return None
    usual = float(precision[is_usual].mean())
    agents, agent, _ = number_values(answers.agent[firsts][is_drawn])
    cell = agent * days + days - 1 - answers.age_days[firsts][is_drawn]
    worth = precision[is_drawn] / usual
    counts, totals = (
        np.bincount(cell, weights=part, minlength=agents.size * days).astype(np.float64).reshape(-1, days)
        for part in (worth, worth * mean[is_drawn])
    )
    return DailyEvaluations(agents, counts, totals, usual**-0.5)
