"""The rows of `scores/reviewer_calibration`: how reviewers score, compared with each other and with Auto."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.schemas.scores.reviewer_calibration import REVIEW_STATUSES, ReviewerCalibration
from salted_assets.scoring.fair import FAIR_ANSWER_COLUMNS, Agents, cut_human_answers, fit_reviewers
from salted_assets.scoring.human_answers import HumanAnswerRows, gather_human_answers
from salted_assets.scoring.sql import framed
from salted_assets.scoring.stats import (
    Agreement,
    Indices,
    Interval,
    difference_of_intervals,
    measure_agreement,
    wilson_interval,
)
from salted_assets.scoring.text_index import index_among

CALIBRATION_DAYS = 91

DAYS_READ = 2 * CALIBRATION_DAYS
"""Those of the window, and as many before it to compare with."""

CALIBRATION_COLUMNS = (
    *FAIR_ANSWER_COLUMNS,
    *("pid", "turn_pid", "is_bot", "status", "verified", "reviewer_name", "question_name", "review_time"),
    *("days_to_review", "is_worst"),
)
"""The columns of `scores/answer` that calibration reads."""

LENIENCY_COLUMNS = (*FAIR_ANSWER_COLUMNS, "is_bot")
"""The columns of human answers that leniency is made of."""

_WORKLOAD = """
    CREATE OR REPLACE TEMP TABLE workload AS
    SELECT
        row_number() OVER (ORDER BY source, reviewer_pid, question_pid) - 1 AS workload_index,
        source, reviewer_pid, question_pid,
        arg_max(reviewer_name, (review_time, pid)) FILTER (WHERE reviewer_name IS NOT NULL) AS reviewer_name,
        arg_max(question_name, (review_time, pid)) FILTER (WHERE question_name IS NOT NULL) AS question_name,
        {statuses},
        favg(days_to_review) FILTER (WHERE status = 'completed') AS days_to_review_mean,
        count(score) FILTER (WHERE status = 'completed') AS score_count,
        favg(score) FILTER (WHERE status = 'completed') AS score_mean,
        favg(is_worst::DOUBLE) FILTER (WHERE status = 'completed') AS worst_ratio,
        {verifications}
    FROM answer
    WHERE source IN ('reviewer', 'auto') AND start_date >= $first
    GROUP BY source, reviewer_pid, question_pid
"""

# What is compared is a reviewer's last word on a question of an engagement or turn. Most auto answers are about
# engagements that no person reviewed: they are passed over.
_LAST_WORDS = """
    CREATE OR REPLACE TEMP TABLE last_word AS
    WITH reviewed AS (SELECT DISTINCT engagement_pid FROM comparable WHERE source = 'reviewer' AND start_date >= $first)
    SELECT source, reviewer_pid, question_pid, engagement_pid, coalesce(turn_pid, '') AS turn_pid,
        arg_max(score, (review_time, pid)) AS score
    FROM comparable SEMI JOIN reviewed USING (engagement_pid)
    WHERE source IN ('reviewer', 'auto') AND status = 'completed' AND score IS NOT NULL AND start_date >= $first
        AND (source = 'auto' OR reviewer_pid IS NOT NULL)
    GROUP BY source, reviewer_pid, question_pid, engagement_pid, coalesce(turn_pid, '')
"""

# Those of a range that may be anybody's last word: a tenth of the answers, out of which each window takes its own.
_COMPARABLE = """
    SELECT source, status, start_date, reviewer_pid, question_pid, engagement_pid, turn_pid, score, review_time, pid
    FROM every_answer
    SEMI JOIN (SELECT engagement_pid FROM every_answer WHERE source = 'reviewer') AS reviewed USING (engagement_pid)
    WHERE source IN ('reviewer', 'auto') AND status = 'completed' AND score IS NOT NULL
