"""The scorecard's plots, each a picture of figures that the tables hold; nothing is computed here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from salted_assets.output.scorecard.drawing import (
    BAD,
    BAND,
    GOOD,
    INK,
    QUIET,
    Picture,
    draw,
    draw_panels,
    mark_points,
    render,
)
from salted_assets.output.scorecard.table_cells import is_number, text_of, write_span

LINES_MAX = 36
"""The agents that a plot with a line for each can show and still be read."""

_ROW_INCHES = 0.2
_PANEL_INCHES = 0.95
_WEEK = timedelta(days=7)
_MS_PER_MINUTE = 60_000


@dataclass(frozen=True)
class FunnelLimits:
    """Limits of a mean by how many evaluations it stands on: the centre, and bounds for each count.

    `chance` holds 95 % of what chance alone does; `usual` 99.8 % of what chance and the usual differences between
    agents do.
    """

    centre: float
    counts: np.ndarray
    chance: tuple[np.ndarray, np.ndarray]
    usual: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class TrendPoint:
    """A week's mean with its interval; `last_day` is the week's end."""

    last_day: date
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class TeamTrend:
    """A team's weeks, and how many people it had in the last of them."""

    name: str
    people: int
    points: tuple[TrendPoint, ...]


def plot_caterpillar(agents: pd.DataFrame) -> Picture:
    """Agents from the lowest to the highest score, each with its interval and a tick at the mean of the group.

    Takes rows of one measure and window that have a shrunk mean; where there are more than
    `LINES_MAX`, the two ends are shown, for they are what is looked for.
    """
    rows = agents.sort_values(["shrunk_mean", "agent_name"], kind="stable").reset_index(drop=True)
    left_out = max(0, len(rows) - LINES_MAX)
    if left_out:
        half = LINES_MAX // 2
        rows = pd.concat([rows.head(half), rows.tail(half)], ignore_index=True)
    height = 1.1 + _ROW_INCHES * max(6, len(rows))
    with draw("caterpillar", height) as (figure, axes):
        heights = np.arange(len(rows))
        axes.hlines(heights, rows["shrunk_low"], rows["shrunk_high"], color=QUIET, linewidth=1.4)
        axes.vlines(rows["group_mean"], heights - 0.3, heights + 0.3, color=INK, linewidth=1.4)
        _mark_by_reliability(axes, rows, rows["shrunk_mean"], heights)
        if left_out:
            axes.axhline(len(rows) / 2 - 0.5, color=INK, linewidth=0.8, linestyle=":")
        axes.set_yticks(heights, [_short(name) for name in rows["agent_name"]], fontsize=8.5)
        axes.set_ylim(-0.8, len(rows) - 0.2)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("best guess at the score (0 to 1), 95 % interval")
        between = f"; {left_out} agents between the two halves are in the table" if left_out else ""
        description = f"Evaluation scores of {len(rows)} agents from lowest to highest with intervals{between}."
        return render(figure, "caterpillar", description, _tips(rows, "shrunk_mean", "shrunk_low", "shrunk_high"))


