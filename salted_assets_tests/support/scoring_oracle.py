"""The scores once more in plain Python: lists of dicts, loops, no pandas, no SQL, none of the code under test.

It is slow and simple by purpose; the tests hold it against the real edited on small, nasty data.
"""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]

SOURCES = ("reviewer", "auto", "customer", "agent")
TIMES = (
    *("preparation_time", "engagement_time", "wrap_up_time", "hold_time", "focus_time", "invitation_time", "menu_time"),
    *("wait_time", "wait_for_customer_time", "total_time"),
)
AI = (
    *("adaptability", "adherence", "clarity", "completeness", "customer_satisfaction", "empathy"),
    *("expressed_satisfaction", "language_skills", "persuasion", "severity", "understanding"),
)
COPIED = (
    *("conversation_id", "link", "start_time", "agent_pid", "agent_name", "team", "department", "queue"),
    *("channel_type", "channel", "direction", "language", "service_level", "resolution"),
)
PARTS = ("count", "sum", "sum_of_squares", "mean")


def low(value: str | None) -> str:
    return (value or "").strip().lower()


def finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def family(name: str, values: Iterable[float | None]) -> Row:
    known = [value for value in values if value is not None]
    return {
        f"{name}_count": len(known),
        f"{name}_sum": math.fsum(known),
        f"{name}_sum_of_squares": math.fsum(value * value for value in known),
        f"{name}_mean": math.fsum(known) / len(known) if known else None,
    }


def absent(names: Iterable[str]) -> Row:
    return dict.fromkeys(names)


def is_counted(engagement: Row) -> bool:
    return (
        low(engagement["type"]) == "agent"
        and low(engagement["status"]) == "completed"
        and low(engagement["agent_pid"]) != ""
    )


def answer_score(review: Row) -> float | None:
    answer, worst, best = (finite(review[name]) for name in ("answer_score", "worst_score", "best_score"))
    if answer is None or worst is None or best is None or worst == best:
        return None
    if not min(worst, best) <= answer <= max(worst, best):
        return None
    return (answer - worst) / (best - worst)


def score_reviews(  # noqa: C901, PLR0912 - one loop that reads like the rules
    pid: str, reviews: list[Row], participants: Mapping[str, str], choices: Mapping[str, Any]
) -> Row:
    row: Row = {
        "answer_auto_incorrect_count": 0,
        "answer_auto_found_count": 0 if choices["found_only_questions"] else None,
    }
    for source in SOURCES:
        counts = dict.fromkeys(
            ("unscored", "unreadable", "focused", "selected", "unclear", "disputed", "customer_turn", "unknown_turn"), 0
        )
        scored: list[tuple[str, float, Row]] = []
        unreadable: set[str] = set()
        for review in reviews:
            if review["engagement_pid"] != pid or low(review["status"]) != "completed" or low(review["type"]) != source:
                continue
            verdict = low(review["verified"])
            if source == "auto" and verdict == "incorrect":
                row["answer_auto_incorrect_count"] += 1
                continue
            participant = participants.get(review["turn_pid"], "") if low(review["turn_pid"]) else "engagement"
            if participant == "customer":
                counts["customer_turn"] += 1
                continue
            if source == "auto" and review["question_pid"] in choices["found_only_questions"]:
                row["answer_auto_found_count"] += 1
                continue
            if participant == "":
                counts["unknown_turn"] += 1
                if choices["exclude_unknown_turns"]:
                    continue
            session = low(review["review_session_id"]) and "session " + review["review_session_id"].strip()
            session = session or "answer " + review["pid"]
            if refused(review, "answer_score", "worst_score", "best_score"):
                counts["unreadable"] += 1
                unreadable.add(session)
                continue
            score = answer_score(review)
            if score is None:
                counts["unscored"] += 1
                continue
            if verdict in ("unclear", "disputed"):
                counts[verdict] += 1
                if choices[f"exclude_{verdict}"]:
                    continue
            if low(review["sampling"]) in ("focused", "selected"):
                counts[low(review["sampling"])] += 1
            scored.append((session, score, review))
        row |= {f"answer_{source}_{name}_count": count for name, count in counts.items()}
        row |= score_evaluations(source, scored, choices)
        row[f"evaluation_{source}_unreadable_count"] = len(unreadable)
    return row


