"""What the auto reviewer scores beside people: differences on the questions that both answered about an engagement.

Here: the differences of every engagement, and what of them is a reviewer's own. Not here: whether they have changed
(`auto_reviewer_drift`).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.scoring.day_rows import to_floats
from salted_assets.scoring.stats import Floats, Indices, divide, pooled_variance
from salted_assets.scoring.text_index import Labels, index_among, is_text

DIFFERENCE_COLUMNS = (
    *("start_date", "engagement_pid", "source", "is_scored", "target", "reviewer_pid", "question_pid"),
    *("question_name", "queue", "language", "is_random_or_all", "score", "auto_score"),
)
"""The columns of human answers in `scores/answer` that are read."""

DIFFERENCE_ANSWERS = {"source": "reviewer"}
"""What rows of `scores/answer` have that count."""

_BREAKDOWNS = ("language", "queue")
_EPOCH = date(1970, 1, 1).toordinal()


class QuestionDifferences(NamedTuple):
    """One question: an element in each array for each human answer to what the auto reviewer answered, too.

    `day` is the calendar's ordinal, in order; `engagement` an index among all, `reviewer`, `language` and `queue` are
    indexes among their texts, -1 where they are not known. `difference` is the auto reviewer's score less the answer's.
    """

    day: Indices
    engagement: Indices
    reviewer: Indices
    language: Indices
    queue: Indices
    difference: Floats

    def take(self, rows: npt.NDArray[np.bool_] | Indices) -> "QuestionDifferences":
        """These rows alone."""
        return QuestionDifferences(*(part[rows] for part in self))  # type: ignore[arg-type]  # of the same kinds


@dataclass(frozen=True)
class AutoDifferences:
    """The differences by question, with the texts that indexes stand for; `names` has each question's text by day."""

    questions: dict[str, QuestionDifferences]
    names: dict[str, dict[int, str]]
    languages: list[str]
    queues: list[str]

    def name_of(self, question: str, day: int) -> str | None:
        """The question's newest text up to a day, an ordinal; None where there is none."""
        own = self.names[question]
        known = [at for at in own if at <= day]
        return own[max(known)] if known else None


def gather_differences(answers: Iterable[pa.Table], found_only: Collection[str] = ()) -> AutoDifferences:
    """Differences out of tables of rows of `scores/answer` with `DIFFERENCE_COLUMNS`; other rows may come, too.

    Scored answers by people about whole engagements count where the engagement was drawn (Random or All, by any of its
    answers) and the auto reviewer answered the same question about it, as it was first given. Questions that are
    answered `found_only` where there is something to find are left out: of them no answer is one, too. Texts may be
    dictionary-encoded.
    """
    labels = {name: Labels(str) for name in ("question_pid", "reviewer_pid", *_BREAKDOWNS, "question_name")}
    tables = [_select_human(table) for table in answers]
    rows = _select_differences(pa.concat_tables(tables), found_only) if tables else None
    if rows is None or not rows.num_rows:
        return AutoDifferences({}, {}, [], [])
    question, reviewer, language, queue, text = (label.index(rows[name]) for name, label in labels.items())
    # by id, so that sums over reviewers are the same to the last bit whichever answers of earlier days are there
    _, reviewer = labels["reviewer_pid"].sort(reviewer)
    day = pc.cast(rows["start_date"], pa.int32()).to_numpy().astype(np.int64) + _EPOCH
    whole = QuestionDifferences(
        day=day,
        engagement=Labels(str).index(rows["engagement_pid"]),
        reviewer=reviewer,
        language=language,
        queue=queue,
        difference=to_floats(rows["auto_score"]) - to_floats(rows["score"]),
    )
    order = np.argsort(day, kind="stable")
    question, text, whole = question[order], text[order], whole.take(order)
    pids, texts = labels["question_pid"].texts, labels["question_name"].texts
    return AutoDifferences(
        {pid: whole.take(question == index) for index, pid in enumerate(pids)},
        {pid: _list_names(whole.day, np.where(question == index, text, -1), texts) for index, pid in enumerate(pids)},
        *(labels[name].texts for name in _BREAKDOWNS),
    )


