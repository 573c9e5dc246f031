"""The scorecard's list for calibration: engagements that two reviewers scored far apart on the same questions."""

from collections.abc import Iterator

from salted_assets.output.scorecard.engagement_rows import OPENED, STARTED, WHOSE, build_engagement_row, write_start
from salted_assets.output.scorecard.records import Records, keep_first
from salted_assets.output.scorecard.table_cells import Heading, Row, Table, text_of, write_number, write_percent
from salted_assets.output.scorecard.table_cells import write_words as words

ROWS_MAX = 20
FAR = 0.25
"""Mean distance of the scores to the same questions from which two reviewers are far apart."""

READ_PAIRS = """
    WITH last_answer AS (
        SELECT
            end_date, engagement_pid, coalesce(turn_pid, '') AS turn, question_pid, reviewer_pid,
            any_value(agent_pid) AS agent_pid, max(question_name) AS question_name,
            max(reviewer_name) AS reviewer_name, arg_max(score, (review_time, pid)) AS score
        FROM person_answer JOIN card ON start_date BETWEEN window_start AND end_date
        WHERE status = 'completed' AND score IS NOT NULL AND reviewer_pid IS NOT NULL
        GROUP BY ALL
    ),
    pair AS (
        SELECT
            end_date, one.engagement_pid, any_value(one.agent_pid) AS agent_pid,
            coalesce(max(one.reviewer_name), one.reviewer_pid) AS one_name,
            coalesce(max(other.reviewer_name), other.reviewer_pid) AS other_name,
            count(*)::DOUBLE AS question_count, favg(one.score ORDER BY one.score) AS one_mean,
            favg(other.score ORDER BY other.score) AS other_mean,
            favg(abs(one.score - other.score) ORDER BY abs(one.score - other.score)) AS distance,
            arg_max(one.question_name, (abs(one.score - other.score), one.question_name)) AS question_name
        FROM last_answer AS one JOIN last_answer AS other USING (end_date, engagement_pid, turn, question_pid)
        WHERE one.reviewer_pid < other.reviewer_pid
        GROUP BY end_date, one.engagement_pid, one.reviewer_pid, other.reviewer_pid
    )
    SELECT pair.*, start_time, link, agent_name, team, channel_type
    FROM pair LEFT JOIN reviewed_engagement USING (engagement_pid)
    ORDER BY end_date, distance * question_count DESC, engagement_pid, one_name, other_name
"""
"""Of each card engagements that two reviewers answered the same question about, by their last answers.

Those with most points apart come first."""

_HEADINGS = (
    *WHOSE,
    STARTED,
    Heading("Reviewers", "Who scored it, and the mean of each over the questions that both answered.", is_text=True),
    Heading("Apart", "Mean distance of their scores to the same questions, and how many these are."),
    Heading("Farthest on", "The question on which they are farthest apart.", is_text=True),
    OPENED,
)


def find_far_apart(pairs: Records) -> Records:
    """Of rows of `READ_PAIRS` that are `FAR` apart or more each engagement's first one: its farthest pair."""
    return keep_first((row for row in pairs if row["distance"] >= FAR), "engagement_pid")


def tabulate_far_apart(pairs: Records) -> Table:
    """The first `ROWS_MAX` of these rows, those with the most points between their reviewers first."""
    return Table(_HEADINGS, tuple(_build_rows(pairs[:ROWS_MAX])))


def _build_rows(pairs: Records) -> Iterator[Row]:
    for row in pairs:
        count = row["question_count"]
        reviewers = "\n".join(f"{row[f'{who}_name']}: {write_percent(row[f'{who}_mean'])}" for who in ("one", "other"))
        yield build_engagement_row(
            row,
            write_start(row),
            words(f"{row['one_name']}, {row['other_name']}", reviewers),
            write_number(
                100 * row["distance"],
                "{:.0f} points",
                "on 1 question" if count == 1 else f"mean of {count:.0f} questions",
            ),
            words(text_of(row["question_name"]) or "-"),
        )