"""

_PAIRS = """
    SELECT
        workload_index, mine.score AS mine, other.score AS other,
        dense_rank() OVER (ORDER BY mine.engagement_pid) - 1 AS engagement_index
    FROM last_word AS mine
    JOIN last_word AS other USING (engagement_pid, turn_pid, question_pid)
    JOIN workload ON workload.source = 'reviewer' AND workload.reviewer_pid = mine.reviewer_pid
        AND workload.question_pid = question_pid
    WHERE mine.source = 'reviewer' AND other.source = $other
        AND (other.source = 'auto' OR other.reviewer_pid <> mine.reviewer_pid)
    ORDER BY ALL
"""


def calibrate_reviewers(
    connection: duckdb.DuckDBPyConnection, answers: duckdb.DuckDBPyRelation, end_date: date
) -> pd.DataFrame:
    """One row per human or auto reviewer and question with a review in the 91 days ending on `end_date`.

    Takes rows of `scores/answer` of these days and of the 91 before, with at least `CALIBRATION_COLUMNS`, as a relation
    of `connection`, in which the work is done; it is gone through a few times and never held whole. Gives the columns
    of `ReviewerCalibration`; no such review gives no row.

    Agreement pairs completed, scored answers to the same question of the same engagement or turn, each reviewer's last
    word, with every other reviewer's (`measure_agreement`, in which all pairs of an engagement are one unit and a
    question's answers one scale), null under 20 pairs. Auto answers are paired as they were delivered, those verified
    Incorrect included: without them agreement would look better than it is.

    Leniency is a reviewer's effect on all questions in the model of the fair score (`fit_reviewers`), alike in every
    row of the reviewer; an agent's group is the channel of most of the answers, of equal ones the first. Drift is
    leniency minus that of the window before (Zou and Donner 2008). Precision of auto reviews has Wilson's interval.
    """
    answers.create_view("answer")
    answers.create_view("comparable")
    return _calibrate(connection, _gather(answers), end_date)


def calibrate_windows(
    connection: duckdb.DuckDBPyConnection, answers: duckdb.DuckDBPyRelation, end_dates: Sequence[date]
) -> Iterator[pd.DataFrame]:
    """The rows that `calibrate_reviewers` has of each end date, in order; the answers are read once, and held.

    Takes the answers of all these windows. What an end date has does not depend on which others there are.
    """
    answers.create("every_answer")
    connection.sql(_COMPARABLE).create("every_comparable")
    human = _gather(connection.table("every_answer"))
    for end_date in end_dates:
        since = end_date - timedelta(days=DAYS_READ - 1)
        own = f"start_date BETWEEN DATE '{since}' AND DATE '{end_date}'"
        connection.table("every_answer").filter(own).create_view("answer")
        connection.table("every_comparable").filter(own).create_view("comparable")
        yield _calibrate(connection, human, end_date)


def _gather(answers: duckdb.DuckDBPyRelation) -> HumanAnswerRows:
    return gather_human_answers(answers.filter("source = 'reviewer' AND is_scored"), LENIENCY_COLUMNS)


def _calibrate(connection: duckdb.DuckDBPyConnection, human: HumanAnswerRows, end_date: date) -> pd.DataFrame:
    """Of the views `answer` and `comparable`."""
    first = end_date - timedelta(days=CALIBRATION_DAYS - 1)
    statuses = [f"count(*) FILTER (WHERE status = '{status}') AS {status}_count" for status in REVIEW_STATUSES]
    verifications = [
        f"CASE WHEN source = 'auto' THEN count(*) FILTER (WHERE status = 'completed' AND verified = '{verification}') "
        f"END AS verified_{verification}_count"
        for verification in ("correct", "incorrect", "unclear")
    ]
    by_status = _WORKLOAD.format(statuses=", ".join(statuses), verifications=", ".join(verifications))
    connection.execute(by_status, {"first": first})
    connection.execute(_LAST_WORDS, {"first": first})
    workload = connection.sql(
        "SELECT source, reviewer_pid, question_pid FROM workload ORDER BY workload_index"
    ).to_arrow_table()
    question = index_among(workload["question_pid"], pc.unique(workload["question_pid"]).drop_null().to_pylist()) + 1
    now, before = (_find_leniency(human, workload, last) for last in (end_date, first - timedelta(days=1)))
    found = pd.DataFrame(
        {
            "workload_index": np.arange(workload.num_rows),
            **_agreement_columns("reviewer", _agree(connection, workload.num_rows, question, "reviewer")),
            **_agreement_columns("auto", _agree(connection, workload.num_rows, question, "auto")),
            **_interval_columns("leniency", now),
            **_interval_columns("leniency_drift", difference_of_intervals(now, before)),
            **_precision_columns(connection),
        }
    )
    connection.register("found", found)
    present = "(SELECT count(DISTINCT start_date) FROM answer WHERE start_date >= $first) AS days_present_count"
    joined = "FROM workload JOIN found USING (workload_index) ORDER BY workload_index"
    query = f"SELECT *, $last::DATE AS end_date, {present} {joined}"
    return framed(connection.sql(query, params={"first": first, "last": end_date}), ReviewerCalibration)


def _agree(connection: duckdb.DuckDBPyConnection, count: int, scale: Indices, other: str) -> Agreement:
    pairs = connection.execute(_PAIRS, {"other": other}).fetchnumpy()
    group, unit = (np.asarray(pairs[name], np.int64) for name in ("workload_index", "engagement_index"))
    return measure_agreement(pairs["mine"], pairs["other"], group, group_count=count, unit=unit, scale=scale)


def _find_leniency(human: HumanAnswerRows, workload: pa.Table, last: date) -> Interval:
    """For each row of the workload the reviewer's leniency over the window that ends on `last`; NaN for none."""
    window = human.within(last, CALIBRATION_DAYS)
    present = window.texts["agent_pid"].present()
    pids, agent = present.texts, present.index
    channel = window.texts["channel_type"].meaning(lambda text: text.strip(" ").upper()).present()
    kinds = len(channel.texts) + 1
    answered = np.bincount(agent * kinds + channel.index + 1, minlength=len(pids) * kinds).reshape(len(pids), kinds)
    # Those of which the channel is not known come first, and count only where there are no others.
    answered[:, 0] = ~answered[:, 1:].any(axis=1)
    main = answered.argmax(axis=1) - 1
    is_bot = np.bincount(agent, weights=window.flags["is_bot"], minlength=len(pids)) > 0
    agents = Agents(pids, (main + 1) * 2 + is_bot)
    reviewers = fit_reviewers(cut_human_answers(human, last, pids, days=CALIBRATION_DAYS), agents)
    is_human = pc.equal(workload["source"], "reviewer").to_numpy()
    at = np.where(is_human, index_among(workload["reviewer_pid"], reviewers.pids), -1)
    return Interval(*(np.append(part, np.nan)[at] for part in (reviewers.effect, reviewers.low, reviewers.high)))


