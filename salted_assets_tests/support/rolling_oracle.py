"""Windows once more in plain Python, from single engagements: no sums, no SQL, none of the code under test."""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scipy import stats

from salted_assets_tests.support.dependence_oracle import expected_dependence, expected_interval, score_limits
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


def units_of(groups: Sequence[Engagements], measure: str) -> list[float]:
    """The values, or where an engagement can have several their mean for each engagement."""
    if not is_bounded(measure):
        return values_of(groups, measure)
    each = [(group.times, values_of([replace(group, times=1)], measure)) for group in groups]
    return [math.fsum(values) / len(values) for times, values in each if values for _ in range(times)]


def is_bounded(measure: str) -> bool:
    return measure.startswith("evaluation") and not measure.endswith("_ratio")


def by_day(groups: Sequence[Engagements], measure: str) -> list[list[float]]:
    """The units, a list for each day that has any."""
    found: dict[int, list[float]] = defaultdict(list)
    for group in groups:
        found[group.days_ago] += units_of([group], measure)
    return [values for values in found.values() if values]


@dataclass(frozen=True)
class Sample:
    """Somebody's engagements, those of all whose spread is pooled (own ones included), and what widens limits."""

    own: Sequence[Engagements]
    pool: Sequence[Sequence[Engagements]]
    effect: float
    freedom: float


def sample(own: Sequence[Engagements], pool: Sequence[Sequence[Engagements]], measure: str) -> Sample:
    effect, freedom = expected_dependence([by_day(each, measure) for each in pool], by_day(own, measure))
    return Sample(own, pool, effect * size_effect(own, measure), freedom)


def size_effect(groups: Sequence[Engagements], measure: str) -> float:
    """What engagements that count more in the mean, for they have several evaluations, widen it by."""
    if not is_bounded(measure):
        return 1.0
    sizes = [
        size for group in groups if (size := len(VALUES[str(MEASURES[measure])](group))) for _ in range(group.times)
    ]
    return len(sizes) * sum(size**2 for size in sizes) / sum(sizes) ** 2 if sizes else 1.0


def interval(given: Sample, measure: str) -> tuple[float, float, float]:
    """The mean and its limits, on the scale of the values."""
    values, units = values_of(given.own, measure), units_of(given.own, measure)
    if not values:
        return NAN, NAN, NAN
    mean, n = math.fsum(values) / len(values), len(units)
    if measure.endswith("_ratio"):
        low, high = score_limits(mean, stats.norm.ppf(0.975) ** 2 * given.effect / n)
        return mean, low, high
    if is_bounded(measure):
        people = [by_day(each, measure) for each in given.pool]
        limits = expected_interval(people, by_day(given.own, measure), given.freedom, given.effect, mean)
        return mean, min(limits[0], mean), max(limits[1], mean)
    if len(set(values)) < 2:
        return mean, NAN, NAN
    half = stats.t.ppf(0.975, n - 1) * statistics.stdev(values) * math.sqrt(given.effect / n)
    return mean, mean - half, mean + half


def in_unit(value: float, measure: str, *, is_limit: bool = False) -> float:
    if measure == "handle_time_geometric_ms":
        value = math.exp(value)
    if not is_limit or math.isnan(value):
        return value
    if measure.startswith("evaluation") or measure.endswith("_ratio"):
        return min(max(value, 0.0), 1.0)
    return max(value, 0.0) if measure.endswith("_ms") else value


