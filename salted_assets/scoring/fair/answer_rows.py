"""Human answers as the model's rows: agents, questions, reviewers, kinds of work of one component as indexes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.fair.answer_sums import AnswerRows
from salted_assets.scoring.fair.inputs import HumanAnswers
from salted_assets.scoring.fair.normal_equations import Blocks
from salted_assets.scoring.numbering import look_up, number_values
from salted_assets.scoring.stats import Floats, Indices

_COLUMNS = ("agent", "question", "reviewer", "engagement", "is_chosen", "age_days", "score", "weight")


@dataclass(frozen=True)
class EngagementScores:
    """Engagements of one component: the agent's local index, window part, age in days, weighted mean of the answers."""

    agent: Indices
    part: Indices
    age_days: Indices
    is_chosen: npt.NDArray[np.bool_]
    score: Floats


@dataclass(frozen=True)
class ModelRows:
    """One component: `agents` and `reviewers` are indexes among all, in the order of the local ones.

    Columns of facets are questions, kinds of work from coarse to fine, reviewers; `reviewers_at` are the last ones'.
    `mix` is the mean of each column over representative engagements; reviewers have none.
    """

    rows: AnswerRows
    engagements: EngagementScores
    agents: Indices
    reviewers: Indices
    blocks: Blocks
    reviewers_at: slice
    mix: Floats
    centre: float


def sort_answers(answers: HumanAnswers) -> HumanAnswers:
    """The answers in an order that does not depend on the one in which they came.

    An engagement that was drawn for review is representative, even where somebody chose it again.
    """
    chosen = np.ones(int(answers.engagement.max(initial=-1)) + 1, bool)
    chosen[answers.engagement[~answers.is_chosen]] = False
    return order_answers(replace(answers, is_chosen=chosen[answers.engagement]))


def order_answers(answers: HumanAnswers) -> HumanAnswers:
    """The same answers by engagement, question, kind of work, reviewer, score and weight; as they are if so already."""
    whole = (answers.engagement, answers.question, *reversed(answers.strata), answers.reviewer)
    equal = np.ones(max(answers.score.size - 1, 0), bool)
    is_ordered = equal.copy()
    for key in (*whole, answers.score, answers.weight):
        is_ordered &= ~equal | (key[:-1] <= key[1:])
        equal &= key[:-1] == key[1:]
        if not is_ordered.all():
            break
    else:
        return answers
    order = _order(whole, answers.score, answers.weight)
    # Where nobody else needs the answers, each column is gone as soon as the ordered one is there.
    del whole, key
    columns = vars(answers).copy()
    del answers
    columns["strata"] = tuple(stratum[order] for stratum in columns["strata"])
    for name in _COLUMNS:
        columns[name] = columns[name][order]
    return HumanAnswers(**columns)


def _order(whole: Sequence[Indices], *last: Floats) -> Indices:
    """The order by these keys, of which the first counts most.

    Whole numbers are packed into one where they fit, for one sort takes an eighth of the time of eight.
    """
    packed, room = np.zeros(last[0].size, np.int64), 1
    for key in whole:
        lowest, highest = int(key.min(initial=0)), int(key.max(initial=0))
        room *= highest - lowest + 1
        packed = packed * (highest - lowest + 1) + key - lowest
    if room > np.iinfo(np.int64).max:
        return np.lexsort((*reversed(last), *reversed(whole)))
    order = np.argsort(packed)
    in_order = packed[order]
    is_like_next = in_order[:-1] == in_order[1:]
    del in_order
    tied = np.flatnonzero(np.append(is_like_next, False) | np.append(False, is_like_next))
    among = order[tied]
    order[tied] = among[np.lexsort((*(key[among] for key in reversed(last)), packed[among]))]
    return order


def take_answers(answers: HumanAnswers, rows: npt.NDArray[np.bool_] | Indices) -> HumanAnswers:
    """These answers alone."""
    rows = np.flatnonzero(rows) if rows.dtype == bool else rows
    columns = {name: getattr(answers, name)[rows] for name in _COLUMNS}
    return replace(answers, strata=tuple(stratum[rows] for stratum in answers.strata), **columns)