def plot_funnel(agents: pd.DataFrame, limits: FunnelLimits | None) -> Picture:
    """Score against the number of evaluations, with the limits of chance and of what is usual among the agents."""
    with draw("funnel", 3.2) as (figure, axes):
        if limits is not None:
            axes.fill_between(limits.counts, *limits.chance, color=BAND, linewidth=0)
            for bound in limits.usual:
                axes.plot(limits.counts, bound, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
            axes.axhline(limits.centre, color=QUIET, linewidth=1)
        _mark_by_reliability(axes, agents, agents["measure_count"], agents["mean"])
        axes.set_xlabel("evaluations of the agent")
        axes.set_ylabel("mean score (0 to 1)")
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlim(left=0)
        description = f"Mean evaluation score of {len(agents)} agents against their number of evaluations."
        ordered = _in_marked_order(agents)
        return render(figure, "funnel", description, _tips(ordered, "mean", "mean_low", "mean_high"))


def plot_handle_time(agents: pd.DataFrame) -> Picture:
    """Handle time against what the other agents needed for the same mix of cases, in minutes, both on a log scale."""
    actual = agents["mean"].to_numpy(float) / _MS_PER_MINUTE
    expected = agents["expected_mean"].to_numpy(float) / _MS_PER_MINUTE
    low, high = min(actual.min(), expected.min()) * 0.9, max(actual.max(), expected.max()) * 1.1
    with draw("handle-time", 3.9) as (figure, axes):
        axes.plot([low, high], [low, high], color=QUIET, linewidth=1)
        axes.fill_between([low, high], [low * 0.9, high * 0.9], [low * 1.1, high * 1.1], color=BAND, linewidth=0)
        _mark_by_reliability(axes, agents, expected, actual)
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            _label_minutes(axis, low, high)
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
        axes.set_xlabel("expected for the same cases, minutes")
        axes.set_ylabel("handle time, minutes")
        tips = [
            f"{row['agent_name']}: {row['mean'] / _MS_PER_MINUTE:.1f} min, expected "
            f"{row['expected_mean'] / _MS_PER_MINUTE:.1f}{_bracket(_ratio(row['ratio_to_expected']))}, "
            f"{row['measure_count']} engagements"
            for row in _records(_in_marked_order(agents))
        ]
        description = f"Handle time of {len(agents)} agents against what their mix of cases lets expect."
        return render(figure, "handle-time", description, _split_tips(agents, tips))


def plot_trend(name: str, label: str, points: Sequence[TrendPoint]) -> Picture:
    """A figure week by week with the band of its intervals."""
    with draw(f"trend-{name}", 2.3) as (figure, axes):
        _draw_line(axes, points)
        axes.set_ylabel(label)
        _mark_weeks(axes, [points])
        return render(figure, f"trend-{name}", f"{label}, {len(points)} weeks, each with its 95 % interval.")


def plot_team_trends(name: str, label: str, teams: Sequence[TeamTrend], everyone: Sequence[TrendPoint]) -> Picture:
    """A panel for each team with its figure week by week and the band of its intervals, and all people's line."""
    with draw_panels(f"teams-{name}", 0.5 + _PANEL_INCHES * len(teams), len(teams)) as (figure, panels):
        for axes, team in zip(panels, teams, strict=True):
            _draw_line(axes, everyone, is_background=True)
            _draw_line(axes, team.points)
            axes.set_title(f"{_short(team.name, 40)} ({team.people} people)", loc="left", fontsize=9, pad=3)
            axes.tick_params(labelsize=8.5)
        _mark_weeks(panels[-1], [everyone, *(team.points for team in teams)])
        figure.supylabel(label, fontsize=9.5)
        description = f"{label} of {len(teams)} teams week by week, each with its 95 % interval."
        return render(figure, f"teams-{name}", description)


def plot_leniency(reviewers: pd.DataFrame) -> Picture:
    """How much higher or lower each reviewer scores than others do for the same agents and questions."""
    rows = reviewers.sort_values(["leniency", "reviewer_name"], kind="stable").reset_index(drop=True)
    if len(rows) > LINES_MAX:
        rows = pd.concat([rows.head(LINES_MAX // 2), rows.tail(LINES_MAX // 2)], ignore_index=True)
    with draw("leniency", 1.0 + _ROW_INCHES * max(4, len(rows))) as (figure, axes):
        heights = np.arange(len(rows))
        axes.axvline(0, color=QUIET, linewidth=1)
        axes.hlines(heights, rows["leniency_low"], rows["leniency_high"], color=QUIET, linewidth=1.4)
        mark_points(axes, rows["leniency"], heights, gid="points", color=GOOD)
        axes.set_yticks(heights, [_short(name) for name in rows["reviewer_name"]], fontsize=8.5)
        axes.set_ylim(-0.8, len(rows) - 0.2)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("stricter  <  0  <  more lenient (score points)")
        tips = [
            f"{row['reviewer_name']}: {row['leniency']:+.3f}"
            f"{_bracket(write_span(row['leniency_low'], row['leniency_high'], '{:+.3f}'))}"
            for row in _records(rows)
        ]
        return render(figure, "leniency", f"Leniency of {len(rows)} reviewers with intervals.", {"points": tips})


def draw_sparkline(values: Sequence[float]) -> str:
    """A line of a few dozen pixels as SVG, short enough for the UI to show; blank for fewer than two values."""
    picture = '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="16">{}</svg>'
    finite = [value for value in values if np.isfinite(value)]
    if len(finite) < 2:  # noqa: PLR2004 - a line has two ends
        return picture.format("")
    low, span = min(finite), (max(finite) - min(finite)) or 1.0
    step = 60 / (len(finite) - 1)
    points = " ".join(f"{n * step:.0f},{14 - 12 * (value - low) / span:.0f}" for n, value in enumerate(finite))
    return picture.format(f'<polyline points="{points}" fill="none" stroke="#0072b2"/>')


def _draw_line(axes: Any, points: Sequence[TrendPoint], *, is_background: bool = False) -> None:
    """The points with their band, joined where they are a week apart: where a week is missing, so is the line."""
    days: list[date] = []
    values: list[tuple[float, float, float]] = []
    for point in points:
        if days and point.last_day - days[-1] > _WEEK:
            days.append(days[-1] + _WEEK)
            values.append((np.nan,) * 3)
        days.append(point.last_day)
        values.append((point.mean, point.low, point.high))
    mean, low, high = np.array(values).reshape(-1, 3).T
    if is_background:
        axes.plot(days, mean, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
        return
    axes.fill_between(days, low, high, color=BAND, linewidth=0)
    axes.plot(days, mean, color=GOOD, linewidth=1.8, marker="o", markersize=4)


def _mark_weeks(axes: Any, lines: Sequence[Sequence[TrendPoint]]) -> None:
    """Ticks at the ends of some of the weeks, the last one always."""
    days = sorted({point.last_day for points in lines for point in points})
    step = -(-len(days) // 6)
    marked = days[::-step]
    axes.set_xticks(marked, [f"{day:%-d %b}" for day in marked])
    axes.margins(x=0.03)


def _mark_by_reliability(axes: Any, rows: pd.DataFrame, x: Any, y: Any) -> None:
    reliable = rows["is_reliable"].fillna(value=False).to_numpy(bool)
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    mark_points(axes, x[reliable], y[reliable], gid="reliable", color=GOOD)
    mark_points(axes, x[~reliable], y[~reliable], gid="unreliable", color=BAD, is_hollow=True)


def _in_marked_order(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(_unreliable=~rows["is_reliable"].fillna(value=False).astype(bool)).sort_values(
        "_unreliable", kind="stable"
    )


def _split_tips(rows: pd.DataFrame, tips: Sequence[str]) -> dict[str, Sequence[str]]:
    count = int(rows["is_reliable"].fillna(value=False).astype(bool).sum())
    return {"reliable": tips[:count], "unreliable": tips[count:]}


def _tips(rows: pd.DataFrame, mean: str, low: str, high: str) -> dict[str, Sequence[str]]:
    ordered = _in_marked_order(rows)
    tips = [
        f"{row['agent_name']}: {row[mean]:.3f}{_bracket(write_span(row[low], row[high], '{:.3f}'))}, "
        f"{row['measure_count']} evaluations{_after_semicolon(text_of(row['not_comparable_reason']))}"
        for row in _records(ordered)
    ]
    return _split_tips(rows, tips)


def _ratio(value: Any) -> str:
    return f"{value:.2f} x" if is_number(value) else ""


def _bracket(text: str) -> str:
    return f" ({text})" if text else ""


def _after_semicolon(text: str) -> str:
    return f"; {text}" if text else ""


def _records(rows: pd.DataFrame) -> list[dict[Any, Any]]:
    return rows.to_dict("records")


def _label_minutes(axis: Any, low: float, high: float) -> None:
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter  # noqa: PLC0415 - heavy, as in `drawing`

    steps = [m for m in (0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 45, 60, 90, 120, 240, 480) if low <= m <= high]
    axis.set_major_locator(FixedLocator(steps))
    axis.set_major_formatter(FixedFormatter([f"{step:g}" for step in steps]))
    axis.set_minor_formatter(NullFormatter())


def _short(name: str, longest: int = 22) -> str:
    """The name, cut to what fits beside a plot."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
