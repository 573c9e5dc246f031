"""By how much each cause moved a figure: pure functions of the rows that replacements changed.

A mean moves by [sum over what was added (s - m0) - over what was removed (s - m0) + over what changed (s1 - s0)] / n1.
Causes that act on one unit at once share its part by Shapley values.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from itertools import pairwise

from salted_assets.explain.explanation import PROGRAM_CHANGED, UNSPLIT, CausePart, rule_cause
from salted_assets.explain.kept_row import KeptRow, Values
from salted_assets.explain.shapley import share
from salted_assets.explain.units import Counted, Total
from salted_assets.schemas.row_change import AFTER, BEFORE, PROGRAM, rule_state


class Kind(Enum):
    """What a figure is of the units that it counts."""

    MEAN = "mean"
    GEOMETRIC_MEAN = "geometric mean"
    COUNT = "count"
    SUM = "sum"

    def figure(self, total: Total) -> float | None:
        """The figure of a total; None for a mean of nothing."""
        if self is Kind.COUNT:
            return total.count
        if self is Kind.SUM:
            return total.sum
        if total.count <= 0:
            return None
        mean = total.sum / total.count
        return math.exp(mean) if self is Kind.GEOMETRIC_MEAN else mean


@dataclass(frozen=True)
class Replacement:
    """The rows that one replacement of a day's answers or engagements changed.

    `settings` are those that were set otherwise. `is_split` says whether rows have the states by the new program and
    settings; None where both stayed the same, False where these states are not known.
    """

    rows: tuple[KeptRow, ...]
    replaced_at: datetime
    settings: tuple[str, ...] = ()
    is_split: bool | None = None


@dataclass
class Effect:
    """What one cause did to a total, through which rows."""

    sums: list[float] = field(default_factory=list)
    counts: list[float] = field(default_factory=list)
    engagement_pids: set[str] = field(default_factory=set)
    row_count: int = 0

    @property
    def total(self) -> Total:
        """What was added."""
        return Total(math.fsum(self.sums), math.fsum(self.counts))


Effects = Mapping[str, Effect]
"""By cause."""


def find_effects(replacement: Replacement, counted: Counted, agent_pid: str) -> list[Effects]:
    """What each cause did to the agent's total: of the program, then of the rule, then of the data.

    Where the states between are not known, all of it is one cause, `UNSPLIT`.
    """
    rows = replacement.rows
    if replacement.is_split is False:
        return [_find_joint(rows, counted, agent_pid, (BEFORE, AFTER), UNSPLIT)]
    if replacement.is_split is None:
        return [_find_data(rows, counted, agent_pid, BEFORE)]
    ruled = rule_state(replacement.settings)
    return [
        _find_joint(rows, counted, agent_pid, (BEFORE, PROGRAM), PROGRAM_CHANGED),
        _find_rule(rows, counted, agent_pid, replacement.settings),
        _find_data(rows, counted, agent_pid, ruled),
    ]


def to_parts(kind: Kind, start: Total, stages: Sequence[Effects]) -> list[CausePart]:
    """The parts of the figure's change from `start` by stages that follow each other; they add up to it.

    Where there is nothing to average at the start or at the end, there are no points.
    """
    totals = [start]
    for effects in stages:
        totals.append(total_after(totals[-1], [effects]))
    is_mean = kind in {Kind.MEAN, Kind.GEOMETRIC_MEAN}
    if is_mean and min(totals[0].count, totals[-1].count) <= 0:
        return [_build_part(cause, None, effect) for effects in stages for cause, effect in effects.items()]
    # a mean that is none in between is not gone through
    bounds = (
        list(pairwise(totals)) if min(total.count for total in totals) > 0 else [(totals[0], totals[-1])] * len(stages)
    )
    scale = 1.0
    if kind is Kind.GEOMETRIC_MEAN:
        scale = logarithmic_mean(*(total.sum / total.count for total in (totals[0], totals[-1])))
    return [
        _build_part(cause, None if cause == UNSPLIT else scale * _move(kind, effect.total, *ends), effect)
        for effects, ends in zip(stages, bounds, strict=True)
        for cause, effect in effects.items()
    ]


def _build_part(cause: str, points: float | None, effect: Effect) -> CausePart:
    return CausePart(cause, points, tuple(sorted(effect.engagement_pids)), effect.row_count)


def _move(kind: Kind, added: Total, start: Total, end: Total) -> float:
    if kind is Kind.COUNT:
        return added.count
    if kind is Kind.SUM:
        return added.sum
    return (added.sum - start.sum / start.count * added.count) / end.count


def logarithmic_mean(before: float, after: float) -> float:
    """What turns a difference of logarithms into one of the values; both are given by their logarithms.

    >>> round(logarithmic_mean(0.0, math.log(2)) * math.log(2), 9)
    1.0
    """
    return math.exp(before) if before == after else (math.exp(after) - math.exp(before)) / (after - before)


def _add(start: Total, added: Iterable[Total]) -> Total:
    parts = [start, *added]
    return Total(math.fsum(part.sum for part in parts), math.fsum(part.count for part in parts))


def _find_data(rows: Sequence[KeptRow], counted: Counted, agent_pid: str, start: str) -> Effects:
    causes = {row.number: row.find_causes(start) for row in rows}
    effects: defaultdict[str, Effect] = defaultdict(Effect)
    for unit, own in _group(rows, counted, (start, AFTER)):

        def total_of(there: frozenset[str], unit: Hashable = unit, own: Sequence[KeptRow] = own) -> Total:
            return _sum_unit((row.mix(there, start) for row in own), counted, unit, agent_pid)

        players = frozenset[str]().union(*(causes[row.number] for row in own))
        for cause in _add_unit(effects, players, total_of):
            _note_rows(effects[cause], [row for row in own if cause in causes[row.number]])
    return effects


def _find_rule(rows: Sequence[KeptRow], counted: Counted, agent_pid: str, settings: Sequence[str]) -> Effects:
    known = {state for row in rows for state in row.states}
    is_each_known = len(settings) > 1 and all(rule_state([setting]) in known for setting in settings)
    if not is_each_known:
        return _find_joint(rows, counted, agent_pid, (PROGRAM, rule_state(settings)), rule_cause(*settings))
    effects: defaultdict[str, Effect] = defaultdict(Effect)
    for unit, own in _group(rows, counted, sorted(known)):

        def total_of(there: frozenset[str], unit: Hashable = unit, own: Sequence[KeptRow] = own) -> Total:
            state = rule_state(sorted(there))
            return _sum_unit((row.states.get(state) for row in own), counted, unit, agent_pid)

        of_settings: defaultdict[str, Effect] = defaultdict(Effect)
        for setting in _add_unit(of_settings, frozenset(settings), total_of):
            effect = effects[rule_cause(setting)]
            effect.sums += of_settings[setting].sums
            effect.counts += of_settings[setting].counts
            _note_rows(effect, own)
    return effects


def _find_joint(
    rows: Sequence[KeptRow], counted: Counted, agent_pid: str, states: tuple[str, str], cause: str
) -> Effects:
    """All differences between two states as one cause; nothing where there is none."""
    effect = Effect()
    for unit, own in _group(rows, counted, states):
        before, after = (
            _sum_unit((row.states.get(state) for row in own), counted, unit, agent_pid) for state in states
        )
        if before != after:
            effect.sums.append(after.sum - before.sum)
            effect.counts.append(after.count - before.count)
            _note_rows(effect, own)
    return {cause: effect} if effect.sums else {}


def _group(
    rows: Sequence[KeptRow], counted: Counted, states: Sequence[str]
) -> Iterator[tuple[Hashable, list[KeptRow]]]:
    """The units that rows are part of in one of the states, each with its rows."""
    if counted.unit is None:
        yield from ((None, [row]) for row in rows)
        return
    units: defaultdict[Hashable, list[KeptRow]] = defaultdict(list)
    for row in rows:
        for unit in {counted.unit(row.states[state]) for state in states if state in row.states}:
            units[unit].append(row)
    yield from units.items()


def _sum_unit(rows: Iterable[Values | None], counted: Counted, unit: Hashable, agent_pid: str) -> Total:
    if counted.unit is None:
        return counted.sum_up(rows, agent_pid)
    is_of_unit = counted.unit
    return counted.sum_up((row for row in rows if row is not None and is_of_unit(row) == unit), agent_pid)


def _add_unit(
    effects: defaultdict[str, Effect], players: frozenset[str], total_of: Callable[[frozenset[str]], Total]
) -> list[str]:
    """Add each player's share in the unit's total; gives those that make a difference with some of the others."""
    known: dict[frozenset[str], Total] = {}

    def look_up(there: frozenset[str]) -> Total:
        if there not in known:
            known[there] = total_of(there)
        return known[there]

    sums = share(sorted(players), lambda there: look_up(there).sum)
    counts = share(sorted(players), lambda there: look_up(there).count)
    moving = [player for player in sorted(players) if any(known[there] != known[there - {player}] for there in known)]
    for player in moving:
        effects[player].sums.append(sums[player])
        effects[player].counts.append(counts[player])
    return moving


def _note_rows(effect: Effect, rows: Iterable[KeptRow]) -> None:
    for row in rows:
        effect.engagement_pids |= row.engagement_pids
        effect.row_count += 1


def total_after(start: Total, stages: Iterable[Effects]) -> Total:
    """The total after these stages, by that before them."""
    return _add(start, (effect.total for effects in stages for effect in effects.values()))


def total_before(end: Total, stages: Iterable[Effects]) -> Total:
    """The total before these stages, by that after them."""
    undone = [effect.total for effects in stages for effect in effects.values()]
    return _add(end, (Total(-total.sum, -total.count) for total in undone)) if undone else end
