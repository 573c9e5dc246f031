"""`scores/queue_daily` once more in plain Python, its intervals by scipy from the values themselves."""

import math
from collections.abc import Sequence

from scipy import stats

from salted_assets_tests.support.scoring_oracle import (
    AI,
    SOURCES,
    Row,
    count_engagements,
    cover,
    family,
    grouped,
    merged,
    of_turns,
)

LIMITS = ("low", "high")


def student(values: Sequence[float | None]) -> tuple[float | None, float | None]:
    known = [value for value in values if value is not None]
    if len(known) < 2 or max(known) - min(known) <= 1e-12 * max(map(abs, known)):
        return None, None
    error = stats.sem(known)
    low, high = stats.t.interval(0.95, len(known) - 1, math.fsum(known) / len(known), error)
    return float(low), float(high)


def student_of_sums(row: Row, name: str) -> tuple[float | None, float | None]:
    """The same from a count, a sum and a sum of squares: of evaluations a queue has no more."""
    count, total, squares = (row[f"{name}_{part}"] for part in ("count", "sum", "sum_of_squares"))
    if not count or count < 2:
        return None, None
    variance = (squares - total * total / count) / (count - 1)
    if variance <= 1e-12:
        return None, None
    half = stats.t.ppf(0.975, count - 1) * math.sqrt(variance / count)
    return total / count - half, total / count + half


def wilson(successes: int | None, count: int) -> tuple[float | None, float | None]:
    if successes is None or count == 0:
        return None, None
    found = stats.binomtest(successes, count).proportion_ci(0.95, "wilson")
    return found.low, found.high


def limits(name: str, found: tuple[float | None, float | None]) -> Row:
    return {f"{name}_{end}": value for end, value in zip(LIMITS, found, strict=True)}


def score_queue(key: Row, rows: list[Row]) -> Row:
    result: Row = {
        **key,
        **count_engagements(rows),
        "agent_count": len({row["agent_pid"] for row in rows}),
        "bot_engagement_count": sum(row["is_bot"] is True for row in rows),
    }
    for name in ("handle_time_ms", "handle_time_log", "wait_time_ms", *AI):
        values = [row[name] for row in rows]
        result |= family(name, values) | limits(f"{name}_mean", student(values))
    logs = [result["handle_time_log_mean"], *student([row["handle_time_log"] for row in rows])]
    mean, low, high = (None if log is None else math.exp(log) for log in logs)
    result["handle_time_geometric_mean_ms"] = mean
    result |= limits("handle_time_geometric_mean_ms", (low, high))
    columns = {"first_response_time_ms": "first_response_time_ms"}
    columns |= {f"engagement_sentiment_{who}": f"sentiment_{who}_mean" for who in ("agent", "customer")}
    for name, column in columns.items():
        result |= of_turns(name, column, rows) | limits(f"{name}_mean", student([row[column] for row in rows]))
    for source in SOURCES:
        for name in (f"evaluation_{source}", f"evaluation_{source}_random_or_all"):
            result |= merged(name, rows)
            result |= limits(f"{name}_mean", student_of_sums(result, name))
        result |= cover(source, rows)
        covered = result[f"evaluation_{source}_engagement_count"]
        result |= limits(f"evaluation_{source}_coverage_ratio", wilson(covered, len(rows)))
    judged, met = result["service_level_judged_count"], result["service_level_met_count"]
    result |= limits("service_level_met_ratio", wilson(met, judged))
    return result | limits("resolved_ratio", wilson(result["resolved_count"], result["resolution_judged_count"]))


def score_queues_daily(scores: list[Row]) -> list[Row]:
    return [score_queue(key, rows) for key, rows in grouped(scores, ("start_date", "queue", "channel_type"))]