def score_evaluations(source: str, scored: list[tuple[str, float, Row]], choices: Mapping[str, Any]) -> Row:
    row: Row = {}
    for suffix in ("", "_random_or_all"):
        used = [(s, v, r) for s, v, r in scored if not suffix or low(r["sampling"]) in ("random", "all")]
        row |= family(f"answer_{source}{suffix}", [value for _, value, _ in used])
        means = []
        for session in {name for name, _, _ in used}:
            own = [(choices["question_weights"].get(r["question_pid"], 1.0), v) for s, v, r in used if s == session]
            means.append(math.fsum(w * v for w, v in own) / math.fsum(w for w, _ in own))
        row |= family(f"evaluation_{source}{suffix}", means)
    failed = {
        session
        for session, _, review in scored
        if review["question_pid"] in choices["critical_questions"] and review["answer_score"] == review["worst_score"]
    }
    row[f"evaluation_{source}_failed_critical_count"] = len(failed) if choices["critical_questions"] else None
    return row


def score_turns(pid: str, turns: list[Row]) -> Row:
    own = [turn for turn in turns if turn["engagement_pid"] == pid]
    by = {who: [turn for turn in own if low(turn["participant"]) == who] for who in ("agent", "customer")}
    asked = [turn["turn_time"] for turn in by["customer"] if turn["turn_time"] is not None]
    answered = [
        turn["turn_time"] for turn in by["agent"] if asked and turn["turn_time"] and turn["turn_time"] >= min(asked)
    ]
    if any(refused(turn, "turn_time", "participant") for turn in own):
        answered = []
    return {
        "turn_count": len(own),
        "turn_agent_count": len(by["agent"]),
        "turn_customer_count": len(by["customer"]),
        "first_response_time_ms": (min(answered) - min(asked)) // timedelta(milliseconds=1) if answered else None,
        **family("sentiment_agent", [finite(turn["sentiment"]) for turn in by["agent"]]),
        **family("sentiment_customer", [finite(turn["sentiment"]) for turn in by["customer"]]),
    }


def find_handle_time(engagement: Row) -> int | None:
    """The sum of the parts; none where all are empty, and where one is there but not to be used."""
    names = ("preparation_time", "engagement_time", "wrap_up_time")
    parts = [engagement[name] for name in names]
    if refused(engagement, *names) or any(part is not None and part < 0 for part in parts):
        return None
    return None if parts == [None] * 3 else sum(part or 0 for part in parts)


def unless_negative(value: int | None) -> int | None:
    return None if value is None or value < 0 else value


def refused(row: Row, *names: str) -> bool:
    return not set(row["refused_columns"] or []).isdisjoint(names)


def review_columns() -> list[str]:
    some = score_reviews("", [], {}, {"found_only_questions": (), "critical_questions": (), "question_weights": {}})
    return list(some)


def score_engagement(  # noqa: PLR0917 - what is known of one engagement
    engagement: Row,
    turns: list[Row] | None,
    reviews: list[Row] | None,
    agents: list[Row] | None,
    day: date,
    choices: Mapping[str, Any],
) -> Row:
    types = {agent["pid"]: low(agent["type"]) for agent in agents or []}
    agent_type = types.get(engagement["agent_pid"], "")
    level, met = low(engagement["service_level"]), [low(value) for value in choices["service_level_met_values"]]
    is_judged = bool(met) and level != "" and level not in [low(v) for v in choices["service_level_ignored_values"]]
    resolution, resolved = low(engagement["resolution"]), [low(value) for value in choices["resolved_values"]]
    handle_time = find_handle_time(engagement)
    participants = {turn["pid"]: low(turn["participant"]) for turn in turns or []}
    return {
        "start_date": day,
        "engagement_pid": engagement["pid"],
        **{name: engagement[name] for name in COPIED},
        "is_bot": agent_type in [low(value) for value in choices["bot_agent_types"]] if agent_type else None,
        "is_service_level_met": level in met if is_judged else None,
        "is_resolved": resolution in resolved if resolved and resolution else None,
        "handle_time_ms": handle_time,
        "handle_time_log": math.log(handle_time) if handle_time else None,
        **{f"{name}_ms": unless_negative(engagement[name]) for name in TIMES},
        **{name: finite(engagement[name]) for name in ("cost", *AI)},
        **(absent(score_turns("", [])) if turns is None else score_turns(engagement["pid"], turns)),
        **(
            absent(review_columns())
            if reviews is None
            else score_reviews(engagement["pid"], reviews, participants, choices)
        ),
    }


