"""What reviewers' leniency adds to agents' evaluations. Not here: how raters are compared (`statistics`)."""

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.scoring.rolling_sums import encode, place, stretch_of_day, stretches_of
from salted_assets.scoring.sql import Rows, related
from salted_assets.statistics import Codes, Floats, Leniency, estimate_leniency
from salted_assets.tables.scores.answer import Answer
from salted_assets.tables.scores.rolling import WINDOWS

LENIENCY_COLUMNS = (
    *("start_date", "engagement_pid", "evaluation", "agent_pid", "source", "reviewer_pid", "question_pid"),
    *("score", "weight", "is_scored"),
)
"""The columns of `scores/answer` that the correction reads, of the longest window."""

_SHARE = "agent_pid, stretch, reviewer_pid"


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
            stretched = rows.project(f"*, {stretch_of_day(end_date)} AS stretch")
            longest = stretches_of(max(WINDOWS)).stop
            known = stretched.filter(f"source = 'reviewer' AND is_scored AND stretch < {longest}")
            cells = known.aggregate(
                "reviewer_pid, agent_pid, question_pid, count(*) AS number, fsum(score) AS total, "
                "fsum(score * score) AS squares",
                "reviewer_pid, agent_pid, question_pid",
            ).to_arrow_table()
            weighed = known.aggregate(
                f"{_SHARE}, engagement_pid, evaluation, fsum(weight) AS weight", f"{_SHARE}, engagement_pid, evaluation"
            )
            whole = "weight / sum(weight) OVER (PARTITION BY engagement_pid, evaluation)"
            shares = weighed.project(f"{_SHARE}, {whole} AS share").aggregate(f"{_SHARE}, fsum(share) AS share", _SHARE)
            self._shares = shares.to_arrow_table()
        self._agents = len(agent_pids)
        self._agent = place(self._shares["agent_pid"], agent_pids)
        self._stretch = self._shares["stretch"].to_numpy()
        reviewer_pids, leniency = _judge(cells)
        # One more place, whose leniency is 0, for answers without a reviewer.
        self._taken = np.append(leniency.value, 0.0)[place(self._shares["reviewer_pid"], reviewer_pids)]

    def of_window(self, days: int) -> Floats:
        """For each agent what is to be taken off the mean over the window; NaN where there is no evaluation."""
        within = (self._stretch < stretches_of(days).stop) & (self._agent >= 0)
        agent, share = self._agent[within], self._shares["share"].to_numpy()[within]
        whole = np.bincount(agent, weights=share, minlength=self._agents)
        taken = np.bincount(agent, weights=share * self._taken[within], minlength=self._agents)
        with np.errstate(invalid="ignore"):
            return taken / np.where(whole > 0, whole, np.nan)


def _judge(cells: pa.Table) -> tuple[list[str], Leniency]:
    named = cells.filter(pc.and_(pc.is_valid(cells["reviewer_pid"]), pc.is_valid(cells["question_pid"])))
    reviewer_pids, reviewer = encode(named["reviewer_pid"])
    agents, agent = encode(named["agent_pid"])
    _, question = encode(named["question_pid"])
    cell: Codes = np.unique(question * max(len(agents), 1) + agent, return_inverse=True)[1].astype(np.int64)
    sums = [named[column].to_numpy() for column in ("number", "total", "squares")]
    return reviewer_pids, estimate_leniency(reviewer, cell, *sums, rater_count=len(reviewer_pids))