def trend(now: Sample, before: Sample, measure: str) -> tuple[float, float, float]:
    own = [values_of(each.own, measure) for each in (now, before)]
    if not all(own):
        return NAN, NAN, NAN
    first, second = interval(now, measure), interval(before, measure)
    if measure == "handle_time_geometric_ms" or measure.endswith("_ratio") or is_bounded(measure):
        a, b = ([in_unit(value, measure) for value in each] for each in (first, second))
        difference = a[0] - b[0]
        return (
            difference,
            difference - math.hypot(a[0] - a[1], b[2] - b[0]),
            difference + math.hypot(a[2] - a[0], b[0] - b[1]),
        )
    difference = first[0] - second[0]
    if min(map(len, own)) < 2 or sum(len(set(values)) for values in own) == 2:
        return difference, NAN, NAN
    errors = [
        each.effect * statistics.variance(values) / len(values) for each, values in zip((now, before), own, strict=True)
    ]
    freedom = sum(errors) ** 2 / sum(error**2 / (len(values) - 1) for error, values in zip(errors, own, strict=True))
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
    kinds = {agent: (main_label(mine, "channel"), is_machine(read, agent)) for agent, mine in now.items()}

    def samples(agent: str) -> tuple[Sample, Sample]:
        alike = [other for other in now if kinds[other] == kinds[agent]]
        current, earlier = (
            sample(each.get(agent, []), [each.get(other, []) for other in alike], measure) for each in (now, before)
        )
        return current, earlier

    return {
        agent: {
            "days_worked_count": len({group.day for group in mine}),
            "agent_name": latest([group for group in read if group.agent == agent], "name"),
            "is_bot": latest([group for group in read if group.agent == agent], "is_bot"),
            "team": main_label(mine, "team"),
            "channel_type": kinds[agent][0],
            **_means(now, *samples(agent), measure),
        }
        for agent, mine in now.items()
    }


def score_teams(groups: Sequence[Engagements], days: int, measure: str) -> dict[tuple[str | None, bool], Row]:
    """The rows of one window and measure, by team and whether these are its machines."""
    read = [group for group in groups if 0 <= group.days_ago < 182]
    agents_now, agents_before = windows(read, 0, days), windows(read, days, 2 * days)
    now, before = (_by_team(read, agents) for agents in (agents_now, agents_before))
    if not any(values_of(ours, measure) for ours in now.values()):
        return {}
    rows = {}
    for team, ours in now.items():
        agents = len({group.agent for group in ours})
        current, earlier = (
            _team_sample(
                read, by_agent, [teams.get(other, []) for other in now if other[1] == team[1]], theirs, measure
            )
            for by_agent, teams, theirs in (
                (agents_now, now, ours),
                (agents_before, before, before.get(team, [])),
            )
        )
        rows[team] = {"agent_count": agents, **_means(now, current, earlier, measure)}
    return rows


def _team_sample(
    read: Sequence[Engagements],
    by_agent: Mapping[str, list[Engagements]],
    pool: Sequence[Sequence[Engagements]],
    own: Sequence[Engagements],
    measure: str,
) -> Sample:
    """The team's design effect of days is the mean of its agents', by their units: they are alike within an agent."""
    names = {group.agent for group in own} or {group.agent for team in pool for group in team}
    is_bot = is_machine(read, min(names)) if names else False
    alike = [mine for agent, mine in by_agent.items() if is_machine(read, agent) == is_bot]
    members = [sample(mine, alike, measure) for agent, mine in by_agent.items() if agent in {g.agent for g in own}]
    counts = [len(units_of(member.own, measure)) for member in members]
    of_days = [member.effect / size_effect(member.own, measure) for member in members]
    total = math.fsum(count * effect for count, effect in zip(counts, of_days, strict=True))
    effect = (total / sum(counts) if sum(counts) else 1.0) * size_effect(own, measure)
    return Sample(own, pool, effect, sample([], alike, measure).freedom)


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


def _means(now: Mapping[Any, list[Engagements]], current: Sample, earlier: Sample, measure: str) -> Row:
    mean, low, high = interval(current, measure)
    change, change_low, change_high = trend(current, earlier, measure)
    return {
        "days_present_count": len({group.day for groups in now.values() for group in groups}),
        "engagement_count": sum(group.times for group in current.own),
        "measure_count": len(values_of(current.own, measure)),
        "mean": in_unit(mean, measure),
        "mean_low": in_unit(low, measure, is_limit=True),
        "mean_high": in_unit(high, measure, is_limit=True),
        "previous_count": len(values_of(earlier.own, measure)),
        "previous_mean": in_unit(interval(earlier, measure)[0], measure),
        "trend": change,
        "trend_low": change_low,
        "trend_high": change_high,
    }