def find_reviewer_effects(rows: QuestionDifferences) -> tuple[Floats, float]:
    """What each reviewer adds to the differences, by reviewer, and the degrees of freedom that they take.

    effect = between / (between + within / n) * (mean - mu), of a reviewer's n answers: the best linear prediction in
    the model difference = mu + reviewer + error. `within` is pooled over the reviewers, `between` by the method of
    moments, cut at 0 (DerSimonian and Laird 1986, Controlled Clinical Trials 7), mu weighs means by 1 / (between +
    within / n). Reviewers without an answer, or of whom nothing tells how they spread, have no effect.

    >>> day = np.zeros(8, int)
    >>> reviewer = np.repeat([0, 1], 4)
    >>> difference = np.array([0.2, 0.0, 0.2, 0.0, -0.2, 0.0, -0.2, 0.0])
    >>> effects, freedom = find_reviewer_effects(QuestionDifferences(day, day, reviewer, day, day, difference))
    >>> effects.round(3).tolist(), round(freedom, 3)
    ([0.083, -0.083], 1.667)
    """
    known = rows.reviewer >= 0
    reviewer, difference = rows.reviewer[known], rows.difference[known]
    size = int(rows.reviewer.max(initial=-1)) + 1
    count, total, squares = (
        np.asarray(np.bincount(reviewer, part, size), np.float64)
        for part in (np.ones(difference.size), difference, difference**2)
    )
    there = count > 0
    within = pooled_variance(count[there], total[there], squares[there], np.zeros(there.sum(), np.int64))[0][:1]
    if there.sum() < 2 or not within > 0:  # noqa: PLR2004 - one has nobody to differ from
        return np.zeros(size), 0.0
    variance, mean = within[0] / count[there], total[there] / count[there]
    precision = 1 / variance
    scale = precision.sum() - (precision**2).sum() / precision.sum()
    scattered = (precision * (mean - np.average(mean, weights=precision)) ** 2).sum()
    between = max((scattered - (mean.size - 1)) / scale, 0.0)
    centre = np.average(mean, weights=1 / (between + variance))
    share = between / (between + variance)
    effects = np.zeros(size)
    effects[there] = share * (mean - centre)
    return effects, float(share.sum())


def average_engagements(rows: QuestionDifferences, effects: Floats) -> QuestionDifferences:
    """One row for each engagement: the mean of its answers' differences, each less the effect of its reviewer.

    A human answer less what its reviewer adds is the difference less what the reviewer adds to that.
    """
    own = np.append(effects, np.zeros(max(int(rows.reviewer.max(initial=-1)) + 1 - effects.size, 0) + 1))
    _, firsts, index = np.unique(rows.engagement, return_index=True, return_inverse=True)
    total, count = np.bincount(index, rows.difference - own[rows.reviewer]), np.bincount(index)
    return rows.take(firsts)._replace(difference=divide(total, count))


def _select_human(table: pa.Table) -> pa.Table:
    is_human = pc.and_(pc.equal(table["source"], "reviewer"), table["is_scored"])
    return table.select(DIFFERENCE_COLUMNS).filter(pc.fill_null(is_human, False))


def _select_differences(human: pa.Table, found_only: Collection[str]) -> pa.Table:
    engagement = Labels(str).index(human["engagement_pid"])
    is_drawn = np.isin(engagement, engagement[pc.fill_null(human["is_random_or_all"], False).to_numpy()])
    is_there = np.isfinite(to_floats(human["auto_score"]) - to_floats(human["score"]))
    is_whole = is_text(human["target"], "engagement")
    is_asked = pc.is_valid(human["question_pid"]).to_numpy() & (index_among(human["question_pid"], [*found_only]) < 0)
    return human.filter(pa.array(is_drawn & is_there & is_whole & is_asked))


def _list_names(day: Indices, text: Indices, texts: Sequence[str]) -> dict[int, str]:
    """A question's text by day, of several on a day the last by the alphabet; `text` is -1 where there is none."""
    names: dict[int, str] = {}
    for at, index in np.unique(np.stack([day, text], axis=1)[text >= 0], axis=0).tolist():
        names[at] = max(names.get(at, ""), texts[index])
    return names
