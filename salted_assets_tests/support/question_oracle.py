"""`scores/agent_question` once more in plain Python, out of rows of the daily scores of a window."""

import math
from collections import Counter
from datetime import date
from typing import Any

from salted_assets_tests.support.scoring_oracle import Row, grouped

OF_AGENT = ("scored", "disputed", "unclear", "unscored", "unreadable", "found")


def latest(rows: list[Row], name: str) -> Any:
    """The value on the last day that has one, the last in alphabetical order where that day has several."""
    named = [row for row in rows if row[name]]
    return max(named, key=lambda row: (row["start_date"], row[name]))[name] if named else None


def score_question(key: Row, rows: list[Row], answers: list[Row], agent_days: list[Row], days: set[date]) -> Row:
    own = [row for row in agent_days if row["agent_pid"] == key["agent_pid"]]
    in_days = [row["engagement_count"] for row in own if row["start_date"] in days]
    engagement_count = sum(in_days) if in_days else None
    counted_days = {row["start_date"] for row in agent_days}
    scores = [row["score"] for row in rows if row["is_scored"]]
    worst = [row for row in rows if row["is_scored"] and row["is_worst"]]
    reasons = Counter(row["answer_reason"] for row in worst if row["answer_reason"])
    reason = min(reasons, key=lambda text: (-reasons[text], text), default=None)
    is_found_only = any(row["is_found_only"] for row in rows)
    found = {
        row["engagement_pid"] for row in rows if row["scoring_status"] == "found" and row["start_date"] in counted_days
    }
    bots = [row["is_bot"] for row in own if row["start_date"] in days and row["is_bot"] is not None]
    return {
        **key,
        "agent_name": latest([row for row in own if row["start_date"] in days], "agent_name"),
        "is_bot": any(bots) if bots else None,
        "question_name": latest(
            [row for row in answers if row["question_pid"] == key["question_pid"]], "question_name"
        ),
        "answer_count": len(rows),
        "scored_count": len(scores),
        "score_sum": math.fsum(scores),
        "score_sum_of_squares": math.fsum(score * score for score in scores),
        "score_mean": math.fsum(scores) / len(scores) if scores else None,
        "worst_count": len(worst),
        "worst_ratio": len(worst) / len(scores) if scores else None,
        "worst_reason": reason,
        "worst_reason_count": reasons[reason] if reason else 0,
        "is_found_only": is_found_only,
        "found_engagement_count": len(found) if is_found_only else None,
        "engagement_count": engagement_count,
        "found_ratio": len(found) / engagement_count if is_found_only and engagement_count else None,
    }


def score_agent_questions(answers: list[Row], agent_days: list[Row], end: date, days: list[date]) -> list[Row]:
    speaking = [row for row in answers if row["scoring_status"] in OF_AGENT]
    window = {"end_date": end, "first_date": min(days, default=end), "days_present_count": len(days)}
    return [
        {**window, **score_question(key, rows, answers, agent_days, set(days))}
        for key, rows in grouped(speaking, ("agent_pid", "question_pid", "source"))
    ]