Rows = tuple[list[Row], list[Row] | None, list[Row] | None, list[Row] | None]
"""Engagements, turns, reviews and agents; None is not exported."""


def score_engagements(rows: Rows, day: date, choices: Mapping[str, Any]) -> list[Row]:
    engagements, turns, reviews, agents = rows
    found = [score_engagement(e, turns, reviews, agents, day, choices) for e in engagements if is_counted(e)]
    return sorted(found, key=lambda row: (row["start_time"], row["engagement_pid"]))


def merged(name: str, rows: list[Row]) -> Row:
    if all(row[f"{name}_count"] is None for row in rows):
        return absent(f"{name}_{part}" for part in PARTS)
    count, total, squares = (
        math.fsum(row[f"{name}_{part}"] for row in rows) for part in ("count", "sum", "sum_of_squares")
    )
    mean = total / count if count else None
    return dict(zip((f"{name}_{part}" for part in PARTS), (count, total, squares, mean), strict=True))


def score_agent_day(key: Row, rows: list[Row]) -> Row:
    def total(name: str) -> int | None:
        return None if all(row[name] is None for row in rows) else sum(row[name] for row in rows)

    named = [row for row in rows if low(row["agent_name"])]
    latest = max(named, key=lambda row: (row["start_time"], row["agent_name"]), default=None)
    bots = [row["is_bot"] for row in rows if row["is_bot"] is not None]
    result: Row = {
        **key,
        "agent_name": latest and latest["agent_name"],
        "is_bot": any(bots) if bots else None,
        **count_engagements(rows),
    }
    for name in ("handle_time_ms", "handle_time_log", *(f"{time}_ms" for time in TIMES), "cost", *AI):
        result |= family(name, [row[name] for row in rows])
    result |= of_turns("first_response_time_ms", "first_response_time_ms", rows)
    for participant in ("agent", "customer"):
        result |= of_turns(f"engagement_sentiment_{participant}", f"sentiment_{participant}_mean", rows)
    for participant in ("agent", "customer"):
        result |= merged(f"sentiment_{participant}", rows)
    plain = ["turn_count", "turn_agent_count", "turn_customer_count"]
    plain += [name for name in review_columns() if name.endswith("_count") and f"{name[:-6]}_sum" not in rows[0]]
    result |= {name: total(name) for name in plain}
    for source in SOURCES:
        for kind in ("answer", "evaluation"):
            for suffix in ("", "_random_or_all"):
                result |= merged(f"{kind}_{source}{suffix}", rows)
        result |= cover(source, rows)
        for suffix in ("", "_random_or_all"):
            result |= engagement_means(f"evaluation_{source}{suffix}", rows)
    found = [row["answer_auto_found_count"] for row in rows]
    hits = None if found == [None] * len(rows) else sum(count > 0 for count in found)
    result["answer_auto_found_engagement_count"] = hits
    result["answer_auto_found_ratio"] = None if hits is None else hits / len(rows)
    return result


def count_engagements(rows: list[Row]) -> Row:
    levels = sorted(low(row["service_level"]) for row in rows if low(row["service_level"]))
    resolutions = sorted(low(row["resolution"]) for row in rows if low(row["resolution"]))
    resolved = [row["is_resolved"] for row in rows if row["is_resolved"] is not None]
    judged = [row["is_service_level_met"] for row in rows if row["is_service_level_met"] is not None]
    return {
        "engagement_count": len(rows),
        "handle_time_missing_count": sum(row["handle_time_ms"] is None for row in rows),
        "service_level_counts": json.dumps({level: levels.count(level) for level in levels}),
        "service_level_judged_count": len(judged),
        "service_level_met_count": sum(judged),
        "service_level_met_ratio": sum(judged) / len(judged) if judged else None,
        "resolution_counts": json.dumps({value: resolutions.count(value) for value in resolutions}),
        "resolution_judged_count": len(resolved),
        "resolved_count": sum(resolved),
        "resolved_ratio": sum(resolved) / len(resolved) if resolved else None,
    }


