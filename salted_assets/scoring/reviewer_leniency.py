"""How lenient reviewers are, and what that adds to agents' evaluations.

One estimate: calibration shows it, and corrected evaluations take it off.
"""

from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np

from salted_assets.schemas.scores.answer import Answer
from salted_assets.schemas.scores.rolling import WINDOWS
from salted_assets.scoring.sql import Rows, related
from salted_assets.scoring.stats import Floats, Indices, Leniency, estimate_leniency
from salted_assets.scoring.text_index import index_among, index_sorted
from salted_assets.scoring.windows.day_buckets import bucket_sql, buckets_of

LENIENCY_COLUMNS = (
    *("start_date", "engagement_pid", "evaluation", "agent_pid", "source", "reviewer_pid", "question_pid"),
    *("score", "weight", "is_scored"),
)
"""The columns of `scores/answer` that the correction reads, of the longest window."""

_SHARE = "agent_pid, bucket, reviewer_pid"

_CELL = "question_pid, agent_pid, reviewer_pid"


@dataclass(frozen=True)
class Ratings:
    """Scored answers by human reviewers, added up: one element in each array for a reviewer, an agent and a question.

    Reviewers and questions are indexes into their own lists. A `cell` is what several reviewers can score: agent and
    question.
    """

    reviewer_pids: list[str]
    question_pids: list[str]
    reviewer: Indices
    question: Indices
    cell: Indices
    counts: Floats
    totals: Floats
    squares: Floats

    def estimate(self) -> Leniency:
        """How lenient each reviewer is over all questions together."""
        return self._estimate(self.reviewer, np.arange(self.reviewer.size), len(self.reviewer_pids))

    def estimate_by_question(self) -> tuple[Leniency, Floats]:
        """How lenient each reviewer is on each question, and of how many agents that is known.

        Arrays have an element for every pair, `pair_of` says which. Questions are estimated apart, each with the chance
        and the differences between reviewers that are usual in it.
        """
        pairs = len(self.reviewer_pids) * len(self.question_pids)
        found = Leniency(*(np.full(pairs, np.nan) for _ in Leniency._fields))
        order = np.argsort(self.question, kind="stable")
        starts = np.flatnonzero(np.diff(self.question[order], prepend=-1))
        for rows in np.split(order, starts[1:]) if order.size else ():
            reviewers, reviewer = np.unique(self.reviewer[rows], return_inverse=True)
            found_rows = self._estimate(reviewer, rows, reviewers.size)
            for whole, part in zip(found, found_rows, strict=True):
                whole[self.pair_of(reviewers, self.question[rows[0]])] = part
        reviewers_of_cell = np.bincount(self.cell)
        is_shared = reviewers_of_cell[self.cell] > 1
        pair = self.pair_of(self.reviewer, self.question)
        return found, np.bincount(pair, weights=is_shared, minlength=pairs).astype(np.float64)

    def pair_of(self, reviewer: Indices, question: Indices) -> Indices:
        """The index of a reviewer and a question among all pairs."""
        return reviewer * len(self.question_pids) + question

    def _estimate(self, reviewer: Indices, rows: Indices, reviewers: int) -> Leniency:
        cell: Indices = np.unique(self.cell[rows], return_inverse=True)[1].astype(np.int64)
        sums = (part[rows] for part in (self.counts, self.totals, self.squares))
        return estimate_leniency(reviewer.astype(np.int64), cell, *sums, rater_count=reviewers)


def sum_ratings(answers: duckdb.DuckDBPyRelation) -> Ratings:
    """Add up rows of `scores/answer` with at least the columns of `LENIENCY_COLUMNS` that say who scored what.

    Answers by other sources than human reviewers, without a score, reviewer or question are left out.
    """
    known = "source = 'reviewer' AND is_scored AND reviewer_pid IS NOT NULL AND question_pid IS NOT NULL"
    sums = "count(*)::DOUBLE AS count, fsum(score) AS total, fsum(score * score) AS squares"
    table = answers.filter(known).aggregate(f"{_CELL}, {sums}", _CELL).to_arrow_table()
    reviewer_pids, reviewer = index_sorted(table["reviewer_pid"])
    question_pids, question = index_sorted(table["question_pid"])
    agents, agent = index_sorted(table["agent_pid"])
    cell = np.unique(question * max(len(agents), 1) + agent, return_inverse=True)[1].astype(np.int64)
    # DuckDB gives groups out in any order, which must not show in the last digits of what is added up from them.
    order = np.lexsort((reviewer, cell))
    counts, totals, squares = (table[name].to_numpy()[order] for name in ("count", "total", "squares"))
    return Ratings(reviewer_pids, question_pids, reviewer[order], question[order], cell[order], counts, totals, squares)


class Corrections:
    """How much the leniency of their reviewers adds to agents' mean evaluation by human reviewers.

    An answer is corrected by taking off its reviewer's leniency; an evaluation is the weighted mean of its answers, so
    that it loses the weighted mean of their leniency, and the mean over evaluations loses the mean of that. Nothing is
    cut to 0..1. Leniency is estimated from the longest window, for shorter ones too: it changes slowly, and few
    reviewers meet on an agent within days. Answers without a reviewer are left as they are.
    """

    def __init__(self, answers: Rows, end_date: date, agent_pids: list[str]) -> None:
        """Take rows of `scores/answer` with at least `LENIENCY_COLUMNS`."""
        with related(answers, Answer) as rows:
            bucketed = rows.project(f"*, {bucket_sql(end_date, with_previous=False)} AS bucket")
            longest = buckets_of(max(WINDOWS)).stop
            known = bucketed.filter(f"source = 'reviewer' AND is_scored AND bucket < {longest}")
            ratings = sum_ratings(known)
            weighed = known.aggregate(
                f"{_SHARE}, engagement_pid, evaluation, fsum(weight) AS weight", f"{_SHARE}, engagement_pid, evaluation"
            )
            whole = "weight / sum(weight) OVER (PARTITION BY engagement_pid, evaluation)"
            shares = weighed.project(f"{_SHARE}, {whole} AS share").aggregate(f"{_SHARE}, fsum(share) AS share", _SHARE)
            self._shares = shares.to_arrow_table()
        self._agents = len(agent_pids)
        self._agent = index_among(self._shares["agent_pid"], agent_pids)
        self._bucket = self._shares["bucket"].to_numpy()
        # One more element, whose leniency is 0, for answers without a reviewer.
        taken = np.append(ratings.estimate().value, 0.0)
        self._taken = taken[index_among(self._shares["reviewer_pid"], ratings.reviewer_pids)]

    def of_window(self, days: int) -> Floats:
        """For each agent what is to be taken off the mean over the window; NaN where there is no evaluation."""
        within = (self._bucket < buckets_of(days).stop) & (self._agent >= 0)
        agent, share = self._agent[within], self._shares["share"].to_numpy()[within]
        whole = np.bincount(agent, weights=share, minlength=self._agents)
        taken = np.bincount(agent, weights=share * self._taken[within], minlength=self._agents)
        with np.errstate(invalid="ignore"):
            return taken / np.where(whole > 0, whole, np.nan)
