"""How reviewers score, compared with each other and with the auto reviewers. Not here: agents' scores (`agents`)."""

from datetime import date, timedelta

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd

from salted_assets.scoring.sql import framed
from salted_assets.statistics import (
    Agreement,
    Interval,
    difference_of_intervals,
    pooled_variance,
    weighted_kappa,
    wilson_interval,
)
from salted_assets.statistics.intervals import normal_quantile
from salted_assets.tables.scores.calibration import REVIEW_STATUSES, ReviewerCalibration

CALIBRATION_DAYS = 91

CALIBRATION_COLUMNS = (
    *("start_date", "pid", "engagement_pid", "turn_pid", "agent_pid", "source", "status", "verified"),
    *("reviewer_pid", "reviewer_name", "question_pid", "question_name", "review_time", "days_to_review"),
    *("score", "is_scored", "is_worst"),
)
"""The columns of `scores/answer` that calibration reads."""

_WORKLOAD = """
    CREATE TEMP TABLE workload AS
    SELECT
        row_number() OVER (ORDER BY source, reviewer_pid, question_pid) - 1 AS code,
        source, reviewer_pid, question_pid,
        arg_max(reviewer_name, (review_time, pid)) FILTER (WHERE reviewer_name IS NOT NULL) AS reviewer_name,
        arg_max(question_name, (review_time, pid)) FILTER (WHERE question_name IS NOT NULL) AS question_name,
        {statuses},
        favg(days_to_review) FILTER (WHERE status = 'completed') AS days_to_review_mean,
        count(score) FILTER (WHERE status = 'completed') AS score_count,
        favg(score) FILTER (WHERE status = 'completed') AS score_mean,
        favg(is_worst::DOUBLE) FILTER (WHERE status = 'completed') AS worst_ratio,
        {verdicts}
    FROM answer
    WHERE source IN ('reviewer', 'auto') AND start_date >= $first
    GROUP BY source, reviewer_pid, question_pid
"""

# What is compared is a reviewer's last word on a question of an engagement or turn. Most auto answers are about
# engagements that no person reviewed: they are passed over.
_LAST_WORDS = """
    CREATE TEMP TABLE last_word AS
    WITH reviewed AS (SELECT DISTINCT engagement_pid FROM answer WHERE source = 'reviewer' AND start_date >= $first)
    SELECT source, reviewer_pid, question_pid, engagement_pid, coalesce(turn_pid, '') AS turn_pid,
        arg_max(score, (review_time, pid)) AS score
    FROM answer SEMI JOIN reviewed USING (engagement_pid)
    WHERE source IN ('reviewer', 'auto') AND status = 'completed' AND score IS NOT NULL AND start_date >= $first
        AND (source = 'auto' OR reviewer_pid IS NOT NULL)
    GROUP BY source, reviewer_pid, question_pid, engagement_pid, coalesce(turn_pid, '')
"""

_PAIRS = """
    SELECT code, mine.score AS mine, other.score AS other
    FROM last_word AS mine
    JOIN last_word AS other USING (engagement_pid, turn_pid, question_pid)
    JOIN workload ON workload.source = 'reviewer' AND workload.reviewer_pid = mine.reviewer_pid
        AND workload.question_pid = question_pid
    WHERE mine.source = 'reviewer' AND other.source = $other
        AND (other.source = 'auto' OR other.reviewer_pid <> mine.reviewer_pid)
    ORDER BY ALL
"""

_CELLS = """
    WITH own AS (
        SELECT question_pid, agent_pid, reviewer_pid,
            count(*) AS count, fsum(score) AS sum, fsum(score * score) AS sum_of_squares
        FROM answer
        WHERE source = 'reviewer' AND is_scored AND reviewer_pid IS NOT NULL AND question_pid IS NOT NULL
            AND start_date BETWEEN $first AND $last
        GROUP BY question_pid, agent_pid, reviewer_pid
    )
    SELECT code, dense_rank() OVER (ORDER BY question_pid) - 1 AS question, own.* EXCLUDE (reviewer_pid, question_pid),
        sum(count) OVER cell - count AS other_count, sum(sum) OVER cell - sum AS other_sum
    FROM own LEFT JOIN workload USING (reviewer_pid, question_pid)
    WHERE workload.source IS NULL OR workload.source = 'reviewer'
    WINDOW cell AS (PARTITION BY question_pid, agent_pid)
    ORDER BY question_pid, agent_pid, reviewer_pid
"""


