"""The tiles at the top of the page: a few figures of everyone, and the same of each team, channel and agent.

The page's filter shows those of what is chosen. All of them are made here; the page computes nothing.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from salted_assets.output.scorecard.about import About
from salted_assets.output.scorecard.evaluations import FORM, SINGLE
from salted_assets.output.scorecard.inputs import CUSTOMER, EVALUATION
from salted_assets.output.scorecard.records import Records, keep_first
from salted_assets.output.scorecard.table_cells import (
    about_agent,
    is_number,
    write_clock,
    write_percent,
    write_percent_span,
)

AGENTS_SCORE = "fair QA score, mean of the agents"
CUSTOMERS_SCORE = "CSAT, mean of customers' surveys"


@dataclass(frozen=True)
class Tile:
    """A figure, what it is, and what stands beside it."""

    value: str
    label: str
    beside: str = ""


@dataclass(frozen=True)
class Scope:
    """The tiles of everyone, or of what it is about: a team, a type of channel, a team in one, or an agent."""

    about: About
    tiles: tuple[Tile, ...]


def build_scopes(people: Records, by_agent: Records) -> tuple[Scope, ...]:
    """The scopes, everyone first, then groups, then agents.

    Takes the window's rows of people and the sums of each agent's days. A person counts in the team and channel with
    most of the person's engagements.
    """
    agents = {row["agent_pid"]: _Person(about_agent(row), row) for row in keep_first(people, "agent_pid")}
    for row in people:
        agents[row["agent_pid"]].measures[row["measure"]] = row
    for row in by_agent:
        if row["agent_pid"] in agents:
            agents[row["agent_pid"]].sums = row
    groups: defaultdict[About, list[_Person]] = defaultdict(list)
    for person in agents.values():
        for about in {About(team=team, channel=channel) for team, channel in _list_groups(person.about)}:
            groups[about].append(person)
    everyone = groups.pop(About(), [])
    by_name = sorted(groups.items(), key=lambda each: (each[0].team, each[0].channel))
    return (
        Scope(About(), _build_tiles(everyone)),
        *(Scope(about, _build_tiles(members)) for about, members in by_name),
        *(Scope(About(person.about.agent), _build_tiles([person])) for person in agents.values()),
    )


class _Person:
    """An agent's sums and rows of measures; empty where there are none."""

    def __init__(self, about: About, row: dict[Any, Any]) -> None:
        self.about = about
        self.engagement_count = row["engagement_count"]
        self.sums: dict[Any, Any] = {}
        self.measures: dict[str, dict[Any, Any]] = {}


def _list_groups(about: About) -> Iterator[tuple[str, str]]:
    yield "", ""
    yield about.team, ""
    yield "", about.channel
    yield about.team, about.channel


def _build_tiles(people: list[_Person]) -> tuple[Tile, ...]:
    def add(name: str) -> float:
        return math.fsum(person.sums.get(name, 0) for person in people)

    engagements = int(sum(person.engagement_count for person in people))
    forms, singles = (int(add(f"{name}_count")) for name in (FORM, SINGLE))
    evaluated = add(f"{EVALUATION}_engagement_count")
    return (
        Tile(f"{len(people):,}", "agents (people) with engagements"),
        Tile(f"{engagements:,}", "engagements that count"),
        Tile(f"{forms:,}", "evaluations with a form", f"and {singles:,} single answers" if singles else ""),
        Tile(f"{evaluated / engagements:.1%}" if engagements else "-", "of engagements evaluated by reviewers"),
        _score_tile([person.measures.get(EVALUATION, {}) for person in people]),
        _handle_time_tile(add),
        _survey_tile([person.measures.get(CUSTOMER, {}) for person in people]),
    )


def _score_tile(rows: list[dict[Any, Any]]) -> Tile:
    """Of several agents the mean of their fair scores, each counted once, and from where to where best guesses go."""
    fair, guess = ([row[name] for row in rows if is_number(row.get(name))] for name in ("fair_mean", "shrunk_mean"))
    if len(rows) == 1:
        row = rows[0]
        span = write_percent_span(row.get("fair_low"), row.get("fair_high"))
        return Tile(write_percent(row.get("fair_mean")), "fair QA score", span and f"95% interval {span}")
    span = write_percent_span(min(guess), max(guess)) if len(guess) > 1 else ""
    mean = math.fsum(fair) / len(fair) if fair else None
    return Tile(write_percent(mean), AGENTS_SCORE, span and f"agents by best guess {span}")


def _handle_time_tile(add: Any) -> Tile:
    count, log_count = add("handle_time_ms_count"), add("handle_time_log_count")
    mean = add("handle_time_ms_sum") / count if count else None
    typical = math.exp(add("handle_time_log_sum") / log_count) if log_count else None
    return Tile(write_clock(mean), "handle time (AHT), mean", f"typical {write_clock(typical)}" if typical else "")


def _survey_tile(rows: Iterable[dict[Any, Any]]) -> Tile:
    known = [(row["mean"], row["measure_count"]) for row in rows if is_number(row.get("mean"))]
    count = sum(number for _, number in known)
    mean = math.fsum(mean * number for mean, number in known) / count if count else None
    return Tile(write_percent(mean), CUSTOMERS_SCORE, f"{count:,.0f} surveys" if count else "")
