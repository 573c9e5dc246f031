"""The fair score of measures without facets once more, in plain Python from single engagements. Not here: ranks."""

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from scipy import stats

from salted_assets_tests.support import rolling_oracle as rolling
from salted_assets_tests.support.rolling_rows import Engagements
from salted_assets_tests.support.shrinkage_oracle import Estimate, Person, shrunk, within_variance

Row = dict[str, Any]
NAN = math.nan

Days = list[list[float]]
"""An agent's values, a list for each day that has any; of several evaluations of an engagement their mean."""


def score(groups: Sequence[Engagements], days: int, measure: str, min_count: int) -> dict[str, Row]:
    """The rows of one window and measure, by agent; none where nobody has it."""
    read = [group for group in groups if 0 <= group.days_ago < 182]
    now = rolling.windows(read, 0, days)
    by_day = {agent: days_of(mine, measure) for agent, mine in now.items()}
    if not any(by_day.values()):
        return {}
    kinds = {
        agent: (rolling.main_label(mine, "channel"), rolling.is_machine(read, agent)) for agent, mine in now.items()
    }
    names = sorted(set(kinds.values()), key=str)
    effects: dict[str, float] = {}
    freedoms: dict[Any, int] = {}
    for kind in names:
        effects |= design_effects({agent: by_day[agent] for agent in now if kinds[agent] == kind})
        freedoms[kind] = freedom([by_day[agent] for agent in now if kinds[agent] == kind])
    people = [
        Person(
            names.index(kinds[agent]),
            flat(by_day[agent]),
            effects[agent] * rolling.size_effect(now[agent], measure),
            rolling.values_of(now[agent], measure),
        )
        for agent in now
    ]
    return {
        agent: {
            "channel_type": kinds[agent][0],
            **_plain(people, index, freedoms[kinds[agent]], measure),
            **_beside_others(people, index, min_count, measure),
        }
        for index, agent in enumerate(now)
    }


def days_of(mine: Sequence[Engagements], measure: str) -> Days:
    """An agent's values by day."""
    found: dict[int, list[float]] = defaultdict(list)
    for group in mine:
        found[group.days_ago] += rolling.units_of([group], measure)
    return [values for values in found.values() if values]


def flat(by_day: Days) -> list[float]:
    return [value for values in by_day for value in values]


def freedom(people: Sequence[Days]) -> int:
    """What the pooled variance of these people rests on."""
    known = [person for person in people if person]
    agent_days = sum(map(len, known))
    own = sum(len(flat(person)) - 1 for person in known)
    return min(own, agent_days - len(known)) if agent_days > len(known) else own


def design_effects(people: dict[str, Days]) -> dict[str, float]:
    """Of the agents of one group, by the analysis of variance of days within agents."""
    known = [person for person in people.values() if person]
    agent_days = sum(map(len, known))
    values = sum(len(flat(person)) for person in known)
    correlation = 0.0
    if agent_days > len(known) and values > agent_days:
        of_days = within_days = 0.0
        size = float(values)
        for person in known:
            own = statistics.fmean(flat(person))
            size -= sum(len(day) ** 2 for day in person) / len(flat(person))
            for day in person:
                mean = statistics.fmean(day)
                of_days += len(day) * (mean - own) ** 2
                within_days += math.fsum((value - mean) ** 2 for value in day)
        within = within_days / (values - agent_days)
        size /= agent_days - len(known)
        between = max(0.0, (of_days / (agent_days - len(known)) - within) / size) if size > 0 else 0.0
        correlation = between / (between + within) if between + within > 1e-15 else 0.0
    return {
        agent: max(1.0, 1 + correlation * (sum(len(day) ** 2 for day in person) / len(flat(person)) - 1))
        if person
        else 1.0
        for agent, person in people.items()
    }


def _plain(people: list[Person], index: int, free: int, measure: str) -> Row:
    person = people[index]
    if not person.count:
        return {"measure_count": 0, "effective_count": 0.0, "fair_mean": NAN, "fair_low": NAN, "fair_high": NAN}
    group = [other for other in people if other.group == person.group and other.count]
    n = person.count / person.design_effect
    factor = 1.959963984540054**2
    own = sum(other.count - 1 for other in group)
    if not measure.endswith("_ratio") and own and (within := within_variance(group)):
        of_shares = math.fsum(
            (other.count - 1) * (other.mean * (1 - other.mean) + within / other.count) for other in group
        )
        dispersion = min(1.0, (within * own + 0.25) / (of_shares + 0.25))
        own_t = stats.t.ppf(0.975, own)
        factor = min(own_t**2 * dispersion, factor) * (stats.t.ppf(0.975, free) / own_t) ** 2
    per_unit = factor / n
    half = math.sqrt(per_unit * max(person.centre * (1 - person.centre), 0) + per_unit**2 / 4)
    low, high = ((person.centre + per_unit / 2 + sign * half) / (1 + per_unit) for sign in (-1, 1))
    return {
        "measure_count": len(person.given),
        "effective_count": n,
        "fair_mean": person.centre,
        "fair_low": min(max(low, 0.0), person.centre),
        "fair_high": max(min(high, 1.0), person.centre),
    }


def _beside_others(people: list[Person], index: int, min_count: int, measure: str) -> Row:
    person = people[index]
    members = [other for other in people if other.group == person.group and len(other.given) >= min_count]
    found = shrunk(people, index, min_count) or Estimate(NAN, NAN, NAN, NAN, NAN)
    reason = None
    if not person.count:
        reason = f"no {units(measure)} in the window"
    elif len(person.given) < min_count:
        reason = f"fewer than {min_count} {units(measure)}"
    elif len(members) < 6:
        reason = f"fewer than 6 people with {min_count} {units(measure)} whom common questions or work connect"
    elif math.isnan(found.value):
        reason = f"{units(measure)} of one agent never differ"
    needed = NAN
    if measure.startswith("evaluation") and members and (variance := within_variance_of(members)) > 1e-12:
        needed = next(n for n in range(2, 10**6) if stats.t.ppf(0.975, n - 1) * math.sqrt(variance / n) <= 0.05)
    return {
        "shrunk_mean": found.value,
        "shrunk_low": min(max(found.value - found.half_width, 0.0), 1.0) if found.value == found.value else NAN,
        "reliability_ratio": found.reliability,
        "shrink_weight": found.weight,
        "group_count": len(members),
        "group_mean": found.group_mean,
        "evaluations_needed_count": needed,
        "reason": reason,
    }


def within_variance_of(members: Sequence[Person]) -> float:
    given = [Person(member.group, member.given) for member in members if len(member.given) > 1]
    return within_variance(given) if given else 0.0


def units(measure: str) -> str:
    return "engagements" if measure.endswith("_ratio") else "evaluations"
