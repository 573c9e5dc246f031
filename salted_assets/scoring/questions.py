"""The rows of `scores/agent_question`: what an agent hears again and again, by question over a window."""

from collections.abc import Sequence
from datetime import date

import duckdb
import pandas as pd

from salted_assets.schemas.scores import SCORING_STATUSES_OF_AGENT, AgentQuestion
from salted_assets.scoring.sql import framed

QUESTION_DAYS = 91
"""Days of the window."""

QUESTION_ANSWER_COLUMNS = (
    *("start_date", "engagement_pid", "agent_pid", "source", "question_pid", "question_name", "answer_reason", "score"),
    *("scoring_status", "is_scored", "is_worst", "is_found_only"),
)
"""The columns of `scores/answer` that are read."""

QUESTION_AGENT_COLUMNS = ("start_date", "agent_pid", "agent_name", "is_bot", "engagement_count")
"""The columns of `scores/agent_daily` that are read."""

_KEY = "agent_pid, question_pid, source"
_SAME = "IS NOT DISTINCT FROM"

_SUMS = f"""
    CREATE TEMP TABLE question_sum AS
    SELECT
        {_KEY},
        count(*) AS answer_count,
        count(*) FILTER (WHERE is_scored) AS scored_count,
        coalesce(fsum(score) FILTER (WHERE is_scored), 0.0) AS score_sum,
        coalesce(fsum(score * score) FILTER (WHERE is_scored), 0.0) AS score_sum_of_squares,
        count(*) FILTER (WHERE is_scored AND is_worst) AS worst_count,
        bool_or(is_found_only) AS is_found_only
    FROM answer
    WHERE scoring_status IN {(*SCORING_STATUSES_OF_AGENT, "found")}
    GROUP BY {_KEY}
"""  # noqa: S608 - names of our own columns and constants of ours

_REASONS = f"""
    CREATE TEMP TABLE reason AS
    WITH counted AS (
        SELECT {_KEY}, answer_reason, count(*) AS count FROM answer
        WHERE is_scored AND is_worst AND answer_reason <> '' GROUP BY {_KEY}, answer_reason
    )
    SELECT {_KEY}, arg_min(answer_reason, (-count, answer_reason)) AS worst_reason, max(count) AS worst_reason_count
    FROM counted GROUP BY {_KEY}
"""  # noqa: S608 - as above

_FOUND = f"""
    CREATE TEMP TABLE found AS
    SELECT {_KEY}, count(DISTINCT engagement_pid) AS found_engagement_count
    FROM answer SEMI JOIN (SELECT DISTINCT start_date FROM agent_day) AS day USING (start_date)
    WHERE scoring_status = 'found' GROUP BY {_KEY}
"""  # noqa: S608 - as above

_NAMES = """
    CREATE TEMP TABLE question_label AS
    WITH named AS (
        SELECT question_pid, question_name, max(start_date) AS last_date FROM answer
        WHERE question_name <> '' GROUP BY question_pid, question_name
    )
    SELECT question_pid, arg_max(question_name, (last_date, question_name)) AS question_name
    FROM named GROUP BY question_pid
"""

_AGENTS = """
    CREATE TEMP TABLE agent_sum AS
    SELECT
        agent_pid, max_by(agent_name, start_date) FILTER (WHERE agent_name <> '') AS agent_name,
        bool_or(is_bot) AS is_bot, sum(engagement_count)::BIGINT AS engagement_count
    FROM agent_day WHERE list_contains($days::DATE[], start_date) GROUP BY agent_pid
"""

_JOINED = f"""
    SELECT
        $end::DATE AS end_date, $first::DATE AS first_date, $count::BIGINT AS days_present_count,
        question_sum.*, question_name, agent_name, is_bot, engagement_count,
        score_sum / nullif(scored_count, 0) AS score_mean,
        worst_count / nullif(scored_count, 0) AS worst_ratio,
        worst_reason, coalesce(worst_reason_count, 0) AS worst_reason_count,
        CASE WHEN is_found_only THEN coalesce(found_engagement_count, 0) END AS found_engagement_count,
        CASE WHEN is_found_only THEN coalesce(found_engagement_count, 0) / engagement_count END AS found_ratio
    FROM question_sum
    LEFT JOIN agent_sum USING (agent_pid)
    LEFT JOIN question_label ON question_label.question_pid {_SAME} question_sum.question_pid
    LEFT JOIN reason ON reason.agent_pid = question_sum.agent_pid AND reason.source = question_sum.source
        AND reason.question_pid {_SAME} question_sum.question_pid
    LEFT JOIN found ON found.agent_pid = question_sum.agent_pid AND found.source = question_sum.source
        AND found.question_pid {_SAME} question_sum.question_pid
    ORDER BY {", ".join(f"question_sum.{name}" for name in _KEY.split(", "))}
"""  # noqa: S608 - as above


def score_agent_questions(
    connection: duckdb.DuckDBPyConnection,
    answer: duckdb.DuckDBPyRelation,
    agent_day: duckdb.DuckDBPyRelation,
    end: date,
    days: Sequence[date],
) -> pd.DataFrame:
    """One row per agent, question and source with an answer that says something of the agent, in a window of 91 days.

    Takes the rows of `scores/answer` and of `scores/agent_daily` of the window that ends on `end`, as relations of
    `connection` with `QUESTION_ANSWER_COLUMNS` and `QUESTION_AGENT_COLUMNS`, and the days of the window whose answers
    are there; no day gives no row. Answers say something of the agent when they are scored, unscored, left out by a
    setting as unclear or disputed, or found. Share of worst = scored answers at the worst end / scored answers.
    Found rate of a question that gets a row only when something is found = engagements with such a row / the agent's
    engagements that count, both over the days whose `scores/agent_daily` is there as well. Reads `answer` four times
    over, each time its fewest columns.
    """
    answer.create_view("answer")
    agent_day.create_view("agent_day")
    for statement in (_SUMS, _REASONS, _FOUND, _NAMES):
        connection.execute(statement)
    connection.execute(_AGENTS, {"days": list(days)})
    facts = {"end": end, "first": min(days, default=end), "count": len(days)}
    return framed(connection.sql(_JOINED, params=facts), AgentQuestion)