def _agreement_columns(name: str, agreement: Agreement) -> dict[str, npt.NDArray[np.float64] | npt.NDArray[np.int64]]:
    return {
        f"agreement_{name}_count": agreement.pair_count,
        f"agreement_{name}_exact_ratio": agreement.exact.value,
        **_limit_columns(f"agreement_{name}_exact", agreement.exact),
        **_interval_columns(f"agreement_{name}_ac2", agreement.ac2),
        f"agreement_{name}_kappa": agreement.kappa.value,
        **_limit_columns(f"agreement_{name}", agreement.kappa),
    }


def _interval_columns(name: str, interval: Interval) -> dict[str, npt.NDArray[np.float64]]:
    return {name: interval.value, **_limit_columns(name, interval)}


def _limit_columns(name: str, interval: Interval) -> dict[str, npt.NDArray[np.float64]]:
    return {f"{name}_low": interval.low, f"{name}_high": interval.high}


def _precision_columns(connection: duckdb.DuckDBPyConnection) -> dict[str, npt.NDArray[np.float64]]:
    query = (
        "SELECT coalesce(verified_correct_count, 0) AS correct, coalesce(verified_incorrect_count, 0) AS incorrect "
        "FROM workload ORDER BY workload_index"
    )
    verifications = connection.execute(query).fetchnumpy()
    correct, incorrect = (np.asarray(verifications[name], dtype=float) for name in ("correct", "incorrect"))
    value, low, high = wilson_interval(correct, correct + incorrect)
    return {"precision_ratio": value, "precision_low": low, "precision_high": high}
