"""Windows once more in plain Python, from single engagements: no sums, no SQL, none of the code under test."""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from scipy import stats

from salted_assets_tests.support.rolling_rows import VALUES, Engagements

Row = dict[str, Any]
NAN = math.nan

MEASURES = {
    "handle_time_geometric_ms": "handle_time_log",
    "handle_time_ms": "handle_time_ms",
    "empathy": "empathy",
    "severity": "severity",
    "evaluation_reviewer": "evaluation_reviewer",
    "evaluation_customer": "evaluation_customer",
    "service_level_met_ratio": None,
    "evaluation_reviewer_coverage_ratio": None,
}


def values_of(groups: Sequence[Engagements], measure: str) -> list[float]:
    """Each value as often as it was given; the logarithms of handle times, ones and zeros of shares."""
    found: list[float] = []
    for group in groups:
        if measure == "service_level_met_ratio":
            values: Sequence[float] = [] if group.is_met is None else [float(group.is_met)]
        elif measure == "evaluation_reviewer_coverage_ratio":
            values = [float(bool(group.evaluations))]
        else:
            values = VALUES[str(MEASURES[measure])](group)
        found += [value for value in values for _ in range(group.times)]
    return found


def interval(values: Sequence[float], measure: str) -> tuple[float, float, float]:
    """The mean and its limits, on the scale of the values."""
    if not values:
        return NAN, NAN, NAN
    mean, n = math.fsum(values) / len(values), len(values)
    if measure.endswith("_ratio"):
        found = stats.binomtest(round(math.fsum(values)), n).proportion_ci(method="wilson")
        return mean, found.low, found.high
    if len(set(values)) < 2:
        return mean, NAN, NAN
    half = stats.t.ppf(0.975, n - 1) * statistics.stdev(values) / math.sqrt(n)
    return mean, mean - half, mean + half


def in_unit(value: float, measure: str, *, is_limit: bool = False) -> float:
    if measure == "handle_time_geometric_ms":
        value = math.exp(value)
    if not is_limit or math.isnan(value):
        return value
    if measure.startswith("evaluation") or measure.endswith("_ratio"):
        return min(max(value, 0.0), 1.0)
    return max(value, 0.0) if measure.endswith("_ms") else value


def trend(now: Sequence[float], before: Sequence[float], measure: str) -> tuple[float, float, float]:
    if not now or not before:
        return NAN, NAN, NAN
    first, second = interval(now, measure), interval(before, measure)
    if measure == "handle_time_geometric_ms" or measure.endswith("_ratio"):
        a, b = ([in_unit(value, measure) for value in each] for each in (first, second))
        difference = a[0] - b[0]
        return (
            difference,
            difference - math.hypot(a[0] - a[1], b[2] - b[0]),
            difference + math.hypot(a[2] - a[0], b[0] - b[1]),
        )
    difference = first[0] - second[0]
    if min(len(now), len(before)) < 2 or len(set(now)) + len(set(before)) == 2:
        return difference, NAN, NAN
    errors = [statistics.variance(values) / len(values) for values in (now, before)]
    freedom = sum(errors) ** 2 / sum(
        error**2 / (len(values) - 1) for error, values in zip(errors, (now, before), strict=True)
    )
    half = stats.t.ppf(0.975, freedom) * math.sqrt(sum(errors))
    return difference, difference - half, difference + half


def main_label(groups: Sequence[Engagements], label: str) -> str | None:
    counts: Counter[str] = Counter()
    for group in groups:
        if getattr(group, label) and getattr(group, label).strip():
            counts[normal(getattr(group, label), label)] += group.times
    return min(counts, key=lambda name: (-counts[name], name)) if counts else None


def normal(name: str, label: str) -> str:
    return name.strip().upper() if label == "channel" else name


def latest(groups: Sequence[Engagements], attribute: str) -> Any:
    known = [group for group in groups if getattr(group, attribute) is not None]
    return getattr(min(known, key=lambda group: group.days_ago), attribute) if known else None


def window(groups: Sequence[Engagements], agent: str, first: int, end: int) -> list[Engagements]:
    return [group for group in groups if group.agent == agent and first <= group.days_ago < end]


def score(groups: Sequence[Engagements], days: int, measure: str) -> dict[str, Row]:
    """The rows of one window and measure, by agent; none where nobody has it."""
    read = [group for group in groups if 0 <= group.days_ago < 182]
    now, before = windows(read, 0, days), windows(read, days, 2 * days)
    if not any(values_of(mine, measure) for mine in now.values()):
        return {}
    return {
        agent: {
            "days_worked_count": len({group.day for group in mine}),
            "agent_name": latest([group for group in read if group.agent == agent], "name"),
            "is_bot": latest([group for group in read if group.agent == agent], "is_bot"),
            "team": main_label(mine, "team"),
            "channel_type": main_label(mine, "channel"),
            **_means(now, mine, before.get(agent, []), measure),
        }
        for agent, mine in now.items()
    }


def score_teams(groups: Sequence[Engagements], days: int, measure: str) -> dict[tuple[str | None, bool], Row]:
    """The rows of one window and measure, by team and whether these are its machines."""
    read = [group for group in groups if 0 <= group.days_ago < 182]
    now, before = (_by_team(read, windows(read, first, first + days)) for first in (0, days))
    if not any(values_of(ours, measure) for ours in now.values()):
        return {}
    rows = {}
    for team, ours in now.items():
        agents = len({group.agent for group in ours})
        rows[team] = {"agent_count": agents, **_means(now, ours, before.get(team, []), measure)}
    return rows


def windows(groups: Sequence[Engagements], first: int, end: int) -> dict[str, list[Engagements]]:
    """What each agent did from so many days ago to before so many days ago, by agents in their order."""
    found = {agent: window(groups, agent, first, end) for agent in sorted({group.agent for group in groups})}
    return {agent: mine for agent, mine in found.items() if mine}


def is_machine(groups: Sequence[Engagements], agent: str) -> bool:
    return bool(latest([group for group in groups if group.agent == agent], "is_bot"))


def _by_team(
    read: Sequence[Engagements], now: Mapping[str, list[Engagements]]
) -> dict[tuple[str | None, bool], list[Engagements]]:
    teams: dict[tuple[str | None, bool], list[Engagements]] = defaultdict(list)
    for agent, mine in now.items():
        teams[main_label(mine, "team"), is_machine(read, agent)] += mine
    return teams


def _means(
    now: Mapping[Any, list[Engagements]], mine: list[Engagements], before: list[Engagements], measure: str
) -> Row:
    own, earlier = values_of(mine, measure), values_of(before, measure)
    mean, low, high = interval(own, measure)
    change, change_low, change_high = trend(own, earlier, measure)
    return {
        "days_present_count": len({group.day for groups in now.values() for group in groups}),
        "engagement_count": sum(group.times for group in mine),
        "measure_count": len(own),
        "mean": in_unit(mean, measure),
        "mean_low": in_unit(low, measure, is_limit=True),
        "mean_high": in_unit(high, measure, is_limit=True),
        "previous_count": len(earlier),
        "previous_mean": in_unit(interval(earlier, measure)[0], measure),
        "trend": change,
        "trend_low": change_low,
        "trend_high": change_high,
    }
