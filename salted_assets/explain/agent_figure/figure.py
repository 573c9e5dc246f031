"""The published figure of one agent: plain, fair and best guess, and whether it is compared with the colleagues'."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from salted_assets.explain.agent_figure.exceptions import NotExplicable
from salted_assets.explain.agent_figure.measures import find_measure
from salted_assets.history import Footer
from salted_assets.history.score_files import read_score_day
from salted_assets.schemas.base import arrow_schema
from salted_assets.schemas.rolling_measures import RollingMeasure
from salted_assets.schemas.scores import SCORE_MODELS, WINDOWS
from salted_assets.schemas.scores.fair import FEWEST_IN_GROUP
from salted_assets.warehouse import Warehouse

ONE_DAY = 1
"""The window of a single day, whose figures are those of `scores/agent_daily`."""

PERIODS = (ONE_DAY, *WINDOWS)
"""The days that a figure can stand for."""

State = Literal["compared", "provisional", "not compared"]

_KEY = ("window_days", "agent_pid", "measure")
_PLAIN = (*_KEY, "agent_name", "team", "is_bot", "mean", "mean_low", "mean_high", "measure_count")
_GROUP = ("shrunk_mean", "shrunk_low", "shrunk_high", "shrink_weight", "group_mean")
_FAIR = (
    *(*_KEY, "fair_mean", "fair_low", "fair_high", *_GROUP, "group_count"),
    *("is_reliable", "not_comparable_reason"),
    *("anchored_count", "anchored_mean", "anchored_low", "anchored_high", "anchored_extra_count", "anchored_reason"),
)


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; limits are None where none is known."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Comparison:
    """Whether the figure is compared with those of the colleagues: `provisional` where a best guess is all there is.

    `reason` says why it is not `compared`. `group_mean` is the mean of the `group_count` people compared, and
    `kept_share` how much of the distance to it the best guess keeps; None where nothing is said of the group.
    """

    state: State
    reason: str | None
    group_mean: float | None = None
    group_count: int | None = None
    kept_share: float | None = None


@dataclass(frozen=True)
class Anchored:
    """The agent's `count` evaluations of questions in common with the auto reviewer, corrected by all auto reviews.

    Auto reviews are worth `extra_count` more evaluations by people. Where they tell nothing there is a `reason`, and
    neither of the two.
    """

    count: int
    estimate: Estimate | None
    extra_count: float | None
    reason: str | None


@dataclass(frozen=True)
class AgentFigure:
    """What was published of the agent and the measure, for the days `first_day` to `end_date`.

    `fair`, `best_guess` and `anchored` are None where there is none. `score` names the table that has the figure.
    """

    agent_pid: str
    agent_name: str
    measure: RollingMeasure
    window_days: int
    end_date: date
    count: int
    plain: Estimate
    fair: Estimate | None
    best_guess: Estimate | None
    comparison: Comparison
    published_at_utc: datetime | None
    anchored: Anchored | None = None

    @property
    def first_day(self) -> date:
        """The first of its days."""
        return date.fromordinal(self.end_date.toordinal() - self.window_days + 1)

    @property
    def score(self) -> str:
        """The table of the figure, by the last part of its key."""
        return "agent_daily" if self.window_days == ONE_DAY else "agent_rolling" if self.fair is None else "fair"

    @property
    def headline(self) -> Estimate:
        """What the scorecard shows first: the fair value, else the plain one."""
        return self.fair or self.plain


def read_figure(  # noqa: PLR0917 - whose figure of what, for which days: each has its own type
    warehouse: Warehouse,
    agent_pid: str,
    measure_name: str,
    end_date: date,
    window_days: int,
    excluded: Collection[str] = (),
) -> AgentFigure:
    """The figure as it is published now.

    What tells of a group of fewer than `FEWEST_IN_GROUP` people is left out, as on the agent's page. `excluded` are the
    AI columns that the settings leave to no person.
    Raises NotExplicable where there is none, WarehouseDamaged for a file that cannot be read.
    """
    measure = find_measure(measure_name, excluded)
    if window_days not in PERIODS:
        raise NotExplicable(f"a figure stands for {', '.join(map(str, PERIODS[:-1]))} or {PERIODS[-1]} days")
    name = "agent_daily" if window_days == ONE_DAY else "agent_rolling"
    path = warehouse.table_path(("scores", name), end_date)
    try:
        with warehouse.open_parquet(path) as file:
            published = Footer.of(file).scored_at
    except FileNotFoundError:
        raise NotExplicable(
            f"{end_date} is not scored in {warehouse.uri}; `salted backfill {end_date} {end_date}` scores it"
        ) from None
    read = _read_day if window_days == ONE_DAY else _read_window
    return read(warehouse, agent_pid, measure, end_date, window_days, published)


def _read_day(  # noqa: PLR0917 - as above
    warehouse: Warehouse,
    agent_pid: str,
    measure: RollingMeasure,
    day: date,
    window_days: int,
    published: datetime | None,
) -> AgentFigure:
    mean = f"{measure.name}_mean"
    if mean not in arrow_schema(SCORE_MODELS["agent_daily"]).names:
        raise NotExplicable(f"{measure.name} has no figure of a single day; take a window of {WINDOWS[0]} days or more")
    row = _find(
        read_score_day(warehouse, "agent_daily", day, ["agent_pid", "agent_name", mean, measure.count]),
        {"agent_pid": agent_pid},
    )
    if row is None or row[mean] is None:
        raise NotExplicable(_describe_absence(measure, day, window_days, has_row=row is not None))
    reason = "a single day is not compared with that of others"
    return AgentFigure(
        agent_pid,
        row["agent_name"] or agent_pid,
        measure,
        window_days,
        day,
        row[measure.count],
        Estimate(row[mean], None, None),
        None,
        None,
        Comparison("not compared", reason),
        published,
    )


def _read_window(  # noqa: PLR0917 - as above
    warehouse: Warehouse,
    agent_pid: str,
    measure: RollingMeasure,
    end_date: date,
    window_days: int,
    published: datetime | None,
) -> AgentFigure:
    key = {"window_days": window_days, "agent_pid": agent_pid, "measure": measure.name}
    plain = _find(read_score_day(warehouse, "agent_rolling", end_date, _PLAIN), key)
    if plain is None or plain["mean"] is None:
        raise NotExplicable(_describe_absence(measure, end_date, window_days, has_row=plain is not None))
    fair = _find(read_score_day(warehouse, "fair", end_date, _FAIR), key) or {}
    is_small = (fair.get("group_count") or 0) < FEWEST_IN_GROUP
    shown = fair | dict.fromkeys(_GROUP) if is_small else fair
    best_guess = _estimate(shown, "shrunk_mean", "shrunk")
    return AgentFigure(
        agent_pid=agent_pid,
        agent_name=plain["agent_name"] or agent_pid,
        measure=measure,
        window_days=window_days,
        end_date=end_date,
        count=plain["measure_count"],
        plain=Estimate(plain["mean"], plain["mean_low"], plain["mean_high"]),
        fair=_estimate(fair, "fair_mean", "fair"),
        best_guess=best_guess,
        comparison=_describe_comparison(fair, shown, best_guess),
        published_at_utc=published,
        anchored=_read_anchored(fair),
    )


def _find(rows: pa.Table, key: Mapping[str, Any]) -> dict[str, Any] | None:
    for name, value in key.items():
        rows = rows.filter(pc.equal(rows[name], value))
    found: list[dict[str, Any]] = rows.to_pylist()
    return found[0] if found else None


def _estimate(row: Mapping[str, Any], mean: str, limits: str) -> Estimate | None:
    value = row.get(mean)
    return None if value is None else Estimate(value, row[f"{limits}_low"], row[f"{limits}_high"])


def _read_anchored(fair: Mapping[str, Any]) -> Anchored | None:
    if fair.get("anchored_count") is None:
        return None
    count, reason = int(fair["anchored_count"]), fair["anchored_reason"]
    if reason:
        return Anchored(count, None, None, reason)
    return Anchored(count, _estimate(fair, "anchored_mean", "anchored"), fair["anchored_extra_count"], None)


def _describe_comparison(fair: Mapping[str, Any], shown: Mapping[str, Any], best_guess: Estimate | None) -> Comparison:
    if not fair:
        return Comparison("not compared", "agents are not compared by this measure")
    if best_guess is None:
        few = f"fewer than {FEWEST_IN_GROUP} people are compared with each other, so nothing is told of them"
        return Comparison("not compared", few if fair["shrunk_mean"] is not None else fair["not_comparable_reason"])
    return Comparison(
        "compared" if fair["is_reliable"] else "provisional",
        fair["not_comparable_reason"],
        shown["group_mean"],
        fair["group_count"],
        shown["shrink_weight"],
    )


def _describe_absence(measure: RollingMeasure, day: date, window_days: int, *, has_row: bool) -> str:
    when = f"on {day}" if window_days == ONE_DAY else f"in the {window_days} days to {day}"
    why = (
        f"of the {measure.unit_of_count} that it is made of there is none"
        if has_row
        else "there is no engagement that counts"
    )
    return f"no figure of {measure.name} was published of this agent {when}: {why}"