def list_strata(strata: Sequence[Indices]) -> list[int]:
    """The levels of strata that are in the model: each tells more kinds of work apart than the one before.

    >>> list_strata([np.array([4, 4, 4]), np.array([1, 1, 2]), np.array([5, 5, 7])])
    [1]
    """
    levels: list[int] = []
    kinds_before = 1
    for level, stratum in enumerate(strata):
        kinds = number_values(stratum).different.size
        if kinds > kinds_before:
            levels.append(level)
            kinds_before = kinds
    return levels


def build_rows(answers: HumanAnswers) -> ModelRows:
    """The model's rows of one component's answers, which `sort_answers` sorted."""
    agents, agent, _ = number_values(answers.agent)
    questions, question, _ = number_values(answers.question)
    reviewers, reviewer, _ = number_values(answers.reviewer)
    _, engagement, firsts = number_values(answers.engagement)
    columns, random, end = [question], [], questions.size
    for level in list_strata(answers.strata):
        kinds, kind, _ = number_values(answers.strata[level])
        columns.append(end + kind)
        random.append(slice(end, end + kinds.size))
        end += kinds.size
    columns.append(end + reviewer)
    reviewers_at = slice(end, end + reviewers.size)
    random.append(reviewers_at)
    part = np.searchsorted(WINDOWS, answers.age_days, side="right").astype(np.int64)
    centre = float(answers.score.mean())
    rows = AnswerRows(
        cell=2 * agent + answers.is_chosen,
        part=part,
        engagement=engagement,
        kind=_kinds(question, answers.score),
        columns=np.array(columns),
        value=answers.score - centre,
    )
    return ModelRows(
        rows=rows,
        engagements=EngagementScores(
            agent=agent[firsts],
            part=part[firsts],
            age_days=answers.age_days[firsts],
            is_chosen=answers.is_chosen[firsts],
            score=_per_engagement(engagement, answers.weight * answers.score)
            / _per_engagement(engagement, answers.weight),
        ),
        agents=agents,
        reviewers=reviewers,
        blocks=Blocks(questions.size, tuple(random)),
        reviewers_at=reviewers_at,
        mix=_mix(rows, answers, reviewers_at),
        centre=centre,
    )


def find_columns(fitted: HumanAnswers, rows: ModelRows, answers: HumanAnswers) -> list[Indices]:
    """For each kind of facet the column of each answer, -1 for one that is not in the model.

    `rows` are those of the answers that were fitted; `answers` are any others with the same indexes.
    """
    strata = [(fitted.strata[level], answers.strata[level]) for level in list_strata(fitted.strata)]
    ids = [(fitted.question, answers.question), *strata, (fitted.reviewer, answers.reviewer)]
    return [look_up(known, column, asked) for (known, asked), column in zip(ids, rows.rows.columns, strict=True)]


def _kinds(question: Indices, score: Floats) -> Indices:
    """Whether an answer is to a question that is only ever answered with best or worst, or not; one kind is 0."""
    is_between = np.bincount(question, weights=(score > 0) & (score < 1)) > 0
    return number_values(is_between[question].astype(np.int64)).numbers


def _per_engagement(engagement: Indices, values: Floats) -> Floats:
    return np.asarray(np.bincount(engagement, weights=values), np.float64)


def _mix(rows: AnswerRows, answers: HumanAnswers, reviewers_at: slice) -> Floats:
    """Each engagement counts once, its questions by their weights."""
    share = answers.weight / _per_engagement(rows.engagement, answers.weight)[rows.engagement]
    share = np.where(answers.is_chosen, 0.0, share)
    mix = np.zeros(reviewers_at.stop)
    for column in rows.columns[:-1]:
        mix += np.bincount(column, weights=share, minlength=mix.size)
    total = share.sum()
    return mix / total if total > 0 else mix
