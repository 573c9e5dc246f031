"""How lenient reviewers are, out of their scored answers."""

from dataclasses import dataclass

import duckdb
import numpy as np

from salted_assets.scoring.stats import Floats, Indices, Leniency, estimate_leniency
from salted_assets.scoring.text_index import index_sorted

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
    """Add up rows of `scores/answer` with at least the columns that say who scored what.

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