def calibrate_reviewers(
    connection: duckdb.DuckDBPyConnection, answers: duckdb.DuckDBPyRelation, end_date: date
) -> pd.DataFrame:
    """One row per human or auto reviewer and question with a review in the 91 days ending on `end_date`.

    Takes rows of `scores/answer` of these days and of the 91 before, with at least `CALIBRATION_COLUMNS`, as a relation
    of `connection`, in which the work is done; it is gone through a few times and never held whole. Gives the columns
    of `ReviewerCalibration`; no such review gives no row.

    Agreement pairs completed, scored answers to the same question of the same engagement or turn, each reviewer's last
    word, with every other reviewer's: quadratic weighted kappa (Cohen 1968), null under 20 pairs. Auto answers are
    paired as they were delivered, those verified Incorrect included: without them agreement would look better than it
    is. Leniency is sum of w d / sum of w over the agents whom others scored on the question too, d being own mean minus
    the others', w = n m / (n + m) for n own and m other answers, which weighs each agent by what it tells; its interval
    is +- 1.96 s / sqrt(sum of w), s the spread within reviewer and agent, pooled over the question. Drift is leniency
    minus that of the window before (Zou and Donner 2008). Precision of auto reviews has Wilson's interval.
    """
    first = end_date - timedelta(days=CALIBRATION_DAYS - 1)
    answers.create_view("answer")
    statuses = [f"count(*) FILTER (WHERE status = '{status}') AS {status}_count" for status in REVIEW_STATUSES]
    verdicts = [
        f"CASE WHEN source = 'auto' THEN count(*) FILTER (WHERE status = 'completed' AND verified = '{verdict}') "
        f"END AS verified_{verdict}_count"
        for verdict in ("correct", "incorrect", "unclear")
    ]
    workload = _WORKLOAD.format(statuses=", ".join(statuses), verdicts=", ".join(verdicts))
    connection.execute(workload, {"first": first})
    connection.execute(_LAST_WORDS, {"first": first})
    count = connection.table("workload").shape[0]
    now = _estimate_leniency(connection, count, first, end_date)
    before = _estimate_leniency(connection, count, first - timedelta(days=CALIBRATION_DAYS), first - timedelta(days=1))
    found = pd.DataFrame(
        {
            "code": np.arange(count),
            **_agreement_columns("reviewer", _agree(connection, count, "reviewer")),
            **_agreement_columns("auto", _agree(connection, count, "auto")),
            "leniency_cell_count": now[0],
            **_interval_columns("leniency", now[1]),
            **_interval_columns("leniency_drift", difference_of_intervals(now[1], before[1])),
            **_precision_columns(connection),
        }
    )
    connection.register("found", found)
    days = "(SELECT count(DISTINCT start_date) FROM answer WHERE start_date >= $first) AS days_present_count"
    query = f"SELECT *, $last::DATE AS end_date, {days} FROM workload JOIN found USING (code) ORDER BY code"  # noqa: S608 - our own text
    return framed(connection.sql(query, params={"first": first, "last": end_date}), ReviewerCalibration)


def _agree(connection: duckdb.DuckDBPyConnection, count: int, other: str) -> Agreement:
    pairs = connection.execute(_PAIRS, {"other": other}).fetchnumpy()
    return weighted_kappa(pairs["mine"], pairs["other"], _codes(pairs["code"]), group_count=count)


def _estimate_leniency(
    connection: duckdb.DuckDBPyConnection, count: int, first: date, last: date
) -> tuple[npt.NDArray[np.int64], Interval]:
    """For each row of the workload: how many agents it stands on, and the leniency with its limits."""
    cells = connection.execute(_CELLS, {"first": first, "last": last}).df()
    spread, _ = pooled_variance(cells["count"], cells["sum"], cells["sum_of_squares"], _codes(cells["question"]))
    is_shared = ((cells["other_count"] > 0) & cells["code"].notna()).to_numpy()
    shared = cells[is_shared]
    codes = _codes(shared["code"])
    own, other = shared["count"].to_numpy(float), shared["other_count"].to_numpy(float)
    weight = own * other / (own + other)
    difference = shared["sum"].to_numpy(float) / own - shared["other_sum"].to_numpy(float) / other
    weights = np.bincount(codes, weight, count)
    variances = np.full(count, np.nan)
    variances[codes] = spread[_codes(shared["question"])]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.bincount(codes, weight * difference, count) / weights
        half = normal_quantile(0.95) * np.sqrt(np.where(variances > 0, variances, np.nan) / weights)
    return np.bincount(codes, minlength=count), Interval(value, value - half, value + half)


def _codes(values: npt.ArrayLike) -> npt.NDArray[np.int64]:
    return np.asarray(values, dtype=np.int64)


def _agreement_columns(name: str, agreement: Agreement) -> dict[str, npt.NDArray[np.float64] | npt.NDArray[np.int64]]:
    return {
        f"agreement_{name}_count": agreement.pair_count,
        f"agreement_{name}_kappa": agreement.kappa,
        f"agreement_{name}_low": agreement.low,
        f"agreement_{name}_high": agreement.high,
    }


def _interval_columns(name: str, interval: Interval) -> dict[str, npt.NDArray[np.float64]]:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _precision_columns(connection: duckdb.DuckDBPyConnection) -> dict[str, npt.NDArray[np.float64]]:
    query = (
        "SELECT coalesce(verified_correct_count, 0) AS correct, coalesce(verified_incorrect_count, 0) AS incorrect "
        "FROM workload ORDER BY code"
    )
    verdicts = connection.execute(query).fetchnumpy()
    correct, incorrect = (np.asarray(verdicts[name], dtype=float) for name in ("correct", "incorrect"))
    value, low, high = wilson_interval(correct, correct + incorrect)
    return {"precision_ratio": value, "precision_low": low, "precision_high": high}
