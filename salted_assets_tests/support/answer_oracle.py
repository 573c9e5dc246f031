"""`scores/answer` once more in plain Python: the rules of what an answer comes to, one review at a time."""

from collections.abc import Mapping
from datetime import date, timedelta
from statistics import fmean
from typing import Any

from salted_assets_tests.support.scoring_oracle import SOURCES, Row, Rows, answer_score, is_counted, low, refused

OF_ENGAGEMENT = ("agent_pid", "agent_name", "team", "channel_type", "queue", "language")
OF_REVIEW = (
    *("pid", "engagement_pid", "kind", "reviewer_pid", "reviewer_name", "question_pid", "question_name", "form_id"),
    *("review_time", "answer_name", "answer_reason", "answer_score", "worst_score", "best_score"),
)


def find_target(review: Row, turns: list[Row]) -> str:
    if low(review["turn_pid"]) == "":
        return "engagement"
    takers = [low(turn["participant"]) for turn in turns if turn["pid"] == review["turn_pid"]]
    if takers in ([], [""]):
        return "unknown turn"
    return f"{takers[0]} turn" if takers[0] in ("agent", "customer") else "other turn"


def find_scoring_status(review: Row, target: str, choices: Mapping[str, Any]) -> str:
    verified = low(review["verified"])
    answers = {
        "not completed": low(review["status"]) != "completed",
        "unknown source": low(review["type"]) not in SOURCES,
        "incorrect": low(review["type"]) == "auto" and verified == "incorrect",
        "customer turn": target == "customer turn",
        "found": is_found_only(review, choices),
        "unknown turn": target == "unknown turn" and choices["exclude_unknown_turns"],
        "unreadable": refused(review, "answer_score", "worst_score", "best_score"),
        "unscored": answer_score(review) is None,
        "unclear": verified == "unclear" and choices["exclude_unclear"],
        "disputed": verified == "disputed" and choices["exclude_disputed"],
        "scored": True,
    }
    return next(word for word, holds in answers.items() if holds)


def is_found_only(review: Row, choices: Mapping[str, Any]) -> bool:
    return low(review["type"]) == "auto" and review["question_pid"] in choices["found_only_questions"]


def score_answer(review: Row, engagement: Row, turns: list[Row], types: Row, choices: Mapping[str, Any]) -> Row:
    target = find_target(review, turns)
    scoring_status = find_scoring_status(review, target, choices)
    score, session = answer_score(review), (review["review_session_id"] or "").strip()
    agent_type = types.get(engagement["agent_pid"], "")
    since = engagement["end_time"] or engagement["start_time"]
    is_end_refused = "end_time" in (engagement["refused_columns"] or [])
    days = None if is_end_refused or not review["review_time"] else (review["review_time"] - since) / timedelta(days=1)
    is_failure = review["question_pid"] in choices["critical_questions"] and (
        review["answer_score"] is not None and review["answer_score"] == review["worst_score"]
    )
    return {
        **{name: review[name] for name in OF_REVIEW},
        **{name: engagement[name] for name in OF_ENGAGEMENT},
        **{name: low(review[name]) or None for name in ("status", "sampling", "verified")},
        "source": low(review["type"]) or None,
        "turn_pid": (review["turn_pid"] or "").strip() or None,
        "target": target,
        "scoring_status": scoring_status,
        "is_bot": agent_type in [low(kind) for kind in choices["bot_agent_types"]] if agent_type else None,
        "evaluation": f"session {session}" if session else f"answer {review['pid']}",
        "days_to_review": days,
        "score": score,
        "weight": choices["question_weights"].get(review["question_pid"], 1.0),
        "is_scored": scoring_status == "scored",
        "is_worst": None if score is None else score == 0,
        "is_random_or_all": low(review["sampling"]) in ("random", "all"),
        "is_critical_failure": is_failure if choices["critical_questions"] else None,
        "is_found_only": is_found_only(review, choices),
    }


def find_auto_score(review: Row, reviews: list[Row]) -> float | None:
    """What the auto reviewer gave the question of a reviewer's answer, whatever came of that answer."""
    if low(review["type"]) != "reviewer" or review["question_pid"] is None:
        return None

    def asked(each: Row) -> tuple[str, str, str]:
        return each["engagement_pid"], each["question_pid"], (each["turn_pid"] or "").strip()

    given = [
        score
        for each in reviews
        if low(each["type"]) == "auto" and low(each["status"]) == "completed" and asked(each) == asked(review)
        if (score := answer_score(each)) is not None
    ]
    return fmean(given) if given else None


def score_answers(rows: Rows, day: date, choices: Mapping[str, Any]) -> list[Row]:
    engagements, turns, reviews, agents = rows
    counted = {row["pid"]: row for row in engagements if is_counted(row)}
    types = {agent["pid"]: low(agent["type"]) for agent in agents or []}
    found = [
        {
            "start_date": day,
            **score_answer(review, counted[review["engagement_pid"]], turns or [], types, choices),
            "auto_score": find_auto_score(review, reviews or []),
        }
        for review in reviews or []
        if review["engagement_pid"] in counted
    ]
    return sorted(
        found,
        key=lambda row: (row["source"] is None, row["source"], row["agent_pid"], row["engagement_pid"], row["pid"]),
    )
