"""Whether what agents were evaluated with changed within a window: another text, another scale, other questions."""

from collections.abc import Mapping
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.human_answers import HumanAnswerRows
from salted_assets.scoring.numbering import number_values
from salted_assets.scoring.stats import Floats, Indices

QUESTION_COLUMNS = (
    *("start_date", "agent_pid", "source", "is_scored", "question_pid", "question_name", "form_id", "worst_score"),
    *("best_score", "engagement_pid", "evaluation"),
)
"""The columns of `scores/answer` that tell."""

_WITHOUT = 10
"""As many evaluations with a form without a question that half of the others have are no chance."""


def find_affected_agents(answers: HumanAnswerRows, end_date: date) -> Mapping[int, frozenset[str]]:
    """For each window the agents whom human reviewers evaluated with a question or a form that changed within it.

    A question changed that has several texts or scales. A form changed where a question that half of its evaluations
    have, while it was asked, is missing in ten before or after that.
    """
    return {days: _find_affected(answers.within(end_date, days)) for days in WINDOWS}


def _find_affected(own: HumanAnswerRows) -> frozenset[str]:
    question, form = own.texts["question_pid"].index, own.texts["form_id"].index
    is_affected = _find_changed(own, question)[question] | _find_changed_forms(own, question, form)[form]
    agents = own.texts["agent_pid"]
    pids = agents.texts
    return frozenset(pids[agent] for agent in np.unique(agents.numbers[is_affected]).tolist())


def _find_changed(own: HumanAnswerRows, question: Indices) -> npt.NDArray[np.bool_]:
    """For each question whether it changed; the last is for answers of which the question is not known."""
    name = own.texts["question_name"].meaning(lambda text: text.strip(" ")).index
    scale = _pair(*(_number_floats(own.numbers[end]) for end in ("worst_score", "best_score")))
    size = int(question.max(initial=-1)) + 1
    changed = np.zeros(size + 1, bool)
    for kind in (name, scale):
        known = (question >= 0) & (kind >= 0)
        different, _ = _count_different(question[known], kind[known], size)
        changed[:-1] |= different > 1
    return changed


def _find_changed_forms(own: HumanAnswerRows, question: Indices, form: Indices) -> npt.NDArray[np.bool_]:
    """For each form whether it changed; the last is for answers without one."""
    changed = np.zeros(int(form.max(initial=-1)) + 2, bool)
    known = form >= 0
    if not known.any():
        return changed
    form, question, day = form[known], question[known] + 1, own.day[known] - own.day.min()
    evaluation = own.texts["evaluation"].index[known]
    sitting = _pair(own.texts["engagement_pid"].index[known], evaluation)
    has_sitting = evaluation >= 0
    days = int(day.max()) + 1
    _, used = _count_different((form * days + day)[has_sitting], sitting[has_sitting], days * changed.size)
    pairs, asked, _ = number_values(_pair(form, question))
    first, last, of_form = np.full(pairs.size, days), np.full(pairs.size, -1), np.zeros(pairs.size, np.int64)
    np.minimum.at(first, asked, day)
    np.maximum.at(last, asked, day)
    of_form[asked] = form
    with_it, _ = _count_different(asked[has_sitting], sitting[has_sitting], pairs.size)
    begin, end = (np.searchsorted(used, (of_form + more) * days) for more in (0, 1))
    before = np.searchsorted(used, of_form * days + first) - begin
    after = end - np.searchsorted(used, of_form * days + last, side="right")
    between = end - begin - before - after
    is_change = (np.maximum(before, after) >= _WITHOUT) & (with_it >= _WITHOUT) & (2 * with_it >= between)
    changed[of_form[is_change]] = True
    return changed


def _number_floats(values: Floats) -> Indices:
    """For each number an index that equal ones share, as do all that are not known."""
    floats = pa.array(values + 0.0, from_pandas=True)  # to Arrow -0.0 is another number than 0.0
    numbers: Indices = pc.fill_null(floats.dictionary_encode().indices, -1).to_numpy()
    return numbers.astype(np.int64) + 1


def _pair(first: Indices, second: Indices) -> Indices:
    """One index for both, of which the second may be -1."""
    return first * (int(second.max(initial=0)) + 2) + second + 1


def _count_different(group: Indices, value: Indices, groups: int) -> tuple[Indices, Indices]:
    """How many different values each group has, and for each of these its group, in order."""
    dense = number_values(value).numbers
    size = int(dense.max(initial=0)) + 1
    of_group = number_values(group * size + dense).different // size
    return np.bincount(of_group, minlength=groups), of_group