def of_turns(name: str, column: str, rows: list[Row]) -> Row:
    if all(row["turn_count"] is None for row in rows):
        return absent(f"{name}_{part}" for part in PARTS)
    return family(name, [row[column] for row in rows])


def engagement_means(name: str, rows: list[Row]) -> Row:
    """The sums of the engagements' own means; they are counted by `cover` where the sampling does not matter."""
    means = [row[f"{name}_mean"] for row in rows if row[f"{name}_mean"] is not None]
    is_absent = all(row[f"{name}_count"] is None for row in rows)
    sums = {
        f"{name}_engagement_mean_sum": math.fsum(means),
        f"{name}_engagement_mean_sum_of_squares": math.fsum(mean**2 for mean in means),
        f"{name}_engagement_squared_count_sum": math.fsum(
            row[f"{name}_count"] ** 2 for row in rows if row[f"{name}_count"]
        ),
    }
    if name.endswith("_random_or_all"):
        sums[f"{name}_engagement_count"] = len(means)
    return dict.fromkeys(sums) if is_absent else sums


def cover(source: str, rows: list[Row]) -> Row:
    counts = [row[f"evaluation_{source}_count"] for row in rows]
    covered = None if counts == [None] * len(rows) else sum(count > 0 for count in counts)
    return {
        f"evaluation_{source}_engagement_count": covered,
        f"evaluation_{source}_coverage_ratio": None if covered is None else covered / len(rows),
    }


def grouped(scores: list[Row], names: tuple[str, ...]) -> list[tuple[Row, list[Row]]]:
    """Rows by what they have in these columns, in order, what is null behind the rest."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in scores:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    in_order = sorted(groups, key=lambda values: [(value is None, value or "") for value in values])
    return [(dict(zip(names, values, strict=True)), groups[values]) for values in in_order]


def score_agents_daily(scores: list[Row]) -> list[Row]:
    return [score_agent_day(key, rows) for key, rows in grouped(scores, ("start_date", "agent_pid"))]


def score_agent_segments_daily(scores: list[Row]) -> list[Row]:
    key = ("start_date", "agent_pid", "team", "channel_type", "queue", "language")
    return [score_agent_day(key, rows) for key, rows in grouped(scores, key)]


Export = tuple[date, datetime, dict[str, list[Row]]]
"""Partition day, time the export was requested, rows by dataset."""


_NEEDED = {
    "engagement": {"start_time", "preparation_time", "engagement_time", "wrap_up_time", "wait_time"},
    "turn": {"turn_time"},
    "review": {"answer_score", "worst_score", "best_score"},
}


def is_readable(dataset: str, row: Row) -> bool:
    """Whether the row has what scores are made of, as far as its file had it, or is withdrawn."""
    is_withdrawn = dataset == "review" and str(row["status"]).strip().lower() in {"deleted", "ignore", "rejected"}
    return is_withdrawn or not _NEEDED.get(dataset, set()) & set(row["refused_columns"] or ())


def newest(exports: list[Export], dataset: str) -> dict[str, Row]:
    """Every pid's newest row, without regard to any day; one that cannot be read only where none can."""
    versions: dict[str, list[tuple[datetime, date, Row]]] = {}
    for day, requested_at, tables in exports:
        for row in tables.get(dataset, []):
            versions.setdefault(row["pid"], []).append((requested_at, day, row))
    chosen = {}
    for pid, all_versions in versions.items():
        own = [version for version in all_versions if is_readable(dataset, version[2])] or all_versions
        if all(row["updated_at"] is not None for _, _, row in own):
            chosen[pid] = max(own, key=lambda version: (version[2]["updated_at"], version[0], version[1]))[2]
        else:
            chosen[pid] = max(own, key=lambda version: (version[0], version[1]))[2]
    return chosen


def newest_of_day(exports: list[Export], dataset: str, day: date, zone: str) -> dict[str, Row]:
    """The newest rows whose engagement, in its newest version, started on the day in the zone."""
    engagements = {
        pid: row
        for pid, row in newest(exports, "engagement").items()
        if row["start_time"] is not None and row["start_time"].astimezone(ZoneInfo(zone)).date() == day
    }
    if dataset == "engagement":
        return engagements
    return {pid: row for pid, row in newest(exports, dataset).items() if row["engagement_pid"] in engagements}
