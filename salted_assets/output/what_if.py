"""Scores made by other settings beside the present ones: who changes, by how much, and who stands elsewhere."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.explain.shapley import share
from salted_assets.output.scorecard.comparison import describe_state, only_people, with_sides
from salted_assets.output.scorecard.records import list_records
from salted_assets.output.scorecard.table_cells import is_number, is_true, text_of
from salted_assets.output.scorecard.team_level import list_shown_teams
from salted_assets.schemas.rolling_measures import RollingMeasure, Scale

NAMES = ("agent_rolling", "fair")
"""The scores of windows that are compared."""

Tables: TypeAlias = Mapping[frozenset[str], Mapping[str, pa.Table]]
"""Rows of `NAMES` by the settings that were changed for them; those of no change are the present ones."""

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Standing:
    """How an agent or team stands: the figures, whether they are compared, where they stand, and the alarm of change.

    `state` is below, above, perhaps either, or empty. Of a team there is the plain mean alone.
    """

    plain: float | None
    count: int
    fair: float | None = None
    best_guess: float | None = None
    is_compared: bool = False
    reason: str = ""
    state: str = ""
    alarm: str = ""


@dataclass(frozen=True)
class Change:
    """One agent or team, now and with the other settings; `shares` is what each setting adds to `difference`."""

    pid: str
    name: str
    team: str
    now: Standing
    then: Standing
    shares: Mapping[str, float]

    @property
    def difference(self) -> float:
        """By how much the fair mean changes, or the plain mean where either has no fair one; 0 where there is none."""
        if self.figures is None:
            return 0.0
        new, old = self.figures
        return 0.0 if abs(new - old) <= _ROUNDING * max(abs(new), 1.0) else new - old

    @property
    def figures(self) -> tuple[float, float] | None:
        """The figure with the other settings, and as it is now: the fair mean where both have one, else the plain."""
        pairs = (self.then.fair, self.now.fair), (self.then.plain, self.now.plain)
        return next(((new, old) for new, old in pairs if new is not None and old is not None), None)


def compare_scores(tables: Tables, measure: RollingMeasure, window_days: int, *, by_team: bool) -> list[Change]:
    """Every person who has the measure in the window in either version, the greatest difference first.

    With `by_team` the teams that are shown where single people are not, by the mean of their people's values. Nobody
    gives an empty list. Where several settings changed and all their combinations are in `tables`, `shares` splits the
    difference between them (Shapley).
    """
    standings = {settings: _read(rows, measure, window_days, by_team=by_team) for settings, rows in tables.items()}
    now, then = standings[frozenset()], standings[max(standings, key=len)]
    changes = [_compare(pid, standings, now, then) for pid in sorted(now.keys() | then.keys())]
    return sorted(changes, key=lambda change: (-abs(change.difference), change.name, change.pid))


_Row: TypeAlias = tuple[str, str, Standing]


def _compare(
    pid: str, standings: Mapping[frozenset[str], Mapping[str, _Row]], now: Mapping[str, _Row], then: Mapping[str, _Row]
) -> Change:
    nobody = ("", "", Standing(None, 0))
    name, team, _ = now.get(pid) or then[pid]
    change = Change(pid, name, team, now.get(pid, nobody)[2], then.get(pid, nobody)[2], {})
    settings = max(standings, key=len)
    if len(settings) < 2 or len(standings) < 2 ** len(settings):  # noqa: PLR2004 - one setting has nothing to share
        return change
    each = {chosen: rows.get(pid, nobody)[2] for chosen, rows in standings.items()}
    figure = "fair" if change.now.fair is not None and change.then.fair is not None else "plain"
    values = {chosen: getattr(said, figure) for chosen, said in each.items()}
    if any(value is None for value in values.values()):
        return change
    return Change(pid, name, team, change.now, change.then, share(sorted(settings), lambda chosen: values[chosen]))


def _read(rows: Mapping[str, pa.Table], measure: RollingMeasure, window_days: int, *, by_team: bool) -> dict[str, _Row]:
    plain, fair = (only_people(_choose(rows[name], measure.name, window_days)) for name in NAMES)
    if by_team:
        return dict(_read_teams(plain, is_geometric=measure.scale is Scale.LOG))
    compared = {row["agent_pid"]: row for row in with_sides(list_records(fair))}
    return {row["agent_pid"]: _read_agent(row, compared.get(row["agent_pid"], {})) for row in list_records(plain)}


def _choose(rows: pa.Table, measure: str, window_days: int) -> pd.DataFrame:
    is_asked = pc.and_(pc.equal(rows["measure"], measure), pc.equal(rows["window_days"], window_days))
    chosen: pd.DataFrame = rows.filter(is_asked).to_pandas()
    return chosen


def _read_agent(plain: Mapping[Any, Any], fair: dict[Any, Any]) -> _Row:
    standing = Standing(
        plain=_number(plain["mean"]),
        count=int(plain["measure_count"]),
        fair=_number(fair.get("fair_mean")),
        best_guess=_number(fair.get("shrunk_mean")),
        is_compared=is_true(fair.get("is_reliable")),
        reason=text_of(fair.get("not_comparable_reason")),
        state=describe_state(fair),
        alarm=text_of(fair.get("change_direction")),
    )
    return text_of(plain["agent_name"]), text_of(plain["team"]), standing


def _read_teams(people: pd.DataFrame, *, is_geometric: bool) -> Iterator[tuple[str, _Row]]:
    """Teams of several people who have a value: one who has none hides nobody."""
    known = people[people["measure_count"] > 0]
    team_of = known.set_index("agent_pid")["team"].dropna()
    for team in sorted(list_shown_teams(team_of, len(known))):
        own = known[known["team"] == team]
        values = np.log(own["mean"]) if is_geometric else own["mean"]
        mean = float(np.average(values, weights=own["measure_count"]))
        yield team, (team, team, Standing(math.exp(mean) if is_geometric else mean, int(own["measure_count"].sum())))


def _number(value: Any) -> float | None:
    return float(value) if is_number(value) else None
